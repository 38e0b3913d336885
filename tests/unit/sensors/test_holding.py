"""A gate that sets money aside, alone: in each mode, on real ledgers. Several gates at once run in ``story/`` and ``system/``."""

import asyncio
import json
import logging
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, nullcontext
from datetime import UTC, datetime
from decimal import Decimal
from types import SimpleNamespace
from uuid import uuid4

import pytest
from airflow.providers.common.compat.sdk import (
    DAG,
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
    BaseOperator,
    TaskDeferred,
)
from postgres import database_of_its_own
from sqlalchemy import create_engine, insert, text
from support import POSTGRESQL, a_cache, connect

from airflow_provider_iyzico.domain.payout import State
from airflow_provider_iyzico.errors import IyzicoConfigurationError, IyzicoMoneyError, WarehouseConfigurationError
from airflow_provider_iyzico.ledger.accounts import Account, locked
from airflow_provider_iyzico.ledger.holds import release_plain
from airflow_provider_iyzico.ledger.ledger import Ledger
from airflow_provider_iyzico.ledger.placing import Asked, Placing, Wanted, funds_version, place
from airflow_provider_iyzico.ledger.who import Who
from airflow_provider_iyzico.operators.mass_payout import MassPayoutHoldReleaseOperator
from airflow_provider_iyzico.sensors import holding
from airflow_provider_iyzico.sensors.mass_payout import MassPayoutBalanceSensor
from airflow_provider_iyzico.warehouse.database import patience

ACCOUNT = Account("sandbox", "simulator", "TRY")
OTHER = Who(person="somebody else")
NAME = "salaries-2026-11"
CAN_PAY = {"can_pay": True, "currency": "TRY"}


@pytest.fixture(autouse=True)
def lines(monkeypatch, caplog):
    """Let ``caplog`` hear what tasks say: Airflow logs elsewhere, as its version has it."""
    for kind in (MassPayoutBalanceSensor, MassPayoutHoldReleaseOperator):
        monkeypatch.setattr(kind, "log", logging.getLogger("task"))
    caplog.set_level(logging.INFO, "task")


@pytest.fixture(scope="module")
def postgres_database(postgres_url):
    with database_of_its_own(postgres_url, POSTGRESQL) as engine:
        yield engine


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger(request, monkeypatch, tmp_path):
    """An empty ledger behind the Connection ``iyzico_warehouse``."""
    if request.param == "sqlite":
        engine, schema = create_engine(f"sqlite:///{tmp_path}/ledger.db"), None
        connection = {"conn_type": "sqlite", "host": f"{tmp_path}/ledger.db"}
    else:
        engine, schema = request.getfixturevalue("postgres_database"), f"ledger_{uuid4().hex[:8]}"
        with engine.begin() as begun:
            begun.execute(text(f"CREATE SCHEMA {schema}"))
        url = engine.url
        where = {"host": url.host, "port": url.port, "login": url.username, "password": url.password, "schema": url.database}
        connection = {"conn_type": "postgres", **where}
    monkeypatch.setenv("AIRFLOW_CONN_IYZICO_WAREHOUSE", json.dumps(connection))
    yield Ledger.open(engine, schema=schema)
    if request.param == "sqlite":
        engine.dispose()


def context(run_id="manual__1", try_number=1, dag_id="payout", map_index=-1):
    moment = datetime(2026, 11, 29, tzinfo=UTC)
    ti = SimpleNamespace(
        dag_id=dag_id, task_id="gate", run_id=run_id, map_index=map_index, try_number=try_number, start_date=datetime.now(UTC)
    )
    return {"ti": ti, "dag_run": SimpleNamespace(logical_date=moment, data_interval_start=moment, data_interval_end=moment)}


def gate(ledger, **parameters):
    parameters = {"batch_total": "50", "external_id": NAME, "ledger_schema": ledger.schema, "poke_interval": 10, **parameters}
    return MassPayoutBalanceSensor(**{"task_id": "gate", "timeout": 60, **parameters})


def hold(ledger, amount, external_id="suppliers-48", balance="1000000", **wanted):
    """Let somebody else set money aside."""
    asked = Asked(Decimal(balance), datetime.now(UTC), funds_version(ledger, ACCOUNT))
    placement = place(ledger, ACCOUNT, Wanted(external_id, batch_total=Decimal(amount), **wanted), asked, OTHER)
    assert placement.outcome is Placing.PLACED


def add_batch(ledger, state=State.INITIATED, required="50", currency="TRY"):
    """Put a batch into the ledger, as far as a gate reads it."""
    moment = datetime.now(UTC)
    row = {
        "environment": "sandbox", "account": "simulator", "external_id": NAME, "currency": currency, "state": state.value,
        "version": 1, "content_digest": "0", "payments_digest": "0", "items": 1, "total": Decimal("48"), "invalid_items": 0, "commission": Decimal("2"),
        "required": None if required is None else Decimal(required), "dag_id": "d", "task_id": "t", "run_id": "r",
        "map_index": -1, "try_number": 1, "created_at": moment, "changed_at": moment, "provider_version": "0",
    }  # fmt: skip

    def enter(connection):
        locked(ledger, connection, Account(row["environment"], row["account"], row["currency"]))
        connection.execute(insert(ledger.tables.payout).values(row))

    ledger.act(enter)


