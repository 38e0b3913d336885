"""The sensor's own edges; its modes and faults run as DAGs in ``story/``."""

import json
import os
import re
import socket
import sqlite3
import threading
import time
from contextlib import closing, nullcontext
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace

import pytest
import time_machine
from airflow.providers.common.compat.sdk import (
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
    TaskDeferred,
)
from support import AIRFLOW_VERSION, connect, see_iyzicos_clock

from airflow_provider_iyzico.bridge.warehouse import task_instance
from airflow_provider_iyzico.domain.gate import Outcome
from airflow_provider_iyzico.errors import (
    GateEventError,
    IyzicoConfigurationError,
    IyzicoMoneyError,
    IyzicoRefusedError,
    IyzicoUnexpectedError,
    WarehouseConfigurationError,
)
from airflow_provider_iyzico.hooks.iyzico import IyzicoHook
from airflow_provider_iyzico.sensors import record
from airflow_provider_iyzico.sensors.mass_payout import MassPayoutBalanceSensor

try:
    from airflow.sdk.exceptions import TaskDeferralError
except ImportError:  # before Airflow 3.2
    from airflow.exceptions import TaskDeferralError

OPEN = {"status": "open", "message": "…", "balance": "100.00", "observed_at": datetime.now(UTC).isoformat(), "polls": "7"}
TIMEOUT = {"status": "timeout", "message": "balance 1.00 TRY"}
FAIL = {"status": "fail", "message": "iyzico said no", "error": "IyzicoRefusedError"}


def sensor(**parameters):
    return MassPayoutBalanceSensor(**{"task_id": "gate", "batch_total": "90", "headroom": "10", **parameters})


def seen_ago(seconds, **fields):
    """What the trigger wrote so many seconds ago."""
    moment = datetime.now(UTC) - timedelta(seconds=seconds) if seconds < 10**9 else datetime(1, 1, 1, tzinfo=UTC)
    return {**OPEN, "observed_at": moment.isoformat(), "ends_at": repr(time.time() + 500), **fields}


def resume(gate, event):
    return gate.resume_execution("execute_complete", {"event": event}, {})


@pytest.mark.parametrize("deferrable", [False, True])
def test_a_gate_opens_on_no_balance_in_another_currency_than_its_batch(iyzico, monkeypatch, deferrable):
    connect(monkeypatch, iyzico, currency="USD")
    with pytest.raises(AirflowFailException, match="balance of the Connection is in USD, but the task's currency is TRY"):
        sensor(deferrable=deferrable).execute({})
    assert sensor(currency="USD").poke({}).is_done
    connect(monkeypatch, iyzico, currency="")
    assert sensor().poke({}).is_done


def test_it_defers_after_a_first_poll_with_every_flag_that_matters(iyzico, monkeypatch):
    connect(monkeypatch, iyzico, currency="EUR")
    gate = sensor(batch_total="100.5", currency="EUR", deferrable=True, poke_interval=timedelta(seconds=7), timeout=60)
    before = time.time()
    with pytest.raises(TaskDeferred) as caught:
        gate.execute({})
    deferred = caught.value
    kwargs = deferred.trigger.serialize()[1]
    ends_at = kwargs.pop("ends_at")
    assert before + 60 <= ends_at <= time.time() + 60
    assert kwargs == {
        "iyzico_conn_id": "iyzico_default",
        "batch_total": "100.50",
        "headroom": "10.00",
        "currency": "EUR",
        "poll_seconds": 7.0,
        "not_before": None,
    }
    assert timedelta(seconds=60) < deferred.timeout <= timedelta(seconds=120)  # Airflow ends the wait only if no triggerer does
    assert deferred.method_name == "execute_complete"
    assert len(iyzico.seen) == 1


def test_the_patience_that_iyzico_asks_for_is_handed_on_to_the_trigger(iyzico):
    iyzico.fail("429", times=1, retry_after="300")
    before = time.time()
    with pytest.raises(TaskDeferred) as caught:
        sensor(deferrable=True).execute({})
    assert before + 300 <= caught.value.trigger.serialize()[1]["not_before"] <= time.time() + 300


def test_money_that_is_there_already_needs_no_trigger(iyzico):
    result = sensor(deferrable=True).execute({})
    assert result.pop("observed_at")
    assert result == {"balance": "100.00", "required": "100.00", "surplus": "0.00", "currency": "TRY"}


def test_execution_timeout_does_not_cut_the_deferred_wait_short(iyzico):
    """As in reschedule mode; otherwise soft_fail would skip where poke mode fails."""
    gate = sensor(batch_total="1000", deferrable=True, timeout=600, execution_timeout=timedelta(seconds=30))
    with pytest.raises(TaskDeferred) as caught:
        gate.execute({})
    assert timedelta(seconds=600) < caught.value.timeout <= timedelta(seconds=660)


def test_poke_keeps_one_session_and_notices_new_keys(iyzico, monkeypatch):
    gate = sensor(batch_total="1000")
    assert not gate.poke({})
    transport = gate._polls.hook._transport
    assert not gate.poke({})
    assert gate._polls.hook._transport is transport
    iyzico.world.secret_key = "sandbox-rotated"
    connect(monkeypatch, iyzico)
    iyzico.balance = "1010"
    assert gate.poke({}).is_done
    gate._polls.hook.close()


