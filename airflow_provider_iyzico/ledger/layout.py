"""What makes the ledger: its tables, its view, and the rights that each role needs."""

from __future__ import annotations

from functools import cache, partial
from importlib.resources import files
from typing import TYPE_CHECKING

from sqlalchemy.engine import Connection, Dialect
from sqlalchemy.schema import DDL, CreateIndex, CreateTable

from airflow_provider_iyzico.ledger.tables import ledger_tables
from airflow_provider_iyzico.warehouse.database.layout import Layout
from airflow_provider_iyzico.warehouse.views import LESS_IN_SQLITE, MONEY_IN_SQLITE, created

if TYPE_CHECKING:
    from sqlalchemy.schema import ExecutableDDLElement

AVAILABLE_VIEW = "iyzico_balance_available"
PRINTED_BY = "python -m airflow_provider_iyzico.ledger ddl"
_LISTED_IN_MYSQL = "group_concat({0} ORDER BY {1} SEPARATOR ', ')"
#: MySQL cuts such a list after 1024 bytes, in the middle of an amount: then the last holder is left out.
_HOLDERS_IN_MYSQL = (
    f"CASE WHEN char_length({_LISTED_IN_MYSQL}) = sum(char_length({{0}})) + 2 * (count(*) - 1) THEN {_LISTED_IN_MYSQL} "
    f"ELSE concat(substring_index({_LISTED_IN_MYSQL}, ', ', "
    f"(char_length({_LISTED_IN_MYSQL}) - char_length(replace({_LISTED_IN_MYSQL}, ', ', ''))) DIV 2), ', ...') END"
)
#: How each dialect says the things in the view that are not the same everywhere.
_WORDS = {
    "postgresql": {
        "now": "clock_timestamp()",
        "money": "{0}",
        "less": "{0} - {1}",
        "holders": "string_agg({0}, ', ' ORDER BY {1})",
        "joined": "{0} || ' ' || {1}",
    },
    "sqlite": {
        "now": "strftime('%Y-%m-%d %H:%M:%f', 'now')",
        "money": MONEY_IN_SQLITE,
        "less": LESS_IN_SQLITE,
        "holders": "group_concat({0}, ', ')",
        "joined": "{0} || ' ' || {1}",
    },
    "mysql": {
        "now": "UTC_TIMESTAMP(6)",
        "money": "{0}",
        "less": "{0} - {1}",
        "holders": _HOLDERS_IN_MYSQL,
        "joined": "concat({0}, ' ', {1})",
    },
}
_WORDS["mariadb"] = _WORDS["mysql"]


@cache
def ledger_layout(schema: str | None = None) -> Layout:
    """Return the tables and the view of the ledger in a schema."""
    return Layout(
        ledger_tables(schema).payout,
        statements=partial(_statements, schema),
        views=frozenset({AVAILABLE_VIEW}),
        fill=_nothing_to_fill,
        printed_by=PRINTED_BY,
    )


def _nothing_to_fill(connection: Connection, made: frozenset[str]) -> None:
    """A ledger begins empty."""


def _view(schema: str | None, dialect: Dialect) -> str:
    text = files(__package__).joinpath(f"{AVAILABLE_VIEW}.sql").read_text(encoding="utf-8")
    quote = "`" if dialect.name in ("mysql", "mariadb") else '"'
    return created(AVAILABLE_VIEW, text, _WORDS[dialect.name], schema, quote)


def _statements(schema: str | None, dialect: Dialect) -> list[tuple[str, ExecutableDDLElement]]:
    statements: list[tuple[str, ExecutableDDLElement]] = []
    for table in ledger_tables(schema):
        statements.append((table.name, CreateTable(table)))
        statements += [(table.name, CreateIndex(index)) for index in table.indexes]
    statements.append((AVAILABLE_VIEW, DDL(_view(schema, dialect).replace("%", "%%"))))  # type: ignore[no-untyped-call]
    return statements
