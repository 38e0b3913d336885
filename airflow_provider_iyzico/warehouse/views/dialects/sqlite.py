"""SQLite's words.

SQLite keeps 15 digits of an amount, so a sum has no more decimals than it leaves, and a difference no more than the larger of
both leaves. Moments are texts in UTC.
"""

WORDS = {
    "minutes": "round((julianday({1}) - julianday({0})) * 1440, 4)",
    "money": "round({0}, min(8, 15 - length(CAST(abs({0}) AS INTEGER))))",
    "less": "round(({0}) - ({1}), min(8, 15 - length(CAST(max(abs({0}), abs({1})) AS INTEGER))))",
    "floor": "CAST({0} AS INTEGER)",
    "least": "min({all})",
    "greatest": "max({all})",
    "now": "strftime('%Y-%m-%d %H:%M:%f', 'now')",
    "sum_minutes": "round(sum({0}), 4)",
    "day_before": "date({0}, '-1 day')",
    "day_after": "date({0}, '+1 day')",
    "forever": "'9999-12-31 00:00:00.000000'",
}
