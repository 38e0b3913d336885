-- Grain: one row per batch that is authorized, or that somebody told iyzico to authorize and that was not refused.
-- Question: who had it paid, when, and which digest did approvals need?
-- `sent_at` is when the ledger kept the intent, just before the request was sent. It is NULL if somebody authorized the batch in
-- iyzico's panel. `authorized_at` is the same moment, or when the ledger learned of it. It is NULL while nobody knows whether iyzico
-- was told. A task did it, or a person. `version` is the version of the batch in its events. Moments are in UTC.
SELECT
    way.environment,
    way.account,
    way.external_id,
    CASE WHEN event.after = 'auth_sent' THEN event.happened_at END AS sent_at,
    CASE WHEN way.authorized IS NOT NULL THEN event.happened_at END AS authorized_at,
    event.dag_id,
    event.task_id,
    event.run_id,
    event.person,
    event.triggered_by,
    event.version,
    event.approval_digest
FROM (
    SELECT
        step.environment,
        step.account,
        step.external_id,
        max(CASE WHEN step.after = 'auth_sent' THEN step.version END) AS sent,
        max(CASE WHEN step.after = 'initiated' THEN step.version END) AS refused,
        min(CASE WHEN step.after = 'authorized' THEN step.version END) AS authorized
    FROM iyzico_payout_event AS step
    WHERE step.kind = 'state'
    GROUP BY step.environment, step.account, step.external_id
) AS way
JOIN iyzico_payout_event AS event
    ON event.environment = way.environment
    AND event.account = way.account
    AND event.external_id = way.external_id
    AND event.version = CASE WHEN way.sent > COALESCE(way.refused, 0) THEN way.sent ELSE way.authorized END
WHERE event.kind = 'state'
