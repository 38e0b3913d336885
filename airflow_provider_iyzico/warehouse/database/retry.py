"""Tries an act again if that may help. If not, the error says what is wrong with the table."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import inspect
from sqlalchemy.engine import Engine

from airflow_provider_iyzico.errors import (
    WarehouseConfigurationError,
    WarehouseError,
    WarehouseTableError,
    WarehouseUnavailableError,
)
from airflow_provider_iyzico.warehouse.database.faults import advice, cause, errors_of, first_line, is_passing, unreachable
from airflow_provider_iyzico.warehouse.database.layout import Layout, ddl, ensure
from airflow_provider_iyzico.warehouse.database.rows import ENFORCES_KEYS, key_of

T = TypeVar("T")


def persist(engine: Engine, layout: Layout, idempotent_act: Callable[[], T], *, create_table: bool = True) -> T:
    """Act on a layout: retry once after a transient error, and once after creating missing tables.

    :param idempotent_act: adds nothing when it runs again, because a commit that seemed to fail may have succeeded
    :param create_table: make a missing table or view; otherwise the error holds the DDL
    :raises WarehouseTableError: a table is missing, or has another shape
    :raises WarehouseUnavailableError: the warehouse did not answer; a retry is safe
    :raises WarehouseError: the warehouse refused for a reason of its own
    """
    before: Exception | None = None
    while True:
        try:
            return idempotent_act()
        except errors_of(engine) as error:
            if before is not None and (is_passing(error) or not is_passing(before)):
                raise _explained(engine, layout, error) from cause(error)
            if not is_passing(error):
                ensure(engine, layout, error, create_table=create_table)
            before = error


def _explained(engine: Engine, layout: Layout, error: Exception) -> WarehouseError:
    """Say what a failed act means. The table is known to exist here."""
    table = layout.table
    try:
        inspector = inspect(engine)
        there = {str(column["name"]).lower() for column in inspector.get_columns(table.name, schema=table.schema)}
        key = inspector.get_pk_constraint(table.name, schema=table.schema)["constrained_columns"]
    except errors_of(engine) as gone:
        return unreachable(engine, gone)
    missing = [column.name for column in table.columns if column.name not in there]
    if missing:
        return WarehouseTableError(
            f"table {table.fullname!r} has another shape: it lacks {missing}. Name another table, or add what is missing from:\n"
            f"{ddl(layout, engine.dialect)}"
        )
    passes = is_passing(error)
    if key != key_of(table) and not passes and engine.dialect.name in ENFORCES_KEYS:
        return WarehouseTableError(
            f"table {table.fullname!r} lacks its primary key, {', '.join(key_of(table))}: {first_line(error)}"
        )
    if (helps := advice(error)) is not None:
        return WarehouseConfigurationError(f"table {table.fullname!r} refused the row: {helps}")
    kind = WarehouseUnavailableError if passes else WarehouseError
    return kind(f"table {table.fullname!r} refused the row: {first_line(error)}")
