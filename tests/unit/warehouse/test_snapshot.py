from datetime import UTC, datetime, timedelta, timezone

import pendulum
import pytest

from airflow_provider_iyzico.warehouse.snapshot import TaskInstance, snapshot_id

TASK = {"dag_id": "d", "task_id": "t", "run_id": "r", "map_index": -1, "try_number": 1}
DATES = {"logical_date": None, "data_interval_start": None, "data_interval_end": None}


def task(**fields):
    return TaskInstance(**{**TASK, **DATES, **fields})


@pytest.mark.parametrize("field", ["try_number", "logical_date", "data_interval_start", "data_interval_end"])
def test_the_key_does_not_depend_on_the_try_or_on_dates(field):
    other = 7 if field == "try_number" else datetime(2026, 1, 1, tzinfo=UTC)
    assert snapshot_id("a", task(**{field: other})) == snapshot_id("a", task())


@pytest.mark.parametrize("field", ["dag_id", "task_id", "run_id", "map_index"])
def test_the_key_depends_on_who_looks(field):
    assert snapshot_id("a", task(**{field: 5 if field == "map_index" else "other"})) != snapshot_id("a", task())
    assert snapshot_id("a", task()) != snapshot_id("b", task())


def test_parts_cannot_be_shifted_into_one_another():
    assert snapshot_id("a", task(dag_id="x", task_id="yz")) != snapshot_id("a", task(dag_id="xy", task_id="z"))


def test_the_key_is_the_same_on_every_machine_and_version():
    assert snapshot_id("simulator", task()) == "75096bbb-2342-5ce6-a186-c23ad2b6d327"


def test_moments_become_plain_utc(make_row):
    moment = pendulum.datetime(2026, 11, 22, 23, 0, 0, 5, tz="Europe/Istanbul")
    row = make_row(logical_date=moment, data_interval_start=moment.astimezone(timezone(timedelta(hours=5))))
    for name in ("logical_date", "data_interval_start"):
        assert type(row[name]) is datetime
        assert row[name] == datetime(2026, 11, 22, 20, 0, 0, 5, tzinfo=UTC)
        assert row[name].tzinfo is UTC
