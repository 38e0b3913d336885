"""The SQL of the roll-up. It is written out, because every append runs it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache

from sqlalchemy import Table

from airflow_provider_iyzico.warehouse.database.names import MYSQL
from airflow_provider_iyzico.warehouse.database.statements import Statement, quoted, statement
from airflow_provider_iyzico.warehouse.local_day import YEARS
from airflow_provider_iyzico.warehouse.rollup.day import Day
from airflow_provider_iyzico.warehouse.tables import ACCOUNT_KEY, ReportTables, report_tables
from airflow_provider_iyzico.warehouse.views import VIEWS

#: The first day of which there can be a snapshot.
FIRST_DAY = date(YEARS.start, 1, 1)
#: The calendar of MySQL and MariaDB has this day beside those of accounts. Writers of the calendar lock it, because these
#: databases would end the transaction to lock a table. Where it is missing, or has no length, the roll-up was not computed yet.
IS_MARK = f"report_timezone = 'UTC' AND local_date = '{FIRST_DAY}'"
_IS_COMPUTED = f"{IS_MARK} AND ends_at > starts_at"
_ENTERED = "environment, account, currency, report_timezone, first_date, newest_at"
_GIVEN = ":environment, :account, :currency, :report_timezone, :local_date, :observed_at"


@dataclass(frozen=True, slots=True)
class RollUpStatements:
    """The statements of the roll-up.

    :param enter: note the account of a snapshot, lock it, and give back the zone of its days, its first day, its newest moment,
        how many of the tables and views beside the snapshots are missing, and how many snapshots are hidden
    :param entered: gives that back where ``enter`` cannot; no row if the roll-up was not computed yet
    :param read: a row of the snapshots as it is stored now, and the day of its account as the values of a ``Day``
    :param update_day: write these values
    """

    enter: Statement
    entered: Statement | None
    read: Statement
    update_day: Statement


@cache
def roll_up_statements(table: Table, dialect: str) -> RollUpStatements:
    """Return the statements for a snapshot table and the tables beside it."""
    tables = report_tables(table.schema)
    account, day = tables.account.c, tables.balance_day.c
    answer = [account.first_date, account.newest_at]
    is_account = "environment = :environment AND account = :account AND currency = :currency"
    entered = None
    if dialect in MYSQL:
        enter = _enter_in_mysql(tables, dialect)
        said = f"""SELECT {_kept(tables, dialect)}, 0 FROM {quoted(tables.account, dialect)}
            WHERE {is_account} AND EXISTS (SELECT 1 FROM {quoted(tables.report_day, dialect)} WHERE {_IS_COMPUTED})"""
        entered = statement(said, dialect, (), answer)
    else:
        enter = _enter(table, tables, dialect)
    is_day = f"{is_account} AND local_date = :local_date"
    read = f"""SELECT {", ".join(f"s.{name}" for name in _names(table))},
        {", ".join(f"d.{name} AS day_{name}" for name in Day._fields)}
        FROM {quoted(table, dialect)} AS s
        LEFT JOIN (SELECT * FROM {quoted(tables.balance_day, dialect)} WHERE {is_day}) AS d ON 1 = 1
        WHERE s.snapshot_id = :snapshot_id"""
    values = ", ".join(f"{name} = :{name}" for name in Day._fields if name != "local_date")
    columns = [day[name] for name in Day._fields]
    days = [column.label(f"day_{column.name}") for column in columns]
    return RollUpStatements(
        statement(enter, dialect, [table.c.local_date, table.c.observed_at], () if entered else answer),
        entered,
        statement(read, dialect, [day.local_date], [*table.columns, *days]),
        statement(f"UPDATE {quoted(tables.balance_day, dialect)} SET {values} WHERE {is_day}", dialect, columns),
    )


def _enter(table: Table, tables: ReportTables, dialect: str) -> str:
    is_postgres = dialect == "postgresql"
    return f"""INSERT INTO {quoted(tables.account)} AS kept ({_ENTERED})
        VALUES ({_GIVEN})
        ON CONFLICT (environment, account, currency) DO UPDATE
        SET newest_at = {"GREATEST" if is_postgres else "max"}(kept.newest_at, excluded.newest_at)
        RETURNING {_kept(tables, dialect)}, {_hidden(table, tables) if is_postgres else 0}"""


def _enter_in_mysql(tables: ReportTables, dialect: str) -> str:
    """Enter nothing, and so lock nothing, where the roll-up was not computed yet."""
    return f"""INSERT INTO {quoted(tables.account, dialect)} ({_ENTERED})
        SELECT {_GIVEN} FROM {quoted(tables.report_day, dialect)} WHERE {_IS_COMPUTED}
        ON DUPLICATE KEY UPDATE newest_at = GREATEST(newest_at, CAST(:observed_at AS DATETIME(6)))"""


def _kept(tables: ReportTables, dialect: str) -> str:
    return f"report_timezone, first_date, newest_at, {_missing(tables, dialect)}"


def _missing(tables: ReportTables, dialect: str) -> str:
    """Return an expression for how many of the tables and views of the reports are missing."""
    names = [*[table.name for table in tables], *VIEWS]
    schema = tables.account.schema
    prefix = f'"{schema}".' if schema else ""
    if dialect == "postgresql":
        found = ", ".join(f"to_regclass('{prefix}{name}')" for name in names)
        return f"num_nulls({found})"
    listed = ", ".join(f"'{name}'" for name in names)
    if dialect in MYSQL:
        where = f"'{schema}'" if schema else "DATABASE()"
        there = f"SELECT count(*) FROM information_schema.tables WHERE table_schema = {where} AND table_name IN ({listed})"
        return f"{len(names)} - ({there})"
    return f"{len(names)} - (SELECT count(*) FROM {prefix}sqlite_master WHERE type IN ('table', 'view') AND name IN ({listed}))"


def _hidden(table: Table, tables: ReportTables) -> str:
    """Return an expression for how many snapshots of an account the roll-up knows and row level security hides from this role."""
    mine = " AND ".join(f"{{0}}.{name} = kept.{name}" for name in ACCOUNT_KEY)
    known = f"SELECT COALESCE(sum(d.observations), 0) FROM {quoted(tables.balance_day)} AS d WHERE {mine.format('d')}"
    shown = f"SELECT count(*) FROM {quoted(table)} AS s WHERE {mine.format('s')}"
    return f"CASE WHEN row_security_active('{quoted(table)}') THEN ({known}) - ({shown}) ELSE 0 END"


def _names(table: Table) -> list[str]:
    return [column.name for column in table.columns]
