import pytest
from postgres import postgres_schema
from sqlalchemy import create_engine
from support import POSTGRESQL

#: Each database that has the reports.
ENGINES = {"sqlite": "sqlite_engine", "postgresql": "postgres_engine"}


@pytest.fixture(scope="module", params=[("sqlite", 1), ("sqlite", 2), ("postgresql", 1), ("postgresql", 2)], ids=str)
def engine_and_seed(request, tmp_path_factory):
    """An engine that is kept for all tests of a module, and the seed of what it holds."""
    dialect, seed = request.param
    if dialect == "postgresql":
        with postgres_schema(request.getfixturevalue("postgres_url"), POSTGRESQL) as engine:
            yield engine, seed
    else:
        engine = create_engine(f"sqlite:///{tmp_path_factory.mktemp('module')}/warehouse.db")
        yield engine, seed
        engine.dispose()


@pytest.fixture(params=list(ENGINES))
def reporting_engine(request):
    """Each database that has the reports, for real."""
    return request.getfixturevalue(ENGINES[request.param])


@pytest.fixture
def engine(reporting_engine):
    """What tests of a module mean unless they say otherwise."""
    return reporting_engine
