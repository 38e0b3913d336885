"""What README and guides print is run, compared with its source, or checked."""

import configparser
import importlib
import inspect
import itertools
import json
import logging
import os
import re
import shlex
import sqlite3
import subprocess
import sys
import tomllib
import urllib.request
from contextlib import closing
from dataclasses import astuple
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace

import dbt_package
import doc_blocks
import pytest
import yaml
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException, BaseHook
from mariadb import mariadb_database
from matrix import ENVIRONMENTS
from packaging.requirements import Requirement
from payers import BATCH
from payout_tasks import AT_ONCE, authorize, init
from postgres import postgres_schema
from sandbox import ROOT, airflow_environment, for_this_airflow
from snapshots import put
from sqlalchemy import create_engine, text
from support import POSTGRESQL, connect

from airflow_provider_iyzico import errors
from airflow_provider_iyzico.domain.payout import TRANSITIONS
from airflow_provider_iyzico.get_provider_info import get_provider_info
from airflow_provider_iyzico.hooks.iyzico import IyzicoHook
from airflow_provider_iyzico.hooks.settings import EXTRA_FIELDS
from airflow_provider_iyzico.ledger.accounts import Account
from airflow_provider_iyzico.ledger.layout import ledger_layout
from airflow_provider_iyzico.ledger.ledger import Ledger
from airflow_provider_iyzico.ledger.placing import Asked, Placing, Wanted, place
from airflow_provider_iyzico.ledger.views import ROLLFORWARD_VIEWS
from airflow_provider_iyzico.ledger.views import VIEWS as LEDGER_VIEWS
from airflow_provider_iyzico.ledger.who import Who
from airflow_provider_iyzico.operators.mass_payout import (
    MassPayoutAuthorizeOperator,
    MassPayoutBalanceOperator,
    MassPayoutCancelOperator,
    MassPayoutExceptionOperator,
    MassPayoutHoldReleaseOperator,
    MassPayoutInitOperator,
    MassPayoutReconcileOperator,
)
from airflow_provider_iyzico.sensors.mass_payout import MassPayoutBalanceSensor
from airflow_provider_iyzico.simulator import FAULTS, FORMS, Simulator
from airflow_provider_iyzico.triggers.mass_payout import MassPayoutBalanceTrigger
from airflow_provider_iyzico.warehouse import bounds
from airflow_provider_iyzico.warehouse.append import append
from airflow_provider_iyzico.warehouse.database.layout import ddl
from airflow_provider_iyzico.warehouse.gate import Gate, Progress, record
from airflow_provider_iyzico.warehouse.layouts import create_statements, layout_of
from airflow_provider_iyzico.warehouse.snapshot import Observation, snapshot_row
from airflow_provider_iyzico.warehouse.tables import snapshot_table
from airflow_provider_iyzico.warehouse.task import TaskInstance
from airflow_provider_iyzico.warehouse.views import VIEWS

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
TEXTS = {page.name: page.read_text(encoding="utf-8") for page in doc_blocks.PAGES}
EVERYTHING = "\n".join(TEXTS.values())
BLOCKS = doc_blocks.all_blocks()
#: Which block is run by a test of its own, by the name in the comment above it.
RUN = {block.run: block for block in BLOCKS if block.run}
QUERIES = [block.code for block in BLOCKS if block.language == "sql" and not block.run]
#: Programs that are neither ours nor Airflow's: they hand a file with the Connection to a secrets backend.
OF_OTHERS = ("aws", "gcloud", "kubectl", "vault")
_tested = set()


def code_of(name):
    _tested.add(name)
    return RUN[name].code


def lines_of(block):
    """The commands of a block, without comments; a backslash goes on in the next line."""
    lines = block.code.replace("\\\n", "").splitlines()
    return [line for line in lines if line.strip() and not line.startswith("#")]


def filled_in(connection):
    return connection.replace("sandbox-…", "sandbox-key")


def mine(statement):
    return statement.replace("'production'", "'sandbox'").replace("'payroll'", "'simulator'")


