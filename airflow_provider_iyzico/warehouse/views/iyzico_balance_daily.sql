-- grain: one row per environment, account, currency and local day, from the account's first day to the environment's newest
-- question: with how much did the day begin and end, and what was the lowest and highest balance seen?
-- opening is carried from the last observation before midnight; opening_age_minutes says how old it was at midnight.
-- lowest and highest are of what was observed; what happened in between is unknown. A day without an observation is a row with
-- observations = 0, and its figures are NULL. longest_gap_minutes counts from midnight to midnight, or to the newest observation of
-- the environment. threshold is the last one in force on the day. A day is complete when it is over and no gap was longer than two
-- and a half times the stated cadence: then no two snapshots in a row were missed.
SELECT environment,
       account,
       currency,
       local_date,
       report_timezone,
       starts_at,
       ends_at,
       opening,
       $minutes[opening_at; starts_at] AS opening_age_minutes,
       closing,
       closing_at,
       lowest,
       lowest_at,
       highest,
       highest_at,
       $less[closing; opening] AS net_change,
       $money[inflow] AS inflow,
       $money[outflow] AS outflow,
       observations,
       longest_gap_minutes,
       cadence_minutes,
       threshold,
       as_of,
       CASE WHEN observations > 0 AND ends_at <= as_of AND NOT $late[longest_gap_minutes; cadence_minutes] THEN 1 ELSE 0 END AS is_complete
FROM (
     SELECT a.environment,
            a.account,
            a.currency,
            c.local_date,
            c.report_timezone,
            c.starts_at,
            c.ends_at,
            w.as_of,
            p.closing AS opening,
            p.closing_at AS opening_at,
            d.closing,
            d.closing_at,
            d.lowest,
            d.lowest_at,
            d.highest,
            d.highest_at,
            d.inflow,
            d.outflow,
            COALESCE(d.observations, 0) AS observations,
            CASE WHEN d.observations IS NULL THEN $minutes[c.starts_at; $least[c.ends_at; w.as_of]]
                 ELSE $greatest[$minutes[c.starts_at; d.first_at]; d.longest_gap_minutes; $minutes[d.closing_at; $least[c.ends_at; w.as_of]]]
            END AS longest_gap_minutes,
            COALESCE(t.cadence_minutes, $cadence) AS cadence_minutes,
            t.threshold
     FROM iyzico_account AS a
     JOIN (SELECT environment, max(newest_at) AS as_of FROM iyzico_account GROUP BY environment) AS w
       ON w.environment = a.environment
     JOIN iyzico_report_day AS c
       ON c.report_timezone = a.report_timezone AND c.local_date >= a.first_date AND c.starts_at <= w.as_of
     LEFT JOIN iyzico_balance_day AS d
       ON d.environment = a.environment AND d.account = a.account AND d.currency = a.currency AND d.local_date = c.local_date
     LEFT JOIN $days_and_next AS p
       ON p.environment = a.environment AND p.account = a.account AND p.currency = a.currency
      AND $is_day_before[p; a; c.local_date]
     LEFT JOIN $thresholds AS t
       ON t.environment = a.environment AND t.account = a.account AND t.currency = a.currency
      AND t.valid_from < c.ends_at AND t.valid_to >= c.ends_at
     ) AS day
