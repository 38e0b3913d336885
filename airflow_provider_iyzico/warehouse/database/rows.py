"""Rows that are added once, read back and compared. If the stored row differs, nothing is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from operator import itemgetter
from typing import Any

from sqlalchemy import Table, and_, exists, insert, literal, select
from sqlalchemy.engine import Connection

from airflow_provider_iyzico.errors import WarehouseExactnessError, WarehouseTableError
from airflow_provider_iyzico.warehouse.database.statements import WRITTEN_DIALECTS, Statement, quoted, statement

#: These enforce a primary key. Any other warehouse gets a conditional insert.
ENFORCES_KEYS = frozenset({"postgresql", "sqlite", "duckdb", "mysql", "mariadb", "mssql", "oracle"})

Row = Mapping[str, Any]


def add(connection: Connection, table: Table, row: Row) -> bool:
    """Add ``row``. If its key is there already, return false or fail with an ``IntegrityError``."""
    dialect = connection.dialect.name
    adding: Any
    if dialect not in ENFORCES_KEYS:
        columns = [table.c[name] for name in row]
        values = select(*[literal(row[column.name], column.type) for column in columns])
        one_row = select(literal(1).label("one")).subquery("one_row")  # BigQuery takes no condition without a table
        adding = insert(table).from_select(columns, values.select_from(one_row).where(~exists().where(_is_row(table, row))))
    elif dialect not in WRITTEN_DIALECTS:
        adding = insert(table).values(dict(row))
    else:
        return _add(table, dialect).run(connection, row).rowcount != 0
    return connection.execute(adding.execution_options(preserve_rowcount=True)).rowcount != 0


def add_many(connection: Connection, adding: Any, rows: Sequence[Row]) -> None:
    """Send an INSERT for many rows at once, all of which have the same columns.

    The driver takes the rows as tuples: SQLAlchemy would spend more on each of them than the driver and the database do.
    """
    if not rows:
        return
    dialect, columns = connection.dialect, adding.table.c
    compiled = adding.compile(dialect=dialect, column_keys=list(rows[0]))
    names = compiled.positiontup or list(rows[0])
    makers = {name: columns[name].type.dialect_impl(dialect).bind_processor(dialect) for name in names}
    values: list[Any] = [
        map(itemgetter(name), rows) if make is None else map(cache(make), map(itemgetter(name), rows))  # most share one moment
        for name, make in makers.items()
    ]
    given: list[Any] = list(zip(*values, strict=True))
    if not compiled.positiontup:
        given = [dict(zip(names, each, strict=True)) for each in given]
    connection.exec_driver_sql(str(compiled), given)


def copies(connection: Connection, table: Table, row: Row, first_by: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Return every row that is stored with the key of ``row``: more than one if no key is enforced and two tasks wrote at once.

    :param first_by: columns that tell which of them is the first
    """
    query = select(table).where(_is_row(table, row)).order_by(*[table.c[name] for name in first_by])
    return [dict(each) for each in connection.execute(query).mappings()]


def read(connection: Connection, table: Table, row: Row, first_by: Sequence[str] = ()) -> dict[str, Any] | None:
    """Return what is stored with the key of ``row``, if it is there.

    :param first_by: columns that tell which row counts where no key is enforced
    :raises WarehouseTableError: two rows have that key, and none of them counts
    """
    found = copies(connection, table, row, first_by)
    if len(found) > 1 and not (first_by and connection.dialect.name not in ENFORCES_KEYS):
        raise WarehouseTableError(
            f"table {table.fullname!r} holds {len(found)} rows with one {', '.join(key_of(table))}; it lacks its primary key"
        )
    return found[0] if found else None


def as_given(connection: Connection, table: Table, given: Row, stored: dict[str, Any] | None) -> dict[str, Any]:
    """Return the stored row, if it equals the row that was given.

    :raises WarehouseExactnessError: it differs, or is not there
    """
    if stored is None:
        raise WarehouseExactnessError(f"table {table.fullname!r} took a row, but a query does not find it")
    for name, value in given.items():
        if stored[name] != value:
            kind = table.c[name].type.compile(connection.dialect)
            raise WarehouseExactnessError(
                f"column {name!r} of table {table.fullname!r} was given {value!r} and holds {stored[name]!r} "
                f"(it should be {kind}, and no trigger may change it; SQLite keeps numbers as REAL, "
                "which is exact to 15 digits)"
            )
    return stored


def key_of(table: Table) -> list[str]:
    """Return the columns of the primary key."""
    return [column.name for column in table.primary_key.columns]


def _is_row(table: Table, row: Row) -> Any:
    return and_(*[table.c[name] == row[name] for name in key_of(table)])


@cache
def _add(table: Table, dialect: str) -> Statement:
    names = table.columns.keys()
    said = f"""INSERT INTO {quoted(table)} ({", ".join(names)}) VALUES ({", ".join(f":{name}" for name in names)})
        ON CONFLICT ({", ".join(key_of(table))}) DO NOTHING"""
    return statement(said, dialect, table.columns)
