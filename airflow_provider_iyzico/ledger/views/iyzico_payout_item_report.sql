-- Grain: one row per item of a batch.
-- Question: what became of this payment, and how long did it take?
-- `meaning` is what its status says: paid, returned (the money is on the balance again), out (it left, and has neither arrived nor
-- come back), waiting, invalid (iyzico would not pay it), cancelled, or unknown (nobody documented the status).
-- Money is in major units. `commission` is what iyzico states. Moments are in UTC. `status_at` is when the ledger saw the status.
-- `seconds_to_paid` is the time from the authorization until the ledger saw that the item is paid. It is NULL if it is not paid.
SELECT
    item.environment,
    item.account,
    batch.currency,
    item.external_id,
    item.item_external_id,
    batch.state,
    item.recipient_type,
    item.recipient_end,
    item.amount,
    item.commission,
    item.status,
    $meaning[item.status] AS meaning,
    item.reference_code,
    item.error,
    went.authorized_at,
    item.status_at,
    CASE WHEN $meaning[item.status] = 'paid' THEN $seconds[went.authorized_at; item.status_at] END AS seconds_to_paid
FROM iyzico_payout_item AS item
JOIN iyzico_payout AS batch
    ON batch.environment = item.environment
    AND batch.account = item.account
    AND batch.external_id = item.external_id
LEFT JOIN iyzico_payout_authorization AS went
    ON went.environment = batch.environment
    AND went.account = batch.account
    AND went.external_id = batch.external_id
