"""What passes is retried, what lasts is not: by the server's code."""

import os
import socket
import sqlite3
import struct
from importlib import import_module

import pytest
from mariadb import mariadb_server
from raw_server import listening
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, ProgrammingError
from support import POSTGRESQL

from airflow_provider_iyzico.errors import Retry, WarehouseConfigurationError, WarehouseError, WarehouseUnavailableError
from airflow_provider_iyzico.warehouse.append import append
from airflow_provider_iyzico.warehouse.database.faults import is_passing, is_there, unreachable
from airflow_provider_iyzico.warehouse.tables import snapshot_table

TABLE, BARE = snapshot_table(), snapshot_table("my_snapshots")


class CodedError(Exception):
    def __init__(self, *args, **codes):
        super().__init__(*args)
        self.__dict__ |= codes


@pytest.mark.parametrize("kind", [OperationalError, ProgrammingError, InterfaceError])
@pytest.mark.parametrize("code", ["sqlstate", "pgcode"])
def test_a_sqlstate_decides_whatever_the_class_of_the_error(kind, code):
    for state in ("08006", "08P01", "25006", "40001", "40P01", "53100", "53300", "55P03", "57014", "57P01", "57P02", "57P03"):
        assert is_passing(kind("x", None, CodedError(**{code: state}))), state
    for state in ("28P01", "28000", "3D000", "42501", "42601", "42P01", "22003", "23505", "0A000", "XX000"):
        assert not is_passing(kind("x", None, CodedError(**{code: state}))), state


@pytest.mark.parametrize("driver", ["MySQLdb", "pymysql", "mysql.connector"])
def test_a_number_of_mariadb_decides_whatever_the_class_of_the_error(driver):
    kind = type("Error", (Exception,), {"__module__": f"{driver}.err"})
    for number in (1040, 1047, 1053, 1203, 1205, 1213, 1290, 1317, 1792, 1836, 1927, 1969, 2002, 2003, 2006, 2013, 2055, 3024):
        assert is_passing(ProgrammingError("x", None, kind(number, "x"))), number
    for number in (1030, 1114, 3168, 3169, 9001, 9002, 9004, 9005, 9006):  # full disks, and what ProxySQL says of servers
        assert is_passing(OperationalError("x", None, kind(number, "x"))), number
    for number in (9003, 1044, 1045, 1049, 1054, 1064, 1142, 1143, 1146, 1227, 1370, 1406, 2019, 2026, 2054, 2059, 2061):
        assert not is_passing(OperationalError("x", None, kind(number, "x"))), number


TLS = "TLS/SSL error: "


def test_tls_that_was_cut_in_its_handshake_passes_and_tls_that_never_fits_lasts():
    kind = type("OperationalError", (Exception,), {"__module__": "MySQLdb._exceptions"})
    for words in ("unexpected eof while reading", "Connection reset by peer", "SSL_ERROR_SYSCALL", "Connection timed out"):
        assert is_passing(OperationalError("x", None, kind(2026, TLS + words))), words
    for words in ("SSL is required, but the server does not support it", "certificate verify failed", "no protocols available"):
        assert not is_passing(OperationalError("x", None, kind(2026, TLS + words))), words


def test_a_server_that_logs_statements_says_what_to_set(make_row):
    with mariadb_server("--log-bin", "--binlog-format=STATEMENT", "--server-id=1") as url:
        engine = create_engine(url)
        with pytest.raises(WarehouseConfigurationError, match="let the server's binlog_format be MIXED or ROW"):
            append(engine, BARE, make_row(), create_table=True)
        with engine.begin() as connection:
            connection.execute(text("SET GLOBAL binlog_format = 'MIXED'"))
        engine.dispose()
        assert append(engine, BARE, make_row(), create_table=True)["run_id"] == "manual__1"
        engine.dispose()


def test_redshift_gives_its_code_inside_a_dict():
    """Whatever the class: its driver raises one class for nearly everything."""
    for state, passes in (
        ("40001", True),
        ("57014", True),
        ("53300", True),
        ("28000", False),
        ("42501", False),
        ("42P01", False),
    ):
        for kind in (ProgrammingError, InterfaceError):
            assert is_passing(kind("x", None, CodedError({"S": "ERROR", "C": state, "M": "x"}))) is passes, state


