"""The views of the ledger: one file each, whose header says its grain and its question.

The files are SQL for PostgreSQL, SQLite, MySQL and MariaDB. Where these differ, and where statuses and states are told apart, a
file says what it means, as ``$meaning[item.status]``; the words below say it for each dialect.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.resources import files

from airflow_provider_iyzico.api.payout.statuses import BATCH_STATUSES, INVALID, ITEM_STATUSES, BatchMeaning, ItemMeaning
from airflow_provider_iyzico.domain.items import CANCELLED_ITEM
from airflow_provider_iyzico.domain.payout import PAST_THE_GATE, SENT, UNKNOWN
from airflow_provider_iyzico.domain.progress import NOT_GONE
from airflow_provider_iyzico.warehouse.views import created
from airflow_provider_iyzico.warehouse.views.dialects import WORDS as WAREHOUSE_WORDS

#: In the order in which they build on one another.
VIEWS = (
    "iyzico_balance_available",
    "iyzico_payout_authorization",
    "iyzico_payout_item_report",
    "iyzico_payout_exception",
    "iyzico_payout_summary",
    "iyzico_payout_daily",
    "iyzico_payout_movement",
)
#: They compare the ledger with the warehouse, so they can be where both are in one schema, and where the warehouse has views.
ROLLFORWARD_VIEWS = ("iyzico_payout_booking", "iyzico_balance_rollforward", "iyzico_balance_rollforward_month")
#: What they need of the warehouse.
ROLLFORWARD_NEEDS = (
    "iyzico_account",
    "iyzico_report_day",
    "iyzico_balance_day",
    "iyzico_balance_observed",
    "iyzico_balance_daily",
)
_LISTED_IN_MYSQL = "group_concat({0} ORDER BY {1} SEPARATOR ', ')"
#: MySQL cuts such a list after 1024 bytes, in the middle of a name or an amount: then the last one is left out.
_WHOLE_LIST_IN_MYSQL = (
    f"CASE WHEN char_length({_LISTED_IN_MYSQL}) = sum(char_length({{0}})) + 2 * (count(*) - 1) THEN {_LISTED_IN_MYSQL} "
    f"ELSE concat(substring_index({_LISTED_IN_MYSQL}, ', ', "
    f"(char_length({_LISTED_IN_MYSQL}) - char_length(replace({_LISTED_IN_MYSQL}, ', ', ''))) DIV 2), ', ...') END"
)


def _texts(words: Iterable[str]) -> str:
    return ", ".join(f"'{word}'" for word in sorted(words))


def _statuses(*meanings: ItemMeaning) -> set[str]:
    return {word for word, meaning in ITEM_STATUSES.items() if meaning in meanings}


def _cases(cases: Mapping[str, Iterable[str]], otherwise: str) -> str:
    said = " ".join(f"WHEN $exact[{{0}}] IN ({_texts(words)}) THEN '{name}'" for name, words in cases.items())
    return f"CASE {said} ELSE {otherwise} END"


_NEVER_SENT = {INVALID, CANCELLED_ITEM}
#: What an item's status means to finance. It is empty before iyzico knows the item.
MEANINGS: dict[str, set[str]] = {
    "paid": _statuses(ItemMeaning.PAID),
    "returned": _statuses(ItemMeaning.NOT_PAID) - _NEVER_SENT,
    "out": _statuses(ItemMeaning.OUT, ItemMeaning.NEEDS_A_PERSON),
    "waiting": _statuses(ItemMeaning.UNDER_WAY) | {""},
    "invalid": {INVALID},
    "cancelled": {CANCELLED_ITEM},
}
#: Why a person is needed for an item, by its status; every other known status needs nobody.
_ITEM_EXCEPTIONS = {"item_failed": _statuses(ItemMeaning.OUT), "deposit_failed": _statuses(ItemMeaning.NEEDS_A_PERSON)}
_STOPPED = {word for word, meaning in BATCH_STATUSES.items() if meaning is BatchMeaning.STOPPED}
#: These mean the same in each dialect.
_SAME = {
    "meaning": _cases(MEANINGS, "'unknown'"),
    "item_exception": _cases(_ITEM_EXCEPTIONS, "CASE WHEN $meaning[{0}] = 'unknown' THEN 'item_status_unknown' END"),
    "under_way": "($meaning[{0}] IN ('waiting', 'unknown'))",
    "not_gone": f"$exact[{{0}}] IN ({_texts(NOT_GONE)})",
    "stopped": f"$exact[{{0}}] IN ({_texts(_STOPPED)})",
    "documented": f"$exact[{{0}}] IN ({_texts(BATCH_STATUSES)})",
    "unknown_states": _texts(UNKNOWN),
    "sent_states": _texts(SENT),
    "past_the_gate": _texts(PAST_THE_GATE),
    "count_of": "count(CASE WHEN {0} THEN 1 END)",
    "sum_of": "$money[sum(CASE WHEN {0} THEN {1} ELSE 0 END)]",
    "positive": "CASE WHEN {0} > 0 THEN {0} ELSE 0 END",
    # The day of a moment in a report time zone, and the moment of the first snapshot of an account not before a moment.
    "day_of": "(SELECT calendar.local_date FROM iyzico_report_day AS calendar WHERE calendar.report_timezone = {0} "
    "AND calendar.local_date BETWEEN $day_before[{1}] AND $day_after[{1}] "
    "AND calendar.starts_at <= {1} AND calendar.ends_at > {1})",
    "snapshot_after": "(SELECT min(observed.observed_at) FROM iyzico_balance_observed AS observed "
    "WHERE $same_account[observed; {0}] AND observed.observed_at >= {1})",
    # What the balance of an account lost, or gained, as those snapshots since a moment saw it that meet a condition.
    "lost": "$changed[{0}; {1}; {2}; <]",
    "gained": "$changed[{0}; {1}; {2}; >]",
    "changed": "(SELECT $money[sum(CASE WHEN step.amount {3} 0 THEN abs(step.amount) ELSE 0 END)] FROM ("
    "SELECT observed.observed_at, $less[observed.balance; lag(observed.balance) OVER (ORDER BY observed.observed_at, "
    "observed.snapshot_id)] AS amount FROM iyzico_balance_observed AS observed "
    "WHERE $same_account[observed; {0}] AND {2} AND observed.observed_at >= COALESCE("
    "(SELECT max(earlier.observed_at) FROM iyzico_balance_observed AS earlier "
    "WHERE $same_account[earlier; {0}] AND earlier.observed_at < {1}), {1})) AS step WHERE step.observed_at >= {1})",
    "same_account": "{0}.environment = {1}.environment AND {0}.account = {1}.account AND {0}.currency = {1}.currency",
}
#: How each dialect says the things that are not the same everywhere. Days are those of Türkiye: UTC+3, in summer, too.
WORDS = {
    "postgresql": {
        **WAREHOUSE_WORDS["postgresql"],
        **_SAME,
        "month": "to_char({0}, 'YYYY-MM')",
        # At the end of a subquery: its columns are computed once, and not again wherever they are used.
        "computed_once": "OFFSET 0",
        "materialized": "MATERIALIZED",  # without statistics, it would be computed again for every row that it is joined to
        "now": "clock_timestamp()",
        "day_ago": "(clock_timestamp() - INTERVAL '24 hours')",
        "local_date": "CAST({0} AT TIME ZONE 'UTC' + INTERVAL '3 hours' AS date)",
        "seconds": "round(extract(epoch FROM ({1}) - ({0})), 3)",
        "hours": "round(extract(epoch FROM ({1}) - ({0})) / 3600, 2)",
        "money": "{0}",
        "less": "{0} - {1}",
        "listed": "string_agg({0}, ', ' ORDER BY {1})",
        "joined": "{0} || ' ' || {1}",
        "exact": "{0}",
    },
    "sqlite": {
        **WAREHOUSE_WORDS["sqlite"],
        **_SAME,
        "month": "substr({0}, 1, 7)",
        "computed_once": "LIMIT -1",
        "materialized": "",
        "now": "strftime('%Y-%m-%d %H:%M:%f', 'now')",
        "day_ago": "strftime('%Y-%m-%d %H:%M:%f', 'now', '-24 hours')",
        "local_date": "date(substr({0}, 1, 19), '+3 hours')",  # it rounds the last half millisecond of a day up
        "seconds": "round((julianday({1}) - julianday({0})) * 86400, 3)",
        "hours": "round((julianday({1}) - julianday({0})) * 24, 2)",
        "listed": "group_concat({0}, ', ')",
        "joined": "{0} || ' ' || {1}",
        "exact": "{0}",
    },
    "mysql": {
        **WAREHOUSE_WORDS["mysql"],
        **_SAME,
        "month": "date_format({0}, '%Y-%m')",
        "computed_once": "LIMIT 18446744073709551615",
        "materialized": "",
        # MariaDB knows no subquery in FROM that looks at the rows around it.
        "lost": "$changed[{0}; {1}; {2}; -1]",
        "gained": "$changed[{0}; {1}; {2}; 1]",
        "changed": "(SELECT sum(GREATEST({3} * (observed.balance - $balance_before), 0)) "
        "FROM iyzico_balance_observed AS observed WHERE $same_account[observed; {0}] AND {2} AND observed.observed_at >= {1})",
        "balance_before": "(SELECT earlier.balance FROM iyzico_balance_observed AS earlier "
        "WHERE $same_account[earlier; observed] AND (earlier.observed_at < observed.observed_at "
        "OR earlier.observed_at = observed.observed_at AND earlier.snapshot_id < observed.snapshot_id) "
        "ORDER BY earlier.observed_at DESC, earlier.snapshot_id DESC LIMIT 1)",
        "now": "UTC_TIMESTAMP(6)",
        "day_ago": "(UTC_TIMESTAMP(6) - INTERVAL 24 HOUR)",
        "local_date": "date({0} + INTERVAL 3 HOUR)",
        "seconds": "round(timestampdiff(MICROSECOND, {0}, {1}) * 0.000001, 3)",
        "hours": "round(CAST(timestampdiff(MICROSECOND, {0}, {1}) AS DECIMAL(26, 6)) / 3600000000, 2)",
        "money": "{0}",
        "less": "{0} - {1}",
        "listed": _WHOLE_LIST_IN_MYSQL,
        "joined": "concat({0}, ' ', {1})",
        "exact": "CAST({0} AS BINARY)",  # otherwise blanks at the end do not count
    },
}
WORDS["mariadb"] = WORDS["mysql"]


def view_names(dialect: str, *, with_rollforward: bool) -> tuple[str, ...]:
    """Return the views of a dialect; those of the roll-forward only where the warehouse has views."""
    return VIEWS + (ROLLFORWARD_VIEWS if with_rollforward and dialect in WAREHOUSE_WORDS else ())


def view_statements(dialect: str, schema: str | None = None, *, with_rollforward: bool = False) -> list[tuple[str, str]]:
    """Return name and ``CREATE VIEW`` of every view.

    :param schema: where tables and views are; a plain identifier, checked by the caller
    :param with_rollforward: with those that compare the ledger with the warehouse, where the warehouse has views
    """
    names = view_names(dialect, with_rollforward=with_rollforward)
    texts = {name: files(__package__).joinpath(f"{name}.sql").read_text(encoding="utf-8") for name in names}
    return [(name, created(name, text, WORDS[dialect], schema)) for name, text in texts.items()]
