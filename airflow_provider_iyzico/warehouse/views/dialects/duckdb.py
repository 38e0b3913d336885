"""DuckDB's words. It divides amounts in floating point, so they are divided as whole numbers of their last decimal."""

WORDS = {
    "minutes": "(CAST(round((epoch_us({1}) - epoch_us({0})) / 6000) AS DECIMAL(18, 0)) * 0.0001)",
    "average": "(CAST((2 * $units[sum({0})] + count({0})) // (2 * count({0})) AS DECIMAL(38, 0)) * 0.00000001)",
    "days": "(CAST((200 * $units[{0}] + $units[{1}]) // (2 * $units[{1}]) AS DECIMAL(38, 0)) * 0.01)",
    "units": "CAST(({0}) * 100000000 AS HUGEINT)",
    "day_of": "CAST(({0}) AT TIME ZONE {1} AS date)",
    "midnight": "(CAST({0} AS timestamp) AT TIME ZONE {1})",
    "hour_before": "({0} - INTERVAL 1 HOUR)",
    "hour_after": "({0} + INTERVAL 1 HOUR)",
    "numbered": "(SELECT *, unnest(range({1})) AS number FROM {0} AS counted)",
    "days_later": "({0} + CAST({1} AS INTEGER))",
    "days_between": "({1} - {0})",
    "day_before": "($day_of[{0}; 'UTC'] - 1)",
    "day_after": "($day_of[{0}; 'UTC'] + 1)",
    "forever": "TIMESTAMPTZ '9999-12-31 00:00:00+00'",
}
