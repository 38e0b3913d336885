"""What every append says to PostgreSQL and SQLite, written out.

Each task makes an engine of its own, for which SQLAlchemy would have to compile every statement anew; that costs more than
running it. A text leaves little to compile, and the less, the fewer of its values have a type that SQLAlchemy has to look after.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import Column, Date, Integer, String, Table, bindparam, text

from airflow_provider_iyzico.warehouse.rollup import Day
from airflow_provider_iyzico.warehouse.tables import ReportTables
from airflow_provider_iyzico.warehouse.types import Instant, Money
from airflow_provider_iyzico.warehouse.views import VIEWS

if TYPE_CHECKING:
    from sqlalchemy import TextClause
    from sqlalchemy.sql.selectable import TextualSelect
    from sqlalchemy.types import TypeEngine

_TEXT_AND_COUNTS = (String, Integer)
#: What the drivers of a dialect take and give without help; moments perhaps in another zone than UTC, but the same moments.
_UNDERSTOOD = {"postgresql": (*_TEXT_AND_COUNTS, Money, Date, Instant), "sqlite": _TEXT_AND_COUNTS}
#: The dialects of this module.
DIALECTS = tuple(_UNDERSTOOD)


@cache
def add(table: Table, dialect: str) -> TextClause:
    """Add a row to a snapshot table, unless its key is there already."""
    (key,), names = table.primary_key.columns.keys(), table.columns.keys()
    statement = text(
        f"""INSERT INTO {_quoted(table)} ({", ".join(names)}) VALUES ({", ".join(f":{name}" for name in names)})
        ON CONFLICT ({key}) DO NOTHING"""
    )
    return _typed(statement, table.columns, dialect)


@dataclass(frozen=True, slots=True)
class ReportStatements:
    """What keeps the reports.

    :param enter: note an account, lock it, and give back the zone of its days, its first day, its newest moment, and how many of the
        tables and views beside the snapshots are missing
    :param read: a row of the snapshots as it is stored by now, and the day of its account as the values of a ``Day``
    :param update_day: write these values
    """

    enter: TextualSelect
    read: TextualSelect
    update_day: TextClause


@cache
def report_statements(table: Table, tables: ReportTables, dialect: str) -> ReportStatements:
    """Return the statements for a snapshot table and the tables that report it."""
    account, day = tables.account.c, tables.balance_day.c
    is_postgres = dialect == "postgresql"
    enter = text(
        f"""INSERT INTO {_quoted(tables.account)} AS kept
        (environment, account, currency, report_timezone, first_date, newest_at)
        VALUES (:environment, :account, :currency, :report_timezone, :first_date, :newest_at)
        ON CONFLICT (environment, account, currency) DO UPDATE
        SET newest_at = {"GREATEST" if is_postgres else "max"}(kept.newest_at, excluded.newest_at)
        RETURNING report_timezone, first_date, newest_at, {_missing(tables, is_postgres)}"""
    )
    is_day = "environment = :environment AND account = :account AND currency = :currency AND local_date = :local_date"
    snapshots = ", ".join(f"s.{name}" for name in table.columns.keys())
    read = text(
        f"""SELECT {snapshots}, {", ".join(f"d.{name} AS day_{name}" for name in Day._fields)}
        FROM {_quoted(table)} AS s
        LEFT JOIN {_quoted(tables.balance_day)} AS d
          ON d.environment = :environment AND d.account = :account AND d.currency = :currency AND d.local_date = :local_date
        WHERE s.snapshot_id = :snapshot_id"""
    )
    values = ", ".join(f"{name} = :{name}" for name in Day._fields if name != "local_date")
    update_day = text(f"UPDATE {_quoted(tables.balance_day)} SET {values} WHERE {is_day}")
    understood, columns = _UNDERSTOOD[dialect], [day[name] for name in Day._fields]
    days = {f"day_{name}": kind for name, kind in _types(columns, understood).items()}
    return ReportStatements(
        _typed(enter, [account.first_date, account.newest_at], dialect).columns(
            **_types([account.first_date, account.newest_at], understood)
        ),
        _typed(read, [day.local_date], dialect).columns(**_types(table.columns, _TEXT_AND_COUNTS), **days),
        _typed(update_day, columns, dialect),
    )


def _missing(tables: ReportTables, is_postgres: bool) -> str:
    """Return an expression for how many of the tables and views of the reports are missing."""
    names = [*[table.name for table in tables], *VIEWS]
    prefix = f'"{tables.account.schema}".' if tables.account.schema else ""
    if is_postgres:
        found = ", ".join(f"to_regclass('{prefix}{name}')" for name in names)
        return f"num_nulls({found})"
    listed = ", ".join(f"'{name}'" for name in names)
    return f"{len(names)} - (SELECT count(*) FROM {prefix}sqlite_master WHERE name IN ({listed}))"


def _typed(statement: TextClause, bound: Iterable[Column[Any]], dialect: str) -> TextClause:
    """Give the bound values the types of their columns, where the drivers need help."""
    types = _types(bound, _UNDERSTOOD[dialect])
    return statement.bindparams(*[bindparam(name, type_=kind) for name, kind in types.items()])


def _types(columns: Iterable[Column[Any]], understood: tuple[type[TypeEngine[Any]], ...]) -> dict[str, TypeEngine[Any]]:
    return {column.name: column.type for column in columns if not isinstance(column.type, understood)}


def _quoted(table: Table) -> str:
    """Return the name of a table, which may be any identifier, such as a reserved word."""
    return ".".join(f'"{name}"' for name in (table.schema, table.name) if name)
