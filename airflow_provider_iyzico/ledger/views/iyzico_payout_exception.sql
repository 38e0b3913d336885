-- Grain: one row per thing that needs a person.
-- Question: what must somebody look at, since when, and how much money is it about?
-- `kind` is one of
--     item_failed           the recipient did not get the money, and it has not come back
--     deposit_failed        the same, but the money does not come back by itself
--     item_status_unknown   nobody documented the item's status
--     batch_status_unknown  nobody documented the status of a batch that is not over
--     batch_unknown         a request was sent, and nobody knows what came of it
--     batch_overdue         a request is under way, and its deadline is over
--     batch_unanswered      an authorization was once not answered: a person permits another one, or cancels
--     batch_stopped         iyzico says that the batch does not go on, and items have not gone out
--     batch_hold_old        money was set aside more than 24 hours ago for a batch that was not sent to be paid
--     plain_hold_old        the same, for a payout that other code makes
-- `detail` is the status or the state that says so. `since` is in UTC. `amount` is in major units: of the item, of all items of the
-- batch that are neither paid nor back on the balance, or of the hold. An item that is out stays after a person has ended its batch.
SELECT
    found.environment,
    found.account,
    found.currency,
    found.external_id,
    found.item_external_id,
    found.kind,
    found.detail,
    found.since,
    $hours[found.since; $now] AS age_hours,
    found.amount
FROM (
    SELECT
        item.environment,
        item.account,
        batch.currency,
        item.external_id,
        item.item_external_id,
        $item_exception[item.status] AS kind,
        item.status AS detail,
        item.status_at AS since,
        item.amount
    FROM iyzico_payout_item AS item
    JOIN iyzico_payout AS batch
        ON batch.environment = item.environment
        AND batch.account = item.account
        AND batch.external_id = item.external_id
    UNION ALL
    SELECT
        batch.environment,
        batch.account,
        batch.currency,
        batch.external_id,
        NULL AS item_external_id,
        batch.kind,
        CASE WHEN batch.kind IN ('batch_stopped', 'batch_status_unknown') THEN batch.iyzico_status ELSE batch.state END AS detail,
        COALESCE(batch.since, (
            SELECT max(event.happened_at)
            FROM iyzico_payout_event AS event
            WHERE event.environment = batch.environment
                AND event.account = batch.account
                AND event.external_id = batch.external_id
                AND (
                    (batch.kind = 'batch_unknown' AND event.kind = 'state' AND event.after = batch.state)
                    OR (
                        batch.kind <> 'batch_unknown' AND event.kind = 'read'
                        AND $exact[event.after] = $exact[batch.iyzico_status]
                        AND $exact[COALESCE(event.before, '')] <> $exact[event.after]
                    )
                )
        ), batch.changed_at) AS since,
        batch.outstanding AS amount
    FROM (
        SELECT
            payout.environment,
            payout.account,
            payout.currency,
            payout.external_id,
            payout.state,
            payout.iyzico_status,
            payout.changed_at,
            CASE
                WHEN kinds.kind = 'batch_status_unknown' THEN
                    CASE WHEN payout.state NOT IN ('ended', 'cancelled') AND NOT $documented[payout.iyzico_status] THEN kinds.kind END
                WHEN payout.state IN ($unknown_states) THEN 'batch_unknown'
                WHEN payout.state IN ($sent_states) AND payout.deadline_at < $now THEN 'batch_overdue'
                WHEN payout.state = 'initiated' AND payout.auth_unanswered_at IS NOT NULL THEN 'batch_unanswered'
                WHEN payout.state = 'authorized' AND $stopped[payout.iyzico_status]
                    AND items.under_way > 0 AND items.under_way = items.not_gone THEN 'batch_stopped'
            END AS kind,
            CASE
                WHEN kinds.kind = 'batch_status_unknown' THEN NULL
                WHEN payout.state IN ($sent_states) THEN payout.deadline_at
                WHEN payout.state = 'initiated' THEN payout.auth_unanswered_at
            END AS since,
            items.outstanding
        FROM iyzico_payout AS payout
        -- A batch may be here twice: by its status, and by its state.
        CROSS JOIN (SELECT 'batch_status_unknown' AS kind UNION ALL SELECT 'batch' AS kind) AS kinds
        LEFT JOIN (
            SELECT
                item.environment,
                item.account,
                item.external_id,
                $sum_of[item.meaning IN ('waiting', 'out', 'unknown'); item.amount] AS outstanding,
                $count_of[item.meaning IN ('waiting', 'unknown')] AS under_way,
                $count_of[$not_gone[item.status]] AS not_gone
            FROM (
                SELECT
                    one.environment,
                    one.account,
                    one.external_id,
                    one.status,
                    one.amount,
                    $meaning[one.status] AS meaning
                FROM iyzico_payout_item AS one
            ) AS item
            GROUP BY item.environment, item.account, item.external_id
        ) AS items
            ON items.environment = payout.environment
            AND items.account = payout.account
            AND items.external_id = payout.external_id
    ) AS batch
    WHERE batch.kind IS NOT NULL
    UNION ALL
    SELECT
        hold.environment,
        hold.account,
        hold.currency,
        hold.external_id,
        NULL AS item_external_id,
        CASE WHEN hold.is_plain THEN 'plain_hold_old' ELSE 'batch_hold_old' END AS kind,
        payout.state AS detail,
        hold.placed_at AS since,
        hold.counted AS amount
    FROM iyzico_balance_hold AS hold
    LEFT JOIN iyzico_balance_hold_end AS hold_end ON hold_end.hold_id = hold.hold_id
    LEFT JOIN iyzico_payout AS payout
        ON payout.environment = hold.environment
        AND payout.account = hold.account
        AND payout.external_id = hold.external_id
    WHERE hold_end.hold_id IS NULL
        AND (hold.expires_at IS NULL OR hold.expires_at > $now)
        AND hold.placed_at < $day_ago
        AND (hold.is_plain OR payout.state NOT IN ($past_the_gate))
) AS found
WHERE found.kind IS NOT NULL
