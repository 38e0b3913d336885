"""CSV opens in a spreadsheet as the reader expects, and nothing in it is taken for a formula."""

import csv
import re
from datetime import UTC, date, datetime
from decimal import Context, Decimal, getcontext, localcontext
from io import StringIO
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as some

from airflow_provider_iyzico.ui.columns import COLUMNS as COLUMNS_OF_VIEWS
from airflow_provider_iyzico.ui.columns import MORE_COLUMNS
from airflow_provider_iyzico.ui.downloads import COLUMNS, TIMES, Style, file, file_name
from airflow_provider_iyzico.ui.questions import Who
from airflow_provider_iyzico.warehouse.database.types import Money

ZONE = ZoneInfo("Europe/Istanbul")


MONEY = {"balance", "opening", "closing", "lowest", "highest", "net_change", "inflow", "outflow"} | {
    "required", "first_balance", "shortfall_at_start", "last_balance", "change", "previous_balance", "threshold", "amount",
    "requested_total", "invalid_total", "valid_total", "cancelled_total", "paid_total", "returned_total", "outstanding_total",
    "paid_commission", "returned_commission", "outstanding_commission", "commission", "held", "available", "came_in",
    "left_total", "left_commission", "expected_closing", "unexplained", "under_way",
}  # fmt: skip


def written(what, language, **values):
    """Return the text of a file with one row."""
    names = [*COLUMNS[what], "observed_at", "balance_asked_at", "ended_at", "kind"]
    row = SimpleNamespace(_mapping=dict.fromkeys(names) | {"outcome": "opened"} | values)
    with file(what, [row], ZONE, language) as content:
        raw = content.read().decode()
    assert raw.startswith("\ufeff")
    return raw[1:]


def download(what, language, **values):
    raw = written(what, language, **values)
    header, cells = csv.reader(StringIO(raw, newline=""), delimiter=";" if language == "tr" else ",")
    assert len(header) == len(cells) == len(COLUMNS[what])
    return header, dict(zip(COLUMNS[what], cells, strict=True))


def test_turkish_spreadsheets_get_semicolons_and_decimal_commas():
    header, cells = download("days", "tr", local_date=date(2026, 11, 22), opening=Decimal("1234567.89000000"), observations=96)
    assert header[:5] == ["Ortam", "Hesap", "Para birimi", "Gün", "Açılış"]
    assert (cells["local_date"], cells["opening"], cells["observations"]) == ("2026-11-22", "1234567,89", "96")


def test_english_spreadsheets_get_commas_and_decimal_points():
    header, cells = download("days", "en", opening=Decimal("1234567.89"), net_change=Decimal("-5.10"))
    assert header[:5] == ["Environment", "Account", "Currency", "Day", "Opening"]
    assert (cells["opening"], cells["net_change"], cells["closing"]) == ("1234567.89", "-5.10", "")


@pytest.mark.parametrize(
    ("amount", "shown"),
    [("5", "5,00"), ("5.1", "5,10"), ("-0.00000000", "0,00"), ("0.12345678", "0,12345678"), ("1E+3", "1000,00")],
)
def test_an_amount_has_two_decimals_at_least_and_a_time_only_those_that_it_needs(amount, shown):
    assert download("payouts", "tr", paid_total=Decimal(amount))[1]["paid_total"] == shown
    _, cells = download("accounts", "tr", age_minutes=Decimal("90.0000"), oldest_hours=Decimal("1.5000"), held=Decimal(7))
    assert (cells["age_minutes"], cells["oldest_hours"], cells["held"]) == ("90", "1,5", "7,00")


def test_every_column_of_a_table_is_an_amount_a_time_or_no_decimal():
    every = (COLUMNS_OF_VIEWS | MORE_COLUMNS).values()
    numbers = {name for columns in every for name, kind in columns.items() if isinstance(kind, Money)}
    shown = {name for names in COLUMNS.values() for name in names}
    assert numbers & shown - set(TIMES) <= MONEY
    assert not MONEY & set(TIMES)


@pytest.mark.parametrize(
    ("separator", "sign", "line"),
    [
        ("semicolon", "comma", "production;a;TRY;2026-11;1234,50"),
        ("comma", "point", "production,a,TRY,2026-11,1234.50"),
        ("comma", "comma", 'production,a,TRY,2026-11,"1234,50"'),
        ("tab", "point", "production\ta\tTRY\t2026-11\t1234.50"),
        ("semicolon", None, "production;a;TRY;2026-11;1234.50"),
    ],
)
def test_a_reader_chooses_separator_and_decimal_sign(separator, sign, line):
    values = {"environment": "production", "account": "a", "currency": "TRY", "month": "2026-11", "opening": Decimal("1234.50")}
    row = SimpleNamespace(_mapping=dict.fromkeys(COLUMNS["months"]) | values)
    with file("months", [row], ZONE, "en", Style.of("en", separator, sign)) as content:
        assert content.read().decode().splitlines()[1].startswith(line)


