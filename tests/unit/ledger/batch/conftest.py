from uuid import uuid4

import pytest
from mariadb import mariadb_database
from postgres import postgres_schema
from sqlalchemy import create_engine
from support import POSTGRESQL

from airflow_provider_iyzico.ledger.accounts import Account
from airflow_provider_iyzico.ledger.ledger import Ledger


@pytest.fixture(scope="module", params=["sqlite", "postgresql", "mariadb"])
def ledger(request, tmp_path_factory):
    """A ledger in each database, for all tests of a module: each test has an account of its own there."""
    if request.param == "sqlite":
        engine = create_engine(f"sqlite:///{tmp_path_factory.mktemp('ledger')}/ledger.db")
        yield Ledger.open(engine)
        engine.dispose()
        return
    url = request.getfixturevalue(f"{'postgres' if request.param == 'postgresql' else 'mariadb'}_url")
    database = postgres_schema(url, POSTGRESQL) if request.param == "postgresql" else mariadb_database(url)
    with database as engine:
        yield Ledger.open(engine)


@pytest.fixture
def account():
    return Account("sandbox", f"şube {uuid4().hex[:12]}", "TRY")