def open_holds(ledger):
    """Return who holds how much, read by plain SQL."""
    hold, hold_end = ledger.tables.hold.fullname, ledger.tables.hold_end.fullname
    query = f"SELECT external_id, amount FROM {hold} WHERE hold_id NOT IN (SELECT hold_id FROM {hold_end})"
    with ledger.engine.connect() as connection:
        return {name: Decimal(str(amount)) for name, amount in connection.execute(text(query))}


def attempt(sensor, mode, **who):
    """Poll once in a mode: return the result of a gate that opened, and else nothing."""
    if mode == "deferrable":
        sensor.deferrable = True
        try:
            return sensor.execute(context(**who))
        except TaskDeferred as deferred:
            sensor.deferred = deferred
            return None
    polled = sensor.poke(context(**who))
    return polled.xcom_value if polled.is_done else None


def resume(sensor, deferred, payload):
    """Go on in another process with what the trigger said."""
    return sensor.resume_execution(deferred.method_name, {**(deferred.kwargs or {}), "event": payload}, context())


def fired(deferred):
    """Run the trigger of a deferred gate until it fires."""

    async def first():
        stream = deferred.trigger.run()
        try:
            return (await asyncio.wait_for(anext(stream), 60)).payload
        finally:
            await stream.aclose()

    return asyncio.run(first())


MODES = pytest.mark.parametrize("mode", ["poke", "deferrable"])  # reschedule mode pokes, too; story/ runs it


@MODES
def test_it_opens_once_the_money_is_set_aside_and_says_so(ledger, iyzico, mode, caplog):
    result = attempt(gate(ledger, headroom="20"), mode)
    assert result.pop("observed_at")
    assert result == {
        "balance": "100.00", "required": "70.00", "surplus": "30.00", "currency": "TRY", "external_id": NAME, "available": "100.00",
    }  # fmt: skip
    assert open_holds(ledger) == {NAME: 50}
    assert f"50.00 set aside for {NAME}; the gate opens" in caplog.text


@MODES
def test_a_machine_that_can_start_no_thread_for_a_moment_ends_no_wait(ledger, iyzico, mode, monkeypatch, caplog):
    def refuse(timer):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(patience.Timer, "start", refuse)
        assert attempt(gate(ledger), mode) is None
    assert "this machine cannot start more threads" in caplog.text
    assert attempt(gate(ledger), mode)["external_id"] == NAME
    assert open_holds(ledger) == {NAME: 50}


@MODES
def test_it_stays_shut_on_money_that_others_hold_and_says_who_holds_what_and_what_is_missing(ledger, iyzico, mode, caplog):
    hold(ledger, "60")
    assert attempt(gate(ledger), mode) is None
    assert open_holds(ledger) == {"suppliers-48": 60}
    said = (
        "iyzico_default (simulator, sandbox): balance 100.00 TRY, available 40.00, required 50.00 TRY (batch 50.00 + headroom "
        "0.00), missing 10.00; suppliers-48 holds 60.00; waiting for the balance to cover the batch beside what others hold"
    )
    assert said in caplog.text


@MODES
def test_it_opens_beside_the_holds_of_others_when_the_balance_covers_both(ledger, iyzico, mode):
    hold(ledger, "60")
    iyzico.balance = "110.00"
    result = attempt(gate(ledger), mode)
    assert (result["available"], result["surplus"], result["balance"]) == ("50.00", "0.00", "110.00")
    assert open_holds(ledger) == {"suppliers-48": 60, NAME: 50}


@MODES
def test_what_is_too_little_for_everybody_opens_nothing(ledger, iyzico, mode):
    iyzico.balance = "49.99"
    assert attempt(gate(ledger), mode) is None
    assert open_holds(ledger) == {}


@MODES
def test_a_retry_keeps_the_hold_of_the_try_before_it(ledger, iyzico, mode):
    assert attempt(gate(ledger), mode)
    assert attempt(gate(ledger), mode, try_number=2)
    assert open_holds(ledger) == {NAME: 50}


@MODES
@pytest.mark.parametrize("times", [1, 2])
def test_a_hold_that_ends_while_iyzico_is_asked_makes_the_gate_ask_again_at_once(ledger, iyzico, mode, monkeypatch, times):
    for number in range(times):
        hold(ledger, "60", f"suppliers-{number}")
    ask = iyzico_asked(
        monkeypatch, lambda count: count <= times and release_plain(ledger, ACCOUNT, f"suppliers-{count - 1}", OTHER)
    )
    assert attempt(gate(ledger), mode)["available"] == "100.00"
    assert ask() == len(iyzico.seen) == times + 1


@MODES
def test_holds_that_end_all_the_time_leave_the_gate_shut_until_the_next_poll(ledger, iyzico, mode, monkeypatch, caplog):
    def another(count):
        hold(ledger, "1", f"suppliers-{count}")
        release_plain(ledger, ACCOUNT, f"suppliers-{count}", OTHER)

    iyzico_asked(monkeypatch, another)
    assert attempt(gate(ledger), mode) is None
    assert len(iyzico.seen) == holding.MOST_ASKED
    assert open_holds(ledger) == {}
    assert "waiting for the next poll, because holds ended during this one" in caplog.text


def iyzico_asked(monkeypatch, then):
    """Do something after each answer of iyzico, before the gate places its hold. Return what counts the answers."""
    answers = []
    original = holding.place

    def place_later(*args):
        answers.append(1)
        then(len(answers))
        return original(*args)

    monkeypatch.setattr(holding, "place", place_later)
    return lambda: len(answers)


