"""The calendar of each time zone: when its local days begin and end, without a missing day."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Table, case, delete, func, select, text
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.engine import Connection

from airflow_provider_iyzico.warehouse.database.names import MYSQL
from airflow_provider_iyzico.warehouse.database.statements import BATCH
from airflow_provider_iyzico.warehouse.local_day import YEARS, check_year, local_date, start_and_end
from airflow_provider_iyzico.warehouse.rollup.statements import FIRST_DAY, IS_MARK
from airflow_provider_iyzico.warehouse.tables import ReportTables
from airflow_provider_iyzico.warehouse.views import quoted

#: An INSERT that adds the days that are not there yet.
_ADD: dict[str, Callable[[Table], Any]] = {
    "postgresql": lambda table: postgresql.insert(table).on_conflict_do_nothing(),
    "sqlite": lambda table: sqlite.insert(table).on_conflict_do_nothing(),
    **dict.fromkeys(MYSQL, lambda table: mysql.insert(table).on_duplicate_key_update(local_date=table.c.local_date)),
}
log = logging.getLogger(__name__)


def extend_calendars(connection: Connection, tables: ReportTables, moment: datetime) -> None:
    """Extend the calendar of every time zone in use to two days after the newest observation: a silent account has days, too.

    One would not do: within a day of 25 hours in one zone, two days may begin in another. Writers take turns: each sees the days
    and the accounts of the one before, and so leaves no hole.

    :raises ValueError: no snapshot can have been observed then
    """
    check_year(moment)
    lock_calendars(connection, tables)
    account = tables.account
    # A value that was written by hand for one account, such as an infinite date, must not stop the snapshots of the others.
    newest = select(func.max(account.c.newest_at)).where(account.c.newest_at < datetime(YEARS.stop, 1, 1, tzinfo=UTC))
    moment = max(moment, connection.execute(newest).scalar() or moment)
    first_date = account.c.first_date
    begins = [func.min(case((first_date >= FIRST_DAY, first_date))), func.max(case((first_date < FIRST_DAY, 1), else_=0))]
    zones = select(account.c.report_timezone, *begins).where(first_date < date(YEARS.stop, 1, 1))
    zones = zones.group_by(account.c.report_timezone)
    for zone, begin, begins_earlier in connection.execute(zones).all():
        try:
            last = local_date(moment, zone) + timedelta(days=2)
        except ValueError:
            log.warning("iyzico_account names the time zone %r, which this machine does not know; it gets no new days", zone)
        else:
            _extend(connection, tables.report_day, zone, FIRST_DAY if begins_earlier else begin, last)


def lock_calendars(connection: Connection, tables: ReportTables) -> bool:
    """Let writers of the calendars take turns until the transaction ends.

    :return: whether the roll-up was computed before; only on MySQL and MariaDB can it be missing
    """
    table, dialect = tables.report_day, connection.dialect.name
    if dialect == "postgresql":  # SQLite has one writer at a time
        connection.execute(text(f"LOCK TABLE {quoted(table.name, table.schema)} IN SHARE ROW EXCLUSIVE MODE"))
    if dialect not in MYSQL:
        return True
    (mark,) = _calendar_rows(FIRST_DAY, FIRST_DAY, "UTC")
    locking = select(table.c.ends_at).where(text(IS_MARK)).with_for_update()
    ends_at = connection.execute(locking).scalar()
    if ends_at is None:  # the INSERT waits for somebody who does the same, and whose mark has its length by then
        connection.execute(_ADD[dialect](table).values({**mark, "ends_at": mark["starts_at"]}))
        ends_at = connection.execute(locking).scalar_one()
    return bool(ends_at > mark["starts_at"])


def clear_calendars(connection: Connection, tables: ReportTables) -> None:
    """Delete the calendars, which must be locked. What computes them again is then told that the roll-up was computed."""
    connection.execute(delete(tables.report_day))
    if (dialect := connection.dialect.name) in MYSQL:
        connection.execute(_ADD[dialect](tables.report_day).values(_calendar_rows(FIRST_DAY, FIRST_DAY, "UTC")))


def _extend(connection: Connection, table: Table, zone: str, first: date, last: date) -> None:
    days = select(table.c.local_date).where(table.c.report_timezone == zone, table.c.local_date.between(first, last))
    there = set(connection.execute(days).scalars())
    missing = [row for row in _calendar_rows(first, last, zone) if row["local_date"] not in there]
    for start in range(0, len(missing), BATCH):
        connection.execute(_ADD[connection.dialect.name](table).values(missing[start : start + BATCH]))


def _calendar_rows(first: date, last: date, zone: str) -> list[dict[str, Any]]:
    """Return a row of the calendar for every day from ``first`` to ``last``."""
    rows = []
    for offset in range((last - first).days + 1):
        day = first + timedelta(offset)
        starts_at, ends_at = start_and_end(day, zone)
        rows.append({"report_timezone": zone, "local_date": day, "starts_at": starts_at, "ends_at": ends_at})
    return rows
