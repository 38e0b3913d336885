"""The formats in which a statement can be had."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

from airflow_provider_iyzico.warehouse.statement.camt053 import as_camt053
from airflow_provider_iyzico.warehouse.statement.csv_file import as_csv
from airflow_provider_iyzico.warehouse.statement.entries import Statement
from airflow_provider_iyzico.warehouse.statement.mt940 import as_mt940


class Format(NamedTuple):
    """How a statement becomes a file.

    :param write: returns the whole file of a statement in a language
    :param suffix: of the file's name
    """

    write: Callable[[Statement, str], bytes]
    suffix: str
    media_type: str


FORMATS = {
    "csv": Format(as_csv, "csv", "text/csv; charset=utf-8"),
    "camt053": Format(
        lambda statement, language: as_camt053(statement, language, datetime.now(UTC)), "xml", "application/xml; charset=utf-8"
    ),
    "mt940": Format(as_mt940, "sta", "text/plain; charset=us-ascii"),
}
