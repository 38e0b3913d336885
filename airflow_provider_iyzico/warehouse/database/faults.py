"""What a warehouse's errors mean. The server's code tells whether an error passes by itself or lasts."""

from __future__ import annotations

import os
import re
import sqlite3
import stat
import sys
from pathlib import Path
from typing import Any

from sqlalchemy.engine import Engine
from sqlalchemy.exc import DataError, SQLAlchemyError

from airflow_provider_iyzico.errors import WarehouseConfigurationError, WarehouseError, WarehouseUnavailableError

#: Classes of SQLSTATE: connection, transaction rollback (serialization, deadlock), resources, system
#: (https://www.postgresql.org/docs/current/errcodes-appendix.html).
_PASSING_CLASSES = frozenset({"08", "40", "53", "58"})
#: Read-only while a standby takes over, idle or transaction timeout, object in use, lock timeout, cancelled by our own timeout,
#: shutdown, crash, start, idle session.
_PASSING_STATES = frozenset({"25006", "25P03", "25P04", "55006", "55P03", "57014", "57P01", "57P02", "57P03", "57P05"})
#: MariaDB and MySQL: disk or memory full, too many connections, a node of a cluster that is not ready, shutdown, network, locks,
#: deadlocks, read-only, too slow, killed (https://mariadb.com/kb/en/mariadb-error-code-reference/). Those above 9000 are
#: ProxySQL's: its servers are away, too slow or behind. Those of the client, from 2000 to 2999, pass as well, except for letters,
#: TLS and ways to log in that one side does not know.
_PASSING_NUMBERS = frozenset(
    {
        1015,
        1020,
        1021,
        1030,
        1037,
        1038,
        1040,
        1041,
        1042,
        1043,
        1047,
        1053,
        1077,
        1079,
        1080,
        1114,
        1129,
        1135,
        1152,
        1153,
        1154,
        1155,
        1156,
        1157,
    }
    | {1158, 1159, 1160, 1161, 1180, 1184, 1203, 1205, 1206, 1213, 1226, 1290, 1317, 1614, 1637, 1792, 1836, 1927, 1969, 3024}
    | {3032, 3058, 3100, 3101, 3168, 3169, 3572, 4031}
    | {9001, 9002, 9004, 9005, 9006}
)
_LASTING_NUMBERS = frozenset({2019, 2026, 2054, 2059, 2061})
#: TLS has one number for settings that never fit and for a connection cut in the handshake. Only the text tells them apart.
_TLS_NUMBER = 2026
_LINE_WAS_CUT = re.compile(r"unexpected eof|reset by peer|timed out|broken pipe|syscall", re.IGNORECASE)
#: Advice for errors of MariaDB and MySQL whose own message gives none.
_ADVICE = {1665: "let the server's binlog_format be MIXED or ROW; with STATEMENT it takes no row at READ COMMITTED"}
_MYSQL_DRIVERS = frozenset({"MySQLdb", "pymysql", "mysql", "mariadb", "asyncmy", "aiomysql"})
_PASSING_IN_SQLITE = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_INTERRUPT,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_SCHEMA,
    }
)
#: DuckDB has no codes. One process at a time may open its file, and of the threads of a process one may be opening it, or making
#: a table of that name.
_IS_TAKEN = re.compile(r"Could not set lock on file|Unique file handle conflict|Catalog write-write conflict")
#: What drivers raise beside the errors of Python's standard for databases: BigQuery and Trino are asked over HTTP.
_RAISED_BESIDE = {
    "bigquery": (
        ("google.api_core.exceptions", "GoogleAPIError"),
        ("google.auth.exceptions", "GoogleAuthError"),
        ("requests.exceptions", "RequestException"),
    ),
    "trino": (("trino.exceptions", "HttpError"), ("requests.exceptions", "RequestException")),
}
#: HTTP: too slow, too many requests, and a server that is in trouble.
_PASSING_STATUSES = frozenset({408, 429, 500, 502, 503, 504})
#: BigQuery's own names for errors that pass, whatever their HTTP status is (https://cloud.google.com/bigquery/docs/error-messages).
_PASSING_REASONS = frozenset({"backendError", "internalError", "jobBackendError", "jobInternalError", "jobRateLimitExceeded"}) | {
    "rateLimitExceeded",
    "tableUnavailable",
}
#: BigQuery calls two writers at once an invalid query. Only the text tells.
_WROTE_AT_ONCE = re.compile(r"could not serialize access", re.IGNORECASE)
#: Snowflake gives wrong keys the code of a connection that could not be made.
_SNOWFLAKE_REFUSES = re.compile(r"incorrect username or password|jwt token is invalid|not allowed to access", re.IGNORECASE)
#: So much of a driver's line is shown.
LINE_LENGTH = 200
_CUT = " ..."
_SQLSTATE = re.compile(r"[0-9A-Z]{5}\Z")
#: PostgreSQL's drivers give no code for a refused connection, so only the text tells. It is English unless the server has another
#: language. A text that is not recognized is retried, which does no harm.
_REFUSED_FOR_GOOD = re.compile(
    r"authentication failed|no password supplied|no pg_hba\.conf entry|(role|database) \".*\" does not exist|"
    r"not permitted to log in|permission denied for database|not currently accepting connections|"
    r"no such (database|user)|unsupported startup parameter|SSL required|"  # of PgBouncer
    r"does not support SSL|certificate|private key file|invalid \"?\w+\"? value|"
    r"invalid (connection option|port number|integer value)|could not parse network address|definition of service|service file|"
    r"not a valid DuckDB database file|Trying to read a database file with version number",
)


