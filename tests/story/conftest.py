from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
from sandbox import load_dags


@pytest.fixture
def dags(airflow_database):
    """The example DAGs, as the README quotes them."""
    return load_dags()


@pytest.fixture
def meanwhile():
    """Do something from another thread as soon as a condition holds; a test that ends earlier fails."""
    threads = []

    def start(condition: Callable[[], object], act: Callable[[], object]) -> None:
        def wait() -> None:
            deadline = time.monotonic() + 30
            while not condition() and time.monotonic() < deadline:
                time.sleep(0.01)
            act()

        thread = threading.Thread(target=wait)
        thread.start()
        threads.append(thread)

    yield start
    for thread in threads:
        thread.join(40)
        assert not thread.is_alive()
