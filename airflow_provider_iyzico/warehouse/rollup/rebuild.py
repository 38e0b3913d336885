"""Computing accounts, calendar and roll-up again from the snapshots."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from datetime import date
from itertools import chain, groupby
from typing import Any

from sqlalchemy import Table, and_, delete, false, insert, select, text
from sqlalchemy.engine import Connection

from airflow_provider_iyzico.errors import WarehouseRowError
from airflow_provider_iyzico.warehouse.database.by_hand import naming_rows_by_hand, row_by_hand
from airflow_provider_iyzico.warehouse.database.exact import exactly
from airflow_provider_iyzico.warehouse.database.names import MYSQL
from airflow_provider_iyzico.warehouse.database.statements import BATCH
from airflow_provider_iyzico.warehouse.local_day import local_date, time_zone
from airflow_provider_iyzico.warehouse.rollup.calendars import clear_calendars, extend_calendars, lock_calendars
from airflow_provider_iyzico.warehouse.rollup.day import Seen, fold
from airflow_provider_iyzico.warehouse.rollup.read_back import day_as_given
from airflow_provider_iyzico.warehouse.rollup.statements import FIRST_DAY
from airflow_provider_iyzico.warehouse.tables import ACCOUNT_KEY, ReportTables, report_tables, snapshot_table
from airflow_provider_iyzico.warehouse.views import quoted

#: Rows of a table by their key.
_Rows = dict[tuple[Any, ...], tuple[Any, ...]]


@exactly
def rebuild(connection: Connection, schema: str | None = None, timezone: str | None = None) -> list[str]:
    """Compute accounts, calendar and roll-up again from the snapshots, and return what differed from the stored ones.

    A day of the roll-up is named by its account and date, other rows by their table as well. Days of the calendar after the
    newest observation do not count: how far ahead it reaches depends on who wrote last.

    :param timezone: cut the days of all accounts in this zone; without one each account keeps its own, which is that of its
        first snapshot
    :raises WarehouseRowError: a row that was written by hand cannot be read
    :raises WarehouseExactnessError: the stored roll-up differs from the computed one
    """
    table, tables = snapshot_table(schema=schema), report_tables(schema)
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL row_security = off")  # fail if a policy hides snapshots from us
    _take_turns(connection, tables)
    if connection.dialect.name == "sqlite" and (said := row_by_hand(connection, [table])) is not None:
        raise WarehouseRowError(said)  # Python reads some values that SQLite sorts and computes differently
    with naming_rows_by_hand(connection, [table, *tables.rolled_up]):
        kept = [_rows(connection, each) for each in tables.rolled_up]
        own_zones = {} if timezone else {account: time_zone(row[0]).key for account, row in kept[0].items()}
        _clear(connection, tables, kept)
        computed = _write_accounts(connection, table, tables, own_zones, timezone)
        found = [_rows(connection, each) for each in tables.rolled_up]
        _compare(connection, tables.balance_day, computed, found[2])
    until = _last_days(found[0])
    accounts = [f"account {_named(key)}" for key in _differing(kept[0], found[0])]
    calendar = [
        f"calendar {zone} {day}"
        for zone, day in _differing(kept[1], found[1])
        if day != FIRST_DAY and (zone not in until or day <= until[zone])
    ]
    days = [f"{_named(account)} {day}" for *account, day in _differing(kept[2], found[2])]
    return accounts + calendar + days


def fill(connection: Connection, schema: str | None) -> None:
    """Compute the roll-up for the first time, unless somebody else has done it by now."""
    if not lock_calendars(connection, report_tables(schema)):
        rebuild(connection, schema)


def _take_turns(connection: Connection, tables: ReportTables) -> None:
    """Let appends wait until the rebuild is committed. Each append locks its account first, and the calendar last."""
    if connection.dialect.name in MYSQL:
        connection.execute(select(tables.account.c.account).with_for_update()).all()
        lock_calendars(connection, tables)  # for which an account that is new waits
    elif connection.dialect.name == "postgresql":
        connection.execute(text(f"LOCK TABLE {quoted(tables.account.name, tables.account.schema)} IN SHARE ROW EXCLUSIVE MODE"))
    else:
        connection.execute(delete(tables.account).where(false()))  # takes the lock for writers before anything is read


def _clear(connection: Connection, tables: ReportTables, kept: list[_Rows]) -> None:
    """Delete what was read. On MySQL and MariaDB nothing else, because the rows of an account that is new wait for our lock."""
    clear_calendars(connection, tables)
    if connection.dialect.name not in MYSQL:
        for each in (tables.account, tables.balance_day):
            connection.execute(delete(each))
        return
    for account in {key[: len(ACCOUNT_KEY)] for rows in (kept[0], kept[2]) for key in rows}:
        for each in (tables.account, tables.balance_day):
            mine = [each.c[name] == value for name, value in zip(ACCOUNT_KEY, account, strict=True)]
            connection.execute(delete(each).where(and_(*mine)))


def _rows(connection: Connection, table: Table) -> _Rows:
    size = len(table.primary_key.columns)
    return {tuple(row[:size]): tuple(row[size:]) for row in connection.execute(select(table))}


def _write_accounts(
    connection: Connection, table: Table, tables: ReportTables, own_zones: dict[tuple[Any, ...], str], timezone: str | None
) -> list[dict[str, Any]]:
    names = (*ACCOUNT_KEY, "report_timezone", "observed_at", "balance")
    in_order = [*[table.c[name] for name in ACCOUNT_KEY], table.c.observed_at, table.c.snapshot_id]
    in_pieces = select(*[table.c[name] for name in names]).order_by(*in_order).execution_options(yield_per=BATCH)
    accounts: list[dict[str, Any]] = []
    written: list[dict[str, Any]] = []
    with closing(connection.execute(in_pieces)) as snapshots:
        for account, rows in groupby(snapshots, key=lambda row: tuple(row[:3])):
            if not all(isinstance(each, str) for each in account):
                raise TypeError(f"account {account!r} is no text")
            first = next(rows)
            zone = timezone or own_zones.get(account, first.report_timezone)
            seen = (Seen(local_date(row.observed_at, zone), row.observed_at, row.balance) for row in chain([first], rows))
            days = list(fold(seen))
            names_of = dict(zip(ACCOUNT_KEY, account, strict=True))
            written += [{**names_of, **day._asdict()} for day in days]
            ends = {"first_date": days[0].local_date, "newest_at": days[-1].closing_at}
            accounts.append({**names_of, "report_timezone": zone, **ends})
    # Drivers of MySQL send nothing else while rows come in pieces, so nothing is written before all is read.
    for target, values in ((tables.account, accounts), (tables.balance_day, written)):
        for start in range(0, len(values), BATCH):
            connection.execute(insert(target).values(values[start : start + BATCH]))
    if accounts:
        extend_calendars(connection, tables, max(each["newest_at"] for each in accounts))
    return written


def _compare(connection: Connection, table: Table, computed: list[dict[str, Any]], found: _Rows) -> None:
    size = len(table.primary_key.columns)
    for day in computed:
        key, values = tuple(day.values())[:size], found.get(tuple(day.values())[:size])
        day_as_given(connection, table, day, None if values is None else dict(zip(day, key + values, strict=True)))


def _named(key: Iterable[Any]) -> str:
    return "/".join(map(str, key))


def _last_days(accounts: _Rows) -> dict[str, date]:
    """Return for each zone in use the day of the newest observation of all accounts."""
    newest = max((row[2] for row in accounts.values()), default=None)
    return {} if newest is None else {row[0]: local_date(newest, row[0]) for row in accounts.values()}


def _differing(kept: _Rows, found: _Rows) -> list[tuple[Any, ...]]:
    keys = (key for key in kept.keys() | found.keys() if kept.get(key) != found.get(key))
    return sorted(keys, key=lambda key: [str(part) for part in key])  # a key that was written by hand may not be text
