"""What every connection of ours rests upon, whatever the Connection, the role or the database say by default."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Callable
from contextlib import suppress
from math import ceil
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

from airflow_provider_iyzico.warehouse.database.patience import connect_in_time, hold, patience_now, seconds_to_connect

#: Which also turn off what commits by itself.
_LEVELS = {
    "postgresql": "READ COMMITTED",
    "mysql": "READ COMMITTED",
    "mariadb": "READ COMMITTED",
    "sqlite": "SERIALIZABLE",
}
_IS_READY = "iyzico_is_ready"


def prepare(engine: Engine) -> Engine:
    """Return the engine with what our transactions rest upon."""
    watch_over(engine)
    if engine.dialect.name == "sqlite" and not event.contains(engine, "connect", _let_readers_read):
        event.listen(engine, "connect", _let_readers_read)
    if engine.dialect.name == "postgresql":
        engine.dialect.use_native_hstore = False  # type: ignore[attr-defined] # it costs trips to the server, and we have none
    level = _LEVELS.get(engine.dialect.name)
    return engine if level is None else engine.execution_options(isolation_level=level)


def watch_over(engine: Engine) -> None:
    """Let the connections of an engine give plain rows and all letters, and let the watch of a thread cut them."""
    if not event.contains(engine, "checkout", _hold):
        for moment in ("first_connect", "connect"):
            event.listen(engine, moment, _make_ready, insert=True)  # SQLAlchemy asks its own questions in between
        event.listen(engine, "checkout", _hold)
        event.listen(engine, "do_connect", _connect_in_time)


def _connect_in_time(dialect: Any, _record: object, arguments: Any, options: dict[str, Any]) -> Any:
    if dialect.driver in ("psycopg", "psycopg2"):  # theirs is for the handshake as well, and costs no thread
        options.setdefault("connect_timeout", ceil(seconds_to_connect()))
    elif dialect.driver in ("mysqldb", "pymysql", "mysqlconnector"):
        return connect_in_time(lambda: dialect.connect(*arguments, **options))
    return None


def _hold(connection: Any, _record: object, _proxy: object) -> None:
    hold(connection)
    seconds_to_connect()  # SQLite's connection outlives being interrupted: without time left, nothing may begin on it


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
    connection.prepare_threshold = None  # a pooler may hand prepared statements to somebody else
    if connection.info.encoding != "utf-8":
        connection.execute("SET client_encoding TO 'UTF8'")
        connection.commit()


def _psycopg2(connection: Any) -> None:
    connection.cursor_factory = None
    connection.set_client_encoding("UTF8")  # which asks the server only where that changes something


def _mysql(connection: Any) -> None:
    """Before SQLAlchemy asks for the mode, which also says what a quoted name is."""
    package = type(connection).__module__.partition(".")[0]
    connection.cursorclass = sys.modules[f"{package}.cursors"].Cursor
    connection.set_character_set("utf8mb4")
    _say(connection)


def _mysql_connector(connection: Any) -> None:
    connection.set_charset_collation("utf8mb4")
    _say(connection)


def _say(connection: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', time_zone = '+00:00', completion_type = 0")
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
    """Let several tasks write to SQLite: wait for a lock instead of failing, and let readers read on."""
    # The mode stays with the file. While somebody is at work there it cannot be changed; the next connection changes it.
    connection.execute("PRAGMA busy_timeout = 0")
    with suppress(sqlite3.OperationalError):
        connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA busy_timeout = {patience_now().lock_seconds * 1000}")
