from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal, FloatOperation, Inexact, Overflow, Rounded, Subnormal, Underflow, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_iyzico.api.balance import Balance
from airflow_provider_iyzico.domain.gate import Need, Outcome, judge, read_currency
from airflow_provider_iyzico.errors import (
    IyzicoAnswerError,
    IyzicoConfigurationError,
    IyzicoError,
    IyzicoMoneyError,
    IyzicoUnavailableError,
    Retry,
)
from airflow_provider_iyzico.ui.words import words
from airflow_provider_iyzico.warehouse.gate import WAITING

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
amounts = st.decimals(min_value=0, max_value=Decimal(10) ** 19, places=8)


def balance(amount, asked_at=NOW):
    return Balance(Decimal(amount), str(amount), None, asked_at, asked_at + timedelta(seconds=1), 1000)


@given(amounts, amounts, amounts)
def test_the_gate_opens_exactly_when_the_balance_covers_batch_and_headroom(seen, batch, headroom):
    verdict = judge(balance(seen), Need(batch, headroom, "TRY"), "payroll")
    assert (verdict.outcome is Outcome.OPENED) == (seen - batch - headroom >= 0)


@pytest.mark.parametrize(
    ("seen", "outcome"), [("149.99999999", "waiting"), ("150", "opened"), ("150.00000001", "opened"), ("-1", "waiting")]
)
def test_the_boundary_is_the_last_digit(seen, outcome):
    assert judge(balance(seen), Need.read("140", "10", "TRY"), "payroll").outcome == outcome


def test_a_balance_asked_for_before_the_wait_began_opens_nothing():
    need = Need.read("1", "0", "TRY")
    assert judge(balance("100"), need, "payroll", is_current=False).outcome is Outcome.WAITING
    assert judge(balance("100"), need, "payroll").outcome is Outcome.OPENED


def test_a_refusal_from_before_the_wait_began_ends_no_wait():
    """It may be of keys that have been exchanged since."""
    need = Need.read("1", "0", "TRY")
    assert judge(IyzicoAnswerError("odd"), need, "payroll", is_current=False).outcome is Outcome.WAITING


def test_what_may_pass_is_waited_for_and_what_will_not_fails():
    need = Need.read("1", "0", "TRY")
    assert judge(IyzicoUnavailableError("busy"), need, "payroll").outcome is Outcome.WAITING
    assert judge(IyzicoAnswerError("odd"), need, "payroll").outcome is Outcome.FAILED


@given(amounts, amounts, st.integers(1, 9))
def test_the_decimal_context_of_a_dag_file_changes_nothing(seen, batch, precision):
    """Whatever its author sets for sums of its own: digits, traps, exponents."""
    hostile = Context(prec=precision, Emin=-1, Emax=1, traps=[Inexact, Rounded, Overflow, Underflow, Subnormal, FloatOperation])
    need = Need.read(str(batch), "0.01", "TRY")
    expected = judge(balance(seen), need, "payroll")
    lines = str(expected), expected.is_open and expected.result()
    with localcontext(hostile):
        verdict = judge(balance(seen), Need.read(str(batch), "0.01", "TRY"), "payroll")
        assert (str(verdict), verdict.is_open and verdict.result()) == lines


def test_one_line_says_balance_required_missing_and_what_is_awaited():
    line = str(judge(balance("100.5"), Need.read("140", "10.25", "TRY"), "payroll"))
    assert line == (
        "payroll: balance 100.50 TRY, required 150.25 TRY (batch 140.00 + headroom 10.25), missing 49.75; "
        "waiting for the balance to cover the batch"
    )


def test_an_open_gate_says_what_is_left_over():
    assert str(judge(balance("200"), Need.read("140", "0", "TRY"), "payroll")).endswith("surplus 60.00; the gate opens")


def test_an_open_gate_tells_strings_only():
    result = judge(balance("200.00000001"), Need.read("140", "10", "TRY"), "payroll").result()
    assert result == {
        "balance": "200.00000001",
        "required": "150.00",
        "surplus": "50.00000001",
        "currency": "TRY",
        "observed_at": "2026-11-22T12:00:01+00:00",
    }


def test_a_gate_that_is_not_open_has_no_result():
    with pytest.raises(ValueError, match="open"):
        judge(balance("1"), Need.read("2", "0", "TRY"), "payroll").result()


@pytest.mark.parametrize("name", ["batch_total", "headroom"])
def test_amounts_are_refused_by_their_parameter_name(name):
    amounts = {"batch_total": "1", "headroom": "0"} | {name: 1.5}
    with pytest.raises(IyzicoMoneyError, match=name):
        Need.read(**amounts, currency="TRY")


@pytest.mark.parametrize("currency", ["try", "TL", "", None, "TRYX", "TÜR", 949])
def test_a_currency_is_three_capital_letters(currency):
    with pytest.raises(IyzicoConfigurationError, match="currency"):
        read_currency(currency)


@pytest.mark.parametrize(
    ("retry", "outcome"), [(Retry.SAFE, "waiting"), (Retry.NEVER, "failed"), (Retry.READ_BACK_FIRST, "failed")]
)
def test_only_what_is_safe_to_repeat_is_waited_for_and_nothing_that_went_wrong_opens_a_gate(retry, outcome):
    assert judge(IyzicoError("no", retry=retry), Need.read("0", "0", "TRY"), "payroll").outcome == outcome


def test_the_words_of_an_outcome_are_those_of_the_rows_that_exist_and_the_page_knows_each():
    assert [outcome.value for outcome in Outcome] == ["waiting", "opened", "timed_out", "failed"]
    assert Outcome.WAITING == WAITING
    assert all(f"outcome_{outcome.value}" in words("en") for outcome in Outcome)