def test_the_event_is_judged_once_more():
    assert resume(sensor(), seen_ago(0))["surplus"] == "0.00"
    with pytest.raises(AirflowFailException, match="did batch_total change"):
        resume(sensor(batch_total="90.01"), seen_ago(0))


@pytest.mark.parametrize(("poke_interval", "seconds"), [(10, 45), (10, -2), (600, 500)])
def test_what_the_trigger_saw_within_a_minute_or_one_interval_opens_the_gate_without_another_poll(iyzico, poke_interval, seconds):
    iyzico.balance = "0"
    assert resume(sensor(poke_interval=poke_interval), seen_ago(seconds))["balance"] == "100.00"
    assert iyzico.seen == []


OLD = [76, 703, 30 * 86400, 2000 * 365 * 86400, -20, -300]


@pytest.mark.parametrize("seconds", OLD)
def test_a_gate_that_resumes_late_asks_again_and_opens_on_what_is_there_now(iyzico, seconds):
    iyzico.balance = "150.00"
    assert resume(sensor(poke_interval=10), seen_ago(seconds))["balance"] == "150.00"
    assert len(iyzico.seen) == 1


@pytest.mark.parametrize("seconds", OLD)
@pytest.mark.parametrize("soft_fail", [False, True])
def test_a_gate_that_resumes_late_without_its_money_waits_on_until_its_original_end(iyzico, seconds, soft_fail):
    iyzico.balance = "10.00"
    ends_at = time.time() + 500
    gate = sensor(poke_interval=10, timeout=6000, soft_fail=soft_fail)
    with pytest.raises(TaskDeferred) as caught:
        resume(gate, seen_ago(seconds, ends_at=repr(ends_at)))
    assert caught.value.trigger.serialize()[1]["ends_at"] == pytest.approx(ends_at, abs=1)
    assert timedelta(seconds=460) < caught.value.timeout <= timedelta(seconds=560)
    assert gate.soft_fail is soft_fail


def test_a_gate_that_resumes_late_without_its_money_after_its_end_has_timed_out(iyzico):
    iyzico.balance = "10.00"
    with pytest.raises(AirflowSensorTimeout, match=r"balance 10\.00"):
        resume(sensor(poke_interval=10), seen_ago(76, ends_at=repr(time.time() - 5)))


@pytest.mark.parametrize("event", [{}, {**FAIL}, {**TIMEOUT}])
@pytest.mark.parametrize(
    "other", [{"iyzico_conn_id": "suppliers", "currency": "TRY"}, {"iyzico_conn_id": "iyzico_default", "currency": "USD"}]
)
def test_a_gate_whose_dag_names_another_balance_by_now_asks_for_that_one(iyzico, event, other):
    """Somebody corrected the Connection while the gate waited; the trigger still polled the old one."""
    iyzico.balance = "10.00"
    with pytest.raises(TaskDeferred) as caught:
        resume(sensor(poke_interval=10, timeout=600, soft_fail=True), {**seen_ago(1), **event, **other})
    assert caught.value.trigger.serialize()[1]["iyzico_conn_id"] == "iyzico_default"
    assert len(iyzico.seen) == 1


@pytest.mark.parametrize("event", [{}, {**TIMEOUT}, {**FAIL}])
@pytest.mark.parametrize(("batch_total", "opens"), [("40", True), ("100", False)])
def test_a_gate_whose_batch_is_another_by_now_is_judged_by_what_it_needs_now(iyzico, event, batch_total, opens):
    """A batch was split or corrected while its gate waited; the trigger still waited for the old total."""
    iyzico.balance = "60.00"
    gate = sensor(batch_total=batch_total, headroom="0", poke_interval=10, timeout=600, soft_fail=True)
    with nullcontext() if opens else pytest.raises(TaskDeferred):
        assert resume(gate, {**seen_ago(1), **event, "required": "80.00"})["required"] == "40.00"
    assert len(iyzico.seen) == 1


def test_a_gate_whose_dag_names_a_connection_that_does_not_exist_by_now_fails_at_once(iyzico, airflow_database):
    event = {**seen_ago(1), "iyzico_conn_id": "suppliers", "currency": "TRY"}
    with pytest.raises(AirflowFailException, match="there is no Connection 'payrol'"):
        resume(sensor(poke_interval=10, timeout=600, soft_fail=True, iyzico_conn_id="payrol"), event)


@pytest.mark.parametrize("soft_fail", [False, True])
def test_a_trigger_that_ends_a_short_wait_too_early_does_not_end_it(iyzico, soft_fail):
    """The clocks of two machines may differ by as much as a whole short wait."""
    iyzico.balance = "10.00"
    ends_at = time.time() + 55
    with pytest.raises(TaskDeferred) as caught:
        resume(sensor(timeout=60, poke_interval=10, soft_fail=soft_fail), {**TIMEOUT, "polls": "0", "ends_at": repr(ends_at)})
    assert caught.value.trigger.serialize()[1]["ends_at"] == pytest.approx(ends_at, abs=1)


NEEDS_TASKS = pytest.mark.skipif(AIRFLOW_VERSION < (3,), reason="Airflow 2 looks a rescheduled task up in its database")


