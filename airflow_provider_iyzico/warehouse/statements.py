"""What every append says to PostgreSQL and SQLite, written out.

Each task makes an engine of its own, for which SQLAlchemy would have to compile every statement again; that costs more than
running it. PostgreSQL's drivers take the statements as they are. For SQLite a text leaves little to compile.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import Date, Integer, String, Table, bindparam, text

from airflow_provider_iyzico.warehouse.database.types import Instant, Money
from airflow_provider_iyzico.warehouse.rollup import Day
from airflow_provider_iyzico.warehouse.tables import ACCOUNT_KEY, ReportTables
from airflow_provider_iyzico.warehouse.views import VIEWS

if TYPE_CHECKING:
    from sqlalchemy import TextClause
    from sqlalchemy.engine import Connection, CursorResult
    from sqlalchemy.sql.elements import ColumnElement
    from sqlalchemy.sql.selectable import TextualSelect
    from sqlalchemy.types import TypeEngine

_TEXT_AND_COUNTS = (String, Integer)
#: What the drivers of a dialect take and give without help.
_UNDERSTOOD = {"postgresql": (*_TEXT_AND_COUNTS, Money, Date, Instant), "sqlite": _TEXT_AND_COUNTS}
_NAMED = re.compile(r":(\w+)")
#: The dialects of this module.
DIALECTS = tuple(_UNDERSTOOD)


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement with named values.

    :param text: as SQLAlchemy takes it, with the types of values and columns where the driver needs help
    :param plain: for drivers that need no help and know the names themselves
    """

    text: TextClause | TextualSelect
    plain: str

    def run(self, connection: Connection, values: Mapping[str, Any]) -> CursorResult[Any]:
        if connection.dialect.name == "postgresql" and connection.dialect.paramstyle == "pyformat":
            return connection.exec_driver_sql(self.plain, dict(values))
        return connection.execute(self.text, values)


@cache
def add(table: Table, dialect: str) -> Statement:
    """Add a row to a snapshot table, unless its key is there already."""
    (key,), names = table.primary_key.columns.keys(), table.columns.keys()
    said = f"""INSERT INTO {_quoted(table)} ({", ".join(names)}) VALUES ({", ".join(f":{name}" for name in names)})
        ON CONFLICT ({key}) DO NOTHING"""
    return _statement(said, dialect, table.columns)


@dataclass(frozen=True, slots=True)
class ReportStatements:
    """What keeps the reports.

    :param enter: note the account of a snapshot, lock it, and give back the zone of its days, its first day, its newest moment,
        how many of the tables and views beside the snapshots are missing, and how many snapshots are hidden
    :param read: a row of the snapshots as it is stored by now, and the day of its account as the values of a ``Day``
    :param update_day: write these values
    """

    enter: Statement
    read: Statement
    update_day: Statement


@cache
def report_statements(table: Table, tables: ReportTables, dialect: str) -> ReportStatements:
    """Return the statements for a snapshot table and the tables that report it."""
    account, day = tables.account.c, tables.balance_day.c
    is_postgres = dialect == "postgresql"
    enter = f"""INSERT INTO {_quoted(tables.account)} AS kept
        (environment, account, currency, report_timezone, first_date, newest_at)
        VALUES (:environment, :account, :currency, :report_timezone, :local_date, :observed_at)
        ON CONFLICT (environment, account, currency) DO UPDATE
        SET newest_at = {"GREATEST" if is_postgres else "max"}(kept.newest_at, excluded.newest_at)
        RETURNING report_timezone, first_date, newest_at, {_missing(tables, is_postgres)},
        {_hidden(table, tables) if is_postgres else 0}"""
    is_day = "environment = :environment AND account = :account AND currency = :currency AND local_date = :local_date"
    read = f"""SELECT {", ".join(f"s.{name}" for name in _names(table))},
        {", ".join(f"d.{name} AS day_{name}" for name in Day._fields)}
        FROM {_quoted(table)} AS s
        LEFT JOIN (SELECT * FROM {_quoted(tables.balance_day)} WHERE {is_day}) AS d ON 1 = 1
        WHERE s.snapshot_id = :snapshot_id"""
    values = ", ".join(f"{name} = :{name}" for name in Day._fields if name != "local_date")
    columns = [day[name] for name in Day._fields]
    days = [column.label(f"day_{column.name}") for column in columns]
    return ReportStatements(
        _statement(enter, dialect, [table.c.local_date, table.c.observed_at], [account.first_date, account.newest_at]),
        _statement(read, dialect, [day.local_date], [*table.columns, *days]),
        _statement(f"UPDATE {_quoted(tables.balance_day)} SET {values} WHERE {is_day}", dialect, columns),
    )


def _missing(tables: ReportTables, is_postgres: bool) -> str:
    """Return an expression for how many of the tables and views of the reports are missing."""
    names = [*[table.name for table in tables], *VIEWS]
    prefix = f'"{tables.account.schema}".' if tables.account.schema else ""
    if is_postgres:
        found = ", ".join(f"to_regclass('{prefix}{name}')" for name in names)
        return f"num_nulls({found})"
    listed = ", ".join(f"'{name}'" for name in names)
    return f"{len(names)} - (SELECT count(*) FROM {prefix}sqlite_master WHERE type IN ('table', 'view') AND name IN ({listed}))"


def _hidden(table: Table, tables: ReportTables) -> str:
    """Return an expression for how many snapshots of an account the roll-up knows and row level security hides from this role."""
    mine = " AND ".join(f"{{0}}.{name} = kept.{name}" for name in ACCOUNT_KEY)
    known = f"SELECT COALESCE(sum(d.observations), 0) FROM {_quoted(tables.balance_day)} AS d WHERE {mine.format('d')}"
    shown = f"SELECT count(*) FROM {_quoted(table)} AS s WHERE {mine.format('s')}"
    return f"CASE WHEN row_security_active('{_quoted(table)}') THEN ({known}) - ({shown}) ELSE 0 END"


def _statement(
    said: str, dialect: str, given: Iterable[ColumnElement[Any]], returned: Iterable[ColumnElement[Any]] = ()
) -> Statement:
    """Give values and columns their types, where the drivers need help."""
    understood = _UNDERSTOOD[dialect]
    bound = [bindparam(name, type_=kind) for name, kind in _types(given, understood).items()]
    statement = text(said).bindparams(*bound)
    types = _types(returned, understood)
    return Statement(statement.columns(**types) if types else statement, _NAMED.sub(r"%(\1)s", said))


def _types(columns: Iterable[ColumnElement[Any]], understood: tuple[type[TypeEngine[Any]], ...]) -> dict[str, TypeEngine[Any]]:
    return {str(column.key): column.type for column in columns if not isinstance(column.type, understood)}


def _names(table: Table) -> list[str]:
    return [column.name for column in table.columns]


def _quoted(table: Table) -> str:
    """Return the name of a table, which may be any identifier, such as a reserved word."""
    return ".".join(f'"{name}"' for name in (table.schema, table.name) if name)
