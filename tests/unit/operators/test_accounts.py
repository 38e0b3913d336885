"""Several accounts in one task: each its own row, side by side, and one that fails hinders none and goes not unnoticed."""

import signal
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, AirflowTaskTimeout
from sandbox import connection_of

from airflow_provider_iyzico.errors import IyzicoAccountsError, IyzicoConfigurationError, IyzicoUnexpectedError, Retry
from airflow_provider_iyzico.hooks.iyzico import IyzicoHook
from airflow_provider_iyzico.operators.mass_payout import MassPayoutBalanceOperator
from airflow_provider_iyzico.simulator import Simulator
from airflow_provider_iyzico.warehouse import append as writing
from airflow_provider_iyzico.warehouse import snapshot

pytestmark = pytest.mark.usefixtures("airflow_database")
NAMES = ("payroll", "suppliers", "couriers")


@pytest.fixture
def accounts(monkeypatch, sqlite_warehouse):
    """Three simulated merchants behind three Connections."""
    with ExitStack() as stack:
        simulators = {name: stack.enter_context(Simulator(f"{place}00.00")) for place, name in enumerate(NAMES, 1)}
        for name, simulator in simulators.items():
            monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", connection_of(simulator, name))
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


def test_accounts_are_asked_side_by_side(accounts, sqlite_warehouse, monkeypatch):
    """Each simulator keeps its answer back until all have been asked."""
    for name, simulator in accounts.items():
        simulator.set(latency_seconds=60)
        monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", connection_of(simulator, name, timeout=120))
    with ThreadPoolExecutor(1) as pool:
        all_were_asked = pool.submit(answer_as_soon_as_all_were_asked, accounts.values())
        execute(list(NAMES))
        assert all_were_asked.result()


def answer_as_soon_as_all_were_asked(simulators, seconds=50):
    """Let the simulators answer, and return whether all had been asked by then."""
    ends_at = time.monotonic() + seconds
    while not (all_were_asked := all(simulator.seen for simulator in simulators)) and time.monotonic() < ends_at:
        time.sleep(0.01)
    for simulator in simulators:
        simulator.set(latency_seconds=0)
        simulator.world.stopping.set()
    return all_were_asked


def test_an_account_whose_keys_are_refused_fails_the_task_and_the_others_are_kept(accounts, sqlite_warehouse):
    accounts["suppliers"].fail("401")
    with pytest.raises(
        AirflowFailException, match="1 of 3 accounts could not be kept, the others were: suppliers: IyzicoAuthenticationError"
    ):
        execute(list(NAMES))
    assert kept(sqlite_warehouse) == {"payroll": 100, "couriers": 300}


def test_an_account_that_cannot_answer_now_is_fetched_by_a_retry_which_adds_nothing_to_the_others(accounts, sqlite_warehouse):
    accounts["suppliers"].fail("503")
    with pytest.raises(IyzicoAccountsError, match="suppliers: IyzicoUnavailableError") as caught:
        execute(list(NAMES))
    assert caught.value.retry is Retry.SAFE
    accounts["suppliers"].heal()
    accounts["payroll"].balance = "999.00"
    assert [each["balance"] for each in execute(list(NAMES))] == ["100.00", "200.00", "300.00"]
    assert kept(sqlite_warehouse) == {"payroll": 100, "suppliers": 200, "couriers": 300}


def test_where_no_account_could_be_kept_nothing_else_is_claimed(accounts, sqlite_warehouse):
    for simulator in accounts.values():
        simulator.fail("401")
    with pytest.raises(AirflowFailException, match="3 of 3 accounts could not be kept, so none is kept: payroll: ") as caught:
        execute(list(NAMES))
    assert "other" not in str(caught.value)
    assert not sqlite_warehouse.exists() or kept(sqlite_warehouse) == {}


def test_one_account_that_was_kept_is_told_of_as_one(accounts, sqlite_warehouse):
    accounts["suppliers"].fail("401")
    with pytest.raises(AirflowFailException, match="1 of 2 accounts could not be kept, the other was: suppliers: "):
        execute(["payroll", "suppliers"])


class Surprise(Exception):  # noqa: N818 - it is no error of ours
    """What nobody foresees, with words that hold a password."""

    def __init__(self):
        super().__init__("vault://user:hunter2@host is down")


def surprise(real, is_struck):
    """Return a function that fails in a way of its own for one account."""

    def act(*arguments, **options):
        if is_struck(*arguments):
            raise Surprise
        return real(*arguments, **options)

    return act


def is_of_suppliers(hook, *_):
    return hook.iyzico_conn_id == "suppliers"


SURPRISES = [
    ("reading its Connection", IyzicoHook, "refresh", is_of_suppliers),
    ("asking iyzico", IyzicoHook, "get_balance", is_of_suppliers),
    ("shaping its row", snapshot, "snapshot_row", lambda seen, _: seen.account == "suppliers"),
    ("writing its row", writing, "append", lambda _engine, _table, row: row["account"] == "suppliers"),
]


