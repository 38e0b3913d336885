-- grain: one row per gate
-- question: what did the batch need, what was there when the wait began and when it ended, and how long did it take?
SELECT gate_id,
       environment,
       account,
       currency,
       dag_id,
       task_id,
       run_id,
       map_index,
       batch_total,
       headroom,
       $money[batch_total + headroom] AS required,
       first_balance,
       last_balance,
       CASE WHEN first_balance IS NULL THEN NULL
            WHEN first_balance < batch_total + headroom THEN $money[batch_total + headroom - first_balance] ELSE 0 END AS shortfall_at_start,
       waiting_since,
       ended_at,
       $minutes[waiting_since; ended_at] AS minutes_waited,
       outcome,
       reason,
       polls
FROM iyzico_payout_gate
