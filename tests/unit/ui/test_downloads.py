"""CSV opens in a spreadsheet as the reader expects, and nothing in it is taken for a formula."""

import csv
from datetime import UTC, date, datetime
from decimal import Decimal
from io import StringIO
from types import SimpleNamespace
from zoneinfo import ZoneInfo

from airflow_provider_iyzico.ui.downloads import COLUMNS, file

ZONE = ZoneInfo("Europe/Istanbul")


def download(what, language, **values):
    row = SimpleNamespace(_mapping=dict.fromkeys([*COLUMNS[what], "observed_at"]) | {"outcome": "opened"} | values)
    with file(what, [row], ZONE, language) as content:
        raw = content.read().decode()
    assert raw.startswith("\ufeff")
    header, cells = csv.reader(StringIO(raw[1:], newline=""), delimiter=";" if language == "tr" else ",")
    assert len(header) == len(cells) == len(COLUMNS[what])
    return header, dict(zip(COLUMNS[what], cells, strict=True))


def test_turkish_spreadsheets_get_semicolons_and_decimal_commas():
    header, cells = download("days", "tr", local_date=date(2026, 11, 22), opening=Decimal("1234567.89000000"), observations=96)
    assert header[:5] == ["Ortam", "Hesap", "Para birimi", "Gün", "Açılış"]
    assert (cells["local_date"], cells["opening"], cells["observations"]) == ("2026-11-22", "1234567,89", "96")


def test_english_spreadsheets_get_commas_and_decimal_points():
    header, cells = download("days", "en", opening=Decimal("1234567.89"), net_change=Decimal("-5.10"))
    assert header[:5] == ["Environment", "Account", "Currency", "Day", "Opening"]
    assert (cells["opening"], cells["net_change"], cells["closing"]) == ("1234567.89", "-5.1", "")


def test_moments_are_those_of_the_accounts_zone():
    header, cells = download("observations", "en", observed_at=datetime(2026, 11, 22, 21, 0, 5, tzinfo=UTC))
    assert (cells["observed_at"], cells["observed_at_utc"]) == ("2026-11-23 00:00:05", "2026-11-22 21:00:05")
    assert header[3:5] == ["Seen at (Europe/Istanbul)", "Seen at (UTC)"]


def test_words_are_those_of_the_page():
    assert download("gates", "tr", outcome="opened")[1]["outcome"] == "bakiye yeterli oldu"
    assert download("days", "en", is_complete=1)[1]["is_complete"] == "yes"


def test_no_text_is_taken_for_a_formula():
    for evil in ('=HYPERLINK("http://example.com")', "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\uff1d1"):
        _, cells = download("gates", "en", dag_id=evil)
        assert cells["dag_id"] == f"'{evil}"


def test_a_file_without_rows_has_its_header():
    with file("gates", [], ZONE, "en") as content:
        assert content.read().count(b"\r\n") == 1
