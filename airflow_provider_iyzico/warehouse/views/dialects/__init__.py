"""How each dialect says the things that are not the same everywhere: one small file of words each.

A view says what it means, as ``$minutes[from; to]``. The word has ``{0}`` and ``{1}`` where these two go, or ``{all}`` for all of
them, and may use other words.
"""

from __future__ import annotations

from airflow_provider_iyzico.warehouse.views.dialects import postgresql, sqlite

#: A snapshot is late after so many cadences: a single missed run is not flagged, even with some jitter.
LATE_CADENCES = 2.5
#: How often snapshots should come, in minutes, where no cadence is stated for the account.
DEFAULT_CADENCE_MINUTES = 15
#: What a dialect says, unless its file has another word.
STANDARD: dict[str, str] = {
    "quote": '"',
    "money": "({0})",
    "less": "(({0}) - ({1}))",
    "average": "round(avg({0}), 8)",
    "days": "round({0}, 2)",
    "floor": "CAST(floor({0}) AS INTEGER)",
    "least": "LEAST({all})",
    "greatest": "GREATEST({all})",
    "now": "CURRENT_TIMESTAMP",
    "late": f"({{0}} > {LATE_CADENCES} * {{1}})",
    "cadence": str(DEFAULT_CADENCE_MINUTES),
    "sum_minutes": "sum({0})",
}
WORDS: dict[str, dict[str, str]] = {
    "postgresql": STANDARD | postgresql.WORDS,
    "sqlite": STANDARD | sqlite.WORDS,
}
