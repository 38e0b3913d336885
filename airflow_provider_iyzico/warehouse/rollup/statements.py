"""The SQL of the roll-up on PostgreSQL and SQLite. It is written out, because every append runs it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from sqlalchemy import Table

from airflow_provider_iyzico.warehouse.database.statements import Statement, quoted, statement
from airflow_provider_iyzico.warehouse.rollup.day import Day
from airflow_provider_iyzico.warehouse.tables import ACCOUNT_KEY, ReportTables, report_tables
from airflow_provider_iyzico.warehouse.views import VIEWS


@dataclass(frozen=True, slots=True)
class RollUpStatements:
    """The statements of the roll-up.

    :param enter: note the account of a snapshot, lock it, and give back the zone of its days, its first day, its newest moment,
        how many of the tables and views beside the snapshots are missing, and how many snapshots are hidden
    :param read: a row of the snapshots as it is stored now, and the day of its account as the values of a ``Day``
    :param update_day: write these values
    """

    enter: Statement
    read: Statement
    update_day: Statement


@cache
def roll_up_statements(table: Table, dialect: str) -> RollUpStatements:
    """Return the statements for a snapshot table and the tables beside it."""
    tables = report_tables(table.schema)
    account, day = tables.account.c, tables.balance_day.c
    is_postgres = dialect == "postgresql"
    enter = f"""INSERT INTO {quoted(tables.account)} AS kept
        (environment, account, currency, report_timezone, first_date, newest_at)
        VALUES (:environment, :account, :currency, :report_timezone, :local_date, :observed_at)
        ON CONFLICT (environment, account, currency) DO UPDATE
        SET newest_at = {"GREATEST" if is_postgres else "max"}(kept.newest_at, excluded.newest_at)
        RETURNING report_timezone, first_date, newest_at, {_missing(tables, is_postgres)},
        {_hidden(table, tables) if is_postgres else 0}"""
    is_day = "environment = :environment AND account = :account AND currency = :currency AND local_date = :local_date"
    read = f"""SELECT {", ".join(f"s.{name}" for name in _names(table))},
        {", ".join(f"d.{name} AS day_{name}" for name in Day._fields)}
        FROM {quoted(table)} AS s
        LEFT JOIN (SELECT * FROM {quoted(tables.balance_day)} WHERE {is_day}) AS d ON 1 = 1
        WHERE s.snapshot_id = :snapshot_id"""
    values = ", ".join(f"{name} = :{name}" for name in Day._fields if name != "local_date")
    columns = [day[name] for name in Day._fields]
    days = [column.label(f"day_{column.name}") for column in columns]
    return RollUpStatements(
        statement(enter, dialect, [table.c.local_date, table.c.observed_at], [account.first_date, account.newest_at]),
        statement(read, dialect, [day.local_date], [*table.columns, *days]),
        statement(f"UPDATE {quoted(tables.balance_day)} SET {values} WHERE {is_day}", dialect, columns),
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
    known = f"SELECT COALESCE(sum(d.observations), 0) FROM {quoted(tables.balance_day)} AS d WHERE {mine.format('d')}"
    shown = f"SELECT count(*) FROM {quoted(table)} AS s WHERE {mine.format('s')}"
    return f"CASE WHEN row_security_active('{quoted(table)}') THEN ({known}) - ({shown}) ELSE 0 END"


def _names(table: Table) -> list[str]:
    return [column.name for column in table.columns]
