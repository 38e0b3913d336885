"""How the page reads the warehouse: in one read-only, consistent transaction, with limits on time and readers."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import localcontext
from threading import BoundedSemaphore
from typing import Any

from airflow.configuration import conf
from sqlalchemy import String, bindparam, event, inspect, text
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import ProgrammingError

from airflow_provider_iyzico.errors import WarehouseConfigurationError, WarehouseError
from airflow_provider_iyzico.get_provider_info import DEFAULT_WAREHOUSE_CONN_ID
from airflow_provider_iyzico.ui.columns import COLUMNS
from airflow_provider_iyzico.ui.notices import Notice
from airflow_provider_iyzico.warehouse.bounds import PAGE
from airflow_provider_iyzico.warehouse.database.engine import prepare, watch_over
from airflow_provider_iyzico.warehouse.database.exact import EXACT
from airflow_provider_iyzico.warehouse.database.faults import cause, errors_of, first_line, is_there, is_unreadable
from airflow_provider_iyzico.warehouse.database.layout import absent
from airflow_provider_iyzico.warehouse.database.names import MYSQL, check_identifier
from airflow_provider_iyzico.warehouse.database.patience import Watch
from airflow_provider_iyzico.warehouse.database.transaction import settle
from airflow_provider_iyzico.warehouse.tables import SNAPSHOT_TABLE
from airflow_provider_iyzico.warehouse.views import quoted
from airflow_provider_iyzico.warehouse.views.dialects import KEPT

#: The command that names the row that cannot be shown.
BY_HAND = "python -m airflow_provider_iyzico.warehouse rebuild"
SQLITE_RIGHTS = "reading a SQLite file in WAL mode needs the right to read the file and to write into its folder"
#: The api-server has few threads, which Airflow needs. The page takes no more than these, however slow the warehouse is.
AT_ONCE = 6
_places = BoundedSemaphore(AT_ONCE)
log = logging.getLogger(__name__)


@contextmanager
def reading() -> Iterator[tuple[Connection, str | None]]:
    """Open the warehouse that ``[iyzico] warehouse_conn_id`` names, and yield a connection and the schema of the views.

    :raises Notice: it cannot be read, and why
    """
    from airflow_provider_iyzico.bridge.warehouse import warehouse_engine  # imported here, so that the api-server starts faster

    conn_id = conf.get("iyzico", "warehouse_conn_id", fallback="") or DEFAULT_WAREHOUSE_CONN_ID
    schema = conf.get("iyzico", "warehouse_schema", fallback="") or None
    if not _places.acquire(timeout=1):
        raise Notice("busy")
    why: list[Notice] = []
    try:
        if schema:
            check_identifier(schema, "[iyzico] warehouse_schema")
        with localcontext(EXACT), Watch(PAGE) as watch, warehouse_engine(conn_id) as engine:
            yield from _reading(engine, schema, watch, why)
    except WarehouseConfigurationError as error:
        if error.__cause__ is None:
            raise Notice("no_connection", str(error)) from error
        log.warning("%s", error)  # only the log may quote it
        raise Notice("no_connection", f"Connection {conn_id!r} cannot be used; the log of the api-server says why") from error
    except WarehouseError as error:
        log.warning("the warehouse did not answer the page: %s", error)
        raise why[0] if why else Notice("unavailable") from error
    finally:
        _places.release()


def _is_there(file: str) -> bool:
    try:
        return is_there(file)
    except WarehouseConfigurationError as error:
        log.warning("%s", error)
        raise Notice("no_grant", SQLITE_RIGHTS) from error


def _reading(engine: Engine, schema: str | None, watch: Watch, why: list[Notice]) -> Iterator[tuple[Connection, str | None]]:
    """Yield a connection.

    :param why: gets what the reader is told if a query fails
    :raises WarehouseError: a query failed. On its way out, the Connection's secrets are taken out of the driver's words
    """
    if engine.dialect.name not in KEPT:
        raise Notice("unsupported", f"the warehouse is {engine.dialect.name}; the page reads {', '.join(KEPT)}")
    if engine.dialect.name == "sqlite" and not _is_there(str(engine.url.database)):
        raise Notice("empty")  # connecting would create the file
    watch_over(engine)
    _bound(engine)
    if engine.dialect.name == "postgresql":  # set for each query, because a standby refuses a transaction that may write
        engine = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    elif engine.dialect.name in MYSQL:
        engine = prepare(engine)
    try:
        with engine.connect() as connection:
            if engine.dialect.name in MYSQL:
                connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            settle(connection, PAGE)
            if engine.dialect.name == "sqlite":
                connection.execute(text("PRAGMA query_only = ON"))
                connection.execute(text("BEGIN"))
            yield connection, schema
    except errors_of(engine) as error:
        why.append(Notice("unavailable") if watch.seconds_left <= 0 else _explained(engine, schema, error))
        raise WarehouseError(first_line(error)) from error
    except (ArithmeticError, AttributeError, TypeError, ValueError) as error:
        log.exception("the page cannot show what the warehouse holds")
        raise Notice("by_hand", BY_HAND) from error


def _bound(engine: Engine) -> None:
    """Limit the time of all statements together. The watch ends a statement that is still under way then."""
    ends_at = time.monotonic() + PAGE.statement_seconds

    @event.listens_for(engine, "connect")
    def interrupt(connection: Any, _record: Any) -> None:
        if engine.dialect.name == "sqlite":
            connection.set_progress_handler(lambda: time.monotonic() > ends_at, 100_000)

    @event.listens_for(engine, "before_cursor_execute")
    def check(*_: Any) -> None:
        if time.monotonic() > ends_at:
            log.warning("the warehouse needs more than %s s for the page", PAGE.statement_seconds)
            raise Notice("unavailable")


def _explained(engine: Engine, schema: str | None, error: Exception) -> Notice:
    """Say why a query failed. Ask the database what is there instead of reading the driver's message."""
    errors: tuple[type[Exception], ...] = (*errors_of(engine), WarehouseError, Notice)
    if is_unreadable(error):
        return Notice("by_hand", BY_HAND)
    if getattr(cause(error), "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_CANTOPEN:  # and there is such a file
        return Notice("no_grant", SQLITE_RIGHTS)
    no_grant = Notice("no_grant", _grants(schema))
    try:
        if not _is_usable(engine, schema):
            return no_grant
        inspector, missing = inspect(engine), absent(engine, [SNAPSHOT_TABLE, *COLUMNS], schema)
        if len(missing) > len(COLUMNS):
            return Notice("empty")
        for view, columns in COLUMNS.items():
            if view in missing or not set(columns) <= {each["name"] for each in inspector.get_columns(view, schema=schema)}:
                return Notice("no_views", f"{quoted(view, schema)} is missing or of another version")
    except errors:
        return Notice("unavailable")
    if isinstance(error, ProgrammingError):
        return no_grant
    return Notice("unavailable")


def _grants(schema: str | None) -> str:
    names = ", ".join(quoted(view, schema) for view in COLUMNS)
    return f"GRANT USAGE ON SCHEMA {schema or '…'} TO …; GRANT SELECT ON {names} TO …;"


def _is_usable(engine: Engine, schema: str | None) -> bool:
    """Tell whether the schema is there and this role may use it. Otherwise its content is unknown."""
    if engine.dialect.name != "postgresql":
        return True
    namespace = "to_regnamespace(quote_ident(COALESCE(:schema, current_schema())))"
    with engine.connect() as connection:
        asked = text(f"SELECT has_schema_privilege({namespace}, 'USAGE')").bindparams(bindparam("schema", schema, String()))
        return bool(connection.execute(asked).scalar())
