"""Contents are told apart by what is sent, and by nothing else."""

from dataclasses import replace
from decimal import Decimal

import pytest
from batches import IBAN, batch_of_two, payment

from airflow_provider_iyzico.ledger.digest import differing, digests_of, is_another_recipient, payment_digest, recipient_end

KEY, OTHER_KEY = "0f" * 32, "f0" * 32
SENT = batch_of_two("a")


def items(*changed, **first):
    return {"items": (replace(payment(1), **first), payment(2, "200.00"), *changed)}


@pytest.mark.parametrize(
    "same",
    [
        {"items": SENT.items[::-1]},
        items(amount=Decimal("100.5000")),
        items(recipient_info=" ".join(IBAN[at : at + 4] for at in range(0, 26, 4)).lower()),
        items(non_withdrawable=False),
        {"external_id": "b"},
    ],
    ids=["order of rows", "zeros behind", "blanks and small letters", "false is what nothing means", "external_id"],
)
def test_the_same_content_has_the_same_digests(same):
    assert digests_of(replace(SENT, **same), KEY) == digests_of(SENT, KEY)


@pytest.mark.parametrize(
    "other",
    [
        items(amount=Decimal("100.51")),
        items(recipient_type="PHONE", recipient_info="+905301234567", recipient_name=None),
        items(item_external_id="item-3"),
        items(payment(3)),
    ],
    ids=["amount", "recipient", "id", "one more"],
)
def test_other_payments_have_other_digests(other):
    mine, theirs = digests_of(SENT, KEY), digests_of(replace(SENT, **other), KEY)
    assert mine.content != theirs.content
    assert mine.payments != theirs.payments


@pytest.mark.parametrize(
    "other",
    [
        items(description="bonus"),
        items(recipient_name="Ali"),
        items(non_withdrawable=True),
        {"purpose": None},
        {"currency": "EUR"},
    ],
    ids=["description", "name", "non_withdrawable", "purpose", "currency"],
)
def test_other_words_are_other_content_and_the_same_payments(other):
    mine, theirs = digests_of(SENT, KEY), digests_of(replace(SENT, **other), KEY)
    assert mine.content != theirs.content
    assert mine.payments == theirs.payments


def test_digests_of_another_account_say_nothing_about_this_one():
    mine, theirs = digests_of(SENT, KEY), digests_of(SENT, OTHER_KEY)
    assert {mine.content, mine.payments, *mine.of_items.values()}.isdisjoint(
        {theirs.content, theirs.payments, *theirs.of_items.values()}
    )


def test_texts_cannot_move_from_one_field_into_another():
    assert payment_digest(KEY, "a", "IBAN", "TR1", Decimal(1)) != payment_digest(KEY, "aI", "BAN", "TR1", Decimal(1))


def test_what_iyzico_shows_is_compared_item_by_item():
    kept = digests_of(SENT, KEY).of_items
    shown = [(item.item_external_id, item.recipient_type, item.recipient_info, item.amount) for item in SENT.items]
    assert differing(KEY, kept, shown) == []
    assert differing(KEY, kept, shown[:1]) == ["item-2"]
    assert differing(KEY, kept, [*shown, ("item-3", "IBAN", IBAN, Decimal(1))]) == ["item-3"]
    assert differing(KEY, kept, [*shown, shown[0]]) == ["item-1"]
    assert differing(KEY, kept, [shown[0], ("item-2", "IBAN", "TR**********************78", Decimal(200))]) == ["item-2"]


def test_a_person_recognises_a_recipient_by_its_end_and_never_sees_more_than_half():
    ends = {IBAN: IBAN[-4:], "+905301234567": "4567", "12345678901": "8901", "12345": "45", "7": ""}
    assert {recipient: recipient_end(recipient) for recipient in ends} == ends


def row(kind, recipient):
    digest = payment_digest(KEY, "a", kind, recipient, Decimal(1))
    return {
        "item_external_id": "a",
        "recipient_type": kind,
        "recipient_end": recipient_end(recipient),
        "payment_digest": digest,
    }


@pytest.mark.parametrize(
    ("kind", "sent", "shown", "is_another"),
    [
        ("IBAN", IBAN, IBAN, False),
        ("IBAN", IBAN, f"{IBAN[:12]} {IBAN[12:]}".lower(), False),
        ("IBAN", IBAN, f"TR00{IBAN[4:]}", True),
        ("IBAN", IBAN, f"{IBAN[:-1]}0", True),
        ("IBAN", IBAN, f"TR{'*' * 20}{IBAN[-4:]}", False),
        ("IBAN", IBAN, f"TR{'*' * 20}0000", True),
        ("IBAN", IBAN, f"TR{'X' * 20}{IBAN[-2:]}", False),
        ("IBAN", IBAN, f"TR{'X' * 20}0000", True),
        ("IBAN", IBAN, f"{IBAN[:6]}{'X' * 20}", False),
        ("IBAN", IBAN, "", False),
        ("IBAN", IBAN, None, False),
        ("PHONE", "+905301234567", "+90 530 *** ** 67", False),
        ("PHONE", "+905301234567", "+90 530 *** ** 68", True),
        ("PHONE", "+905301234567", "+90 530 123 ** **", False),
        ("PHONE", "+905301234567", "05301234567", False),
        ("PHONE", "+905301234567", "+905301234568", True),
        ("MEMBER_ID", "7012345678", "99", True),
    ],
)
def test_a_recipient_is_surely_another_one_if_what_is_shown_of_it_cannot_be_ours(kind, sent, shown, is_another):
    assert is_another_recipient(KEY, row(kind, sent), kind, shown, Decimal(1)) is is_another


@pytest.mark.parametrize(
    ("shown", "is_another"),
    [("PHONE", False), ("phone", False), (None, False), ("GSM", False), ("MEMBER_ID", True), ("member_id", True)],
)
def test_a_recipient_of_another_documented_type_is_surely_another_one_even_where_nothing_else_is_shown(shown, is_another):
    assert is_another_recipient(KEY, row("PHONE", "+905301234567"), shown, None, Decimal(1)) is is_another