def errors_of(engine: Engine) -> tuple[type[Exception], ...]:
    """Return the errors that a warehouse may raise. SQLAlchemy does not wrap what a driver raises while it connects."""
    driver: Any = engine.dialect.dbapi
    named = _RAISED_BESIDE.get(engine.dialect.name, ())
    beside = [getattr(sys.modules.get(module), name, None) for module, name in named]  # what is not loaded raises nothing
    return SQLAlchemyError, driver.Error, *[each for each in beside if each is not None]


def is_passing(error: BaseException) -> bool:
    """Tell whether the same statement may succeed later."""
    reason = cause(error)
    if (passes := _passes_over_http(reason)) is not None:
        return passes
    number = _number(reason)
    if number == _TLS_NUMBER and _LINE_WAS_CUT.search(str(reason)):
        return True
    if number is not None:
        return (2000 <= number < 3000 and number not in _LASTING_NUMBERS) or number in _PASSING_NUMBERS
    code = getattr(reason, "sqlite_errorcode", None)
    if code is not None:
        is_opening = code & 0xFF == sqlite3.SQLITE_CANTOPEN  # the folder is looked at where the path is known
        return is_opening or code & 0xFF in _PASSING_IN_SQLITE
    if is_unreadable(error):
        return False
    state = sqlstate(error)
    if state is not None:
        is_refused = _package(reason) == "snowflake" and _SNOWFLAKE_REFUSES.search(str(reason)) is not None
        return not is_refused and (state[:2] in _PASSING_CLASSES or state in _PASSING_STATES)
    if getattr(error, "connection_invalidated", False):
        return True
    if getattr(getattr(reason, "pgconn", None), "needs_password", False) or _REFUSED_FOR_GOOD.search(str(reason)):
        return False
    return any(kind.__name__ in ("OperationalError", "InterfaceError") for each in (error, reason) for kind in type(each).__mro__)


def _passes_over_http(reason: BaseException) -> bool | None:
    """Tell whether an error of BigQuery or Trino passes, which have no SQLSTATE. It is ``None`` for errors of others."""
    wrapped = reason.args[0] if reason.args else None
    told: Any = wrapped if isinstance(wrapped, BaseException) else reason
    kind = type(told).__name__
    match _package(told):
        case "google" if isinstance(getattr(told, "code", None), int):
            reasons = {each.get("reason") for each in getattr(told, "errors", None) or () if isinstance(each, dict)}
            is_passing = told.code in _PASSING_STATUSES or not reasons.isdisjoint(_PASSING_REASONS)
            return is_passing or _WROTE_AT_ONCE.search(str(told)) is not None
        case "google" if ".dbapi" not in type(told).__module__:
            is_retryable = getattr(told, "retryable", False) is True or kind in ("RetryError", "TransportError")
            return is_retryable and not _REFUSED_FOR_GOOD.search(str(told))
        case "requests":
            return not isinstance(told, ValueError) and not _REFUSED_FOR_GOOD.search(str(told))
        case "trino" if isinstance(getattr(told, "error_type", None), str):
            return bool(told.error_type != "USER_ERROR")
        case "trino" if kind == "TrinoAuthError" or kind.startswith("Http"):
            return kind in ("Http502Error", "Http503Error", "Http504Error")
    return None


def is_taken(error: BaseException) -> bool:
    """Tell whether DuckDB says that another process or thread is at it now."""
    return _IS_TAKEN.search(str(cause(error))) is not None


def is_unreadable(error: BaseException) -> bool:
    """Tell whether a driver cannot read what the warehouse gave: nobody refused anything, so there is no code."""
    reason = cause(error)
    if isinstance(reason, sqlite3.OperationalError):
        return str(reason).startswith("Could not decode to UTF-8")  # it has no code, and only these words
    return isinstance(error, DataError) and sqlstate(error) is None


