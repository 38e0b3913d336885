"""Making the tables and views that are missing."""

from __future__ import annotations

import logging

from sqlalchemy import Table, inspect, text
from sqlalchemy.engine import Engine

from airflow_provider_iyzico.errors import WarehouseError, WarehouseTableError, WarehouseUnavailableError
from airflow_provider_iyzico.warehouse.database.faults import cause, errors_of, first_line, is_passing, unreachable
from airflow_provider_iyzico.warehouse.database.transaction import transaction
from airflow_provider_iyzico.warehouse.ddl import create_statements, ddl
from airflow_provider_iyzico.warehouse.rebuilding import rebuild
from airflow_provider_iyzico.warehouse.tables import report_tables
from airflow_provider_iyzico.warehouse.views import VIEWS

#: The server itself says what a name means: a search path has many schemas, and a view may be materialized.
_ABSENT = text(
    "SELECT name FROM unnest(CAST(:names AS text[])) AS name "
    "WHERE to_regclass(CAST(:prefix AS text) || quote_ident(name)) IS NULL"
)
log = logging.getLogger(__name__)


def ensure(engine: Engine, table: Table, error: Exception, *, create_table: bool = True) -> None:
    """After a statement failed, make the tables and views that belong to ``table`` and are missing.

    A view that cannot be made is logged: a snapshot or a record does without.

    :raises WarehouseTableError: a table is missing and may not or cannot be made
    :raises WarehouseUnavailableError: the warehouse did not answer, or a table is missing and could not be made now
    """
    missing = _missing(engine, table)
    tables = [name for name in missing if name not in VIEWS]
    if tables and not create_table:
        raise WarehouseTableError(
            f"{', '.join(missing)} not there, and create_table is False; have it made by:\n{ddl(table, engine.dialect)}"
        ) from cause(error)
    if tables:
        _create(engine, table, tables)
    if create_table:
        complete(engine, table)


def complete(engine: Engine, table: Table) -> None:
    """Make what else is missing; where that fails, say by which command it is made."""
    try:
        _create(engine, table, _missing(engine, table))
    except WarehouseError as error:
        schema = f" --schema {table.schema}" if table.schema else ""
        log.warning(
            "%s; the rows are kept, the reports are not complete. Print what makes them: "
            "python -m airflow_provider_iyzico.warehouse ddl --dialect %s%s",
            str(error).partition("; have it made by")[0],
            engine.dialect.name,
            schema,
        )


def _missing(engine: Engine, table: Table) -> list[str]:
    """Return which of the tables and views that belong to ``table`` are not there."""
    names = list(dict(create_statements(table, engine.dialect)))
    try:
        return absent(engine, names, table.schema)
    except errors_of(engine) as error:
        raise unreachable(engine, error) from cause(error)


def absent(engine: Engine, names: list[str], schema: str | None) -> list[str]:
    """Return which tables and views are not there for a statement that names them so, of whatever kind they are."""
    if engine.dialect.name != "postgresql":
        inspector = inspect(engine)
        there = {*inspector.get_table_names(schema=schema), *inspector.get_view_names(schema=schema)}
        return [name for name in names if name not in there]
    with engine.connect() as connection, transaction(connection):
        values = {"names": names, "prefix": f'"{schema}".' if schema else ""}
        return list(connection.execute(_ABSENT, values).scalars())


def _create(engine: Engine, table: Table, missing: list[str]) -> None:
    """Make what is missing. Where others make it at the same time, go on as long as somebody gets further."""
    is_late = table.name not in missing and any(each.name in missing for each in report_tables(table.schema).rolled_up)
    wanted = set(missing)
    while missing:
        try:
            with engine.connect() as connection, transaction(connection, writes_at_once=True):
                for name, statement in create_statements(table, engine.dialect):
                    if name in missing:
                        connection.execute(statement)
                if is_late:
                    rebuild(connection, table.schema)
            return
        except errors_of(engine) as error:
            still = [name for name in _missing(engine, table) if name in wanted]
            if len(still) == len(missing):
                if is_passing(error):
                    raise WarehouseUnavailableError(
                        f"{', '.join(still)} could not be made now ({first_line(error)}); a retry is safe"
                    ) from cause(error)
                raise WarehouseTableError(
                    f"{', '.join(still)} could not be made ({first_line(error)}); have it made by:\n{ddl(table, engine.dialect)}"
                ) from cause(error)
            missing = still
