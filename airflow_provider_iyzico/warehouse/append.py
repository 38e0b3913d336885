"""The one append: exact, idempotent, and read back before it is kept."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, TypeVar

from sqlalchemy import Table, event, exists, insert, inspect, literal, select
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError, SQLAlchemyError

from airflow_provider_iyzico.errors import (
    WarehouseError,
    WarehouseExactnessError,
    WarehouseTableError,
    WarehouseUnavailableError,
)
from airflow_provider_iyzico.warehouse import statements
from airflow_provider_iyzico.warehouse.ddl import create_statements, ddl
from airflow_provider_iyzico.warehouse.reports import enter, rebuild, roll_up
from airflow_provider_iyzico.warehouse.tables import report_tables

#: These enforce a primary key; any other warehouse gets a conditional insert.
_ENFORCES_KEYS = frozenset({"postgresql", "sqlite", "mysql", "mariadb", "mssql", "oracle"})
SQLITE_BUSY_MS = 30_000
#: Rights that are missing are ``OperationalError`` to MySQL's and MariaDB's drivers, as everything else is, but do not pass
#: (https://mariadb.com/kb/en/mariadb-error-code-reference/).
_MYSQL_DENIED = (1044, 1142, 1143, 1227, 1370)  # no set, since other drivers' words may not be hashable
T = TypeVar("T")

Row = Mapping[str, Any]


def append(engine: Engine, table: Table, row: Row, *, create_table: bool) -> dict[str, Any]:
    """Add ``row`` unless its key is there already, and return what the table holds for that key.

    First write wins: a retry, a commit whose acknowledgement was lost, or a second copy of the task adds nothing. The row is read
    back inside the transaction and compared, so that a warehouse that bends a digit keeps nothing.

    :param row: a value for every column of ``table``, as ``Decimal``, aware ``datetime``, ``date``, ``str`` or ``int``
    :param create_table: make a missing table; otherwise say by which DDL
    :raises WarehouseExactnessError: what came back is not what was given
    :raises WarehouseTableError: the table is missing, or has another shape
    :raises WarehouseUnavailableError: the warehouse did not answer; a retry is safe
    :raises WarehouseError: the warehouse refused for a reason of its own
    """
    engine = prepare(engine)
    return persist(engine, table, lambda: _append(engine, table, row), create_table=create_table)


def persist(engine: Engine, table: Table, act: Callable[[], T], *, create_table: bool = True) -> T:
    """Act on ``table``: once more where what failed may have passed, and once more after what is missing was made.

    :raises WarehouseError: that did not help; see :func:`append`
    """
    before: DBAPIError | None = None
    while True:
        try:
            return act()
        except DBAPIError as error:
            if before is not None and (_is_passing(error) or not _is_passing(before)):
                raise explained(engine, table, error) from _cause(error)
            if not _is_passing(error):
                ensure(engine, table, error, create_table=create_table)
            before = error


def ensure(engine: Engine, table: Table, error: DBAPIError, *, create_table: bool = True) -> None:
    """After a statement failed, make the tables and views that belong to ``table`` and are missing.

    :raises WarehouseTableError: something is missing and may not or cannot be made
    :raises WarehouseUnavailableError: the warehouse did not answer, or something is missing and could not be made now
    """
    missing = _missing(engine, table)
    if missing and not create_table:
        raise WarehouseTableError(
            f"{', '.join(missing)} not there, and create_table is False; have it made by:\n{ddl(table, engine.dialect)}"
        ) from _cause(error)
    if missing:
        _create(engine, table, missing)


def _append(engine: Engine, table: Table, row: Row) -> dict[str, Any]:
    conflict = None
    with engine.connect() as connection:
        transaction = connection.begin()
        try:
            account = enter(connection, table, row)
            stored = _add(connection, table, row)
            if stored is not None:
                _compare(table, row, stored)
                if account is not None:
                    roll_up(connection, table, row, account)
                transaction.commit()
                return stored
        except IntegrityError as error:
            conflict = error
        transaction.rollback()  # nothing was added, so the account was not seen anew either
        stored = _read(connection, table, row)
    if stored is None:
        raise conflict or WarehouseExactnessError(f"table {table.fullname!r} took a row and does not show it")
    return stored


def _add(connection: Connection, table: Table, row: Row) -> dict[str, Any] | None:
    """Add ``row`` and read it back; where its key is there already, return nothing or fail with an ``IntegrityError``."""
    dialect = connection.dialect.name
    statement: Any
    if dialect not in _ENFORCES_KEYS:
        columns = [table.c[name] for name in row]
        values = select(*[literal(row[column.name], column.type) for column in columns])
        statement = insert(table).from_select(columns, values.where(~exists().where(_is_row(table, row))))
    elif dialect not in statements.DIALECTS:
        statement = insert(table).values(dict(row))
    else:
        stored = connection.execute(statements.add(table, dialect), row).mappings().one_or_none()
        return None if stored is None else dict(stored)
    is_new = connection.execute(statement.execution_options(preserve_rowcount=True)).rowcount != 0
    return _read(connection, table, row) if is_new else None


def _read(connection: Connection, table: Table, row: Row) -> dict[str, Any] | None:
    found = connection.execute(select(table).where(_is_row(table, row))).mappings().all()
    if len(found) > 1:
        raise WarehouseTableError(
            f"table {table.fullname!r} holds {len(found)} rows with one {_key(table)}; it lacks its primary key"
        )
    return dict(found[0]) if found else None


def _is_row(table: Table, row: Row) -> Any:
    key = _key(table)
    return table.c[key] == row[key]


def _key(table: Table) -> str:
    return str(table.primary_key.columns.keys()[0])


def _compare(table: Table, row: Row, stored: Row) -> None:
    for name, given in row.items():
        if stored[name] != given:
            raise WarehouseExactnessError(
                f"column {name!r} of table {table.fullname!r} was given {given!r} and holds {stored[name]!r}; nothing was kept. "
                f"The column should be {table.c[name].type!r} "
                "(SQLite keeps numbers as REAL, which is exact to 15 digits)"
            )


def _missing(engine: Engine, table: Table) -> list[str]:
    """Return which of the tables and views that belong to ``table`` are not there."""
    try:
        inspector = inspect(engine)
        there = {*inspector.get_table_names(schema=table.schema), *inspector.get_view_names(schema=table.schema)}
    except SQLAlchemyError as error:
        raise WarehouseUnavailableError(
            f"the warehouse did not answer: {_first_line(error)}; check that it is up and that this worker may reach it"
        ) from _cause(error)
    return [name for name in dict(create_statements(table, engine.dialect)) if name not in there]


def _create(engine: Engine, table: Table, missing: list[str]) -> None:
    """Make what is missing. Where others make it at the same time, go on as long as somebody gets further."""
    is_late = table.name not in missing and any(each.name in missing for each in report_tables(table.schema).rolled_up)
    while missing:
        try:
            with engine.begin() as connection:
                if engine.dialect.name == "sqlite":
                    connection.exec_driver_sql("BEGIN IMMEDIATE")  # or each statement would be kept by itself
                for name, statement in create_statements(table, engine.dialect):
                    if name in missing:
                        connection.execute(statement)
                if is_late:
                    rebuild(connection, table.schema)
            return
        except SQLAlchemyError as error:
            still = _missing(engine, table)
            if len(still) == len(missing):
                if _is_passing(error):
                    raise WarehouseUnavailableError(
                        f"{', '.join(still)} could not be made now ({_first_line(error)}); a retry is safe"
                    ) from _cause(error)
                raise WarehouseTableError(
                    f"{', '.join(still)} could not be made ({_first_line(error)}); have it made by:\n{ddl(table, engine.dialect)}"
                ) from _cause(error)
            missing = still


def explained(engine: Engine, table: Table, error: DBAPIError) -> WarehouseError:
    """Say what a failed append means, now that the table is known to be there."""
    try:
        inspector = inspect(engine)
        there = {str(column["name"]).lower() for column in inspector.get_columns(table.name, schema=table.schema)}
        key = inspector.get_pk_constraint(table.name, schema=table.schema)["constrained_columns"]
    except SQLAlchemyError as gone:
        return WarehouseUnavailableError(f"the warehouse stopped answering: {_first_line(gone)}; a retry is safe")
    missing = [column.name for column in table.columns if column.name not in there]
    if missing:
        return WarehouseTableError(
            f"table {table.fullname!r} has another shape: it lacks {missing}. Name another table, or add what is missing from:\n"
            f"{ddl(table, engine.dialect)}"
        )
    is_passing = _is_passing(error)
    if key != [_key(table)] and not is_passing and engine.dialect.name in _ENFORCES_KEYS:
        return WarehouseTableError(f"table {table.fullname!r} lacks its primary key, {_key(table)}: {_first_line(error)}")
    kind = WarehouseUnavailableError if is_passing else WarehouseError
    return kind(f"table {table.fullname!r} refused the row: {_first_line(error)}")


def _is_passing(error: SQLAlchemyError) -> bool:
    """Tell whether the same statement may well succeed later."""
    if getattr(error, "connection_invalidated", False):
        return True
    cause = _cause(error)
    if getattr(cause, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR or (cause.args and cause.args[0] in _MYSQL_DENIED):
        return False
    return isinstance(error, (OperationalError, InterfaceError))


def _cause(error: Exception) -> BaseException:
    """Return the driver's own error; SQLAlchemy's around it repeats statement and parameters at length."""
    return getattr(error, "orig", None) or error


def _first_line(error: Exception) -> str:
    cause = _cause(error)
    return f"{type(cause).__name__}: {(str(cause).splitlines() or [''])[0][:200]}"


def prepare(engine: Engine) -> Engine:
    """Return the engine with what our transactions rest upon, whatever the Connection or the database say by default."""
    if engine.dialect.name in ("postgresql", "mysql", "mariadb"):  # which also turns autocommit off
        return engine.execution_options(isolation_level="READ COMMITTED")
    if engine.dialect.name == "sqlite" and not event.contains(engine, "connect", _prepare_sqlite):
        event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _: object) -> None:
    """Let several tasks write: wait for a lock instead of failing, and let readers read on."""
    # The mode stays with the file. While somebody is at work there it cannot be changed: then whoever comes next does.
    connection.execute("PRAGMA busy_timeout = 0")
    with suppress(sqlite3.OperationalError):
        connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA busy_timeout = {SQLITE_BUSY_MS}")
