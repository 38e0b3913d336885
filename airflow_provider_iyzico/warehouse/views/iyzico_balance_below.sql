-- grain: one row per environment, account, currency, local day and threshold that was in force while something was observed
-- question: for how many minutes was the balance below its threshold?
-- Assumes that a balance stays as it was seen until the next observation; time after the newest observation does not count.
SELECT i.environment,
       i.account,
       i.currency,
       c.local_date,
       t.threshold,
       $sum_minutes[CASE WHEN i.balance < t.threshold
                THEN $minutes[$greatest[i.valid_from; c.starts_at; t.valid_from]; $least[i.valid_to; c.ends_at; t.valid_to]]
                ELSE 0 END] AS minutes_below,
       $sum_minutes[$minutes[$greatest[i.valid_from; c.starts_at; t.valid_from]; $least[i.valid_to; c.ends_at; t.valid_to]]] AS minutes_known
FROM iyzico_balance_interval AS i
JOIN iyzico_account AS a
  ON a.environment = i.environment AND a.account = i.account AND a.currency = i.currency
JOIN iyzico_report_day AS c
  ON c.report_timezone = a.report_timezone AND c.starts_at < i.valid_to AND c.ends_at > i.valid_from
JOIN $thresholds AS t
  ON t.environment = i.environment AND t.account = i.account AND t.currency = i.currency
 AND t.valid_from < $least[i.valid_to; c.ends_at] AND t.valid_to > $greatest[i.valid_from; c.starts_at]
WHERE c.local_date >= $day_before[i.valid_from] AND c.local_date <= $day_after[i.valid_to]
  AND i.valid_to IS NOT NULL AND t.threshold IS NOT NULL
GROUP BY i.environment, i.account, i.currency, c.local_date, t.threshold