@pytest.fixture(scope="module")
def new_airflow(tmp_path_factory):
    """An Airflow that nobody used before, with a simulated iyzico and a warehouse in SQLite: runs a command, returns what it said."""
    folder = tmp_path_factory.mktemp("airflow")
    dags = folder / "dags"
    dags.mkdir()
    with Simulator("200000.00") as iyzico, closing(sqlite3.connect(folder / "hr.db")) as hr, hr:
        hr.execute("CREATE TABLE payroll (amount NUMERIC, commission NUMERIC)")
        hr.execute("INSERT INTO payroll VALUES (4000.25, 30), (499.85, 0)")
        hr.commit()
        environment = airflow_environment(folder / "home", iyzico=iyzico.connection, warehouse=folder / "warehouse.db", dags=dags)
        environment["AIRFLOW_CONN_HR"] = json.dumps({"conn_type": "sqlite", "host": str(folder / "hr.db")})

        def run(command, **variables):
            done = subprocess.run(
                shlex.split(command), env={**environment, **variables}, capture_output=True, text=True, timeout=500, check=False
            )
            assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
            return done.stdout + done.stderr

        run.folder, run.iyzico = folder, iyzico
        for name, dag in (("ten lines", "salaries"), ("total from SQL", "salaries_from_sql")):
            (dags / f"{dag}.py").write_text(for_this_airflow(code_of(name)))
        run("airflow db migrate")
        yield run


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.quoted], ids=str)
def test_a_quoted_dag_is_the_one_that_runs(block):
    path, name = block.quoted
    source = (ROOT / path).read_text(encoding="utf-8")
    assert block.code.strip() == re.search(rf"\[START {name}\]\n(.*?)# \[END", source, re.DOTALL)[1].strip()


def test_the_ten_lines_run_as_printed_in_a_new_airflow(new_airflow):
    migrate, test, look = code_of("ten lines, commands").splitlines()
    assert migrate == "airflow db migrate"  # as the fixture did
    new_airflow.iyzico.balance = "200000.00"
    new_airflow(test)
    assert "sandbox" in new_airflow(look.replace("/tmp/warehouse.db", str(new_airflow.folder / "warehouse.db")))
    with closing(sqlite3.connect(new_airflow.folder / "warehouse.db")) as connection:
        assert connection.execute("SELECT balance FROM iyzico_balance_snapshot").fetchall() == [(200000,)]


def test_the_total_from_sql_opens_the_gate_at_its_last_digit(new_airflow):
    new_airflow.iyzico.balance, before = "4530.10", len(new_airflow.iyzico.seen)
    assert "required 4530.10 TRY" in new_airflow("airflow dags test salaries_from_sql")
    assert len(new_airflow.iyzico.seen) == before + 1


def test_the_command_that_adds_the_connection_adds_one_that_can_be_used(new_airflow, monkeypatch):
    new_airflow(filled_in(code_of("connections add")).replace("\\\n", ""))
    exported = new_airflow.folder / "connections.json"
    new_airflow(f"airflow connections export {exported}")
    monkeypatch.setenv("AIRFLOW_CONN_IYZICO_DEFAULT", json.dumps(json.loads(exported.read_text())["iyzico_default"]))
    assert IyzicoHook().settings.account == "payroll"


def test_the_alert_fires_below_the_threshold_and_not_above_it(dags, iyzico, sqlite_warehouse):
    names = {}
    exec(for_this_airflow(mine(code_of("alert when low"))), names)
    check = names["dag"].get_task("enough_money")
    stated = mine(next(query for query in QUERIES if query.startswith("INSERT"))).replace("500000", "80")
    assert str(dags["iyzico_balance_snapshot"].test().state) == "success"
    with closing(sqlite3.connect(sqlite_warehouse)) as connection:
        query = check.sql.replace("'sandbox'", "'production'")
        assert connection.execute(query).fetchall() == [(0,)]  # nothing was ever seen there, so nobody knows that all is well
    for balance, fires in (("100.00", False), ("79.99", True)):
        iyzico.balance = balance
        assert str(dags["iyzico_balance_snapshot"].test().state) == "success"
        with closing(sqlite3.connect(sqlite_warehouse)) as connection, connection:
            connection.execute(stated.replace("INSERT", "INSERT OR IGNORE").replace("2026-11-01", "2020-01-01"))
        if fires:
            with pytest.raises(AirflowException):
                check.execute({})
        else:
            check.execute({})


def set_aside(ledger, amount, external_id, account="payroll"):
    asked = Asked(Decimal(8000), datetime.now(UTC), 0)
    account, wanted = Account("sandbox", account, "TRY"), Wanted(external_id, batch_total=Decimal(amount))
    assert place(ledger, account, wanted, asked, Who(person="test")).outcome is Placing.PLACED


def test_the_alert_on_what_is_available_fires_because_of_a_hold(dags, iyzico, sqlite_warehouse):
    names = {}
    exec(for_this_airflow(mine(code_of("alert when little is available"))), names)
    check = names["dag"].get_task("enough_available")
    iyzico.balance = "100.00"
    assert str(dags["iyzico_balance_snapshot"].test().state) == "success"
    engine = create_engine(f"sqlite:///{sqlite_warehouse}")
    set_aside(Ledger.open(engine), "20.00", "a", "simulator")
    stated = mine(next(query for query in QUERIES if query.startswith("INSERT"))).replace("500000", "80")
    with engine.begin() as connection:
        connection.execute(text(stated.replace("2026-11-01 00:00:00+00:00", "2020-01-01 00:00:00.000000")))
    check.execute({})
    set_aside(Ledger.open(engine), "0.01", "b", "simulator")
    engine.dispose()
    with pytest.raises(AirflowException):
        check.execute({})


