"""Snapshots for tests of the warehouse: added by the append, of one account at a moment or of one after some minutes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from airflow_provider_iyzico.warehouse.append import append
from airflow_provider_iyzico.warehouse.snapshot import Observation, snapshot_row
from airflow_provider_iyzico.warehouse.tables import snapshot_table
from airflow_provider_iyzico.warehouse.task import TaskInstance

#: A table of another name has no reports, and so no view that holds its columns fast.
TABLE, BARE = snapshot_table(), snapshot_table("my_snapshots")
START = datetime(2026, 3, 1, 8, tzinfo=UTC)


def put(engine, account, moment, zone="Europe/Istanbul", create_table=True, table=TABLE, balance="5", run_id=None):
    seen = Observation(account, "production", "TRY", Decimal(balance), balance, moment, None, 5, zone)
    row = snapshot_row(seen, TaskInstance("d", "t", run_id or moment.isoformat(), -1, 1, None, None, None))
    return append(engine, table, row, create_table=create_table)


def put_after(engine, minutes, balance="5", table=TABLE):
    return put(engine, "a", START + timedelta(minutes=minutes), table=table, balance=balance, run_id=str(minutes))


def day(number, hour=9):
    return datetime(2026, 10, number, hour, tzinfo=UTC)


def run(engine, *statements):
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


def ask(engine, query):
    with engine.connect() as connection:
        return connection.execute(text(query)).scalar()


def dates(engine, account):
    query = "SELECT local_date FROM iyzico_balance_daily WHERE account = :account ORDER BY 1"
    with engine.connect() as connection:
        return [date.fromisoformat(str(each)[:10]) for each in connection.execute(text(query), {"account": account}).scalars()]


def another(engine):
    """An engine for the same schema, as another task has it."""
    options = {}
    if engine.dialect.name == "postgresql":
        options = {"options": f"-csearch_path={ask(engine, 'SELECT current_schema()')}"}
    return create_engine(engine.url, connect_args=options, poolclass=NullPool)
