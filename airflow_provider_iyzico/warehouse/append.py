"""The append of a snapshot: exact, idempotent, and read back before it is kept."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sqlalchemy import Table
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import IntegrityError

from airflow_provider_iyzico.errors import WarehouseExactnessError
from airflow_provider_iyzico.warehouse.bounds import SNAPSHOT
from airflow_provider_iyzico.warehouse.database import rows
from airflow_provider_iyzico.warehouse.database.by_hand import naming_rows_by_hand
from airflow_provider_iyzico.warehouse.database.engine import prepare
from airflow_provider_iyzico.warehouse.database.exact import exactly
from airflow_provider_iyzico.warehouse.database.layout import complete
from airflow_provider_iyzico.warehouse.database.patience import Watch
from airflow_provider_iyzico.warehouse.database.retry import persist
from airflow_provider_iyzico.warehouse.database.rows import Row, as_given
from airflow_provider_iyzico.warehouse.database.transaction import transaction
from airflow_provider_iyzico.warehouse.layouts import layout_of
from airflow_provider_iyzico.warehouse.rollup.account import enter
from airflow_provider_iyzico.warehouse.rollup.update import roll_up
from airflow_provider_iyzico.warehouse.tables import FIRST_BY, account_of, reports_for, rolled_up_for

#: How the message about a changed row ends.
_NOTHING_KEPT = "nothing was kept"
_KEPT_NEVERTHELESS = "the row was kept in spite of this, because the table has no transactions: delete it"


@exactly
def append(engine: Engine, table: Table, row: Row, *, create_table: bool) -> dict[str, Any]:
    """Add ``row`` unless its key is there already, and return what the table holds for that key.

    First write wins: a retry or a second copy of the task adds nothing. The row is read inside the transaction, after triggers
    have run, and compared. If a digit differs, nothing is kept. PostgreSQL's deferred constraint triggers are told to run at
    once, because their effect at the commit would come too late to be seen.

    :param row: a value for every column of ``table``, as ``Decimal``, aware ``datetime``, ``date``, ``str`` or ``int``
    :param create_table: make a missing table or view; otherwise the error holds the DDL
    :raises WarehouseExactnessError: the row that came back differs from the row that was given
    :raises WarehouseTableError: the table is missing, or has another shape
    :raises WarehouseRowError: a row of the account cannot be read
    :raises WarehouseUnavailableError: the warehouse did not answer; a retry is safe
    :raises WarehouseError: the warehouse refused for a reason of its own
    """
    engine, layout = prepare(engine), layout_of(table)
    with Watch(SNAPSHOT):
        stored, is_complete = persist(engine, layout, lambda: _append(engine, table, row), create_table=create_table)
        if create_table and not is_complete:
            complete(engine, layout)
        return stored


def _append(engine: Engine, table: Table, row: Row) -> tuple[dict[str, Any], bool]:
    """Return what the table holds, and whether the tables and views beside it are known to be there."""
    conflict, bent = None, None
    involved = [table, *rolled_up_for(table, engine.dialect.name)]
    with engine.connect() as connection, naming_rows_by_hand(connection, involved, account_of(row)):
        try:
            with transaction(connection) as begun:
                if (kept := _keep(connection, table, row)) is not None:
                    return kept
                begun.rollback()  # nothing was added, so the account stays as it was
        except IntegrityError as error:
            conflict = error
        except WarehouseExactnessError as error:
            bent = str(error)
        with transaction(connection):
            there = rows.read(connection, table, row, FIRST_BY)
        is_bent = there is not None and there["balance"] != Decimal(there["balance_raw"])
    if bent is not None:
        raise WarehouseExactnessError(f"{bent}; {_NOTHING_KEPT if there is None else _kept_nevertheless(engine)}")
    if there is None:
        raise conflict or WarehouseExactnessError(f"table {table.fullname!r} took a row, but a query does not find it")
    if is_bent:
        kind = table.c.balance.type.compile(engine.dialect)
        raise WarehouseExactnessError(
            f"table {table.fullname!r} holds balance {there['balance']} and balance_raw {there['balance_raw']!r} with "
            f"snapshot_id {row['snapshot_id']}; delete the row, make the column {kind}, and try again"
        )
    return there, True


def _kept_nevertheless(engine: Engine) -> str:
    return _KEPT_NEVERTHELESS + (", and make the table InnoDB" if engine.dialect.name in ("mysql", "mariadb") else "")


def _keep(connection: Connection, table: Table, row: Row) -> tuple[dict[str, Any], bool] | None:
    """Add ``row``, read it back and roll it up where a roll-up is kept. Return ``None`` if its key is there already."""
    dialect = connection.dialect.name
    if not rolled_up_for(table, dialect):
        if not rows.add(connection, table, row):
            return None
        stored = rows.copies(connection, table, row)
        if len(stored) > 1:  # no key is enforced, and another copy of the task has committed in between
            return None
        is_complete = reports_for(table, dialect) is None  # if it has reports, only asking tells
        return as_given(connection, table, row, stored[0] if stored else None), is_complete
    account = enter(connection, table, row)  # first, because its lock lets the appends of an account take turns
    is_new = rows.add(connection, table, row)
    return (roll_up(connection, table, row, account), account.missing == 0) if is_new else None
