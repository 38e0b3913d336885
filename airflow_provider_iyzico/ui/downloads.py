"""The page's tables as CSV, written as the reader's spreadsheet expects it, and the values of their cells for other files."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from io import TextIOWrapper
from tempfile import SpooledTemporaryFile
from typing import IO, Any, NamedTuple
from zoneinfo import ZoneInfo

from airflow_provider_iyzico.ui.questions import Who, digits
from airflow_provider_iyzico.ui.reasons import reason_code
from airflow_provider_iyzico.ui.words import words
from airflow_provider_iyzico.warehouse.formulas import without_formula as _text

_WHO = ("environment", "account", "currency")
_ROLLFORWARD = (
    "opening",
    "came_in",
    "left_total",
    "left_commission",
    "returned_total",
    "returned_commission",
    "expected_closing",
    "closing",
    "unexplained",
    "under_way",
)
COLUMNS = {
    "observations": (*_WHO, "observed_at", "observed_at_utc", "balance", "dag_id", "run_id"),
    "days": (
        *_WHO,
        "local_date",
        "opening",
        "closing",
        "lowest",
        "highest",
        "net_change",
        "inflow",
        "outflow",
        "observations",
        "longest_gap_minutes",
        "is_complete",
    ),
    "gates": (
        *_WHO,
        "waiting_since",
        "ended_at",
        "minutes_waited",
        "outcome",
        "required",
        "first_balance",
        "shortfall_at_start",
        "last_balance",
        "polls",
        "dag_id",
        "task_id",
        "run_id",
        "map_index",
        "reason_code",
        "reason",
    ),
    "movements": (
        *_WHO,
        "seen_at",
        "after_moment",
        "change",
        "previous_balance",
        "balance",
        "explained_by",
        "rest",
        "dag_id",
        "run_id",
    ),
    "below": (*_WHO, "local_date", "threshold", "minutes_below", "minutes_known"),
    "exceptions": (*_WHO, "exception", "detail", "external_id", "item_external_id", "amount", "since", "age_hours"),
    "payouts": (
        *_WHO,
        "external_id",
        "request_id",
        "purpose",
        "state",
        "requested_items",
        "requested_total",
        "invalid_items",
        "invalid_total",
        "valid_items",
        "valid_total",
        "cancelled_items",
        "cancelled_total",
        "paid_items",
        "paid_total",
        "paid_commission",
        "returned_items",
        "returned_total",
        "returned_commission",
        "outstanding_items",
        "outstanding_total",
        "outstanding_commission",
        "unpaid_items",
        "needs_person",
        "created_at",
        "dag_id",
        "run_id",
        "approved_by",
        "approved_at",
        "authorized_at",
        "authorized_dag_id",
        "authorized_run_id",
        "authorized_person",
        "over_at",
    ),
    "items": (
        *_WHO,
        "external_id",
        "item_external_id",
        "recipient_type",
        "recipient_end",
        "amount",
        "commission",
        "meaning",
        "status",
        "status_at",
        "seconds_to_paid",
        "reference_code",
        "error",
    ),
    "events": (
        *_WHO,
        "external_id",
        "happened_at",
        "version",
        "event",
        "item_external_id",
        "before",
        "after",
        "person",
        "dag_id",
        "task_id",
        "run_id",
        "reason",
    ),
    "rollforward": (*_WHO, "local_date", *_ROLLFORWARD, "observations", "is_complete"),
    "months": (*_WHO, "month", *_ROLLFORWARD, "days", "days_observed", "complete_days"),
    "accounts": (
        *_WHO,
        "balance",
        "observed_at_utc",
        "age_minutes",
        "threshold",
        "is_below",
        "held",
        "available",
        "balance_asked_at_utc",
        "exceptions",
        "oldest_hours",
    ),
}
#: Columns whose values are shown in the reader's language, with the prefix of their texts. Unknown values stay as they are.
_SAID = {
    "environment": "environment_short",
    "outcome": "outcome",
    "state": "state",
    "meaning": "meaning",
    "exception": "exception",
    "event": "event",
    "recipient_type": "recipient",
    "detail": "state",
}
#: Columns that show a value of another name.
_SHOWN_OF = {"exception": "kind", "event": "kind", "over_at": "ended_at"}
_YES_OR_NO = ("is_complete", "is_below", "needs_person")
#: Numbers that are no amounts. An amount has two decimals at least, as people write it.
TIMES = (
    "longest_gap_minutes",
    "minutes_waited",
    "minutes_below",
    "minutes_known",
    "age_minutes",
    "age_hours",
    "oldest_hours",
    "seconds_to_paid",
)
#: Columns in the account's own time zone, which the header names.
_LOCAL = (
    "observed_at",
    "waiting_since",
    "ended_at",
    "seen_at",
    "after_moment",
    "since",
    "created_at",
    "approved_at",
    "authorized_at",
    "status_at",
    "happened_at",
    "over_at",
)
IN_MEMORY_BYTES = 1_000_000
SEPARATORS = {"semicolon": ";", "comma": ",", "tab": "\t"}
DECIMAL_SIGNS = {"comma": ",", "point": "."}


class Style(NamedTuple):
    """How a CSV file separates its cells, and which sign stands before the decimals."""

    separator: str
    decimal_sign: str

    @classmethod
    def of(cls, language: str, separator: str | None = None, decimal_sign: str | None = None) -> Style:
        """Return what was asked for; Turkish spreadsheets want semicolons and decimal commas unless told otherwise."""
        usual = ("semicolon", "comma") if language == "tr" else ("comma", "point")
        return cls(SEPARATORS[separator or usual[0]], DECIMAL_SIGNS[decimal_sign or usual[1]])


def file_name(who: Who | None, what: str, first: date, last: date, kind: str = "csv", batch: tuple[str, ...] = ()) -> str:
    """Return a name that every file system accepts. A label in it keeps only letters and digits.

    :param batch: the name of the batch whose table it is, if it is one batch's
    """
    words = [re.sub(r"[^\w.]+", "_", label).strip("_.") for label in (*(who or ()), *batch)]
    days = [str(last)] if batch or who is None else [str(first), str(last)]
    return "-".join([*words, what, *days]) + f".{kind}"


def file(what: str, rows: Iterable[Any], zone: ZoneInfo, language: str, style: Style | None = None) -> IO[bytes]:
    """Return a whole CSV file."""
    spool = SpooledTemporaryFile(IN_MEMORY_BYTES)  # noqa: SIM115 - the response closes it
    style = style or Style.of(language)
    text = TextIOWrapper(spool, "utf-8-sig", newline="", write_through=True)  # spreadsheets know UTF-8 by its mark
    writer = csv.writer(text, delimiter=style.separator)
    writer.writerow(header(what, zone, language))
    for row in rows:
        named = zip(COLUMNS[what], cells(what, row, zone, language), strict=True)
        writer.writerow([_written(name, cell, style) for name, cell in named])
    text.detach()
    spool.seek(0)
    return spool


def header(what: str, zone: ZoneInfo, language: str) -> list[str]:
    """Return the names of a table's columns."""
    said = words(language)
    return [_text(said[f"column_{name}"] + (f" ({zone.key})" if name in _LOCAL else "")) for name in COLUMNS[what]]


