import json

import pytest
from payers import Payer
from sqlalchemy import create_engine

from airflow_provider_iyzico.hooks.iyzico import IyzicoHook
from airflow_provider_iyzico.ledger.ledger import Ledger
from airflow_provider_iyzico.simulator import Simulator


@pytest.fixture
def bank(monkeypatch):
    """A simulator with 1000.00 whose clock stands still, and that charges 2.50 for each item."""
    with Simulator("1000.00", seed=12) as simulator:
        simulator.set(clock="stepped", commission="2.50")
        connection = json.loads(simulator.connection)
        connection["extra"]["timeout"] = 5
        monkeypatch.setenv("AIRFLOW_CONN_IYZICO_DEFAULT", json.dumps(connection))
        yield simulator


@pytest.fixture
def hook():
    hook = IyzicoHook()
    yield hook
    hook.close()


@pytest.fixture
def payer(bank, hook, tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path}/ledger.db")
    yield Payer(bank, Ledger.open(engine), hook)
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def payer_on_each(request, bank, hook):
    """The same on both databases that payouts are proven on."""
    name = "sqlite_engine" if request.param == "sqlite" else "postgres_engine"
    return Payer(bank, Ledger.open(request.getfixturevalue(name)), hook)
