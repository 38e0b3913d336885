"""CSV of what the page shows, as the reader's spreadsheet expects it."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from io import TextIOWrapper
from tempfile import SpooledTemporaryFile
from typing import IO, Any
from zoneinfo import ZoneInfo

from airflow_provider_iyzico.ui.questions import digits
from airflow_provider_iyzico.ui.words import words

_WHO = ("environment", "account", "currency")
COLUMNS = {
    "observations": (*_WHO, "observed_at", "observed_at_utc", "balance", "dag_id", "run_id"),
    "days": (
        *(*_WHO, "local_date", "opening", "closing", "lowest", "highest", "net_change", "inflow", "outflow"),
        *("observations", "longest_gap_minutes", "is_complete"),
    ),
    "gates": (
        *(*_WHO, "waiting_since", "ended_at", "minutes_waited", "outcome", "required", "first_balance", "shortfall_at_start"),
        *("last_balance", "polls", "dag_id", "task_id", "run_id", "map_index", "reason"),
    ),
}
#: In the account's own time zone, which the header names.
_LOCAL = ("observed_at", "waiting_since", "ended_at")
#: A spreadsheet takes a text that begins so for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
IN_MEMORY_BYTES = 1_000_000


def file(what: str, rows: Iterable[Any], zone: ZoneInfo, language: str) -> IO[bytes]:
    """Return a whole CSV file. Turkish spreadsheets want semicolons and decimal commas."""
    spool = SpooledTemporaryFile(IN_MEMORY_BYTES)  # noqa: SIM115 - who sends it closes it
    said = words(language)
    text = TextIOWrapper(spool, "utf-8-sig", newline="", write_through=True)  # by its mark spreadsheets know UTF-8
    writer = csv.writer(text, delimiter=";" if language == "tr" else ",")
    header = [said[f"column_{name}"] for name in COLUMNS[what]]
    writer.writerow(
        [f"{word} ({zone.key})" if name in _LOCAL else word for name, word in zip(COLUMNS[what], header, strict=True)]
    )
    for row in rows:
        writer.writerow([_cell(name, row._mapping, zone, language) for name in COLUMNS[what]])
    text.detach()
    spool.seek(0)
    return spool


def _cell(name: str, row: Any, zone: ZoneInfo, language: str) -> Any:
    value, said = row[name.removesuffix("_utc")], words(language)
    if name == "outcome":
        return said[f"outcome_{value}"]
    if name == "is_complete":
        return said["yes" if value else "no"]
    if isinstance(value, Decimal):
        return digits(value).replace(".", "," if language == "tr" else ".")
    if isinstance(value, datetime):
        return value.astimezone(zone if name in _LOCAL else UTC).strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value