def of_trino(name, **codes):
    return type(name, (CodedError,), {"__module__": "trino.exceptions"})("x", **codes)


def test_trino_says_by_a_word_whose_fault_an_error_is():
    for word in ("INTERNAL_ERROR", "EXTERNAL", "INSUFFICIENT_RESOURCES"):
        for kind in (DBAPIError, ProgrammingError):
            assert is_passing(kind("x", None, of_trino("TrinoQueryError", error_type=word))), word
    assert not is_passing(OperationalError("x", None, of_trino("TrinoUserError", error_type="USER_ERROR")))
    assert not is_passing(OperationalError("x", None, of_trino("TrinoAuthError")))
    assert is_passing(OperationalError("x", None, of_trino("TrinoConnectionError")))
    assert [is_passing(of_trino(name)) for name in ("Http502Error", "Http503Error", "Http504Error", "HttpError")] == [
        *[True] * 3,
        False,
    ]


def test_snowflake_gives_wrong_keys_the_code_of_a_line_that_is_down():
    kind = type("DatabaseError", (CodedError,), {"__module__": "snowflake.connector.errors"})
    for words in (
        "Incorrect username or password was specified.",
        "JWT token is invalid.",
        "IP 10.0.0.1 is not allowed to access Snowflake.",
    ):
        assert not is_passing(OperationalError("x", None, kind(words, sqlstate="08001"))), words
    assert is_passing(OperationalError("x", None, kind("Could not connect to Snowflake backend", sqlstate="08001")))


def bigquery_that_raises(error):
    """BigQuery's own driver and dialect, whose client gets nothing but an error."""
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import bigquery

    class Client(bigquery.Client):
        def __init__(self):
            super().__init__("project", AnonymousCredentials())

        def query_and_wait(self, *_, **__):
            raise error

        get_table = list_tables = list_datasets = get_dataset = query = query_and_wait

    return create_engine("bigquery://project/dataset?user_supplied_client=True", connect_args={"client": Client()})


@pytest.mark.filterwarnings("ignore:Cannot create BigQuery Storage client")
@pytest.mark.parametrize(
    ("name", "arguments", "passes"),
    [
        ("google.api_core.exceptions.ServiceUnavailable", ("503",), True),
        ("google.api_core.exceptions.TooManyRequests", ("429",), True),
        ("google.api_core.exceptions.InternalServerError", ("500",), True),
        ("google.api_core.exceptions.Forbidden", ("x", [{"reason": "rateLimitExceeded"}]), True),
        ("google.api_core.exceptions.BadRequest", ("Could not serialize access to table due to concurrent update",), True),
        ("google.api_core.exceptions.RetryError", ("deadline", None), True),
        ("google.auth.exceptions.TransportError", ("cut",), True),
        ("requests.exceptions.ConnectionError", ("cut",), True),
        ("requests.exceptions.ReadTimeout", ("slow",), True),
        ("google.api_core.exceptions.Forbidden", ("x", [{"reason": "accessDenied"}]), False),
        ("google.api_core.exceptions.NotFound", ("dataset",), False),
        ("google.api_core.exceptions.BadRequest", ("Syntax error",), False),
        ("google.auth.exceptions.RefreshError", ("invalid_grant",), False),
        ("google.auth.exceptions.DefaultCredentialsError", ("none",), False),
        ("requests.exceptions.SSLError", ("certificate verify failed",), False),
    ],
)
def test_whatever_bigquery_raises_is_told_by_its_http_status(make_row, name, arguments, passes):
    pytest.importorskip("sqlalchemy_bigquery")
    module, _, kind = name.rpartition(".")
    engine = bigquery_that_raises(getattr(import_module(module), kind)(*arguments))
    with pytest.raises(WarehouseUnavailableError if passes else WarehouseConfigurationError, match=kind) as caught:
        append(engine, snapshot_table("my_snapshots", "dataset"), make_row(), create_table=True)
    assert caught.value.retry is (Retry.SAFE if passes else Retry.NEVER)


def test_a_code_of_sqlite_decides_extended_ones_too():
    passing = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_BUSY_SNAPSHOT, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_IOERR_WRITE)
    for code in (*passing, sqlite3.SQLITE_FULL, sqlite3.SQLITE_PROTOCOL):
        assert is_passing(OperationalError("x", None, CodedError(sqlite_errorcode=code))), code
    lasting = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_READONLY_DBMOVED, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)
    for code in (*lasting, sqlite3.SQLITE_AUTH, sqlite3.SQLITE_PERM, sqlite3.SQLITE_ERROR):
        assert not is_passing(OperationalError("x", None, CodedError(sqlite_errorcode=code))), code


