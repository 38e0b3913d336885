"""An Airflow of its own for the whole session, and the simulator for each test. Everything stays on loopback."""

from __future__ import annotations

import json
import logging
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import needs
import pytest
from hypothesis import HealthCheck, settings
from sandbox import airflow_environment

# The same examples on every machine and in every run; how fast they are made is not what is tested.
settings.register_profile("repeatable", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("repeatable")

_home = tempfile.TemporaryDirectory(prefix="iyzico-tests-")
HOME = Path(_home.name)
#: Airflow reads its environment when it is first imported, which is after this line and before any test.
for _name in [name for name in os.environ if name.startswith("AIRFLOW")]:
    del os.environ[_name]
os.environ.update(airflow_environment(HOME, iyzico="", warehouse=HOME / "warehouse.db"))
os.environ["AIRFLOW__CORE__UNIT_TEST_MODE"] = "False"
os.environ["SQLALCHEMY_WARN_20"] = "1"  # lets SQLAlchemy 1.4 say what we use that is gone in 2.0
del os.environ["AIRFLOW_CONN_IYZICO_DEFAULT"]

from emulators import HAS_FAKESNOW  # noqa: E402
from support import AIRFLOW_VERSION, catch_up, connect  # noqa: E402

from airflow_provider_iyzico.simulator import Simulator  # noqa: E402


def pytest_report_header() -> list[str]:
    """Say at the start what cannot be tested on this machine, and what brings it."""
    return needs.report()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say it again at the end, where it is read."""
    for line in needs.report():
        terminalreporter.write_line(line, yellow=True)


def pytest_configure(config: pytest.Config) -> None:
    """On an Airflow before the one we develop on, what Airflow and its libraries warn each other of is not ours; our own use is."""
    if AIRFLOW_VERSION < (3, 3):
        for line in ("ignore", "error:::airflow_provider_iyzico"):
            config.addinivalue_line("filterwarnings", line)
    if HAS_FAKESNOW:  # what the emulator and the libraries around it warn of is not ours
        for line in ("ignore", "error:::airflow_provider_iyzico"):
            config.addinivalue_line("filterwarnings", line)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse a name that is another one in each process: with several of them, no test would run."""
    if names := [item.nodeid for item in items if " at 0x" in item.nodeid]:
        raise pytest.UsageError(f"these tests are named by an address in memory; give them ids: {', '.join(names)}")


@pytest.fixture
def iyzico(monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    """A simulated account behind the Connection ``iyzico_default``."""
    with Simulator("100.00") as simulator:
        connect(monkeypatch, simulator)
        yield simulator


@pytest.fixture(scope="session")
def airflow_database() -> None:
    """Airflow's own tables, once."""
    from airflow.utils.db import initdb

    initdb()
    catch_up("iyzico_balance_snapshot")
    logging.getLogger("airflow").setLevel(logging.WARNING)


@pytest.fixture
def sqlite_warehouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty SQLite file behind the Connection ``iyzico_warehouse``."""
    path = tmp_path / "warehouse.db"
    monkeypatch.setenv("AIRFLOW_CONN_IYZICO_WAREHOUSE", json.dumps({"conn_type": "sqlite", "host": str(path)}))
    return path


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A real PostgreSQL: ``$TEST_POSTGRES_URL``, else one from a package, as root and as an ordinary user."""
    from postgres import postgres_server

    with postgres_server() as url:
        yield url


@pytest.fixture(scope="session")
def mariadb_url() -> Iterator[str]:
    """A real MariaDB: ``$TEST_MARIADB_URL``, else Debian's, as root and as an ordinary user."""
    from mariadb import mariadb_server

    with mariadb_server() as url:
        yield url
