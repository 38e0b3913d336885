import pytest
from payers import Payer, a_bank
from sqlalchemy import create_engine

from airflow_provider_iyzico.hooks.iyzico import IyzicoHook
from airflow_provider_iyzico.ledger.ledger import Ledger


@pytest.fixture
def bank(monkeypatch):
    with a_bank(monkeypatch) as simulator:
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
