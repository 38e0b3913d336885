"""BigQuery's words. A number with decimals would be of floating point, unless it is cast from a text."""

WORDS = {
    "quote": "`",
    "micros": "timestamp_diff({1}, {0}, MICROSECOND)",
    "whole": "CAST({0} AS BIGNUMERIC)",
    "units": "($whole[{0}] * 100000000)",
    "scaled": "({0} * CAST('{1}' AS NUMERIC))",
    "floor": "CAST(floor({0}) AS INT64)",
    "day_of": "date({0}, {1})",
    "midnight": "timestamp(datetime({0}), {1})",
    "hour_before": "timestamp_sub({0}, INTERVAL 1 HOUR)",
    "hour_after": "timestamp_add({0}, INTERVAL 1 HOUR)",
    "numbered": "(SELECT counted.*, number FROM {0} AS counted CROSS JOIN UNNEST(generate_array(0, {1} - 1)) AS number)",
    "days_later": "date_add({0}, INTERVAL {1} DAY)",
    "days_between": "date_diff({1}, {0}, DAY)",
    "forever": "TIMESTAMP '9999-12-31 00:00:00+00'",
}
