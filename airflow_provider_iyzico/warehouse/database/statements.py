"""SQL that is written out, and values that are sent many at once.

Each task makes an engine of its own, for which SQLAlchemy would have to compile every statement again; that costs more than
running it. PostgreSQL's drivers take the statements as they are. For the others a text leaves little to compile.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Date, Integer, String, Table, bindparam, text

from airflow_provider_iyzico.warehouse.database.names import MYSQL
from airflow_provider_iyzico.warehouse.database.types import Instant, Money

if TYPE_CHECKING:
    from sqlalchemy import TextClause
    from sqlalchemy.engine import Connection, CursorResult
    from sqlalchemy.sql.elements import ColumnElement
    from sqlalchemy.sql.selectable import TextualSelect
    from sqlalchemy.types import TypeEngine

_TEXT_AND_COUNTS = (String, Integer)
#: The types that the drivers of a dialect take and give without help.
_UNDERSTOOD = {
    "postgresql": (*_TEXT_AND_COUNTS, Money, Date, Instant),
    "sqlite": _TEXT_AND_COUNTS,
    "duckdb": (*_TEXT_AND_COUNTS, Money, Date),
    "mysql": (*_TEXT_AND_COUNTS, Money, Date),
    "mariadb": (*_TEXT_AND_COUNTS, Money, Date),
}
_NAMED = re.compile(r":(\w+)")
#: Rows of one INSERT. ``executemany`` would keep its plan on the server, where a pooler may give it to another client.
BATCH = 1000
#: The dialects for which inserts are written out: they name a key in which a conflict adds nothing.
WRITTEN_DIALECTS = ("postgresql", "sqlite", "duckdb")


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement with named values.

    :param text: as SQLAlchemy takes it, with the types of values and columns where the driver needs help
    :param plain: for drivers that need no help and know the names themselves
    """

    text: TextClause | TextualSelect
    plain: str

    def run(self, connection: Connection, values: Mapping[str, Any]) -> CursorResult[Any]:
        if connection.dialect.name == "postgresql" and connection.dialect.paramstyle == "pyformat":
            return connection.exec_driver_sql(self.plain, dict(values))
        return connection.execute(self.text, values)


def statement(
    said: str, dialect: str, given: Iterable[ColumnElement[Any]], returned: Iterable[ColumnElement[Any]] = ()
) -> Statement:
    """Write a statement for one of these dialects.

    :param given: what the named values are like
    :param returned: what the columns of the answer are like
    """
    understood = _UNDERSTOOD[dialect]
    bound = [bindparam(name, type_=kind) for name, kind in _types(given, understood).items()]
    bare = text(said).bindparams(*bound)
    types = _types(returned, understood)
    return Statement(bare.columns(**types) if types else bare, _NAMED.sub(r"%(\1)s", said))


def _types(columns: Iterable[ColumnElement[Any]], understood: tuple[type[TypeEngine[Any]], ...]) -> dict[str, TypeEngine[Any]]:
    return {str(column.key): column.type for column in columns if not isinstance(column.type, understood)}


def quoted(table: Table, dialect: str = "") -> str:
    """Return the name of a table, which may be any identifier, such as a reserved word."""
    quote = "`" if dialect in MYSQL else '"'
    return ".".join(f"{quote}{name}{quote}" for name in (table.schema, table.name) if name)
