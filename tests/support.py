"""What several tests need."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

import pytest

from airflow_provider_iyzico.api import balance
from airflow_provider_iyzico.api.envelope import Answer
from airflow_provider_iyzico.hooks.transport import Transport
from airflow_provider_iyzico.simulator import Simulator
from airflow_provider_iyzico.simulator.world import API_KEY, SECRET_KEY

#: The version of Airflow that all this runs on.
AIRFLOW_VERSION = tuple(map(int, version("apache-airflow").split(".")[:2]))
HAS_PAGES = AIRFLOW_VERSION >= (3, 1)
NO_PAGES = "Airflow before 3.1 has no page"
#: Airflow's hook takes the newer driver where it is, and SQLAlchemy knows it from 2.0 on.
HAS_PSYCOPG = version("sqlalchemy") >= "2" and find_spec("psycopg") is not None
POSTGRESQL = "postgresql+psycopg" if HAS_PSYCOPG else "postgresql+psycopg2"


def connect(monkeypatch: pytest.MonkeyPatch, simulator: Simulator, **extra: object) -> None:
    """Point ``iyzico_default`` at a simulator, with a timeout that a busy machine keeps and that a test of silence can wait for."""
    connection = json.loads(simulator.connection)
    connection["extra"] = {**connection["extra"], "timeout": 6.0, **extra}
    monkeypatch.setenv("AIRFLOW_CONN_IYZICO_DEFAULT", json.dumps(connection))


def connect_to(monkeypatch: pytest.MonkeyPatch, host: str, **extra: object) -> None:
    """Point ``iyzico_default`` at any address, with the simulator's keys and a short timeout."""
    keys = {"login": API_KEY, "password": SECRET_KEY}
    connection = {"conn_type": "iyzico", "host": host, **keys, "extra": {"account": "raw", "timeout": 5, **extra}}
    monkeypatch.setenv("AIRFLOW_CONN_IYZICO_DEFAULT", json.dumps(connection))


def see_iyzicos_clock(monkeypatch: pytest.MonkeyPatch, minutes: float) -> None:
    """Let iyzico's answers say another time than this machine's clock."""
    read = balance.read_system_time

    def another(fields: dict[str, object]) -> datetime | None:
        moment = read(fields)
        return moment and moment + timedelta(minutes=minutes)

    monkeypatch.setattr(balance, "read_system_time", another)


def catch_up(asset: str) -> None:
    """Let ``dag.test()`` of older versions do as that of the newest: know an asset before 3.1, and start its API once before 3.3."""
    from airflow.utils.session import create_session

    if (3, 0) <= AIRFLOW_VERSION < (3, 3):
        from airflow.sdk.execution_time import supervisor

        supervisor.in_process_api_server = cache(supervisor.in_process_api_server)
    if AIRFLOW_VERSION >= (3, 1):
        return
    with create_session() as session:
        if AIRFLOW_VERSION >= (3, 0):
            from airflow.models.asset import AssetActive, AssetModel

            session.add_all([AssetModel(name=asset, uri=asset, group="asset"), AssetActive(name=asset, uri=asset)])
        else:
            from airflow.models.dataset import DatasetModel

            session.add(DatasetModel(uri=asset))


@contextmanager
def a_cache(monkeypatch: pytest.MonkeyPatch, age: str, latency_ms: int | None = None) -> Iterator[None]:
    """Let every answer say for how many seconds a cache has kept it.

    :param latency_ms: how long the answer took, if that matters
    """
    send = Transport.send

    def kept(*given: Any) -> Answer:
        answer = send(*given)
        took = answer.latency_ms if latency_ms is None else latency_ms
        return replace(answer, headers={**answer.headers, "Age": age}, latency_ms=took)

    with monkeypatch.context() as patched:
        patched.setattr(Transport, "send", kept)
        yield