@pytest.mark.parametrize("minutes", [-24 * 60, -11, 11])
@pytest.mark.parametrize(
    "mode", [{"mode": "poke"}, pytest.param({"mode": "reschedule"}, marks=NEEDS_TASKS), {"deferrable": True}]
)
def test_a_balance_of_another_time_by_iyzicos_own_clock_opens_no_gate_and_skips_none(iyzico, monkeypatch, minutes, mode):
    """A proxy answered with what it had kept, or this machine's clock is wrong, and then no end of a wait can be told."""
    see_iyzicos_clock(monkeypatch, minutes)
    with pytest.raises(AirflowFailException, match=f"ClockError: .* {abs(minutes)} minutes apart; set this machine's clock"):
        sensor(batch_total="10", timeout=3600, soft_fail=True, **mode).execute({"ti": NEVER_RESCHEDULED})


def test_a_gate_warns_of_a_clock_that_is_a_little_wrong(iyzico, monkeypatch, caplog, capsys):
    see_iyzicos_clock(monkeypatch, 3)
    assert sensor(batch_total="10").execute({})
    said = capsys.readouterr()  # Airflow logs there, or where pytest listens, as its version has it
    assert "3 minutes apart" in said.out + said.err + caplog.text


@pytest.mark.parametrize(("seconds_ahead", "is_asked"), [(0, False), (4, False), (50, True), (300, True)])
def test_what_a_triggerer_saw_whose_clock_is_ahead_of_iyzicos_is_asked_again(iyzico, seconds_ahead, is_asked):
    """By that clock an old balance looks new."""
    iyzico.balance = "100.00"
    event = seen_ago(10)
    seen_at = datetime.fromisoformat(event["observed_at"])
    system_time = (seen_at - timedelta(seconds=seconds_ahead)).isoformat()
    assert resume(sensor(), {**event, "system_time": system_time})
    assert bool(iyzico.seen) is is_asked


def test_the_first_balance_is_that_of_the_first_poll_and_of_no_later_one(iyzico, sqlite_warehouse):
    iyzico.balance = "10.00"
    gate = sensor(poke_interval=10, timeout=600, warehouse_conn_id="iyzico_warehouse")
    with pytest.raises(TaskDeferred) as caught:
        gate.resume_execution("execute_complete", {"event": seen_ago(76)}, {"ti": TASK, "dag_run": RUN})
    assert caught.value.kwargs["first_balance"] is None
    assert recorded(sqlite_warehouse, "first_balance, last_balance") == [(None, 10)]


def test_a_gate_that_polls_in_its_worker_logs_only_what_is_new(iyzico, monkeypatch):
    gate, said = sensor(batch_total="990"), []
    monkeypatch.setattr(type(gate.log), "info", lambda _, *words: said.append(words[-1]), raising=False)
    for balance in ("100.00", "100.00", "100.00", "200.00", "200.00", "1000.00"):
        iyzico.balance = balance
        gate.poke({})
    lines = [str(each) for each in said if "required" in str(each)]
    assert [line.split("balance ")[1].split(" ")[0] for line in lines] == ["100.00", "200.00", "1000.00"]
    gate._polls.hook.close()


@pytest.mark.parametrize("conn_id", [None, 5, ""])
def test_a_mapped_connection_that_is_none_is_named_as_the_parameter_it_is(iyzico, conn_id):
    gate = sensor()
    gate.iyzico_conn_id = conn_id  # as another task returned it
    with pytest.raises(AirflowFailException, match="task 'gate': iyzico_conn_id is .*; name one Connection"):
        gate.execute({})


def test_no_event_makes_a_wait_longer_than_its_timeout(iyzico):
    iyzico.balance = "10.00"
    with pytest.raises(TaskDeferred) as caught:
        resume(sensor(poke_interval=10, timeout=600), seen_ago(76, ends_at="253402300000.0"))
    assert caught.value.trigger.serialize()[1]["ends_at"] <= time.time() + 600


def test_a_connection_that_could_not_be_read_at_first_puts_off_no_record(iyzico, sqlite_warehouse, monkeypatch, airflow_database):
    connection = os.environ["AIRFLOW_CONN_IYZICO_DEFAULT"]
    gate = sensor(batch_total="1000", warehouse_conn_id="iyzico_warehouse")
    gate._record = new_record(gate)
    gate._was_there = True
    monkeypatch.delenv("AIRFLOW_CONN_IYZICO_DEFAULT")
    gate.poke({})
    monkeypatch.setenv("AIRFLOW_CONN_IYZICO_DEFAULT", connection)
    gate.poke({})
    assert recorded(sqlite_warehouse, "outcome, polls, first_balance") == [("waiting", 1, 100)]
    gate._polls.hook.close()


def test_an_event_of_an_older_version_that_tells_no_end_is_never_taken_for_a_timeout(iyzico):
    iyzico.balance = "10.00"
    event = {name: value for name, value in seen_ago(76).items() if name != "ends_at"}
    gate, kwargs = sensor(poke_interval=10, timeout=600, soft_fail=True), {"event": event}
    with pytest.raises(AirflowFailException, match="GateEventError"):
        gate.resume_execution("execute_complete", kwargs, {})
    for minutes, expected in ((5, TaskDeferred), (11, AirflowSkipException)):
        task = SimpleNamespace(start_date=datetime.now(UTC) - timedelta(minutes=minutes))
        with pytest.raises(expected):
            gate.resume_execution("execute_complete", kwargs, {"ti": task})


@pytest.mark.parametrize("soft_fail", [False, True])
def test_a_trigger_whose_clock_is_ahead_cannot_skip_a_gate(soft_fail):
    event = {**TIMEOUT, "ends_at": repr(time.time() + 3000)}
    with pytest.raises(AirflowFailException, match="set the clock"):
        resume(sensor(soft_fail=soft_fail), event)