def test_the_alert_on_exceptions_and_the_message_about_a_batch_say_what_happened(
    iyzico, sqlite_warehouse, airflow_database, monkeypatch
):
    alert, message = {}, {}
    exec(for_this_airflow(code_of("alert when something needs a person")), alert)
    exec(for_this_airflow(mine(code_of("message about a batch"))), message)
    check, tell = alert["dag"].get_task("exceptions"), message["dag"].get_task("tell").python_callable
    connect(monkeypatch, iyzico, can_pay=True, currency="TRY")
    iyzico.set(balance="1000.00", commission="2.50", durations=AT_ONCE)
    init()
    assert check.execute({}) == {"exceptions": 0}
    assert tell().startswith("salaries-2026-11: not finished yet\nAccount: simulator\n")
    iyzico.set(fates={"item-1": "return_fails"})
    with pytest.raises(AirflowFailException):
        authorize()
    with pytest.raises(
        AirflowFailException, match=r"1 need a person: 1 deposit_failed\n- deposit_failed: 'salaries-2026-11' item 'item-1'"
    ):
        check.execute({})
    assert tell().startswith("salaries-2026-11: needs a person\n")


def test_the_line_of_a_gate_that_others_keep_shut_is_the_one_that_is_printed(iyzico, sqlite_warehouse, monkeypatch, caplog):
    monkeypatch.setattr(MassPayoutBalanceSensor, "log", logging.getLogger("gate"))
    connect(monkeypatch, iyzico, account="payroll")
    iyzico.balance = "8000.00"
    engine = create_engine(f"sqlite:///{sqlite_warehouse}")
    set_aside(Ledger.open(engine), "4530", "salaries-2026-11")
    engine.dispose()
    gate = MassPayoutBalanceSensor(task_id="gate", batch_total="4000.00", external_id="suppliers-2026-11")
    caplog.set_level(logging.INFO, "gate")
    run = SimpleNamespace(logical_date=None, data_interval_start=None, data_interval_end=None)
    gate.poke({"ti": SimpleNamespace(dag_id="d", task_id="gate", run_id="r", map_index=-1, try_number=1), "dag_run": run})
    assert code_of("hold line").strip() in caplog.text


