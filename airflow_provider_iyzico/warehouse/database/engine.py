"""The settings of every connection of ours, whatever the defaults of the Connection, the role or the database are."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Callable
from contextlib import suppress
from math import ceil
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

from airflow_provider_iyzico.warehouse.database.faults import is_taken
from airflow_provider_iyzico.warehouse.database.patience import (
    connect_in_time,
    hold,
    in_turn,
    patience_now,
    seconds_to_connect,
)

#: They also turn off automatic commits.
_LEVELS = {
    "postgresql": "READ COMMITTED",
    "mysql": "READ COMMITTED",
    "mariadb": "READ COMMITTED",
    "sqlite": "SERIALIZABLE",
}
#: The largest ``sql_select_limit``. DEFAULT would be the server's own, which may cut off holds and items.
_ALL_ROWS = 2**64 - 1
_IS_READY, _HAS_MODE = "iyzico_is_ready", "iyzico_has_mode"


def prepare(engine: Engine) -> Engine:
    """Return the engine with the settings that our transactions need."""
    watch_over(engine)
    if engine.dialect.name == "sqlite" and not event.contains(engine, "connect", _let_readers_read):
        event.listen(engine, "connect", _let_readers_read)
    if engine.dialect.name in ("mysql", "mariadb") and not event.contains(engine, "connect", _set_mode):
        for moment in ("first_connect", "connect"):
            event.listen(engine, moment, _set_mode, insert=True)
    if engine.dialect.name == "postgresql":
        engine.dialect.use_native_hstore = False  # type: ignore[attr-defined] # it costs requests to the server, and we have no hstore
    level = _LEVELS.get(engine.dialect.name)
    if level is None or engine.get_execution_options().get("isolation_level") == level:
        return engine  # it is prepared, and SQLAlchemy 1.4 takes the option once only
    return engine.execution_options(isolation_level=level)


def watch_over(engine: Engine) -> None:
    """Have an engine's connections give plain rows and all letters, and register them with the thread's watch.

    Nothing else is set: a query that is not ours runs as it does over its Connection elsewhere.
    """
    if not event.contains(engine, "checkout", _hold):
        for moment in ("first_connect", "connect"):
            event.listen(engine, moment, _make_ready, insert=True)  # SQLAlchemy sends its own queries in between
        event.listen(engine, "checkout", _hold)
        event.listen(engine, "do_connect", _connect_in_time)


def _connect_in_time(dialect: Any, _record: object, arguments: Any, options: dict[str, Any]) -> Any:
    if dialect.driver in ("psycopg", "psycopg2"):  # their own timeout covers the handshake as well, and needs no thread
        options.setdefault("connect_timeout", ceil(seconds_to_connect()))
    elif dialect.name == "duckdb":
        return in_turn(lambda: dialect.connect(*arguments, **options), is_taken)
    elif dialect.name != "sqlite":  # whose connection belongs to the thread that opened it
        return connect_in_time(lambda: dialect.connect(*arguments, **options))
    return None


def _hold(connection: Any, _record: object, _proxy: object) -> None:
    hold(connection)
    seconds_to_connect()  # an interrupted SQLite connection stays usable: without time left, nothing may begin on it


def _make_ready(connection: Any, record: Any) -> None:
    hold(connection)
    if not record.info.get(_IS_READY):
        record.info[_IS_READY] = True
        for kind in type(connection).__mro__:
            if (make_ready := _READY.get(kind.__module__.partition(".")[0])) is not None:
                make_ready(connection)
                return


def _psycopg(connection: Any) -> None:
    driver = sys.modules["psycopg"]
    connection.row_factory, connection.cursor_factory = driver.rows.tuple_row, driver.Cursor
    connection.prepare_threshold = None  # a pooler may give prepared statements to another client
    if connection.info.encoding != "utf-8":
        connection.execute("SET client_encoding TO 'UTF8'")
        connection.commit()


def _psycopg2(connection: Any) -> None:
    connection.cursor_factory = None
    connection.set_client_encoding("UTF8")  # asks the server only if that changes something


def _mysql(connection: Any) -> None:
    package = type(connection).__module__.partition(".")[0]
    connection.cursorclass = sys.modules[f"{package}.cursors"].Cursor
    connection.set_character_set("utf8mb4")


def _mysql_connector(connection: Any) -> None:
    connection.set_charset_collation("utf8mb4")


def _set_mode(connection: Any, record: Any) -> None:
    """Set the mode before SQLAlchemy reads it. The mode also says what a quoted name is."""
    hold(connection)
    if record.info.get(_HAS_MODE):
        return
    record.info[_HAS_MODE] = True
    cursor = connection.cursor()
    cursor.execute(
        "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', time_zone = '+00:00', completion_type = 0, "
        f"sql_select_limit = {_ALL_ROWS}"
    )
    cursor.close()


def _sqlite(connection: Any) -> None:
    connection.row_factory, connection.text_factory = None, str


#: By the package of the driver's connection.
_READY: dict[str, Callable[[Any], None]] = {
    "psycopg": _psycopg,
    "psycopg2": _psycopg2,
    "MySQLdb": _mysql,
    "pymysql": _mysql,
    "mysql": _mysql_connector,
    "sqlite3": _sqlite,
}


def _let_readers_read(connection: Any, _record: object) -> None:
    """Let several tasks write to SQLite: a writer waits for the lock instead of failing, and readers go on reading."""
    # The mode is stored in the file. It cannot be changed while another connection works; the next connection changes it.
    connection.execute("PRAGMA busy_timeout = 0")
    with suppress(sqlite3.OperationalError):
        connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA busy_timeout = {patience_now().lock_seconds * 1000}")
