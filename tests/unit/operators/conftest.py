import pytest
from payout_tasks import AT_ONCE
from support import connect

from airflow_provider_iyzico.simulator import Simulator


@pytest.fixture
def bank(monkeypatch, sqlite_warehouse, airflow_database):
    """A simulator with 1000.00 that pays at once and charges 2.50 for each item, and an empty ledger."""
    with Simulator("1000.00", seed=12) as simulator:
        simulator.set(durations=AT_ONCE, commission="2.50")
        connect(monkeypatch, simulator, can_pay=True, currency="TRY")
        yield simulator
