import decimal
from contextlib import contextmanager
from decimal import ROUND_UP, Clamped, Context, FloatOperation, Inexact, InvalidOperation, Rounded, Subnormal
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, text
from support import POSTGRESQL


@pytest.fixture
def sqlite_engine(tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path}/warehouse.db")
    yield engine
    engine.dispose()


@pytest.fixture
def postgres_engine(postgres_url):
    """A schema of its own on the real server."""
    with postgres_schema(postgres_url) as engine:
        yield engine


@contextmanager
def postgres_schema(postgres_url):
    schema = f"test_{uuid4().hex[:12]}"
    admin = create_engine(postgres_url.replace("postgresql", POSTGRESQL))
    with admin.begin() as connection:
        connection.execute(text(f"CREATE SCHEMA {schema}"))
    engine = create_engine(admin.url, connect_args={"options": f"-csearch_path={schema}"})
    yield engine
    engine.dispose()
    with admin.begin() as connection:
        connection.execute(text(f"DROP SCHEMA {schema} CASCADE"))
    admin.dispose()


@pytest.fixture(scope="module", params=[("sqlite", 1), ("sqlite", 2), ("postgresql", 1), ("postgresql", 2)], ids=str)
def engine_and_seed(request, tmp_path_factory):
    """An engine that is kept for all tests of a module, and the seed of what it holds."""
    dialect, seed = request.param
    if dialect == "postgresql":
        with postgres_schema(request.getfixturevalue("postgres_url")) as engine:
            yield engine, seed
    else:
        engine = create_engine(f"sqlite:///{tmp_path_factory.mktemp('module')}/warehouse.db")
        yield engine, seed
        engine.dispose()


ENGINES = {"sqlite": "sqlite_engine", "postgresql": "postgres_engine", "mariadb": "mariadb_engine"}


@pytest.fixture(params=["sqlite", "postgresql"])
def reporting_engine(request):
    """Each database that has the reports, for real."""
    return request.getfixturevalue(ENGINES[request.param])


@pytest.fixture
def engine(reporting_engine):
    """What tests of a module mean unless they say otherwise."""
    return reporting_engine


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
