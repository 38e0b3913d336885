"""What is stored must be what was given, or nothing is kept."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from sqlalchemy import Table
from sqlalchemy.engine import Connection

from airflow_provider_iyzico.errors import WarehouseExactnessError

_SUMS = ("inflow", "outflow")


def as_given(connection: Connection, table: Table, given: Mapping[str, Any], stored: dict[str, Any] | None) -> dict[str, Any]:
    """Return what is stored, if it is what was given.

    :raises WarehouseExactnessError: it is something else, or not there
    """
    if stored is None:
        raise WarehouseExactnessError(f"table {table.fullname!r} took a row and does not show it")
    for name, value in given.items():
        if stored[name] != value:
            kind = table.c[name].type.compile(connection.dialect)
            raise WarehouseExactnessError(
                f"column {name!r} of table {table.fullname!r} was given {value!r} and holds {stored[name]!r} "
                f"(it should be {kind}, and no trigger may change it; SQLite keeps numbers as REAL, "
                "which is exact to 15 digits)"
            )
    return stored


def day_as_given(connection: Connection, table: Table, given: Mapping[str, Any], stored: dict[str, Any] | None) -> None:
    """Check a day of the roll-up. SQLite keeps 15 digits of its sums, also where every balance is exact.

    :raises WarehouseExactnessError: it is another than was given, or not there
    """
    if stored is not None and connection.dialect.name == "sqlite":
        bent = {name: stored[name] for name in _SUMS if _is_near(given[name], stored[name])}
        given = {**given, **bent}
    as_given(connection, table, given, stored)


def _is_near(given: Decimal, stored: Decimal) -> bool:
    return abs(given - stored) < Decimal(1).scaleb(given.adjusted() - 14)
