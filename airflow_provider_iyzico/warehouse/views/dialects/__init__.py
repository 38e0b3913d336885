"""How each dialect says the things that are not the same everywhere: one small file of words each.

A view says what it means, as ``$minutes[from; to]``. The word has ``{0}`` and ``{1}`` where these two go, or ``{all}`` for all of
them, and may use other words.
"""

from __future__ import annotations

from airflow_provider_iyzico.warehouse.views.dialects import (
    bigquery,
    columnar,
    duckdb,
    mysql,
    postgresql,
    redshift,
    snowflake,
    sqlite,
    trino,
)

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
    "days": "round(1.0 * ({0}) / ({1}), 2)",
    "floor": "CAST(floor({0}) AS INTEGER)",
    "least": "LEAST({all})",
    "greatest": "GREATEST({all})",
    "now": "CURRENT_TIMESTAMP",
    "late": f"({{0}} > {LATE_CADENCES} * {{1}})",
    "cadence": str(DEFAULT_CADENCE_MINUTES),
    "sum": "sum({0})",
    "sum_minutes": "$sum[{0}]",
    # The name of a column that some dialect has as a word of its own.
    "name": "{0}",
    # The rows of a table, each once, whatever its key is; of several with one key, the first in the given order.
    "once": "{0}",
    # The newest snapshot of an account.
    "newest_snapshots": "iyzico_balance_snapshot",
    "is_newest": """{0}.snapshot_id = (
     SELECT n.snapshot_id
     FROM iyzico_balance_snapshot AS n
     WHERE n.environment = {1}.environment AND n.account = {1}.account AND n.currency = {1}.currency
     ORDER BY n.environment DESC, n.account DESC, n.currency DESC, n.observed_at DESC, n.snapshot_id DESC
     LIMIT 1)""",
    # The last observed day of an account before a day.
    "days_and_next": "iyzico_balance_day",
    "is_day_before": """{0}.local_date = (
          SELECT max(q.local_date)
          FROM iyzico_balance_day AS q
          WHERE q.environment = {1}.environment AND q.account = {1}.account AND q.currency = {1}.currency
            AND q.local_date < {2})""",
    # What is stated for an account, and until when.
    "thresholds": """(
     SELECT environment, account, currency, threshold, cadence_minutes, valid_from,
            COALESCE(lead(valid_from) OVER (
                PARTITION BY environment, account, currency ORDER BY valid_from), $forever) AS valid_to
     FROM iyzico_balance_threshold)""",
}
#: The dialects whose roll-up is kept by the append, in tables.
_KEPT = {"postgresql": postgresql.WORDS, "sqlite": sqlite.WORDS, "mysql": mysql.WORDS, "mariadb": mysql.WORDS}
#: Those whose roll-up is views over the snapshots.
_COLUMNAR = {
    "duckdb": duckdb.WORDS,
    "snowflake": snowflake.WORDS,
    "bigquery": bigquery.WORDS,
    "redshift": redshift.WORDS,
    "trino": trino.WORDS,
}
WORDS: dict[str, dict[str, str]] = {
    **{name: STANDARD | own for name, own in _KEPT.items()},
    **{name: STANDARD | columnar.WORDS | own for name, own in _COLUMNAR.items()},
}
KEPT, COLUMNAR = tuple(_KEPT), tuple(_COLUMNAR)
