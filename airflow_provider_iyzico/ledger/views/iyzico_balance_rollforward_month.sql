-- Grain: one row per account, environment, currency and month.
-- Question: does the month close?
-- opening + came_in - left_total - left_commission + returned_total + returned_commission = expected_closing, and what the closing
-- balance has more or less than that is unexplained. The month is closed to the kuruş if unexplained is 0 and every day is complete.
-- Months are those of the account's report time zone, written 2026-11. The opening is that of the month's first day, the closing that
-- of its last day with an observation. `under_way` is that of its last day. Money is in major units.
SELECT
    total.environment,
    total.account,
    total.currency,
    total.month,
    total.report_timezone,
    total.opening,
    total.came_in,
    total.left_total,
    total.left_commission,
    total.returned_total,
    total.returned_commission,
    $money[total.opening + total.came_in - total.gone] AS expected_closing,
    total.closing,
    $money[total.closing - total.opening - total.came_in + total.gone] AS unexplained,
    total.under_way,
    total.days,
    total.days_observed,
    total.complete_days
FROM (
    SELECT
        day.environment,
        day.account,
        day.currency,
        day.month,
        max(day.report_timezone) AS report_timezone,
        max(CASE WHEN day.from_first = 1 THEN day.opening END) AS opening,
        $money[sum(day.came_in)] AS came_in,
        $money[sum(day.left_total)] AS left_total,
        $money[sum(day.left_commission)] AS left_commission,
        $money[sum(day.returned_total)] AS returned_total,
        $money[sum(day.returned_commission)] AS returned_commission,
        sum(day.left_total + day.left_commission - day.returned_total - day.returned_commission) AS gone,
        max(CASE WHEN day.from_last_seen = 1 THEN day.closing END) AS closing,
        max(CASE WHEN day.from_last = 1 THEN day.under_way END) AS under_way,
        count(*) AS days,
        $count_of[day.observations > 0] AS days_observed,
        $count_of[day.is_complete = 1] AS complete_days
    FROM (
        SELECT
            one.*,
            row_number() OVER (PARTITION BY one.environment, one.account, one.currency, one.month ORDER BY one.local_date)
                AS from_first,
            row_number() OVER (PARTITION BY one.environment, one.account, one.currency, one.month ORDER BY one.local_date DESC)
                AS from_last,
            row_number() OVER (
                PARTITION BY one.environment, one.account, one.currency, one.month
                ORDER BY CASE WHEN one.closing IS NULL THEN 1 ELSE 0 END, one.local_date DESC
            ) AS from_last_seen
        FROM (SELECT booked.*, $month[booked.local_date] AS month FROM iyzico_balance_rollforward AS booked) AS one
    ) AS day
    GROUP BY day.environment, day.account, day.currency, day.month
) AS total
