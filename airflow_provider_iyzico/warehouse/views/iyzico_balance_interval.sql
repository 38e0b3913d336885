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
       lead(observed_at) OVER seen AS valid_to,
       $minutes[observed_at; lead(observed_at) OVER seen] AS gap_minutes,
       lag(balance) OVER seen AS previous_balance,
       $less[balance; lag(balance) OVER seen] AS change,
       report_timezone,
       dag_id,
       task_id,
       run_id
FROM iyzico_balance_snapshot
WINDOW seen AS (PARTITION BY environment, account, currency ORDER BY observed_at, snapshot_id)
