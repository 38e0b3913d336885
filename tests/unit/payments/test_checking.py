from datetime import date
from decimal import Decimal
from itertools import count, islice
from traceback import walk_tb
from uuid import UUID

import pytest

from airflow_provider_iyzico.api.payout.batch import MAX_ITEMS
from airflow_provider_iyzico.errors import IyzicoConfigurationError, PaymentsError
from airflow_provider_iyzico.payments.checking import Limits, checked

IBAN = "TR330006100519786457841326"
GOOD = {
    "item_external_id": "ayse-11",
    "recipient_type": "IBAN",
    "recipient_info": IBAN,
    "recipient_name": "Ayşe Yılmaz",
    "amount": "100.50",
    "description": "maaş",
}


def batch_of(*rows, **more):
    options = {"external_id": "salaries-2026-11", "currency": "TRY", "purpose": "SALARY", "limits": Limits(), **more}
    return checked(**{"rows": rows, **options})


def wrong(*rows, **more):
    with pytest.raises(PaymentsError) as caught:
        batch_of(*rows, **more)
    return str(caught.value)


def test_good_rows_become_a_batch_to_the_kurus():
    batch = batch_of(GOOD, {**GOOD, "item_external_id": "veli-11", "amount": Decimal("0.01")})
    assert (batch.total, len(batch.items), batch.purpose) == (Decimal("100.51"), 2, "SALARY")


@pytest.mark.parametrize(
    "written",
    ["TR33 0006 1005 1978 6457 8413 26", " tr330006100519786457841326", "TR33\u00a00006100519786457841326"],
)
def test_an_iban_may_have_blanks_and_small_letters(written):
    assert batch_of({**GOOD, "recipient_info": written}).items[0].recipient_info == IBAN


@pytest.mark.parametrize(
    ("kind", "info"),
    [
        ("IBAN", "DE89370400440532013000"),
        ("IBAN", "GB82WEST12345698765432"),
        ("PHONE", "+905551234567"),
        ("IDENTITY_NUMBER", "10000000146"),
        ("MEMBER_ID", "4711"),
    ],
)
def test_recipients_of_every_kind_and_any_country_are_taken(kind, info):
    assert batch_of({**GOOD, "recipient_type": kind, "recipient_info": info}).items[0].recipient_info == info


BAD = [
    ({"recipient_info": "TR340006100519786457841326"}, "is not an IBAN"),
    ({"recipient_info": "TR33000610051978645784132"}, "is not an IBAN"),
    ({"recipient_info": "ТR330006100519786457841326"}, "letters that are not ASCII"),
    ({"recipient_type": "IDENTITY_NUMBER", "recipient_info": "10000000147"}, "is not an identity number"),
    ({"recipient_type": "PHONE", "recipient_info": "05551234567"}, "is not a phone number"),
    ({"recipient_type": "PHONE", "recipient_info": "+90555abc4567"}, "is not a phone number"),
    ({"recipient_type": "MEMBER_ID", "recipient_info": "m4711"}, "is not a member id"),
    ({"recipient_type": "EMAIL"}, "recipient_type is not one of"),
    ({"recipient_name": None}, "recipient_name"),
    ({"recipient_name": "  "}, "recipient_name"),
    ({"amount": 100.5}, "float"),
    ({"amount": "100,50"}, "amount"),
    ({"amount": "1.234,56"}, "amount"),
    ({"amount": "0"}, "more than zero"),
    ({"amount": "-1"}, "negative"),
    ({"amount": "1.005"}, "two decimals"),
    ({"amount": "NaN"}, "amount"),
    ({"amount": "1.2E+05"}, "rounded"),
    ({"amount": "1e2"}, "rounded"),
    ({"amount": None}, "lacks amount"),
    ({"description": ""}, "lacks description"),
    ({"currency": "USD"}, "currency"),
    ({"non_withdrawable": "perhaps"}, "neither true nor false"),
    ({"recipient_name": float("nan")}, "recipient_name is a float"),
    ({"description": float("nan")}, "description is a float"),
    ({"recipient_name": "Ayşe".encode()}, "recipient_name is a bytes"),
    ({"description": memoryview(b"salary")}, "description is a memoryview"),
    ({"recipient_name": ["Ayşe"]}, "recipient_name is a list"),
    ({"currency": float("nan")}, "currency is a float"),
    ({"amount": "1.500"}, "1500.00 or 1.50"),
    ({"amount": "25.000 "}, "25000.00 or 25.00"),
    ({"amount": "1.500,75"}, "'1.500,75'"),
    ({"amount": "12.50 TL"}, "not shown"),
    ({"recipient_name": "nan"}, "recipient_name is 'nan', which means that a value is missing"),
    ({"recipient_name": " None"}, "recipient_name is 'None'"),
    ({"description": "NULL"}, "description is 'NULL'"),
    ({"description": Decimal("NaN")}, "description is 'NaN'"),
    ({"item_external_id": "x" * 65}, "item_external_id"),
]


