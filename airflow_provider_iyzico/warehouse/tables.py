"""The tables that finance reads. Columns are added, never renamed."""

from __future__ import annotations

import re

from sqlalchemy import Column, Date, Index, Integer, MetaData, String, Table
from sqlalchemy.engine import Dialect
from sqlalchemy.engine.url import URL
from sqlalchemy.exc import NoSuchModuleError
from sqlalchemy.schema import CreateIndex, CreateTable, ExecutableDDLElement

from airflow_provider_iyzico.errors import WarehouseConfigurationError
from airflow_provider_iyzico.warehouse.types import Instant, money_type

SNAPSHOT_TABLE = "iyzico_balance_snapshot"
#: Whose DDL is printed. The last three are not part of SQLAlchemy.
DIALECTS = ("postgresql", "sqlite", "mysql", "snowflake", "bigquery", "redshift")
#: Dialects that are not part of SQLAlchemy, and the package that brings them.
_DIALECT_PACKAGES = {"snowflake": "snowflake-sqlalchemy", "bigquery": "sqlalchemy-bigquery", "redshift": "sqlalchemy-redshift"}
#: Columnar warehouses, which have no indexes.
_WITHOUT_INDEXES = frozenset({"snowflake", "bigquery", "redshift"})
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}\Z")


def snapshot_table(name: str = SNAPSHOT_TABLE, schema: str | None = None) -> Table:
    """Return the table of balance snapshots, version 1: one row per task instance.

    :raises WarehouseConfigurationError: ``name`` or ``schema`` is not a plain identifier
    """
    check_identifier(name, "table")
    if schema is not None:
        check_identifier(schema, "schema")
    identity, key = String(250), String(64)
    return Table(
        name,
        MetaData(),
        Column("snapshot_id", String(36), primary_key=True),
        Column("account", key, nullable=False),
        Column("environment", String(16), nullable=False),
        Column("currency", String(3), nullable=False),
        Column("balance", money_type(), nullable=False),
        Column("balance_raw", key, nullable=False),
        Column("observed_at", Instant(), nullable=False),
        Column("system_time", Instant()),
        Column("latency_ms", Integer, nullable=False),
        Column("report_timezone", key, nullable=False),
        Column("local_date", Date, nullable=False),
        Column("dag_id", identity, nullable=False),
        Column("task_id", identity, nullable=False),
        Column("run_id", identity, nullable=False),
        Column("map_index", Integer, nullable=False),
        Column("try_number", Integer, nullable=False),
        Column("logical_date", Instant()),
        Column("data_interval_start", Instant()),
        Column("data_interval_end", Instant()),
        Column("provider_version", String(32), nullable=False),
        Column("inserted_at", Instant(), nullable=False),
        Index(f"ix_{name[:45]}_observed", "account", "currency", "observed_at"),
        schema=schema,
    )


def create_statements(table: Table, dialect: Dialect) -> list[ExecutableDDLElement]:
    """Return what makes ``table`` on that dialect; columnar warehouses have no indexes."""
    indexes = [] if dialect.name in _WITHOUT_INDEXES else [CreateIndex(index) for index in table.indexes]
    return [CreateTable(table), *indexes]


def ddl(table: Table, dialect: Dialect) -> str:
    """Return the statements that create ``table``, as one script for a DBA."""
    text = ";\n\n".join(str(each.compile(dialect=dialect)).strip() for each in create_statements(table, dialect)) + ";\n"
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


def check_identifier(name: object, what: str) -> None:
    """Accept letters, digits and underscores only; everything else would need trust.

    :raises WarehouseConfigurationError: it is something else
    """
    if not isinstance(name, str) or not _IDENTIFIER.match(name):
        raise WarehouseConfigurationError(
            f"{what} is {name!r}; use letters, digits and underscores, at most 63, not beginning with a digit"
            + ("; name the schema in its own parameter" if isinstance(name, str) and "." in name else "")
        )
