"""The dbt package, in a project of its own, by dbt itself: its models hold what the provider's own views hold."""

from __future__ import annotations

import json
import os
import random
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import dbt_package
import pytest
import yaml
from payout_histories import History
from postgres import postgres_schema
from sandbox import ROOT
from sqlalchemy import create_engine, insert, inspect, text
from sqlalchemy.engine import Engine
from support import POSTGRESQL

from airflow_provider_iyzico.ledger.accounts import Account
from airflow_provider_iyzico.ledger.ledger import Ledger
from airflow_provider_iyzico.warehouse.append import append
from airflow_provider_iyzico.warehouse.snapshot import Observation, snapshot_row
from airflow_provider_iyzico.warehouse.tables import report_tables, snapshot_table
from airflow_provider_iyzico.warehouse.task import TaskInstance

DBT = ROOT / ".venv-dbt" / "bin" / "dbt"
#: They are another figure a moment later.
AGES = {"age_minutes", "age_hours"}
ACCOUNTS = (Account("sandbox", "şube", "TRY"), Account("production", "main", "TRY"))
pytestmark = [
    pytest.mark.timeout(900),
    pytest.mark.skipif(not DBT.exists(), reason="there is no .venv-dbt, which make test makes"),
]


@dataclass(frozen=True)
class Warehouse:
    """A filled warehouse, and what a user's profile says of it.

    :param models: those that a project has there
    """

    engine: Engine
    schema: str
    target: dict[str, Any]
    models: set[str]

    @property
    def variables(self) -> dict[str, Any]:
        return {"iyzico_schema": self.schema, "iyzico_payouts": "iyzico_payout_summary" in self.models}

    def ask(self, query: str) -> list[Any]:
        """DuckDB has one process at a time, so nothing stays open."""
        with self.engine.connect() as connection:
            found = connection.execute(text(query)).all()
        self.engine.dispose()
        return list(found)


def see(engine):
    """Three weeks of balances of two accounts."""
    for seed, account in enumerate(ACCOUNTS):
        dice, moment, balance = random.Random(seed), datetime.now(UTC) - timedelta(days=22), Decimal(900_000)
        while (moment := moment + timedelta(hours=dice.choice([5, 9, 30]), microseconds=7)) < datetime.now(UTC):
            balance += Decimal(dice.randrange(-300_000, 300_000)) / 100
            seen = Observation(
                account.account, account.environment, "TRY", balance, str(balance), moment, None, 5, "Europe/Istanbul"
            )
            who = TaskInstance("d", "t", f"{account.account} {moment.isoformat()}", -1, 1, None, None, None)
            append(engine, snapshot_table(), snapshot_row(seen, who), create_table=True)
    whose = {"environment": "production", "account": "main", "currency": "TRY"}
    tables, begin = report_tables(), datetime.now(UTC) - timedelta(days=9, hours=5)
    stated = {"valid_from": begin, "threshold": Decimal(900_000), "cadence_minutes": 600}
    gate = {
        "gate_id": "g",
        "dag_id": "d",
        "task_id": "t",
        "run_id": "r",
        "map_index": -1,
        "try_number": 1,
        "polls": 1,
        "batch_total": Decimal("100.50"),
        "headroom": Decimal(0),
        "first_balance": Decimal(70),
        "last_balance": Decimal(70),
        "waiting_since": begin,
        "waits_until": begin + timedelta(hours=1),
        "outcome": "waiting",
        "provider_version": "0",
    }
    with engine.begin() as connection:
        connection.execute(insert(tables.threshold).values(whose | stated))
        connection.execute(insert(tables.gate).values(whose | gate))


def pay(engine):
    """Payouts that have nothing to do with the balances; a later task finds both there, and makes the roll-forward."""
    for seed, account in enumerate(ACCOUNTS):
        History(Ledger.open(engine), account, seed, batches=6)
    Ledger.open(engine).act(lambda connection: None)


@contextmanager
def in_postgresql(request, folder):
    with postgres_schema(request.getfixturevalue("postgres_url"), POSTGRESQL) as engine:
        see(engine)
        pay(engine)
        schema, url = inspect(engine).default_schema_name, engine.url
        target = {
            "type": "postgres",
            "host": url.host,
            "port": url.port,
            "user": url.username,
            "password": url.password or "none",
        }
        yield Warehouse(engine, schema, target | {"dbname": url.database, "schema": f"{schema}_dbt"}, set(dbt_package.MODELS))
        with engine.begin() as connection:
            connection.execute(text(f"DROP SCHEMA IF EXISTS {schema}_dbt CASCADE"))


@contextmanager
def in_duckdb(request, folder):
    pytest.importorskip("duckdb_sqlalchemy", reason="this environment has no duckdb-sqlalchemy")
    engine = create_engine(f"duckdb:///{folder}/warehouse.db")
    see(engine)
    engine.dispose()
    target = {"type": "duckdb", "path": str(folder / "warehouse.db"), "schema": "dbt"}
    yield Warehouse(engine, "main", target, {*dbt_package.warehouse_views.VIEWS, *dbt_package.warehouse_views.ROLL_UP_VIEWS})


#: For what dbt does in the same way on every database, the one that also has the payouts.
once = pytest.mark.parametrize("warehouse", [in_postgresql], indirect=True, ids=["postgresql"])


@pytest.fixture(scope="module", params=[in_postgresql, in_duckdb], ids=["postgresql", "duckdb"])
def warehouse(request, tmp_path_factory):
    with request.param(request, tmp_path_factory.mktemp("warehouse")) as found:
        yield found


