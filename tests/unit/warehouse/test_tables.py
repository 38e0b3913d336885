import os
import subprocess
import sys

import pytest
from duckdb_files import HAS_DUCKDB, NO_DUCKDB
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.engine import make_url

from airflow_provider_iyzico.errors import WarehouseConfigurationError
from airflow_provider_iyzico.warehouse.__main__ import main
from airflow_provider_iyzico.warehouse.database.layout import PRINTED_DIALECTS, dialect_named
from airflow_provider_iyzico.warehouse.lineage import dataset
from airflow_provider_iyzico.warehouse.tables import snapshot_table
from airflow_provider_iyzico.warehouse.views import DIALECTS

COLUMNS = [
    "snapshot_id", "account", "environment", "currency", "balance", "balance_raw", "observed_at", "system_time", "latency_ms",
    "report_timezone", "local_date", "dag_id", "task_id", "run_id", "map_index", "try_number", "logical_date",
    "data_interval_start", "data_interval_end", "provider_version", "inserted_at",
]  # fmt: skip


def test_the_columns_are_those_that_dashboards_rely_on():
    assert [column.name for column in snapshot_table().columns] == COLUMNS


@pytest.mark.parametrize(
    "name",
    ['x"y', "x;DROP TABLE y", "x'y", "1x", "", "x y", "x-y", "ş", "x" * 64, "x\n", "public.x", None, 7, "x--", "x/*", "`x`"],
    ids=ascii,
)
def test_a_name_that_is_not_a_plain_identifier_is_refused(name):
    with pytest.raises(WarehouseConfigurationError, match="table"):
        snapshot_table(name)
    if name is not None:
        with pytest.raises(WarehouseConfigurationError, match="schema"):
            snapshot_table("x", name)


@pytest.mark.parametrize(
    "name", ["iyzico_account", "iyzico_balance_day", "IYZICO_payout_gate", "iyzico_balance_latest", "Iyzico_Balance_Snapshot"]
)
def test_a_name_that_the_reports_need_is_refused_in_any_letters(name):
    with pytest.raises(WarehouseConfigurationError, match="which the reports need"):
        snapshot_table(name)


@pytest.mark.parametrize(
    ("dialect", "money", "moment"),
    [
        ("postgresql", "balance NUMERIC(28, 8) NOT NULL", "observed_at TIMESTAMP WITH TIME ZONE NOT NULL"),
        ("sqlite", "balance NUMERIC(28, 8) NOT NULL", "observed_at DATETIME NOT NULL"),
        ("mysql", "balance NUMERIC(28, 8) NOT NULL", "observed_at DATETIME(6) NOT NULL"),
        pytest.param(
            "duckdb",
            "balance NUMERIC(28, 8) NOT NULL",
            "observed_at TIMESTAMP WITH TIME ZONE NOT NULL",
            marks=pytest.mark.skipif(not HAS_DUCKDB, reason=NO_DUCKDB),
        ),
        ("snowflake", "balance NUMERIC(28, 8) NOT NULL", "observed_at TIMESTAMP_TZ NOT NULL"),
        ("bigquery", "`balance` NUMERIC(28, 8) NOT NULL", "`observed_at` TIMESTAMP NOT NULL"),
    ],
)
def test_ddl_is_printed_for_each_dialect(dialect, money, moment, capsys):
    assert main(["ddl", "--dialect", dialect]) == 0
    script = capsys.readouterr().out
    assert money in script
    assert moment in script
    assert ("CREATE INDEX" in script) == (dialect in ("postgresql", "sqlite", "mysql"))


def test_ddl_is_printed_for_every_dialect_that_has_the_reports():
    assert set(PRINTED_DIALECTS) == set(DIALECTS) - {"mariadb"}  # which takes the statements of MySQL


def test_a_dialect_that_is_not_installed_is_named_with_its_package(capsys):
    assert main(["ddl", "--dialect", "redshift"]) == 2
    assert "install sqlalchemy-redshift" in capsys.readouterr().err
    with pytest.raises(WarehouseConfigurationError, match="nonsense"):
        dialect_named("nonsense")


def test_printed_ddl_runs_as_a_script(postgres_engine):
    command = [sys.executable, "-m", "airflow_provider_iyzico.warehouse", "ddl", "--dialect", "postgresql", "--table", "my_table"]
    script = subprocess.run(command, capture_output=True, text=True, check=True, env=dict(os.environ)).stdout
    with postgres_engine.begin() as connection:
        connection.execute(text(script))
    assert [column["name"] for column in inspect(postgres_engine).get_columns("my_table")] == COLUMNS


def test_the_warehouse_does_not_import_airflow():
    code = "import airflow_provider_iyzico.warehouse.append, sys; print('airflow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=dict(os.environ))
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize(
    ("url", "schema", "expected"),
    [
        ("postgresql+psycopg://u:p@db:5433/fin", None, ("postgres://db:5433", "fin.public.t")),
        ("postgresql://u:p@db/fin", "mart", ("postgres://db:5432", "fin.mart.t")),
        ("mysql+pymysql://u:p@db/fin", None, ("mysql://db:3306", "fin.t")),
        ("sqlite:////var/lib/w.db", None, ("sqlite", "/var/lib/w.db.t")),
        ("snowflake://u:p@acc/fin", "mart", ("snowflake://acc", "fin.mart.t")),
        ("snowflake://u:p@acc/fin/mart", None, ("snowflake://acc", "fin.mart.t")),
        ("snowflake://u:p@acc/fin/public", "mart", ("snowflake://acc", "fin.mart.t")),
        ("trino://u:p@host/lake/mart", None, ("trino://host:8080", "lake.mart.t")),
    ],
)
def test_openlineage_gets_a_name_without_credentials(url, schema, expected):
    assert dataset(make_url(url), "t", schema) == expected


def test_sqlite_in_memory_has_a_name_too():
    engine = create_engine("sqlite://")
    assert dataset(engine.url, "t", None) == ("sqlite", "t")
    engine.dispose()
