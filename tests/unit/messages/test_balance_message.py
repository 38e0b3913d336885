"""BalanceMessage: what a finance reader gets, letter by letter."""

import time
from dataclasses import fields
from decimal import Decimal

import pytest

from airflow_provider_iyzico.errors import IyzicoConfigurationError, IyzicoMoneyError
from airflow_provider_iyzico.messages import BalanceMessage

#: As MassPayoutBalanceOperator returns it.
SNAPSHOT = {
    "environment": "production",
    "account": "payroll",
    "currency": "TRY",
    "balance": "1234567.89",
    "observed_at": "2026-11-30T13:29:05.123456+00:00",
    "report_timezone": "Europe/Istanbul",
    "snapshot_id": "0",
    "dag_id": "d",
}
TURKISH = """\
Bakiye eşiğin altında: payroll
Bakiye: 1.234.567,89 TL
Eşik: 2.000.000,00 TL
Gözlem zamanı: 30.11.2026 16:29 (Europe/Istanbul)"""
ENGLISH = """\
Balance below the threshold: payroll
Balance: TRY 1,234,567.89
Set aside: TRY 4,530.00
Available: TRY 1,230,037.89
Threshold: TRY 2,000,000.00
Observed at: 30 November 2026, 16:29 (Europe/Istanbul)
Sandbox: no real money"""


def message(threshold="2000000", held=None, language="en", **more):
    return BalanceMessage.of({**SNAPSHOT, **more}, threshold=threshold, held=held, language=language)


def test_it_is_in_turkish_by_default_with_amounts_and_dates_as_turkish_readers_write_them():
    assert str(BalanceMessage.of(SNAPSHOT, threshold="2000000")) == TURKISH


def test_in_english_with_what_is_set_aside_and_a_word_about_the_sandbox():
    assert str(message(held="4530.0", environment="sandbox")) == ENGLISH


def test_title_and_text_are_the_parts_of_the_whole():
    said = message()
    assert f"{said.title}\n{said.text}" == str(said)
    assert "\n" not in said.title


@pytest.mark.parametrize(
    ("threshold", "held", "is_low", "title"),
    [
        ("1234567.90", None, True, "Balance below the threshold: payroll"),
        ("1234567.89", None, False, "Balance not below the threshold: payroll"),
        ("1234567.89", "0.00", False, "Balance not below the threshold: payroll"),
        ("1234567.89", "0.01", True, "Available balance below the threshold: payroll"),
        ("1234567.90", "0.01", True, "Balance below the threshold: payroll"),
    ],
)
def test_what_is_available_counts_if_it_is_known_and_the_balance_otherwise(threshold, held, is_low, title):
    said = message(threshold, held)
    assert (said.is_low, said.title) == (is_low, title)


def test_more_may_be_set_aside_than_there_is():
    assert "Available: TRY -65,432.11\n" in message(held=1300000).text
    assert "Kullanılabilir bakiye: -65.432,11 TL\n" in message(held=1300000, language="tr").text


def test_no_digit_is_lost():
    assert "Bakiye: 0,12345678 EUR\n" in message(balance="0.12345678", currency="EUR", language="tr").text
    assert (
        "Balance: USD 12,345,678,901,234,567,890.12345678\n"
        in message(balance="12345678901234567890.12345678", currency="USD").text
    )


def test_the_moment_is_that_of_the_accounts_time_zone():
    assert (
        "Observed at: 1 December 2026, 02:29 (Asia/Tokyo)"
        in message(observed_at="2026-11-30T17:29:00+00:00", report_timezone="Asia/Tokyo").text
    )


@pytest.mark.parametrize("zone", ["Europe", "Europe/Istambul", None])
def test_a_message_is_not_lost_if_nobody_knows_the_time_zone(zone):
    assert "Observed at: 30 November 2026, 17:29 (UTC)" in str(
        message(observed_at="2026-11-30T17:29:00+00:00", report_timezone=zone)
    )


@pytest.mark.parametrize(
    ("name", "value"), [("threshold", 5000.0), ("threshold", None), ("threshold", "5.000,00"), ("held", 4530.0)]
)
def test_an_amount_that_is_not_exact_is_refused(name, value):
    with pytest.raises(IyzicoMoneyError, match=name):
        message(**{name: value})


def test_the_rows_of_several_accounts_are_several_messages():
    with pytest.raises(IyzicoConfigurationError, match="snapshot is a list; .*a message for each"):
        BalanceMessage.of([SNAPSHOT], threshold="1")


def test_another_language_is_refused():
    with pytest.raises(IyzicoConfigurationError, match="language is 'de'; give 'tr' or 'en'"):
        message(language="de")


def test_it_knows_the_account_and_no_person():
    said = BalanceMessage.of({**SNAPSHOT, "dag_id": "salaries of Ayşe"}, threshold=Decimal(1))
    assert "Ayşe" not in f"{said}{[getattr(said, each.name) for each in fields(said)]}"


def test_what_lacks_columns_is_refused_with_their_names():
    """As a row of another view, or of a query that names fewer columns."""
    with pytest.raises(IyzicoConfigurationError, match="snapshot lacks observed_at, report_timezone; give what .* or a row of"):
        BalanceMessage.of({name: SNAPSHOT[name] for name in ("environment", "account", "currency", "balance")}, threshold="1")


def test_a_moment_without_a_time_zone_is_in_utc_as_the_views_of_some_databases_give_it(monkeypatch):
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        assert "16:29 (Europe/Istanbul)" in str(message(observed_at="2026-11-30 13:29:05"))
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize("moment", [None, "yesterday"])
def test_what_is_no_moment_is_refused(moment):
    with pytest.raises(IyzicoConfigurationError, match=f"observed_at is {moment!r}, which is no moment"):
        message(observed_at=moment)


def test_a_threshold_that_may_be_thousands_is_refused():
    with pytest.raises(IyzicoMoneyError, match="threshold is '5.125', which may mean 5125.00 or 5.1250"):
        message(threshold="5.125")