def test_the_printed_commands_end_a_hold_that_nobody_ends(sqlite_warehouse):
    engine = create_engine(f"sqlite:///{sqlite_warehouse}")
    set_aside(Ledger.open(engine), "4530", "salaries-2026-11")
    name, *commands = code_of("stuck hold").splitlines()
    assert name.startswith("export IYZICO_WAREHOUSE_URL=")
    environment = {**os.environ, "IYZICO_WAREHOUSE_URL": f"sqlite:///{sqlite_warehouse}"}
    for command in commands:
        arguments = [sys.executable, *shlex.split(command)[1:]]
        done = subprocess.run(arguments, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    with engine.connect() as connection:
        assert connection.execute(text("SELECT kind FROM iyzico_balance_hold_end")).scalars().all() == ["released"]
    engine.dispose()


def test_the_picture_of_the_states_shows_every_step_and_no_other():
    drawn = {}
    for part in re.split(r"[;\n]|  ", code_of("states")):
        path = [re.findall(r"[a-z_]+", step) for step in part.split("->")] if "->" in part else []
        for before, after in itertools.pairwise(path):
            for each in before:
                drawn.setdefault(each, set()).update(after)
    assert drawn == {str(state): set(map(str, after)) for state, after in TRANSITIONS.items() if after}


def test_the_commands_that_settle_a_batch_by_hand_settle_it(iyzico, sqlite_warehouse, airflow_database, monkeypatch):
    connect(monkeypatch, iyzico, can_pay=True, currency="TRY")
    iyzico.set(balance="1000.00", clock="stepped", commission="2.50", durations={"RESERVED": 600})
    init()
    iyzico.fail("reset", on="auth", times=1)
    with pytest.raises(AirflowFailException, match="ledger permit salaries-2026-11"):
        authorize()
    name, show, permit, resolve = code_of("settle by hand").splitlines()
    assert name.startswith("export IYZICO_WAREHOUSE_URL=")
    environment = {**os.environ, "IYZICO_WAREHOUSE_URL": f"sqlite:///{sqlite_warehouse}"}

    def run(command):
        arguments = [sys.executable, *shlex.split(command)[1:]]
        done = subprocess.run(arguments, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "auth_unknown" in run(show)
    run(permit)
    with pytest.raises(AirflowFailException, match="did not end within"):
        authorize(timeout=0.2)
    iyzico.panel.withdraw("900.00")
    iyzico.advance(601)
    with pytest.raises(AirflowFailException, match="has stopped"):
        authorize()
    run(resolve)
    assert "ended" in run(show)
    assert [seen.call for seen in iyzico.seen].count("auth") == 2


def test_the_simulator_example_passes(airflow_database, monkeypatch):
    names = {}
    exec(code_of("simulator"), names)
    names["test_the_gate_survives_a_bad_minute"](monkeypatch)


def test_the_example_of_a_payout_passes(airflow_database, monkeypatch):
    names = {}
    exec(code_of("simulator, a payout"), names)
    names["test_a_lost_answer_is_read_back"](monkeypatch)


@pytest.fixture
def simulator():
    """Start the simulator with a printed command, on a port that is free, and return its address."""
    processes = []

    def start(command):
        arguments = [sys.executable, *shlex.split(command)[1:], "--port", "0"]
        processes.append(subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True))
        return re.search(r"http://127\.0\.0\.1:\d+", processes[-1].stdout.readline())[0]

    yield start
    for process in processes:
        with process:
            process.terminate()


def test_the_simulator_takes_the_orders_that_are_printed(simulator):
    printed = code_of("simulator, commands")
    start, *orders = printed.splitlines()
    url, open_directly = simulator(start), urllib.request.build_opener(urllib.request.ProxyHandler({})).open
    answers = []
    for order in orders:
        curl, *arguments = shlex.split(order, comments=True)
        assert curl == "curl"
        options = dict(zip(arguments[:-1:2], arguments[1:-1:2], strict=True))
        address = arguments[-1].replace("http://127.0.0.1:8989", url)
        data = options.get("-d")
        method = options.get("-X") or ("POST" if data else "GET")
        with open_directly(urllib.request.Request(address, data and data.encode(), method=method), timeout=60) as answer:
            answers.append(json.load(answer))
    assert [answer["balance"] for answer in answers[:4]] == ["5000.00"] * 4
    assert answers[1]["fault"]["kind"] == "429"
    assert answers[2]["fault"] is None
    assert answers[4:6] == [[], []]
    assert answers[6]["settings"] == {"auth_twice": "ignore"}
    assert [answer["balance"] for answer in answers[6:9]] == ["5000.00", "5000.00", "5250.00"]
    assert answers[9] == []
    assert [effect["what"] for effect in answers[10]] == ["top_up"] * 3


def test_the_log_line_of_a_gate_is_the_one_that_is_printed(iyzico, monkeypatch, caplog):
    monkeypatch.setattr(MassPayoutBalanceSensor, "log", logging.getLogger("gate"))
    connect(monkeypatch, iyzico, account="payroll")
    iyzico.balance = "3200.00"
    gate = MassPayoutBalanceSensor(task_id="gate", batch_total="4530.00", headroom="500.00")
    caplog.set_level(logging.INFO, "gate")
    gate.poke({})
    assert code_of("log line").strip() in caplog.text


def test_every_query_for_finance_answers_on_every_database(
    dags, iyzico, postgres_url, mariadb_url, sqlite_warehouse, monkeypatch
):
    sqlite = create_engine(f"sqlite:///{sqlite_warehouse}")
    postgres = create_engine(postgres_url.replace("postgresql", POSTGRESQL))
    with postgres.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    for url in (None, postgres_url):
        if url:
            monkeypatch.setenv("AIRFLOW_CONN_IYZICO_WAREHOUSE", url)
        for balance in ("100.00", "100.00", "80.50"):
            iyzico.balance = balance
            assert str(dags["iyzico_balance_snapshot"].test().state) == "success"
    (stated,) = [mine(query) for query in QUERIES if query.startswith("INSERT")]
    of_views = [mine(query) for query in QUERIES if re.search(r"FROM iyzico_(?!balance_snapshot)", query)]
    latest, daily, moved = [mine(query) for query in QUERIES if "FROM iyzico_balance_snapshot" in query]
    assert len(of_views) + 4 == len(QUERIES)
    with mariadb_database(mariadb_url) as mariadb:
        for number, balance in enumerate(("100.00", "100.00", "80.50")):
            seen = Observation(
                "simulator", "sandbox", "TRY", Decimal(balance), balance, datetime.now(UTC), None, 5, "Europe/Istanbul"
            )
            run = TaskInstance("d", "t", str(number), -1, 1, None, None, None)
            append(mariadb, snapshot_table(), snapshot_row(seen, run), create_table=True)
        check_queries([sqlite, postgres, mariadb], stated, of_views, latest, daily, moved)
    sqlite.dispose()


def check_queries(engines, stated, of_views, latest, daily, moved):
    for engine in engines:
        with engine.begin() as connection:
            connection.execute(text(stated.replace("+00:00", "") if engine.dialect.name == "mysql" else stated))
            assert connection.execute(text("SELECT threshold, cadence_minutes FROM iyzico_balance_latest")).all() == [
                (500000, 15)
            ]
        assert sorted(re.findall(r"FROM (\w+)", " ".join(of_views))) == sorted(VIEWS)
        with engine.connect() as connection:
            assert [(row.account, float(row.balance)) for row in connection.execute(text(latest))] == [("simulator", 80.5)]
            assert [float(row.last_seen) for row in connection.execute(text(daily))][-1] == 80.5
            assert [float(row.difference) for row in connection.execute(text(moved))] == [-19.5]
            answers = {re.search(r"FROM (\w+)", query)[1]: connection.execute(text(query)).all() for query in of_views}
            assert [float(row.balance) for row in answers["iyzico_balance_latest"]] == [80.5]
            days = answers["iyzico_balance_daily"]
            assert (float(days[0].closing), sum(row.observations for row in days)) == (80.5, 3)
            assert [float(row.change) for row in answers["iyzico_balance_movement"]] == [-19.5]
            assert len(answers["iyzico_balance_interval"]) == 3
        engine.dispose()


def test_every_query_about_payouts_answers_on_every_database_of_a_ledger(
    iyzico, sqlite_warehouse, postgres_url, mariadb_url, airflow_database, monkeypatch
):
    connect(monkeypatch, iyzico, can_pay=True, currency="TRY")
    iyzico.set(balance="10000.00", commission="2.50", durations=AT_ONCE)
    init()
    authorize()
    sqlite = create_engine(f"sqlite:///{sqlite_warehouse}")
    set_aside(Ledger.open(sqlite), "4530", "suppliers-2026-11")
    queries = [code_of("payout summary"), code_of("payout items"), code_of("payout exceptions"), code_of("payout days")]
    queries += [code_of("payout authorizations"), code_of("available balance"), code_of("payout movements")]
    assert sorted(re.search(r"FROM (\w+)", query)[1] for query in queries) == sorted(LEDGER_VIEWS)
    with sqlite.connect() as connection:
        summary, items, exceptions, days, authorizations, available, movements = (
            connection.execute(text(mine(query))).all() for query in queries
        )
    assert [(row.external_id, row.state, row.needs_person) for row in summary] == [(BATCH, "ended", 0)]
    assert summary[0].paid_total == summary[0].requested_total == days[0].paid_total > 0
    assert (items, exceptions, len(days)) == ([], [], 1)
    assert [row.dag_id for row in authorizations] == ["salaries"]
    assert {row.direction for row in movements} == {"left"}
    assert sum(row.amount for row in movements) == summary[0].paid_total
    not_arrived = mine(code_of("not arrived")).replace("2026-11-30", "2999-11-30")
    with sqlite.connect() as connection:
        assert connection.execute(text(not_arrived)).scalar() == 0  # all of it arrived
        assert connection.execute(text(not_arrived.replace("bounced_total - paid_total", "0"))).scalar() == summary[0].paid_total
    put(sqlite, "simulator", datetime.now(UTC), balance="4000")
    Ledger.open(sqlite).act(lambda connection: None)
    with sqlite.connect() as connection:
        months = connection.execute(text(code_of("rollforward months").replace("'payroll'", "'simulator'"))).all()
        assert [float(row.closing) for row in months] == [4000]
        days = code_of("rollforward days").replace("'payroll'", "'simulator'").replace("<> 0", "= 0")
        assert len(connection.execute(text(days)).all()) == 1
        assert connection.execute(text(code_of("payout bookings"))).all() == []
    sqlite.dispose()
    assert {row.account: row.held for row in available} == {"payroll": 4530, "simulator": 0}
    with postgres_schema(postgres_url, POSTGRESQL) as postgres, mariadb_database(mariadb_url) as mariadb:
        for engine in (postgres, mariadb):
            set_aside(Ledger.open(engine), "4530", "suppliers-2026-11")
            with engine.connect() as connection:
                assert [len(connection.execute(text(mine(query))).all()) for query in queries] == [0, 0, 0, 0, 0, 1, 0]


def connection_as(url, role):
    """A Connection to the schema of finance, with the rights of a role."""
    extra = {"options": f"-c role={role} -c search_path=finance"}
    fields = {"host": url.host, "port": url.port, "login": url.username, "password": url.password, "schema": url.database}
    return json.dumps({"conn_type": "postgres", **fields, "extra": extra})


def test_the_printed_statements_give_an_older_table_the_index_of_a_new_one(postgres_url):
    of_snapshots = text(
        "SELECT indexdef FROM pg_indexes WHERE indexname = 'ix_iyzico_balance_snapshot_observed' AND schemaname = current_schema()"
    )
    with postgres_schema(postgres_url, POSTGRESQL) as engine:
        put(engine, "simulator", datetime.now(UTC))
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            new = connection.execute(of_snapshots).scalar_one()
            assert new.endswith("(environment, account, currency, observed_at) INCLUDE (balance)")
            connection.exec_driver_sql("DROP INDEX ix_iyzico_balance_snapshot_observed")
            connection.exec_driver_sql(new.replace(" INCLUDE (balance)", ""))
            for statement in code_of("index with the balance").split(";"):
                if statement.strip():
                    connection.exec_driver_sql(statement)
            assert connection.execute(of_snapshots).scalar_one() == new


def test_the_printed_ddl_and_rights_are_enough_for_each_role(dags, iyzico, postgres_url, monkeypatch):
    admin = create_engine(postgres_url.replace("postgresql", POSTGRESQL))
    command = [sys.executable, *shlex.split(code_of("ddl"))[1:]]
    ddl = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rights = code_of("roles and rights")
    roles = sorted(set(re.findall(r"TO ((?:iyzico_\w+(?:, )?)+)", rights)[0].split(", ")))
    assert len(roles) == 4
    with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("CREATE SCHEMA finance"))
        connection.exec_driver_sql(ddl)
        for role in roles:
            connection.execute(text(f"CREATE ROLE {role}"))
        connection.exec_driver_sql(rights)
    try:
        monkeypatch.setenv("AIRFLOW_CONN_IYZICO_WAREHOUSE", connection_as(admin.url, "iyzico_snapshots"))
        assert str(dags["iyzico_balance_snapshot"].test().state) == "success"
        gate = dags["iyzico_payout_gate"].get_task("wait_for_money")
        gate.deferrable, gate.headroom, iyzico.balance = False, "0", "5000.00"
        monkeypatch.setenv("AIRFLOW_CONN_IYZICO_WAREHOUSE", connection_as(admin.url, "iyzico_gates"))
        assert str(dags["iyzico_payout_gate"].test().state) == "success"
        with admin.begin() as connection:
            connection.execute(text("SET LOCAL search_path = finance"))
            connection.execute(text("SET LOCAL ROLE iyzico_page"))
            for view in ("latest", "observed", "daily", "runway"):
                connection.execute(text(f"SELECT * FROM iyzico_balance_{view}"))
            assert connection.execute(text("SELECT outcome FROM iyzico_payout_coverage")).all() == [("opened",)]
            connection.execute(text("SET LOCAL ROLE iyzico_finance"))
            connection.execute(text(mine(next(query for query in QUERIES if query.startswith("INSERT")))))
            assert len(connection.execute(text("SELECT * FROM iyzico_balance_snapshot")).all()) == 1
    finally:
        with admin.begin() as connection:
            connection.execute(text("DROP SCHEMA finance CASCADE"))
            for role in roles:
                connection.execute(text(f"DROP ROLE {role}"))
        admin.dispose()


