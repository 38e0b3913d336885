-- grain: one row per environment, account and currency
-- question: in which time zone are its days cut, which was its first day, and when was it observed last?
-- The time zone is that of its first observation.
SELECT environment,
       account,
       currency,
       max(CASE WHEN place = 1 THEN report_timezone END) AS report_timezone,
       max(CASE WHEN place = 1 THEN local_date END) AS first_date,
       max(observed_at) AS newest_at
FROM (
     SELECT o.*,
            row_number() OVER (PARTITION BY environment, account, currency ORDER BY observed_at, snapshot_id) AS place
     FROM iyzico_balance_observed AS o) AS placed
GROUP BY environment, account, currency
