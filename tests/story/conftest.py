from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
from sandbox import load_dags
from support import AIRFLOW_VERSION


@pytest.fixture
def dags(airflow_database):
    """The example DAGs, as the README quotes them."""
    return load_dags()


@pytest.fixture(params=["poke", "reschedule", "deferrable"])
def gate_dag(request, dags):
    """The payout DAG in each mode, with a gate that is impatient enough for a test."""
    if request.param == "reschedule" and AIRFLOW_VERSION == (3, 0):
        pytest.skip("dag.test() of Airflow 3.0 gives a rescheduled sensor a text where it counts with a moment")
    dag = dags["iyzico_payout_gate"]
    gate = dag.get_task("wait_for_money")
    gate.deferrable = request.param == "deferrable"
    gate.mode = "reschedule" if request.param == "reschedule" else "poke"
    gate.poke_interval = 0.1
    gate.timeout = 120
    return dag


@pytest.fixture
def meanwhile():
    """Do something from another thread as soon as a condition holds; a test that ends earlier fails."""
    threads = []

    def start(condition: Callable[[], object], act: Callable[[], object]) -> None:
        def wait() -> None:
            deadline = time.monotonic() + 120
            while not condition() and time.monotonic() < deadline:
                time.sleep(0.01)
            act()

        thread = threading.Thread(target=wait)
        thread.start()
        threads.append(thread)

    yield start
    for thread in threads:
        thread.join(150)
        assert not thread.is_alive()
