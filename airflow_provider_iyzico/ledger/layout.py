"""What makes the ledger: its tables and views."""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING

from sqlalchemy.engine import Connection, Dialect
from sqlalchemy.schema import DDL, CreateIndex, CreateTable

from airflow_provider_iyzico.ledger.tables import ledger_tables
from airflow_provider_iyzico.ledger.views import view_statements
from airflow_provider_iyzico.warehouse.database.layout import Layout

if TYPE_CHECKING:
    from sqlalchemy.schema import ExecutableDDLElement

PRINTED_BY = "python -m airflow_provider_iyzico.ledger ddl"


@cache
def ledger_layout(schema: str | None = None, *, with_rollforward: bool = False) -> Layout:
    """Return the tables and views of the ledger in a schema.

    :param with_rollforward: with the views that compare the ledger with the warehouse in that schema
    """
    return Layout(
        ledger_tables(schema).payout,
        statements=partial(_statements, schema, with_rollforward),
        fill=_nothing_to_fill,
        printed_by=PRINTED_BY,
    )


def _nothing_to_fill(connection: Connection, made: frozenset[str]) -> None:
    """A ledger begins empty."""


def _statements(schema: str | None, with_rollforward: bool, dialect: Dialect) -> list[tuple[str, ExecutableDDLElement]]:
    statements: list[tuple[str, ExecutableDDLElement]] = []
    for table in ledger_tables(schema):
        statements.append((table.name, CreateTable(table)))
        statements += [(table.name, CreateIndex(index)) for index in table.indexes]
    for name, text in view_statements(dialect.name, schema, with_rollforward=with_rollforward):
        statements.append((name, DDL(text.replace("%", "%%"))))  # type: ignore[no-untyped-call]
    return statements
