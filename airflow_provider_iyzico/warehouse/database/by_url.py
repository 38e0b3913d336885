"""The database of a command: a person names it in the environment, since a password has no place on a command line."""

from __future__ import annotations

import os

from sqlalchemy import create_engine
from sqlalchemy.engine import Engine

from airflow_provider_iyzico.errors import WarehouseConfigurationError
from airflow_provider_iyzico.warehouse.database.engine import prepare
from airflow_provider_iyzico.warehouse.database.faults import is_there, without_secret

URL_VARIABLE = "IYZICO_WAREHOUSE_URL"


def engine_by_url() -> Engine:
    """Return an engine for the database that ``$IYZICO_WAREHOUSE_URL`` names. Nothing is asked of it yet.

    :raises WarehouseConfigurationError: the variable is empty, or is no URL that can be used here, or a file is not there
    """
    url = os.environ.get(URL_VARIABLE)
    if not url:
        raise WarehouseConfigurationError(
            f"name the database in ${URL_VARIABLE}, such as postgresql+psycopg://user@host/database or sqlite:////folder/file.db"
        )
    try:
        engine = prepare(create_engine(url))
    except Exception as error:  # noqa: BLE001 - a dialect is anybody's code
        raise WarehouseConfigurationError(
            f"${URL_VARIABLE} is not a SQLAlchemy URL that works here ({type(error).__name__}); write it like "
            "postgresql+psycopg://user@host/database, and install its driver"
        ) from None  # some messages quote the URL, which holds a password
    if engine.url.host and url.count("@") > 1:  # then a part of the password is taken for the host, which drivers quote
        raise WarehouseConfigurationError(f"${URL_VARIABLE} has more than one @; write an @ of a login or password as %40")
    file = engine.url.database
    if engine.dialect.name in ("sqlite", "duckdb") and file and not file.startswith(("file:", "md:")) and not is_there(file):
        raise WarehouseConfigurationError(
            f"there is no database file {file!r}, and this command makes none; correct ${URL_VARIABLE}"
        )
    return engine


def without_password(engine: Engine, said: str) -> str:
    """Return a driver's words as they may be shown."""
    password = engine.url.password
    return without_secret(str(password), said) if password else said
