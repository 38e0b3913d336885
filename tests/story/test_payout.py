"""The example of a whole payout, run by Airflow: three people are paid once, one payment comes back, and every kuruş is accounted for."""

import json
import logging
import sqlite3
from contextlib import closing
from decimal import Decimal

import pytest
from payout_tasks import AT_ONCE
from payroll import PEOPLE, make_payroll
from support import connect

from airflow_provider_iyzico.operators.mass_payout import MassPayoutAuthorizeOperator
from airflow_provider_iyzico.sensors.mass_payout import MassPayoutBalanceSensor
from airflow_provider_iyzico.triggers import payout as trigger

BATCH = "salaries-2026-11"
RETURNED = "veli-2026-11"


@pytest.fixture(params=["in a worker", "deferrable"])
def payout(request, dags, iyzico, sqlite_warehouse, tmp_path, monkeypatch, caplog):
    """The DAG in both modes, in more of a hurry; iyzico charges 2.50 for each payment and pays at once."""
    monkeypatch.setenv("AIRFLOW_CONN_HR", make_payroll(tmp_path / "hr.db"))
    connect(monkeypatch, iyzico, can_pay=True, currency="TRY")
    iyzico.set(balance="6000.00", durations=AT_ONCE | {"SUCCESS": 0.5, "FAILED": 0.5}, commission="2.50")
    monkeypatch.setattr(trigger, "SETTLING_SECONDS", 0.1)
    for kind in (MassPayoutAuthorizeOperator, MassPayoutBalanceSensor):
        monkeypatch.setattr(kind, "log", logging.getLogger("task"))
    caplog.set_level(logging.INFO, "task")
    dag = dags["iyzico_payout"]
    for name in ("start", "wait_for_money", "pay"):
        task = dag.get_task(name)
        task.retries, task.grace_seconds, task.settling_seconds, task.poll_interval = 0, 0.1, 0, 0.2
        task.deferrable = request.param == "deferrable"
    dag.get_task("wait_for_money").poke_interval = 0.1
    dag.get_task("wait_for_money").timeout = dag.get_task("pay").timeout = 120
    return dag


def states(run):
    return {task.task_id: str(task.state) for task in run.get_task_instances()}


def told(run, task_id):
    return run.get_task_instance(task_id).xcom_pull(task_ids=task_id)


def kept(path, query):
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


def effects(iyzico, what):
    return [effect for effect in iyzico.journal if effect.what == what]


def test_three_people_are_paid_and_every_kurus_is_accounted_for(payout, iyzico, sqlite_warehouse):
    run = payout.test()
    assert states(run) == {"start": "success", "wait_for_money": "success", "pay": "success"}
    assert (told(run, "start")["total"], told(run, "start")["required"]) == ("4500.00", "4507.50")
    gate = told(run, "wait_for_money")
    assert (gate["external_id"], gate["available"], gate["surplus"]) == (BATCH, "6000.00", "1492.50")
    paid = told(run, "pay")
    assert (paid["state"], paid["paid_items"], paid["paid_total"], paid["unpaid_items"]) == ("ended", 3, "4500.00", 0)
    assert Decimal(6000) - Decimal(iyzico.balance) == Decimal(paid["paid_total"]) + Decimal(paid["paid_commission"])
    assert kept(sqlite_warehouse, "SELECT kind FROM iyzico_balance_hold_end") == [("accounted",)]
    assert (len(effects(iyzico, "init")), len(effects(iyzico, "auth"))) == (1, 1)


def test_a_payment_that_comes_back_fails_the_task_by_name_and_the_ledger_balances(payout, iyzico, sqlite_warehouse, caplog):
    iyzico.set(fates={RETURNED: "returned"})
    run = payout.test()
    assert states(run) == {"start": "success", "wait_for_money": "success", "pay": "failed"}
    assert f"'{RETURNED}' (DEPOSIT_SUCCESS); returned 980.50, outstanding 0.00 TRY" in caplog.text
    paid = Decimal("1250.00") + Decimal("2269.50")
    assert Decimal(6000) - Decimal(iyzico.balance) == paid + 2 * Decimal("2.50")
    items = kept(sqlite_warehouse, "SELECT item_external_id, status FROM iyzico_payout_item ORDER BY 1")
    assert [status for _, status in items] == ["SUCCESS", "DEPOSIT_SUCCESS", "SUCCESS"]
    assert kept(sqlite_warehouse, "SELECT state FROM iyzico_payout") == [("ended",)]


def test_another_run_with_the_same_month_pays_nobody_and_is_not_green(payout, iyzico):
    payout.test()
    assert states(payout.test())["start"] == "failed"
    assert len(effects(iyzico, "auth")) == 1


def test_too_little_money_holds_the_payout_back_until_it_comes(payout, iyzico, meanwhile, caplog):
    iyzico.balance = "4507.49"
    meanwhile(lambda: "missing 0.01" in caplog.text, lambda: setattr(iyzico, "balance", "4507.50"))
    assert states(payout.test())["pay"] == "success"
    assert iyzico.balance == "0.00"


def test_a_month_that_is_none_never_reaches_the_query(payout, iyzico):
    with pytest.raises(Exception, match="month|does not match"):
        payout.test(run_conf={"month": "2026-11' OR '1' = '1"})
    assert iyzico.seen == []


def test_no_personal_data_is_in_xcom_rendered_fields_logs_or_the_ledger(payout, iyzico, sqlite_warehouse, caplog):
    caplog.set_level(logging.DEBUG)
    iyzico.set(fates={RETURNED: "returned"})
    run = payout.test()
    ledger = sqlite_warehouse.read_bytes().decode(errors="replace")
    written = caplog.text + json.dumps([told(run, task) for task in ("start", "wait_for_money", "pay")]) + ledger
    for _, info, name, _ in PEOPLE.values():
        for personal in (info, info[4:], name, name.split()[1]):
            assert personal not in written


def test_the_daily_reconciliation_finds_the_payment_that_bounces_later(payout, dags, iyzico, sqlite_warehouse):
    payout.test()
    daily = dags["iyzico_payout_reconcile"]
    daily.get_task("reconcile").settling_seconds = 0
    assert states(daily.test()) == {"reconcile": "success"}
    iyzico.set(fates={RETURNED: "bounced"})
    assert states(daily.test()) == {"reconcile": "failed"}
    assert kept(sqlite_warehouse, f"SELECT status FROM iyzico_payout_item WHERE item_external_id = '{RETURNED}'") == [
        ("DEPOSIT_SUCCESS",)
    ]
    assert iyzico.balance == "2475.50"
    assert len(effects(iyzico, "auth")) == 1