def test_kinds_states_and_recipients_of_payouts_are_said_in_the_language_of_the_file():
    _, cells = download("exceptions", "tr", kind="item_failed", detail="FAILED")
    assert (cells["exception"], cells["detail"]) == ("Ödeme başarısız, tutar henüz iade edilmedi", "FAILED")
    assert download("exceptions", "en", kind="batch_unknown", detail="init_unknown")[1]["detail"] == "sent, outcome unknown"
    assert download("events", "en", kind="commission bound")[1]["event"] == "Commission bound stated"
    assert download("items", "tr", recipient_type="PHONE", meaning="paid")[1]["recipient_type"] == "telefon"
    assert download("payouts", "tr", state="ended", needs_person=1)[1]["needs_person"] == "evet"


def test_moments_are_those_of_the_accounts_zone():
    header, cells = download("observations", "en", observed_at=datetime(2026, 11, 22, 21, 0, 5, tzinfo=UTC))
    assert (cells["observed_at"], cells["observed_at_utc"]) == ("2026-11-23 00:00:05", "2026-11-22 21:00:05")
    assert header[3:5] == ["Observed at (Europe/Istanbul)", "Observed at (UTC)"]


def test_words_are_those_of_the_page():
    assert download("gates", "tr", outcome="opened")[1]["outcome"] == "bakiye yeterli oldu"
    assert download("days", "en", is_complete=1)[1]["is_complete"] == "yes"


@pytest.mark.parametrize(("language", "production", "sandbox"), [("en", "production", "sandbox"), ("tr", "canlı", "deneme")])
def test_an_environment_is_named_in_the_language_of_the_file(language, production, sandbox):
    assert download("days", language, environment="production")[1]["environment"] == production
    assert download("days", language, environment="sandbox")[1]["environment"] == sandbox


def test_a_file_says_the_reason_in_its_language_and_keeps_the_message_as_it_was_recorded():
    message = "IyzicoAuthenticationError: iyzico refused the keys"
    header, cells = download("gates", "tr", outcome="failed", reason=message)
    assert header[-2:] == ["Neden", "Özgün mesaj"]
    assert (cells["reason_code"], cells["reason"]) == ("iyzico, API anahtarlarını kabul etmedi.", message)
    assert download("gates", "en", outcome="opened")[1]["reason_code"] == ""


SIGNS = tuple("=+-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b\u2212")
INVISIBLE = "".join(map(chr, range(33))) + "\u00a0\u200b\u2060\ufeff\x7f\xad\u061c\u180e\u200e\u200f\u202a\u202e\u2066\u2069"


def formulas(raw):
    """Return what some program would compute: cells by every separator, with and without regard to quotes, blanks dropped."""
    cells = [cell for each in ",;\t|" for row in csv.reader(StringIO(raw, newline=""), delimiter=each) for cell in row]
    cells += re.split('[,;|"\t\r\n\u2028]', raw)
    return [cell for cell in cells if cell.strip(INVISIBLE).startswith(SIGNS)]


@pytest.mark.parametrize("language", ["en", "tr"])
@pytest.mark.parametrize(
    "evil",
    [
        '=HYPERLINK("http://example.com")',
        *["+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\uff1d1", "\uff20A1", "\u22121", " =1", "\u00a0+1", "\ufeff=1"],
        *[f"{mark}=1+1" for mark in "\x7f\xad\u061c\u180e\u200e\u200f\u202a\u202d\u202e\u2066\u2068\u2069"],
        *["x;\u202e=1", "x,\u2066 \xad@A1"],
        *['x;=HYPERLINK("http://example.com";"ok");y', "x,=1+1,z", "x\t=1", "x|=1", "x; \t@A1", "x,\uff0b1", "x;;-1"],
        *["x\n=1", "x\r=1", "x\r\n=1", "x\u2028=1", 'x"=1', 'x;"=1"', 'x,""=1', '"=1"', '"; "=1', ";=;=;=", "x,\n ;=1"],
        *["=cmd|' /C calc'!A0", "x|@cmd|' /C calc'!A0", 'DDE("cmd";"/C calc";"=A0")', "x;=cmd|'/C calc'!A0,=cmd|'/C calc'!A0"],
    ],
    ids=ascii,
)
def test_no_text_is_taken_for_a_formula_whatever_separator_a_program_goes_by(language, evil):
    names = ("environment", "account", "currency", "dag_id", "task_id", "run_id", "reason")
    _, cells = download("gates", language, **dict.fromkeys(names, evil))
    assert formulas(written("gates", language, **dict.fromkeys(names, evil))) == []
    assert {cells[name].replace("'", "") for name in names} == {evil.replace("'", "")}