def is_there(file: str) -> bool:
    """Tell whether a database file is there.

    :raises WarehouseConfigurationError: this process may not know
    """
    try:
        os.stat(file)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except (OSError, ValueError) as error:
        raise WarehouseConfigurationError(_problem_of(Path(file)) or f"{file[:80]!r} cannot be a file here") from error
    return True


def _problem_of(file: Path) -> str | None:
    """Say what keeps a database file from being opened or made, and what to do, if the file system knows."""
    otherwise = "or name another file as host"
    for place, is_folder in ((file.parent, True), (file, False)):
        try:
            found = stat.S_ISDIR(os.stat(place).st_mode)
        except (FileNotFoundError, NotADirectoryError):
            if is_folder:
                return f"the folder {str(place)!r} of the database file is not there on this machine; make it, {otherwise}"
            continue
        except PermissionError:
            return f"{str(file)!r} is in a folder that this process may not enter; give it the right, {otherwise}"
        except (OSError, ValueError) as error:
            return f"{str(file)[:80]!r} cannot be a file on this machine ({type(error).__name__}); name another file as host"
        if found is not is_folder:
            return f"{str(place)!r} is {'no' if is_folder else 'a'} folder; name a database file as host"
    if not file.exists() and file.is_symlink():
        return _problem_of(file.resolve())
    if file.exists() and not _may(file, os.R_OK):
        return f"this process may not read the database file {str(file)!r}; give it the right, {otherwise}"
    if not _may(file.parent, os.W_OK):
        return f"this process may not write into {str(file.parent)!r}, where the database file is; give it the right, {otherwise}"
    return None


def _may(place: Path, what: int) -> bool:
    return os.access(place, what, effective_ids=os.access in os.supports_effective_ids)


def unreachable(engine: Engine, error: BaseException) -> WarehouseError:
    """Say why nothing can be asked of a warehouse."""
    reason = cause(error)
    cannot_open = getattr(reason, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_CANTOPEN
    cannot_open |= engine.dialect.name == "duckdb" and type(reason).__name__ == "IOException"
    if cannot_open and (problem := _problem_of(Path(str(engine.url.database)))):
        return WarehouseConfigurationError(problem)
    if is_passing(error):
        return WarehouseUnavailableError(
            f"the warehouse did not answer: {first_line(error)}; check that it is up and that this worker may reach it"
        )
    return WarehouseConfigurationError(
        f"the warehouse refused the connection or the statement: {first_line(error)}; correct its Connection, or its rights"
    )


def advice(error: BaseException) -> str | None:
    """Return what to do about an error whose words do not say it."""
    return _ADVICE.get(_number(cause(error)) or 0)


def cause(error: BaseException) -> BaseException:
    """Return the driver's own error; SQLAlchemy's around it repeats statement and parameters at length."""
    return getattr(error, "orig", None) or error


def first_line(error: BaseException) -> str:
    """Return an error's kind and its first line. A long one ends before a word, because half a secret would not be recognised."""
    reason = cause(error)
    line = (str(reason).splitlines() or [""])[0]
    if len(line) > LINE_LENGTH:
        line = f"{line[: LINE_LENGTH + 1].rpartition(' ')[0]}{_CUT}"
    return f"{type(reason).__name__}: {line}"


def without_secret(secret: str, said: str) -> str:
    """Return what a driver said without a secret, also if :func:`first_line` ended it at a blank inside of the secret."""
    said = said.replace(secret, "***")
    words = secret.split(" ")
    for count in range(len(words) - 1, 0, -1):
        if (begun := " ".join(words[:count])).strip():
            said = said.replace(f"{begun}{_CUT}", f"***{_CUT}")
    return said


def sqlstate(error: BaseException) -> str | None:
    """Return the code of PostgreSQL and other servers that keep to the standard, if they gave one."""
    reason = cause(error)
    told = reason.args[0] if reason.args else None
    of_redshift = told.get("C") if isinstance(told, dict) else None  # its driver raises the fields of the server's answer
    state = getattr(reason, "sqlstate", None) or getattr(reason, "pgcode", None) or of_redshift
    return state if isinstance(state, str) and _SQLSTATE.match(state) else None


def _number(reason: BaseException) -> int | None:
    """Return the number of an error of MariaDB or MySQL."""
    if _package(reason) not in _MYSQL_DRIVERS:
        return None
    number = getattr(reason, "errno", None) or (reason.args[0] if reason.args else None)
    return number if isinstance(number, int) and number > 0 else None


def _package(reason: BaseException) -> str:
    """Return the package of an error's class."""
    return type(reason).__module__.partition(".")[0]
