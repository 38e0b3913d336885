-- grain: one row per environment, account and currency
-- question: how much can we pay now, how old is that figure, and is it stale?
-- A figure is stale when it is older than two and a half times the stated cadence (iyzico_balance_threshold; $cadence minutes where nothing is stated),
-- or when its age is negative: then a clock is or was wrong, and its age is unknown.
SELECT a.environment,
       a.account,
       a.currency,
       s.balance,
       s.observed_at,
       $minutes[s.observed_at; $now] AS age_minutes,
       CASE WHEN $minutes[s.observed_at; $now] < 0 OR $late[$minutes[s.observed_at; $now]; COALESCE(t.cadence_minutes, $cadence)]
            THEN 1 ELSE 0 END AS is_stale,
       COALESCE(t.cadence_minutes, $cadence) AS cadence_minutes,
       t.threshold,
       a.report_timezone,
       s.snapshot_id
FROM iyzico_account AS a
JOIN $newest_snapshots AS s
  ON $is_newest[s; a]
LEFT JOIN $thresholds AS t
  ON t.environment = a.environment AND t.account = a.account AND t.currency = a.currency
 AND t.valid_from <= s.observed_at AND t.valid_to > s.observed_at
