"""The reporting views: one file each, whose header says its grain and its question.

The files are SQL for every dialect in ``dialects``. Where these differ, the files say what they mean, as ``$minutes[from; to]``,
and each dialect has its own words for it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files

from airflow_provider_iyzico.warehouse.views.dialects import COLUMNAR, WORDS

#: In the order in which they build on one another.
VIEWS = (
    "iyzico_balance_observed",
    "iyzico_balance_latest",
    "iyzico_balance_interval",
    "iyzico_balance_movement",
    "iyzico_balance_daily",
    "iyzico_balance_below",
    "iyzico_payout_coverage",
    "iyzico_balance_runway",
    "iyzico_snapshot_gap",
)
#: The roll-up of columnar warehouses. They build on the first of the others, and all the rest builds on them.
ROLL_UP_VIEWS = ("iyzico_account", "iyzico_report_day", "iyzico_balance_day")
#: The dialects in which the views run.
DIALECTS = tuple(WORDS)
_INNERMOST = re.compile(r"\$(\w+)\b(?:\[([^\[\]]*)\]|(?!\[))")
_OWN_NAME = re.compile(r"(?<![\w.])iyzico_\w+")  # after a dot it is a column


def view_names(dialect: str) -> tuple[str, ...]:
    """Return the views of a dialect, in the order in which they build on one another; none where it has no views of ours."""
    if dialect not in WORDS:
        return ()
    return (VIEWS[0], *ROLL_UP_VIEWS, *VIEWS[1:]) if dialect in COLUMNAR else VIEWS


def view_statements(dialect: str, schema: str | None = None) -> list[tuple[str, str]]:
    """Return name and ``CREATE VIEW`` of every view of a dialect."""
    return [(name, view_statement(name, dialect, schema)) for name in view_names(dialect)]


def view_statement(name: str, dialect: str, schema: str | None = None) -> str:
    """Return the ``CREATE VIEW`` of one view in the words of one dialect.

    :param schema: where tables and views are; a plain identifier, checked by the caller
    """
    text = files(__package__).joinpath(f"{name}.sql").read_text(encoding="utf-8")
    return created(name, text, WORDS[dialect], schema)


def created(name: str, text: str, words: Mapping[str, str], schema: str | None) -> str:
    """Return the ``CREATE VIEW`` of a text in the words of one dialect.

    :param words: those of ``dialects``, or more; ``quote`` is what stands around a name that needs it
    :param schema: where tables and views are; a plain identifier, checked by the caller
    """
    quote = words["quote"]
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
