"""Several accounts and batches in one DAG, run by Airflow."""

import sqlite3
from contextlib import closing

import pytest
from sandbox import IS_AIRFLOW_2, connection_of

from airflow_provider_iyzico.simulator import Simulator


@pytest.fixture
def accounts(monkeypatch):
    with Simulator("1500.00") as payroll, Simulator("700.00") as suppliers:
        for name, simulator in (("payroll", payroll), ("suppliers", suppliers)):
            monkeypatch.setenv(f"AIRFLOW_CONN_IYZICO_{name.upper()}", connection_of(simulator, name))
        yield payroll, suppliers


def test_a_list_of_accounts_and_mapped_tasks_each_keep_a_row_and_gates_are_mapped_over_batches(dags, accounts, sqlite_warehouse):
    run = dags["iyzico_many_accounts"].test()
    assert str(run.state) == "success"
    with closing(sqlite3.connect(sqlite_warehouse)) as connection:
        rows = connection.execute(
            "SELECT account, task_id, map_index, balance FROM iyzico_balance_snapshot ORDER BY 2, 1"
        ).fetchall()
    assert rows == [
        ("payroll", "each", 0, 1500),
        ("suppliers", "each", 1, 700),
        ("payroll", "together", -1, 1500),
        ("suppliers", "together", -1, 700),
    ]
    gates = [task for task in run.get_task_instances() if task.task_id == "wait_for_money"]
    assert {(task.map_index, str(task.state)) for task in gates} == {(0, "success"), (1, "success")}
    task = run.get_task_instance("together")
    assert [stored["account"] for stored in task.xcom_pull(task_ids="together")] == ["payroll", "suppliers"]


def test_an_account_that_is_refused_fails_its_own_mapped_task_only(dags, accounts, sqlite_warehouse):
    accounts[1].fail("401", times=100)
    run = dags["iyzico_many_accounts"].test()
    assert str(run.state) == "failed"
    with closing(sqlite3.connect(sqlite_warehouse)) as connection:
        assert connection.execute("SELECT account FROM iyzico_balance_snapshot").fetchall() == [("payroll",)]


@pytest.mark.skipif(IS_AIRFLOW_2, reason="Airflow 2 has no watchers")
def test_a_payout_scheduled_by_money_polls_again_before_it_pays(dags, iyzico):
    dag = dags["iyzico_payout_on_balance"]
    dag.get_task("still_there").poke_interval, dag.get_task("still_there").timeout = 0.1, 0.5
    iyzico.balance = "4999.99"
    assert str(dag.test().state) == "failed"
    iyzico.balance = "5000.00"
    run = dag.test()
    assert str(run.state) == "success"
    assert run.get_task_instance("pay").xcom_pull(task_ids="pay") == "paying out of 5000.00 TRY"
