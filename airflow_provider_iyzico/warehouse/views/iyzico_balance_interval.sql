-- grain: one row per observation
-- question: from when until when was this the last balance seen, and how had it changed?
-- valid_to is the time of the next observation, and NULL for the newest. What happens between two observations is unknown.
SELECT snapshot_id,
       environment,
       account,
       currency,
       local_date,
       balance,
       observed_at AS valid_from,
       valid_to,
       $minutes[observed_at; valid_to] AS gap_minutes,
       previous_balance,
       $less[balance; previous_balance] AS $name[change],
       report_timezone,
       dag_id,
       task_id,
       run_id
FROM (
     SELECT o.*,
            lead(observed_at) OVER (PARTITION BY environment, account, currency ORDER BY observed_at, snapshot_id) AS valid_to,
            lag(balance) OVER (PARTITION BY environment, account, currency ORDER BY observed_at, snapshot_id) AS previous_balance
     FROM iyzico_balance_observed AS o) AS seen
