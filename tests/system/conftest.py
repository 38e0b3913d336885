import pytest
from postgres import database_of_its_own


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("airflow")


@pytest.fixture(scope="module")
def database(postgres_url):
    """A database for the history of one Airflow."""
    with database_of_its_own(postgres_url, "postgresql+psycopg2") as engine:
        yield engine
