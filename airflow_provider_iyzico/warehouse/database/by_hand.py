"""Finds the row that was written by hand and cannot be read, so that the error can name it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import date, datetime
from decimal import Decimal
from traceback import clear_frames
from typing import Any

from sqlalchemy import Column, Date, Integer, String, Table, and_, cast, select, type_coerce
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import NullType

from airflow_provider_iyzico.errors import IyzicoError, WarehouseError, WarehouseRowError
from airflow_provider_iyzico.warehouse.database.faults import first_line, is_unreadable
from airflow_provider_iyzico.warehouse.database.statements import BATCH
from airflow_provider_iyzico.warehouse.database.transaction import transaction
from airflow_provider_iyzico.warehouse.database.types import Instant, Money, rule_of

CORRECT_OR_DELETE = "correct that row or delete it"
#: What is raised when such a value is read or computed with.
_UNREADABLE = (ArithmeticError, AttributeError, TypeError, ValueError)
#: Years whose moments exist in every time zone.
_COMPUTABLE_YEARS = range(2, 9999)


@contextmanager
def naming_rows_by_hand(
    connection: Connection,
    tables: Sequence[Table],
    where: Mapping[str, Any] | None = None,
    advice: str = CORRECT_OR_DELETE,
) -> Iterator[None]:
    """If reading fails, find a row that holds an invalid amount, moment, day or number, or breaks the rule of its column.

    :param where: what columns of the rows that were read hold; without it, all rows are looked through, as in a table that has
        no such columns
    :param advice: what to do with the row
    :raises WarehouseRowError: with table, key and column of the first row of that kind
    :raises WarehouseError: there is no such row, so something else is wrong
    """
    try:
        yield
    except IyzicoError:
        raise
    except (*_UNREADABLE, DBAPIError) as error:
        if isinstance(error, DBAPIError) and not is_unreadable(error):
            raise
        clear_frames(error.__traceback__)  # they keep the query open, and on Python 3.12 SQLite's view of the file with it
        with _settled(connection):
            if (said := row_by_hand(connection, tables, where, advice)) is not None:
                raise WarehouseRowError(said) from error
        if isinstance(error, DBAPIError):
            raise
        raise WarehouseError(f"table {tables[0].fullname!r} could not be written or read: {first_line(error)}") from error


def row_by_hand(
    connection: Connection,
    tables: Sequence[Table],
    where: Mapping[str, Any] | None = None,
    advice: str = CORRECT_OR_DELETE,
) -> str | None:
    """Say what is wrong with the first row that cannot be read or computed with, if there is one."""
    for table in tables:
        if (found := _first_unreadable(connection, table, where)) is not None:
            key, column, value = found
            named = ", ".join(f"{name} {_printable(part)}" for name, part in key.items())
            return (
                f"table {table.fullname!r} holds {value!r} in column {column!r} of the row with {named}, which is "
                f"no {_noun(table.c[column])}; {advice}"
            )
    return None


@contextmanager
def _settled(connection: Connection) -> Iterator[None]:
    """Ask with our settings again: the failed transaction took them with it, and another date style writes other texts."""
    if connection.in_transaction():
        yield
        return
    with transaction(connection):
        yield


def _first_unreadable(
    connection: Connection, table: Table, where: Mapping[str, Any] | None
) -> tuple[dict[str, Any], str, object] | None:
    is_sqlite = connection.dialect.name == "sqlite"
    raw = [(type_coerce(each, NullType()) if is_sqlite else cast(each, String)).label(each.name) for each in table.columns]
    query = select(*raw)
    if where is not None and all(name in table.c for name in where):
        query = query.where(and_(*[table.c[name] == value for name, value in where.items()]))
    with _all_bytes_read(connection), closing(connection.execute(query.execution_options(yield_per=BATCH))) as found:
        for row in found.mappings():
            for column in table.columns:
                value = row[column.name]
                if not _is_readable(column, value) or (is_sqlite and not _is_understood(column, value)):
                    return {key.name: row[key.name] for key in table.primary_key.columns}, column.name, value
    return None


@contextmanager
def _all_bytes_read(connection: Connection) -> Iterator[None]:
    """Let SQLite also return texts that are not UTF-8, with surrogates for the odd bytes."""
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
    rule = rule_of(column)
    if rule.may_be_infinite and value in ("infinity", "-infinity"):
        return True  # only PostgreSQL can compare it
    try:
        if isinstance(column.type, Money):
            column.type.amount(Decimal(repr(value) if isinstance(value, float) else value))
        elif isinstance(column.type, (Instant, Date)):
            value = datetime.fromisoformat(value) if isinstance(column.type, Instant) else date.fromisoformat(value)
            if value.year not in _COMPUTABLE_YEARS:
                return False
        elif isinstance(column.type, Integer):
            int(value)
        elif isinstance(column.type, String):
            value.encode()  # fails for bytes and for surrogates
        if rule.check is not None:
            rule.check(value)
        return True
    except _UNREADABLE:
        return False


def _is_understood(column: Column[Any], value: Any) -> bool:
    """Tell whether SQLite computes with a value and compares it as Python does. It keeps other values as text."""
    if value is None:
        return True
    if isinstance(column.type, (Money, Integer)):
        return isinstance(value, (int, float))
    spelling = rule_of(column).spelling
    return spelling is None or spelling.match(value) is not None


def _noun(column: Column[Any]) -> str:
    if (noun := rule_of(column).noun) is not None:
        return noun
    kinds = {Money: "amount", Instant: "moment", Date: "day", Integer: "number"}
    return next((noun for kind, noun in kinds.items() if isinstance(column.type, kind)), "text")


def _printable(value: Any) -> str:
    return str(value).encode(errors="backslashreplace").decode()
