"""The row that a gate keeps of itself, in every mode."""

import json
import socket
import sqlite3
import threading
import time
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta

import pytest
from airflow.providers.common.compat.sdk import AirflowTaskTimeout
from postgres import database_of_its_own
from sandbox import IS_AIRFLOW_2
from sqlalchemy import create_engine, text
from support import POSTGRESQL, connect

from airflow_provider_iyzico.errors import WarehouseUnavailableError
from airflow_provider_iyzico.sensors import record as record_of_the_sensor
from airflow_provider_iyzico.sensors.mass_payout import MassPayoutBalanceSensor
from airflow_provider_iyzico.warehouse.gate import record

COLUMNS = (
    "dag_id, task_id, map_index, account, environment, currency, batch_total, headroom, first_balance, last_balance, outcome, "
    "reason, ended_at IS NOT NULL, polls"
)


def rows(path, columns=COLUMNS, table="iyzico_payout_gate"):
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(f"SELECT {columns} FROM {table}").fetchall()


def only_the_end(engine, gate, progress, **options):
    if progress.outcome == "waiting":
        raise WarehouseUnavailableError("out for lunch")
    record(engine, gate, progress, **options)


WHO = ("iyzico_payout_gate", "wait_for_money", -1, "simulator", "sandbox", "TRY", 4530, 500)


def test_a_gate_that_opened_tells_what_was_there_before_and_after(gate_dag, iyzico, sqlite_warehouse, meanwhile):
    iyzico.balance = "5029.99"
    meanwhile(lambda: len(iyzico.seen) >= 3, lambda: setattr(iyzico, "balance", "6000.00"))
    assert str(gate_dag.test().state) == "success"
    assert rows(sqlite_warehouse) == [(*WHO, 5029.99, 6000, "opened", None, 1, len(iyzico.seen))]
    ((required, shortfall, waited, outcome),) = rows(
        sqlite_warehouse, "required, shortfall_at_start, minutes_waited, outcome", "iyzico_payout_coverage"
    )
    assert (required, shortfall, outcome) == (5030, 0.01, "opened")
    assert 0 < waited < 1


def test_a_gate_that_opens_at_once_has_a_row_too(gate_dag, iyzico, sqlite_warehouse):
    iyzico.balance = "6000.00"
    gate_dag.test()
    assert rows(sqlite_warehouse) == [(*WHO, 6000, 6000, "opened", None, 1, 1)]


@pytest.mark.parametrize("soft_fail", [False, True])
def test_a_gate_that_timed_out_says_so_and_counts_every_poll_that_began(gate_dag, iyzico, sqlite_warehouse, soft_fail):
    """The one that was under way when time was up, too: its request may reach iyzico after the row was written, or never."""
    gate = gate_dag.get_task("wait_for_money")
    gate.timeout, gate.soft_fail = 3, soft_fail
    gate_dag.test()
    ((*who, first, last, outcome, reason, is_ended, polls),) = rows(sqlite_warehouse)
    assert (tuple(who), first, last, outcome, is_ended) == (WHO, 100, 100, "timed_out", 1)
    assert polls - 1 <= len(iyzico.seen) <= polls
    assert reason.startswith("the money did not come within 3 s: iyzico_default (simulator, sandbox): balance 100.00 TRY")


def test_a_gate_that_failed_says_why(gate_dag, iyzico, sqlite_warehouse, meanwhile):
    meanwhile(lambda: len(iyzico.seen) >= 2, lambda: iyzico.fail("401"))
    gate_dag.test()
    ((*who, first, last, outcome, reason, is_ended, polls),) = rows(sqlite_warehouse)
    assert (tuple(who), first, last, outcome, is_ended) == (WHO, 100, 100, "failed", 1)
    assert reason.startswith("IyzicoAuthenticationError: ")
    assert polls == len(iyzico.seen)


@pytest.mark.parametrize("gate_dag", ["poke"], indirect=True)
def test_a_gate_whose_execution_timeout_is_over_has_failed(gate_dag, iyzico, sqlite_warehouse):
    gate = gate_dag.get_task("wait_for_money")
    gate.poke_interval, gate.execution_timeout = 30, timedelta(seconds=8)
    with suppress(AirflowTaskTimeout):  # ``dag.test()`` of Airflow 2 lets it through
        assert str(gate_dag.test().state) == "failed"
    assert rows(sqlite_warehouse) == [(*WHO, 100, 100, "failed", "AirflowTaskTimeout", 1, 1)]