def test_without_a_code_a_line_that_went_dead_passes_and_a_wrong_statement_lasts():
    assert is_passing(OperationalError("x", None, CodedError("server closed the connection unexpectedly")))
    assert is_passing(DBAPIError("x", None, CodedError("gone"), connection_invalidated=True))
    assert not is_passing(ProgrammingError("x", None, CodedError("no")))


def test_a_database_that_is_read_only_while_it_fails_over_may_be_retried(postgres_engine, make_row):
    append(postgres_engine, TABLE, make_row(), create_table=True)
    with postgres_engine.connect() as connection:
        schema = connection.execute(text("SELECT current_schema()")).scalar()
    options = f"-csearch_path={schema} -cdefault_transaction_read_only=on"
    standby = create_engine(postgres_engine.url, connect_args={"options": options})
    for table in (TABLE, snapshot_table("not_there_yet")):
        with pytest.raises(WarehouseUnavailableError, match="read-only"):
            append(standby, table, make_row(run_id="2"), create_table=True)
    standby.dispose()


def test_mariadb_that_is_read_only_may_be_retried(mariadb_engine, make_row):
    append(mariadb_engine, BARE, make_row(), create_table=True)
    for statement in ("SET SESSION TRANSACTION READ ONLY",):
        reader = create_engine(mariadb_engine.url, connect_args={"init_command": statement})
        with pytest.raises(WarehouseUnavailableError, match="READ ONLY"):
            append(reader, BARE, make_row(run_id="2"), create_table=True)
        reader.dispose()


@pytest.mark.parametrize(
    ("number", "words"),
    [(1114, "The table 'my_snapshots' is full"), (9001, "Max connect timeout reached while reaching hostgroup 10 after 10001ms")],
)
def test_a_full_disk_and_a_proxy_without_servers_may_be_retried(mariadb_engine, make_row, number, words):
    append(mariadb_engine, BARE, make_row(), create_table=True)
    signal = f"""SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = {number}, MESSAGE_TEXT = "{words}";"""
    with mariadb_engine.begin() as connection:
        connection.exec_driver_sql(f"CREATE TRIGGER full BEFORE INSERT ON {BARE.name} FOR EACH ROW {signal}")
    with pytest.raises(WarehouseUnavailableError, match=words):
        append(mariadb_engine, BARE, make_row(run_id="2"), create_table=True)


def test_mariadb_says_what_lasts(mariadb_engine, make_row):
    name = mariadb_engine.url.database
    with mariadb_engine.begin() as connection:
        connection.execute(text(f"CREATE USER {name}@'%' IDENTIFIED BY 'right'"))
        connection.execute(text(f"GRANT SELECT ON {name}.* TO {name}@'%'"))
    for url in (
        mariadb_engine.url.set(username=name, password="wrong"),
        mariadb_engine.url.set(database="nowhere"),
        mariadb_engine.url.set(username=name, password="right"),
    ):
        engine = create_engine(url)
        with pytest.raises(WarehouseError) as caught:
            append(engine, BARE, make_row(), create_table=True)
        assert caught.value.retry is Retry.NEVER, url
        assert "wrong" not in str(caught.value)
        engine.dispose()
    with mariadb_engine.begin() as connection:
        connection.execute(text(f"DROP USER {name}@'%'"))


def test_a_file_that_is_no_database_lasts(tmp_path, make_row):
    path = tmp_path / "w.db"
    path.write_bytes(b"this is not a database, although it is longer than a header of a hundred bytes would be" * 9)
    engine = create_engine(f"sqlite:///{path}")
    with pytest.raises(WarehouseConfigurationError, match="not a database"):
        append(engine, TABLE, make_row(), create_table=True)
    engine.dispose()


def test_a_folder_that_is_not_there_lasts_and_is_named(tmp_path, make_row):
    engine = create_engine(f"sqlite:///{tmp_path}/no/such/folder/w.db")
    with pytest.raises(WarehouseConfigurationError, match="the folder '.*/no/such/folder' of the database file is not there"):
        append(engine, TABLE, make_row(), create_table=True)
    engine.dispose()


