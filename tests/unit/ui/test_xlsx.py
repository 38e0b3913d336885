"""An Excel file holds the same cells as the CSV file, as numbers and dates, and no formula."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from types import SimpleNamespace
from xml.etree import ElementTree
from zipfile import ZipFile
from zoneinfo import ZoneInfo

import pytest

from airflow_provider_iyzico.ui import xlsx
from airflow_provider_iyzico.ui.downloads import COLUMNS
from airflow_provider_iyzico.ui.notices import Notice

ZONE = ZoneInfo("Europe/Istanbul")
needs_writer = pytest.mark.skipif(not xlsx.is_installed(), reason="XlsxWriter is not installed")


def written(what, *rows):
    """Return the cells of a file by their places: type, value, text, and formulas."""
    made = [SimpleNamespace(_mapping=dict.fromkeys([*COLUMNS[what], "observed_at", "ended_at"]) | row) for row in rows]
    with xlsx.file(what, made, ZONE, "tr") as content, ZipFile(content) as book:
        sheet = ElementTree.fromstring(book.read("xl/worksheets/sheet1.xml"))
    space = {"s": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}
    assert sheet.findall(".//s:f", space) == []
    cells = {cell.get("r"): cell for cell in sheet.findall(".//s:c", space)}
    return {place: cell.findtext("s:v", None, space) or cell.findtext(".//s:t", None, space) for place, cell in cells.items()}


@needs_writer
def test_amounts_are_numbers_days_are_dates_and_names_are_those_of_the_language():
    found = written(
        "days", {"local_date": date(2026, 11, 22), "opening": Decimal("1234.50"), "observations": 96, "is_complete": 1}
    )
    assert (found["D1"], found["E1"]) == ("Gün", "Açılış")
    assert (found["D2"], found["E2"], found["L2"], found["N2"]) == ("46348", "1234.5", "96", "evet")


@needs_writer
def test_a_moment_is_the_wall_clock_of_the_account():
    found = written("observations", {"observed_at": datetime(2026, 11, 22, 21, 0, tzinfo=UTC)})
    assert Decimal(found["D2"]) == 46349
    assert Decimal(found["E2"]) == Decimal("46348.875")


@needs_writer
def test_an_amount_with_more_digits_than_excel_keeps_is_text_and_loses_none():
    found = written("months", {"opening": Decimal("12345678901234567890.12345678"), "closing": Decimal("123456789012.345")})
    assert found["E2"] == "12345678901234567890.12345678"
    assert Decimal(found["L2"]) == Decimal("123456789012.345")


@needs_writer
@pytest.mark.parametrize("evil", ["=1+1", "+1", "@SUM(A1)", '=HYPERLINK("http://example.com")', "x;=1"])
def test_no_text_is_a_formula_or_a_link(evil):
    found = written("payouts", {"external_id": evil, "account": "http://example.com"})
    assert not re.match(r"[=+@]", found["D2"])
    assert found["D2"].replace("'", "") == evil.replace("'", "")
    assert found["B2"] == "http://example.com"


@needs_writer
def test_what_no_sheet_can_hold_is_refused_with_advice(monkeypatch):
    monkeypatch.setattr(xlsx, "MOST_ROWS", 2)
    with pytest.raises(Notice, match="too_many_rows"):
        written("days", {}, {})


def test_without_the_library_csv_is_named(monkeypatch):
    monkeypatch.setattr(xlsx, "is_installed", lambda: False)
    with pytest.raises(Notice, match="no_xlsx"):
        xlsx.file("days", [], ZONE, "en")
