"""Redshift's words. Its functions of time zones take and give moments without one, so all are brought to UTC first."""

WORDS = {
    "micros": "datediff(microsecond, $utc[{0}], $utc[{1}])",
    "utc": "({0} AT TIME ZONE 'UTC')",
    "now": "CAST(getdate() AS timestamptz)",  # it is a moment of the session's time zone, which need not be UTC
    # Its mod takes two decimals, or two integers.
    "average": "$scaled[$whole[$quotient[2 * $units[$sum[{0}]] + count({0}); $whole[2 * count({0})]]]; 0.00000001]",
    "day_of": "CAST(({0} AT TIME ZONE {1}) AS date)",
    "midnight": "(CAST({0} AS timestamp) AT TIME ZONE {1})",
    "hour_before": "({0} - INTERVAL '1 hour')",
    "hour_after": "({0} + INTERVAL '1 hour')",
    "days_later": "CAST({0} + CAST({1} AS integer) AS date)",
    "days_between": "({1} - {0})",
    "forever": "CAST('9999-12-31 00:00:00+00' AS timestamptz)",
}