@pytest.mark.parametrize(("change", "said"), BAD, ids=lambda value: value if isinstance(value, str) else next(iter(value)))
def test_a_bad_row_is_named_with_what_is_wrong(change, said):
    message = wrong({**GOOD, **change})
    assert said in message
    assert "nothing was sent" in message


def test_all_bad_rows_are_named_in_one_error_and_no_recipient_is():
    rows = [{**GOOD, "item_external_id": f"item-{n}", **change} for n, (change, _) in enumerate(BAD[:-1])]
    message = wrong(*rows, GOOD)
    assert all(f"'item-{n}'" in message for n in range(len(rows)))
    for personal in (IBAN, "330006100519786457841326", "10000000147", "05551234567", "Ayşe", "maaş"):
        assert personal not in message


@pytest.mark.parametrize(
    "value",
    [
        IBAN,
        "TR33 0006 1005 1978 6457 8413 26",
        IBAN[2:],
        Decimal(IBAN[2:]),
        "Ayşe Yılmaz",
        "AYSE",
        "+905551112233",
        "0555 111 22 33",
    ],
    ids=str,
)
def test_a_recipient_in_the_column_of_amounts_is_not_shown(value):
    said = wrong({**GOOD, "amount": value})
    assert "its amount is not valid, and is not shown" in said
    assert str(value) not in said


@pytest.mark.parametrize("name", ["item_external_id", "recipient_name", "description", "recipient_info"])
@pytest.mark.parametrize("missing", ["nan", "NaN", "NaT", "<NA>", "None", "NULL", "null", "\\N", "#N/A"])
def test_nobody_is_paid_under_the_word_for_a_missing_value(name, missing):
    assert f"its {name} is {missing!r}" in wrong({**GOOD, name: missing})


@pytest.mark.parametrize("name", ["Nan Su", "NAN", "Null Ltd.", "Nonexistent A.Ş."])
def test_a_name_that_only_looks_like_a_missing_value_is_paid(name):
    assert batch_of({**GOOD, "recipient_name": name}).items[0].recipient_name == name


@pytest.mark.parametrize("name", [IBAN, f"seller-{IBAN.lower()}-2026-11", "seller_10000000146", "10000000146:2026-11"])
def test_the_name_of_a_batch_that_holds_something_personal_is_refused_and_not_shown(name):
    with pytest.raises(IyzicoConfigurationError, match="external_id holds an IBAN or an identity number") as caught:
        batch_of(GOOD, external_id=name)
    assert name not in str(caught.value)


@pytest.mark.parametrize(
    "name", ["salaries-2026-11", "scheduled__2026-11-30T00:00:00", "20261130T123456", "1764460800000", "2026.11.30-7"]
)
def test_the_name_of_a_batch_may_hold_a_day_or_a_moment(name):
    assert batch_of(GOOD, external_id=name).external_id == name


def breaking_off(rows):
    yield from rows
    raise PaymentsError("the file broke off")


@pytest.mark.parametrize(
    "rows",
    [
        [{**GOOD, "amount": "x"}],
        breaking_off([GOOD]),
        [{**GOOD, "item_external_id": n} for n in range(MAX_ITEMS + 1)],
        [GOOD, GOOD],
    ],
    ids=["bad", "broken off", "too many", "twice"],
)
def test_no_frame_of_an_error_shows_a_row_to_error_trackers(rows):
    with pytest.raises(PaymentsError) as caught:
        checked(iter(rows), external_id="salaries", currency="TRY", purpose=None, limits=Limits())
    frames = [frame for frame, _ in walk_tb(caught.value.__traceback__) if "iyzico/payments/" in frame.f_code.co_filename]
    shown = " ".join(repr(frame.f_locals) for frame in frames)
    assert "'external_id': 'salaries'" in shown
    assert IBAN not in shown
    assert GOOD["recipient_name"] not in shown


def test_a_row_without_an_id_is_named_by_its_place_and_the_end_of_its_recipient():
    assert "row 2 (...1326)" in wrong(GOOD, {**GOOD, "item_external_id": ""})


@pytest.mark.parametrize("personal", [IBAN, "tr33 0006 1005 1978 6457 8413 26", "+905551112233", "10000000146"])
def test_an_id_that_is_itself_personal_is_refused_and_not_shown(personal):
    said = wrong({**GOOD, "item_external_id": personal}, {**GOOD, "item_external_id": personal, "amount": "0"})
    assert personal not in said
    assert said.count(f"row 1 (...{IBAN[-4:]}): its item_external_id holds an IBAN, a phone or an identity number") == 1
    assert "row 2 (...1326)" in said


@pytest.mark.parametrize("name", [1001.0, float("nan"), b"ayse-11", memoryview(b"ayse-11"), IBAN.encode(), True, ["ayse-11"]])
def test_an_id_that_is_no_text_is_refused_and_not_shown(name):
    said = wrong(GOOD, {**GOOD, "item_external_id": name})
    assert f"row 2 (...1326): its item_external_id is a {type(name).__name__}" in said
    assert IBAN not in said


