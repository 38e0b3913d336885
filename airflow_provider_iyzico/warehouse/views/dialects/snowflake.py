"""Snowflake's words. A moment without a zone would be one of the session's, so all are brought to UTC first."""

WORDS = {
    "quote": "",  # a name in lower case is none in capitals, as it is elsewhere, if it is quoted
    "sum": "sum(CAST({0} AS DECIMAL(38, 8)))",  # the emulator sums in floating point otherwise
    "micros": "timestampdiff(microsecond, $utc[{0}], $utc[{1}])",
    "utc": "CAST(convert_timezone('UTC', {0}) AS timestamp_ntz)",
    "day_of": "CAST(convert_timezone('UTC', {1}, $utc[{0}]) AS date)",
    "midnight": "$instant[convert_timezone({1}, 'UTC', CAST({0} AS timestamp_ntz))]",
    "instant": "(dateadd(second, datediff(second, CAST('1970-01-01' AS timestamp_ntz), {0}), $moment[1970-01-01]))",
    "moment": "CAST('{0} 00:00:00 +0000' AS timestamp_tz)",
    "hour_before": "(dateadd(hour, -1, {0}))",
    "hour_after": "(dateadd(hour, 1, {0}))",
    "days_later": "CAST(dateadd(day, {1}, {0}) AS date)",
    "days_between": "datediff(day, {0}, {1})",
    "forever": "$moment[9999-12-31]",
}