@pytest.mark.parametrize("mode", [{"mode": "poke"}, {"deferrable": True}])
def test_a_clock_that_is_set_during_a_poll_neither_ends_the_wait_nor_skips(iyzico, monkeypatch, mode):
    asked = IyzicoHook.poll

    def poll(hook, **named):
        travel.start()
        return asked(hook, **named)

    travel = time_machine.travel(time.time() + 7200, tick=True)
    monkeypatch.setattr(IyzicoHook, "poll", poll)
    gate = sensor(batch_total="1000", timeout=3600, poke_interval=600, soft_fail=True, **mode)
    monkeypatch.setattr(time, "sleep", end_of_the_test)
    try:
        with pytest.raises((TaskDeferred, EndOfTheTestError)):
            gate.execute({})
    finally:
        travel.stop()


class EndOfTheTestError(Exception):
    """The sensor would have slept here."""


def end_of_the_test(_seconds):
    raise EndOfTheTestError


@pytest.mark.parametrize("is_resumed", [False, True])
def test_a_connection_that_was_there_and_cannot_be_found_now_is_waited_for(iyzico, monkeypatch, airflow_database, is_resumed):
    """Some secrets backends that are down say so. A gate that begins fails: its Connection may never have been there."""
    connection = os.environ["AIRFLOW_CONN_IYZICO_DEFAULT"]
    gate = sensor(batch_total="1000")
    if not is_resumed:
        gate.poke({})
    monkeypatch.delenv("AIRFLOW_CONN_IYZICO_DEFAULT")
    with pytest.raises(AirflowFailException, match="there is no Connection"):
        sensor().execute({})
    if is_resumed:
        with pytest.raises(TaskDeferred):
            resume(sensor(poke_interval=10), seen_ago(76, ends_at=repr(time.time() + 500)))
    else:
        assert not gate.poke({})
    monkeypatch.setenv("AIRFLOW_CONN_IYZICO_DEFAULT", connection)


def test_a_surprise_in_the_hook_is_typed_and_waited_out(iyzico, monkeypatch):
    def fail(*_, **__):
        raise ValueError("sandbox-secret")

    monkeypatch.setattr(IyzicoHook, "get_balance", fail)
    gate = sensor()
    assert not gate.poke({})
    assert isinstance(gate._verdict.error, IyzicoUnexpectedError)
    assert "sandbox-secret" not in str(gate._verdict)


def test_a_session_that_cannot_be_closed_costs_no_opening(iyzico, monkeypatch):
    def fail(_adapter):
        raise OSError("it is stuck")

    monkeypatch.setattr("airflow_provider_iyzico.hooks.connections.Adapter.close", fail)
    assert sensor().execute({})["balance"] == "100.00"


def test_a_wait_of_many_polls_with_backoff_does_not_overflow():
    gate = sensor(mode="poke", exponential_backoff=True, max_wait=60, timeout=86400)
    assert gate._get_next_poke_interval(0.0, lambda: 10.0, 5000) == 60


@pytest.mark.parametrize(
    "parameters",
    [
        {"iyzico_conn_id": None},
        {"iyzico_conn_id": ""},
        {"iyzico_conn_id": ["a", "b"]},
        {"iyzico_conn_id": " x"},
        {"iyzico_conn_id": "{{ x }}"},
        {"warehouse_conn_id": ""},
        {"warehouse_conn_id": 5},
        {"warehouse_schema": "a b"},
        {"timeout": 8000 * 365 * 86400},
    ],
    ids=str,
)
def test_ids_and_bounds_that_cannot_be_right_are_refused_when_the_dag_file_is_parsed(parameters):
    with pytest.raises((IyzicoConfigurationError, WarehouseConfigurationError)):
        sensor(**parameters)


def test_a_timeout_is_written_out(iyzico):
    iyzico.balance = "1"
    with pytest.raises(AirflowSensorTimeout, match="within 1234567 s"):
        resume(sensor(timeout=1234567), TIMEOUT)


def test_a_gate_that_resumes_late_while_iyzico_is_down_waits_on(iyzico):
    iyzico.fail("503")
    with pytest.raises(TaskDeferred):
        resume(sensor(poke_interval=10), seen_ago(76, ends_at=repr(time.time() + 500)))
    iyzico.fail("401")
    with pytest.raises(AirflowFailException, match="IyzicoAuthenticationError"):
        resume(sensor(poke_interval=10), seen_ago(76, ends_at=repr(time.time() + 500)))


def test_a_gate_that_waits_on_stays_one_wait_in_its_record(iyzico, sqlite_warehouse):
    """Its beginning, its first balance and all its polls are kept over every deferral."""

    def gate():
        return sensor(poke_interval=10, deferrable=True, warehouse_conn_id="iyzico_warehouse")

    context = {"ti": TASK, "dag_run": RUN}
    iyzico.balance = "40.00"
    with pytest.raises(TaskDeferred) as caught:
        gate().execute(context)
    for polls in (8, 5):
        iyzico.balance = "10.00"
        carried = json.loads(json.dumps(caught.value.kwargs))
        event = seen_ago(700, polls=str(polls), ends_at=repr(time.time() + 500))
        with pytest.raises(TaskDeferred) as caught:
            gate().resume_execution("execute_complete", {**carried, "event": event}, context)
    carried = json.loads(json.dumps(caught.value.kwargs))
    gate().resume_execution("execute_complete", {**carried, "event": seen_ago(1, polls="3")}, context)
    ((since, *figures),) = recorded(sqlite_warehouse, "waiting_since, first_balance, last_balance, outcome, polls")
    assert datetime.fromisoformat(since).replace(tzinfo=UTC) == STARTED_AT
    assert figures == [40, 100, "opened", 1 + 8 + 1 + 5 + 1 + 3]


