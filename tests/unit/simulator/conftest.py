import pytest
from own_client import Client

from airflow_provider_iyzico.simulator import Simulator


@pytest.fixture
def box():
    with Simulator("1500.75") as simulator:
        yield simulator


@pytest.fixture
def bank():
    """A simulator with 1000.00 whose clock stands still."""
    with Simulator("1000.00", seed=7) as simulator:
        simulator.set(clock="stepped")
        yield simulator


@pytest.fixture
def client(bank):
    return Client(bank)
