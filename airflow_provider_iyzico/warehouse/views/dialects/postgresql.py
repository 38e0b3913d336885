"""PostgreSQL's words."""

WORDS = {
    "minutes": "round(extract(epoch FROM ({1}) - ({0})) / 60, 4)",
    "day_before": "(CAST(({0}) AT TIME ZONE 'UTC' AS date) - 1)",
    "day_after": "(CAST(({0}) AT TIME ZONE 'UTC' AS date) + 1)",
    "forever": "TIMESTAMPTZ '9999-12-31 00:00:00+00'",
}
