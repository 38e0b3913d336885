"""The database's own clock: the one that all machines share."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import text
from sqlalchemy.engine import Connection

_NOW = {
    "postgresql": text("SELECT clock_timestamp()"),
    "mysql": text("SELECT CAST(SYSDATE(6) AS DATETIME(6))"),
    "mariadb": text("SELECT CAST(SYSDATE(6) AS DATETIME(6))"),
    "sqlite": text("SELECT strftime('%Y-%m-%d %H:%M:%f', 'now')"),
}


def database_now(connection: Connection) -> datetime:
    """Return the moment by the database's clock, in UTC; on SQLite to the millisecond.

    MySQL and MariaDB have the time zone of the session, which is UTC (see ``engine``).
    """
    said = connection.execute(_NOW[connection.dialect.name]).scalar_one()
    moment: datetime = datetime.fromisoformat(said) if isinstance(said, str) else said
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
