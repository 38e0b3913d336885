"""Opens the warehouse of an Airflow Connection. Only tasks that write, and the page, import this module."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from traceback import clear_frames
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus, unquote

from airflow.providers.common.compat.sdk import AirflowException, AirflowNotFoundException, BaseHook
from airflow.providers.common.sql.hooks.sql import DbApiHook
from cryptography.fernet import InvalidToken
from sqlalchemy import create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.pool import NullPool

from airflow_provider_iyzico.errors import (
    IyzicoError,
    WarehouseConfigurationError,
    WarehouseError,
    WarehouseUnavailableError,
)
from airflow_provider_iyzico.warehouse.database.engine import watch_over
from airflow_provider_iyzico.warehouse.database.faults import first_line, is_taken, without_secret
from airflow_provider_iyzico.warehouse.database.patience import connect_in_time, in_turn
from airflow_provider_iyzico.warehouse.task import TaskInstance

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context
    from sqlalchemy.engine import Engine

#: The extras that ``get_conn()`` of Airflow's MySQL hook reads, by client. It ignores all others.
_MYSQL_CLIENTS = {
    "mysqlclient": ("mysqldb", {"charset", "cursor", "ssl", "ssl_mode", "unix_socket", "iam", "aws_conn_id"}),
    "mysql-connector-python": ("mysqlconnector", set()),
}
#: Names of extras that hold secrets.
_IS_SECRET = re.compile(r"pass|secret|token|private|credential", re.IGNORECASE)
#: How PostgreSQL's drivers quote the wrong value of an extra. That value may be a secret.
_INVALID = re.compile(r'\b(invalid [\w ]*value:? )".*?"(?=$|;| for )', re.MULTILINE)
#: What errors may show of an extra: a word that means something there, such as ``verify-full``, a path, a number, and the name of
#: a field. Drivers quote whatever else somebody put there.
_IS_SHOWN = re.compile(r"[a-z]{1,16}(?:[-_]+[a-z]{1,16}){0,3}\Z|(?:/[\w.-]+)+/?\Z|[0-9]{1,6}\Z|.{0,3}\Z", re.DOTALL)
#: https://www.sqlite.org/uri.html
_SQLITE_EXTRAS = {"vfs", "mode", "modeof", "cache", "psow", "nolock", "immutable"}
_HARMLESS_EXTRAS = {"client", "local_infile"}


@contextmanager
def warehouse_engine(conn_id: str, *, was_there: bool = False, named_in: str = "warehouse_conn_id") -> Iterator[Engine]:
    """Open the warehouse of a Connection. The engine connects as the Connection's own hook does.

    :param was_there: whether the Connection was read before: then it may come back, because Airflow says "not found" also when a
        secrets backend is down
    :param named_in: the parameter that names the Connection, for messages
    :raises WarehouseConfigurationError: there is no such Connection, it is not SQL, or it cannot be used
    :raises WarehouseUnavailableError: a secrets backend cannot be asked now
    """
    make, hide = _opened(conn_id, was_there, named_in)
    engine = None
    try:
        engine = make()
        yield engine
    except BaseException as error:
        past = list(_causes(error))
        for each in (error, *past):
            clear_frames(each.__traceback__)  # frames of hooks and drivers hold the password, and error trackers record frames
        if not isinstance(error, IyzicoError):
            raise
        error.args = (hide(f"Connection {conn_id!r}: {error}" if isinstance(error, WarehouseError) else str(error)),)
        if any(hide(str(each)) != str(each) for each in past):
            raise error from WarehouseError("its message is left out, because it may quote a secret")
        raise
    finally:
        if engine is not None:
            engine.dispose()


def _opened(conn_id: str, was_there: bool, named_in: str) -> tuple[Callable[[], Engine], Callable[[str], str]]:
    """Return two functions: one makes the engine of a Connection, one hides its secrets. So no frame has to hold them."""
    connection = _connection(conn_id, was_there, named_in)
    secrets = _secrets_of(connection)
    if secrets is None:
        del connection  # error trackers record frames
        raise WarehouseConfigurationError(
            f"Connection {conn_id!r}: its extra is no JSON object, so nothing in it would have an effect, or this worker's "
            'fernet_key does not decrypt it; write the extra like {"sslmode": "require"}, and check the key'
        )
    return lambda: _engine(connection, named_in), lambda said: _without(secrets, said)


def _secrets_of(connection: Any) -> list[str] | None:
    """Return the secrets of a Connection, or nothing if a field cannot be read. Without its extra, Airflow would connect."""
    try:
        is_object = isinstance(json.loads((connection.extra or "").strip() or "{}"), dict)
        return _secrets(connection) if is_object else None
    except (AirflowException, InvalidToken, ValueError, RecursionError):  # a Connection decrypts a field when it is read
        return None


def _connection(conn_id: str, was_there: bool, named_in: str) -> Any:
    try:
        return BaseHook.get_connection(conn_id)
    except AirflowNotFoundException:
        kind = WarehouseUnavailableError if was_there else WarehouseConfigurationError
        raise kind(
            f"there is no Connection {conn_id!r} that can be read; add one to your database, or name another in {named_in}"
        ) from None
    except Exception as error:  # noqa: BLE001 - a secrets backend may raise anything, and quote anything
        problem = f"Connection {conn_id!r} cannot be read ({type(error).__name__})"
        if isinstance(error, (ValueError, TypeError, AttributeError)) and not isinstance(error, OSError):
            raise WarehouseConfigurationError(f"{problem}; correct how it is stored") from None
        raise WarehouseUnavailableError(f"{problem}; see the secrets backend") from None


def _engine(connection: Any, named_in: str) -> Engine:
    if connection.conn_type in ("postgres", "mysql") and not all(map(_is_host, (connection.host or "").split(","))):
        raise WarehouseConfigurationError(
            "its host holds more than a name; put login, password, port and database into fields of their own"
        )
    try:
        hook = connection.get_hook()
    except Exception as error:  # a hook is anybody's code
        raise WarehouseConfigurationError(
            f"no hook can be made of its type {connection.conn_type!r} ({first_line(error)}); if it is SQL, install the provider "
            f"of that type, otherwise name a SQL connection in {named_in}"
        ) from error
    if not isinstance(hook, DbApiHook):
        raise WarehouseConfigurationError(
            f"it is of type {connection.conn_type!r}, which is not SQL; name a SQL connection in {named_in}"
        )
    try:
        make = _ENGINES.get(str(connection.conn_type))
        return hook.get_sqlalchemy_engine() if make is None else make(hook)
    except WarehouseError:
        raise
    except Exception as error:  # as above
        raise WarehouseConfigurationError(
            f"it gives no SQLAlchemy engine ({first_line(error)}); correct what that names, or install its SQLAlchemy dialect"
        ) from error


def _postgres(hook: DbApiHook) -> Engine:
    extra = hook.connection.extra_dejson
    is_new = getattr(import_module("airflow.providers.postgres.hooks.postgres"), "USE_PSYCOPG3", False)
    driver = "postgresql+psycopg" if is_new else "postgresql+psycopg2"
    if extra.get("sqlalchemy_query"):
        raise _lost("sqlalchemy_query", "put what it holds into the extra itself")
    if extra.get("sqlalchemy_scheme") not in (None, "", "postgresql", driver):
        raise _lost("sqlalchemy_scheme", f"the hook connects with {driver}")
    return _connecting(hook, create_engine(hook.sqlalchemy_url.set(drivername=driver, query={}), use_native_hstore=False))


def _mysql(hook: DbApiHook) -> Engine:
    connection = hook.connection
    extra = connection.extra_dejson
    client = extra.get("client", "mysqlclient")
    if client not in _MYSQL_CLIENTS:
        raise WarehouseConfigurationError(f"the client in its extra is not one of {', '.join(_MYSQL_CLIENTS)}")
    driver, known = _MYSQL_CLIENTS[client]
    for name in sorted(set(extra) - known - _HARMLESS_EXTRAS):
        if not (client == "mysql-connector-python" and name.startswith("ssl_")):
            raise _lost(name, f"with {client} the hook reads {', '.join(sorted(known)) or 'what begins with ssl_'}")
    port = int(connection.port) if connection.port else None
    url = URL.create(f"mysql+{driver}", connection.login, connection.password, connection.host, port, connection.schema)
    return _connecting(hook, create_engine(url))


def _sqlite(hook: DbApiHook) -> Engine:
    _refuse_others(hook, _SQLITE_EXTRAS, "SQLite")
    place, _, options = hook.get_uri().removeprefix("sqlite:///").partition("?")
    path = unquote(place.partition("#")[0])  # as SQLite reads it; the hook has already unquoted it once
    if path in ("", ":memory:") or "mode=memory" in options:
        raise WarehouseConfigurationError("SQLite in memory keeps nothing; name a database file as its host")
    # A connection belongs to the thread that opened it, and opening one costs little.
    return _connecting(hook, create_engine(URL.create("sqlite", database=path), poolclass=NullPool))


def _duckdb(hook: DbApiHook) -> Engine:
    named = set(inspect.signature(type(hook).__init__).parameters) - {"self", "args", "kwargs", "duckdb_conn_id"}
    _refuse_others(hook, {*named, "motherduck_token"}, "DuckDB's hook")
    path = hook.get_database()
    if path.startswith(":memory:"):
        raise WarehouseConfigurationError("DuckDB in memory keeps nothing; name a database file as its host")
    wrapped = import_module("duckdb_sqlalchemy").ConnectionWrapper
    url = URL.create("duckdb", database=path.partition("?")[0])  # behind it is MotherDuck's token
    # An open connection locks the file, so none is kept.
    return _connecting(hook, create_engine(url, poolclass=NullPool), wrapped)


#: By Connection type. The hooks of all other types give a SQLAlchemy engine themselves.
_ENGINES: dict[str, Callable[[DbApiHook], Engine]] = {
    "postgres": _postgres,
    "mysql": _mysql,
    "sqlite": _sqlite,
    "duckdb": _duckdb,
}


def _connecting(hook: DbApiHook, engine: Engine, wrapped: Callable[[Any], Any] = lambda connection: connection) -> Engine:
    """Let an engine connect as the hook does, because SQLAlchemy's URL carries only a part of a Connection.

    :param wrapped: makes of the hook's connection what the dialect expects
    """
    driver_error = engine.dialect.dbapi.Error  # type: ignore[union-attr]

    def connect() -> Any:
        try:
            return wrapped(hook.get_conn())
        except driver_error:
            raise
        except (ConnectionError, TimeoutError) as error:
            raise WarehouseUnavailableError(f"the warehouse did not answer: {first_line(error)}; a retry is safe") from error
        except Exception as error:  # a hook is anybody's code
            raise WarehouseConfigurationError(f"its hook does not connect: {first_line(error)}; correct what it names") from error

    @event.listens_for(engine, "do_connect")  # registered first, because SQLAlchemy uses only the first listener that connects
    def _connect(*_: object) -> Any:
        if engine.dialect.name == "sqlite":
            return connect()
        return in_turn(connect, is_taken) if engine.dialect.name == "duckdb" else connect_in_time(connect)

    watch_over(engine)
    return engine


def _refuse_others(hook: Any, known: set[str], reader: str) -> None:
    """Refuse extras that would have no effect."""
    for name in sorted(set(hook.get_connection(hook.get_conn_id()).extra_dejson) - known):
        raise _lost(name, f"{reader} reads {', '.join(sorted(known))}")


def _lost(name: str, advice: str) -> WarehouseConfigurationError:
    return WarehouseConfigurationError(f"{name!r} in its extra has no effect on how its hook connects; {advice}, or remove it")


def _is_host(name: str) -> bool:
    """Tell whether a host is a name, an address or a socket's place. Anything else is refused, because drivers quote it."""
    return "@" not in name[1:] and ("/" not in name or name.startswith(("/", "@")))