@pytest.mark.parametrize("separator", " :")
@pytest.mark.parametrize(
    "evil", ["=WEBSERVICE(1)", "=1+1", "@SUM(A1)", "+SUM(A1)", "-1+cmd|'/C calc'!A0", "--SUM(1)", "\uff1d1", "+(1)", "=A1", "+A1"]
)
def test_no_word_of_a_text_is_taken_for_a_formula_by_a_program_that_splits_by_blanks_or_colons(separator, evil):
    raw = written("gates", "en", reason=f"IyzicoRefusedError:{separator}x{separator}{evil}{separator}y{separator * 2}{evil}")
    cells = [cell for row in csv.reader(StringIO(raw, newline=""), delimiter=separator) for cell in row]
    assert [cell for cell in cells if cell.startswith(SIGNS)] == []
    assert raw.count(evil) == 2


@given(some.text("=+-@,;|\t\r\n\"' \u00a0\uff1da1", max_size=12), some.sampled_from(["en", "tr"]))
def test_no_mixture_of_signs_separators_quotes_and_blanks_is_taken_for_a_formula(text, language):
    assert formulas(written("gates", language, account="a", dag_id=text, run_id=text, reason=text)) == []


@pytest.mark.parametrize("language", ["en", "tr"])
def test_figures_dates_and_plain_words_stay_as_they_are(language):
    plain = {
        "account": "Şube-1 + 2 (merkez), yeni; eski | arşiv",
        "run_id": "scheduled__2026-11-22T10:00:00+00:00",
        "reason": "balance 1.00 TRY, required 5.00 (batch 4.00 + headroom 1.00), missing 4.00; it's 100 % 'safe' -> a@b.example: -4.00 = -1 +3",
    }
    moment = datetime(2026, 11, 22, 10, tzinfo=UTC)
    _, cells = download("gates", language, **plain, waiting_since=moment, last_balance=Decimal("-12.50"), polls=-1)
    assert {name: cells[name] for name in plain} == plain
    assert cells["waiting_since"] == "2026-11-22 13:00:00"
    assert (cells["last_balance"].replace(",", "."), cells["polls"]) == ("-12.50", "-1")


def test_an_outcome_that_somebody_wrote_by_hand_is_shown_and_no_formula_either():
    assert download("gates", "en", outcome="cancelled")[1]["outcome"] == "cancelled"
    assert download("gates", "en", outcome="x;=1")[1]["outcome"] == "x;'=1"


def test_the_name_of_a_file_holds_letters_and_digits_whatever_the_labels_hold():
    name = file_name(Who("=production", '../Şube\r\n;=1|"', "TRY"), "days", date(2026, 11, 1), date(2026, 11, 2))
    assert name == "production-Şube_1-TRY-days-2026-11-01-2026-11-02.csv"
    name = file_name(
        Who("production", "a", "TRY"), "items", date(2026, 11, 1), date(2026, 11, 1), "xlsx", ("../salaries:2026\r\n",)
    )
    assert name == "production-a-TRY-salaries_2026-items-2026-11-01.xlsx"
    assert file_name(None, "accounts", date(2026, 11, 1), date(2026, 11, 1)) == "accounts-2026-11-01.csv"


@pytest.mark.parametrize("what", [what for what in COLUMNS if MONEY & {*COLUMNS[what]}])
def test_a_decimal_context_of_the_caller_changes_no_figure(what):
    money = {name: Decimal("-12345678901234567890.12345678") for name in COLUMNS[what] if name in MONEY}
    usual = written(what, "tr", **money)
    with localcontext(Context(prec=1, Emax=1, Emin=-1, traps=list(getcontext().traps))):
        assert written(what, "tr", **money) == usual
    assert usual.count("-12345678901234567890,12345678") == len(money) > 0


def test_a_file_without_rows_has_its_header():
    with file("gates", [], ZONE, "en") as content:
        assert content.read().count(b"\r\n") == 1