@MODES
def test_the_amount_of_a_batch_comes_from_the_ledger(ledger, iyzico, mode, monkeypatch):
    connect(monkeypatch, iyzico, **CAN_PAY)
    add_batch(ledger, required="60")
    result = attempt(gate(ledger, batch_total=None, headroom="40"), mode)
    assert (result["required"], result["external_id"]) == ("100.00", NAME)
    assert open_holds(ledger) == {NAME: 60}


@MODES
@pytest.mark.parametrize("state", [State.AUTH_SENT, State.AUTH_UNKNOWN, State.AUTHORIZED, State.ENDED])
def test_a_batch_that_went_on_before_needs_no_hold_and_the_gate_says_why(ledger, iyzico, mode, state, caplog, monkeypatch):
    connect(monkeypatch, iyzico, **CAN_PAY)
    iyzico.balance = "1.00"
    add_batch(ledger, state)
    assert attempt(gate(ledger, batch_total=None), mode)["external_id"] == NAME
    assert open_holds(ledger) == {}
    assert (
        f"an authorization of {NAME} was or may have been sent, so this gate sets nothing more aside; the gate opens"
        in caplog.text
    )


@MODES
@pytest.mark.parametrize("state", [State.NEW, State.INIT_SENT, State.INIT_UNKNOWN, State.REFUSED, State.CANCELLED])
def test_a_batch_that_cannot_be_paid_now_fails_its_gate_before_iyzico_is_asked(ledger, iyzico, mode, state, monkeypatch):
    connect(monkeypatch, iyzico, **CAN_PAY)
    add_batch(ledger, state)
    refused(gate(ledger, batch_total=None), iyzico, mode, f"LedgerBatchError: batch {NAME!r} is {state.value}")


def refused(sensor, iyzico, mode, why):
    """A gate fails for good, without retries and without a request."""
    sensor.deferrable = mode == "deferrable"
    with pytest.raises(AirflowFailException, match=why):
        sensor.execute(context())
    assert iyzico.seen == []


@MODES
def test_a_gate_without_an_amount_needs_a_batch_in_the_ledger(ledger, iyzico, mode, monkeypatch):
    connect(monkeypatch, iyzico, **CAN_PAY)
    refused(gate(ledger, batch_total=None), iyzico, mode, "LedgerBatchError: the ledger has no batch .* or give batch_total")


@MODES
def test_an_amount_beside_a_batch_of_that_name_is_refused(ledger, iyzico, mode):
    add_batch(ledger)
    refused(gate(ledger), iyzico, mode, "LedgerBatchError: the ledger has a batch .*; leave batch_total out")


@pytest.mark.parametrize(
    ("amount", "run_id", "why"),
    [
        ("50.01", "manual__1", "already holds 50.*, and this gate needs 50.01 TRY"),
        ("50", "manual__2", "for task 'gate' of DAG 'payout'"),
    ],
)
@MODES
def test_one_name_holds_one_amount_for_one_task(ledger, iyzico, mode, amount, run_id, why):
    assert attempt(gate(ledger), mode)
    sensor = gate(ledger, batch_total=amount, deferrable=mode == "deferrable")
    with pytest.raises(AirflowFailException, match=f"LedgerHoldError: .*{why}"):
        sensor.execute(context(run_id=run_id))
    assert open_holds(ledger) == {NAME: 50}


@MODES
def test_a_plain_hold_needs_a_label_of_the_account(ledger, iyzico, mode, monkeypatch):
    """A fingerprint of the key would be another account after the next rotation, with nothing set aside."""
    connect(monkeypatch, iyzico, account="")
    refused(gate(ledger), iyzico, mode, "IyzicoConfigurationError: Connection 'iyzico_default': extra has no account")


@MODES
@pytest.mark.parametrize("batch_total", ["50", None], ids=["plain", "a batch"])
def test_a_gate_in_another_currency_than_its_connection_is_refused_because_payouts_would_not_see_its_hold(
    ledger, iyzico, mode, monkeypatch, batch_total
):
    connect(monkeypatch, iyzico, **{**CAN_PAY, "currency": "USD"})
    refused(
        gate(ledger, batch_total=batch_total), iyzico, mode, "the gate is in TRY, but the balance of .* is in USD.*currency='USD'"
    )


@MODES
def test_one_balance_is_not_set_aside_twice_because_a_gate_lacks_its_currency(ledger, iyzico, mode, monkeypatch):
    """Neither the Connection nor the second gate says that the balance is in dollars."""
    connect(monkeypatch, iyzico, currency=None)
    assert attempt(gate(ledger, currency="USD", batch_total="60"), mode)
    why = r"the ledger has simulator \(sandbox\) in USD, and this task says TRY.*into the extra"
    with pytest.raises((AirflowFailException, IyzicoConfigurationError), match=why):
        attempt(gate(ledger, external_id="suppliers-48", batch_total="60"), mode)
    assert open_holds(ledger) == {NAME: 60}
    connect(monkeypatch, iyzico, currency="TRY")  # another balance of that merchant
    assert attempt(gate(ledger, external_id="suppliers-48", batch_total="60"), mode)


@MODES
@pytest.mark.parametrize("lacks", ["can_pay", "currency", "account"])
def test_a_gate_of_a_batch_needs_a_connection_that_can_pay(ledger, iyzico, mode, lacks, monkeypatch):
    add_batch(ledger)
    connect(monkeypatch, iyzico, **{**CAN_PAY, lacks: None})
    refused(gate(ledger, batch_total=None), iyzico, mode, f"IyzicoConfigurationError: Connection 'iyzico_default'.* {lacks}")