def cells(what: str, row: Any, zone: ZoneInfo, language: str) -> list[Any]:
    """Return a row's values: amounts as decimals, moments as wall clocks without a zone, texts without a formula in them."""
    return [_cell(name, row._mapping, zone, language) for name in COLUMNS[what]]


def _cell(name: str, row: Any, zone: ZoneInfo, language: str) -> Any:
    said = words(language)
    if name == "reason_code":
        code = reason_code(row["outcome"], row["reason"], row["last_balance"])
        return code and said[f"reason_{code}"]
    value = row[_SHOWN_OF.get(name, name.removesuffix("_utc"))]
    if name in _SAID and value is not None:
        return _text(said.get(f"{_SAID[name]}_{value}".replace(" ", "_"), str(value)))
    if name in _YES_OR_NO and value is not None:
        return said["yes" if value else "no"]
    if isinstance(value, datetime):
        return value.astimezone(zone if name in _LOCAL else UTC).replace(tzinfo=None, microsecond=0)
    return _text(value) if isinstance(value, str) else value


def _written(name: str, value: Any, style: Style) -> Any:
    if isinstance(value, Decimal):
        whole, point, decimals = digits(value).partition(".")
        if name not in TIMES:
            point, decimals = ".", decimals.ljust(2, "0")
        return whole + point.replace(".", style.decimal_sign) + decimals
    return value.strftime("%Y-%m-%d %H:%M:%S") if isinstance(value, datetime) else value
