"""Which tables and views belong together: those of the snapshots, and those of the gates."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy import Table, delete, text
from sqlalchemy.engine import Connection, Dialect
from sqlalchemy.schema import DDL, CreateIndex, CreateTable

from airflow_provider_iyzico.warehouse.database.layout import Layout
from airflow_provider_iyzico.warehouse.database.names import MYSQL
from airflow_provider_iyzico.warehouse.rollup.rebuild import rebuild
from airflow_provider_iyzico.warehouse.rollup.statements import IS_MARK
from airflow_provider_iyzico.warehouse.tables import SNAPSHOT_TABLE, report_tables, reports_for, rolled_up_for
from airflow_provider_iyzico.warehouse.views import view_statements
from airflow_provider_iyzico.warehouse.views.dialects import COLUMNAR

if TYPE_CHECKING:
    from sqlalchemy.schema import ExecutableDDLElement

GATE_VIEW = "iyzico_payout_coverage"


def layout_of(table: Table) -> Layout:
    """Return what belongs to a table of snapshots, or to that of the gates."""
    return Layout(
        table,
        statements=partial(create_statements, table),
        fill=partial(_fill, table),
        printed_by="python -m airflow_provider_iyzico.warehouse ddl",
    )


def create_statements(table: Table, dialect: Dialect) -> list[tuple[str, ExecutableDDLElement]]:
    """Return the statements that make a table and what belongs to it, each with the name of its table or view.

    To a snapshot table belong, where they run, all reports, and to the gates' table the one view that reads nothing else: a gate
    makes no more than that.
    """
    reports = reports_for(table, dialect.name)
    gate = report_tables(table.schema).gate
    others = [*rolled_up_for(table, dialect.name)]
    if table.name == SNAPSHOT_TABLE:
        others += [reports.threshold, gate] if reports else [gate]
    statements: list[tuple[str, ExecutableDDLElement]] = []
    for each in [table, *others]:
        statements.append((each.name, CreateTable(each)))
        if dialect.name not in COLUMNAR:  # these scan, and DuckDB's indexes are for keys
            statements += [(each.name, CreateIndex(index)) for index in each.indexes]
    for name, statement in view_statements(dialect.name, table.schema):
        if reports is not None or (table.name == gate.name and name == GATE_VIEW):
            statements.append((name, DDL(statement.replace("%", "%%"))))  # type: ignore[no-untyped-call]
    return statements


def _fill(table: Table, connection: Connection, made: frozenset[str]) -> None:
    """Compute the roll-up of the snapshots that are older than its tables. On MySQL and MariaDB the next snapshot does."""
    if table.name in made or not any(each.name in made for each in rolled_up_for(table, connection.dialect.name)):
        return
    report_day = report_tables(table.schema).report_day
    if connection.dialect.name not in MYSQL:
        rebuild(connection, table.schema)
    elif report_day.name not in made:
        connection.execute(delete(report_day).where(text(IS_MARK)))
