"""The page's tables as Excel files, where XlsxWriter is installed: the extra ``xlsx`` brings it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from importlib.util import find_spec
from tempfile import TemporaryFile
from typing import IO, Any
from zoneinfo import ZoneInfo

from airflow_provider_iyzico.ui.downloads import cells, header
from airflow_provider_iyzico.ui.notices import Notice
from airflow_provider_iyzico.ui.questions import digits

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
#: A sheet has no more rows than these, with its header.
MOST_ROWS = 1_048_576
#: Excel keeps so many digits of a number. An amount that has more is written as text, so that none is lost.
_EXACT_DIGITS = 15


@cache
def is_installed() -> bool:
    """Tell whether Excel files can be made here."""
    return find_spec("xlsxwriter") is not None


def file(what: str, rows: Iterable[Any], zone: ZoneInfo, language: str) -> IO[bytes]:
    """Return a whole Excel file. No cell is a formula.

    :raises Notice: XlsxWriter is not installed, or a sheet cannot hold so many rows
    """
    if not is_installed():
        raise Notice("no_xlsx")
    import xlsxwriter

    content = TemporaryFile()  # noqa: SIM115 - the response closes it
    try:
        with xlsxwriter.Workbook(
            content, {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
        ) as book:
            _fill(book, what, rows, zone, language)
    except BaseException:
        content.close()
        raise
    content.seek(0)
    return content


def _fill(book: Any, what: str, rows: Iterable[Any], zone: ZoneInfo, language: str) -> None:
    sheet, bold = book.add_worksheet(what), book.add_format({"bold": True})
    formats = {
        Decimal: book.add_format({"num_format": "#,##0.00######"}),
        datetime: book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"}),
        date: book.add_format({"num_format": "yyyy-mm-dd"}),
    }
    names = header(what, zone, language)
    sheet.set_column(0, len(names) - 1, 18)
    sheet.freeze_panes(1, 0)
    for column, name in enumerate(names):
        sheet.write_string(0, column, name, bold)
    for place, row in enumerate(rows, 1):
        if place >= MOST_ROWS:
            raise Notice("too_many_rows", rows=MOST_ROWS - 1)
        for column, value in enumerate(cells(what, row, zone, language)):
            _write(sheet, place, column, value, formats)


def _write(sheet: Any, row: int, column: int, value: Any, formats: dict[type, Any]) -> None:
    match value:
        case None | "":
            return
        case Decimal() if len(value.normalize().as_tuple().digits) <= _EXACT_DIGITS:
            sheet.write_number(row, column, float(value), formats[Decimal])
        case Decimal():
            sheet.write_string(row, column, digits(value))
        case datetime():
            sheet.write_datetime(row, column, value, formats[datetime])
        case date():
            sheet.write_datetime(row, column, value, formats[date])
        case int():
            sheet.write_number(row, column, value)
        case _:
            sheet.write_string(row, column, str(value))
