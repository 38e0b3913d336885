import pytest
from duckdb_files import duckdb_file
from emulators import EMULATED, snowflake_emulator
from mariadb import mariadb_database
from postgres import postgres_schema
from sqlalchemy import create_engine
from support import POSTGRESQL

#: Each database whose roll-up the append keeps.
KEPT = {"sqlite": "sqlite_engine", "postgresql": "postgres_engine", "mariadb": "mariadb_engine"}
#: Each database that has the reports.
ENGINES = KEPT | {"duckdb": "duckdb_engine"} | EMULATED


@pytest.fixture(scope="module", params=[(dialect, seed) for dialect in ENGINES for seed in (1, 2)], ids=str)
def engine_and_seed(request, tmp_path_factory):
    """An engine that is kept for all tests of a module, and the seed of what it holds."""
    dialect, seed = request.param
    if dialect == "postgresql":
        with postgres_schema(request.getfixturevalue("postgres_url"), POSTGRESQL) as engine:
            yield engine, seed
    elif dialect == "duckdb":
        with duckdb_file(tmp_path_factory.mktemp("module") / "warehouse.duckdb") as engine:
            yield engine, seed
    elif dialect == "mariadb":
        with mariadb_database(request.getfixturevalue("mariadb_url")) as engine:
            yield engine, seed
    elif dialect == "snowflake":
        with snowflake_emulator() as engine:
            yield engine, seed
    else:
        engine = create_engine(f"sqlite:///{tmp_path_factory.mktemp('module')}/warehouse.db")
        yield engine, seed
        engine.dispose()


@pytest.fixture(params=list(ENGINES))
def reporting_engine(request):
    """Each database that has the reports, for real."""
    return request.getfixturevalue(ENGINES[request.param])


@pytest.fixture(params=list(KEPT))
def kept_engine(request):
    """Each database whose roll-up the append keeps, for real."""
    return request.getfixturevalue(KEPT[request.param])


@pytest.fixture
def engine(reporting_engine):
    """What tests of a module mean unless they say otherwise."""
    return reporting_engine
