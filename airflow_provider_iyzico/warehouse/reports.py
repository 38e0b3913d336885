"""Keeping what the reports read: accounts, calendar and daily roll-up, in the transaction of the append."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, fields
from datetime import date
from itertools import groupby
from typing import Any

from sqlalchemy import Table, and_, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from airflow_provider_iyzico.warehouse import views
from airflow_provider_iyzico.warehouse.rollup import Day, Seen, calendar_rows, fold
from airflow_provider_iyzico.warehouse.tables import SNAPSHOT_TABLE, ReportTables, report_tables, snapshot_table

ACCOUNT_KEY = ("environment", "account", "currency")
_INSERT: dict[str, Callable[[Table], Any]] = {"postgresql": postgresql.insert, "sqlite": sqlite.insert}
_BATCH = 5000


def reports_for(table: Table, dialect: str) -> ReportTables | None:
    """Return the report tables that belong to a snapshot table: only those of the fixed name have some, where the views run."""
    return report_tables(table.schema) if table.name == SNAPSHOT_TABLE and dialect in views.DIALECTS else None


def enter(connection: Connection, tables: ReportTables, row: Mapping[str, Any]) -> None:
    """Note the account and its newest observation. This also locks the account, so that its appends take turns."""
    account, dialect = tables.account, connection.dialect.name
    greatest, least = (func.greatest, func.least) if dialect == "postgresql" else (func.max, func.min)
    added = _INSERT[dialect](account).values(
        **{name: row[name] for name in ACCOUNT_KEY},
        report_timezone=row["report_timezone"],
        first_date=row["local_date"],
        newest_at=row["observed_at"],
    )
    connection.execute(
        added.on_conflict_do_update(
            index_elements=list(ACCOUNT_KEY),
            set_={
                "report_timezone": added.excluded.report_timezone,
                "first_date": least(account.c.first_date, added.excluded.first_date),
                "newest_at": greatest(account.c.newest_at, added.excluded.newest_at),
            },
        )
    )


def roll_up(connection: Connection, table: Table, tables: ReportTables, row: Mapping[str, Any]) -> None:
    """Bring the daily roll-up up to date after ``row`` was added to ``table``."""
    seen = Seen(row["local_date"], row["observed_at"], row["balance"])
    day_table = tables.balance_day
    joined = tables.account.outerjoin(
        day_table,
        and_(*[day_table.c[name] == tables.account.c[name] for name in ACCOUNT_KEY], day_table.c.local_date == seen.local_date),
    )
    newest_at, *stored = connection.execute(
        select(tables.account.c.newest_at, *_day_columns(day_table)).select_from(joined).where(_is_account(tables.account, row))
    ).one()
    day = Day(*stored) if stored[0] is not None else None
    if seen.observed_at < newest_at or (day is not None and seen.observed_at <= day.closing_at):
        _fold_again(connection, table, tables, row)
    elif day is not None:
        _write(connection, day_table, row, day.add(seen), is_new=False)
    else:
        _write(connection, day_table, row, Day.begin(seen, _balance_before(connection, table, row, seen)), is_new=True)
    if day is None:
        _extend_calendars(connection, tables, seen.local_date)


def rebuild(connection: Connection, schema: str | None = None) -> list[str]:
    """Compute accounts, calendar and roll-up anew from the snapshots, and return the days that differed from what was kept."""
    table, tables = snapshot_table(schema=schema), report_tables(schema)
    key = [tables.balance_day.c[name] for name in ACCOUNT_KEY]
    kept = {(*row[:3], row[3]): Day(*row[3:]) for row in connection.execute(select(*key, *_day_columns(tables.balance_day)))}
    for each in (tables.balance_day, tables.account, tables.report_day):
        connection.execute(delete(each))
    names = (*ACCOUNT_KEY, "report_timezone", "local_date", "observed_at", "balance")
    in_order = [*[table.c[name] for name in ACCOUNT_KEY], table.c.observed_at, table.c.snapshot_id]
    snapshots = connection.execute(
        select(*[table.c[name] for name in names]).order_by(*in_order), execution_options={"yield_per": _BATCH}
    )
    found: dict[tuple[Any, ...], Day] = {}
    for account, rows in groupby(snapshots, key=lambda row: tuple(row[:3])):
        zone: list[str] = []
        days = list(fold(Seen(*row[4:]) for row in _noting_zone(rows, zone)))
        found |= {(*account, day.local_date): day for day in days}
        connection.execute(
            insert(tables.account).values(
                **dict(zip(ACCOUNT_KEY, account, strict=True)),
                report_timezone=zone[0],
                first_date=days[0].local_date,
                newest_at=days[-1].closing_at,
            )
        )
    written = [{**dict(zip(ACCOUNT_KEY, where, strict=False)), **asdict(day)} for where, day in found.items()]
    for start in range(0, len(written), _BATCH):
        connection.execute(insert(tables.balance_day), written[start : start + _BATCH])
    if found:
        _extend_calendars(connection, tables, max(where[3] for where in found))
    return sorted(
        f"{'/'.join(where[:3])} {where[3]}" for where in kept.keys() | found.keys() if kept.get(where) != found.get(where)
    )


def _noting_zone(rows: Iterable[Any], zone: list[str]) -> Iterable[Any]:
    for row in rows:
        zone[:] = [row[3]]
        yield row


def _fold_again(connection: Connection, table: Table, tables: ReportTables, row: Mapping[str, Any]) -> None:
    """Fold the day of a late row anew, and the day of the observation that follows it, whose first change is another now."""
    mine = _is_account(table, row)
    following = connection.execute(
        select(table.c.local_date).where(mine, table.c.observed_at > row["observed_at"]).order_by(table.c.observed_at).limit(1)
    ).scalar()
    for local_date in sorted({row["local_date"], following} - {None}):
        seen = [
            Seen(*each)
            for each in connection.execute(
                select(table.c.local_date, table.c.observed_at, table.c.balance)
                .where(mine, table.c.local_date == local_date)
                .order_by(table.c.observed_at, table.c.snapshot_id)
            )
        ]
        (day,) = fold(seen, _balance_before(connection, table, row, seen[0]))
        key = [tables.balance_day.c[name] == row[name] for name in ACCOUNT_KEY]
        connection.execute(delete(tables.balance_day).where(*key, tables.balance_day.c.local_date == local_date))
        _write(connection, tables.balance_day, row, day, is_new=True)


def _balance_before(connection: Connection, table: Table, row: Mapping[str, Any], seen: Seen) -> Any:
    return connection.execute(
        select(table.c.balance)
        .where(_is_account(table, row), table.c.observed_at < seen.observed_at)
        .order_by(*[table.c[name].desc() for name in (*ACCOUNT_KEY, "observed_at", "snapshot_id")])
        .limit(1)
    ).scalar()


def _write(connection: Connection, table: Table, row: Mapping[str, Any], day: Day, *, is_new: bool) -> None:
    if is_new:
        connection.execute(insert(table).values(**{name: row[name] for name in ACCOUNT_KEY}, **asdict(day)))
    else:
        connection.execute(
            update(table).where(_is_account(table, row), table.c.local_date == day.local_date).values(**asdict(day))
        )


def _extend_calendars(connection: Connection, tables: ReportTables, last: date) -> None:
    """Let the calendar of every time zone in use reach ``last``: an account that went silent has days, too."""
    account = tables.account
    zones = select(account.c.report_timezone, func.min(account.c.first_date)).group_by(account.c.report_timezone)
    for zone, first in connection.execute(zones).all():
        _extend_calendar(connection, tables.report_day, zone, first, last)


def _extend_calendar(connection: Connection, table: Table, zone: str, first: date, last: date) -> None:
    """Let the calendar of a time zone reach from ``first`` to ``last``, without a hole."""
    earliest, latest = connection.execute(
        select(func.min(table.c.local_date), func.max(table.c.local_date)).where(table.c.report_timezone == zone)
    ).one()
    rows = calendar_rows(min(first, earliest or first), max(last, latest or last), zone)
    rows = [row for row in rows if earliest is None or not earliest <= row["local_date"] <= latest]
    for start in range(0, len(rows), _BATCH):
        statement = _INSERT[connection.dialect.name](table).on_conflict_do_nothing()
        connection.execute(statement, rows[start : start + _BATCH])


def _day_columns(table: Table) -> list[Any]:
    return [table.c[field.name] for field in fields(Day)]


def _is_account(table: Table, row: Mapping[str, Any]) -> Any:
    return and_(*[table.c[name] == row[name] for name in ACCOUNT_KEY])
