"""The answer to init, in every form that is documented and in those that are not believed."""

import pytest
from payout_answers import IBAN, REQUEST_ID, answer, batch, golden, payment

from airflow_provider_iyzico.api.envelope import has_refused
from airflow_provider_iyzico.api.payout.calls import init_call
from airflow_provider_iyzico.api.payout.initiated import Initiated, InvalidItem, read_initiated
from airflow_provider_iyzico.errors import (
    IyzicoAnswerError,
    IyzicoAuthenticationError,
    IyzicoError,
    IyzicoRefusedError,
    IyzicoUnavailableError,
)


def invalid(name="line-1", **fields):
    return {"externalId": name, "errorCode": "2030", "errorMessage": "IBAN is not valid", **fields}


def test_the_documented_answer_is_read():
    assert read_initiated(answer(golden("init")), batch()) == Initiated(REQUEST_ID, ())


def test_the_documented_answer_with_an_invalid_item_is_read():
    read = read_initiated(answer(golden("init-with-invalid-items")), batch("ext-1", "ext-9545455"))
    assert read == Initiated(REQUEST_ID, (InvalidItem("ext-9545455", "2030", "Invalid"),))


@pytest.mark.parametrize("invalid_items", ["[]", "null"])
@pytest.mark.parametrize("conversation", ["another", "payout-2026-11-0001", None])
def test_no_invalid_items_are_none_however_that_is_written_and_the_conversation_does_not_count(invalid_items, conversation):
    body = f'{{"status":"success","requestId":"r","conversationId":"{conversation}","invalidItems":{invalid_items}}}'
    assert read_initiated(answer(body), batch()) == Initiated("r", ())


@pytest.mark.parametrize(
    ("http_status", "status", "more", "request_id"),
    [
        (200, "success", {"requestId": "r"}, "r"),
        (200, "success", {}, None),
        (400, "success", {"requestId": "r"}, "r"),
        (400, "failure", {"requestId": "r"}, "r"),
        (400, "failure", {}, None),
        (200, "failure", {}, None),
        (400, "failure", {"errorCode": "11", "errorMessage": "Invalid request"}, None),
    ],
)
def test_an_answer_that_calls_every_item_invalid_is_read_whatever_its_status(http_status, status, more, request_id):
    read = read_initiated(answer({"status": status, "invalidItems": [invalid()], **more}, http_status), batch())
    assert read == Initiated(request_id, (InvalidItem("line-1", "2030", "IBAN is not valid"),))


@pytest.mark.parametrize(
    ("body", "http_status", "kind"),
    [
        ({"status": "success"}, 200, IyzicoAnswerError),
        ({"status": "success", "requestId": ""}, 200, IyzicoAnswerError),
        ({"status": "success", "requestId": None}, 200, IyzicoAnswerError),
        ({"status": "success", "requestId": True}, 200, IyzicoAnswerError),
        ({"status": "success", "requestId": "../auth"}, 200, IyzicoAnswerError),
        ({"status": "success", "requestId": "r", "invalidItems": {}}, 200, IyzicoAnswerError),
        ({"status": "success", "requestId": "r", "invalidItems": ["line-1"]}, 200, IyzicoAnswerError),
        ({"status": "success", "requestId": "r", "invalidItems": [{}]}, 200, IyzicoAnswerError),
        ({"status": "success", "requestId": "r", "invalidItems": [invalid("of another batch")]}, 200, IyzicoAnswerError),
        ({"status": "success", "requestId": "r", "errorCode": "11"}, 200, IyzicoAnswerError),
        ({"status": "success", "requestId": "r"}, 201, IyzicoAnswerError),
        ({"status": "success", "requestId": "r"}, 400, IyzicoAnswerError),
        ({"status": "failure"}, 400, IyzicoRefusedError),
        ({"status": "failure", "errorCode": "11"}, 400, IyzicoRefusedError),
        ({"status": "failure", "errorCode": "77", "invalidItems": [invalid()]}, 400, IyzicoRefusedError),
        ({"status": "failure", "errorCode": ["11"], "invalidItems": [invalid()]}, 400, IyzicoRefusedError),
        ({"status": "failure", "errorCode": "1", "invalidItems": [invalid()]}, 500, IyzicoUnavailableError),
        ({"status": "failure", "invalidItems": [invalid()]}, 502, IyzicoUnavailableError),
        ({"status": "failure", "errorCode": "1001", "invalidItems": [invalid()]}, 200, IyzicoAuthenticationError),
    ],
)
def test_any_other_answer_is_named_for_what_it_is(body, http_status, kind):
    with pytest.raises(IyzicoError) as caught:
        read_initiated(answer(body, http_status), batch())
    assert type(caught.value) is kind


