-- grain: one row per environment, account, currency and local day
-- question: did the snapshots come as often as they should, and how long was the longest time without one?
-- expected follows from the stated cadence (iyzico_balance_threshold; $cadence minutes where nothing is stated) and the part of the day that
-- is over.
SELECT environment,
       account,
       currency,
       local_date,
       cadence_minutes,
       expected,
       observations AS seen,
       CASE WHEN expected > observations THEN expected - observations ELSE 0 END AS missing,
       longest_gap_minutes,
       CASE WHEN longest_gap_minutes > 4.5 * cadence_minutes THEN 'error'
            WHEN $late[longest_gap_minutes; cadence_minutes] THEN 'warning'
            ELSE 'ok' END AS freshness
FROM (
     SELECT d.*, $floor[$minutes[starts_at; $least[ends_at; as_of]] / NULLIF(cadence_minutes, 0)] AS expected
     FROM iyzico_balance_daily AS d) AS day
