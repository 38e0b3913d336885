"""What goes out is exactly what was meant, or nothing goes out; and it shows no recipient."""

from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st
from payout_answers import IBAN, NAME, batch, payment

from airflow_provider_iyzico.api.payout.batch import MAX_ITEMS, Batch
from airflow_provider_iyzico.errors import IyzicoConfigurationError, IyzicoMoneyError


@pytest.mark.parametrize("digits", ["0.01", "1", "100.5", "100.50", "1E+2", "10.000000000000", "99999999999999999999.99"])
def test_a_positive_amount_of_at_most_two_decimals_is_paid(digits):
    assert payment(amount=Decimal(digits)).amount == Decimal(digits)


@pytest.mark.parametrize("amount", [0.1, 100.5, 1, "100.50", True, None, [], float("nan")])
def test_an_amount_that_is_no_decimal_is_refused(amount):
    with pytest.raises(IyzicoMoneyError, match="the amount of item 'line-1' is a .*pass a Decimal made of digits"):
        payment(amount=amount)


@pytest.mark.parametrize("digits", ["0", "0E-8", "-0.01", "-100", "0.001", "100.505", "NaN", "Infinity", "1E+20", "sNaN"])
def test_an_amount_that_cannot_be_paid_is_refused(digits):
    with pytest.raises(IyzicoMoneyError, match="the amount of item 'line-1'"):
        payment(amount=Decimal(digits))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *[("item_external_id", value) for value in ("", " x", "x\n", "x" * 65, 5, None, "\ud800")],
        *[("recipient_type", value) for value in ("iban", "", None, "CARD")],
        *[("recipient_info", value) for value in ("", " ", None, 5, f"{IBAN}\n")],
        *[("recipient_name", value) for value in ("", None, 5, " Ayşe", "\x1bAyşe")],
        *[("description", value) for value in ("", None, "x" * 501)],
        *[("non_withdrawable", value) for value in (0, 1, "true")],
    ],
)
def test_a_field_that_cannot_be_sent_is_named_and_no_recipient_is_quoted(field, value):
    with pytest.raises(IyzicoConfigurationError, match=f"{field}.*; nothing was sent") as caught:
        payment(**{"name" if field == "item_external_id" else field: value})
    assert IBAN not in str(caught.value)
    assert "Ayşe" not in str(caught.value)


def test_only_an_iban_needs_the_name_of_its_recipient():
    assert payment(recipient_type="PHONE", recipient_info="+905321234567", recipient_name=None).recipient_name is None


def test_a_recipient_is_the_same_however_it_is_spaced():
    assert payment(recipient_info="tr33 0006 1005 1978 6457 8413 26") == payment(recipient_info=IBAN)


@pytest.mark.parametrize("name", ["", "x" * 65, "a b", "a/b", "ödeme", "a\n", "None?", None, 5, "{{ ds }}"])
def test_an_external_id_is_1_to_64_ascii_letters_digits_and_four_signs(name):
    with pytest.raises(IyzicoConfigurationError, match="external_id is "):
        batch(external_id=name)


@pytest.mark.parametrize("name", ["a", "A" * 64, "salaries-20261101", "a.b_c:d-e"])
def test_other_external_ids_name_a_batch(name):
    assert batch(external_id=name).external_id == name


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"items": ()}, "has 0 items"),
        ({"items": ["x"]}, "is not a Payment"),
        ({"currency": "try"}, "currency"),
        ({"currency": None}, "currency"),
        ({"currency": "TRYX"}, "currency"),
        ({"purpose": "salary"}, "purpose"),
    ],
)
def test_a_batch_that_cannot_be_sent_is_refused(fields, words):
    with pytest.raises(IyzicoConfigurationError, match=words):
        batch(**fields)


def test_an_item_id_that_is_given_twice_is_named():
    with pytest.raises(
        IyzicoConfigurationError, match=r"has more than one item with the same item_external_id, such as 'a', 'c'"
    ):
        batch("a", "b", "a", "c", "c")


def test_an_item_id_is_the_same_in_whichever_unicode_form_it_is_written():
    composed, decomposed = "maaş-1", "maas\N{COMBINING CEDILLA}-1"
    assert payment(decomposed).item_external_id == composed
    with pytest.raises(IyzicoConfigurationError, match="more than one item with the same item_external_id, such as 'maaş-1'"):
        batch(composed, decomposed)


def test_a_batch_has_no_more_items_than_can_be_read_back():
    one = payment()
    with pytest.raises(IyzicoConfigurationError, match=f"not 1 to {MAX_ITEMS}"):
        batch(items=[one] * (MAX_ITEMS + 1))


def test_a_list_of_items_becomes_a_tuple_that_nobody_changes():
    items = [payment("a"), payment("b")]
    made = batch(items=items)
    items.append(payment("c"))
    assert [item.item_external_id for item in made.items] == ["a", "b"]


@given(st.lists(st.decimals("0.01", "99999999999999999999.99", places=2), min_size=1, max_size=50))
def test_a_total_is_exact_whatever_decimal_context_the_caller_has(amounts):
    made = batch(items=[payment(f"line-{number}", amount=amount) for number, amount in enumerate(amounts)])
    with localcontext() as context:
        context.prec = 5
        total = made.total
    assert int(total.scaleb(2)) == sum(int(amount.scaleb(2)) for amount in amounts)


def test_neither_a_batch_nor_its_payments_show_a_recipient():
    made = batch()
    for text in (repr(made), repr(made.items), str(made.items[0]), f"{made}"):
        assert not any(secret in text for secret in (IBAN, NAME, "Ayşe", "settlement"))
    assert "payout-2026-11-0001" in repr(made)
    assert isinstance(made, Batch)
