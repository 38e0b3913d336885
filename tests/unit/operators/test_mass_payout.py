"""The operator, run against a real simulator and real warehouses; only Airflow's context is written by hand here."""

import json
import sqlite3
import threading
from contextlib import closing
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException
from support import connect, see_iyzicos_clock

from airflow_provider_iyzico.errors import (
    ClockError,
    IyzicoAccountsError,
    IyzicoConfigurationError,
    IyzicoUnavailableError,
    Retry,
    WarehouseConfigurationError,
    WarehouseUnavailableError,
)
from airflow_provider_iyzico.operators.mass_payout import MassPayoutBalanceOperator

pytestmark = pytest.mark.usefixtures("airflow_database")


def context(run_id="manual__1", try_number=1, **more):
    moment = datetime(2026, 11, 22, tzinfo=UTC)
    ti = SimpleNamespace(dag_id="payouts", task_id="snapshot", run_id=run_id, map_index=-1, try_number=try_number)
    run = SimpleNamespace(logical_date=None, data_interval_start=moment, data_interval_end=None)
    return {"ti": ti, "dag_run": run, **more}


def execute(run=None, **parameters):
    return MassPayoutBalanceOperator(task_id="snapshot", **parameters).execute(run or context())


def rows(path, columns="*", table="iyzico_balance_snapshot"):
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(f"SELECT {columns} FROM {table}").fetchall()


@pytest.mark.parametrize("form", ["number", "string", "scale8", "scale8_string"])
def test_every_wire_form_of_money_is_kept_exactly_with_its_raw_digits(iyzico, sqlite_warehouse, form):
    iyzico.set(balance="12345678901.23", form=form)
    stored = execute()
    assert stored["balance"] == "12345678901.23"
    assert stored["balance_raw"] == {"number": "12345678901.23", "string": "12345678901.23"}.get(form, "12345678901.23000000")
    assert rows(sqlite_warehouse, "balance_raw, environment, account, currency") == [
        (stored["balance_raw"], "sandbox", "simulator", "TRY")
    ]


def test_zero_in_exponent_form_is_zero(iyzico, sqlite_warehouse):
    iyzico.set(balance="0", form="scale8")
    stored = execute()
    assert (stored["balance"], stored["balance_raw"]) == ("0.00", "0E-8")


def test_the_result_is_what_the_table_holds_and_survives_json(iyzico, sqlite_warehouse):
    stored = execute()
    assert json.loads(json.dumps(stored)) == stored
    (kept,) = rows(sqlite_warehouse, "snapshot_id, observed_at, local_date, dag_id, task_id, run_id, map_index, try_number")
    assert kept[0] == stored["snapshot_id"]
    assert stored["observed_at"] == f"{kept[1].replace(' ', 'T')}+00:00"
    assert kept[2:] == (stored["local_date"], "payouts", "snapshot", "manual__1", -1, 1)
    assert stored["logical_date"] is None
    assert stored["data_interval_start"] == "2026-11-22T00:00:00+00:00"


def test_a_retry_returns_the_first_row_and_adds_none(iyzico, sqlite_warehouse):
    first = execute()
    iyzico.balance = "999.00"
    assert execute(context(try_number=2)) == first
    assert len(rows(sqlite_warehouse)) == 1


def test_observed_at_is_now_whatever_the_run_is_for(iyzico, sqlite_warehouse):
    before = datetime.now(UTC)
    stored = execute()
    assert before <= datetime.fromisoformat(stored["observed_at"]) <= datetime.now(UTC)


