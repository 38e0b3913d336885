-- Grain: one row per account, environment and currency.
-- Question: what was the balance when a task last tried to set money aside, how much of it is held, by whom, and what is left?
-- A hold counts until it has ended or its time is over. `balance` is what iyzico said at `balance_asked_at`.
SELECT
    account.environment,
    account.account,
    account.currency,
    account.balance,
    account.balance_asked_at,
    $money[COALESCE(held.amount, 0)] AS held,
    COALESCE(held.holds, 0) AS holds,
    held.holders AS held_by,
    $less[account.balance; COALESCE(held.amount, 0)] AS available
FROM iyzico_payout_account AS account
LEFT JOIN (
    SELECT
        hold.environment,
        hold.account,
        hold.currency,
        $money[sum(hold.counted)] AS amount,
        count(*) AS holds,
        $listed[$joined[hold.external_id; hold.counted]; hold.placed_at] AS holders
    FROM iyzico_balance_hold AS hold
    LEFT JOIN iyzico_balance_hold_end AS hold_end ON hold_end.hold_id = hold.hold_id
    WHERE hold_end.hold_id IS NULL
        AND (hold.expires_at IS NULL OR hold.expires_at > $now)
    GROUP BY hold.environment, hold.account, hold.currency
) AS held
    ON held.environment = account.environment
    AND held.account = account.account
    AND held.currency = account.currency
