"""Snapshots and gate records in a DuckDB file, over a Connection of the official provider."""

import json

import pytest
from duckdb_files import HAS_DUCKDB, NO_DUCKDB
from sqlalchemy import create_engine, text
from support import connect

pytest.importorskip("airflow.providers.duckdb", reason="apache-airflow-providers-duckdb is not here")
pytestmark = pytest.mark.skipif(not HAS_DUCKDB, reason=NO_DUCKDB)


@pytest.fixture
def warehouse(tmp_path, monkeypatch):
    """An empty DuckDB file behind the Connection ``iyzico_warehouse``."""
    path = tmp_path / "warehouse.duckdb"
    monkeypatch.setenv("AIRFLOW_CONN_IYZICO_WAREHOUSE", json.dumps({"conn_type": "duckdb", "host": str(path)}))
    return path


def ask(path, query):
    engine = create_engine(f"duckdb:///{path}")
    with engine.connect() as connection:
        found = [tuple(row) for row in connection.execute(text(query))]
    engine.dispose()
    return found


def test_the_dag_writes_to_duckdb_to_the_last_digit(dags, iyzico, warehouse, monkeypatch):
    connect(monkeypatch, iyzico, account="Öğretmen şubesi")
    iyzico.set(balance="12345678901234567.89", form="string")
    run = dags["iyzico_balance_snapshot"].test()
    assert str(run.state) == "success"
    found = ask(warehouse, "SELECT account, CAST(balance AS text) FROM iyzico_balance_latest")
    assert found == [("Öğretmen şubesi", "12345678901234567.89000000")]


def test_a_gate_tells_what_was_there_before_and_after_in_each_mode(gate_dag, iyzico, warehouse, meanwhile):
    iyzico.balance = "5029.99"
    meanwhile(lambda: len(iyzico.seen) >= 3, lambda: setattr(iyzico, "balance", "6000.00"))
    assert str(gate_dag.test().state) == "success"
    columns = "required, CAST(shortfall_at_start AS text), outcome, polls"
    assert ask(warehouse, f"SELECT {columns} FROM iyzico_payout_coverage") == [(5030, "0.01000000", "opened", len(iyzico.seen))]
