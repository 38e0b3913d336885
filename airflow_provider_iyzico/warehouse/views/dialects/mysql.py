"""The words of MySQL and MariaDB.

The scale of a quotient depends on the session (``div_precision_increment``), so what is divided has enough decimals of its own.
Moments are in UTC.
"""

WORDS = {
    "quote": "`",
    "name": "`{0}`",
    "minutes": "round(CAST(timestampdiff(MICROSECOND, {0}, {1}) AS DECIMAL(26, 6)) / 60000000, 4)",
    "average": "round(avg(CAST({0} AS DECIMAL(54, 16))), 8)",
    "floor": "CAST(floor({0}) AS SIGNED)",
    "now": "UTC_TIMESTAMP(6)",
    "day_before": "(date({0}) - INTERVAL 1 DAY)",
    "day_after": "(date({0}) + INTERVAL 1 DAY)",
    "forever": "TIMESTAMP'9999-12-31 00:00:00.000000'",
}