def test_time_does_not_end_a_hold_before_it_is_over(ledger, iyzico):
    assert attempt(gate(ledger, hold_for_seconds=3600), "poke")
    assert attempt(gate(ledger, external_id="other", batch_total="80"), "poke") is None


def test_time_ends_a_plain_hold(ledger, iyzico):
    assert attempt(gate(ledger, hold_for_seconds=0.2), "poke")
    deadline = time.monotonic() + 30
    while not (opened := attempt(gate(ledger, external_id="other", batch_total="80"), "poke")):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert opened["available"] == "100.00"


GIVEN = pytest.mark.parametrize("given", ["parsed", "rendered"])


@GIVEN
@pytest.mark.parametrize("value", ["", "x" * 65, "a b", "None", "{{x", "a\n", 5])
def test_a_name_that_is_none_is_refused_when_it_is_parsed_or_rendered(sqlite_warehouse, iyzico, value, given):
    named = f"external_id is .*{value if value != 5 else 'int'}"[:40] if value != "a\n" else "external_id is "
    if given == "parsed" and value != "{{x":
        with pytest.raises(IyzicoConfigurationError, match=f"task 'gate': {named[:14]}"):
            MassPayoutBalanceSensor(task_id="gate", batch_total="50", external_id=value)
        return
    sensor = MassPayoutBalanceSensor(task_id="gate", batch_total="50", external_id="{{ params.name }}")
    sensor.external_id = value
    refused(sensor, iyzico, "poke", "IyzicoConfigurationError: external_id is ")
    assert not sqlite_warehouse.exists()


def test_a_name_that_holds_something_personal_sets_nothing_aside_and_is_not_shown(ledger, iyzico, caplog):
    hold(ledger, "5")
    name = "rent-TR330006100519786457841326"
    with pytest.raises(AirflowFailException, match="external_id holds an IBAN or an identity number") as caught:
        gate(ledger, external_id=name).execute(context())
    assert name not in str(caught.value) + caplog.text
    assert open_holds(ledger) == {"suppliers-48": Decimal(5)}


@pytest.mark.parametrize("batch_total", ["50", None])
def test_a_name_that_renders_to_none_does_not_open_without_a_hold(sqlite_warehouse, iyzico, batch_total):
    sensor = MassPayoutBalanceSensor(task_id="gate", batch_total=batch_total, external_id="{{ params.name }}")
    sensor.external_id = None
    refused(sensor, iyzico, "poke", "IyzicoConfigurationError: external_id is None; is the name in a template misspelled")
    assert not sqlite_warehouse.exists()


MAPPED = {
    "no name": ({"batch_total": "50", "external_id": None}, "external_id is None; is the name in a template misspelled"),
    "no amount": ({"external_id": NAME, "batch_total": None}, "batch_total is None"),
    "no hold to end": ({"batch_total": "50", "hold_for_seconds": 60}, "hold_for_seconds needs external_id"),
}


@pytest.mark.parametrize("mode", ["poke", "deferrable"])
@pytest.mark.parametrize(("given", "why"), MAPPED.values(), ids=MAPPED)
def test_a_mapped_gate_does_not_open_without_the_hold_that_it_was_to_have(sqlite_warehouse, iyzico, given, why, mode):
    """Another task may return nothing for one of several gates."""
    sensor = MassPayoutBalanceSensor(task_id="gate", **given, _airflow_from_mapped=True)  # as every Airflow makes it
    refused(sensor, iyzico, mode, f"Error: .*{why}")
    assert not sqlite_warehouse.exists()


def test_a_mapped_gate_without_a_name_has_no_hold(sqlite_warehouse, iyzico):
    sensor = MassPayoutBalanceSensor(task_id="gate", batch_total="50", _airflow_from_mapped=True)
    assert sensor.execute(context())["required"] == "50.00"
    assert not sqlite_warehouse.exists()


@pytest.mark.parametrize("value", [None, "", "None", "-1", "NaN", 12.5, "1e99"])
def test_an_amount_that_renders_to_no_money_sets_nothing_aside(sqlite_warehouse, iyzico, value):
    """``None`` among them: it does not stand for what a batch in the ledger needs."""
    sensor = MassPayoutBalanceSensor(task_id="gate", batch_total="{{ params.total }}", external_id=NAME)
    sensor.batch_total = value
    refused(sensor, iyzico, "poke", "IyzicoMoneyError: batch_total is ")
    assert not sqlite_warehouse.exists()


