import ast
import decimal
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_iyzico.api.money import add, money_from_author, money_from_text, money_text, subtract
from airflow_provider_iyzico.errors import IyzicoMoneyError

amounts = st.decimals(min_value=0, max_value=Decimal("99999999999999999999"), places=8, allow_nan=False)
kurus = st.decimals(min_value=0, max_value=Decimal(10) ** 15, places=2)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("100", "100"),
        ("100.5", "100.5"),
        ("100.50", "100.50"),
        ("20.00000000", "20"),
        ("0E-8", "0"),
        ("0e-8", "0"),
        ("1E-8", "0.00000001"),
        ("0E-10", "0"),
        ("1.5E+3", "1500"),
        ("25399393.5", "25399393.5"),
        ("-12.34", "-12.34"),
        ("-0", "0"),
        ("99999999999999999999.99999999", "99999999999999999999.99999999"),
    ],
)
def test_every_form_that_iyzico_prints_is_read_exactly(text, value):
    assert money_from_text(text, "balance") == Decimal(value)


NOT_MONEY = [
    "", " ", "NaN", "sNaN", "Infinity", "-inf", "1_000", "1,000.00", "1.234,56", "١٠٠", "１００", "0x10", "+5", "5.", ".5", "00", "01",
    " 1", "1 ", "1\n", "1e", "--1", "1e999999999", "1E+25", "0.123456789", "1E-9", "100000000000000000000", "null", "true", "₺5", "1 000",
    "9" * 65, "1.5E+3.0",
]  # fmt: skip


@pytest.mark.parametrize("text", NOT_MONEY, ids=ascii)
def test_what_is_not_money_is_refused_by_name(text):
    with pytest.raises(IyzicoMoneyError, match="balance"):
        money_from_text(text, "balance")


@given(st.text(max_size=40))
def test_text_is_either_refused_or_read_back_to_the_last_digit(text):
    try:
        amount = money_from_text(text, "balance")
    except IyzicoMoneyError:
        return
    assert text.isascii()
    assert amount == Decimal(text)


@given(amounts)
def test_writing_and_reading_keeps_every_digit(amount):
    text = money_text(amount)
    assert Decimal(text) == amount
    assert "E" not in text
    assert len(text.partition(".")[2]) >= 2


@pytest.mark.parametrize(
    ("amount", "text"), [("0E-8", "0.00"), ("1500.75000000", "1500.75"), ("7", "7.00"), ("0.00000001", "0.00000001")]
)
def test_amounts_are_written_as_people_write_them(amount, text):
    assert money_text(Decimal(amount)) == text


@pytest.mark.parametrize("value", ["100.50", 100, Decimal("100.50"), "0", "0E-8"])
def test_authors_may_give_strings_whole_numbers_and_decimals(value):
    assert money_from_author(value, "batch_total") == Decimal(str(value))


@pytest.mark.parametrize(
    ("value", "advice"),
    [
        (100.5, "float"),
        (float("nan"), "float"),
        (None, "upstream"),
        ("None", "upstream"),
        ("", "upstream"),
        ("  ", "upstream"),
        (True, "bool"),
        ([], "list"),
        ({"total": "1"}, "dict"),
        ("-1", "negative"),
        (-1, "negative"),
        pytest.param(10**5000, "20 digits", id="huge"),
        (Decimal("NaN"), "not an amount"),
        (Decimal("Infinity"), "not an amount"),
        ("1_000", "not an amount"),
        ("{{ total }}", "not an amount"),
        ([("4530.00",)], "first value of the first row"),
        (Decimal("0.000000001"), "more than 8 decimals"),
        ("1.0000000000000000001", "more than 8 decimals"),
        ("1.500", "1500.00 or 1.50"),
        ("125.000", "125000.00 or 125.00"),
        ("1.2E+05", "rounded"),
    ],
)
def test_authors_get_told_what_is_wrong(value, advice):
    with pytest.raises(IyzicoMoneyError, match=advice) as caught:
        money_from_author(value, "batch_total")
    assert "batch_total" in str(caught.value)


@pytest.mark.parametrize(
    "value", ["1.50", "1.5000", "1500.000", "0.010", "1.5E+3", Decimal("1.500"), Decimal("1.2E+05")], ids=repr
)
def test_digits_that_can_mean_only_one_amount_are_taken(value):
    assert money_from_author(value, "batch_total") == Decimal(value)


@given(amounts, amounts)
def test_sums_and_differences_are_exact_whatever_context_the_thread_has(left, right):
    with decimal.localcontext(prec=3):
        total, rest = add(left, right), subtract(left, right)
    with decimal.localcontext(prec=80):
        assert total == left + right
        assert rest == left - right


@pytest.mark.parametrize("text", ["4530.1000000000000000", "40.000000000", "0.00000001000000000000", "1." + "0" * 38])
@pytest.mark.parametrize("precision", [1, 28])
def test_zeros_behind_an_exact_amount_do_not_count(text, precision):
    with decimal.localcontext(prec=precision):
        amount = money_from_text(text, "balance")
    assert amount == Decimal(text)
    assert amount.as_tuple().exponent >= -8


class Rounded(Decimal):
    """A derived class that writes itself with two decimals."""

    def __str__(self):
        return f"{self:.2f}"


class Spelled(str):
    __slots__ = ()

    def __str__(self):
        return "1.00"


@pytest.mark.parametrize("value", [Rounded("5000.0049"), Spelled("5000.0049")])
def test_what_a_derived_class_writes_does_not_count_but_what_it_holds(value):
    assert money_from_author(value, "batch_total") == Decimal("5000.0049")


@given(kurus)
def test_every_kurus_up_to_ten_to_the_fifteenth_survives_a_string(amount):
    assert money_from_author(str(amount), "batch_total") == amount


@pytest.mark.parametrize("digits", ["1500,75", "1.500,75", "1,500,000.75"])
def test_digits_with_a_comma_that_native_rendering_makes_a_tuple_are_told_to_want_a_dot(digits):
    with pytest.raises(IyzicoMoneyError, match="digits with a comma") as caught:
        money_from_author(ast.literal_eval(digits), "batch_total")
    assert "first value" not in str(caught.value)
