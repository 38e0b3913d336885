-- Grain: one row per item, and moment at which the ledger saw that its money left the balance, or is there again.
-- Question: which batch and which item moved money, when, and how much?
-- Money leaves once: an item that fails after it left, or arrives later, moves nothing more. A status that nobody documented moves
-- nothing, either. If the ledger sees an item only when it has come back, both movements have that moment. `direction` is left or
-- returned. `amount` and `commission` are positive, in major units; the commission is what iyzico states now. iyzico does not say when
-- the balance changes: it was after `not_before`, when the batch was sent to be paid or the item was last seen before, and before
-- `happened_at`, when the ledger saw it. Both are in UTC. `version` is that of the batch in its events.
SELECT
    seen.environment,
    seen.account,
    seen.currency,
    seen.external_id,
    seen.item_external_id,
    seen.version,
    COALESCE(
        CASE WHEN seen.was IN ('paid', 'out')
            THEN (
                SELECT max(earlier.happened_at)
                FROM iyzico_payout_event AS earlier
                WHERE earlier.environment = seen.environment
                    AND earlier.account = seen.account
                    AND earlier.external_id = seen.external_id
                    AND earlier.kind = 'item'
                    AND earlier.item_external_id = seen.item_external_id
                    AND earlier.version < seen.version
            )
            ELSE (
                SELECT max(earlier.happened_at)
                FROM iyzico_payout_event AS earlier
                WHERE earlier.environment = seen.environment
                    AND earlier.account = seen.account
                    AND earlier.external_id = seen.external_id
                    AND earlier.kind = 'state'
                    AND earlier.after = 'auth_sent'
                    AND earlier.version < seen.version
            )
        END,
        seen.created_at
    ) AS not_before,
    seen.happened_at,
    way.direction,
    seen.amount,
    seen.commission
FROM (
    SELECT
        event.environment,
        event.account,
        batch.currency,
        event.external_id,
        event.item_external_id,
        event.version,
        event.happened_at,
        batch.created_at,
        item.amount,
        COALESCE(item.commission, 0) AS commission,
        $meaning[event.after] AS became,
        CASE WHEN $meaning[COALESCE(event.before, '')] <> 'unknown' THEN $meaning[COALESCE(event.before, '')]
            ELSE COALESCE((
                SELECT $meaning[earlier.after]
                FROM iyzico_payout_event AS earlier
                WHERE earlier.environment = event.environment
                    AND earlier.account = event.account
                    AND earlier.external_id = event.external_id
                    AND earlier.kind = 'item'
                    AND earlier.item_external_id = event.item_external_id
                    AND earlier.version < event.version
                    AND $meaning[earlier.after] <> 'unknown'
                ORDER BY earlier.version DESC
                LIMIT 1
            ), 'waiting')
        END AS was
    FROM iyzico_payout_event AS event
    JOIN iyzico_payout_item AS item
        ON item.environment = event.environment
        AND item.account = event.account
        AND item.external_id = event.external_id
        AND item.item_external_id = event.item_external_id
    JOIN iyzico_payout AS batch
        ON batch.environment = event.environment
        AND batch.account = event.account
        AND batch.external_id = event.external_id
    WHERE event.kind = 'item'
    $computed_once
) AS seen
JOIN (SELECT 'left' AS direction UNION ALL SELECT 'returned' AS direction) AS way
    ON (way.direction = 'left' AND (
        (seen.became IN ('paid', 'out') AND seen.was NOT IN ('paid', 'out'))
        OR (seen.became = 'returned' AND seen.was NOT IN ('paid', 'out', 'returned'))
    ))
    OR (way.direction = 'returned' AND (
        (seen.became IN ('waiting', 'invalid', 'cancelled') AND seen.was IN ('paid', 'out'))
        OR (seen.became = 'returned' AND seen.was <> 'returned')
    ))
