"""Keeping what the reports read: accounts, calendar and daily roll-up, in the transaction of the append."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from itertools import chain, groupby
from typing import Any, NamedTuple

from sqlalchemy import Table, and_, delete, func, insert, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from airflow_provider_iyzico.warehouse import views
from airflow_provider_iyzico.warehouse.rollup import Day, Seen, bounds, calendar_rows, fold
from airflow_provider_iyzico.warehouse.snapshot import local_date
from airflow_provider_iyzico.warehouse.statements import report_statements
from airflow_provider_iyzico.warehouse.tables import SNAPSHOT_TABLE, ReportTables, report_tables, snapshot_table

ACCOUNT_KEY = ("environment", "account", "currency")
_INSERT: dict[str, Callable[[Table], Any]] = {"postgresql": postgresql.insert, "sqlite": sqlite.insert}
#: Rows of one INSERT: drivers keep the plan of an ``executemany`` on the server, where a pooler hands it to somebody else.
_BATCH = 1000


def reports_for(table: Table, dialect: str) -> ReportTables | None:
    """Return the report tables that belong to a snapshot table: only those of the fixed name have some, where the views run."""
    return report_tables(table.schema) if table.name == SNAPSHOT_TABLE and dialect in views.DIALECTS else None


class Account(NamedTuple):
    """What is kept of an account: the zone in which its days are cut, and when its newest observation was made."""

    report_timezone: str
    newest_at: datetime


def enter(connection: Connection, table: Table, row: Mapping[str, Any]) -> Account | None:
    """Note the account and its newest observation, if ``table`` has reports.

    This also locks the account, so that its appends take turns.
    """
    tables = reports_for(table, connection.dialect.name)
    if tables is None:
        return None
    values = {
        **_names(row),
        "report_timezone": row["report_timezone"],
        "first_date": row["local_date"],
        "newest_at": row["observed_at"],
    }
    return Account(*connection.execute(report_statements(tables, connection.dialect.name).enter, values).one())


def roll_up(connection: Connection, table: Table, row: Mapping[str, Any], account: Account) -> None:
    """Bring the daily roll-up up to date after ``row`` was added to ``table`` and its account was entered."""
    tables, zone = report_tables(table.schema), account.report_timezone
    statements = report_statements(tables, connection.dialect.name)
    # In the zone of the account: the Connection, and so the row, may have another by now, but days stay as they are cut.
    seen = Seen(local_date(row["observed_at"], zone), row["observed_at"], row["balance"])
    stored = connection.execute(statements.read_day, {**_names(row), "local_date": seen.local_date}).one_or_none()
    day = None if stored is None else Day(*stored)
    if seen.observed_at < account.newest_at or (day is not None and seen.observed_at <= day.closing_at):
        _fold_again(connection, table, tables, seen, row, zone)
    elif day is not None:
        connection.execute(statements.update_day, {**_names(row), **day.add(seen)._asdict()})
    else:
        first = Day.begin(seen, _balance_before(connection, table, row, seen))
        connection.execute(insert(tables.balance_day).values(**_names(row), **first._asdict()))
    if day is None:
        _extend_calendars(connection, tables, seen.observed_at)


def rebuild(connection: Connection, schema: str | None = None, timezone: str | None = None) -> list[str]:
    """Compute accounts, calendar and roll-up anew from the snapshots, and return the days that differed from what was kept.

    :param timezone: cut the days of all accounts in this zone; without one each account keeps its own, which is that of its
        first snapshot
    """
    table, tables = snapshot_table(schema=schema), report_tables(schema)
    key = [tables.balance_day.c[name] for name in ACCOUNT_KEY]
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"LOCK TABLE {views.quoted(tables.account.name, schema)} IN SHARE ROW EXCLUSIVE MODE"))
    own_zone = {tuple(row[:3]): row[3] for row in connection.execute(select(tables.account))}
    connection.execute(delete(tables.account))  # which every append wants first: from here on they wait
    kept = {(*row[:3], row[3]): Day(*row[3:]) for row in connection.execute(select(*key, *_day_columns(tables.balance_day)))}
    for each in (tables.balance_day, tables.report_day):
        connection.execute(delete(each))
    names = (*ACCOUNT_KEY, "report_timezone", "observed_at", "balance")
    in_order = [*[table.c[name] for name in ACCOUNT_KEY], table.c.observed_at, table.c.snapshot_id]
    in_pieces = select(*[table.c[name] for name in names]).order_by(*in_order).execution_options(yield_per=_BATCH)
    snapshots = connection.execute(in_pieces)
    found: dict[tuple[Any, ...], Day] = {}
    for account, rows in groupby(snapshots, key=lambda row: tuple(row[:3])):
        first = next(rows)
        zone = timezone or own_zone.get(account, first.report_timezone)
        days = list(fold(Seen(local_date(row.observed_at, zone), row.observed_at, row.balance) for row in chain([first], rows)))
        found |= {(*account, day.local_date): day for day in days}
        connection.execute(
            insert(tables.account).values(
                **dict(zip(ACCOUNT_KEY, account, strict=True)),
                report_timezone=zone,
                first_date=days[0].local_date,
                newest_at=days[-1].closing_at,
            )
        )
    written = [{**dict(zip(ACCOUNT_KEY, where, strict=False)), **day._asdict()} for where, day in found.items()]
    for start in range(0, len(written), _BATCH):
        connection.execute(insert(tables.balance_day).values(written[start : start + _BATCH]))
    if found:
        _extend_calendars(connection, tables, max(day.closing_at for day in found.values()))
    return sorted(
        f"{'/'.join(where[:3])} {where[3]}" for where in kept.keys() | found.keys() if kept.get(where) != found.get(where)
    )


def _fold_again(
    connection: Connection, table: Table, tables: ReportTables, late: Seen, row: Mapping[str, Any], zone: str
) -> None:
    """Fold the day of a late row anew, and the day of the observation that follows it, whose first change is another now."""
    mine = _is_account(table, row)
    following = connection.execute(
        select(table.c.observed_at).where(mine, table.c.observed_at > late.observed_at).order_by(table.c.observed_at).limit(1)
    ).scalar()
    for each in sorted({late.local_date, local_date(following, zone) if following else late.local_date}):
        starts_at, ends_at = bounds(each, zone)
        observations = connection.execute(
            select(table.c.observed_at, table.c.balance)
            .where(mine, table.c.observed_at >= starts_at, table.c.observed_at < ends_at)
            .order_by(table.c.observed_at, table.c.snapshot_id)
        )
        seen = [Seen(each, *observation) for observation in observations]
        (day,) = fold(seen, _balance_before(connection, table, row, seen[0]))
        is_day = and_(_is_account(tables.balance_day, row), tables.balance_day.c.local_date == each)
        connection.execute(delete(tables.balance_day).where(is_day))
        connection.execute(insert(tables.balance_day).values(**_names(row), **day._asdict()))


def _balance_before(connection: Connection, table: Table, row: Mapping[str, Any], seen: Seen) -> Any:
    return connection.execute(
        select(table.c.balance)
        .where(_is_account(table, row), table.c.observed_at < seen.observed_at)
        .order_by(*[table.c[name].desc() for name in (*ACCOUNT_KEY, "observed_at", "snapshot_id")])
        .limit(1)
    ).scalar()


def _extend_calendars(connection: Connection, tables: ReportTables, moment: datetime) -> None:
    """Let the calendar of every time zone in use reach the day after ``moment``: an account that went silent has days, too."""
    account = tables.account
    zones = select(account.c.report_timezone, func.min(account.c.first_date)).group_by(account.c.report_timezone)
    for zone, first in connection.execute(zones).all():
        _extend_calendar(connection, tables.report_day, zone, first, local_date(moment, zone) + timedelta(days=1))


def _extend_calendar(connection: Connection, table: Table, zone: str, first: date, last: date) -> None:
    """Let the calendar of a time zone reach from ``first`` to ``last``, without a hole."""
    earliest, latest = connection.execute(
        select(func.min(table.c.local_date), func.max(table.c.local_date)).where(table.c.report_timezone == zone)
    ).one()
    rows = calendar_rows(min(first, earliest or first), max(last, latest or last), zone)
    rows = [row for row in rows if earliest is None or not earliest <= row["local_date"] <= latest]
    for start in range(0, len(rows), _BATCH):
        connection.execute(_INSERT[connection.dialect.name](table).values(rows[start : start + _BATCH]).on_conflict_do_nothing())


def _names(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in ACCOUNT_KEY}


def _day_columns(table: Table) -> list[Any]:
    return [table.c[name] for name in Day._fields]


def _is_account(table: Table, row: Mapping[str, Any]) -> Any:
    return and_(*[table.c[name] == row[name] for name in ACCOUNT_KEY])
