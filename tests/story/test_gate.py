"""The payout DAG, run by Airflow: in every mode the same gate, the same money, the same end."""

from contextlib import suppress
from datetime import timedelta

import pytest
from airflow.providers.common.compat.sdk import AirflowTaskTimeout
from support import connect


@pytest.fixture(autouse=True)
def without_a_record(gate_dag):
    gate_dag.get_task("wait_for_money").warehouse_conn_id = None


def states(run):
    return {task.task_id: str(task.state) for task in run.get_task_instances()}


def test_the_payout_runs_only_after_the_money_is_there(gate_dag, iyzico, meanwhile):
    iyzico.balance = "5029.99"
    meanwhile(lambda: len(iyzico.seen) >= 3, lambda: setattr(iyzico, "balance", "5030.00"))
    run = gate_dag.test()
    assert states(run) == {"total_batch": "success", "wait_for_money": "success", "pay": "success"}
    seen = run.get_task_instance("wait_for_money").xcom_pull(task_ids="wait_for_money")
    assert seen.pop("observed_at")
    assert seen == {"balance": "5030.00", "required": "5030.00", "surplus": "0.00", "currency": "TRY"}
    assert len(iyzico.seen) >= 4


def test_money_that_is_there_opens_the_gate_with_one_poll(gate_dag, iyzico):
    iyzico.balance = "1000000.00"
    assert states(gate_dag.test())["pay"] == "success"
    assert len(iyzico.seen) == 1


@pytest.mark.parametrize("soft_fail", [False, True])
def test_money_that_does_not_come_times_out_and_soft_fail_skips(gate_dag, iyzico, soft_fail):
    gate = gate_dag.get_task("wait_for_money")
    gate.timeout, gate.soft_fail = 0.3, soft_fail
    run = gate_dag.test()
    expected = ("skipped", "skipped") if soft_fail else ("failed", "upstream_failed")
    assert (states(run)["wait_for_money"], states(run)["pay"]) == expected


WAITED_OUT = ["timeout", "reset", "cut", "drip", "429", "500", "503", ("failure", {"code": "50000"})]
HARD = ["401", "403", "404", "html", "truncated", "redirect", "huge", "failure", ("failure", {"code": "1000"})]


def fail(iyzico, fault, times=None):
    kind, options = fault if isinstance(fault, tuple) else (fault, {})
    iyzico.fail(kind, times=times, **options)


@pytest.mark.parametrize("fault", WAITED_OUT, ids=str)
def test_what_may_pass_is_waited_out_in_every_mode(gate_dag, iyzico, monkeypatch, fault):
    times = 1 if fault in ("timeout", "drip") else 2  # those two last until the deadline of the call
    if times == 1:
        connect(monkeypatch, iyzico, timeout=3)
    iyzico.balance = "5030.00"
    fail(iyzico, fault, times=times)
    assert states(gate_dag.test())["pay"] == "success"
    assert len(iyzico.seen) == times + 1


@pytest.mark.parametrize("soft_fail", [False, True])
@pytest.mark.parametrize("fault", HARD, ids=str)
def test_what_will_not_pass_fails_at_once_in_every_mode_and_is_never_skipped(gate_dag, iyzico, fault, soft_fail):
    gate_dag.get_task("wait_for_money").soft_fail = soft_fail
    gate_dag.get_task("wait_for_money").retries = 3
    iyzico.balance = "1000000.00"
    fail(iyzico, fault)
    run = gate_dag.test()
    assert (states(run)["wait_for_money"], states(run)["pay"]) == ("failed", "upstream_failed")
    assert len(iyzico.seen) == 1


@pytest.mark.parametrize("fault", ["401", "html"])
@pytest.mark.parametrize("soft_fail", [False, True])
def test_what_breaks_during_the_wait_fails_in_every_mode_and_is_never_skipped(gate_dag, iyzico, meanwhile, fault, soft_fail):
    gate_dag.get_task("wait_for_money").soft_fail = soft_fail
    meanwhile(lambda: len(iyzico.seen) >= 2, lambda: iyzico.fail(fault))
    run = gate_dag.test()
    assert (states(run)["wait_for_money"], states(run)["pay"]) == ("failed", "upstream_failed")


@pytest.mark.parametrize("payments", [["12.5x"], ["1e99"], ["-99999"], ["NaN"]], ids=str)
def test_a_batch_that_is_not_money_pays_nothing(gate_dag, iyzico, payments):
    iyzico.balance = "1000000.00"
    run = gate_dag.test(run_conf={"payments": payments})
    assert states(run)["pay"] == "upstream_failed"
    assert iyzico.seen == []


@pytest.mark.parametrize("gate_dag", ["poke", "deferrable"], indirect=True)
def test_an_execution_timeout_fails_the_gate_and_is_never_skipped(gate_dag, iyzico, monkeypatch):
    """It strikes while iyzico hangs; a payout that would run after a skipped gate does not run after this one."""
    connect(monkeypatch, iyzico, timeout=60)
    iyzico.fail("timeout")
    gate, pay = gate_dag.get_task("wait_for_money"), gate_dag.get_task("pay")
    monkeypatch.setattr(pay, "trigger_rule", "none_failed")
    gate.soft_fail, gate.execution_timeout = True, timedelta(seconds=3)
    with suppress(AirflowTaskTimeout):  # ``dag.test()`` of Airflow 2 lets it through
        run = gate_dag.test()
        assert (states(run)["wait_for_money"], states(run)["pay"]) == ("failed", "upstream_failed")
    assert gate.soft_fail
