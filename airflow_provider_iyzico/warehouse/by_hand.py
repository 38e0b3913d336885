"""Naming the row that somebody wrote by hand, where what it holds cannot be read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Column, Date, Integer, String, Table, and_, cast, select, type_coerce
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import NullType

from airflow_provider_iyzico.errors import WarehouseError, WarehouseRowError
from airflow_provider_iyzico.warehouse.calendars import BATCH
from airflow_provider_iyzico.warehouse.database.engine import settle
from airflow_provider_iyzico.warehouse.database.faults import first_line, is_unreadable
from airflow_provider_iyzico.warehouse.database.patience import patience_now
from airflow_provider_iyzico.warehouse.database.types import Instant, Money, finite
from airflow_provider_iyzico.warehouse.local_day import YEARS, time_zone
from airflow_provider_iyzico.warehouse.tables import ACCOUNT_KEY

#: What reading such a value and computing with it raise.
_UNREADABLE = (ArithmeticError, AttributeError, TypeError, ValueError)
#: Years whose moments are moments in every time zone.
_COMPUTABLE_YEARS = range(2, 9999)
#: SQLite compares moments as text. In another spelling they sort in the wrong place, though Python reads them.
_DAY, _MINUTE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}", r" [0-9]{2}:[0-9]{2}"
_MOMENT = re.compile(rf"{_DAY}{_MINUTE}:[0-9]{{2}}\.[0-9]{{6}}\Z")
_SORTED = {
    **dict.fromkeys(("observed_at", "waiting_since", "waits_until", "ended_at"), _MOMENT),
    "valid_from": re.compile(
        rf"{_DAY}({_MINUTE}(:[0-9]{{2}}(\.[0-9]{{6}}|\+00:00)?)?)?\Z"
    ),  # a shorter one sorts first in its day or minute
}
#: What a text must be, by its column.
_NOUNS = {"report_timezone": "time zone", "balance_raw": "amount"}


@contextmanager
def naming_rows_by_hand(
    connection: Connection, tables: Sequence[Table], account: Mapping[str, Any] | None = None
) -> Iterator[None]:
    """Where reading fails, look for a row that holds what is no money, moment, day, number or time zone.

    :param account: whose rows were read; without one, those of all
    :raises WarehouseRowError: with table, key and column of the first row of that kind
    :raises WarehouseError: there is no such row, and what was read or written is at fault in another way
    """
    try:
        yield
    except (*_UNREADABLE, DBAPIError) as error:
        if isinstance(error, DBAPIError) and not is_unreadable(error):
            raise
        with _settled(connection):
            if (said := row_by_hand(connection, tables, account)) is not None:
                raise WarehouseRowError(said) from error
        if isinstance(error, DBAPIError):
            raise
        raise WarehouseError(f"table {tables[0].fullname!r} could not be written or read: {first_line(error)}") from error


def row_by_hand(connection: Connection, tables: Sequence[Table], account: Mapping[str, Any] | None = None) -> str | None:
    """Say what is wrong with the first row that cannot be read or computed with, if there is one."""
    for table in tables:
        if (found := _first_unreadable(connection, table, account)) is not None:
            key, column, value = found
            where = ", ".join(f"{name} {_printable(value)}" for name, value in key.items())
            return (
                f"table {table.fullname!r} holds {value!r} in column {column!r} of the row with {where}, which is "
                f"no {_noun(table.c[column])}; correct that row or delete it"
            )
    return None


@contextmanager
def _settled(connection: Connection) -> Iterator[None]:
    """Ask with our settings: those of the transaction that failed went with it, and a date style writes other texts."""
    if connection.in_transaction():
        yield
        return
    with connection.begin():
        settle(connection, patience_now())
        yield


def _first_unreadable(
    connection: Connection, table: Table, account: Mapping[str, Any] | None
) -> tuple[dict[str, Any], str, object] | None:
    is_sqlite = connection.dialect.name == "sqlite"
    raw = [(type_coerce(each, NullType()) if is_sqlite else cast(each, String)).label(each.name) for each in table.columns]
    query = select(*raw)
    if account is not None and all(name in table.c for name in ACCOUNT_KEY):
        query = query.where(and_(*[table.c[name] == account[name] for name in ACCOUNT_KEY]))
    with _all_bytes_read(connection), closing(connection.execute(query.execution_options(yield_per=BATCH))) as found:
        for row in found.mappings():
            for column in table.columns:
                value = row[column.name]
                if not _is_readable(column, value) or (is_sqlite and not _is_understood(column, value)):
                    return {key.name: row[key.name] for key in table.primary_key.columns}, column.name, value
    return None


@contextmanager
def _all_bytes_read(connection: Connection) -> Iterator[None]:
    """Let SQLite give texts whose bytes are no UTF-8 as well; their odd bytes are surrogates then."""
    if connection.dialect.name != "sqlite":
        yield
        return
    driver: Any = connection.connection.driver_connection
    before, driver.text_factory = driver.text_factory, lambda raw: raw.decode("utf-8", "surrogateescape")
    try:
        yield
    finally:
        driver.text_factory = before


def _is_readable(column: Column[Any], value: Any) -> bool:
    if value is None:
        return bool(column.nullable)
    if column.name == "valid_from" and value in ("infinity", "-infinity"):
        return True  # which only PostgreSQL compares
    try:
        if isinstance(column.type, Money):
            column.type.amount(Decimal(repr(value) if isinstance(value, float) else value))
        elif isinstance(column.type, (Instant, Date)):
            day = datetime.fromisoformat(value) if isinstance(column.type, Instant) else date.fromisoformat(value)
            if day.year not in (YEARS if column.name == "observed_at" else _COMPUTABLE_YEARS):
                return False
        elif isinstance(column.type, Integer):
            int(value)
        elif column.name == "report_timezone":
            time_zone(value)
        elif column.name == "balance_raw":
            finite(Decimal(value))
        if isinstance(column.type, String):
            value.encode()  # which neither bytes nor surrogates can be
        return True
    except _UNREADABLE:
        return False


def _is_understood(column: Column[Any], value: Any) -> bool:
    """Tell whether SQLite computes and compares a readable value as we do: it keeps as text what is no number or moment to it."""
    if value is None:
        return True
    if isinstance(column.type, (Money, Integer)):
        return isinstance(value, (int, float))
    return column.name not in _SORTED or _SORTED[column.name].match(value) is not None


def _noun(column: Column[Any]) -> str:
    if column.name in _NOUNS:
        return _NOUNS[column.name]
    kinds = {Money: "amount", Instant: "moment", Date: "day", Integer: "number"}
    return next((noun for kind, noun in kinds.items() if isinstance(column.type, kind)), "text")


def _printable(value: Any) -> str:
    return str(value).encode(errors="backslashreplace").decode()
