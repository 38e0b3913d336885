"""What several tests need."""

from __future__ import annotations

import json

import pytest

from airflow_provider_iyzico.simulator import Simulator


def connect(monkeypatch: pytest.MonkeyPatch, simulator: Simulator, **extra: object) -> None:
    """Point ``iyzico_default`` at a simulator, with a short timeout."""
    connection = json.loads(simulator.connection)
    connection["extra"] = {**connection["extra"], "timeout": 1.0, **extra}
    monkeypatch.setenv("AIRFLOW_CONN_IYZICO_DEFAULT", json.dumps(connection))
