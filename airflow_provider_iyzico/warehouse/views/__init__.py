"""The reporting views: one file each, whose header says its grain and its question.

The files are SQL for PostgreSQL and SQLite. Where the two differ they say what they mean, as ``$minutes[from; to]``, and each
dialect has its own words for it below.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files

#: In the order in which they build on one another.
VIEWS = (
    "iyzico_balance_latest",
    "iyzico_balance_observed",
    "iyzico_balance_interval",
    "iyzico_balance_movement",
    "iyzico_balance_daily",
    "iyzico_balance_below",
    "iyzico_payout_coverage",
    "iyzico_balance_runway",
    "iyzico_snapshot_gap",
)

#: A snapshot is late after so many cadences: a single missed run is not flagged, even with some jitter.
LATE_CADENCES = 2.5
#: How often snapshots should come, in minutes, where no cadence is stated for the account.
DEFAULT_CADENCE_MINUTES = 15
#: SQLite keeps 15 digits of an amount, so a sum has no more decimals than it leaves, and a difference no more than the larger of
#: both leaves.
MONEY_IN_SQLITE = "round({0}, min(8, 15 - length(CAST(abs({0}) AS INTEGER))))"
LESS_IN_SQLITE = "round(({0}) - ({1}), min(8, 15 - length(CAST(max(abs({0}), abs({1})) AS INTEGER))))"
_LATE = f"({{0}} > {LATE_CADENCES} * {{1}})"
#: How each dialect says the things that are not the same everywhere.
WORDS: dict[str, dict[str, str]] = {
    "postgresql": {
        "minutes": "round(extract(epoch FROM ({1}) - ({0})) / 60, 4)",
        "money": "({0})",
        "less": "(({0}) - ({1}))",
        "average": "round(avg({0}), 8)",
        "days": "round({0}, 2)",
        "floor": "CAST(floor({0}) AS INTEGER)",
        "least": "LEAST({all})",
        "greatest": "GREATEST({all})",
        "now": "CURRENT_TIMESTAMP",
        "late": _LATE,
        "cadence": str(DEFAULT_CADENCE_MINUTES),
        "sum_minutes": "sum({0})",
        "day_before": "(CAST(({0}) AT TIME ZONE 'UTC' AS date) - 1)",
        "day_after": "(CAST(({0}) AT TIME ZONE 'UTC' AS date) + 1)",
        "forever": "TIMESTAMPTZ '9999-12-31 00:00:00+00'",
    },
    "sqlite": {
        "minutes": "round((julianday({1}) - julianday({0})) * 1440, 4)",
        "money": MONEY_IN_SQLITE,
        "less": LESS_IN_SQLITE,
        "average": "round(avg({0}), 8)",
        "days": "round({0}, 2)",
        "floor": "CAST({0} AS INTEGER)",
        "least": "min({all})",
        "greatest": "max({all})",
        "now": "strftime('%Y-%m-%d %H:%M:%f', 'now')",
        "late": _LATE,
        "cadence": str(DEFAULT_CADENCE_MINUTES),
        "sum_minutes": "round(sum({0}), 4)",
        "day_before": "date({0}, '-1 day')",
        "day_after": "date({0}, '+1 day')",
        "forever": "'9999-12-31 00:00:00.000000'",
    },
}
#: The dialects in which the views run.
DIALECTS = tuple(WORDS)
_INNERMOST = re.compile(r"\$(\w+)\b(?:\[([^\[\]]*)\]|(?!\[))")
_OWN_NAME = re.compile(r"(?<![\w.])iyzico_\w+")  # after a dot it is a column


def view_statements(dialect: str, schema: str | None = None) -> list[tuple[str, str]]:
    """Return name and ``CREATE VIEW`` of every view; none where the dialect has no views of ours."""
    return [(name, view_statement(name, dialect, schema)) for name in VIEWS] if dialect in WORDS else []


def view_statement(name: str, dialect: str, schema: str | None = None) -> str:
    """Return the ``CREATE VIEW`` of one view in the words of one dialect.

    :param schema: where tables and views are; a plain identifier, checked by the caller
    """
    text = files(__package__).joinpath(f"{name}.sql").read_text(encoding="utf-8")
    return created(name, text, WORDS[dialect], schema)


def created(name: str, text: str, words: Mapping[str, str], schema: str | None, quote: str = '"') -> str:
    """Return the ``CREATE VIEW`` of a text in the words of one dialect.

    :param schema: where tables and views are; a plain identifier, checked by the caller
    :param quote: what stands around a name that needs it
    """
    while _INNERMOST.search(text):
        text = _INNERMOST.sub(lambda found: _say(found, words), text)
    head, query = re.match(r"((?:--[^\n]*\n)*)(.*)", text, re.DOTALL).groups()  # type: ignore[union-attr]
    query = _OWN_NAME.sub(lambda own: quoted(own[0], schema, quote), query)
    return f"{head}CREATE VIEW {quoted(name, schema, quote)} AS\n{query.strip()}"


def quoted(name: str, schema: str | None, quote: str = '"') -> str:
    """Return one of our names as SQL has it; only a schema may need quotes."""
    return f"{quote}{schema}{quote}.{name}" if schema else name


def _say(found: re.Match[str], words: Mapping[str, str]) -> str:
    arguments = [argument.strip() for argument in (found[2] or "").split(";")]
    return words[found[1]].format(*arguments, all=", ".join(arguments))
