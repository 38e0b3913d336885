"""The documented life of a batch, seen from outside: raw requests in, money and answers out."""

import json
import os

import pytest
from own_client import BAD_IBAN, ROOT, Client, Number, ask, header, item

from airflow_provider_iyzico.simulator import Simulator

VECTORS_PATH = os.path.join(os.path.dirname(__file__), "..", "api", "signing-vectors.json")


def test_a_batch_goes_its_documented_way_and_is_paid_once(bank, client):
    request_id = client.start(item("i1"), item("i2", "200"))
    assert client.statuses(request_id) == ("INIT", ["INIT", "INIT"])
    assert client.balance() == 1000
    assert client.auth(request_id)[1]["status"] == "success"
    assert client.statuses(request_id) == ("IN_PROGRESS", ["INIT", "INIT"])
    seen = []
    for _ in range(4):
        bank.advance(1)
        seen.append(client.statuses(request_id))
    assert seen == [
        ("IN_PROGRESS", ["QUEUED", "QUEUED"]),
        ("PUBLISHED_TO_QUEUE", ["PROCESSING", "PROCESSING"]),
        ("PUBLISHED_TO_QUEUE", ["PROCESSING", "PROCESSING"]),
        ("COMPLETED", ["SUCCESS", "SUCCESS"]),
    ]
    bank.advance(30 * 24 * 3600)
    assert client.statuses(request_id) == seen[-1]
    assert client.balance() == 1000 - 300.5
    assert [each["times_paid"] for each in bank.payouts[0]["items"]] == [1, 1]


def test_the_answers_have_the_documented_shapes(bank, client):
    bank.set(commission="2.50")
    status, initiated = client.init(item(), item("i2", description=...))
    assert status == 200
    assert set(initiated) == {"status", "systemTime", "locale", "conversationId", "requestId", "invalidItems"}
    assert initiated["conversationId"] == "c1"
    (invalid,) = initiated["invalidItems"]
    assert set(invalid) == {"externalId", "errorCode", "errorMessage"}
    assert (invalid["externalId"], invalid["errorCode"]) == ("i2", "24")
    request_id = initiated["requestId"]
    assert set(client.auth(request_id)[1]) == {"status", "systemTime", "locale"}
    bank.advance(60)
    found = client.retrieve(request_id)[1]
    assert set(found) == {"status", "systemTime", "locale", "massPayout", "massPayoutItems", "page", "size", "total"}
    assert found["massPayout"] == {
        "externalId": "salaries-1",
        "merchantId": 1000001,
        "totalAmount": "100.50",
        "totalSuccessfulAmount": "100.50",
        "massPayoutStatus": "COMPLETED",
        "totalCommissionAmount": "2.50",
        "currency": "TRY",
    }
    paid, _ = found["massPayoutItems"]["items"]
    assert paid == {
        "itemExternalId": "i1",
        "referenceCode": paid["referenceCode"],
        "recipientType": "IBAN",
        "recipientInfo": "TR330006100519786457841326",
        "recipientName": "Ayşe Yılmaz",
        "description": "November",
        "itemStatus": "SUCCESS",
        "errorMessages": [],
        "totalAmount": "100.50",
        "commissionAmount": "2.50",
        "currencyCode": "TRY",
    }
    assert client.item(paid["referenceCode"])[1]["item"] == paid


def test_a_signature_covers_body_and_path(bank, client):
    body = json.dumps({"requestId": "r"}).encode()
    for path, signed, sent in [("auth", body, body + b" "), ("auth", b"", body), ("retrieve", body, body)]:
        answer = ask(bank, header(f"{ROOT}/{path}", signed), f"{ROOT}/auth?locale=tr", "POST", sent)[1]
        assert answer["errorCode"] == "1000"
    other = header(f"{ROOT}/cancel/one")
    assert ask(bank, other, f"{ROOT}/cancel/two?locale=tr", "POST")[1]["errorCode"] == "1000"
    assert bank.journal[-1].what == "top_up"


