-- grain: one row per environment, account and currency, for each of the two windows of 7 and 28 days
-- question: at the pace of the last days, for how many days does the balance last?
-- The window ends with the last day that is over. Only days with an observation count, and days_observed says how many those were.
-- p90 is the nearest-rank percentile: the smallest daily outflow that at least 90 of 100 days do not exceed.
SELECT r.environment,
       r.account,
       r.currency,
       r.window_days,
       count(*) AS days_observed,
       $average[r.outflow] AS average_outflow,
       max(CASE WHEN r.place = r.p90_place THEN r.outflow END) AS p90_outflow,
       max(l.balance) AS balance,
       CASE WHEN avg(r.outflow) > 0 THEN $days[1.0 * max(l.balance) / avg(r.outflow)] END AS days_at_average,
       CASE WHEN max(CASE WHEN r.place = r.p90_place THEN r.outflow END) > 0
            THEN $days[1.0 * max(l.balance) / max(CASE WHEN r.place = r.p90_place THEN r.outflow END)] END AS days_at_p90
FROM (
     SELECT d.environment, d.account, d.currency, v.window_days, d.outflow,
            row_number() OVER (PARTITION BY d.environment, d.account, d.currency, v.window_days ORDER BY d.outflow) AS place,
            (count(*) OVER (PARTITION BY d.environment, d.account, d.currency, v.window_days) * 9 + 9) / 10 AS p90_place
     FROM iyzico_balance_daily AS d
     JOIN (SELECT environment, max(newest_at) AS as_of FROM iyzico_account GROUP BY environment) AS w
       ON w.environment = d.environment
     JOIN (SELECT 7 AS window_days UNION ALL SELECT 28) AS v
       ON d.ends_at <= w.as_of AND $minutes[d.ends_at; w.as_of] < v.window_days * 1440
     WHERE d.observations > 0) AS r
JOIN iyzico_balance_latest AS l
  ON l.environment = r.environment AND l.account = r.account AND l.currency = r.currency
GROUP BY r.environment, r.account, r.currency, r.window_days
