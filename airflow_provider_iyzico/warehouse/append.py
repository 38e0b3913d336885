"""The one append: exact, idempotent, and read back before it is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, TypeVar

from sqlalchemy import Table, exists, insert, inspect, literal, select
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import IntegrityError

from airflow_provider_iyzico.errors import (
    WarehouseConfigurationError,
    WarehouseError,
    WarehouseExactnessError,
    WarehouseTableError,
    WarehouseUnavailableError,
)
from airflow_provider_iyzico.warehouse import statements
from airflow_provider_iyzico.warehouse.bounds import SNAPSHOT
from airflow_provider_iyzico.warehouse.database.by_hand import naming_rows_by_hand
from airflow_provider_iyzico.warehouse.database.engine import prepare
from airflow_provider_iyzico.warehouse.database.exact import exactly
from airflow_provider_iyzico.warehouse.database.faults import advice, cause, errors_of, first_line, is_passing, unreachable
from airflow_provider_iyzico.warehouse.database.patience import Watch
from airflow_provider_iyzico.warehouse.database.statements import DIALECTS
from airflow_provider_iyzico.warehouse.database.transaction import transaction
from airflow_provider_iyzico.warehouse.ddl import ddl
from airflow_provider_iyzico.warehouse.local_day import local_date
from airflow_provider_iyzico.warehouse.making import complete, ensure
from airflow_provider_iyzico.warehouse.reports import enter, read_back, reports_for, roll_up
from airflow_provider_iyzico.warehouse.stored import as_given, day_as_given
from airflow_provider_iyzico.warehouse.tables import account_of, report_tables

#: These enforce a primary key; any other warehouse gets a conditional insert.
_ENFORCES_KEYS = frozenset({"postgresql", "sqlite", "mysql", "mariadb", "mssql", "oracle"})
T = TypeVar("T")

#: How the report of a bent row ends.
_NOTHING_KEPT = "nothing was kept"
_KEPT_NEVERTHELESS = "the row is there nevertheless, for the table has no transactions: delete it, and make the table InnoDB"

Row = Mapping[str, Any]


@exactly
def append(engine: Engine, table: Table, row: Row, *, create_table: bool) -> dict[str, Any]:
    """Add ``row`` unless its key is there already, and return what the table holds for that key.

    First write wins: a retry, a commit whose acknowledgement was lost, or a second copy of the task adds nothing. The row is read
    inside the transaction, after triggers have run, and compared, so that a warehouse that bends a digit keeps nothing. What a
    trigger does at the commit cannot be seen before it; so PostgreSQL's deferred constraint triggers are told to run at once.

    :param row: a value for every column of ``table``, as ``Decimal``, aware ``datetime``, ``date``, ``str`` or ``int``
    :param create_table: make a missing table or view; otherwise say by which DDL
    :raises WarehouseExactnessError: what came back is not what was given
    :raises WarehouseTableError: the table is missing, or has another shape
    :raises WarehouseRowError: a row of the account holds what cannot be read
    :raises WarehouseUnavailableError: the warehouse did not answer; a retry is safe
    :raises WarehouseError: the warehouse refused for a reason of its own
    """
    engine = prepare(engine)
    with Watch(SNAPSHOT):
        stored, missing = persist(engine, table, lambda: _append(engine, table, row), create_table=create_table)
        if missing and create_table:
            complete(engine, table)
        return stored


def persist(engine: Engine, table: Table, idempotent_act: Callable[[], T], *, create_table: bool = True) -> T:
    """Act on ``table``: retry once after an error that may have passed, and once after creating what is missing.

    :param idempotent_act: adds nothing when it runs again, because a commit that seemed to fail may have succeeded
    :raises WarehouseError: that did not help; see :func:`append`
    """
    before: Exception | None = None
    while True:
        try:
            return idempotent_act()
        except errors_of(engine) as error:
            if before is not None and (is_passing(error) or not is_passing(before)):
                raise explained(engine, table, error) from cause(error)
            if not is_passing(error):
                ensure(engine, table, error, create_table=create_table)
            before = error


def _append(engine: Engine, table: Table, row: Row) -> tuple[dict[str, Any], int]:
    """Return what the table holds, and how many of the tables and views beside it are missing."""
    conflict, bent = None, None
    reports = reports_for(table, engine.dialect.name)
    with (
        engine.connect() as connection,
        naming_rows_by_hand(connection, [table, *(reports.rolled_up if reports else ())], account_of(row)),
    ):
        try:
            with transaction(connection) as begun:
                if (kept := _keep(connection, table, row)) is not None:
                    return kept
                begun.rollback()  # nothing was added, so the account was not seen again either
        except IntegrityError as error:
            conflict = error
        except WarehouseExactnessError as error:
            bent = str(error)
        with transaction(connection):
            there = _read(connection, table, row)
        is_bent = there is not None and there["balance"] != Decimal(there["balance_raw"])
    if bent is not None:
        raise WarehouseExactnessError(f"{bent}; {_NOTHING_KEPT if there is None else _KEPT_NEVERTHELESS}")
    if there is None:
        raise conflict or WarehouseExactnessError(f"table {table.fullname!r} took a row and does not show it")
    if is_bent:
        kind = table.c.balance.type.compile(engine.dialect)
        raise WarehouseExactnessError(
            f"table {table.fullname!r} holds balance {there['balance']} and balance_raw {there['balance_raw']!r} with "
            f"{_key(table)} {row[_key(table)]}; delete the row, let the column be {kind}, and try again"
        )
    return there, 0


def _keep(connection: Connection, table: Table, row: Row) -> tuple[dict[str, Any], int] | None:
    """Add ``row``, read it back and roll it up; return nothing if its key is there already."""
    account = enter(connection, table, row)
    if not _add(connection, table, row):
        return None
    if account is None:
        return as_given(connection, table, row, _read(connection, table, row)), 0
    stored, day = read_back(connection, table, row, local_date(row["observed_at"], account.report_timezone))
    kept = as_given(connection, table, row, stored)
    for written in roll_up(connection, table, kept, account, day):
        stored, day = read_back(connection, table, row, written.local_date)
        day_as_given(connection, report_tables(table.schema).balance_day, written._asdict(), day and day._asdict())
        as_given(connection, table, row, stored)
    return kept, account.missing


def _add(connection: Connection, table: Table, row: Row) -> bool:
    """Add ``row``; where its key is there already, return false or fail with an ``IntegrityError``."""
    dialect = connection.dialect.name
    statement: Any
    if dialect not in _ENFORCES_KEYS:
        columns = [table.c[name] for name in row]
        values = select(*[literal(row[column.name], column.type) for column in columns])
        statement = insert(table).from_select(columns, values.where(~exists().where(_is_row(table, row))))
    elif dialect not in DIALECTS:
        statement = insert(table).values(dict(row))
    else:
        return statements.add(table, dialect).run(connection, row).rowcount != 0
    return connection.execute(statement.execution_options(preserve_rowcount=True)).rowcount != 0


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


def explained(engine: Engine, table: Table, error: Exception) -> WarehouseError:
    """Say what a failed append means, now that the table is known to be there."""
    try:
        inspector = inspect(engine)
        there = {str(column["name"]).lower() for column in inspector.get_columns(table.name, schema=table.schema)}
        key = inspector.get_pk_constraint(table.name, schema=table.schema)["constrained_columns"]
    except errors_of(engine) as gone:
        return unreachable(engine, gone)
    missing = [column.name for column in table.columns if column.name not in there]
    if missing:
        return WarehouseTableError(
            f"table {table.fullname!r} has another shape: it lacks {missing}. Name another table, or add what is missing from:\n"
            f"{ddl(table, engine.dialect)}"
        )
    passes = is_passing(error)
    if key != [_key(table)] and not passes and engine.dialect.name in _ENFORCES_KEYS:
        return WarehouseTableError(f"table {table.fullname!r} lacks its primary key, {_key(table)}: {first_line(error)}")
    if (helps := advice(error)) is not None:
        return WarehouseConfigurationError(f"table {table.fullname!r} refused the row: {helps}")
    kind = WarehouseUnavailableError if passes else WarehouseError
    return kind(f"table {table.fullname!r} refused the row: {first_line(error)}")