@pytest.mark.parametrize("gate_dag", ["poke"], indirect=True)
def test_a_poll_that_an_execution_timeout_cut_off_is_counted(gate_dag, iyzico, sqlite_warehouse, monkeypatch):
    connect(monkeypatch, iyzico, timeout=60)
    iyzico.fail("timeout")
    gate_dag.get_task("wait_for_money").execution_timeout = timedelta(seconds=5)
    with suppress(AirflowTaskTimeout):
        assert str(gate_dag.test().state) == "failed"
    assert rows(sqlite_warehouse) == [(*WHO, None, None, "failed", "AirflowTaskTimeout", 1, 1)]


@pytest.mark.parametrize("gate_dag", ["poke"], indirect=True)
@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt])
def test_a_gate_that_somebody_ends_by_an_exit_has_failed(gate_dag, iyzico, sqlite_warehouse, monkeypatch, kind):
    def stop(*_):
        raise kind

    monkeypatch.setattr(MassPayoutBalanceSensor, "_get_next_poke_interval", stop)
    with suppress(kind):  # ``dag.test()`` of Airflow 2 lets it through
        assert str(gate_dag.test().state) == "failed"
    assert rows(sqlite_warehouse) == [(*WHO, 100, 100, "failed", kind.__name__, 1, 1)]


@pytest.mark.parametrize("gate_dag", ["poke"], indirect=True)
def test_a_gate_that_fails_while_it_writes_that_it_opened_has_failed(gate_dag, iyzico, sqlite_warehouse, monkeypatch):
    written = []

    def too_late(write, *_):
        written.append(write)
        if len(written) == 1:  # that it opened
            raise AirflowTaskTimeout
        write()

    monkeypatch.setattr(record_of_the_sensor, "_within_patience", too_late)
    iyzico.balance = "6000.00"
    with suppress(AirflowTaskTimeout):  # as above
        assert str(gate_dag.test().state) == "failed"
    assert rows(sqlite_warehouse) == [(*WHO, 6000, 6000, "failed", "AirflowTaskTimeout", 1, 1)]


def test_a_gate_says_until_when_it_waits(gate_dag, iyzico, sqlite_warehouse):
    iyzico.balance = "6000.00"
    gate_dag.test()
    ((since, until),) = rows(sqlite_warehouse, "waiting_since, waits_until", "iyzico_payout_coverage")
    timeout = gate_dag.get_task("wait_for_money").timeout
    assert datetime.fromisoformat(until) - datetime.fromisoformat(since) == timedelta(seconds=timeout)


def test_while_it_waits_its_row_can_be_seen(gate_dag, iyzico, sqlite_warehouse, meanwhile):
    seen = []

    def look_and_release():
        seen.extend(rows(sqlite_warehouse, "outcome, ended_at, first_balance"))
        iyzico.balance = "6000.00"

    meanwhile(lambda: len(iyzico.seen) >= 4, look_and_release)
    gate_dag.test()
    assert seen == [("waiting", None, 100)]


@pytest.mark.parametrize(
    "warehouse", [{"conn_type": "http", "host": "x"}, {"conn_type": "sqlite", "host": "/no/such/folder/w.db"}]
)
def test_a_record_that_cannot_be_written_keeps_no_gate_from_opening(gate_dag, iyzico, monkeypatch, warehouse):
    monkeypatch.setenv("AIRFLOW_CONN_IYZICO_WAREHOUSE", json.dumps(warehouse))
    iyzico.balance = "6000.00"
    assert str(gate_dag.test().state) == "success"


@pytest.mark.parametrize("gate_dag", ["poke", "reschedule"], indirect=True)
def test_a_record_that_begins_late_claims_nothing_about_the_beginning_that_is_not_so(
    gate_dag, iyzico, sqlite_warehouse, meanwhile, monkeypatch
):
    """In deferrable mode ``dag.test()`` forgets how the task began; ``unit/sensors`` has that case."""
    monkeypatch.setattr(record_of_the_sensor, "record", only_the_end)
    monkeypatch.setattr(record_of_the_sensor, "PATIENCE_SECONDS", 1)
    meanwhile(lambda: len(iyzico.seen) >= 3, lambda: setattr(iyzico, "balance", "6000.00"))
    began = time.time()
    gate_dag.test()
    ((since, first, last, outcome, polls),) = rows(sqlite_warehouse, "waiting_since, first_balance, last_balance, outcome, polls")
    polled_at = [poll.received_at for poll in iyzico.seen]
    since = datetime.fromisoformat(since).replace(tzinfo=UTC).timestamp()
    assert (last, outcome) == (6000, "opened")
    if gate_dag.get_task("wait_for_money").mode == "poke":
        assert began - 1 < since < polled_at[0]
        assert (first, polls) == (100, len(polled_at))
    else:
        # Airflow counts from the end of the first poll, and Airflow 2 from its beginning.
        assert (began - 1 if IS_AIRFLOW_2 else polled_at[0]) < since < polled_at[1]
        assert (first, polls) == (None, 1)