def test_the_printed_rights_on_mysql_are_enough_for_each_user(mariadb_url):
    with mariadb_database(mariadb_url) as admin:
        name = str(admin.url.database)
        rights = code_of("roles and rights on MySQL")
        users = {user: f"{name}_{user.removeprefix('iyzico_')}" for user in set(re.findall(r"TO (iyzico_\w+);", rights))}
        assert len(users) == 4
        for user, mine_alone in users.items():
            rights = rights.replace(f"TO {user};", f"TO {mine_alone};")
        statements = [each for each in rights.replace("finance.", f"{name}.").split(";") if each.strip()]
        printed = ddl(layout_of(snapshot_table()), admin.dialect)
        made = [each for each in printed.split(";\n") if each.strip()]
        with admin.begin() as connection:
            for statement in [*made, *[f"CREATE USER {user}" for user in users.values()], *statements]:
                connection.execute(text(statement))
        engines = {user: create_engine(admin.url.set(username=mine_alone)) for user, mine_alone in users.items()}
        try:
            for days in (3, 2):
                put(engines["iyzico_snapshots"], "payroll", datetime.now(UTC) - timedelta(days))
            task = TaskInstance("d", "gate", "r", -1, 1, None, None, None)
            gate = Gate(task, "payroll", "production", "TRY", Decimal(100), Decimal(0), datetime.now(UTC))
            record(engines["iyzico_gates"], gate, Progress("opened", 1))
            with engines["iyzico_page"].connect() as connection:
                for view in ("latest", "observed", "daily", "runway", "below"):
                    connection.execute(text(f"SELECT * FROM iyzico_balance_{view}"))
                assert connection.execute(text("SELECT outcome FROM iyzico_payout_coverage")).all() == [("opened",)]
            stated = next(query for query in QUERIES if query.startswith("INSERT")).replace("+00:00", "")
            with engines["iyzico_finance"].begin() as connection:
                connection.execute(text(stated))
                assert len(connection.execute(text("SELECT * FROM iyzico_balance_snapshot")).all()) == 2
        finally:
            for engine in engines.values():
                engine.dispose()
            with admin.begin() as connection:
                for user in users.values():
                    connection.execute(text(f"DROP USER {user}"))


