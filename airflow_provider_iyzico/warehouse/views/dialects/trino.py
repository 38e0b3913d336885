"""Trino's words. It divides whole numbers to whole numbers, and decimals to as many decimals as they have."""

WORDS = {
    # It counts no unit below milliseconds. A double holds the microseconds of 285 years exactly, and floor needs the rest.
    "micros": "(1e6 * date_diff('second', $whole_second[{0}], $whole_second[{1}]) + $fraction[{1}] - $fraction[{0}])",
    "whole_second": "date_trunc('second', {0})",
    "fraction": "CAST(substr(CAST(CAST({0} AS timestamp(6)) AS varchar), 21) AS integer)",
    "floor": "CAST(floor(1e0 * {0}) AS integer)",
    "day_of": "CAST(at_timezone({0}, {1}) AS date)",
    "midnight": "with_timezone(CAST({0} AS timestamp(6)), {1})",
    "hour_before": "({0} - INTERVAL '1' HOUR)",
    "hour_after": "({0} + INTERVAL '1' HOUR)",
    "days_later": "date_add('day', {1}, {0})",
    "days_between": "date_diff('day', {0}, {1})",
    "forever": "TIMESTAMP '9999-12-31 00:00:00.000000 UTC'",
}
