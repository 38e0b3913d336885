"""Which parts of the page a warehouse can answer. It may lack views, as one without a ledger does, or keep them from this role.

A part asks before it reads: on PostgreSQL, a query of a view that is not there would end the transaction for all parts.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any, NamedTuple

from sqlalchemy import bindparam, text
from sqlalchemy.engine import Connection

from airflow_provider_iyzico.ui.columns import MORE_COLUMNS
from airflow_provider_iyzico.warehouse.database.names import MYSQL
from airflow_provider_iyzico.warehouse.views import quoted

_IN_POSTGRESQL = text(
    "SELECT name, COALESCE(has_table_privilege(place, 'SELECT'), FALSE) AS may_read, "
    "(SELECT string_agg(a.attname, ' ') FROM pg_attribute AS a WHERE a.attrelid = place AND a.attnum > 0) AS columns "
    "FROM (SELECT name, CAST(to_regclass(CAST(:prefix AS text) || quote_ident(name)) AS oid) AS place "
    "FROM unnest(CAST(:names AS text[])) AS name) AS wanted WHERE place IS NOT NULL"
)
#: They tell a role only of what it may read.
_IN_MYSQL = text(
    "SELECT table_name, column_name FROM information_schema.columns "
    "WHERE table_schema = COALESCE(:schema, DATABASE()) AND table_name IN :names"
).bindparams(bindparam("names", expanding=True))


class Lack(NamedTuple):
    """Why a part of the page cannot be shown.

    :param why: ``absent`` if no view of it is there, ``no_grant`` if this role may not read one, ``older`` if one is missing or
        of another version
    :param detail: what an administrator needs to know
    """

    why: str
    detail: str


def lack(connection: Connection, schema: str | None, *names: str) -> Lack | None:
    """Return why these views cannot be read, or ``None`` if they can."""
    there = _there(connection, schema, names)
    if missing := [name for name in names if name not in there]:
        return Lack("absent" if len(missing) == len(names) else "older", ", ".join(quoted(name, schema) for name in missing))
    if closed := [name for name in names if not there[name][0]]:
        return Lack("no_grant", f"GRANT SELECT ON {', '.join(quoted(name, schema) for name in closed)} TO …;")
    if older := [name for name in names if not set(MORE_COLUMNS[name]) <= there[name][1]]:
        return Lack("older", ", ".join(quoted(name, schema) for name in older))
    return None


def _there(connection: Connection, schema: str | None, names: tuple[str, ...]) -> dict[str, tuple[bool, set[str]]]:
    """Return which of the views are there, whether this role may read each, and its columns."""
    if connection.dialect.name == "postgresql":
        values: dict[str, Any] = {"names": list(names), "prefix": f'"{schema}".' if schema else ""}
        return {row.name: (row.may_read, set(row.columns.split())) for row in connection.execute(_IN_POSTGRESQL, values)}
    if connection.dialect.name in MYSQL:
        columns: dict[str, set[str]] = defaultdict(set)
        for name, column in connection.execute(_IN_MYSQL, {"schema": schema, "names": list(names)}):
            columns[name].add(column)
        return {name: (True, of_it) for name, of_it in columns.items()}
    master = f'"{schema}".sqlite_master' if schema else "sqlite_master"  # the schema is a checked identifier
    query = text(f"SELECT name FROM {master} WHERE name IN :names").bindparams(bindparam("names", expanding=True))  # noqa: S608
    found = connection.execute(query, {"names": list(names)}).scalars().all()
    asked = text("SELECT name FROM pragma_table_info(:name)")
    return {name: (True, set(connection.execute(asked, {"name": name}).scalars())) for name in found}
