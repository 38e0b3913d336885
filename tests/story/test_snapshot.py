"""The snapshot DAG, run by Airflow."""

import sqlite3
from contextlib import closing

import pytest
from needs import MARIADB_CLIENT
from sandbox import IS_AIRFLOW_2
from sqlalchemy import create_engine, text
from support import POSTGRESQL, connect


def test_the_dag_writes_one_row_and_returns_it(dags, iyzico, sqlite_warehouse):
    run = dags["iyzico_balance_snapshot"].test()
    assert str(run.state) == "success"
    with closing(sqlite3.connect(sqlite_warehouse)) as connection:
        (row,) = connection.execute("SELECT run_id, balance_raw, try_number FROM iyzico_balance_snapshot").fetchall()
    assert row == (run.run_id, "100.00", 1)
    assert run.get_task_instance("snapshot").xcom_pull(task_ids="snapshot")["balance"] == "100.00"


def test_the_asset_event_carries_the_balance(dags, iyzico, sqlite_warehouse):
    if IS_AIRFLOW_2:
        from airflow.models.dataset import DatasetEvent as AssetEvent
    else:
        from airflow.models.asset import AssetEvent
    from airflow.utils.session import create_session

    run = dags["iyzico_balance_snapshot"].test()
    with create_session() as session:
        event = session.query(AssetEvent).filter_by(source_run_id=run.run_id).one()
        assert event.extra["balance"] == "100.00"


def test_the_dag_writes_to_postgresql_as_well(dags, iyzico, postgres_url, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_IYZICO_WAREHOUSE", postgres_url)
    run = dags["iyzico_balance_snapshot"].test()
    assert str(run.state) == "success"
    engine = create_engine(postgres_url.replace("postgresql", POSTGRESQL))
    with engine.connect() as connection:
        found = connection.execute(text("SELECT balance FROM iyzico_balance_snapshot WHERE run_id = :id"), {"id": run.run_id})
        assert [str(row.balance) for row in found] == ["100.00000000"]
    engine.dispose()


def test_the_dag_writes_to_mariadb_as_well(dags, iyzico, mariadb_url, monkeypatch):
    pytest.importorskip("MySQLdb", reason=f"apache-airflow-providers-mysql is not here; {MARIADB_CLIENT}")
    connect(monkeypatch, iyzico, account="Öğretmen şubesi")
    monkeypatch.setenv("AIRFLOW_CONN_IYZICO_WAREHOUSE", mariadb_url.replace("mysql+pymysql", "mysql"))
    iyzico.set(balance="12345678901234567.89", form="string")
    run = dags["iyzico_balance_snapshot"].test()
    assert str(run.state) == "success"
    engine = create_engine(mariadb_url)
    with engine.connect() as connection:
        found = connection.execute(
            text("SELECT account, balance FROM iyzico_balance_snapshot WHERE run_id = :id"), {"id": run.run_id}
        )
        assert [(row.account, str(row.balance)) for row in found] == [("Öğretmen şubesi", "12345678901234567.89000000")]
    engine.dispose()


def test_refused_keys_fail_the_run_without_retries(dags, iyzico, sqlite_warehouse):
    iyzico.fail("401")
    run = dags["iyzico_balance_snapshot"].test()
    task = run.get_task_instance("snapshot")
    assert (str(task.state), task.try_number) == ("failed", 1)
    assert not sqlite_warehouse.exists() or len(iyzico.seen) == 1
