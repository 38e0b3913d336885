"""No warehouse keeps a task for long: locks, silence and frozen links end, and what ends them says that a retry is safe."""

import errno
import os
import socket
import threading
import time
from contextlib import contextmanager
from dataclasses import replace

import pytest
from postgres import freezing_link, listening
from sqlalchemy import create_engine, inspect, text
from support import POSTGRESQL

from airflow_provider_iyzico.errors import WarehouseUnavailableError
from airflow_provider_iyzico.warehouse import __main__ as command_line
from airflow_provider_iyzico.warehouse.append import append
from airflow_provider_iyzico.warehouse.bounds import PAGE, RECORD, SNAPSHOT
from airflow_provider_iyzico.warehouse.database import patience
from airflow_provider_iyzico.warehouse.database.engine import prepare
from airflow_provider_iyzico.warehouse.database.patience import DEFAULT, Patience, Watch, connect_in_time, hold
from airflow_provider_iyzico.warehouse.tables import snapshot_table

TABLE, BARE = snapshot_table(), snapshot_table("my_snapshots")
SHORT = Patience(connect_seconds=2, lock_seconds=1, statement_seconds=2, whole_seconds=4)
LOCKS = {
    "postgresql": "LOCK TABLE {} IN ACCESS EXCLUSIVE MODE",
    "mysql": "LOCK TABLES {} WRITE",
    "sqlite": "BEGIN IMMEDIATE",
}


def test_the_bounds_are_those_that_the_readme_promises():
    """Two tries, each with a lock, and a connection in between."""
    for bounds, most in ((SNAPSHOT, 60), (RECORD, 25), (PAGE, 30)):
        assert 2 * bounds.lock_seconds <= bounds.whole_seconds
        assert bounds.whole_seconds + bounds.connect_seconds <= most