@pytest.mark.parametrize(
    "event",
    [
        None,
        {},
        "open",
        {**OPEN, "status": "covered"},
        {**OPEN, "status": None},
        {**OPEN, "balance": None},
        {**OPEN, "balance": 100.0},
        {**OPEN, "balance": "NaN"},
        {**OPEN, "balance": "1_000"},
        {**OPEN, "observed_at": "yesterday"},
        {**OPEN, "observed_at": "2999-01-01T00:00:00+00:00"},
        {**OPEN, "observed_at": "9999-12-31T23:59:59-23:59"},
        {**OPEN, "observed_at": datetime.now(UTC).replace(tzinfo=None).isoformat()},
        {**OPEN, "observed_at": "1" * 5000},
        {**OPEN, "polls": "many"},
        {**OPEN, "polls": "1" * 5000},
        {**OPEN, "polls": "-5"},
        {**OPEN, "ends_at": "1e300"},
        {**OPEN, "ends_at": True},
        {**OPEN, "ends_at": "0"},
        {**OPEN, "ends_at": "nan"},
        {**OPEN, "ends_at": "soon"},
        {name: value for name, value in OPEN.items() if name != "observed_at"},
        {name: value for name, value in FAIL.items() if name != "error"},
    ],
)
@pytest.mark.parametrize("soft_fail", [False, True])
def test_an_event_that_no_trigger_writes_opens_nothing_and_skips_nothing(event, soft_fail):
    with pytest.raises(AirflowFailException) as caught:
        resume(sensor(soft_fail=soft_fail), event)
    assert isinstance(caught.value.__cause__, GateEventError)


def test_a_timeout_is_a_sensor_timeout_and_only_soft_fail_makes_it_a_skip():
    with pytest.raises(AirflowSensorTimeout, match=r"balance 1\.00"):
        resume(sensor(), TIMEOUT)
    with pytest.raises(AirflowSkipException):
        resume(sensor(soft_fail=True), TIMEOUT)
    for soft_fail, expected in ((False, AirflowSensorTimeout), (True, AirflowSkipException)):
        for words in ("Trigger timeout", "Trigger/execution timeout"):  # since Airflow 3.0, and before
            with pytest.raises(expected):
                sensor(soft_fail=soft_fail).resume_execution("__fail__", {"error": words}, {})


@pytest.mark.parametrize("words", ["Trigger/execution timeout", "Trigger timeout"])
def test_an_execution_timeout_that_ends_a_deferred_wait_on_airflow_2_is_never_skipped(words):
    """Airflow 2 has the same words for both ends; before the sensor's timeout is over it cannot be that."""
    gate = sensor(soft_fail=True, timeout=3600, execution_timeout=timedelta(seconds=60))
    for minutes, is_over in ((10, False), (61, True)):
        task = SimpleNamespace(start_date=datetime.now(UTC) - timedelta(minutes=minutes))
        expected = AirflowSkipException if is_over or words == "Trigger timeout" else TaskDeferralError
        with pytest.raises(expected):
            gate.resume_execution("__fail__", {"error": words}, {"ti": task})


@pytest.mark.parametrize("soft_fail", [False, True])
def test_what_the_trigger_saw_fails_as_the_same_error_and_is_never_skipped(soft_fail):
    with pytest.raises(AirflowFailException, match="IyzicoRefusedError: iyzico said no") as caught:
        resume(sensor(soft_fail=soft_fail), FAIL)
    assert isinstance(caught.value.__cause__, IyzicoRefusedError)


@pytest.mark.parametrize("soft_fail", [False, True])
def test_a_crashed_trigger_fails_the_task_and_is_never_skipped(soft_fail):
    with pytest.raises(TaskDeferralError):
        sensor(soft_fail=soft_fail).resume_execution("__fail__", {"error": "Trigger failure", "traceback": ["boom"]}, {})


@pytest.mark.parametrize("name", ["never_fail", "silent_fail"])
def test_flags_that_would_let_a_payout_past_a_blind_gate_are_refused(name):
    with pytest.raises(IyzicoConfigurationError, match=name):
        sensor(**{name: True})


NO_AMOUNTS = ["", None, "None", "-1", "NaN", 1.5, True, "1_000", "1,5", "1.500", [], [["1.50"]], {"total": 1}]


@pytest.mark.parametrize("deferrable", [False, True])
@pytest.mark.parametrize("name", ["batch_total", "headroom"])
@pytest.mark.parametrize("value", NO_AMOUNTS, ids=str)
def test_a_template_that_renders_to_no_amount_fails_by_name_before_iyzico_is_asked(iyzico, deferrable, name, value):
    gate = sensor(**{name: "{{ ti.xcom_pull(task_ids='total') }}"}, deferrable=deferrable)
    setattr(gate, name, value)
    with pytest.raises(AirflowFailException, match=f"IyzicoMoneyError: {name} is"):
        gate.execute({})
    assert iyzico.seen == []


