"""Months as people write them, such as ``2026-11``."""

from __future__ import annotations

import re
from datetime import date, timedelta

from airflow_provider_iyzico.errors import WarehouseStatementError
from airflow_provider_iyzico.warehouse.local_day import YEARS

_MONTH = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])\Z")


def first_and_last(month: str) -> tuple[date, date]:
    """Return the first and the last day of a month.

    :raises WarehouseStatementError: it is not written like ``2026-11``
    """
    found = _MONTH.match(month)
    if not found or int(found[1]) not in YEARS:
        raise WarehouseStatementError(f"--month is {month!r}; write it like 2026-11")
    first = date(int(found[1]), int(found[2]), 1)
    return first, (first + timedelta(31)).replace(day=1) - timedelta(1)