@pytest.mark.parametrize(
    "name",
    [1001, Decimal(1001), date(2026, 11, 29), UUID("6f1f5f0e-6d3e-5c0b-9d55-1f0a3c1f7f11")],
    ids=lambda name: type(name).__name__,
)
def test_an_id_may_be_what_a_database_gives_for_a_key(name):
    assert batch_of({**GOOD, "item_external_id": name}).items[0].item_external_id == str(name)


@pytest.mark.parametrize("amount", [Decimal("1.500"), "1.50", "1.5000", "1500", "1500.000"])
def test_zeros_behind_an_amount_do_not_count_where_they_cannot_be_thousands(amount):
    assert batch_of({**GOOD, "amount": amount}).total == Decimal(amount)


@pytest.mark.parametrize("name", [f"2026-11-{IBAN}", f"{IBAN.lower()}_1", "2026-11:10000000146", "maaş/+905551112233"])
def test_an_id_that_holds_something_personal_is_refused_and_not_shown(name):
    said = wrong({**GOOD, "item_external_id": name})
    assert name not in said
    assert "row 1 (...1326): its item_external_id holds an IBAN, a phone or an identity number" in said


@pytest.mark.parametrize("number", ["20261129001", "202611290001", "905551112233"])
def test_an_id_may_be_a_long_number(number):
    assert batch_of({**GOOD, "item_external_id": number}).items[0].item_external_id == number


def test_an_id_given_twice_is_named():
    assert "'ayse-11': its item_external_id is given 2 times" in wrong(GOOD, GOOD)


def test_an_id_given_twice_in_two_unicode_forms_is_named():
    ids = ("maaş-11", "maas\N{COMBINING CEDILLA}-11")
    assert "'maaş-11': its item_external_id is given 2 times" in wrong(*[{**GOOD, "item_external_id": each} for each in ids])


def test_an_empty_batch_is_refused():
    assert "there is nobody to pay" in wrong()


def test_more_than_the_author_allows_is_refused():
    rows = [{**GOOD, "item_external_id": str(n)} for n in range(3)]
    assert "max_items is 2" in wrong(*rows, limits=Limits(max_items=2))
    assert "301.50 TRY, and max_total is 301.49" in wrong(*rows, limits=Limits(max_total=Decimal("301.49")))
    assert batch_of(*rows, limits=Limits(3, Decimal("301.50"))).total == Decimal("301.50")


@pytest.mark.parametrize("amount", ["1.00", "x"], ids=["good", "bad"])
def test_rows_without_end_are_read_no_further_than_a_batch_may_be_long(amount):
    rows = count(1)
    with pytest.raises(PaymentsError, match="has more than 20000 payments, the most that a batch may have; .*Nothing was sent"):
        batch_of(rows=({**GOOD, "item_external_id": str(number), "amount": amount} for number in islice(rows, 50_000)))
    assert next(rows) <= 20_010


def test_thousands_of_bad_rows_make_one_error_that_can_be_read():
    message = wrong(*[{**GOOD, "item_external_id": str(n), "amount": "x"} for n in range(1000)])
    assert "and 950 more" in message
    assert message.count("\n- ") == 51


@pytest.mark.parametrize("name", ["", " ", "ş", "a b", "x" * 65, "None\n"])
def test_an_external_id_that_cannot_name_a_batch_is_refused(name):
    with pytest.raises(IyzicoConfigurationError, match="external_id"):
        batch_of(GOOD, external_id=name)


PHONE = {"recipient_type": "PHONE", "recipient_info": "+905321234567", "recipient_name": None}
PERSON = {"recipient_type": "IDENTITY_NUMBER", "recipient_info": "10000000146", "recipient_name": None}


@pytest.mark.parametrize(
    ("whose", "name"),
    [
        (PHONE, "905321234567"),
        (PHONE, "2026-11-05321234567"),
        (PHONE, "0532 123 45 67"),
        (PHONE, "0532-123-45-67"),
        (PERSON, "tc10000000146"),
        (PERSON, "100-000-001-46"),
        ({}, "TR33-0006-1005-1978-6457-8413-26"),
        ({}, "2026TR330006100519786457841326"),
        ({}, IBAN[2:]),
    ],
)
def test_an_id_that_is_its_own_recipient_is_refused_and_not_shown(whose, name):
    for change in ({}, {"amount": "0"}):
        said = wrong({**GOOD, **whose, "item_external_id": name, **change})
        assert name not in said
        assert f"row 1 (...{(GOOD | whose)['recipient_info'][-4:]})" in said


@pytest.mark.parametrize("name", ["2026-11-4711", "905321234568", "4567"])
def test_an_id_may_hold_other_numbers_and_a_member_id(name):
    assert batch_of({**GOOD, **PHONE, "item_external_id": name}).items[0].item_external_id == name
    member = {"recipient_type": "MEMBER_ID", "recipient_info": "123456789", "item_external_id": "123456789"}
    assert batch_of({**GOOD, **member}).items[0].item_external_id == "123456789"
