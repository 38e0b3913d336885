"""The calendar of each time zone: when its local days begin and end, without a missing day."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Date, Table, case, func, literal, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from airflow_provider_iyzico.warehouse.database.statements import BATCH
from airflow_provider_iyzico.warehouse.local_day import YEARS, check_year, local_date, start_and_end
from airflow_provider_iyzico.warehouse.tables import ReportTables
from airflow_provider_iyzico.warehouse.views import quoted

_INSERT: dict[str, Callable[[Table], Any]] = {"postgresql": postgresql.insert, "sqlite": sqlite.insert}
_FIRST = literal(date(YEARS.start, 1, 1), Date())
log = logging.getLogger(__name__)


def extend_calendars(connection: Connection, tables: ReportTables, moment: datetime) -> None:
    """Extend the calendar of every time zone in use to two days after the newest observation: a silent account has days, too.

    One would not do: within a day of 25 hours in one zone, two days may begin in another. Writers take turns: each sees the days
    and the accounts of the one before, and so leaves no hole.

    :raises ValueError: no snapshot can have been observed then
    """
    check_year(moment)
    if connection.dialect.name == "postgresql":  # SQLite has one writer at a time
        name = quoted(tables.report_day.name, tables.report_day.schema)
        connection.execute(text(f"LOCK TABLE {name} IN SHARE ROW EXCLUSIVE MODE"))
    account = tables.account
    # A value that was written by hand for one account, such as an infinite date, must not stop the snapshots of the others.
    newest = select(func.max(account.c.newest_at)).where(account.c.newest_at < datetime(YEARS.stop, 1, 1, tzinfo=UTC))
    moment = max(moment, connection.execute(newest).scalar() or moment)
    first_date = case((account.c.first_date < _FIRST, _FIRST), else_=account.c.first_date)
    zones = select(account.c.report_timezone, func.min(first_date)).where(account.c.first_date < date(YEARS.stop, 1, 1))
    zones = zones.group_by(account.c.report_timezone)
    for zone, first in connection.execute(zones).all():
        try:
            last = local_date(moment, zone) + timedelta(days=2)
        except ValueError:
            log.warning("iyzico_account names the time zone %r, which this machine does not know: it gets no new days", zone)
        else:
            _extend(connection, tables.report_day, zone, first, last)


def _extend(connection: Connection, table: Table, zone: str, first: date, last: date) -> None:
    days = select(table.c.local_date).where(table.c.report_timezone == zone, table.c.local_date.between(first, last))
    there = set(connection.execute(days).scalars())
    missing = [row for row in _calendar_rows(first, last, zone) if row["local_date"] not in there]
    for start in range(0, len(missing), BATCH):
        connection.execute(
            _INSERT[connection.dialect.name](table).values(missing[start : start + BATCH]).on_conflict_do_nothing()
        )


def _calendar_rows(first: date, last: date, zone: str) -> list[dict[str, Any]]:
    """Return a row of the calendar for every day from ``first`` to ``last``."""
    rows = []
    for offset in range((last - first).days + 1):
        day = first + timedelta(offset)
        starts_at, ends_at = start_and_end(day, zone)
        rows.append({"report_timezone": zone, "local_date": day, "starts_at": starts_at, "ends_at": ends_at})
    return rows