@pytest.mark.parametrize("name", ["post_init_compact_utf8", "post_auth", "post_retrieve"])
def test_the_official_vectors_of_posts_are_believed(name):
    with open(VECTORS_PATH, encoding="utf-8") as file:
        vector = next(each for each in json.load(file)["vectors"] if each["name"] == name)
    with Simulator("1", api_key=vector["apiKey"], secret_key=vector["secretKey"]) as box:
        body = vector["body"].encode()
        answer = ask(box, vector["authorization"], vector["requestTarget"], "POST", body)[1]
        assert answer["status"] == "success" if name.startswith("post_init") else answer["errorCode"] == "90001"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"externalId": ...}, "24"),
        ({"externalId": ""}, "24"),
        ({"externalId": 7}, "11"),
        ({"conversationId": ...}, "24"),
        ({"items": ...}, "24"),
        ({"items": []}, "24"),
        ({"items": {}}, "24"),
        ({"items": "i1"}, "11"),
        ({"items": ["i1"]}, "11"),
        ({"purpose": "GIFTS"}, "11"),
        ({"items": [item(itemExternalId=...)]}, "24"),
    ],
    ids=str,
)
def test_a_request_that_lacks_what_is_documented_stores_nothing(bank, client, changes, code):
    status, answer = client.init(**changes)
    assert (status, answer["status"], answer["errorCode"]) == (400, "failure", code)
    assert bank.payouts == []


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"{", b'{"externalId": NaN}', b"[" * 100_000, b"\xff"])
def test_what_is_no_json_object_is_refused(client, body):
    for name in ("init", "auth", "retrieve"):
        assert client.call("POST", f"{ROOT}/{name}", body)[1]["errorCode"] == "11"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"recipientType": ...}, "24"),
        ({"recipientType": "CARD"}, "11"),
        ({"recipientInfo": ""}, "24"),
        ({"recipientInfo": 12}, "11"),
        ({"recipientInfo": "TR33"}, "2030"),
        ({"recipientInfo": BAD_IBAN}, "2030"),
        ({"recipientName": ...}, "24"),
        ({"recipientType": "PHONE", "recipientInfo": "05551112233"}, "11"),
        ({"recipientType": "IDENTITY_NUMBER", "recipientInfo": "123"}, "11"),
        ({"recipientType": "MEMBER_ID", "recipientInfo": "m1"}, "11"),
        ({"amount": ...}, "24"),
        ({"amount": 5}, "11"),
        ({"amount": {"value": Number("0"), "currency": "TRY"}}, "11"),
        ({"amount": {"value": Number("-1"), "currency": "TRY"}}, "11"),
        ({"amount": {"value": Number("1.001"), "currency": "TRY"}}, "11"),
        ({"amount": {"value": Number("1E30"), "currency": "TRY"}}, "11"),
        ({"amount": {"value": Number("1E-999999"), "currency": "TRY"}}, "11"),
        ({"amount": {"value": True, "currency": "TRY"}}, "11"),
        ({"amount": {"value": Number("1"), "currency": "GBP"}}, "11"),
        ({"amount": {"value": Number("1"), "currency": "USD"}}, "11"),
        ({"amount": {"value": Number("1")}}, "11"),
        ({"description": ...}, "24"),
        ({"nonWithdrawable": "yes"}, "11"),
        ({"itemExternalId": "good"}, "11"),
    ],
    ids=str,
)
def test_an_item_that_cannot_be_paid_is_invalid_and_the_others_are_paid(bank, client, changes, code):
    status, answer = client.init(item("good"), item(**{"itemExternalId": "bad", **changes}))
    assert (status, answer["status"]) == (200, "success")
    (invalid,) = answer["invalidItems"]
    assert (invalid["externalId"], invalid["errorCode"]) == (changes.get("itemExternalId", "bad"), code)
    client.auth(answer["requestId"])
    bank.advance(60)
    assert client.statuses(answer["requestId"]) == ("COMPLETED", ["SUCCESS", "INVALID"])
    assert client.balance() == 1000 - 100.5