@contextmanager
def short():
    """Only where something is waited for: a busy machine may take longer to make tables."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("airflow_provider_iyzico.warehouse.append.SNAPSHOT", SHORT)
        yield


@contextmanager
def locked(engine, table):
    if engine.dialect.name == "sqlite":
        import sqlite3

        other = sqlite3.connect(engine.url.database)
        other.execute("BEGIN IMMEDIATE")
        yield
        other.rollback()
        other.close()
        return
    with engine.connect() as other:
        other.execute(text(LOCKS[engine.dialect.name].format(table)))
        yield
        other.execute(text("UNLOCK TABLES" if engine.dialect.name == "mysql" else "ROLLBACK"))


def of_another_day(row):
    moment = row["observed_at"].replace(day=24)
    return row | {"observed_at": moment, "local_date": moment.date()}


@pytest.mark.parametrize("table", ["iyzico_balance_snapshot", "iyzico_account", "iyzico_balance_day", "iyzico_report_day"])
def test_a_snapshot_that_meets_a_lock_ends_soon_and_may_be_retried(locking_engine, make_row, table):
    append(locking_engine, TABLE, make_row(), create_table=True)
    options = {}
    if locking_engine.dialect.name == "postgresql":
        with locking_engine.connect() as connection:
            options = {"options": f"-csearch_path={connection.execute(text('SELECT current_schema()')).scalar()}"}
    engine = create_engine(locking_engine.url, connect_args=options)
    with locked(locking_engine, table), short():
        started = time.monotonic()
        with pytest.raises(WarehouseUnavailableError):
            append(engine, TABLE, of_another_day(make_row(run_id="2")), create_table=True)
        assert time.monotonic() - started < 40
    assert append(engine, TABLE, make_row(run_id="3"), create_table=True)["run_id"] == "3"
    engine.dispose()


def test_a_statement_that_takes_too_long_is_ended_by_the_server(postgres_engine, make_row):
    append(postgres_engine, BARE, make_row(), create_table=True)
    body = "BEGIN PERFORM pg_sleep(60); RETURN NEW; END"
    with postgres_engine.begin() as connection:
        connection.execute(text(f"CREATE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql AS '{body}'"))
        connection.execute(text("CREATE TRIGGER linger BEFORE INSERT ON my_snapshots FOR EACH ROW EXECUTE FUNCTION linger()"))
    started = time.monotonic()
    with short(), pytest.raises(WarehouseUnavailableError):
        append(postgres_engine, BARE, make_row(run_id="2"), create_table=True)
    assert time.monotonic() - started < 40


@pytest.mark.parametrize(
    "driver", ["postgresql+psycopg", "postgresql+psycopg2", "mysql+pymysql", "mysql+mysqldb", "mysql+mysqlconnector"]
)
def test_a_link_that_freezes_during_a_statement_is_hung_up(driver, request, make_row):
    module = {
        "psycopg": "psycopg",
        "psycopg2": "psycopg2",
        "pymysql": "pymysql",
        "mysqldb": "MySQLdb",
        "mysqlconnector": "mysql.connector",
    }
    pytest.importorskip(module[driver.partition("+")[2]])
    if driver == "postgresql+psycopg" and driver != POSTGRESQL:
        pytest.skip("SQLAlchemy knows psycopg from 2.0 on")
    url = request.getfixturevalue("postgres_url" if "postgresql" in driver else "mariadb_url")
    direct = create_engine(url).url.set(drivername=driver)
    with freezing_link(direct.host, direct.port) as (port, frozen):
        engine = create_engine(direct.set(port=port))
        table = snapshot_table(f"frozen_{driver.partition('+')[2]}")
        append(engine, table, make_row(), create_table=True)
        frozen.set()
        started = time.monotonic()
        with short(), pytest.raises(WarehouseUnavailableError):
            append(engine, table, make_row(run_id="2"), create_table=True)
        assert time.monotonic() - started < 40
        engine.dispose()


@contextmanager
def mute_server():
    """Yield the port of a server that takes a connection, and says nothing."""
    over = threading.Event()

    def silent(client):
        with client:
            over.wait(60)

    with listening(silent) as port:
        try:
            yield port
        finally:
            over.set()


def test_a_server_that_never_shakes_hands_is_given_up():
    with mute_server() as port:
        started = time.monotonic()
        with Watch(SHORT), pytest.raises(WarehouseUnavailableError, match="did not accept the connection"):
            connect_in_time(lambda: Slow(port))
        assert time.monotonic() - started < 40


def test_a_server_behind_a_driver_without_a_bound_of_its_own_is_given_up():
    """Such as Redshift's and SQL Server's."""
    with mute_server() as port:
        engine = watched(
            create_engine("sqlite://"), name="redshift", driver="redshift_connector", connect=lambda *_, **__: Slow(port)
        )
        with Watch(SHORT), pytest.raises(WarehouseUnavailableError, match="did not accept the connection"):
            engine.connect()


def watched(engine, **dialect):
    """Return an engine whose connections come from a driver that is not here."""
    prepare(engine)
    for name, value in dialect.items():
        setattr(engine.dialect, name, value)
    return engine


class Slow:
    """A driver's connection whose handshake lasts as long as the server likes."""

    closed = threading.Event()

    def __init__(self, port):
        with socket.create_connection(("127.0.0.1", port)) as line:
            line.recv(1)

    def close(self):
        self.closed.set()


def test_a_connection_that_comes_late_is_closed():
    over = threading.Event()

    def late(client):
        with client:
            over.wait(60)

    Slow.closed.clear()
    with listening(late) as port, Watch(replace(SHORT, connect_seconds=1)):
        with pytest.raises(WarehouseUnavailableError):
            connect_in_time(lambda: Slow(port))
        over.set()
        assert Slow.closed.wait(30)


@pytest.fixture
def no_more_threads(monkeypatch):
    def refuse(thread):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        yield


