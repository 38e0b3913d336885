"""How OpenLineage names a table (https://openlineage.io/docs/spec/naming)."""

from __future__ import annotations

from sqlalchemy.engine.url import URL

_PORTS = {"postgresql": 5432, "mysql": 3306, "mariadb": 3306, "redshift": 5439, "trino": 8080}
_SCHEMES = {"postgresql": "postgres", "mariadb": "mysql"}
_DEFAULT_SCHEMAS = {"postgresql": "public", "redshift": "public"}
#: Their URLs name the schema behind the database, after a slash.
_WITH_SCHEMA = frozenset({"snowflake", "trino"})


def dataset(url: URL, table: str, schema: str | None) -> tuple[str, str]:
    """Return namespace and name of a table, without user or password."""
    backend = url.get_backend_name()
    scheme = _SCHEMES.get(backend, backend)
    if url.host is None:
        return scheme, ".".join(filter(None, [url.database, schema, table]))
    port = url.port or _PORTS.get(backend)
    authority = f"{url.host}:{port}" if port else url.host
    database, own = url.database or "", _DEFAULT_SCHEMAS.get(backend)
    if backend in _WITH_SCHEMA:
        database, _, own = database.partition("/")
    return f"{scheme}://{authority}", ".".join(filter(None, [database, schema or own, table]))