@pytest.mark.parametrize("name", ["batch_total", "headroom"])
@pytest.mark.parametrize("value", NO_AMOUNTS, ids=str)
def test_an_amount_that_is_none_is_refused_when_the_dag_file_is_parsed(name, value):
    with pytest.raises(IyzicoMoneyError, match=f"task 'gate': {name} is"):
        sensor(**{name: value})


@pytest.mark.parametrize("name", ["batch_total", "headroom"])
def test_an_amount_of_a_dag_file_that_a_turkish_reader_takes_for_thousands_is_refused(name):
    """A gate would open on 1.24. A program may compute such digits, so a template may give them."""
    with pytest.raises(IyzicoMoneyError, match=f"task 'gate': {name} is '1.234', which may mean 1234.00 or 1.2340"):
        sensor(**{name: "1.234"})
    for value in ("1.2340", "0.125", "1234.567", Decimal("1.234")):
        sensor(**{name: value})


def test_a_template_may_give_three_decimals_that_were_computed(iyzico):
    iyzico.balance = "9000.00"
    gate = sensor(batch_total="{{ total }}", headroom="0")
    gate.batch_total = "123.456"
    assert gate.execute({})["required"] == "123.456"


@pytest.mark.parametrize("currency", ["TL", "try", "", None])
def test_a_currency_that_is_none_is_refused_when_the_dag_file_is_parsed(currency):
    with pytest.raises(IyzicoConfigurationError, match="currency"):
        sensor(currency=currency)


def test_the_rows_of_a_query_are_told_from_an_amount_and_the_way_out_is_shown():
    with pytest.raises(IyzicoMoneyError, match=re.escape("{{ ti.xcom_pull(task_ids='total')[0][0] }}")):
        sensor(batch_total=[("4530.00",)])


@pytest.mark.parametrize("total", [Decimal("4530.1000000000000000"), "40.000000000", "1." + "0" * 38])
def test_zeros_behind_an_exact_amount_do_not_count(iyzico, total):
    iyzico.balance = "9000.00"
    assert Decimal(sensor(batch_total=total, headroom="0").execute({})["required"]) == Decimal(total)


def test_templates_are_amounts_and_nothing_that_could_redirect_a_request():
    assert set(MassPayoutBalanceSensor.template_fields) == {"batch_total", "headroom", "external_id"}


@pytest.mark.parametrize("value", ["{{ total }}", "{% if x %}1{% endif %}", 1500, Decimal("1500.75"), "0E-8"])
def test_templates_and_amounts_are_left_as_they_are_by_the_constructor(value):
    gate = sensor(batch_total=value, headroom=value)
    assert (gate.batch_total, gate.headroom) == (value, value)


MODES = [{"mode": "poke"}, {"deferrable": True}]
if AIRFLOW_VERSION >= (3, 0):  # Airflow 2 asks its own database about reschedules; ``story/`` has that
    MODES.append({"mode": "reschedule"})


@pytest.mark.parametrize("mode", MODES)
def test_a_poll_never_outlasts_its_gate(iyzico, monkeypatch, mode):
    """Its timeout is two seconds, that of the Connection twenty, and iyzico does not answer."""
    connect(monkeypatch, iyzico, timeout=20)
    iyzico.fail("timeout")
    begun = time.monotonic()
    with pytest.raises(AirflowSensorTimeout, match="the money did not come within 2 s: iyzico_default .*balance unknown"):
        sensor(timeout=2, poke_interval=0.5, **mode).execute({"ti": NEVER_RESCHEDULED})
    assert 2 <= time.monotonic() - begun < 15


@pytest.mark.parametrize("mode", ["poke", "reschedule"])
def test_a_wait_ends_when_its_timeout_is_over_and_not_one_interval_later(iyzico, mode):
    gate = sensor(batch_total="1000", mode=mode, poke_interval=300, timeout=600)
    for passed, pause in ((0, 300), (299, 300), (301, 299), (590, 10)):
        assert gate._get_next_poke_interval(0.0, lambda passed=passed: passed, 1) == pause


def test_every_line_names_the_connection_and_its_account(iyzico, monkeypatch):
    lines = []
    monkeypatch.setattr(MassPayoutBalanceSensor, "log", SimpleNamespace(info=lambda words, *values: lines.append(words % values)))
    sensor().poke({})
    assert lines[0].startswith("iyzico_default (simulator, sandbox): balance 100.00 TRY")


