-- grain: one row per environment, account and currency, for each of the two windows of 7 and 28 days
-- question: for how many days does the balance last, by the outflow of the last days?
-- The window ends with the last day that is over; days before the account's first do not count. days_in_window says how many days
-- that leaves, and days_observed how many of them have an observation; if none has, only the balance is known.
-- average_outflow is the outflow of the window divided by days_in_window. p90 is the nearest-rank percentile of the observed days: the
-- smallest daily outflow that at least 90 of 100 of them do not exceed. Outflow belongs to the day on which it was seen: the first day
-- after missed ones carries theirs, which raises p90. A balance of zero or less lasts for no days.
SELECT r.environment,
       r.account,
       r.currency,
       r.window_days,
       count(*) AS days_in_window,
       count(r.outflow) AS days_observed,
       CASE WHEN count(r.outflow) > 0 THEN $average[COALESCE(r.outflow, 0)] END AS average_outflow,
       max(CASE WHEN r.place = r.p90_place THEN r.outflow END) AS p90_outflow,
       max(l.balance) AS balance,
       CASE WHEN $sum[r.outflow] > 0 THEN $days[$greatest[max(l.balance); 0] * count(*); $sum[r.outflow]] END AS days_at_average,
       CASE WHEN max(CASE WHEN r.place = r.p90_place THEN r.outflow END) > 0
            THEN $days[$greatest[max(l.balance); 0]; max(CASE WHEN r.place = r.p90_place THEN r.outflow END)] END AS days_at_p90
FROM (
     SELECT f.environment, f.account, f.currency, v.window_days, d.outflow,
            row_number() OVER (
                PARTITION BY f.environment, f.account, f.currency, v.window_days
                ORDER BY CASE WHEN d.outflow IS NULL THEN 1 ELSE 0 END, d.outflow) AS place,
            $floor[(count(d.outflow) OVER (PARTITION BY f.environment, f.account, f.currency, v.window_days) * 9 + 9) / 10] AS p90_place
     FROM (
          SELECT a.environment, a.account, a.currency, c.local_date,
                 row_number() OVER (PARTITION BY a.environment, a.account, a.currency ORDER BY c.local_date DESC) AS days_back
          FROM iyzico_account AS a
          JOIN (SELECT environment, max(newest_at) AS as_of FROM iyzico_account GROUP BY environment) AS w
            ON w.environment = a.environment
          JOIN iyzico_report_day AS c
            ON c.report_timezone = a.report_timezone AND c.local_date >= a.first_date
           AND c.ends_at <= w.as_of AND $minutes[c.ends_at; w.as_of] < 30 * 1440) AS f
     JOIN (SELECT 7 AS window_days UNION ALL SELECT 28) AS v
       ON f.days_back <= v.window_days
     LEFT JOIN iyzico_balance_day AS d
       ON d.environment = f.environment AND d.account = f.account AND d.currency = f.currency AND d.local_date = f.local_date) AS r
JOIN iyzico_balance_latest AS l
  ON l.environment = r.environment AND l.account = r.account AND l.currency = r.currency
GROUP BY r.environment, r.account, r.currency, r.window_days