@pytest.mark.parametrize(
    "changes",
    [
        {"recipientType": "PHONE", "recipientInfo": "+905551112233", "recipientName": ...},
        {"recipientType": "IDENTITY_NUMBER", "recipientInfo": "10000000146", "recipientName": ...},
        {"recipientType": "MEMBER_ID", "recipientInfo": "42", "recipientName": ...},
        {"nonWithdrawable": True},
        {"amount": {"value": 100, "currency": "USD"}},
    ],
    ids=str,
)
def test_every_type_of_recipient_can_be_paid(client, changes):
    assert client.init(item(**changes))[1]["invalidItems"] == []


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({}, "24"),
        ({"requestId": "r"}, "11"),
        ({"requestId": "r", "page": 0}, "11"),
        ({"requestId": "r", "page": -1, "size": 1}, "11"),
        ({"requestId": "r", "page": 0, "size": 0}, "11"),
        ({"requestId": "r", "page": Number("0.0"), "size": 1}, "11"),
        ({"requestId": "r", "page": True, "size": 1}, "11"),
        ({"requestId": "r", "page": 0, "size": 1, "itemType": "ALL"}, "11"),
    ],
    ids=str,
)
def test_retrieve_needs_an_id_and_a_page(client, fields, code):
    assert client.post("retrieve", fields)[1]["errorCode"] == code


def test_a_batch_is_found_by_either_id_and_by_both_only_if_they_belong_together(client):
    one, other = client.start(), client.start(external_id="salaries-2")
    assert client.retrieve(externalMassPayoutId="salaries-2")[1]["massPayout"]["externalId"] == "salaries-2"
    assert client.retrieve(one, externalMassPayoutId="salaries-1")[1]["status"] == "success"
    assert client.retrieve(other, externalMassPayoutId="salaries-1")[1]["errorCode"] == "90001"
    for answer in (client.retrieve("nothing"), client.auth("nothing"), client.cancel("nothing"), client.item("nothing")):
        assert answer[1]["errorCode"] == "90001"


def test_pages_hold_every_item_once(client):
    names = [f"i{number}" for number in range(7)]
    request_id = client.start(*[item(name) for name in names])
    pages = [client.retrieve(request_id, page, 3)[1] for page in range(4)]
    assert [each["itemExternalId"] for page in pages for each in page["massPayoutItems"]["items"]] == names
    assert [(page["page"], page["size"], page["total"]) for page in pages] == [(number, 3, 7) for number in range(4)]


def test_valid_and_invalid_items_can_be_asked_for(client):
    request_id = client.start(item("good"), item("bad", recipientInfo=BAD_IBAN))
    for item_type, name in (("VALID", "good"), ("INVALID", "bad")):
        answer = client.retrieve(request_id, itemType=item_type)[1]
        assert [each["itemExternalId"] for each in answer["massPayoutItems"]["items"]] == [name]
        assert answer["total"] == 1


def test_a_cancelled_batch_is_never_paid(bank, client):
    request_id = client.start(item("good"), item("bad", recipientInfo=BAD_IBAN))
    assert client.cancel(request_id)[1]["status"] == "success"
    bank.advance(600)
    assert client.statuses(request_id) == ("CANCELED", ["MASS_PAYOUT_CANCELED", "INVALID"])
    assert client.auth(request_id)[1]["errorCode"] == "90003"
    assert client.balance() == 1000


