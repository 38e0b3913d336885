"""The bytes that go out, and what is signed of them."""

import json
import re
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from payout_answers import IBAN, NAME, REQUEST_ID, answer, batch, golden, payment

from airflow_provider_iyzico.api import signing
from airflow_provider_iyzico.api.payout.calls import auth_call, cancel_call, init_call, item_call, page_call
from airflow_provider_iyzico.errors import IyzicoConfigurationError, IyzicoRefusedError

VECTORS = json.loads((Path(__file__).parents[1] / "signing-vectors.json").read_text(encoding="utf-8"))["vectors"]


def signed_by_the_official_client(call, name):
    (vector,) = [vector for vector in VECTORS if vector["name"] == name]
    assert signing.signature(vector["secretKey"], vector["randomKey"], call.path, call.body) == vector["signatureHex"]
    assert call.body == vector["body"].encode()


def named(part):
    (name,) = [vector["name"] for vector in VECTORS if re.search(part, vector["name"])]
    return name


def test_auth_sends_and_signs_the_bytes_that_the_official_client_signs():
    signed_by_the_official_client(auth_call(REQUEST_ID, "tr"), named("post_auth"))


def test_retrieve_sends_and_signs_the_bytes_that_the_official_client_signs():
    call = page_call("tr", item_type="VALID", page=0, request_id=REQUEST_ID)
    signed_by_the_official_client(call, named("post_retrieve"))


def test_init_sends_raw_utf_8_without_blanks_and_with_its_own_id_as_conversation():
    (vector,) = [vector for vector in VECTORS if vector["name"] == "post_init_compact_utf8"]
    call = init_call(batch(purpose="SETTLEMENT"), "tr")
    ours = vector["body"].replace('"conv-0001"', '"payout-2026-11-0001"').encode()
    assert (call.method, call.path, call.query, call.body) == ("POST", "/v1/mass/payout/init", "locale=tr", ours)
    theirs = call.body.replace(b'"conversationId":"payout-2026-11-0001"', b'"conversationId":"conv-0001"')
    assert signing.signature(vector["secretKey"], vector["randomKey"], call.path, theirs) == vector["signatureHex"]


def test_init_writes_all_that_a_payment_has_and_leaves_out_what_it_has_not():
    rich = payment("a", recipient_type="MEMBER_ID", recipient_info="2228853", non_withdrawable=False)
    poor = payment("b", recipient_type="PHONE", recipient_info="+90 532 123 45 67", recipient_name=None)
    first, second = json.loads(init_call(batch(items=[rich, poor], currency="EUR"), "en").body)["items"]
    assert (first["nonWithdrawable"], first["amount"]["currency"]) == (False, "EUR")
    assert set(second) == {"itemExternalId", "recipientType", "recipientInfo", "amount", "description"}
    assert second["recipientInfo"] == "+905321234567"


@given(st.decimals("0.01", "99999999999999999999.99", places=2))
def test_an_amount_goes_out_as_a_number_with_its_own_digits(amount):
    body = init_call(batch(items=[payment(amount=amount)]), "tr").body
    (written,) = re.findall(rb'"value":([^,]+),', body)
    assert re.fullmatch(rb"[1-9][0-9]*\.[0-9]{2}|0\.[0-9]{2}", written)
    assert json.loads(body, parse_float=Decimal)["items"][0]["amount"]["value"] == amount


@given(st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=64))
def test_any_printable_name_arrives_as_it_was_written(name):
    body = init_call(batch(items=[payment(name, recipient_name=name)]), "tr").body
    (sent,) = json.loads(body.decode())["items"]
    assert (sent["itemExternalId"], sent["recipientName"]) == (name, name)


def test_the_same_amount_makes_the_same_bytes_however_it_is_written():
    bodies = {init_call(batch(items=[payment(amount=Decimal(one))]), "tr").body for one in ("10", "10.0", "1E+1", "10.000")}
    assert len(bodies) == 1


def test_cancel_sends_no_body_and_has_the_id_in_its_path():
    call = cancel_call(REQUEST_ID, "en")
    assert (call.method, call.path, call.query, call.body) == ("POST", f"/v1/mass/payout/cancel/{REQUEST_ID}", "locale=en", b"")


def test_the_documented_answer_to_auth_and_cancel_says_no_more_than_that_it_was_done():
    for call in (auth_call(REQUEST_ID, "tr"), cancel_call(REQUEST_ID, "tr")):
        assert call.read(answer(golden("auth"))) is None
        with pytest.raises(IyzicoRefusedError):
            call.read(answer({"status": "failure", "errorCode": "11"}))


def test_an_item_is_asked_for_by_its_reference_code():
    call = item_call("b9a2f39c-0403", "tr")
    assert (call.method, call.path, call.body) == ("GET", "/v1/mass/payout/retrieve/items/b9a2f39c-0403", b"")


def test_only_the_calls_that_change_nothing_are_reads():
    reads = [page_call("tr", item_type="VALID", page=0, external_id="a"), item_call("x", "tr")]
    assert all(call.is_read for call in reads)
    assert not any(call.is_read for call in (init_call(batch(), "tr"), auth_call("x", "tr"), cancel_call("x", "tr")))


@pytest.mark.parametrize("name", ["", "..", ".", "../auth", "a/b", "a?b", "a#b", "a%2Fb", "a b", "ö", "-a", "x" * 129, None, 5])
@pytest.mark.parametrize("make", [auth_call, cancel_call, item_call])
def test_an_id_that_would_change_the_path_or_is_none_is_refused(make, name):
    with pytest.raises(IyzicoConfigurationError, match="is not an id"):
        make(name, "tr")


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"request_id": "a", "external_id": "a"},
        {"request_id": "a/b"},
        {"external_id": "a b"},
        {"request_id": "a", "item_type": "ALL"},
        {"request_id": "a", "item_type": None},
    ],
)
def test_a_batch_is_asked_for_by_exactly_one_id(asked):
    with pytest.raises(IyzicoConfigurationError):
        page_call("tr", **{"item_type": "VALID", "page": 0, **asked})


def test_a_call_shows_no_recipient():
    call = init_call(batch(), "tr")
    for text in (repr(call), repr(call.body), str(call.read)):
        assert not any(secret in text for secret in (IBAN, NAME, "Ayşe", "settlement"))
