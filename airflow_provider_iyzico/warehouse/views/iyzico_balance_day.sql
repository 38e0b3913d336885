-- grain: one row per environment, account, currency and local day with an observation
-- question: what was observed on the day?
-- The day is cut in the account's time zone. longest_gap_minutes is between two observations of the day.
SELECT environment,
       account,
       currency,
       local_date,
       min(observed_at) AS first_at,
       max(CASE WHEN place_from_last = 1 THEN balance END) AS closing,
       max(observed_at) AS closing_at,
       min(balance) AS lowest,
       min(CASE WHEN balance = lowest_of_day THEN observed_at END) AS lowest_at,
       max(balance) AS highest,
       min(CASE WHEN balance = highest_of_day THEN observed_at END) AS highest_at,
       $money[$sum[CASE WHEN change > 0 THEN change ELSE 0 END]] AS inflow,
       $money[$sum[CASE WHEN change < 0 THEN -change ELSE 0 END]] AS outflow,
       max(CASE WHEN previous_date = local_date THEN $minutes[previous_at; observed_at] ELSE 0 END) AS longest_gap_minutes,
       count(*) AS observations
FROM (
     SELECT d.*,
            row_number() OVER (
                PARTITION BY environment, account, currency, local_date ORDER BY observed_at DESC, snapshot_id DESC) AS place_from_last,
            min(balance) OVER (PARTITION BY environment, account, currency, local_date) AS lowest_of_day,
            max(balance) OVER (PARTITION BY environment, account, currency, local_date) AS highest_of_day,
            balance - lag(balance) OVER (PARTITION BY environment, account, currency ORDER BY observed_at, snapshot_id) AS change,
            lag(observed_at) OVER (PARTITION BY environment, account, currency ORDER BY observed_at, snapshot_id) AS previous_at,
            lag(local_date) OVER (PARTITION BY environment, account, currency ORDER BY observed_at, snapshot_id) AS previous_date
     FROM (
          SELECT o.environment,
                 o.account,
                 o.currency,
                 CASE WHEN o.report_timezone = a.report_timezone THEN o.local_date
                      ELSE $day_of[o.observed_at; a.report_timezone] END AS local_date,
                 o.balance,
                 o.observed_at,
                 o.snapshot_id
          FROM iyzico_balance_observed AS o
          JOIN iyzico_account AS a
            ON a.environment = o.environment AND a.account = o.account AND a.currency = o.currency) AS d) AS seen
GROUP BY environment, account, currency, local_date