def test_an_error_is_told_in_one_plain_line_before_the_traceback(iyzico, caplog):
    iyzico.fail("401")
    with pytest.raises(AirflowFailException):
        sensor().execute({})
    (line,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert line.exc_info is None
    assert "IyzicoAuthenticationError" in line.getMessage()
    assert "Check the Connection" in line.getMessage()


STARTED_AT = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
NEVER_RESCHEDULED = SimpleNamespace(get_first_reschedule_date=lambda _context: None)
RUN = SimpleNamespace(logical_date=None, data_interval_start=None, data_interval_end=None)
TASK = SimpleNamespace(dag_id="dag", task_id="gate", run_id="run", map_index=-1, try_number=1, start_date=STARTED_AT)


def new_record(gate):
    need, timeout = gate._need(), timedelta(seconds=gate.timeout)
    task = task_instance({"ti": TASK, "dag_run": RUN})
    wait = record.Wait(
        task, gate.iyzico_conn_id, gate.warehouse_conn_id, None, STARTED_AT, timeout, gate.currency, need, begins=True
    )
    return record.GateRecord(wait, {}, gate._polls.whose, gate.log)


def recorded(path, columns):
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(f"SELECT {columns} FROM iyzico_payout_gate").fetchall()


@pytest.mark.parametrize(
    ("method", "kwargs", "expected"),
    [
        ("execute_complete", {"event": {**OPEN, "balance": "1000.00", "polls": "7"}}, (100, 1000, "opened", 8)),
        ("execute_complete", {"event": {**TIMEOUT, "polls": "7"}}, (100, None, "timed_out", 8)),
        ("__fail__", {"error": "Trigger timeout"}, (None, None, "timed_out", 0)),
        ("__fail__", {"error": "Trigger failure"}, (None, None, "failed", 0)),
    ],
)
def test_a_deferred_gate_that_is_recorded_only_at_its_end_tells_how_it_began(iyzico, sqlite_warehouse, method, kwargs, expected):
    """Failing a deferred task drops what it was deferred with, but not when it started."""

    def gate():
        return sensor(batch_total="990", deferrable=True, warehouse_conn_id="iyzico_warehouse")

    sqlite_warehouse.mkdir()
    with pytest.raises(TaskDeferred) as caught:
        gate().execute({"ti": TASK, "dag_run": RUN})
    carried = json.loads(json.dumps(caught.value.kwargs))
    sqlite_warehouse.rmdir()
    if "event" in kwargs and "observed_at" in kwargs["event"]:
        kwargs = {"event": {**kwargs["event"], "observed_at": datetime.now(UTC).isoformat()}}
    kwargs = kwargs if method == "__fail__" else {**carried, **kwargs}
    with nullcontext() if expected[2] == "opened" else pytest.raises((AirflowSensorTimeout, TaskDeferralError)):
        gate().resume_execution(method, kwargs, {"ti": TASK, "dag_run": RUN})
    ((since, *figures),) = recorded(sqlite_warehouse, "waiting_since, first_balance, last_balance, outcome, polls")
    assert datetime.fromisoformat(since).replace(tzinfo=UTC) == STARTED_AT
    assert tuple(figures) == expected


def test_a_record_that_was_given_up_does_not_overwrite_a_later_one(iyzico, sqlite_warehouse, monkeypatch):
    """As when ``execution_timeout`` strikes while the end is being written to a table that somebody locks."""
    released, write = threading.Event(), record.record

    def slow(engine, gate, progress, **options):
        if progress.outcome == "opened":
            released.wait(30)
        write(engine, gate, progress, **options)

    monkeypatch.setattr(record, "record", slow)
    kept = new_record(sensor(warehouse_conn_id="iyzico_warehouse"))
    kept.count_poll()
    monkeypatch.setattr(record, "PATIENCE_SECONDS", 0.2)
    kept._write(Outcome.OPENED)
    threading.Timer(0.2, released.set).start()
    kept._write(Outcome.FAILED, "AirflowTaskTimeout", seconds=30)
    assert recorded(sqlite_warehouse, "outcome") == [("failed",)]


def test_a_record_needs_no_connection_where_the_deferral_carried_the_account(iyzico, sqlite_warehouse, monkeypatch):
    """The label of an account may change while a gate waits, or a secrets backend be down at its end."""
    context = {"ti": TASK, "dag_run": RUN}
    gate = sensor(batch_total="990", deferrable=True, warehouse_conn_id="iyzico_warehouse")
    with pytest.raises(TaskDeferred) as caught:
        gate.execute(context)
    connect(monkeypatch, iyzico, account="another")
    carried = json.loads(json.dumps(caught.value.kwargs))
    gate = sensor(batch_total="90", deferrable=True, warehouse_conn_id="iyzico_warehouse")
    gate.resume_execution("execute_complete", {**carried, "event": seen_ago(1)}, context)
    assert recorded(sqlite_warehouse, "account, outcome, batch_total") == [("simulator", "opened", 90)]


@pytest.mark.parametrize("batch_total", [None, "", "-5"])
@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ({**FAIL, "polls": "7"}, ("failed", 8, "IyzicoRefusedError: iyzico said no")),
        ({**TIMEOUT, "polls": "7"}, ("timed_out", 8, "the money did not come within 600 s: balance 1.00 TRY")),
    ],
)
def test_the_end_is_recorded_where_the_template_of_the_total_says_nothing_any_more(
    iyzico, sqlite_warehouse, batch_total, event, expected
):
    """Somebody cleared the task that adds it up; a task that goes on renders its templates again."""
    parameters = {"batch_total": "990", "deferrable": True, "timeout": 600, "warehouse_conn_id": "iyzico_warehouse"}
    context = {"ti": TASK, "dag_run": RUN}
    with pytest.raises(TaskDeferred) as caught:
        sensor(**parameters).execute(context)
    carried = json.loads(json.dumps(caught.value.kwargs))
    gate = sensor(**parameters)
    gate.batch_total = batch_total
    with pytest.raises((AirflowFailException, AirflowSensorTimeout)):
        gate.resume_execution("execute_complete", {**carried, "event": event}, context)
    assert recorded(sqlite_warehouse, "outcome, polls, reason, batch_total") == [(*expected, 990)]


