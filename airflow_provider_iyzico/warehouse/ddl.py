"""How tables and views come to be: by ourselves, or by a DBA who is handed the same statements."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Table
from sqlalchemy.engine import Dialect
from sqlalchemy.engine.url import URL
from sqlalchemy.exc import NoSuchModuleError
from sqlalchemy.schema import DDL, CreateIndex, CreateTable

from airflow_provider_iyzico.errors import WarehouseConfigurationError
from airflow_provider_iyzico.warehouse.reports import reports_for
from airflow_provider_iyzico.warehouse.tables import SNAPSHOT_TABLE, report_tables
from airflow_provider_iyzico.warehouse.views import view_statements

if TYPE_CHECKING:
    from sqlalchemy.schema import ExecutableDDLElement

#: Whose DDL is printed. The last three are not part of SQLAlchemy.
DIALECTS = ("postgresql", "sqlite", "mysql", "snowflake", "bigquery", "redshift")
#: Dialects that are not part of SQLAlchemy, and the package that brings them.
_DIALECT_PACKAGES = {"snowflake": "snowflake-sqlalchemy", "bigquery": "sqlalchemy-bigquery", "redshift": "sqlalchemy-redshift"}
GATE_VIEW = "iyzico_payout_coverage"
#: Columnar warehouses, which have no indexes.
_WITHOUT_INDEXES = frozenset({"snowflake", "bigquery", "redshift"})


def create_statements(table: Table, dialect: Dialect) -> list[tuple[str, ExecutableDDLElement]]:
    """Return what makes a table and what belongs to it: names of tables and views, and their statements.

    To a snapshot table belong, where they run, all reports, and to the gates' table the one view that reads nothing else: a gate
    makes no more than that.
    """
    reports = reports_for(table, dialect.name)
    gate = report_tables(table.schema).gate
    others = reports or ([gate] if table.name == SNAPSHOT_TABLE else [])
    statements: list[tuple[str, ExecutableDDLElement]] = []
    for each in [table, *others]:
        statements.append((each.name, CreateTable(each)))
        if dialect.name not in _WITHOUT_INDEXES:
            statements += [(each.name, CreateIndex(index)) for index in each.indexes]
    for name, statement in view_statements(dialect.name, table.schema):
        if reports is not None or (table.name == gate.name and name == GATE_VIEW):
            statements.append((name, DDL(statement.replace("%", "%%"))))  # type: ignore[no-untyped-call]
    return statements


def ddl(table: Table, dialect: Dialect) -> str:
    """Return the statements that create everything that belongs to ``table``, as one script for a DBA."""
    parts = [str(statement.compile(dialect=dialect)).strip() for _, statement in create_statements(table, dialect)]
    text = ";\n\n".join(parts) + ";\n"
    return "\n".join(line.rstrip() for line in text.replace("\t", "    ").splitlines()) + "\n"


def dialect_named(name: str) -> Dialect:
    """Return SQLAlchemy's dialect of that name.

    :raises WarehouseConfigurationError: it is unknown, or its package is not installed
    """
    try:
        dialect: Dialect = URL.create(name).get_dialect()()
    except (NoSuchModuleError, ImportError) as error:
        package = _DIALECT_PACKAGES.get(name)
        advice = f"install {package}" if package else f"name one of {', '.join(DIALECTS)}"
        raise WarehouseConfigurationError(f"SQLAlchemy has no dialect {name!r} here; {advice}") from error
    return dialect
