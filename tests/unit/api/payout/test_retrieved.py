"""What comes back of a batch, in every form that somebody documented, and what is not believed."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from payout_answers import IBAN, NAME, answer, golden, item, page

from airflow_provider_iyzico.api.payout.retrieved import read_item, read_page
from airflow_provider_iyzico.api.payout.statuses import BATCH_STATUSES, ITEM_STATUSES, ItemMeaning, item_meaning
from airflow_provider_iyzico.errors import (
    IyzicoAnswerError,
    IyzicoAuthenticationError,
    IyzicoError,
    IyzicoNoSuchPayoutError,
    IyzicoRefusedError,
    IyzicoUnavailableError,
    Retry,
)

EXTERNAL_ID = "payout-2026-11-0001"


def read(body, http_status=200, *, request_id=None, external_id=None, number=0):
    wire = answer(body, http_status)
    return read_page(wire, request_id=request_id, external_id=external_id, page=number)


def read_one(**fields):
    (one,) = read(page([item("line-1", **fields)], 1)).payout.items
    return one


@pytest.mark.parametrize("name", ["retrieve", "retrieve-in-the-guide"])
def test_the_documented_answers_are_read(name):
    seen = read(golden(name), external_id="massPayoutId-323")
    assert seen.total == 2
    payout = seen.payout
    assert (payout.external_id, payout.status, payout.currency) == ("massPayoutId-323", "PUBLISHED_TO_QUEUE", "TRY")
    assert (payout.total_amount, payout.successful_amount, payout.commission_amount) == (201, 0, 0)
    assert [one.item_external_id for one in payout.items] == ["ext-0077", "ext-0099"]
    assert {(one.status, one.total_amount, one.commission_amount) for one in payout.items} == {("INIT", Decimal("100.5"), 20)}
    assert payout.request_id is None


def test_the_documented_item_is_read():
    one = read_item(answer(golden("item")), reference_code="b9a2f39c-0403-4869-a23a-371046c7431f")
    assert (one.item_external_id, one.status, one.total_amount, one.currency) == ("ext-65656", "INIT", 100, "TRY")


WRITTEN = [
    ("100", "100"),
    ("100.5", "100.5"),
    ("100.50", "100.50"),
    ("20.00000000", "20"),
    ("0E-8", "0"),
    ("0", "0"),
    ("1E+2", "100"),
    ('"100.50"', "100.50"),
    ('"20.00000000"', "20"),
    ('"0E-8"', "0"),
    ("12345678901234567.89", "12345678901234567.89"),
]


@pytest.mark.parametrize(("written", "amount"), WRITTEN)
def test_money_is_exact_in_every_form(written, amount):
    body = json.dumps(
        page([item("line-1", totalAmount="@", commissionAmount="@")], 1, totalAmount="@", totalSuccessfulAmount="@")
    )
    payout = read(body.replace('"@"', written)).payout
    assert (payout.total_amount, payout.successful_amount) == (Decimal(amount),) * 2
    assert (payout.items[0].total_amount, payout.items[0].commission_amount) == (Decimal(amount),) * 2


@given(st.decimals(0, 10**15, places=8))
def test_no_digit_of_an_amount_is_lost(amount):
    assert read_one(totalAmount=f"{amount:f}").total_amount == amount


def test_a_commission_that_is_not_stated_is_not_zero():
    without = item("line-1")
    del without["commissionAmount"]
    assert read(page([without], 1)).payout.items[0].commission_amount is None
    assert read_one(commissionAmount=None).commission_amount is None
    assert read_one(commissionAmount=0).commission_amount == 0
    assert read(page([], 0)).payout.commission_amount is None


@pytest.mark.parametrize("value", [None, "", "-1", True, [], {}, "1.234,56", "NaN", "1e30", "0.123456789"])
@pytest.mark.parametrize("where", ["batch", "item"])
def test_what_is_no_amount_is_not_believed(value, where):
    body = page([item("line-1", **({"totalAmount": value} if where == "item" else {}))], 1)
    if where == "batch":
        body["massPayout"]["totalAmount"] = value
    with pytest.raises(IyzicoAnswerError, match="totalAmount"):
        read(body)


@pytest.mark.parametrize("status", ITEM_STATUSES)
def test_each_documented_status_of_an_item_is_kept(status):
    assert read_one(itemStatus=status).status == status


@pytest.mark.parametrize("status", [*BATCH_STATUSES, "SUCCESS", "PARTIALLY_COMPLETED"])
def test_each_status_of_a_batch_is_kept_the_undocumented_ones_too(status):
    assert read(page([], 0, massPayoutStatus=status)).payout.status == status


@pytest.mark.parametrize(("written", "kept"), [("REVERSED", "REVERSED"), (1, "1"), (-1, "-1"), ("paid\n\x1b[0m", "paid  [0m")])
def test_an_unknown_status_is_kept_as_a_line_of_text_and_is_never_paid(written, kept):
    one = read_one(itemStatus=written)
    assert one.status == kept
    assert item_meaning(one.status) is ItemMeaning.UNKNOWN


@pytest.mark.parametrize("status", [None, "", True, [], {}, "\n", "x" * 2001])
def test_a_status_that_is_no_word_is_not_believed(status):
    with pytest.raises(IyzicoAnswerError, match="item 'line-1': .*itemStatus"):
        read_one(itemStatus=status)
    with pytest.raises(IyzicoAnswerError, match="massPayoutStatus"):
        read(page([], 0, massPayoutStatus=status))


@pytest.mark.parametrize(
    ("fields", "errors"),
    [
        ({"errorMessages": []}, ()),
        ({"errorMessages": None}, ()),
        ({"errorMessages": ["closed", "frozen", "closed"]}, ("closed", "frozen")),
        ({"errorMessages": "closed"}, ("closed",)),
        ({"errorMessages": None, "errorMessage": "closed"}, ("closed",)),
        ({"errorMessages": ["frozen"], "errorMessage": "closed"}, ("frozen", "closed")),
        ({"errorMessages": [None, 5, {}, ["x"], "closed"]}, ("closed", "5")),
        ({"errorMessages": ["a\nb"] + ["x"] * 1000}, ("a b", "x")),
    ],
)
def test_the_reasons_of_an_item_are_a_list_or_one_text(fields, errors):
    assert set(read_one(**fields).errors) == set(errors)


@pytest.mark.parametrize("words", [f"{NAME} has no account {IBAN}", "AYSE YILMAZ", "TR33 0006 1005 1978 6457 8413 26 closed"])
def test_the_reasons_of_an_item_name_no_recipient(words):
    (shown,) = read_one(errorMessages=[words]).errors
    assert "***" in shown
    assert not any(secret in shown.lower() for secret in ("yılmaz", "yilmaz", "ayse", "ayşe", "6457"))


def test_neither_a_batch_nor_its_items_show_a_recipient():
    seen = read(page([item("line-1")], 1))
    for text in (repr(seen), repr(seen.payout), repr(seen.payout.items)):
        assert not any(secret in text for secret in (IBAN, NAME, "settlement"))


@pytest.mark.parametrize("place", ["top", "nested", "both"])
@pytest.mark.parametrize("kind", [int, str])
def test_the_paging_stands_at_the_top_or_with_the_items_or_at_both(place, kind):
    body = page([item("line-1")], 1)
    paging = {name: kind(body.pop(name)) for name in ("page", "size", "total")}
    if place != "nested":
        body.update(paging)
    if place != "top":
        body["massPayoutItems"].update(paging)
    assert read(body).total == 1


@pytest.mark.parametrize("name", ["page", "size", "total"])
def test_paging_that_contradicts_itself_is_not_believed(name):
    body = page([item("line-1")], 1)
    body["massPayoutItems"].update({"page": 0, "size": 40, "total": 1, name: 7})
    with pytest.raises(IyzicoAnswerError, match=f"two numbers for {name}"):
        read(body)


@pytest.mark.parametrize("value", [None, "", -1, 1.5, "one", True, [], 10**10])
def test_a_total_that_is_no_number_is_not_believed(value):
    with pytest.raises(IyzicoAnswerError, match="total"):
        read(page([item("line-1")], value))


def test_another_page_or_batch_than_asked_for_is_not_believed():
    with pytest.raises(IyzicoAnswerError, match="another page than page 1"):
        read(page([], 0), number=1)
    with pytest.raises(IyzicoAnswerError, match="another batch"):
        read(page([], 0), external_id="another")
    with pytest.raises(IyzicoAnswerError, match="several batches"):
        read(page([item("line-1", massPayoutRequestId="b")], 1), request_id="a")
    with pytest.raises(IyzicoAnswerError, match="several batches"):
        read(page([item("a", massPayoutRequestId="a"), item("b", massPayoutRequestId="b")], 2), external_id=EXTERNAL_ID)
    with pytest.raises(IyzicoAnswerError, match="another item"):
        read_item(answer({"status": "success", "item": item("line-1")}), reference_code="another")


def test_the_request_id_is_what_was_asked_for_or_what_the_items_say():
    named = page([item("a"), item("b", massPayoutRequestId="r")], 2)
    assert read(named, external_id=EXTERNAL_ID).payout.request_id == "r"
    assert read(page([item("a")], 1), request_id="r").payout.request_id == "r"
    assert read(page([item("a")], 1), external_id=EXTERNAL_ID).payout.request_id is None


@pytest.mark.parametrize(("written", "kept"), [(1, "1"), ("000000", "000000"), (3401234, "3401234"), (None, None), ("", None)])
def test_a_merchant_id_is_a_number_or_a_text(written, kept):
    assert read(page([], 0, merchantId=written)).payout.merchant_id == kept


def test_a_merchant_id_that_makes_the_answer_no_json_is_not_guessed():
    body = json.dumps(page([], 0, merchantId="@")).replace('"@"', "000000")
    with pytest.raises(IyzicoAnswerError, match="not a JSON object"):
        read(body)


def test_what_only_the_java_change_has_is_kept_as_it_is_written():
    dates = {"receivedDate": "2026-11-22 10:00", "completedDate": 1759155442830, "canceledDate": None}
    payout = read(page([], 0, **dates)).payout
    assert (payout.received_date, payout.completed_date, payout.canceled_date) == ("2026-11-22 10:00", "1759155442830", None)


def test_what_the_examples_leave_out_may_be_missing():
    bare = {"itemExternalId": "line-1", "itemStatus": "INIT", "totalAmount": 1}
    (one,) = read(page([bare], 1)).payout.items
    assert (one.description, one.recipient_info, one.recipient_type, one.reference_code, one.currency) == (None,) * 5


@pytest.mark.parametrize("items", [None, [], {"items": None}, {"items": []}, {}])
def test_a_list_of_no_items_is_empty_however_it_is_written(items):
    if items == []:
        with pytest.raises(IyzicoAnswerError, match="massPayoutItems"):
            read({**page([], 0), "massPayoutItems": items})
    else:
        assert read({**page([], 0), "massPayoutItems": items}).payout.items == ()


NOTHING = [
    ({"status": "success"}, 200, None),
    ({"status": "success", "massPayout": None}, 200, None),
    ({"status": "success", "massPayout": {}, "massPayoutItems": {"items": []}, "total": 0}, 200, None),
    *[
        ({"status": "failure", "errorCode": code}, status, str(code))
        for code in ("5", 11, "24", "7777")
        for status in (200, 400, 404)
    ],
]


@pytest.mark.parametrize(("body", "http_status", "code"), NOTHING)
def test_iyzico_has_found_nothing_if_it_says_so_of_the_batch(body, http_status, code):
    with pytest.raises(IyzicoNoSuchPayoutError, match="found nothing") as caught:
        read(body, http_status, external_id=EXTERNAL_ID)
    assert (caught.value.code, caught.value.http_status, caught.value.retry) == (code, http_status, Retry.NEVER)


@pytest.mark.parametrize(
    ("body", "http_status", "kind"),
    [
        *[
            ({"status": "failure", "errorCode": code}, 200, IyzicoAuthenticationError)
            for code in ("1000", "1001", "1007", "1009")
        ],
        *[
            ({"status": "failure", "errorCode": code}, 200, IyzicoRefusedError)
            for code in ("1", "2", "8", "9000", "100001", None)
        ],
        ({"status": "failure", "errorCode": "8"}, 401, IyzicoAuthenticationError),
        ({"status": "failure", "errorCode": "50000"}, 200, IyzicoUnavailableError),
        ({"status": "failure", "errorCode": "11"}, 429, IyzicoUnavailableError),
        ({"status": "failure", "errorCode": "11"}, 500, IyzicoUnavailableError),
        ({"status": "error", "errorCode": "11"}, 404, IyzicoAnswerError),
        ({"errorCode": "11"}, 404, IyzicoAnswerError),
        ({"message": "Not Found"}, 404, IyzicoAnswerError),
        ("<html>", 404, IyzicoAnswerError),
        ("", 404, IyzicoAnswerError),
        ({"status": "success", "massPayout": []}, 200, IyzicoAnswerError),
        ({"status": "success", "massPayout": "x"}, 200, IyzicoAnswerError),
        ({"status": "success", "massPayoutItems": {"items": [item("line-1")]}}, 200, IyzicoAnswerError),
    ],
)
def test_nothing_else_means_that_there_is_no_batch(body, http_status, kind):
    with pytest.raises(IyzicoError) as caught:
        read(body, http_status, external_id=EXTERNAL_ID)
    assert type(caught.value) is kind


def test_a_batch_that_is_gone_at_a_later_page_is_a_reason_to_ask_again():
    with pytest.raises(IyzicoUnavailableError, match="at page 1"):
        read({"status": "success"}, number=1)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["itemStatus", "totalAmount", "items", "x"]), inner, max_size=3)), st.sampled_from(["massPayout", "massPayoutItems", "total", "page", "size", "status"]))  # fmt: skip
def test_no_answer_whatever_is_more_than_an_error_of_ours(value, name):
    try:
        read({**page([item("line-1")], 1), name: value})
    except IyzicoError:
        return