@pytest.mark.parametrize("change", [{"iyzico_conn_id": "payroll"}, {"currency": "USD"}])
def test_a_record_gives_no_account_the_balance_of_another(iyzico, sqlite_warehouse, monkeypatch, change):
    """Somebody corrects the Connection in the DAG file while the gate waits."""
    context, parameters = {"ti": TASK, "dag_run": RUN}, {"deferrable": True, "warehouse_conn_id": "iyzico_warehouse"}
    with pytest.raises(TaskDeferred) as caught:
        sensor(batch_total="990", **parameters).execute(context)
    carried = json.loads(json.dumps(caught.value.kwargs))
    connection = json.loads(iyzico.connection)
    connection["extra"]["account"] = "payroll"
    monkeypatch.setenv("AIRFLOW_CONN_PAYROLL", json.dumps(connection))
    connect(monkeypatch, iyzico, currency=change.get("currency", "TRY"))
    iyzico.balance = "2000.00"
    event = {**seen_ago(1), "iyzico_conn_id": "iyzico_default", "currency": "TRY"}
    sensor(batch_total="990", **parameters, **change).resume_execution("execute_complete", {**carried, "event": event}, context)
    assert recorded(sqlite_warehouse, "account, currency, outcome, first_balance, last_balance, polls") == [
        ("simulator", "TRY", "waiting", 100, 100, 1),
        ("payroll" if "iyzico_conn_id" in change else "simulator", change.get("currency", "TRY"), "opened", None, 2000, 1),
    ]


@pytest.mark.parametrize("mode", [{"mode": "poke"}, {"deferrable": True}])
def test_a_secrets_backend_that_forgets_the_warehouse_for_a_moment_costs_no_record(
    iyzico, sqlite_warehouse, monkeypatch, airflow_database, mode
):
    """Of a backend that is down Airflow says that there is no such Connection."""
    connection = os.environ["AIRFLOW_CONN_IYZICO_WAREHOUSE"]
    gate = sensor(batch_total="990", warehouse_conn_id="iyzico_warehouse", **mode)
    context = {"ti": TASK, "dag_run": RUN}
    if gate.deferrable:
        with pytest.raises(TaskDeferred) as caught:
            gate.execute(context)
        kept, act = caught.value.kwargs, "execute_complete"
    else:
        gate._record = kept = new_record(gate)
        gate.poke(context)
    monkeypatch.delenv("AIRFLOW_CONN_IYZICO_WAREHOUSE")
    back = threading.Timer(2, lambda: monkeypatch.setenv("AIRFLOW_CONN_IYZICO_WAREHOUSE", connection))
    back.start()
    if gate.deferrable:
        gate = sensor(batch_total="90", warehouse_conn_id="iyzico_warehouse", **mode)
        gate.resume_execution(act, {**kept, "event": seen_ago(1)}, context)
    else:
        kept._write(Outcome.OPENED)
    back.join()
    assert recorded(sqlite_warehouse, "outcome") == [("opened",)]


def test_a_warehouse_that_never_was_there_keeps_no_gate_waiting(iyzico, monkeypatch, airflow_database):
    """A mistake in ``warehouse_conn_id`` is no secrets backend that is down: trying again helps nobody."""
    tries = []
    engine = record.warehouse_engine
    monkeypatch.setattr(record, "warehouse_engine", lambda *names, **named: tries.append(1) or engine(*names, **named))
    parameters = {"batch_total": "990", "deferrable": True, "warehouse_conn_id": "no_such_warehouse"}
    context = {"ti": TASK, "dag_run": RUN}
    with pytest.raises(TaskDeferred) as caught:
        sensor(**parameters).execute(context)
    carried = json.loads(json.dumps(caught.value.kwargs))
    event = seen_ago(1, balance="2000.00")
    assert sensor(**parameters).resume_execution("execute_complete", {**carried, "event": event}, context)
    assert len(tries) == 2  # at the first poll, and at the end


def test_a_warehouse_that_hangs_takes_only_a_part_of_a_wait(iyzico, monkeypatch):
    """It takes the call and never answers; the trigger must have time left to see the money."""
    with socket.create_server(("127.0.0.1", 0), backlog=50) as silent:
        warehouse = f"postgresql://u:p@127.0.0.1:{silent.getsockname()[1]}/w"
        monkeypatch.setenv("AIRFLOW_CONN_IYZICO_WAREHOUSE", warehouse)
        monkeypatch.setattr(record, "WAITING_PATIENCE_SECONDS", 1)
        gate = sensor(batch_total="1000", deferrable=True, timeout=600, warehouse_conn_id="iyzico_warehouse")
        with pytest.raises(TaskDeferred) as caught:
            gate.execute({"ti": TASK, "dag_run": RUN})
    assert caught.value.trigger.ends_at - time.time() > 500
    assert gate._record._newest == 1  # the deferral does not try what has just failed


@pytest.mark.parametrize("mode", ["poke", "reschedule"])
def test_retry_after_stretches_the_pause_but_not_past_the_end_of_the_wait(iyzico, mode):
    gate = sensor(mode=mode, poke_interval=5, timeout=600)
    iyzico.balance = "1"
    for wish, passed, pause in ((None, 0, 5), ("2", 0, 5), ("60", 0, 60), ("99999", 0, 600), ("60", 570, 30), ("60", 599, 1)):
        iyzico.fail("429", retry_after=wish) if wish else iyzico.heal()
        gate.poke({})
        assert gate._get_next_poke_interval(0.0, lambda passed=passed: passed, 1) == pause
        iyzico.heal()
