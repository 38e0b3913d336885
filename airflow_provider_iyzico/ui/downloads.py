"""The page's tables as CSV, written as the reader's spreadsheet expects it."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from io import TextIOWrapper
from tempfile import SpooledTemporaryFile
from typing import IO, Any
from zoneinfo import ZoneInfo

from airflow_provider_iyzico.ui.questions import Who, digits
from airflow_provider_iyzico.ui.reasons import reason_code
from airflow_provider_iyzico.ui.words import words
from airflow_provider_iyzico.warehouse.formulas import without_formula as _text

_WHO = ("environment", "account", "currency")
COLUMNS = {
    "observations": (*_WHO, "observed_at", "observed_at_utc", "balance", "dag_id", "run_id"),
    "days": (
        *(*_WHO, "local_date", "opening", "closing", "lowest", "highest", "net_change", "inflow", "outflow"),
        *("observations", "longest_gap_minutes", "is_complete"),
    ),
    "gates": (
        *(*_WHO, "waiting_since", "ended_at", "minutes_waited", "outcome", "required", "first_balance", "shortfall_at_start"),
        *("last_balance", "polls", "dag_id", "task_id", "run_id", "map_index", "reason_code", "reason"),
    ),
}
#: Columns whose values are shown in the reader's language, with the prefix of their texts. Unknown values stay as they are.
_SAID = {"environment": "environment_short", "outcome": "outcome"}
#: Columns in the account's own time zone, which the header names.
_LOCAL = ("observed_at", "waiting_since", "ended_at")
IN_MEMORY_BYTES = 1_000_000


def file_name(who: Who, what: str, first: date, last: date) -> str:
    """Return a name that every file system accepts. A label in it keeps only letters and digits."""
    words = [re.sub(r"[^\w.]+", "_", label).strip("_.") for label in who]
    return "-".join([*words, what, str(first), str(last)]) + ".csv"


def file(what: str, rows: Iterable[Any], zone: ZoneInfo, language: str) -> IO[bytes]:
    """Return a whole CSV file. Turkish spreadsheets want semicolons and decimal commas."""
    spool = SpooledTemporaryFile(IN_MEMORY_BYTES)  # noqa: SIM115 - the response closes it
    said = words(language)
    text = TextIOWrapper(spool, "utf-8-sig", newline="", write_through=True)  # spreadsheets know UTF-8 by its mark
    writer = csv.writer(text, delimiter=";" if language == "tr" else ",")
    header = [said[f"column_{name}"] + (f" ({zone.key})" if name in _LOCAL else "") for name in COLUMNS[what]]
    writer.writerow(map(_text, header))
    for row in rows:
        writer.writerow([_cell(name, row._mapping, zone, language) for name in COLUMNS[what]])
    text.detach()
    spool.seek(0)
    return spool


def _cell(name: str, row: Any, zone: ZoneInfo, language: str) -> Any:
    said = words(language)
    if name == "reason_code":
        code = reason_code(row["outcome"], row["reason"], row["last_balance"])
        return code and said[f"reason_{code}"]
    value = row[name.removesuffix("_utc")]
    if name in _SAID:
        return _text(said.get(f"{_SAID[name]}_{value}", str(value)))
    if name == "is_complete":
        return said["yes" if value else "no"]
    if isinstance(value, Decimal):
        return digits(value).replace(".", "," if language == "tr" else ".")
    if isinstance(value, datetime):
        return value.astimezone(zone if name in _LOCAL else UTC).strftime("%Y-%m-%d %H:%M:%S")
    return _text(value) if isinstance(value, str) else value
