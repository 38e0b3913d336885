from datetime import UTC, datetime
from decimal import Decimal
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, text

from airflow_provider_iyzico.warehouse.snapshot import Observation, snapshot_row
from airflow_provider_iyzico.warehouse.task import TaskInstance


@pytest.fixture
def mariadb_engine(mariadb_url):
    """A database of its own on the real server."""
    admin, name = create_engine(mariadb_url), f"test_{uuid4().hex[:12]}"
    with admin.begin() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine = create_engine(admin.url.set(database=name))
    yield engine
    engine.dispose()
    with admin.begin() as connection:
        connection.execute(text(f"DROP DATABASE {name}"))
    admin.dispose()


@pytest.fixture
def make_row():
    def make(balance="1500.75", run_id="manual__1", **task):
        seen = Observation(
            account="şube",
            environment="sandbox",
            currency="TRY",
            balance=Decimal(balance),
            balance_raw=balance,
            observed_at=datetime(2026, 11, 22, 20, 59, 59, 999999, tzinfo=UTC),
            system_time=None,
            latency_ms=12,
            report_timezone="Europe/Istanbul",
        )
        identity = {"dag_id": "d", "task_id": "t", "run_id": run_id, "map_index": -1, "try_number": 1} | task
        nothing = {"logical_date": None, "data_interval_start": None, "data_interval_end": None}
        return snapshot_row(seen, TaskInstance(**{**nothing, **identity}))

    return make