@pytest.mark.parametrize(
    ("parameters", "error", "why"),
    [
        ({}, IyzicoMoneyError, "batch_total is None; give it, or the external_id"),
        ({"batch_total": "5", "hold_for_seconds": 60}, IyzicoConfigurationError, "needs external_id"),
        *[
            ({"external_id": NAME, name: value}, IyzicoConfigurationError, f"{name} is .*; give seconds")
            for name in ("hold_for_seconds", "recheck_seconds")
            for value in (0, -1, float("nan"), float("inf"), "60", True, 10**10)
        ],
        ({"external_id": NAME, "recheck_seconds": None}, IyzicoConfigurationError, "recheck_seconds is None"),
        ({"external_id": NAME, "settling_seconds": -1}, IyzicoConfigurationError, "settling_seconds is -1; give seconds"),
        ({"external_id": NAME, "batch_total": 12.5}, IyzicoMoneyError, "float"),
        ({"external_id": NAME, "batch_total": "-5"}, IyzicoMoneyError, "negative"),
        ({"external_id": NAME, "ledger_conn_id": ""}, IyzicoConfigurationError, "ledger_conn_id"),
        ({"external_id": NAME, "ledger_conn_id": "{{ x }}"}, IyzicoConfigurationError, "ledger_conn_id"),
        ({"external_id": NAME, "ledger_schema": "a;b"}, WarehouseConfigurationError, "ledger_schema"),
    ],
)
def test_what_cannot_be_right_is_refused_when_the_dag_file_is_parsed(parameters, error, why):
    with pytest.raises(error, match=why):
        MassPayoutBalanceSensor(task_id="gate", **parameters)


UNSUITABLE = {
    "not SQL": ({"conn_type": "http", "host": "example"}, "WarehouseConfigurationError: .*'http'"),
    "no such Connection": (None, "WarehouseConfigurationError: there is no Connection 'ledger' .*ledger_conn_id"),
}


@MODES
@pytest.mark.parametrize("kind", UNSUITABLE)
def test_an_unsuitable_ledger_is_refused_before_iyzico_is_asked(iyzico, mode, kind, monkeypatch, airflow_database):
    connection, why = UNSUITABLE[kind]
    if connection:
        monkeypatch.setenv("AIRFLOW_CONN_LEDGER", json.dumps(connection))
    sensor = MassPayoutBalanceSensor(task_id="gate", batch_total="5", external_id=NAME, ledger_conn_id="ledger", timeout=60)
    refused(sensor, iyzico, mode, why)


@MODES
def test_a_ledger_of_another_shape_is_refused_before_iyzico_is_asked(sqlite_warehouse, iyzico, mode):
    with closing(sqlite3.connect(sqlite_warehouse)) as connection:
        connection.execute("CREATE TABLE iyzico_payout (x INTEGER)")
        connection.commit()
    sensor = MassPayoutBalanceSensor(task_id="gate", batch_total="5", external_id=NAME, timeout=60)
    refused(sensor, iyzico, mode, "WarehouseTableError")


def shut(sensor, mode, caplog, monkeypatch):
    """A gate whose ledger does not answer stays shut in every mode, and says why."""
    assert attempt(sensor, mode) is None
    assert "no money set aside" in caplog.text
    assert "; waiting for the ledger to answer" in caplog.text
    if mode == "deferrable":
        path, kwargs = sensor.deferred.trigger.serialize()
        assert path.endswith("LedgerPauseTrigger")
        assert time.time() < kwargs["wakes_at"] <= time.time() + 10