@pytest.mark.parametrize(
    ("fate", "status", "batch", "left"),
    [
        ("paid", "SUCCESS", "COMPLETED", 900),
        ("returned", "DEPOSIT_SUCCESS", "FAIL", 1000),
        ("return_fails", "DEPOSIT_FAIL", "FAIL", 900),
        ("never_returned", "FAILED", "FAIL", 900),
        ("bounced", "DEPOSIT_SUCCESS", "COMPLETED", 1000),
        ("waits", "PROCESSING", "PUBLISHED_TO_QUEUE", 900),
        ("unheard_of", "AWAITING_CLEARANCE", "PUBLISHED_TO_QUEUE", 900),
        ("invalid", "INVALID", "INIT", 1000),
    ],
)
def test_a_named_item_meets_its_fate(bank, client, fate, status, batch, left):
    bank.set(fates={"i1": fate}, commission="10.00")
    request_id = client.start(item("i1", "90.00"))
    client.auth(request_id)
    bank.advance(3600)
    assert client.statuses(request_id) == (batch, [status])
    assert client.balance() == left
    if fate in ("returned", "return_fails", "never_returned", "bounced"):
        assert client.retrieve(request_id)[1]["massPayoutItems"]["items"][0]["errorMessages"] == ["The bank could not pay"]


def test_a_fate_of_all_others_has_a_star(bank, client):
    bank.set(fates={"*": "waits", "i2": "paid"})
    request_id = client.start(item("i1"), item("i2"))
    client.auth(request_id)
    bank.advance(60)
    assert client.statuses(request_id)[1] == ["PROCESSING", "SUCCESS"]


def test_a_fate_that_changes_moves_what_waited(bank, client):
    bank.set(fates={"i1": "never_returned"})
    request_id = client.start()
    client.auth(request_id)
    bank.advance(60)
    assert client.statuses(request_id)[1] == ["FAILED"]
    bank.set(fates={"i1": "returned"})
    assert client.statuses(request_id)[1] == ["DEPOSIT_SUCCESS"]
    assert client.balance() == 1000


def test_durations_are_kept_to_the_millisecond_of_the_simulators_clock(bank, client):
    bank.set(durations={"RESERVED": 10, "QUEUED": 0, "PROCESSING": 0, "SUCCESS": "2.5"})
    request_id = client.start()
    client.auth(request_id)
    bank.advance(9.999)
    assert (client.balance(), client.statuses(request_id)) == (1000, ("IN_PROGRESS", ["INIT"]))
    bank.advance(0.001)
    assert (client.balance(), client.statuses(request_id)[1]) == (899.5, ["PROCESSING"])
    bank.advance(2.499)
    assert client.statuses(request_id)[1] == ["PROCESSING"]
    bank.advance(0.001)
    assert client.statuses(request_id) == ("COMPLETED", ["SUCCESS"])


def test_durations_that_change_concern_what_is_under_way(bank, client):
    request_id = client.start()
    client.auth(request_id)
    bank.advance(2)
    bank.set(durations={"SUCCESS": 3600})
    bank.advance(3599)
    assert client.statuses(request_id)[1] == ["PROCESSING"]
    bank.advance(1)
    assert client.statuses(request_id)[1] == ["SUCCESS"]


def test_the_real_clock_pays_without_being_told():
    with Simulator("1000") as box:
        box.set(durations=dict.fromkeys(["QUEUED", "PROCESSING", "SUCCESS"], 0))
        client = Client(box)
        request_id = client.start()
        client.auth(request_id)
        assert client.statuses(request_id) == ("COMPLETED", ["SUCCESS"])
        assert client.balance() == 1000 - 100.5
        box.set(durations={"QUEUED": 3600})
        other = client.start(external_id="salaries-2")
        client.auth(other)
        box.advance(7200)
        assert client.statuses(other) == ("COMPLETED", ["SUCCESS"])


def test_a_seed_makes_ids_repeatable_and_without_one_no_two_simulators_share_them():
    def ids(**options):
        with Simulator("1", **options) as box:
            return Client(box).start()

    assert ids(seed=1) == ids(seed=1) != ids(seed=2)
    assert ids() != ids()


def test_thousands_of_items_are_paid_and_paged(bank, client):
    bank.balance = "1000000.00"
    request_id = client.start(*[item(f"i{number}", "1.01") for number in range(3000)])
    client.auth(request_id)
    bank.advance(60)
    answer = client.retrieve(request_id, 2, 1000)[1]
    assert (answer["massPayout"]["totalSuccessfulAmount"], answer["total"]) == ("3030.00", 3000)
    assert client.balance() == 1000000 - 3030
