"""What the README prints, runs."""

import inspect
import json
import re
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest
from sandbox import ROOT, airflow_environment, for_this_airflow
from sqlalchemy import create_engine, text
from support import POSTGRESQL

from airflow_provider_iyzico import errors
from airflow_provider_iyzico.hooks.settings import EXTRA_FIELDS
from airflow_provider_iyzico.operators.mass_payout import MassPayoutBalanceOperator
from airflow_provider_iyzico.sensors.mass_payout import MassPayoutBalanceSensor
from airflow_provider_iyzico.triggers.mass_payout import MassPayoutBalanceTrigger
from airflow_provider_iyzico.warehouse.ddl import create_statements
from airflow_provider_iyzico.warehouse.tables import snapshot_table
from airflow_provider_iyzico.warehouse.views import VIEWS

README = (ROOT / "README.md").read_text(encoding="utf-8")
QUERIES = re.findall(r"```sql\n(SELECT.*?)```", README, re.DOTALL)


def block_after(marker: str) -> str:
    return re.search(rf"<!-- {re.escape(marker)}.*?-->\n```python\n(.*?)```", README, re.DOTALL)[1]


@pytest.mark.parametrize(("path", "name"), re.findall(r"<!-- quoted: (\S+) (\S+) -->", README))
def test_quoted_dags_are_those_that_run(path, name):
    source = (ROOT / path).read_text()
    assert (
        block_after(f"quoted: {path} {name}").strip()
        == re.search(rf"\[START {name}\]\n(.*?)# \[END", source, re.DOTALL)[1].strip()
    )


def test_the_ten_lines_run_as_printed_in_a_new_airflow(iyzico, tmp_path):
    iyzico.balance = "200000.00"
    dags, warehouse = tmp_path / "dags", tmp_path / "warehouse.db"
    dags.mkdir()
    (dags / "salaries.py").write_text(for_this_airflow(block_after("ten lines")))
    environment = airflow_environment(tmp_path / "home", iyzico=iyzico.connection, warehouse=warehouse, dags=dags)
    for command in re.findall(r"^ +(airflow [a-z ]+)$", README, re.MULTILINE):
        done = subprocess.run(command.split(), env=environment, capture_output=True, text=True, timeout=500)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    with closing(sqlite3.connect(warehouse)) as connection:
        assert connection.execute("SELECT balance FROM iyzico_balance_snapshot").fetchall() == [(200000,)]


def test_the_total_from_sql_opens_the_gate_at_its_last_digit(iyzico, tmp_path):
    with closing(sqlite3.connect(tmp_path / "hr.db")) as connection, connection:
        connection.execute("CREATE TABLE payroll (amount NUMERIC, commission NUMERIC)")
        connection.execute("INSERT INTO payroll VALUES (4000.25, 30), (499.85, 0)")
    iyzico.balance, dags = "4530.10", tmp_path / "dags"
    dags.mkdir()
    (dags / "salaries_from_sql.py").write_text(for_this_airflow(block_after("total from SQL")))
    environment = airflow_environment(tmp_path / "home", iyzico=iyzico.connection, warehouse=tmp_path / "w.db", dags=dags)
    environment["AIRFLOW_CONN_HR"] = json.dumps({"conn_type": "sqlite", "host": str(tmp_path / "hr.db")})
    for command in (["airflow", "db", "migrate"], ["airflow", "dags", "test", "salaries_from_sql"]):
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=500)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert "required 4530.10 TRY" in done.stdout + done.stderr
    assert len(iyzico.seen) == 1


def test_the_simulator_example_passes(airflow_database, monkeypatch):
    names: dict = {}
    exec(block_after("simulator"), names)
    names["test_the_gate_waits_out_a_bad_minute"](monkeypatch)


def mine(statement):
    return statement.replace("'production'", "'sandbox'").replace("'payroll'", "'simulator'")


def test_every_query_for_finance_answers_on_both_databases(dags, iyzico, postgres_url, sqlite_warehouse, monkeypatch):
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
    own = [mine(query) for query in QUERIES]
    (stated,) = re.findall(r"```sql\n(INSERT.*?)```", README, re.DOTALL)
    for engine in (sqlite, postgres):
        with engine.begin() as connection:
            connection.execute(text(mine(stated)))
            assert connection.execute(text("SELECT threshold, cadence_minutes FROM iyzico_balance_latest")).all() == [
                (500000, 15)
            ]
        latest, daily, moved, *of_views = own
        assert sorted(re.findall(r"FROM (\w+)", " ".join(of_views))) == sorted(VIEWS)
        with engine.connect() as connection:
            assert [(row.account, float(row.balance)) for row in connection.execute(text(latest))] == [("simulator", 80.5)]
            assert [float(row.last_seen) for row in connection.execute(text(daily))][-1] == 80.5
            assert [float(row.change) for row in connection.execute(text(moved))] == [-19.5]
            answers = {re.search(r"FROM (\w+)", query)[1]: connection.execute(text(query)).all() for query in of_views}
            assert [float(row.balance) for row in answers["iyzico_balance_latest"]] == [80.5]
            days = answers["iyzico_balance_daily"]
            assert (float(days[0].closing), sum(row.observations for row in days)) == (80.5, 3)
            assert [float(row.change) for row in answers["iyzico_balance_movement"]] == [-19.5]
            assert len(answers["iyzico_balance_interval"]) == 3
        engine.dispose()


def test_every_column_of_every_view_is_there(tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path}/warehouse.db")
    section = README[README.index("## The reports, for finance") :]
    with engine.begin() as connection:
        for _, statement in create_statements(snapshot_table(), engine.dialect):
            connection.execute(statement)
        for view in VIEWS:
            for column in connection.execute(text(f"SELECT * FROM {view}")).keys():
                assert f"`{column}`" in section, (view, column)
    engine.dispose()


@pytest.mark.parametrize("kind", [MassPayoutBalanceOperator, MassPayoutBalanceSensor, MassPayoutBalanceTrigger])
def test_every_class_is_there_with_every_parameter(kind):
    assert kind.__name__ in README
    for name in inspect.signature(kind.__init__).parameters:
        if name not in ("self", "kwargs"):
            assert f"`{name}`" in README, name


def test_every_error_and_every_field_of_the_connection_is_there():
    names = [name for name, kind in vars(errors).items() if inspect.isclass(kind) and issubclass(kind, errors.IyzicoError)]
    for name in [*names, *EXTRA_FIELDS]:
        assert f"`{name}`" in README, name


def test_every_link_to_a_file_leads_somewhere():
    for target in re.findall(r"\]\((?!https?://)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target


def test_commands_that_it_names_exist():
    makefile = (ROOT / "Makefile").read_text()
    for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md"):
        for target in re.findall(r"(?:^|`)make ([a-z-]+)", Path(path).read_text(encoding="utf-8"), re.MULTILINE):
            assert f"\n{target}:" in makefile, target