@MODES
@pytest.mark.parametrize("batch_total", ["50", None])
def test_a_ledger_that_is_locked_keeps_the_gate_shut(sqlite_warehouse, iyzico, mode, batch_total, caplog, monkeypatch):
    connect(monkeypatch, iyzico, **CAN_PAY)
    opened = Ledger.open(create_engine(f"sqlite:///{sqlite_warehouse}"))
    if batch_total is None:
        add_batch(opened)
    sensor = gate(opened, batch_total=batch_total, timeout=2)
    sensor._ends_at = time.monotonic() + 2
    with closing(sqlite3.connect(sqlite_warehouse)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        began_at = time.monotonic()
        with pytest.raises((AirflowSensorTimeout, TaskDeferred)) if mode == "deferrable" else nullcontext():
            assert attempt(sensor, mode) is None
        assert time.monotonic() - began_at < 30, "a gate does not wait much longer for its ledger than its timeout says"
    assert "; waiting for the ledger to answer" in caplog.text
    assert iyzico.seen == []
    opened.engine.dispose()


@MODES
def test_a_ledger_that_is_locked_while_the_gate_is_about_to_open_keeps_it_shut(
    sqlite_warehouse, iyzico, mode, monkeypatch, caplog
):
    opened = Ledger.open(create_engine(f"sqlite:///{sqlite_warehouse}"))
    sensor = gate(opened, timeout=3)
    sensor._ends_at = time.monotonic() + 3
    with closing(sqlite3.connect(sqlite_warehouse)) as connection:
        iyzico_asked(monkeypatch, lambda count: count == 1 and connection.execute("BEGIN EXCLUSIVE"))
        with pytest.raises((AirflowSensorTimeout, TaskDeferred)) if mode == "deferrable" else nullcontext():
            assert attempt(sensor, mode) is None
    assert "no money set aside, required 50.00 TRY" in caplog.text
    assert len(iyzico.seen) == 1
    assert open_holds(opened) == {}
    assert attempt(gate(opened), mode)["external_id"] == NAME
    assert open_holds(opened) == {NAME: 50}
    opened.engine.dispose()


@MODES
def test_a_ledger_that_is_down_keeps_the_gate_shut_until_it_is_there_again(iyzico, mode, postgres_url, monkeypatch, caplog):
    with database_of_its_own(postgres_url, POSTGRESQL) as engine:
        url = engine.url
        where = {"conn_type": "postgres", "host": url.host, "login": url.username, "password": url.password}
        with closing(socket.socket()) as nobody:
            nobody.bind(("127.0.0.1", 0))
            down = json.dumps({**where, "port": nobody.getsockname()[1], "schema": url.database})
            monkeypatch.setenv("AIRFLOW_CONN_IYZICO_WAREHOUSE", down)
            sensor = MassPayoutBalanceSensor(task_id="gate", batch_total="50", external_id=NAME, timeout=60, poke_interval=10)
            shut(sensor, mode, caplog, monkeypatch)
        monkeypatch.setenv("AIRFLOW_CONN_IYZICO_WAREHOUSE", json.dumps({**where, "port": url.port, "schema": url.database}))
        if mode == "deferrable":
            sensor.deferred.trigger.wakes_at = time.time()
            assert resume(sensor, sensor.deferred, fired(sensor.deferred))["external_id"] == NAME
        else:
            assert attempt(sensor, mode)["external_id"] == NAME
        assert open_holds(Ledger.open(engine)) == {NAME: 50}


def test_a_role_without_rights_fails_the_gate_with_its_table_named(postgres_database, iyzico, monkeypatch):
    schema, role = f"ledger_{uuid4().hex[:8]}", f"reader_{uuid4().hex[:8]}"
    with postgres_database.begin() as connection:
        connection.execute(text(f"CREATE SCHEMA {schema}"))
        connection.execute(text(f"CREATE ROLE {role} LOGIN PASSWORD 'reader'"))
        connection.execute(text(f"GRANT USAGE ON SCHEMA {schema} TO {role}"))
    Ledger.open(postgres_database, schema=schema).act(lambda _: None)
    hold(Ledger.open(postgres_database, schema=schema), "1")
    url = postgres_database.url
    connection = {"conn_type": "postgres", "host": url.host, "port": url.port, "login": role, "password": "reader"}
    monkeypatch.setenv("AIRFLOW_CONN_IYZICO_WAREHOUSE", json.dumps({**connection, "schema": url.database}))
    sensor = MassPayoutBalanceSensor(task_id="gate", batch_total="50", external_id=NAME, ledger_schema=schema, timeout=60)
    refused(sensor, iyzico, "poke", "Warehouse.*Error: .*iyzico_payout")
    with postgres_database.begin() as connection:
        connection.execute(text(f"DROP OWNED BY {role}"))
        connection.execute(text(f"DROP ROLE {role}"))


def test_while_iyzico_cannot_answer_nothing_is_set_aside(ledger, iyzico, caplog):
    iyzico.fail("503")
    assert attempt(gate(ledger), "poke") is None
    assert "; waiting for iyzico to answer" in caplog.text
    assert open_holds(ledger) == {}


def test_a_balance_from_before_a_release_that_a_cache_has_kept_opens_no_gate_that_sets_money_aside(
    ledger, iyzico, monkeypatch, caplog
):
    hold(ledger, "60")
    release_plain(ledger, ACCOUNT, "suppliers-48", OTHER)  # its payout is over, and the cache has the 100.00 from before
    with a_cache(monkeypatch, "3"):
        assert attempt(gate(ledger), "poke") is None
    assert "a cache answered with a balance that is 3 seconds old" in caplog.text
    assert open_holds(ledger) == {}
    with a_cache(monkeypatch, "3", latency_ms=3000):  # as long as the answer took
        assert attempt(gate(ledger), "poke")
    assert open_holds(ledger) == {NAME: 50}


def test_a_refusal_of_iyzico_fails_the_gate_and_sets_nothing_aside(ledger, iyzico):
    iyzico.fail("401")
    with pytest.raises(AirflowFailException, match="IyzicoAuthenticationError"):
        gate(ledger).execute(context())
    assert open_holds(ledger) == {}


def test_a_wait_that_is_over_says_who_held_the_money(ledger, iyzico):
    hold(ledger, "60")
    sensor = gate(ledger, timeout=3, poke_interval=1, soft_fail=True)  # a busy ledger needs more than a moment of it
    with pytest.raises(AirflowSkipException, match=r"did not come within 3 s: .* available 40\.00.*suppliers-48 holds 60\.00"):
        sensor.execute(context())
    assert open_holds(ledger) == {"suppliers-48": 60}


def deferred_by(sensor):
    sensor.deferrable = True
    with pytest.raises(TaskDeferred) as caught:
        sensor.execute(context())
    return caught.value


def test_a_deferred_gate_waits_for_what_it_needs_beside_what_others_hold(ledger, iyzico):
    hold(ledger, "60")
    before = time.time()
    path, kwargs = deferred_by(gate(ledger, headroom="5", timeout=600, recheck_seconds=120)).trigger.serialize()
    assert path.endswith("MassPayoutBalanceTrigger")
    assert before + 120 <= kwargs.pop("recheck_at") <= time.time() + 120
    assert before + 600 <= kwargs.pop("ends_at") <= time.time() + 600
    assert kwargs == {
        "iyzico_conn_id": "iyzico_default", "batch_total": "50.00", "headroom": "5.00", "currency": "TRY", "poll_seconds": 10.0,
        "not_before": None, "held": "60.00", "held_by": "suppliers-48 holds 60.00",
    }  # fmt: skip


def test_a_deferred_gate_is_not_woken_at_once_by_a_balance_that_others_hold(ledger, iyzico):
    """Its trigger polls and polls, and wakes the worker only when time has come to ask the ledger again."""
    hold(ledger, "60")
    sensor = gate(ledger, poke_interval=0.1, recheck_seconds=1)
    deferred = deferred_by(sensor)
    event = fired(deferred)
    assert event["status"] == "recheck"
    assert int(event["polls"]) > 2


@pytest.mark.parametrize("recheck_seconds", [0.001, 3])
def test_no_worker_goes_on_sooner_than_airflow_can_bear(ledger, iyzico, recheck_seconds):
    hold(ledger, "60")
    before = time.time()
    kwargs = deferred_by(gate(ledger, poke_interval=60, recheck_seconds=recheck_seconds)).trigger.serialize()[1]
    assert kwargs["recheck_at"] >= before + 10


def test_a_deferred_gate_opens_when_the_trigger_has_seen_the_money_and_the_worker_has_set_it_aside(ledger, iyzico):
    hold(ledger, "60")
    sensor = gate(ledger, poke_interval=0.1)
    deferred = deferred_by(sensor)
    iyzico.balance = "110.00"
    event = fired(deferred)
    asked = len(iyzico.seen)
    result = resume(gate(ledger), deferred, event)
    assert (result["available"], result["external_id"]) == ("50.00", NAME)
    assert len(iyzico.seen) == asked + 1, "the worker asks by itself: what the trigger saw is no ground for a hold"
    assert open_holds(ledger) == {"suppliers-48": 60, NAME: 50}


def test_a_deferred_gate_that_finds_the_money_taken_waits_on_to_its_original_end(ledger, iyzico):
    hold(ledger, "60")
    deferred = deferred_by(gate(ledger, poke_interval=0.1, timeout=500))
    ends_at = deferred.trigger.ends_at
    iyzico.balance = "110.00"
    event = fired(deferred)
    hold(ledger, "40", "rent-11")
    with pytest.raises(TaskDeferred) as caught:
        resume(gate(ledger, timeout=500), deferred, event)
    kwargs = caught.value.trigger.serialize()[1]
    assert kwargs["ends_at"] == pytest.approx(ends_at, abs=1)
    assert (kwargs["held"], kwargs["held_by"]) == ("100.00", "suppliers-48 holds 60.00, rent-11 holds 40.00")


def test_a_deferred_gate_opens_after_a_release_without_a_higher_balance(ledger, iyzico):
    hold(ledger, "60")
    deferred = deferred_by(gate(ledger, poke_interval=0.1, recheck_seconds=0.3))
    release_plain(ledger, ACCOUNT, "suppliers-48", OTHER)
    assert resume(gate(ledger), deferred, fired(deferred))["available"] == "100.00"


def test_the_record_of_a_gate_stays_one_wait_over_all_rechecks(sqlite_warehouse, iyzico):
    opened = Ledger.open(create_engine(f"sqlite:///{sqlite_warehouse}"))
    hold(opened, "60")
    parameters = {"poke_interval": 0.1, "recheck_seconds": 0.3, "warehouse_conn_id": "iyzico_warehouse", "timeout": 500}
    deferred = deferred_by(gate(opened, **parameters))
    for _ in range(2):
        with pytest.raises(TaskDeferred) as caught:
            resume(gate(opened, **parameters), deferred, fired(deferred))
        deferred = caught.value
    release_plain(opened, ACCOUNT, "suppliers-48", OTHER)
    resume(gate(opened, **parameters), deferred, fired(deferred))
    with closing(sqlite3.connect(sqlite_warehouse)) as connection:
        columns = "outcome, batch_total, headroom, first_balance, last_balance, polls"
        ((*told, polls),) = connection.execute(f"SELECT {columns} FROM iyzico_payout_gate").fetchall()
    assert told == ["opened", 50, 0, 100, 100]
    asked = len(iyzico.seen)
    assert asked <= polls <= asked + 3  # each of the three triggers may have ended while a poll of it began
    opened.engine.dispose()


def test_the_record_of_a_gate_tells_what_the_ledger_says_that_the_batch_needs(sqlite_warehouse, iyzico, monkeypatch):
    connect(monkeypatch, iyzico, **CAN_PAY)
    opened = Ledger.open(create_engine(f"sqlite:///{sqlite_warehouse}"))
    add_batch(opened, required="60")
    gate(opened, batch_total=None, headroom="1", warehouse_conn_id="iyzico_warehouse").execute(context())
    with closing(sqlite3.connect(sqlite_warehouse)) as connection:
        assert connection.execute("SELECT outcome, batch_total, headroom FROM iyzico_payout_gate").fetchall() == [
            ("opened", 60, 1)
        ]
    opened.engine.dispose()


def test_a_gate_without_a_name_never_meets_the_ledger(iyzico):
    program = (
        "import os, sys\nfrom airflow_provider_iyzico.sensors.mass_payout import MassPayoutBalanceSensor\nassert "
        "MassPayoutBalanceSensor(task_id='gate', batch_total='1').poke({}).is_done\nmet = [name for name in sys.modules if "
        "name.startswith(('airflow_provider_iyzico.ledger', 'airflow_provider_iyzico.bridge.w'))]\nassert not met, met\n"
    )
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr


def release(ledger, **parameters):
    return MassPayoutHoldReleaseOperator(task_id="release", external_id=NAME, ledger_schema=ledger.schema, **parameters)


def test_a_release_gives_the_money_back_says_how_much_and_may_run_twice(ledger, iyzico, caplog):
    attempt(gate(ledger), "poke")
    assert release(ledger).execute(context()) == {"external_id": NAME, "released": "50.00", "currency": "TRY"}
    assert f"Released 50.00 TRY of simulator (sandbox, TRY), which {NAME} had set aside" in caplog.text
    assert open_holds(ledger) == {}
    assert release(ledger).execute(context())["released"] == "0.00"
    assert "nothing to release" in caplog.text
    assert iyzico.seen[1:] == [], "a release asks iyzico nothing"


def test_a_release_that_runs_after_a_gate_that_failed_leaves_the_hold_of_an_earlier_run_alone(ledger, iyzico):
    """The name lacks the run, and the release has the trigger rule all_done."""
    attempt(gate(ledger), "poke")
    with pytest.raises(AirflowFailException, match="LedgerHoldError: .* was placed in run 'manual__1' of this DAG"):
        release(ledger).execute(context(run_id="manual__2"))
    assert open_holds(ledger) == {NAME: 50}
    assert release(ledger).execute(context(run_id="manual__3", dag_id="cleaning"))["released"] == "50.00"


@pytest.mark.parametrize("is_mapped", [False, True])
def test_a_release_after_a_gate_that_failed_leaves_the_hold_of_another_dag_alone(ledger, iyzico, is_mapped):
    """Two DAGs have one name for their payouts, and the release has the trigger rule all_done."""
    attempt(gate(ledger), "poke")
    with DAG("copied", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC)):
        if is_mapped:
            before = MassPayoutBalanceSensor.partial(task_id="gate", external_id=NAME).expand(batch_total=["50"])
        else:
            before = gate(ledger)
        after = release(ledger, trigger_rule="all_done")
        before >> BaseOperator(task_id="pay") >> after
    with pytest.raises(
        AirflowFailException, match="LedgerHoldError: .* was placed in DAG 'payout', whose payout may not be over"
    ):
        after.execute(context(dag_id="copied"))
    assert open_holds(ledger) == {NAME: 50}
    assert after.execute(context())["released"] == "50.00"


