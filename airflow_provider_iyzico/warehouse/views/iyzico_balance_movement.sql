-- grain: one row per observation whose balance differs from the one before
-- question: what came in, what went out, between which two observations, and which run saw it?
-- Movements that cancel out between two observations cannot be seen.
SELECT snapshot_id,
       environment,
       account,
       currency,
       local_date,
       CASE WHEN paired.change > 0 THEN 'inflow' ELSE 'outflow' END AS direction,
       paired.change,
       previous_balance,
       balance,
       previous_at AS after_moment,
       valid_from AS seen_at,
       dag_id,
       task_id,
       run_id
FROM (
     SELECT i.*, lag(valid_from) OVER (PARTITION BY environment, account, currency ORDER BY valid_from, snapshot_id) AS previous_at
     FROM iyzico_balance_interval AS i) AS paired
WHERE paired.change <> 0
