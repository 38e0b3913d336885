-- Grain: one row per account, environment, currency and day on which an item became paid or came back, or is no longer so.
-- Question: how much was paid on that day, what came back, and what did it cost?
-- A day is a day in Türkiye, from 21:00 UTC to 21:00 UTC: the ledger keeps no time zone, MySQL and SQLite may know none, and Türkiye
-- is at UTC+3 all year, by law since 2016. An item counts on the day on which the ledger saw its status change, each time it does.
-- Bounced items were paid, and are no longer paid. Withdrawn items had come back, and are no longer back.
-- Over all days, paid less bounced is what is paid now, and returned less withdrawn is what is back now.
-- Money is in major units. Totals are without commission. Commissions are what iyzico states now.
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