def test_a_folder_named_as_the_file_of_sqlite_lasts(tmp_path, make_row):
    engine = create_engine(f"sqlite:///{tmp_path}")
    with pytest.raises(WarehouseConfigurationError, match="is a folder; name a database file as host"):
        append(engine, TABLE, make_row(), create_table=True)
    engine.dispose()


@pytest.mark.parametrize("kind", [1, 2])
def test_mariadb_that_ends_commits_in_its_own_way_keeps_the_row(mariadb_engine, make_row, kind):
    admin = create_engine(mariadb_engine.url)
    with admin.begin() as connection:
        connection.execute(text(f"SET GLOBAL completion_type = {kind}"))
    try:
        assert append(mariadb_engine, BARE, make_row(), create_table=True)["run_id"] == "manual__1"
        assert append(mariadb_engine, BARE, make_row(run_id="2"), create_table=True)["run_id"] == "2"
        with mariadb_engine.connect() as connection:
            assert connection.execute(text("SELECT @@completion_type")).scalar() == "NO_CHAIN"
    finally:
        with admin.begin() as connection:
            connection.execute(text("SET GLOBAL completion_type = 0"))
        admin.dispose()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody who may not enter a folder")
def test_a_sqlite_file_in_a_folder_that_may_not_be_entered_is_named(tmp_path_factory):
    """As where Airflow runs as another user than the one who owns the home that the file is in."""
    closed = tmp_path_factory.mktemp("closed")
    closed.chmod(0o700)
    file = closed / "w.db"
    engine = create_engine(f"sqlite:///{file}")
    os.seteuid(65534)
    try:
        with pytest.raises(WarehouseConfigurationError, match="in a folder that this process may not enter"):
            is_there(str(file))
        with pytest.raises(OperationalError) as caught:
            engine.connect()
        assert "may not enter" in str(unreachable(engine, caught.value))
    finally:
        os.seteuid(0)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody who may not do this")
def test_a_sqlite_file_that_this_process_may_not_read_or_make_lasts_and_is_named(tmp_path_factory):
    ours = tmp_path_factory.mktemp("ours")
    for each in (ours, *list(ours.parents)[:3]):
        each.chmod(0o755)
    (ours / "closed.db").touch(mode=0o600)
    (ours / "link.db").symlink_to(ours / "nowhere" / "w.db")
    said = {
        "closed.db": "may not read the database file",
        "new.db": "may not write into",
        "link.db": "nowhere' of the database file",
    }
    os.seteuid(65534)
    try:
        for name, words in said.items():
            engine = create_engine(f"sqlite:///{ours / name}")
            with pytest.raises(OperationalError) as caught:
                engine.connect().execute(text("PRAGMA user_version"))
            problem = unreachable(engine, caught.value)
            assert isinstance(problem, WarehouseConfigurationError), name
            assert words in str(problem)
    finally:
        os.seteuid(0)


@pytest.mark.parametrize(
    "words",
    [
        "no such database: finance",
        "no such user: airflow",
        "unsupported startup parameter: options",
        "unsupported startup parameter in options: search_path",
        "SSL required",
    ],
)
def test_what_a_pooler_of_postgresql_refuses_for_good_lasts(words):
    """Byte by byte, as PgBouncer says it at once after the first message; the drivers give no code."""
    fields = b"SFATAL\0VFATAL\0C08P01\0M" + words.encode() + b"\0\0"
    refusal = b"E" + struct.pack("!i", len(fields) + 4) + fields

    def attend(line):
        (length,) = struct.unpack("!i", line.recv(4, socket.MSG_WAITALL))
        line.recv(length - 4, socket.MSG_WAITALL)
        line.sendall(refusal)

    with listening(attend) as port:
        engine = create_engine(f"{POSTGRESQL}://u:p@127.0.0.1:{port}/finance?sslmode=disable&gssencmode=disable")
        with pytest.raises(OperationalError) as caught:
            engine.connect()
    assert isinstance(unreachable(engine, caught.value), WarehouseConfigurationError)


def test_a_name_that_can_be_no_file_is_named(tmp_path):
    assert not is_there(str(tmp_path / "w.db"))
    with pytest.raises(WarehouseConfigurationError, match="cannot be a file on this machine"):
        is_there(str(tmp_path / ("x" * 300)))
