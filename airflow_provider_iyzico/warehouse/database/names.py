"""Names of tables and schemas. It imports nothing heavy, because DAG files import it."""

from __future__ import annotations

import re

from airflow_provider_iyzico.errors import WarehouseConfigurationError

#: The names of SQLAlchemy's dialects for MySQL and MariaDB. They have the same words; either dialect may speak to either server.
MYSQL = frozenset({"mysql", "mariadb"})
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}\Z")


def check_identifier(name: object, what: str) -> None:
    """Accept only letters, digits and underscores.

    :raises WarehouseConfigurationError: the name holds something else
    """
    if not isinstance(name, str) or not _IDENTIFIER.match(name):
        raise WarehouseConfigurationError(
            f"{what} is {name!r}; use letters, digits and underscores, at most 63, not beginning with a digit"
            + ("; name the schema in its own parameter" if isinstance(name, str) and "." in name else "")
        )