def test_a_mapped_release_leaves_the_hold_of_another_instance_alone(ledger, iyzico):
    """The name lacks what the tasks are mapped over, so that the gates of the other instances fail."""
    gate(ledger, mode="poke").execute(context(map_index=0))
    with pytest.raises(AirflowFailException, match="LedgerHoldError: .* was placed in map index 0 of this DAG"):
        release(ledger).execute(context(map_index=1))
    assert open_holds(ledger) == {NAME: 50}
    assert release(ledger).execute(context())["released"] == "50.00"


def test_a_release_leaves_the_holds_of_others_alone(ledger, iyzico):
    hold(ledger, "60")
    attempt(gate(ledger, batch_total="40"), "poke")
    release(ledger).execute(context())
    assert open_holds(ledger) == {"suppliers-48": 60}


def test_a_release_of_a_batch_of_the_ledger_is_refused(ledger, iyzico, monkeypatch):
    connect(monkeypatch, iyzico, **CAN_PAY)
    add_batch(ledger)
    attempt(gate(ledger, batch_total=None), "poke")
    with pytest.raises(AirflowFailException, match="LedgerHoldError: .* belongs to a batch of the ledger"):
        release(ledger).execute(context())
    assert open_holds(ledger) == {NAME: 50}


def test_a_release_names_the_table_that_it_writes_for_lineage_and_leads_to_its_account(ledger, iyzico):
    operator = release(ledger)
    operator.execute(context())
    (dataset,) = operator.get_openlineage_facets_on_complete(None).outputs
    assert dataset.name.endswith("iyzico_balance_hold_end")
    assert operator.shown_on_page()["account"] == "simulator"