def test_a_machine_that_can_start_no_thread_is_named_and_leaves_no_watch_behind(no_more_threads):
    with pytest.raises(WarehouseUnavailableError, match="cannot start more threads") as caught, Watch(SHORT):
        pytest.fail("nothing is done unwatched")
    assert caught.value.is_transient
    assert patience.patience_now() is DEFAULT
    with pytest.raises(WarehouseUnavailableError, match="cannot start more threads"):
        connect_in_time(lambda: pytest.fail("nothing is connected"))


def test_a_process_that_may_open_no_more_files_is_told_so_when_it_has_just_connected(monkeypatch):
    def refuse(number):
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(os, "dup", refuse)
    left, right = socket.socketpair()
    with left, right, Watch(SHORT), pytest.raises(WarehouseUnavailableError, match=r"Too many open files.*ulimit") as caught:
        hold(left)
    assert caught.value.is_transient


def test_what_connecting_raises_is_raised_here():
    def fail():
        raise KeyError("x")

    with pytest.raises(KeyError):
        connect_in_time(fail)


def test_a_watch_cuts_its_own_lines_only():
    """Also where a number of a line that was closed belongs to another connection by then."""
    server = socket.create_server(("127.0.0.1", 0))
    mine = socket.create_connection(server.getsockname())
    other_side = server.accept()[0]
    with Watch(replace(SHORT, whole_seconds=1)) as watch:
        hold(mine)
        number = mine.fileno()
        mine.close()
        stranger = socket.create_connection(server.getsockname())
        assert stranger.fileno() == number
        its_side = server.accept()[0]
        other_side.settimeout(30)
        assert other_side.recv(1) == b""
        assert watch.seconds_left <= 0
        its_side.sendall(b"x")
        assert stranger.recv(1) == b"x"
    for each in (stranger, its_side, other_side, server):
        each.close()


def test_one_line_that_is_closed_already_keeps_no_other_from_being_cut():
    server = socket.create_server(("127.0.0.1", 0))
    with Watch(replace(SHORT, whole_seconds=1)):
        lines = [socket.create_connection(server.getsockname()) for _ in range(2)]
        for line in lines:
            hold(line)
        lines[0].shutdown(socket.SHUT_RDWR)
        server.accept()[0].close()
        assert lines[1].recv(1) == b""
    for each in (*lines, server):
        each.close()


def test_after_its_time_a_watch_allows_no_new_connection():
    server = socket.create_server(("127.0.0.1", 0))
    with Watch(replace(SHORT, whole_seconds=0)):
        late = socket.create_connection(server.getsockname())
        hold(late)
        assert late.recv(1) == b""
        with pytest.raises(WarehouseUnavailableError):
            connect_in_time(lambda: Slow(server.getsockname()[1]))
    assert patience.patience_now() is DEFAULT
    late.close()
    server.close()


def test_without_time_left_nothing_begins_on_a_connection_that_is_open(sqlite_engine):
    """SQLite's connection outlives being interrupted."""
    engine = prepare(sqlite_engine)
    with engine.connect() as connection:
        connection.execute(text("SELECT 1"))
    with Watch(replace(SHORT, whole_seconds=0)), pytest.raises(WarehouseUnavailableError, match="in time"), engine.connect():
        pass


def test_a_rebuild_on_a_link_that_freezes_is_hung_up(postgres_engine, make_row, monkeypatch, capsys):
    append(postgres_engine, snapshot_table(), make_row(), create_table=True)
    schema = inspect(postgres_engine).default_schema_name
    url = postgres_engine.url
    with freezing_link(url.host, url.port) as (port, frozen):
        real = command_line.rebuild
        monkeypatch.setattr(command_line, "rebuild", lambda *given: (frozen.set(), real(*given))[1])
        monkeypatch.setattr(command_line, "REBUILD", SHORT)
        monkeypatch.setenv(command_line.URL_VARIABLE, url.set(port=port).render_as_string(hide_password=False))
        started = time.monotonic()
        assert command_line.main(["rebuild", "--schema", schema]) == 2
        assert time.monotonic() - started < 40
    assert "cannot be rebuilt" in capsys.readouterr().err
