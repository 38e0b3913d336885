-- grain: one row per time zone and local day, from the first day of its accounts to two days after the newest observation of all
-- question: when does a local day begin and end?
-- Where the clock is set back at midnight, the day begins at the first of both; where it is set forward, when it is.
SELECT report_timezone, local_date, starts_at, ends_at
FROM (
     SELECT report_timezone,
            local_date,
            starts_at,
            lead(starts_at) OVER (PARTITION BY report_timezone ORDER BY local_date) AS ends_at
     FROM (
          SELECT report_timezone,
                 local_date,
                 CASE WHEN $day_of[$hour_before[moment]; report_timezone] = local_date THEN $hour_before[moment]
                      WHEN $day_of[moment; report_timezone] < local_date THEN $hour_after[moment]
                      ELSE moment END AS starts_at
          FROM (
               SELECT report_timezone,
                      $days_later[first_date; number] AS local_date,
                      $midnight[$days_later[first_date; number]; report_timezone] AS moment
               FROM $numbered[(
                    SELECT a.report_timezone, min(a.first_date) AS first_date, max($day_of[w.newest_at; a.report_timezone]) AS newest_date
                    FROM iyzico_account AS a
                    CROSS JOIN (SELECT max(newest_at) AS newest_at FROM iyzico_account) AS w
                    GROUP BY a.report_timezone); $days_between[first_date; newest_date] + 4] AS numbered) AS midnight) AS beginning) AS day
WHERE ends_at IS NOT NULL