def test_a_release_in_another_currency_than_its_connection_is_refused(ledger, iyzico, monkeypatch):
    """The gate names the currency, and the release forgets it."""
    connect(monkeypatch, iyzico, currency="USD")
    attempt(gate(ledger, currency="USD"), "poke")
    with pytest.raises(AirflowFailException, match="is in USD, and the task releases TRY: .* give the task currency='USD'"):
        release(ledger).execute(context())
    assert release(ledger, currency="USD").execute(context())["released"] == "50.00"


def test_a_release_that_forgets_the_currency_keeps_no_later_gate_shut(ledger, iyzico, monkeypatch):
    """It ran after a gate that had failed. Its own currency was then that of the account, too, and every gate was refused."""
    connect(monkeypatch, iyzico, currency=None)
    attempt(gate(ledger, currency="USD"), "poke")
    assert release(ledger, currency="USD").execute(context())["released"] == "50.00"
    with pytest.raises(AirflowFailException, match="the ledger has simulator .sandbox. in USD, and this task says TRY"):
        release(ledger).execute(context())
    assert attempt(gate(ledger, external_id="next", currency="USD"), "poke")["required"] == "50.00"


@pytest.mark.parametrize("name", ["iyzico_conn_id", "ledger_conn_id"])
def test_a_mapped_release_says_which_of_its_parameters_is_none(ledger, iyzico, name):
    operator = release(ledger)
    setattr(operator, name, None)
    with pytest.raises(AirflowFailException, match=f"task 'release': {name} is ''"):
        operator.execute(context())


@pytest.mark.parametrize(
    "parameters",
    [{"external_id": ""}, {"external_id": "a b"}, {"iyzico_conn_id": ""}, {"ledger_conn_id": ""}, {"currency": "try"}],
)
def test_a_release_that_cannot_be_right_is_refused_when_the_dag_file_is_parsed(parameters):
    with pytest.raises(IyzicoConfigurationError):
        MassPayoutHoldReleaseOperator(**{"task_id": "release", "external_id": NAME, **parameters})
