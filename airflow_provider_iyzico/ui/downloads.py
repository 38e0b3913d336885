"""CSV of what the page shows, as the reader's spreadsheet expects it."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from io import StringIO
from typing import Any
from zoneinfo import ZoneInfo

from airflow_provider_iyzico.ui.questions import digits
from airflow_provider_iyzico.ui.words import words

COLUMNS = {
    "observations": ("observed_at", "balance", "currency", "dag_id", "run_id"),
    "days": (
        *("local_date", "opening", "closing", "lowest", "highest", "net_change", "inflow", "outflow", "currency"),
        *("observations", "longest_gap_minutes", "is_complete"),
    ),
    "gates": (
        *("waiting_since", "ended_at", "minutes_waited", "outcome", "required", "first_balance", "shortfall_at_start"),
        *("last_balance", "currency", "polls", "dag_id", "task_id", "run_id", "map_index", "reason"),
    ),
}
#: A spreadsheet takes a text that begins so for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def lines(what: str, rows: Iterable[Any], zone: ZoneInfo, language: str) -> Iterator[str]:
    """Yield a CSV file line by line. Turkish spreadsheets want semicolons and decimal commas; moments are in ``zone``."""
    buffer = StringIO()
    writer = csv.writer(buffer, delimiter=";" if language == "tr" else ",")
    said = words(language)
    buffer.write("\ufeff")  # by which spreadsheets know UTF-8
    writer.writerow([said[f"column_{name}"] for name in COLUMNS[what]])
    for row in rows:
        yield _taken(buffer)
        writer.writerow([_cell(row._mapping[name], zone, language) for name in COLUMNS[what]])
    yield _taken(buffer)


def _cell(value: Any, zone: ZoneInfo, language: str) -> Any:
    if isinstance(value, Decimal):
        return digits(value).replace(".", "," if language == "tr" else ".")
    if isinstance(value, datetime):
        return value.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value


def _taken(buffer: StringIO) -> str:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text
