from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pendulum
import pytest

from airflow_provider_iyzico.warehouse.snapshot import Observation, snapshot_id
from airflow_provider_iyzico.warehouse.task import TaskInstance

TASK = {"dag_id": "d", "task_id": "t", "run_id": "r", "map_index": -1, "try_number": 1}
DATES = {"logical_date": None, "data_interval_start": None, "data_interval_end": None}


def seen(account="a", environment="sandbox", currency="TRY"):
    return Observation(account, environment, currency, Decimal(1), "1", datetime(2026, 1, 1, tzinfo=UTC), None, 1, "UTC")


def task(**fields):
    return TaskInstance(**{**TASK, **DATES, **fields})


@pytest.mark.parametrize("field", ["try_number", "logical_date", "data_interval_start", "data_interval_end"])
def test_the_key_does_not_depend_on_the_try_or_on_dates(field):
    other = 7 if field == "try_number" else datetime(2026, 1, 1, tzinfo=UTC)
    assert snapshot_id(seen(), task(**{field: other})) == snapshot_id(seen(), task())


@pytest.mark.parametrize("field", ["dag_id", "task_id", "run_id", "map_index"])
def test_the_key_depends_on_the_task_that_asks(field):
    assert snapshot_id(seen(), task(**{field: 5 if field == "map_index" else "other"})) != snapshot_id(seen(), task())


@pytest.mark.parametrize("balance", [{"account": "b"}, {"environment": "production"}, {"currency": "EUR"}], ids=str)
def test_the_key_depends_on_whose_balance_it_is(balance):
    """Two Airflows with the same DAGs and labels may write into one warehouse."""
    assert snapshot_id(seen(**balance), task()) != snapshot_id(seen(), task())


def test_parts_cannot_be_shifted_into_one_another():
    assert snapshot_id(seen(), task(dag_id="x", task_id="yz")) != snapshot_id(seen(), task(dag_id="xy", task_id="z"))


def test_the_key_is_the_same_on_every_machine_and_version():
    assert snapshot_id(seen("simulator"), task()) == "c8abab03-2edc-5157-9636-97a217c1078f"


def test_moments_become_plain_utc(make_row):
    moment = pendulum.datetime(2026, 11, 22, 23, 0, 0, 5, tz="Europe/Istanbul")
    row = make_row(logical_date=moment, data_interval_start=moment.astimezone(timezone(timedelta(hours=5))))
    for name in ("logical_date", "data_interval_start"):
        assert type(row[name]) is datetime
        assert row[name] == datetime(2026, 11, 22, 20, 0, 0, 5, tzinfo=UTC)
        assert row[name].tzinfo is UTC
