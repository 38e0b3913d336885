"""A snapshot over a Connection of Airflow's Snowflake provider. The emulator stands for Snowflake."""

import pytest
from emulators import HAS_FAKESNOW, snowflake_emulator
from sqlalchemy import text
from support import connect

pytestmark = pytest.mark.skipif(not HAS_FAKESNOW, reason="Snowflake's emulator is not here; `make warehouses` has it")


def test_the_dag_writes_to_snowflake_to_the_last_digit(dags, iyzico, monkeypatch):
    pytest.importorskip("airflow.providers.snowflake", reason="apache-airflow-providers-snowflake is not here")
    connect(monkeypatch, iyzico, account="Öğretmen şubesi")
    iyzico.set(balance="12345678901234567.89", form="string")
    with snowflake_emulator() as engine:
        database = engine.url.database.partition("/")[0]
        monkeypatch.setenv(
            "AIRFLOW_CONN_IYZICO_WAREHOUSE",
            f'{{"conn_type": "snowflake", "login": "u", "password": "p", "schema": "public", '
            f'"extra": {{"account": "account", "database": "{database}"}}}}',
        )
        assert str(dags["iyzico_balance_snapshot"].test().state) == "success"
        with engine.connect() as connection:
            found = connection.execute(text("SELECT account, balance FROM iyzico_balance_latest")).all()
    assert [(account, str(balance)) for account, balance in found] == [("Öğretmen şubesi", "12345678901234567.89000000")]