def test_the_first_balance_is_that_of_the_first_poll_and_of_no_other(gate_dag, iyzico, sqlite_warehouse, meanwhile):
    iyzico.fail("503", times=1)
    meanwhile(lambda: len(iyzico.seen) >= 3, lambda: setattr(iyzico, "balance", "6000.00"))
    gate_dag.test()
    assert rows(sqlite_warehouse, "first_balance, last_balance, outcome") == [(None, 6000, "opened")]


def test_a_gate_writes_one_row_per_run_and_a_second_run_another(gate_dag, iyzico, sqlite_warehouse):
    iyzico.balance = "6000.00"
    for _ in range(2):
        gate_dag.test()
    assert [outcome for (outcome,) in rows(sqlite_warehouse, "outcome")] == ["opened", "opened"]


@pytest.mark.parametrize("schema", [None, "Gates"])
def test_postgresql_keeps_it_too_in_the_schema_that_is_named(gate_dag, iyzico, postgres_url, monkeypatch, schema):
    monkeypatch.setenv("AIRFLOW_CONN_IYZICO_WAREHOUSE", postgres_url)
    gate_dag.get_task("wait_for_money").warehouse_schema = schema
    engine = create_engine(postgres_url.replace("postgresql", POSTGRESQL))
    with engine.begin() as connection:
        connection.execute(text('CREATE SCHEMA IF NOT EXISTS "Gates"'))
    iyzico.balance = "6000.00"
    run = gate_dag.test()
    with engine.connect() as connection:
        query = f'SELECT outcome, last_balance, required FROM "{schema or "public"}".iyzico_payout_coverage WHERE run_id = :id'
        (row,) = connection.execute(text(query), {"id": run.run_id})
    engine.dispose()
    assert (row.outcome, str(row.last_balance), str(row.required)) == ("opened", "6000.00000000", "5030.00000000")


def test_a_warehouse_that_takes_the_call_and_never_answers_keeps_no_gate_from_opening(gate_dag, iyzico, monkeypatch):
    monkeypatch.setattr(record_of_the_sensor, "PATIENCE_SECONDS", 0.5)
    iyzico.balance = "6000.00"
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("AIRFLOW_CONN_IYZICO_WAREHOUSE", f"postgres://u:p@127.0.0.1:{silent.getsockname()[1]}/w")
        assert str(gate_dag.test().state) == "success"


def test_a_warehouse_that_is_away_for_seconds_while_a_gate_opens_still_gets_its_end(
    gate_dag, iyzico, postgres_url, monkeypatch, meanwhile
):
    """A real PostgreSQL behind a link that is cut when the money comes, and back after three seconds."""
    with database_of_its_own(postgres_url, POSTGRESQL) as engine, Link(engine.url.host, engine.url.port) as link:
        url = engine.url.set(drivername="postgres", port=link.port)
        monkeypatch.setenv("AIRFLOW_CONN_IYZICO_WAREHOUSE", url.render_as_string(hide_password=False))

        def cut():
            link.cut()
            iyzico.balance = "6000.00"
            threading.Timer(3, link.restore).start()

        meanwhile(lambda: len(iyzico.seen) >= 3, cut)
        assert str(gate_dag.test().state) == "success"
        with engine.connect() as connection:
            row = connection.execute(text("SELECT outcome, last_balance, polls FROM iyzico_payout_gate")).one()
    assert (row.outcome, row.last_balance, row.polls) == ("opened", 6000, len(iyzico.seen))


class Link:
    """A loopback port that leads to a server, and can be cut: then all its connections break, and new ones are refused."""

    def __init__(self, host, port):
        self._server = host, port
        # It is bound and never listens, so that nobody else gets the port while the link is cut.
        self._kept = socket.socket()
        self._kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self._kept.bind(("127.0.0.1", 0))
        self.port = self._kept.getsockname()[1]
        self._open = []
        self._lock = threading.Lock()

    def __enter__(self):
        self.restore()
        return self

    def __exit__(self, *_):
        self.cut()
        self._kept.close()

    def restore(self):
        self._listener = socket.create_server(("127.0.0.1", self.port), backlog=50, reuse_port=True)
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def cut(self):
        with self._lock:
            for each in (self._listener, *self._open):
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
                each.close()
            self._open.clear()

    def _accept(self, listener):
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                server = socket.create_connection(self._server)
                with self._lock:
                    if listener.fileno() == -1:  # it was cut in between
                        client.close()
                        server.close()
                        return
                    self._open += [client, server]
                for pair in ((client, server), (server, client)):
                    threading.Thread(target=self._pump, args=pair, daemon=True).start()

    @staticmethod
    def _pump(source, target):
        with suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
