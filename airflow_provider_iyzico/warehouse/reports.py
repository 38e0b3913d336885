"""Keeping what the reports read: accounts, calendar and daily roll-up, in the transaction of the append."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import Table, and_, delete, insert, select, update
from sqlalchemy.engine import Connection

from airflow_provider_iyzico.errors import WarehouseConfigurationError
from airflow_provider_iyzico.warehouse.calendars import extend_calendars
from airflow_provider_iyzico.warehouse.database.rows import as_given
from airflow_provider_iyzico.warehouse.database.types import finite
from airflow_provider_iyzico.warehouse.local_day import local_date, start_and_end
from airflow_provider_iyzico.warehouse.rollup import Day, Seen, fold
from airflow_provider_iyzico.warehouse.statements import ReportStatements, report_statements
from airflow_provider_iyzico.warehouse.tables import ACCOUNT_KEY, ReportTables, account_of, report_tables, reports_for


class Account(NamedTuple):
    """What is kept of an account, and what is amiss.

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


def enter(connection: Connection, table: Table, row: Mapping[str, Any]) -> Account | None:
    """Note the account and its newest observation, if ``table`` has reports.

    This also locks the account, so that its appends take turns.

    :raises WarehouseConfigurationError: row level security hides snapshots of the account, so that its days would be wrong
    """
    if reports_for(table, connection.dialect.name) is None:
        return None
    account = Account._make(_statements(connection, table).enter.run(connection, row).one())
    if account.hidden > 0:
        raise WarehouseConfigurationError(
            f"row level security hides {account.hidden} snapshots of {'/'.join(account_of(row).values())} in {table.fullname!r} "
            "from this role, and its days would be wrong; let a policy show it every snapshot of the account, or run a rebuild "
            "if somebody deleted snapshots"
        )
    return account


def read_back(
    connection: Connection, table: Table, row: Mapping[str, Any], day: date
) -> tuple[dict[str, Any] | None, Day | None]:
    """Return the row and a day of its account as they are stored by now, if they are there."""
    wanted = {**account_of(row), "local_date": day, "snapshot_id": row["snapshot_id"]}
    found = _statements(connection, table).read.run(connection, wanted).mappings().one_or_none()
    if found is None:
        return None, None
    values = [found[f"day_{name}"] for name in Day._fields]
    is_there = values[-1] is not None
    stored = Day._make(finite(each) if isinstance(each, Decimal) else each for each in values) if is_there else None
    return {name: found[name] for name in row}, stored


def roll_up(connection: Connection, table: Table, row: Mapping[str, Any], account: Account, day: Day | None) -> list[Day]:
    """Bring the daily roll-up up to date after ``row`` was added to ``table`` and its account was entered.

    Return the days that were written.

    :param row: as it is stored
    :param day: the day of the account as it was before
    """
    tables, zone = report_tables(table.schema), account.report_timezone
    # In the zone of the account: the Connection, and so the row, may have another by now, but days stay as they are cut.
    seen = Seen(local_date(row["observed_at"], zone), row["observed_at"], row["balance"])
    if seen.observed_at < account.newest_at or (day is not None and seen.observed_at <= day.closing_at):
        written = _fold_again(connection, table, tables, seen, row, zone)
    elif day is not None:
        written = [day.add(seen)]
        _statements(connection, table).update_day.run(connection, {**account_of(row), **written[0]._asdict()})
    else:
        written = [Day.begin(seen, _balance_before(connection, table, row, seen))]
        connection.execute(insert(tables.balance_day).values(**account_of(row), **written[0]._asdict()))
    if day is None:
        if seen.local_date < account.first_date:
            connection.execute(update(tables.account).where(_is_account(tables.account, row)).values(first_date=seen.local_date))
        extend_calendars(connection, tables, seen.observed_at)
    return written


def _fold_again(
    connection: Connection, table: Table, tables: ReportTables, late: Seen, row: Mapping[str, Any], zone: str
) -> list[Day]:
    """Fold the day of a late row again, and the day of the observation that follows it, whose first change is another now."""
    mine = _is_account(table, row)
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
        (day,) = fold(seen, _balance_before(connection, table, row, seen[0]))
        is_day = and_(_is_account(tables.balance_day, row), tables.balance_day.c.local_date == each)
        connection.execute(delete(tables.balance_day).where(is_day))
        connection.execute(insert(tables.balance_day).values(**account_of(row), **day._asdict()))
        written.append(day)
    return written


def _balance_before(connection: Connection, table: Table, row: Mapping[str, Any], seen: Seen) -> Any:
    return connection.execute(
        select(table.c.balance)
        .where(_is_account(table, row), table.c.observed_at < seen.observed_at)
        .order_by(*[table.c[name].desc() for name in (*ACCOUNT_KEY, "observed_at", "snapshot_id")])
        .limit(1)
    ).scalar()


def _statements(connection: Connection, table: Table) -> ReportStatements:
    return report_statements(table, report_tables(table.schema), connection.dialect.name)


def _is_account(table: Table, row: Mapping[str, Any]) -> Any:
    return and_(*[table.c[name] == row[name] for name in ACCOUNT_KEY])


_SUMS = ("inflow", "outflow")


def day_as_given(connection: Connection, table: Table, given: Mapping[str, Any], stored: dict[str, Any] | None) -> None:
    """Check a day of the roll-up. SQLite keeps 15 digits of its sums, also where every balance is exact.

    :raises WarehouseExactnessError: it is another than was given, or not there
    """
    if stored is not None and connection.dialect.name == "sqlite":
        bent = {name: stored[name] for name in _SUMS if _is_near(given[name], stored[name])}
        given = {**given, **bent}
    as_given(connection, table, given, stored)


def _is_near(given: Decimal, stored: Decimal) -> bool:
    return abs(given - stored) < Decimal(1).scaleb(given.adjusted() - 14)
