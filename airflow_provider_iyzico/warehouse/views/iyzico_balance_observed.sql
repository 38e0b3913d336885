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
FROM $once[iyzico_balance_snapshot; snapshot_id; inserted_at, try_number, observed_at, balance] AS s
