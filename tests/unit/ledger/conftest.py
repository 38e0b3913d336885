import pytest
from ledgers import ACCOUNT
from postgres import postgres_schema
from snapshots import run
from sqlalchemy import text
from support import HAS_PSYCOPG

from airflow_provider_iyzico.ledger.ledger import Ledger
from airflow_provider_iyzico.ledger.placing import funds_version

ENGINES = ["sqlite", "psycopg2", *(["psycopg"] if HAS_PSYCOPG else []), "mariadb"]


@pytest.fixture(params=ENGINES)
def ledger_engine(request):
    """Each database and driver that a ledger runs on."""
    if request.param.startswith("psycopg"):
        with postgres_schema(request.getfixturevalue("postgres_url"), f"postgresql+{request.param}") as engine:
            yield engine
    else:
        yield request.getfixturevalue(f"{request.param}_engine")


@pytest.fixture
def ledger(ledger_engine):
    """An opened ledger, whose tables are there."""
    return opened(ledger_engine)


@pytest.fixture
def sqlite_ledger(sqlite_engine):
    return opened(sqlite_engine)


@pytest.fixture
def postgres_ledger(postgres_engine):
    return opened(postgres_engine)


@pytest.fixture
def mariadb_ledger(mariadb_engine):
    return opened(mariadb_engine)


def opened(engine):
    ledger = Ledger.open(engine)
    funds_version(ledger, ACCOUNT)
    return ledger


@pytest.fixture
def sleep_in_the_database(ledger):
    """Let a moment pass by the database's clock."""

    def sleep(seconds):
        before = ledger.act(ledger.clock)
        while (ledger.act(ledger.clock) - before).total_seconds() <= seconds:
            if ledger.engine.dialect.name == "postgresql":
                run(ledger.engine, f"SELECT pg_sleep({seconds})")
            elif ledger.engine.dialect.name == "mysql":
                run(ledger.engine, f"DO SLEEP({seconds})")

    return sleep


@pytest.fixture
def view(ledger):
    """What ``iyzico_balance_available`` says now, row by row."""

    def read():
        query = text("SELECT * FROM iyzico_balance_available ORDER BY environment, account, currency")
        return ledger.act(lambda connection: [dict(row) for row in connection.execute(query).mappings()])

    return read
