"""The roll-up of one snapshot that was added, in its transaction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Table, and_, delete, insert, select, update
from sqlalchemy.engine import Connection

from airflow_provider_iyzico.warehouse.database.rows import as_given
from airflow_provider_iyzico.warehouse.local_day import local_date, start_and_end
from airflow_provider_iyzico.warehouse.rollup.account import Account
from airflow_provider_iyzico.warehouse.rollup.calendars import extend_calendars
from airflow_provider_iyzico.warehouse.rollup.day import Day, Seen, fold
from airflow_provider_iyzico.warehouse.rollup.read_back import day_as_given, read_back
from airflow_provider_iyzico.warehouse.rollup.statements import roll_up_statements
from airflow_provider_iyzico.warehouse.tables import ACCOUNT_KEY, ReportTables, account_of, report_tables


def roll_up(connection: Connection, table: Table, row: Mapping[str, Any], account: Account) -> dict[str, Any]:
    """Bring the days of ``account`` up to date after ``row`` was added to ``table``, and return the row as it is stored.

    Row and days are read back after each day that is written, for triggers may run at any of them.

    :raises WarehouseExactnessError: the row or a day is not stored as it was given
    """
    # The account's zone counts: the Connection, and so the row, may have another zone now, but days stay as they are.
    today = local_date(row["observed_at"], account.report_timezone)
    stored, day = read_back(connection, table, row, today)
    kept = as_given(connection, table, row, stored)
    seen = Seen(today, kept["observed_at"], kept["balance"])
    for written in _write_days(connection, table, account_of(row), account, seen, day):
        stored, found = read_back(connection, table, row, written.local_date)
        day_as_given(connection, report_tables(table.schema).balance_day, written._asdict(), found and found._asdict())
        as_given(connection, table, row, stored)
    return kept


def _write_days(
    connection: Connection, table: Table, whose: Mapping[str, Any], account: Account, seen: Seen, day: Day | None
) -> list[Day]:
    """Write the days that an observation changes, and return them.

    :param whose: environment, account and currency
    :param day: the day of the observation as it was before
    """
    tables = report_tables(table.schema)
    if seen.observed_at < account.newest_at or (day is not None and seen.observed_at <= day.closing_at):
        written = _fold_again(connection, table, tables, whose, seen, account.report_timezone)
    elif day is not None:
        written = [day.add(seen)]
        roll_up_statements(table, connection.dialect.name).update_day.run(connection, {**whose, **written[0]._asdict()})
    else:
        written = [Day.begin(seen, _balance_before(connection, table, whose, seen))]
        connection.execute(insert(tables.balance_day).values(**whose, **written[0]._asdict()))
    if day is None:
        if seen.local_date < account.first_date:
            connection.execute(
                update(tables.account).where(_is_account(tables.account, whose)).values(first_date=seen.local_date)
            )
        extend_calendars(connection, tables, seen.observed_at)
    return written


def _fold_again(
    connection: Connection, table: Table, tables: ReportTables, whose: Mapping[str, Any], late: Seen, zone: str
) -> list[Day]:
    """Compute the day of a late row again, and the day of the next observation, whose change is now another."""
    mine = _is_account(table, whose)
    following = connection.execute(
        select(table.c.observed_at).where(mine, table.c.observed_at > late.observed_at).order_by(table.c.observed_at).limit(1)
    ).scalar()
    written = []
    for each in sorted({late.local_date, local_date(following, zone) if following else late.local_date}):
        starts_at, ends_at = start_and_end(each, zone)
        observations = connection.execute(
            select(table.c.observed_at, table.c.balance)
            .where(mine, table.c.observed_at >= starts_at, table.c.observed_at < ends_at)
            .order_by(table.c.observed_at, table.c.snapshot_id)
        )
        seen = [Seen(each, *observation) for observation in observations]
        (day,) = fold(seen, _balance_before(connection, table, whose, seen[0]))
        is_day = and_(_is_account(tables.balance_day, whose), tables.balance_day.c.local_date == each)
        connection.execute(delete(tables.balance_day).where(is_day))
        connection.execute(insert(tables.balance_day).values(**whose, **day._asdict()))
        written.append(day)
    return written


def _balance_before(connection: Connection, table: Table, whose: Mapping[str, Any], seen: Seen) -> Any:
    return connection.execute(
        select(table.c.balance)
        .where(_is_account(table, whose), table.c.observed_at < seen.observed_at)
        .order_by(*[table.c[name].desc() for name in (*ACCOUNT_KEY, "observed_at", "snapshot_id")])
        .limit(1)
    ).scalar()


def _is_account(table: Table, whose: Mapping[str, Any]) -> Any:
    return and_(*[table.c[name] == value for name, value in whose.items()])
