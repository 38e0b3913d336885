import decimal
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import ROUND_UP, Clamped, Context, Decimal, FloatOperation, Inexact, InvalidOperation, Rounded, Subnormal

import pytest
from duckdb_files import duckdb_file
from emulators import EMULATED, snowflake_emulator
from mariadb import mariadb_database
from postgres import postgres_schema
from sqlalchemy import create_engine
from support import POSTGRESQL

from airflow_provider_iyzico.warehouse.snapshot import Observation, snapshot_row
from airflow_provider_iyzico.warehouse.task import TaskInstance


@pytest.fixture
def sqlite_engine(tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path}/warehouse.db")
    yield engine
    engine.dispose()


@pytest.fixture
def postgres_engine(postgres_url):
    """A schema of its own on the real server."""
    with postgres_schema(postgres_url, POSTGRESQL) as engine:
        yield engine


@pytest.fixture
def mariadb_engine(mariadb_url):
    """A database of its own on the real server."""
    with mariadb_database(mariadb_url) as engine:
        yield engine


@pytest.fixture
def snowflake_engine():
    """A warehouse of its own in the emulator."""
    with snowflake_emulator() as engine:
        yield engine


@pytest.fixture
def duckdb_engine(tmp_path):
    """A file of its own."""
    with duckdb_file(tmp_path / "warehouse.duckdb") as engine:
        yield engine


#: Each database in which a ledger can be: it locks what it reads, or has one writer.
LOCKING = {"sqlite": "sqlite_engine", "postgresql": "postgres_engine", "mariadb": "mariadb_engine"}
ENGINES = LOCKING | {"duckdb": "duckdb_engine"} | EMULATED


@pytest.fixture(params=list(LOCKING))
def locking_engine(request):
    """Each database that locks, for real."""
    return request.getfixturevalue(LOCKING[request.param])


@pytest.fixture(params=list(ENGINES))
def any_engine(request):
    """Each database that runs for real."""
    return request.getfixturevalue(ENGINES[request.param])


CONTEXTS = {
    "few digits": Context(prec=6),
    "two digits, up": Context(prec=2, rounding=ROUND_UP),
    "everything traps": Context(prec=4, traps=[Inexact, Rounded, FloatOperation, Clamped, Subnormal, InvalidOperation]),
    "small exponents": Context(prec=9, Emax=3, Emin=-3, clamp=1),
    "nothing traps": Context(prec=3, traps=[]),
}


@pytest.fixture(params=CONTEXTS)
def odd(request):
    """A context for decimals that a DAG file may have set."""

    @contextmanager
    def odd():
        with decimal.localcontext(CONTEXTS[request.param]):
            yield

    return odd


@pytest.fixture
def make_row():
    def make(balance="1500.75", run_id="manual__1", **task):
        seen = Observation(
            account="şube",
            environment="sandbox",
            currency="TRY",
            balance=Decimal(balance),
            balance_raw=balance,
            observed_at=datetime(2026, 11, 22, 20, 59, 59, 999999, tzinfo=UTC),
            system_time=None,
            latency_ms=12,
            report_timezone="Europe/Istanbul",
        )
        identity = {"dag_id": "d", "task_id": "t", "run_id": run_id, "map_index": -1, "try_number": 1} | task
        nothing = {"logical_date": None, "data_interval_start": None, "data_interval_end": None}
        return snapshot_row(seen, TaskInstance(**{**nothing, **identity}))

    return make


@pytest.fixture
def sleeping(monkeypatch):
    """Let the machine sleep for so many seconds: Linux counts them by ``CLOCK_BOOTTIME`` alone of its clocks that nobody sets."""
    read, slept = time.clock_gettime, []
    monkeypatch.setattr(time, "clock_gettime", lambda clock: read(clock) + (sum(slept) if clock == time.CLOCK_BOOTTIME else 0))
    return slept.append