def test_the_printed_rebuild_runs_and_cuts_the_days_again(dags, iyzico, sqlite_warehouse):
    assert str(dags["iyzico_balance_snapshot"].test().state) == "success"
    name, *commands = code_of("rebuild").splitlines()
    assert name.startswith("export IYZICO_WAREHOUSE_URL=")
    environment = {**os.environ, "IYZICO_WAREHOUSE_URL": f"sqlite:///{sqlite_warehouse}"}
    for command in commands:
        arguments = [sys.executable, *shlex.split(command)[1:]]
        done = subprocess.run(arguments, env=environment, capture_output=True, text=True, check=False)
        assert "the roll-up is rebuilt" in done.stdout, done.stderr
    with closing(sqlite3.connect(sqlite_warehouse)) as connection:
        assert connection.execute("SELECT report_timezone FROM iyzico_account").fetchall() == [("Europe/London",)]


def test_the_bounds_of_the_warehouse_are_those_that_are_printed():
    rows = re.findall(
        r"^\| (snapshot|record of a gate|page|rebuild|statement) \| (\d.*) \|$", TEXTS["operations.md"], re.MULTILINE
    )
    printed = {name: tuple(map(int, seconds.split(" | "))) for name, seconds in rows}
    kinds = {"snapshot": "SNAPSHOT", "record of a gate": "RECORD", "page": "PAGE", "rebuild": "REBUILD"} | {
        "statement": "STATEMENT"
    }
    assert printed == {name: astuple(getattr(bounds, kind)) for name, kind in kinds.items()}