@pytest.fixture(scope="module")
def project(warehouse, tmp_path_factory):
    """A user's project that takes the package, with a schema of its own beside that of the tasks."""
    folder = tmp_path_factory.mktemp("project")
    package = dbt_package.write(folder / "iyzico")
    files = {
        "profiles.yml": {"finance": {"target": "dev", "outputs": {"dev": warehouse.target | {"threads": 1}}}},
        "packages.yml": {"packages": [{"local": str(package)}]},
        "dbt_project.yml": {"name": "finance", "profile": "finance", "config-version": 2, "vars": warehouse.variables},
    }
    for name, content in files.items():
        (folder / name).write_text(yaml.safe_dump(content), encoding="utf-8")
    dbt(folder, "deps")
    return folder


def dbt(folder, *arguments, code=0):
    """Run dbt in a project, and return what it said, or what became of each node that it built."""
    quiet = {"DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "DBT_PROFILES_DIR": str(folder), "DO_NOT_TRACK": "1"}
    options = ["--no-version-check", "--no-use-colors", "--warn-error-options", '{"error": "all", "warn": ["LogTestResult"]}']
    done = subprocess.run(
        [DBT, *options, *arguments],
        cwd=folder,
        env={**os.environ, **quiet},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    results = folder / "target" / "run_results.json"
    return (
        {each["unique_id"]: each for each in json.loads(results.read_text())["results"]}
        if arguments[0] == "build"
        else done.stdout
    )


@pytest.fixture(scope="module")
def built(project):
    return dbt(project, "build")


def test_every_model_is_built_and_every_test_passes(built, warehouse):
    states = {name: each["status"] for name, each in built.items()}
    models = {name.rpartition(".")[2] for name, state in states.items() if name.startswith("model.") and state == "success"}
    assert models == warehouse.models
    late = {name for name, state in states.items() if state == "warn"}
    assert all("every_account_has_a_fresh_snapshot" in name for name in late)
    assert {state for name, state in states.items() if name.startswith("test.") and name not in late} == {"pass"}


@pytest.mark.usefixtures("built")
def test_each_model_holds_what_our_own_view_holds(warehouse, subtests):
    for name in sorted(warehouse.models):
        with subtests.test(name):
            of = f"table_name = '{name}' AND table_schema = '{warehouse.schema}'"
            columns = warehouse.ask(f"SELECT column_name FROM information_schema.columns WHERE {of} ORDER BY ordinal_position")
            compared = ", ".join(name for (name,) in columns if name not in AGES)
            ours, theirs = (f"SELECT {compared} FROM {place}.{name}" for place in (warehouse.schema, warehouse.target["schema"]))
            assert warehouse.ask(f"({ours} EXCEPT ALL {theirs}) UNION ALL ({theirs} EXCEPT ALL {ours})") == []
            assert warehouse.ask(f"{ours} LIMIT 1")


def test_the_source_is_fresh_by_the_cadence_that_the_project_states(project, warehouse):
    for cadence, verdict in ((7 * 24 * 60, "PASS"), (1, "ERROR STALE")):
        variables = json.dumps(warehouse.variables | {"iyzico_cadence_minutes": cadence})
        said = dbt(project, "source", "freshness", "--vars", variables, code=int(verdict != "PASS"))
        assert f"{verdict} freshness of iyzico.iyzico_balance_snapshot" in said


@once
def test_a_project_has_the_payouts_where_it_says_that_there_is_a_ledger(project, warehouse):
    listed = dbt(project, "ls", "--resource-type", "model", "--output", "name")
    assert {name for name in listed.split() if name.startswith("iyzico_")} == warehouse.models
    without = json.dumps(warehouse.variables | {"iyzico_payouts": False})
    listed = dbt(project, "ls", "--resource-type", "model", "--output", "name", "--vars", without)
    assert {name for name in listed.split() if name.startswith("iyzico_")} == warehouse.models - set(dbt_package.PAYOUTS)


@once
@pytest.mark.usefixtures("built")
def test_a_day_that_does_not_begin_as_the_last_one_ended_fails_its_test(project, warehouse):
    """The project keeps the days as a table, as the guide shows, and somebody changes one."""
    settings = yaml.safe_load((project / "dbt_project.yml").read_text(encoding="utf-8"))
    settings["models"] = {"iyzico": {"balances": {"iyzico_balance_daily": {"+materialized": "table"}}}}
    (project / "dbt_project.yml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    dbt(project, "run", "--select", "iyzico_balance_daily")
    test = ("test", "--select", "iyzico_closing_of_a_day_is_opening_of_the_next")
    dbt(project, *test)
    days = f"{warehouse.target['schema']}.iyzico_balance_daily"
    with warehouse.engine.begin() as connection:
        connection.execute(
            text(f"UPDATE {days} SET opening = opening + 1 WHERE local_date = (SELECT max(local_date) FROM {days})")
        )
    warehouse.engine.dispose()
    dbt(project, *test, code=1)


def test_the_package_is_written_over_an_earlier_one_and_over_nothing_else(tmp_path):
    package = dbt_package.write(tmp_path / "iyzico")
    (package / "models" / "old.sql").touch()
    assert not (dbt_package.write(package) / "models" / "old.sql").exists()
    (tmp_path / "mine.sql").touch()
    with pytest.raises(SystemExit, match="holds something else"):
        dbt_package.write(tmp_path)
    assert (tmp_path / "mine.sql").exists()
    read = (package / "README.md").read_text(encoding="utf-8")
    assert "make dbt" not in read
    assert ".md" not in read
