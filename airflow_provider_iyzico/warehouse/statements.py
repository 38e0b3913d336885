"""What every append says to PostgreSQL and SQLite, written out.

Each task makes an engine of its own, for which SQLAlchemy would have to compile every statement anew; that costs more than
running it. A text leaves little to compile, and the less, the fewer of its values have a type that SQLAlchemy has to look after.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import Column, Date, Integer, Numeric, String, Table, bindparam, text

from airflow_provider_iyzico.warehouse.rollup import Day
from airflow_provider_iyzico.warehouse.tables import ReportTables
from airflow_provider_iyzico.warehouse.types import Instant

if TYPE_CHECKING:
    from sqlalchemy import TextClause
    from sqlalchemy.sql.selectable import TextualSelect
    from sqlalchemy.types import TypeEngine

_TEXT_AND_COUNTS = (String, Integer)
#: What the drivers of a dialect take and give without help; moments perhaps in another zone than UTC, but the same moments.
_UNDERSTOOD = {"postgresql": (*_TEXT_AND_COUNTS, Numeric, Date, Instant), "sqlite": _TEXT_AND_COUNTS}
#: The dialects of this module.
DIALECTS = tuple(_UNDERSTOOD)


@cache
def add(table: Table, dialect: str) -> TextualSelect:
    """Add a row to a snapshot table and give it back as it is kept; give back nothing if its key is there already.

    What comes back is what the database stores: converted to the types of the columns, and after triggers ``BEFORE INSERT``.
    Here moments are in UTC on PostgreSQL, too, since this is what a caller gets.
    """
    (key,), names = table.primary_key.columns.keys(), table.columns.keys()
    statement = text(
        f"""INSERT INTO {_quoted(table)} ({", ".join(names)}) VALUES ({", ".join(f":{name}" for name in names)})
        ON CONFLICT ({key}) DO NOTHING RETURNING {", ".join(names)}"""
    )
    return _typed(statement, table.columns, dialect).columns(**_types(table.columns, _TEXT_AND_COUNTS))


@dataclass(frozen=True, slots=True)
class ReportStatements:
    """What keeps the reports.

    :param enter: note an account, lock it, and give back the zone of its days and its newest moment
    :param read_day: a day of an account, as the values of a ``Day``
    :param update_day: write these values
    """

    enter: TextualSelect
    read_day: TextualSelect
    update_day: TextClause


@cache
def report_statements(tables: ReportTables, dialect: str) -> ReportStatements:
    """Return the statements for these tables."""
    greatest, least = ("GREATEST", "LEAST") if dialect == "postgresql" else ("max", "min")
    account, day = tables.account.c, tables.balance_day.c
    is_day = "environment = :environment AND account = :account AND currency = :currency AND local_date = :local_date"
    enter = text(
        f"""INSERT INTO {_quoted(tables.account)} AS kept
        (environment, account, currency, report_timezone, first_date, newest_at)
        VALUES (:environment, :account, :currency, :report_timezone, :first_date, :newest_at)
        ON CONFLICT (environment, account, currency) DO UPDATE
        SET first_date = {least}(kept.first_date, excluded.first_date),
            newest_at = {greatest}(kept.newest_at, excluded.newest_at)
        RETURNING report_timezone, newest_at"""
    )
    read_day = text(f"SELECT {', '.join(Day._fields)} FROM {_quoted(tables.balance_day)} WHERE {is_day}")
    values = ", ".join(f"{name} = :{name}" for name in Day._fields if name != "local_date")
    update_day = text(f"UPDATE {_quoted(tables.balance_day)} SET {values} WHERE {is_day}")
    understood, columns = _UNDERSTOOD[dialect], [day[name] for name in Day._fields]
    return ReportStatements(
        _typed(enter, [account.first_date, account.newest_at], dialect).columns(**_types([account.newest_at], understood)),
        _typed(read_day, [day.local_date], dialect).columns(**_types(columns, understood)),
        _typed(update_day, columns, dialect),
    )


def _typed(statement: TextClause, bound: Iterable[Column[Any]], dialect: str) -> TextClause:
    """Give the bound values the types of their columns, where the drivers need help."""
    types = _types(bound, _UNDERSTOOD[dialect])
    return statement.bindparams(*[bindparam(name, type_=kind) for name, kind in types.items()])


def _types(columns: Iterable[Column[Any]], understood: tuple[type[TypeEngine[Any]], ...]) -> dict[str, TypeEngine[Any]]:
    return {column.name: column.type for column in columns if not isinstance(column.type, understood)}


def _quoted(table: Table) -> str:
    """Return the name of a table, which may be any identifier, such as a reserved word."""
    return ".".join(f'"{name}"' for name in (table.schema, table.name) if name)
