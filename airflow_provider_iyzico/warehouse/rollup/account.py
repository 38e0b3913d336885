"""The account of a snapshot: noted, and locked until the end of the transaction."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import Table
from sqlalchemy.engine import Connection

from airflow_provider_iyzico.errors import WarehouseConfigurationError, WarehouseError
from airflow_provider_iyzico.warehouse.rollup.rebuild import fill
from airflow_provider_iyzico.warehouse.rollup.statements import roll_up_statements
from airflow_provider_iyzico.warehouse.tables import account_of, report_tables


class Account(NamedTuple):
    """What is stored about an account, and what is wrong.

    :param report_timezone: the zone in which its days are cut
    :param first_date: its first day
    :param newest_at: when its newest observation was made
    :param missing: how many of the tables and views beside the snapshots are missing
    :param hidden: how many of its snapshots row level security hides from this role
    """

    report_timezone: str
    first_date: date
    newest_at: datetime
    missing: int
    hidden: int


def enter(connection: Connection, table: Table, row: Mapping[str, Any]) -> Account:
    """Store the account of ``row`` and its newest observation, and lock it, so that its appends take turns.

    :raises WarehouseConfigurationError: row level security hides snapshots of the account, so that its days would be wrong
    """
    account = _entered(connection, table, row)
    if account is None:
        fill(connection, table.schema)
        account = _entered(connection, table, row)
    if account is None:
        raise WarehouseError(f"table {report_tables(table.schema).account.fullname!r} took a row, but a query does not find it")
    if account.hidden > 0:
        raise WarehouseConfigurationError(
            f"row level security hides {account.hidden} snapshots of {'/'.join(account_of(row).values())} in {table.fullname!r} "
            "from this role, so the days of the account would be wrong; let a policy show the role every snapshot of the "
            "account. If somebody deleted snapshots, run a rebuild"
        )
    return account


def _entered(connection: Connection, table: Table, row: Mapping[str, Any]) -> Account | None:
    statements = roll_up_statements(table, connection.dialect.name)
    found = statements.enter.run(connection, row)
    if statements.entered is not None:
        found = statements.entered.run(connection, row)
    kept = found.one_or_none()
    return None if kept is None else Account._make(kept)