@pytest.mark.parametrize(("place", "name", "is_struck"), [each[1:] for each in SURPRISES], ids=[each[0] for each in SURPRISES])
def test_an_unforeseen_error_in_one_account_stops_no_other_and_has_a_type(
    accounts, sqlite_warehouse, monkeypatch, place, name, is_struck
):
    monkeypatch.setattr(place, name, surprise(getattr(place, name), is_struck))
    with pytest.raises(IyzicoAccountsError, match="1 of 3 .*suppliers: IyzicoUnexpectedError: Surprise in .*py, line") as caught:
        execute(list(NAMES))
    assert caught.value.retry is Retry.SAFE
    assert "hunter2" not in str(caught.value)
    (unexpected,) = caught.value.__cause__.exceptions
    assert isinstance(unexpected.__cause__, Surprise)
    assert kept(sqlite_warehouse) == {"payroll": 100, "couriers": 300}


def test_a_session_that_cannot_be_closed_costs_nothing(accounts, sqlite_warehouse, monkeypatch):
    close = IyzicoHook.close

    def fail_afterwards(hook):
        had_one = "_transport" in vars(hook)
        close(hook)
        if had_one and is_of_suppliers(hook):
            raise Surprise

    monkeypatch.setattr(IyzicoHook, "close", fail_afterwards)
    execute(list(NAMES))
    assert kept(sqlite_warehouse) == {"payroll": 100, "suppliers": 200, "couriers": 300}


def test_an_unforeseen_error_in_the_only_account_has_a_type_and_airflow_retries_it(accounts, sqlite_warehouse, monkeypatch):
    monkeypatch.setattr(IyzicoHook, "get_balance", surprise(IyzicoHook.get_balance, is_of_suppliers))
    with pytest.raises(IyzicoUnexpectedError, match="Surprise in ") as caught:
        execute("suppliers")
    assert isinstance(caught.value.__cause__, Surprise)


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, AirflowTaskTimeout])
def test_who_ends_the_task_ends_it(accounts, sqlite_warehouse, monkeypatch, kind):
    def stop(*_, **__):
        raise kind

    monkeypatch.setattr(writing, "append", stop)
    with pytest.raises(kind):
        execute(list(NAMES))


@pytest.mark.parametrize("names", [("payroll",), NAMES])
def test_who_ends_the_task_waits_for_no_account_that_hangs(accounts, sqlite_warehouse, monkeypatch, names):
    """Each simulator keeps its answer back until the task has ended."""

    def stop(*_):
        raise AirflowTaskTimeout

    for name in names:
        accounts[name].set(latency_seconds=60)
        monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", connection_of(accounts[name], name, timeout=50))
    before = signal.signal(signal.SIGUSR1, stop)
    try:
        with ThreadPoolExecutor(1) as pool:
            pool.submit(stop_as_soon_as_asked, accounts[names[0]], threading.get_ident())
            with pytest.raises(AirflowTaskTimeout):
                execute(list(names))
            assert any(thread.name.startswith("iyzico_") for thread in threading.enumerate())  # it is still being asked
    finally:
        signal.signal(signal.SIGUSR1, before)
        for name in names:
            accounts[name].world.stopping.set()


def stop_as_soon_as_asked(simulator, thread_id):
    while not simulator.seen:
        time.sleep(0.01)
    signal.pthread_kill(thread_id, signal.SIGUSR1)


def test_a_missing_connection_hinders_no_other(accounts, sqlite_warehouse):
    with pytest.raises(AirflowFailException, match="no_such: IyzicoConfigurationError: there is no Connection"):
        execute(["payroll", "no_such"])
    assert kept(sqlite_warehouse) == {"payroll": 100}


def test_two_connections_that_finance_could_not_tell_apart_are_refused_before_anything_is_asked(
    accounts, monkeypatch, sqlite_warehouse
):
    monkeypatch.setenv("AIRFLOW_CONN_COURIERS", connection_of(accounts["couriers"], "payroll"))
    with pytest.raises(AirflowFailException, match="'payroll' and 'couriers' have the same account 'payroll'"):
        execute(list(NAMES))
    assert [len(simulator.seen) for simulator in accounts.values()] == [0, 0, 0]


@pytest.mark.parametrize("named", [[], ["payroll", "payroll"], None, 5, ["payroll", None], {"payroll": 1}])
def test_a_list_that_names_no_accounts_or_one_twice_is_refused_when_the_dag_file_is_parsed(named):
    with pytest.raises(IyzicoConfigurationError, match="iyzico_conn_id is"):
        MassPayoutBalanceOperator(task_id="snapshot", iyzico_conn_id=named)


def test_no_message_holds_a_key(accounts, sqlite_warehouse):
    for simulator in accounts.values():
        simulator.fail("echo")
    with pytest.raises(AirflowFailException) as caught:
        execute(list(NAMES))
    for simulator in accounts.values():
        assert simulator.world.secret_key not in str(caught.value)
        assert simulator.world.api_key not in str(caught.value)
