"""The sensor's own edges; its modes and faults run as DAGs in ``story/``."""

import json
import sqlite3
import time
from contextlib import closing, nullcontext
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from airflow.providers.common.compat.sdk import (
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
    TaskDeferred,
)
from support import connect

from airflow_provider_iyzico.errors import GateEventError, IyzicoConfigurationError, IyzicoRefusedError
from airflow_provider_iyzico.sensors.mass_payout import MassPayoutBalanceSensor

try:
    from airflow.sdk.exceptions import TaskDeferralError
except ImportError:  # before Airflow 3.2
    from airflow.exceptions import TaskDeferralError

OPEN = {"status": "open", "message": "…", "balance": "100.00", "observed_at": "2026-11-22T12:00:00+00:00"}
TIMEOUT = {"status": "timeout", "message": "balance 1.00 TRY"}
FAIL = {"status": "fail", "message": "iyzico said no", "error": "IyzicoRefusedError"}


def sensor(**parameters):
    return MassPayoutBalanceSensor(**{"task_id": "gate", "batch_total": "90", "headroom": "10", **parameters})


def resume(gate, event):
    return gate.resume_execution("execute_complete", {"event": event}, {})


def test_it_defers_after_a_first_look_with_every_flag_that_matters(iyzico):
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
    assert deferred.timeout == timedelta(seconds=60)
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
    assert caught.value.timeout == timedelta(seconds=600)


def test_poke_keeps_one_session_and_notices_new_keys(iyzico, monkeypatch):
    gate = sensor(batch_total="1000")
    assert not gate.poke({})
    transport = gate._hook._transport
    assert not gate.poke({})
    assert gate._hook._transport is transport
    iyzico.world.secret_key = "sandbox-rotated"
    connect(monkeypatch, iyzico)
    iyzico.balance = "1010"
    assert gate.poke({}).is_done
    gate._hook.close()


def test_the_event_is_judged_once_more():
    assert resume(sensor(), OPEN)["surplus"] == "0.00"
    with pytest.raises(AirflowFailException, match="did batch_total change"):
        resume(sensor(batch_total="90.01"), OPEN)


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
        {name: value for name, value in OPEN.items() if name != "observed_at"},
        {name: value for name, value in FAIL.items() if name != "error"},
    ],
    ids=str,
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


@pytest.mark.parametrize("deferrable", [False, True])
@pytest.mark.parametrize("name", ["batch_total", "headroom"])
@pytest.mark.parametrize("value", ["", None, "None", "-1", "NaN", 1.5, True, "1_000", "1,5"], ids=str)
def test_a_bad_amount_fails_by_name_before_iyzico_is_asked(iyzico, deferrable, name, value):
    with pytest.raises(AirflowFailException, match=f"IyzicoMoneyError: {name} is"):
        sensor(**{name: value}, deferrable=deferrable).execute({})
    assert iyzico.seen == []


def test_templates_are_amounts_and_nothing_that_could_redirect_a_request():
    assert set(MassPayoutBalanceSensor.template_fields) == {"batch_total", "headroom"}


def test_the_constructor_only_assigns():
    gate = sensor(batch_total="{{ nonsense }}", currency="???")
    assert (gate.batch_total, gate.currency) == ("{{ nonsense }}", "???")


STARTED_AT = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
RUN = SimpleNamespace(logical_date=None, data_interval_start=None, data_interval_end=None)
TASK = SimpleNamespace(dag_id="dag", task_id="gate", run_id="run", map_index=-1, try_number=1, start_date=STARTED_AT)


def recorded(path, columns):
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(f"SELECT {columns} FROM iyzico_payout_gate").fetchall()


@pytest.mark.parametrize(
    ("method", "kwargs", "expected"),
    [
        ("execute_complete", {"event": {**OPEN, "balance": "1000.00", "polls": "7"}}, (100, 1000, "opened", 7)),
        ("execute_complete", {"event": {**TIMEOUT, "polls": "7"}}, (100, None, "timed_out", 7)),
        ("__fail__", {"error": "Trigger timeout"}, (None, None, "timed_out", 0)),
        ("__fail__", {"error": "Trigger failure"}, (None, None, "failed", 0)),
    ],
)
def test_a_deferred_gate_that_is_recorded_only_at_its_end_tells_how_it_began(iyzico, sqlite_warehouse, method, kwargs, expected):
    """Whoever fails a deferred task drops what it was deferred with, but not when it started."""

    def gate():
        return sensor(batch_total="990", deferrable=True, warehouse_conn_id="iyzico_warehouse")

    sqlite_warehouse.mkdir()
    with pytest.raises(TaskDeferred) as caught:
        gate().execute({"ti": TASK, "dag_run": RUN})
    carried = json.loads(json.dumps(caught.value.kwargs))
    sqlite_warehouse.rmdir()
    kwargs = kwargs if method == "__fail__" else {**carried, **kwargs}
    with nullcontext() if expected[2] == "opened" else pytest.raises((AirflowSensorTimeout, TaskDeferralError)):
        gate().resume_execution(method, kwargs, {"ti": TASK, "dag_run": RUN})
    ((since, *figures),) = recorded(sqlite_warehouse, "waiting_since, first_balance, last_balance, outcome, polls")
    assert datetime.fromisoformat(since).replace(tzinfo=UTC) == STARTED_AT
    assert tuple(figures) == expected


@pytest.mark.parametrize("mode", ["poke", "reschedule"])
def test_retry_after_stretches_the_pause_but_not_past_the_end_of_the_wait(iyzico, mode):
    gate = sensor(mode=mode, poke_interval=5, timeout=600)
    iyzico.balance = "1"
    for wish, passed, pause in ((None, 0, 5), ("2", 0, 5), ("60", 0, 60), ("99999", 0, 600), ("60", 570, 30), ("60", 599, 5)):
        iyzico.fail("429", retry_after=wish) if wish else iyzico.heal()
        gate.poke({})
        assert gate._get_next_poke_interval(0.0, lambda passed=passed: passed, 1) == pause
        iyzico.heal()
