"""DuckDB's words."""

WORDS = {
    "micros": "(epoch_us({1}) - epoch_us({0}))",
    "quotient": "(({0}) // ({1}))",
    "units": "CAST(({0}) * 100000000 AS HUGEINT)",
    "day_of": "CAST(({0}) AT TIME ZONE {1} AS date)",
    "midnight": "(CAST({0} AS timestamp) AT TIME ZONE {1})",
    "hour_before": "({0} - INTERVAL 1 HOUR)",
    "hour_after": "({0} + INTERVAL 1 HOUR)",
    "numbered": "(SELECT *, unnest(range({1})) AS number FROM {0} AS counted)",
    "days_later": "({0} + CAST({1} AS INTEGER))",
    "days_between": "({1} - {0})",
    "forever": "TIMESTAMPTZ '9999-12-31 00:00:00+00'",
}
