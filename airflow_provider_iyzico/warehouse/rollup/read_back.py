"""Reads back what an append wrote: the snapshot, and a day of its account."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import Table
from sqlalchemy.engine import Connection

from airflow_provider_iyzico.warehouse.database.rows import as_given
from airflow_provider_iyzico.warehouse.database.types import finite
from airflow_provider_iyzico.warehouse.rollup.day import Day
from airflow_provider_iyzico.warehouse.rollup.statements import roll_up_statements
from airflow_provider_iyzico.warehouse.tables import account_of

_SUMS = ("inflow", "outflow")


def read_back(
    connection: Connection, table: Table, row: Mapping[str, Any], day: date
) -> tuple[dict[str, Any] | None, Day | None]:
    """Return the row and a day of its account as they are stored now, if they are there."""
    wanted = {**account_of(row), "local_date": day, "snapshot_id": row["snapshot_id"]}
    found = roll_up_statements(table, connection.dialect.name).read.run(connection, wanted).mappings().one_or_none()
    if found is None:
        return None, None
    values = [found[f"day_{name}"] for name in Day._fields]
    is_there = values[-1] is not None
    stored = Day._make(finite(each) if isinstance(each, Decimal) else each for each in values) if is_there else None
    return {name: found[name] for name in row}, stored


def day_as_given(connection: Connection, table: Table, given: Mapping[str, Any], stored: dict[str, Any] | None) -> None:
    """Check a day of the roll-up. SQLite keeps only 15 digits of its sums, even if every balance is exact.

    :raises WarehouseExactnessError: it differs from the given day, or is not there
    """
    if stored is not None and connection.dialect.name == "sqlite":
        bent = {name: stored[name] for name in _SUMS if _is_near(given[name], stored[name])}
        given = {**given, **bent}
    as_given(connection, table, given, stored)


def _is_near(given: Decimal, stored: Decimal) -> bool:
    return abs(given - stored) < Decimal(1).scaleb(given.adjusted() - 14)
