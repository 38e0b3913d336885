-- grain: one row per observation
-- question: what was seen between two moments?
-- This view has no window function, so a short period of a long history is read through the index. iyzico_balance_interval says what
-- came next.
SELECT snapshot_id,
       environment,
       account,
       currency,
       local_date,
       balance,
       observed_at,
       report_timezone,
       dag_id,
       task_id,
       run_id
FROM iyzico_balance_snapshot