def test_success_without_a_request_id_is_believed_for_no_batch_with_an_item_left():
    body = {"status": "success", "invalidItems": [invalid()]}
    with pytest.raises(IyzicoAnswerError, match="success without a requestId"):
        read_initiated(answer(body), batch("line-1", "line-2"))


def test_an_item_with_several_reasons_counts_once():
    reasons = [
        invalid(),
        invalid(errorCode="2005", errorMessage="Name is missing"),
        invalid(),
        invalid(errorCode=None, errorMessage=None),
    ]
    read = read_initiated(answer({"status": "success", "requestId": "r", "invalidItems": reasons}), batch("line-1", "line-2"))
    assert read.invalid == (InvalidItem("line-1", "2030", "IBAN is not valid; Name is missing"),)


@pytest.mark.parametrize(("code", "read"), [(2030, "2030"), ("2030", "2030"), (None, None), ("", None)])
def test_a_code_is_a_number_or_a_text_or_missing(code, read):
    body = {"status": "success", "requestId": "r", "invalidItems": [invalid(errorCode=code)]}
    assert read_initiated(answer(body), batch()).invalid[0].code == read


QUOTES = [
    f"{IBAN} is not valid",
    "TR33 0006 1005 1978 6457 8413 26 is not valid",
    "tr330006100519786457841326",
    "iban=TR330006100519786457841326;",
    "AYŞE YILMAZ is not the holder",
    "ayse yilmaz",
    "Yılmaz'ın hesabı",
    "+905321234567, +90 532 123 45 67, 10000000146",
    "member 4711x",
]


@pytest.mark.parametrize("words", QUOTES)
@pytest.mark.parametrize("place", ["item", "refusal"])
def test_a_server_that_quotes_a_recipient_does_not_get_it_into_a_message(words, place):
    phone = payment("line-2", recipient_type="MEMBER_ID", recipient_info="4711x", recipient_name=None)
    made = batch(items=[payment(), phone])
    if place == "item":
        body = {"status": "success", "requestId": "r", "invalidItems": [invalid(errorMessage=words)]}
        said = read_initiated(answer(body), made).invalid[0].message
    else:
        with pytest.raises(IyzicoRefusedError) as caught:
            read_initiated(answer({"status": "failure", "errorCode": "11", "errorMessage": words}), made)
        said = str(caught.value)
    assert "***" in said
    for secret in ("6457", "84132", "5321", "4567", "0000014", "ay\u015fe", "ayse", "y\u0131lmaz", "yilmaz", "4711"):
        assert secret not in said.lower()


def test_a_refusal_keeps_its_code_and_status_and_is_believed_only_if_iyzico_documents_it():
    for code, is_believed in (
        ("11", True),
        (24, True),
        ("9000", True),
        ("1", False),
        ("2", False),
        ("100001", False),
        ("5001", False),
        (None, False),
    ):
        with pytest.raises(IyzicoRefusedError) as caught:
            read_initiated(answer({"status": "failure", "errorCode": code}, 400), batch())
        assert (caught.value.code, caught.value.http_status) == (None if code is None else str(code), 400)
        assert has_refused(caught.value) is is_believed


def test_an_answer_about_ten_thousand_invalid_items_is_read():
    names = [f"line-{number}" for number in range(10_000)]
    items = [payment(name, recipient_name=f"Recipient {number}") for number, name in enumerate(names)]
    made = batch(items=items)
    wire = answer(
        {"status": "success", "requestId": "r", "invalidItems": [invalid(name, errorMessage=f"{name} is bad") for name in names]}
    )
    assert len(wire.body) < init_call(made, "tr").max_body_bytes
    assert len(read_initiated(wire, made).invalid) == 10_000
