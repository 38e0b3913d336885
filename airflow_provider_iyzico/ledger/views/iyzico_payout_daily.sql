-- Grain: one row per account, environment, currency and local day on which an item was paid or came back, or no longer counts so.
-- Question: how much was paid on that day, what came back, and what did it cost?
-- A day is one of Türkiye: from 21:00 UTC to 21:00 UTC, since the ledger knows no time zone, and Türkiye is at UTC+3 the whole year.
-- It counts when the ledger saw that an item got that status. An item may be paid, bounce, and be paid again: then it counts each
-- time. Bounced are items that were paid and are not any more; withdrawn are those that had come back and are not back any more.
-- Over all days, paid less bounced is what is paid now, and returned less withdrawn what is back now.
-- Money is in major units; totals are without commission, and commissions are what iyzico states of these items by now.
SELECT
    turn.environment,
    turn.account,
    turn.currency,
    turn.local_date,
    $count_of[turn.became = 'paid'] AS paid_items,
    $sum_of[turn.became = 'paid'; turn.amount] AS paid_total,
    $sum_of[turn.became = 'paid'; turn.commission] AS paid_commission,
    $count_of[turn.was = 'paid'] AS bounced_items,
    $sum_of[turn.was = 'paid'; turn.amount] AS bounced_total,
    $sum_of[turn.was = 'paid'; turn.commission] AS bounced_commission,
    $count_of[turn.became = 'returned'] AS returned_items,
    $sum_of[turn.became = 'returned'; turn.amount] AS returned_total,
    $sum_of[turn.became = 'returned'; turn.commission] AS returned_commission,
    $count_of[turn.was = 'returned'] AS withdrawn_items,
    $sum_of[turn.was = 'returned'; turn.amount] AS withdrawn_total,
    $sum_of[turn.was = 'returned'; turn.commission] AS withdrawn_commission
FROM (
    SELECT
        event.environment,
        event.account,
        batch.currency,
        $local_date[event.happened_at] AS local_date,
        item.amount,
        COALESCE(item.commission, 0) AS commission,
        $meaning[COALESCE(event.before, '')] AS was,
        $meaning[event.after] AS became
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
) AS turn
WHERE turn.was <> turn.became
    AND (turn.was IN ('paid', 'returned') OR turn.became IN ('paid', 'returned'))
GROUP BY turn.environment, turn.account, turn.currency, turn.local_date
