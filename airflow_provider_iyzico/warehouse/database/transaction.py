"""Transactions with our settings: how long they wait, and what their texts and moments look like."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from sqlalchemy.engine import Connection, Transaction

from airflow_provider_iyzico.warehouse.database.patience import Patience, patience_now


@contextmanager
def transaction(connection: Connection, *, writes_at_once: bool = False, is_durable: bool = False) -> Iterator[Transaction]:
    """Begin a transaction with our settings and this thread's patience, and commit it or roll it back.

    :param writes_at_once: SQLite takes its one lock for writers now: what is read then holds until the commit, and a table that
        is made is not kept by itself. Other databases lock rows: ask for them ``with_for_update()``, which SQLite leaves out.
    :param is_durable: the commit is on the disk before it returns, whatever the role, the database or the file says by default.
        MySQL and MariaDB decide that for the whole server (``innodb_flush_log_at_trx_commit``).
    """
    with connection.begin() as begun:
        settle(connection, patience_now(), is_durable=is_durable)
        if writes_at_once and connection.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        yield begun


def settle(connection: Connection, patience: Patience, *, is_durable: bool = False) -> None:
    """Begin a transaction with our settings. They end with it, because a pooler may give the session to another client.

    On PostgreSQL this also makes deferred constraint triggers fire at once, so that reading back sees what they do.
    """
    dialect = connection.dialect.name
    lock, statement = patience.lock_seconds, patience.statement_seconds
    if dialect == "postgresql":
        connection.exec_driver_sql(_settings(lock, statement, patience.whole_seconds, is_durable))
    elif dialect in ("mysql", "mariadb"):
        is_mariadb = getattr(connection.dialect, "is_mariadb", False)
        most = f"max_statement_time = {statement}" if is_mariadb else f"max_execution_time = {statement * 1000}"
        connection.exec_driver_sql(f"SET lock_wait_timeout = {lock}, innodb_lock_wait_timeout = {lock}, {most}")
    elif dialect == "sqlite":
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {lock * 1000}")
        if is_durable:  # with WAL, NORMAL loses the last commits on power loss; without WAL, so does FULL
            connection.exec_driver_sql("PRAGMA synchronous = EXTRA")


@cache
def _settings(lock_seconds: int, statement_seconds: int, idle_seconds: int, is_durable: bool) -> str:
    """Return all settings as one text, for one request to the server. That is why no driver may prepare statements."""
    settings = {
        "lock_timeout": f"{lock_seconds}s",
        "statement_timeout": f"{statement_seconds}s",
        "idle_in_transaction_session_timeout": f"{idle_seconds}s",
        "DateStyle": "ISO",
        "IntervalStyle": "postgres",
        "TimeZone": "UTC",
        "standard_conforming_strings": "on",
        "jit": "off",  # compiling a report takes longer than the report
        **({"synchronous_commit": "on"} if is_durable else {}),
    }
    said = " ".join(f"SET LOCAL {name} = '{value}';" for name, value in settings.items())
    return f"{said} SET CONSTRAINTS ALL IMMEDIATE"
