"""Several accounts in one task: each its own row, side by side, and one that fails hinders none and goes not unnoticed."""

import json
import sqlite3
import time
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_iyzico.errors import IyzicoAccountsError
from airflow_provider_iyzico.operators.mass_payout import MassPayoutBalanceOperator
from airflow_provider_iyzico.simulator import Simulator

pytestmark = pytest.mark.usefixtures("airflow_database")
NAMES = ("payroll", "suppliers", "couriers")


@pytest.fixture
def accounts(monkeypatch, sqlite_warehouse):
    """Three simulated merchants behind three Connections."""
    with ExitStack() as stack:
        simulators = {name: stack.enter_context(Simulator(f"{place}00.00")) for place, name in enumerate(NAMES, 1)}
        for name, simulator in simulators.items():
            connection = json.loads(simulator.connection)
            connection["extra"] |= {"account": name, "timeout": 2}
            monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", json.dumps(connection))
        yield simulators


def execute(conn_ids, **more):
    moment = datetime(2026, 11, 22, tzinfo=UTC)
    task = SimpleNamespace(dag_id="d", task_id="t", run_id="r", map_index=-1, try_number=1)
    run = SimpleNamespace(logical_date=None, data_interval_start=moment, data_interval_end=None)
    return MassPayoutBalanceOperator(task_id="t", iyzico_conn_id=conn_ids, **more).execute({"ti": task, "dag_run": run})


def kept(path):
    with closing(sqlite3.connect(path)) as connection:
        return dict(connection.execute("SELECT account, balance FROM iyzico_balance_snapshot").fetchall())


def test_each_account_gets_a_row_of_its_own_and_the_result_is_in_the_order_of_the_list(accounts, sqlite_warehouse):
    stored = execute(["suppliers", "payroll", "couriers"])
    assert [(each["account"], each["balance"]) for each in stored] == [
        ("suppliers", "200.00"),
        ("payroll", "100.00"),
        ("couriers", "300.00"),
    ]
    assert kept(sqlite_warehouse) == {"payroll": 100, "suppliers": 200, "couriers": 300}


def test_a_list_of_one_gives_a_list_of_one(accounts, sqlite_warehouse):
    (stored,) = execute(["payroll"])
    assert stored["account"] == "payroll"


def test_accounts_are_asked_side_by_side(accounts, sqlite_warehouse):
    for simulator in accounts.values():
        simulator.set(latency_seconds=1.0)
    started = time.monotonic()
    execute(list(NAMES))
    arrivals = [simulator.seen[0].received_at for simulator in accounts.values()]
    assert max(arrivals) - min(arrivals) < 0.9, time.monotonic() - started


def test_an_account_whose_keys_are_refused_fails_the_task_and_the_others_are_kept(accounts, sqlite_warehouse):
    accounts["suppliers"].fail("401")
    with pytest.raises(AirflowFailException, match="1 of 3 accounts could not be kept.*suppliers: IyzicoAuthenticationError"):
        execute(list(NAMES))
    assert kept(sqlite_warehouse) == {"payroll": 100, "couriers": 300}


def test_an_account_that_cannot_answer_now_is_fetched_by_a_retry_which_adds_nothing_to_the_others(accounts, sqlite_warehouse):
    accounts["suppliers"].fail("503")
    with pytest.raises(IyzicoAccountsError, match="suppliers: IyzicoUnavailableError") as caught:
        execute(list(NAMES))
    assert caught.value.is_transient
    accounts["suppliers"].heal()
    accounts["payroll"].balance = "999.00"
    assert [each["balance"] for each in execute(list(NAMES))] == ["100.00", "200.00", "300.00"]
    assert kept(sqlite_warehouse) == {"payroll": 100, "suppliers": 200, "couriers": 300}


def test_a_missing_connection_hinders_no_other(accounts, sqlite_warehouse):
    with pytest.raises(AirflowFailException, match="no_such: IyzicoConfigurationError: there is no Connection"):
        execute(["payroll", "no_such"])
    assert kept(sqlite_warehouse) == {"payroll": 100}


def test_two_connections_that_finance_could_not_tell_apart_are_refused_before_anything_is_asked(
    accounts, monkeypatch, sqlite_warehouse
):
    connection = json.loads(accounts["couriers"].connection)
    connection["extra"]["account"] = "payroll"
    monkeypatch.setenv("AIRFLOW_CONN_COURIERS", json.dumps(connection))
    with pytest.raises(AirflowFailException, match="'payroll' and 'couriers' have the same account 'payroll'"):
        execute(list(NAMES))
    assert [len(simulator.seen) for simulator in accounts.values()] == [0, 0, 0]


@pytest.mark.parametrize("named", [[], ["payroll", "payroll"], None, 5, ["payroll", None], {"payroll": 1}])
def test_a_list_that_names_no_accounts_or_one_twice_is_refused(accounts, named, sqlite_warehouse):
    with pytest.raises(AirflowFailException, match="iyzico_conn_id is"):
        execute(named)


def test_no_message_holds_a_key(accounts, sqlite_warehouse):
    for simulator in accounts.values():
        simulator.fail("echo")
    with pytest.raises(AirflowFailException) as caught:
        execute(list(NAMES))
    for simulator in accounts.values():
        assert simulator.world.secret_key not in str(caught.value)
        assert simulator.world.api_key not in str(caught.value)
