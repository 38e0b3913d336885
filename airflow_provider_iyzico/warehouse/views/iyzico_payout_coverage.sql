-- grain: one row per gate
-- question: what did the batch need, what was there when the wait began and when it ended, and how long did it take?
-- first_balance is the balance of the first poll, and NULL if that poll saw none or could not be recorded. waits_until is when the
-- gate's timeout ends the wait at the latest. A gate that is still waiting five minutes later is lost: its worker was killed, or its
-- task was ended by hand. If its worker was only delayed and writes the end later, that end counts.
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
            WHEN first_balance < batch_total + headroom THEN $less[batch_total + headroom; first_balance] ELSE 0 END AS shortfall_at_start,
       waiting_since,
       waits_until,
       ended_at,
       $minutes[waiting_since; ended_at] AS minutes_waited,
       CASE WHEN outcome = 'waiting' AND $minutes[waits_until; $now] > 5 THEN 'lost' ELSE outcome END AS outcome,
       reason,
       polls
FROM $once[iyzico_payout_gate; gate_id; try_number DESC, polls DESC, outcome, ended_at] AS g
