"""Tables and views that belong together: making those that are missing, and printing what makes them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy import Table, inspect, text
from sqlalchemy.engine import Connection, Dialect, Engine
from sqlalchemy.engine.url import URL
from sqlalchemy.exc import NoSuchModuleError
from sqlalchemy.schema import CreateTable

from airflow_provider_iyzico.errors import (
    WarehouseConfigurationError,
    WarehouseError,
    WarehouseTableError,
    WarehouseUnavailableError,
)
from airflow_provider_iyzico.warehouse.database.faults import cause, errors_of, first_line, is_passing, is_taken, unreachable
from airflow_provider_iyzico.warehouse.database.names import MYSQL
from airflow_provider_iyzico.warehouse.database.patience import in_turn
from airflow_provider_iyzico.warehouse.database.transaction import transaction

if TYPE_CHECKING:
    from sqlalchemy.schema import ExecutableDDLElement

#: Whose DDL is printed.
PRINTED_DIALECTS = ("postgresql", "sqlite", "mysql", "duckdb", "snowflake", "bigquery", "redshift", "trino")
#: Dialects that are not part of SQLAlchemy, and the package that brings them.
_DIALECT_PACKAGES = {
    "duckdb": "duckdb-sqlalchemy",
    "snowflake": "snowflake-sqlalchemy",
    "bigquery": "sqlalchemy-bigquery",
    "redshift": "sqlalchemy-redshift",
    "trino": "trino[sqlalchemy]",
}
#: The server itself says what a name means: a search path has many schemas, and a view may be materialized.
_ABSENT = text(
    "SELECT name FROM unnest(CAST(:names AS text[])) AS name "
    "WHERE to_regclass(CAST(:prefix AS text) || quote_ident(name)) IS NULL"
)
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Layout:
    """A table, and the tables and views that belong to it.

    :param table: where the rows go; errors name it
    :param statements: returns for a dialect what makes them: names of tables and views, and their statements, in order
    :param fill: computes what late tables hold; is told all that was missing, in the transaction that makes it. MySQL and MariaDB
        commit each table that they make, so there ``fill`` comes before them, and notes what is to be computed
    :param printed_by: the command that prints the statements
    """

    table: Table
    statements: Callable[[Dialect], list[tuple[str, ExecutableDDLElement]]]
    fill: Callable[[Connection, frozenset[str]], None]
    printed_by: str


def ddl(layout: Layout, dialect: Dialect) -> str:
    """Return the statements that make a layout, as one script for a DBA."""
    printed = copy(dialect)
    printed.paramstyle = "named"  # others double each percent sign, for drivers that take it for a value
    printed.identifier_preparer = printed.preparer(printed)
    parts = [str(statement.compile(dialect=printed)).strip() for _, statement in layout.statements(dialect)]
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
        advice = f"install {package}" if package else f"name one of {', '.join(PRINTED_DIALECTS)}"
        raise WarehouseConfigurationError(f"SQLAlchemy has no dialect {name!r} here; {advice}") from error
    return dialect


def ensure(engine: Engine, layout: Layout, error: Exception, *, create_table: bool = True) -> None:
    """After a statement failed, make the tables and views of the layout that are missing.

    A view that cannot be made is logged: rows do without.

    :raises WarehouseTableError: a table is missing and may not or cannot be made
    :raises WarehouseUnavailableError: the warehouse did not answer, or a table is missing and could not be made now
    """
    missing = _missing(engine, layout)
    needed = {name for name, statement in layout.statements(engine.dialect) if isinstance(statement, CreateTable)}
    tables = [name for name in missing if name in needed]
    if tables and not create_table:
        raise WarehouseTableError(
            f"{', '.join(missing)} not there, and create_table is False; have it made by:\n{ddl(layout, engine.dialect)}"
        ) from cause(error)
    if tables:
        _create(engine, layout, tables)
    if create_table:
        complete(engine, layout)


def complete(engine: Engine, layout: Layout) -> None:
    """Make what else is missing; where that fails, say by which command it is made."""
    try:
        missing = _missing(engine, layout)
    except WarehouseError as error:
        log.warning("%s; the rows are kept. With the next rows, missing views are looked for again", error)
        return
    try:
        _create(engine, layout, missing)
    except WarehouseError as error:
        dialect = engine.dialect.name.replace("mariadb", "mysql")
        schema = f" --schema {layout.table.schema}" if layout.table.schema else ""
        log.warning(
            "%s; the rows are kept, but reports are missing. This prints the statements that make them: %s --dialect %s%s",
            str(error).partition("; have it made by")[0],
            layout.printed_by,
            dialect,
            schema,
        )


def absent(engine: Engine, names: list[str], schema: str | None) -> list[str]:
    """Return which tables and views are not there for a statement that names them so, of whatever kind they are."""
    if engine.dialect.name != "postgresql":
        inspector = inspect(engine)
        there = {*inspector.get_table_names(schema=schema), *inspector.get_view_names(schema=schema)}
        return [name for name in names if name not in there]
    with engine.connect() as connection, transaction(connection):
        values = {"names": names, "prefix": f'"{schema}".' if schema else ""}
        return list(connection.execute(_ABSENT, values).scalars())


def _missing(engine: Engine, layout: Layout) -> list[str]:
    names = list(dict(layout.statements(engine.dialect)))
    try:
        return absent(engine, names, layout.table.schema)
    except errors_of(engine) as error:
        raise unreachable(engine, error) from cause(error)


def _create(engine: Engine, layout: Layout, missing: list[str]) -> None:
    """Make what is missing. Where others make it at the same time, go on as long as somebody gets further."""
    wanted = frozenset(missing)
    while missing:
        try:
            in_turn(partial(_make, engine, layout, missing, wanted), is_taken)
            return
        except errors_of(engine) as error:
            still = [name for name in _missing(engine, layout) if name in wanted]
            if len(still) == len(missing):
                if is_passing(error):
                    raise WarehouseUnavailableError(
                        f"{', '.join(still)} could not be made now ({first_line(error)}); a retry is safe"
                    ) from cause(error)
                raise WarehouseTableError(
                    f"{', '.join(still)} could not be made ({first_line(error)}); have it made by:\n{ddl(layout, engine.dialect)}"
                ) from cause(error)
            missing = still


def _make(engine: Engine, layout: Layout, missing: list[str], wanted: frozenset[str]) -> None:
    with engine.connect() as connection, transaction(connection, writes_at_once=True):
        if engine.dialect.name in MYSQL:
            layout.fill(connection, wanted)
        for name, statement in layout.statements(engine.dialect):
            if name in missing:
                connection.execute(statement)
        if engine.dialect.name not in MYSQL:
            layout.fill(connection, wanted)