def check_console(block, monkeypatch):
    for line in lines_of(block):
        program, *arguments = shlex.split(line, comments=True)
        if program == "make":
            assert f"\n{arguments[0]}:" in (ROOT / "Makefile").read_text(encoding="utf-8"), line
        elif program == "airflow":
            from airflow.cli import cli_parser

            cli_parser.get_parser().parse_args(arguments)
        elif program == "python":
            assert arguments[0] == "-m", line
            importlib.import_module(f"{arguments[1]}.__main__")
        elif program == "pip":
            assert arguments[0] == "install", line
            check_extras(Requirement(arguments[1]).extras)
        elif program == "export":
            name, _, value = arguments[0].partition("=")
            assert name.startswith("AIRFLOW_CONN_"), line
            check_connection(value, monkeypatch)
        else:
            assert program in OF_OTHERS, line
            assert re.search("iyzico[_-]default", line), line
            assert "iyzico.json" in line, line


def check_extras(extras):
    assert extras <= set(PROJECT["optional-dependencies"])


def check_connection(value, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_IYZICO_DEFAULT", filled_in(value))
    kind = json.loads(value)["conn_type"]
    if kind == "iyzico":
        assert IyzicoHook().settings.account == "payroll"
    else:
        if kind in PROJECT["optional-dependencies"]:
            pytest.importorskip(f"airflow.providers.{kind}", reason=f"the extra [{kind}] is not here; `make test` has it")
        BaseHook.get_connection("iyzico_default").get_hook()


def check_ini(block, _monkeypatch):
    from airflow.configuration import conf

    parser = configparser.ConfigParser()
    parser.read_string(block.code)
    ours = get_provider_info()["config"]
    for section in parser.sections():
        known = (ours.get(section) or conf.configuration_description[section])["options"]
        assert set(parser[section]) <= set(known), section


def check_yaml(block, _monkeypatch):
    (check_dbt if block.page.name == "dbt.md" else check_chart)(block)


def check_dbt(block):
    """A user's project: it names a folder that we write, vars that our models ask for, and models of ours."""
    given = yaml.safe_load(block.code)
    assert given.get("packages", []) in ([], [{"local": dbt_package.FOLDER.name}])
    asked = set(re.findall(r"var\('(\w+)'", inspect.getsource(dbt_package)))
    assert set(given.get("vars", {})) <= asked == set(re.findall(r"^\| `(iyzico_\w+)` ", TEXTS["dbt.md"], re.MULTILINE))
    for part in given.get("models", {}).get("iyzico", {}).values():
        assert set(part) <= set(dbt_package.MODELS)


def check_chart(block):
    """Values of Airflow's chart: a variable that names a Connection comes from a Secret that the page makes."""
    (secret,) = yaml.safe_load(block.code)["secret"]
    assert secret["envName"] == "AIRFLOW_CONN_IYZICO_DEFAULT"
    assert f"secret generic {secret['secretName']} --from-file={secret['secretKey']}=" in TEXTS[block.page.name]


def check_dockerfile(block, _monkeypatch):
    assert f"FROM apache/airflow:{ENVIRONMENTS[0].airflow}\n" in block.code
    check_extras(set(re.search(r"airflow-provider-iyzico\[([\w,]+)\]", block.code)[1].split(",")))


CHECKS = {
    "console": check_console,
    "json": lambda block, monkeypatch: check_connection(block.code, monkeypatch),
    "ini": check_ini,
    "yaml": check_yaml,
    "dockerfile": check_dockerfile,
    "python": lambda block, _: compile(block.code, str(block), "exec"),  # and its types, by `make lint`
    "sql": lambda block, _: QUERIES.index(block.code),
}


@pytest.mark.parametrize("block", [block for block in BLOCKS if not block.run and not block.quoted], ids=str)
def test_every_other_block_is_checked(block, monkeypatch):
    assert block.language in CHECKS, f"{block}: nothing checks a block of {block.language!r}"
    CHECKS[block.language](block, monkeypatch)


def test_every_block_that_says_that_it_is_run_is_run():
    source = inspect.getsource(sys.modules[__name__])
    assert set(re.findall(r'code_of\("([^"]+)"\)', source)) | {"ten lines", "total from SQL"} == set(RUN)
    assert len(RUN) == len([block for block in BLOCKS if block.run])


def test_every_column_of_every_view_and_of_the_table_is_there():
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        for _, statement in create_statements(snapshot_table(), engine.dialect):
            connection.execute(statement)
        for _, statement in ledger_layout(with_rollforward=True).statements(engine.dialect):
            connection.execute(statement)
        for view in (*VIEWS, *LEDGER_VIEWS, *ROLLFORWARD_VIEWS, "iyzico_balance_snapshot"):
            texts = TEXTS["finance.md"] + (TEXTS["close-a-month.md"] if view in ROLLFORWARD_VIEWS else "")
            for column in connection.execute(text(f"SELECT * FROM {view}")).keys():
                assert f"`{column}`" in texts, (view, column)
    engine.dispose()


CLASSES = {
    MassPayoutBalanceOperator: "data-engineer.md",
    MassPayoutBalanceSensor: "data-engineer.md",
    MassPayoutBalanceTrigger: "data-engineer.md",
    MassPayoutHoldReleaseOperator: "money-set-aside.md",
}


@pytest.mark.parametrize("kind", CLASSES)
def test_every_class_is_there_with_every_parameter(kind):
    assert kind.__name__ in TEXTS["README.md"]
    for name in inspect.signature(kind.__init__).parameters:
        if name not in ("self", "kwargs"):
            assert f"`{name}`" in TEXTS[CLASSES[kind]], name


@pytest.mark.parametrize(
    "kind",
    [
        MassPayoutInitOperator,
        MassPayoutAuthorizeOperator,
        MassPayoutCancelOperator,
        MassPayoutReconcileOperator,
        MassPayoutExceptionOperator,
    ],
)
def test_every_operator_of_payouts_is_there_with_every_parameter_and_result(kind):
    assert f"`{kind.__name__}`" in TEXTS["README.md"]
    documented = re.findall(r":param (\w+):", kind.__doc__)
    returned = re.findall(r"``(\w+)``|\"(\w+)\"", re.search(r"Returns (.*?)\n\n", kind.__doc__, re.DOTALL)[1])
    for name in [*documented, *map("".join, returned)]:
        assert f"`{name}`" in TEXTS["payouts.md"], name
    own = {name for each in kind.__mro__ if each.__module__.startswith("airflow_provider_iyzico") for name in parameters(each)}
    assert own == set(documented)


def parameters(kind):
    """The parameters of a class itself, without those that it hands on."""
    named = inspect.signature(vars(kind)["__init__"]).parameters if "__init__" in vars(kind) else {}
    return set(named) - {"self", "args", "kwargs"}


def test_every_error_fault_form_extra_and_field_of_the_connection_is_there():
    names = [name for name, kind in vars(errors).items() if inspect.isclass(kind) and issubclass(kind, errors.IyzicoError)]
    for page, wanted in (
        ("data-engineer.md", names),
        ("testing.md", (*FAULTS, *FORMS)),
        ("README.md", (*EXTRA_FIELDS, *(f"[{extra}]" for extra in PROJECT["optional-dependencies"]))),
    ):
        for name in wanted:
            assert f"`{name}`" in TEXTS[page], name


def test_the_readme_stays_short():
    assert len(TEXTS["README.md"].splitlines()) <= 200


def slugs(page):
    headings = re.findall(
        r"^#+ (.*)$", re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE), re.MULTILINE
    )
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", [*doc_blocks.PAGES, *ROOT.glob("*.md")], ids=lambda page: page.name)
def test_every_link_to_a_file_and_to_a_heading_leads_somewhere(page):
    for path, anchor in re.findall(r"\]\((?!https?://)([^)#\s]*)(?:#([^)]+))?\)", page.read_text(encoding="utf-8")):
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), path
        assert not anchor or anchor in slugs(target), (path, anchor)


def test_commands_that_they_name_exist():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for page in [*doc_blocks.PAGES, *ROOT.glob("*.md")]:
        for target in re.findall(r"(?:^|`)make ([a-z-]+)", page.read_text(encoding="utf-8"), re.MULTILINE):
            assert f"\n{target}:" in makefile, target