def test_postgresql_through_its_airflow_connection(iyzico, postgres_url, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_IYZICO_WAREHOUSE", postgres_url)
    iyzico.balance = "12345678901234567.89"
    operator = MassPayoutBalanceOperator(task_id="snapshot", table="from_operator", schema="public")
    stored = operator.execute(context())
    assert stored["balance"] == "12345678901234567.89"
    (dataset,) = operator.get_openlineage_facets_on_complete(None).outputs
    assert dataset.namespace.startswith("postgres://127.0.0.1:")
    assert dataset.name == "postgres.public.from_operator"


def test_openlineage_names_no_dataset_when_nothing_was_kept():
    assert MassPayoutBalanceOperator(task_id="snapshot").get_openlineage_facets_on_complete(None).outputs == []


class Events(dict):
    """As Airflow gives them, by asset, which Airflow 3.0 cannot hash."""

    def __getitem__(self, asset):
        return super().__getitem__(asset.uri)


@pytest.mark.parametrize(
    ("uri", "is_told"),
    [
        ("iyzico_balance_snapshot", True),
        ("postgres://h:5432/d/public/iyzico_balance_snapshot", True),
        ("x-dw://d.public.iyzico_balance_snapshot", True),
        ("iyzico_balance_snapshots", False),
    ],
)
def test_the_tables_asset_carries_the_balance(iyzico, sqlite_warehouse, uri, is_told):
    from airflow.providers.common.compat.sdk import Asset

    asset = Asset(uri)
    extra = {}
    execute(context(outlet_events=Events({uri: SimpleNamespace(extra=extra)})), outlets=[asset])
    assert bool(extra) == is_told
    if is_told:
        assert (extra["balance"], extra["currency"], extra["account"]) == ("100.00", "TRY", "simulator")
        assert json.dumps(extra)


def fails(match, run=None, **parameters):
    with pytest.raises(AirflowFailException, match=match) as caught:
        execute(run, **parameters)
    return caught.value


@pytest.mark.parametrize(
    ("parameters", "match"),
    [
        ({"currency": "TL"}, "IyzicoConfigurationError: currency is 'TL'"),
        ({"table": 'x"; DROP TABLE y'}, "WarehouseConfigurationError: table is"),
        ({"schema": "a.b"}, "WarehouseConfigurationError: schema is"),
        ({"schema": ["a"]}, "WarehouseConfigurationError: schema is"),
        ({"warehouse_conn_id": "no_such_warehouse"}, "there is no Connection 'no_such_warehouse'"),
        ({"iyzico_conn_id": "no_such_account"}, "there is no Connection 'no_such_account'"),
    ],
)
def test_bad_parameters_are_named_and_write_nothing(iyzico, sqlite_warehouse, parameters, match):
    """A mapped task gets some of them only when it runs."""
    operator = MassPayoutBalanceOperator(task_id="snapshot")
    for name, value in parameters.items():
        setattr(operator, name, value)
    with pytest.raises(AirflowFailException, match=match):
        operator.execute(context())
    assert iyzico.seen == []
    assert not sqlite_warehouse.exists() or rows(sqlite_warehouse, "count(*)", "sqlite_master") == [(0,)]


@pytest.mark.parametrize(
    ("connection", "match"),
    [
        ('{"conn_type": "http", "host": "x"}', "not SQL"),
        ('{"conn_type": "nonsense", "host": "x"}', "Unknown hook type"),
        ('{"conn_type": "iyzico", "login": "a", "password": "b"}', "'iyzico', which is not SQL"),
    ],
)
def test_a_warehouse_that_is_not_sql_is_named_before_iyzico_is_asked(iyzico, monkeypatch, connection, match):
    monkeypatch.setenv("AIRFLOW_CONN_IYZICO_WAREHOUSE", connection)
    fails(match)
    assert iyzico.seen == []


@pytest.mark.parametrize("host", ["", ":memory:"])
def test_sqlite_in_memory_is_refused_because_it_keeps_nothing(iyzico, monkeypatch, host):
    monkeypatch.setenv("AIRFLOW_CONN_IYZICO_WAREHOUSE", json.dumps({"conn_type": "sqlite", "host": host}))
    fails("'iyzico_warehouse': SQLite in memory keeps nothing")
    assert iyzico.seen == []


def test_a_missing_table_is_not_made_against_the_owners_will(iyzico, sqlite_warehouse):
    error = fails("WarehouseTableError", create_table=False)
    assert "CREATE TABLE iyzico_balance_snapshot" in str(error)


@pytest.mark.parametrize("fault", ["401", "404", "html", "redirect", "truncated", "huge"])
def test_what_a_retry_cannot_heal_fails_at_once_and_keeps_nothing(iyzico, sqlite_warehouse, fault):
    iyzico.fail(fault)
    fails("Iyzico")
    assert len(iyzico.seen) == 1
    assert not sqlite_warehouse.exists() or rows(sqlite_warehouse, "count(*)", "sqlite_master") == [(0,)]


@pytest.mark.parametrize("fault", ["timeout", "reset", "500", "429", "drip"])
def test_what_may_pass_is_left_to_airflows_retries_and_keeps_nothing(iyzico, sqlite_warehouse, fault):
    iyzico.fail(fault)
    with pytest.raises(IyzicoUnavailableError):
        execute()
    assert not sqlite_warehouse.exists() or rows(sqlite_warehouse, "count(*)", "sqlite_master") == [(0,)]


@pytest.mark.parametrize("balance", ["null", '"1.234,56"', "NaN", '"NaN"', "1e400", "0.123456789", "[]", '""'])
def test_an_answer_that_is_not_money_is_not_kept(iyzico, sqlite_warehouse, balance):
    iyzico.set(balance=balance, form="verbatim")
    fails("IyzicoAnswerError")
    assert not sqlite_warehouse.exists() or rows(sqlite_warehouse, "count(*)", "sqlite_master") == [(0,)]


def test_a_digit_that_sqlite_would_change_is_refused(iyzico, sqlite_warehouse):
    execute(context("before"))
    iyzico.balance = "90071992547409.93"
    fails("WarehouseExactnessError")
    assert len(rows(sqlite_warehouse)) == 1


def test_a_warehouse_that_is_down_may_be_retried(iyzico, monkeypatch):
    from stack import free_port

    monkeypatch.setenv("AIRFLOW_CONN_IYZICO_WAREHOUSE", f"postgresql://u:hunter2secret@127.0.0.1:{free_port()}/d")
    with pytest.raises(WarehouseUnavailableError) as caught:
        execute()
    assert "hunter2secret" not in str(caught.value)
    assert str(caught.value).startswith("Connection 'iyzico_warehouse': ")


def test_a_warehouse_that_hangs_is_not_waited_for_by_each_account_of_a_list(iyzico, monkeypatch):
    from airflow_provider_iyzico.operators import mass_payout

    def hang(*_):
        tried.append(1)
        raise WarehouseUnavailableError("no answer")

    tried = []
    monkeypatch.setattr(mass_payout, "HANGING_SECONDS", 0)
    monkeypatch.setattr(MassPayoutBalanceOperator, "_keep", hang)
    for name in ("a", "b", "c"):
        connection = json.loads(iyzico.connection)
        connection["extra"]["account"] = name
        monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", json.dumps(connection))
    with pytest.raises(IyzicoAccountsError, match="3 of 3 accounts .* c: WarehouseUnavailableError: not tried") as caught:
        execute(iyzico_conn_id=["a", "b", "c"])
    assert caught.value.retry is Retry.SAFE
    assert len(tried) == 1


def test_a_worker_that_can_start_no_thread_keeps_the_other_accounts(iyzico, sqlite_warehouse, monkeypatch):
    start = threading.Thread.start

    def no_second(thread):
        if thread.name == "iyzico_1":
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", no_second)
    iyzico.set(latency_seconds=0.5)  # so that the first thread is busy when the second account wants one
    for name in ("a", "b"):
        connection = json.loads(iyzico.connection)
        connection["extra"]["account"] = name
        monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", json.dumps(connection))
    with pytest.raises(IyzicoAccountsError, match="1 of 2 accounts could not be kept, the other was: b: IyzicoUnexpectedError"):
        execute(iyzico_conn_id=["a", "b"])
    assert rows(sqlite_warehouse, "account") == [("a",)]


@pytest.mark.parametrize("minutes", [-30 * 24 * 60, -11, 11, 40 * 24 * 60])
def test_a_worker_whose_clock_is_wrong_keeps_nothing_and_is_told_to_set_it(iyzico, sqlite_warehouse, monkeypatch, minutes):
    see_iyzicos_clock(monkeypatch, minutes)
    error = fails("ClockError: .*set this machine's clock")
    assert isinstance(error.__cause__, ClockError)
    assert not sqlite_warehouse.exists() or rows(sqlite_warehouse, "count(*)", "sqlite_master") == [(0,)]


def test_a_clock_that_is_a_little_wrong_is_warned_of(iyzico, sqlite_warehouse, monkeypatch, caplog, capsys):
    see_iyzicos_clock(monkeypatch, 3)
    execute()
    said = capsys.readouterr()  # Airflow logs there, or where pytest listens, as its version has it
    assert "3 minutes apart" in said.out + said.err + caplog.text
    assert len(rows(sqlite_warehouse)) == 1


def test_a_balance_is_kept_in_no_other_currency_than_its_connection_names(iyzico, sqlite_warehouse, monkeypatch):
    """Otherwise 100 dollars would be 100 lira to finance."""
    connect(monkeypatch, iyzico, currency="USD")
    with pytest.raises(AirflowFailException, match="balance of the Connection is in USD, but the task's currency is TRY.*'USD'"):
        execute()
    assert execute(currency="USD")["currency"] == "USD"
    assert rows(sqlite_warehouse, "currency") == [("USD",)]


@pytest.mark.parametrize(
    "parameters",
    [
        {"table": 'not "valid"'},
        {"table": "finance.balances"},
        {"schema": "a b"},
        {"schema": ""},
        {"currency": "TL"},
        {"currency": None},
        {"iyzico_conn_id": ""},
        {"iyzico_conn_id": None},
        {"iyzico_conn_id": "{{ params.account }}"},
        {"iyzico_conn_id": ["payroll", " sellers"]},
        {"warehouse_conn_id": ""},
        {"warehouse_conn_id": None},
        {"warehouse_conn_id": "{{ var.value.warehouse }}"},
    ],
    ids=str,
)
def test_a_parameter_that_cannot_be_right_is_refused_when_the_dag_file_is_parsed(parameters):
    with pytest.raises((IyzicoConfigurationError, WarehouseConfigurationError)):
        MassPayoutBalanceOperator(task_id="t", **parameters)