def _secrets(connection: Any) -> list[str]:
    """Return the secrets of a Connection in all spellings, the longest first."""
    before_host = str(connection.host or "").rpartition("@")[0].rpartition("//")[2]
    extra = connection.extra_dejson if isinstance(connection.extra_dejson, dict) else {}
    secrets = {connection.password, before_host.partition(":")[2]}
    secrets |= {value for name, value in extra.items() if _IS_SECRET.search(name) and isinstance(value, str)}
    secrets |= {each for each in _texts(extra) if not _IS_SHOWN.match(each)}
    return sorted({spelling for secret in secrets if secret for spelling in _spellings(secret)}, key=len, reverse=True)


def _texts(extra: Any) -> Iterator[str]:
    """Yield all names and texts of an extra."""
    if isinstance(extra, str):
        yield extra
    elif isinstance(extra, (dict, list)):
        for each in (*extra, *extra.values()) if isinstance(extra, dict) else extra:
            yield from _texts(each)


def _spellings(secret: str) -> set[str]:
    """Return how a secret may be written in a driver's message."""
    return {secret, quote(secret), quote(secret, safe=""), quote_plus(secret), repr(secret)[1:-1]}


def _without(secrets: list[str], said: str) -> str:
    for secret in secrets:
        said = without_secret(secret, said)
    return _INVALID.sub(r'\1"***"', said)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Return all causes of an error. A list of accounts fails with a group, so the causes of its members count, too."""
    waiting, seen = [error], {id(error)}
    while waiting:
        each = waiting.pop()
        members = each.exceptions if isinstance(each, BaseExceptionGroup) else ()
        for behind in (each.__cause__, each.__context__, *members):
            if behind is not None and id(behind) not in seen:
                seen.add(id(behind))
                waiting.append(behind)
                yield behind


def task_instance(context: Context) -> TaskInstance:
    """Return the task instance of Airflow's context."""
    task, run = context["ti"], context["dag_run"]
    return TaskInstance(
        dag_id=task.dag_id,
        task_id=task.task_id,
        run_id=task.run_id,
        map_index=-1 if task.map_index is None else task.map_index,
        try_number=task.try_number,
        logical_date=run.logical_date,
        data_interval_start=run.data_interval_start,
        data_interval_end=run.data_interval_end,
    )
