"""Each question that nobody can answer has a switch, and each of its choices does what it says.

A probe does the same thing under every choice, and returns what came of it.
"""

import re
from decimal import Decimal
from pathlib import Path

import pytest
from own_client import BAD_IBAN, ask_raw, control, header, item

from airflow_provider_iyzico.simulator import SETTINGS, SWITCHES, ControlError
from airflow_provider_iyzico.simulator.lifecycle import FATE_MEANINGS, FATES
from airflow_provider_iyzico.simulator.switches import REFUSALS

ROOT = Path(__file__).resolve().parents[3]
PROBES = {}


def probe(name, **expected):
    """Register what comes of each choice; a choice that is a number is written ``_0``."""

    def register(function):
        PROBES[name] = function, {choice.removeprefix("_"): value for choice, value in expected.items()}
        return function

    return register


@pytest.mark.parametrize(("name", "choice"), [(name, choice) for name, choices in SWITCHES.items() for choice in choices])
def test_each_choice_of_a_switch_does_what_it_says(bank, client, name, choice):
    bank.set(**{name: choice})
    run, expected = PROBES[name]
    assert run(bank, client) == expected[choice]


@pytest.mark.parametrize("name", SWITCHES)
def test_the_first_choice_holds_unless_another_is_set(bank, client, name):
    run, expected = PROBES[name]
    assert run(bank, client) == expected[next(iter(SWITCHES[name]))]


def invalid(answer):
    return [each["externalId"] for each in answer[1]["invalidItems"]]


def read(client, request_id, **more):
    return client.retrieve(request_id, **more)[1]


def raw_page(bank, request_id):
    """Return the bytes of retrieve's answer."""
    path, body = "/v1/mass/payout/retrieve", f'{{"requestId":"{request_id}","page":0,"size":1}}'.encode()
    return ask_raw(bank, header(path, body), f"{path}?locale=tr", "POST", body)[1]


def items_of(client, request_id, **more):
    return read(client, request_id, **more)["massPayoutItems"]["items"]


def paid(bank):
    """Return how often each item of the first batch was paid."""
    return [each["times_paid"] for each in bank.payouts[0]["items"]]


def run_on(bank, client, *items, **changes):
    """Init, auth, and let everything happen."""
    request_id = client.start(*items, **changes)
    answer = client.auth(request_id)[1]["status"]
    bank.advance(3600)
    return request_id, answer


# what is asked for


@probe("conversation_id", required="failure", optional="success")
def _(bank, client):
    return client.init(conversationId=...)[1]["status"]


@probe("description", required=["i1"], optional=[])
def _(bank, client):
    return invalid(client.init(item(description=...)))


@probe("amount_text", refused=["i1"], accepted=[])
def _(bank, client):
    return invalid(client.init(item(amount={"value": "100.50", "currency": "TRY"})))


@probe("iban_check", at_init=["INVALID", 1000], at_bank=["DEPOSIT_SUCCESS", 1000], never=["SUCCESS", 900])
def _(bank, client):
    request_id, _ = run_on(bank, client, item(value="100", recipientInfo=BAD_IBAN))
    return [client.statuses(request_id)[1][0], client.balance()]


@probe("non_withdrawable_iban", accepted=[], invalid=["i1"])
def _(bank, client):
    return invalid(client.init(item(nonWithdrawable=True)))


@probe("repeated_item_id", accepted=[], invalid=["i1"])
def _(bank, client):
    client.start(item("i1"))
    return invalid(client.init(item("i1"), external_id="salaries-2"))


@probe("item_type", all=["i1", "i2"], valid=["i1"], required="24")
def _(bank, client):
    request_id = client.start(item("i1"), item("i2", recipientInfo=BAD_IBAN))
    answer = read(client, request_id)
    return answer.get("errorCode") or [each["itemExternalId"] for each in answer["massPayoutItems"]["items"]]


@probe("cancel_body", any=["success"] * 3, none=["success", "failure", "failure"], object=["failure", "success", "failure"])
def _(bank, client):
    bodies = (b"", b"{}", b'{"a": 1}')
    return [client.cancel(client.start(external_id=f"b{len(body)}"), body)[1]["status"] for body in bodies]


@probe("large_page", refused="90005", cut=(2, 2, 3))
def _(bank, client):
    bank.set(max_page_size=2)
    request_id = client.start(item("i1"), item("i2"), item("i3"))
    answer = read(client, request_id, size=3)
    return answer.get("errorCode") or (len(answer["massPayoutItems"]["items"]), answer["size"], answer["total"])


# what is done


@probe("duplicate_external_id", refuse=("90002", 1), same_id=("same", 1), new_batch=("other", 2))
def _(bank, client):
    first, again = client.start(), client.init(item("i2"))[1]
    return again.get("errorCode") or ("same" if again["requestId"] == first else "other"), len(bank.payouts)


@probe("same_name", newest="i2", oldest="i1")
def _(bank, client):
    bank.set(duplicate_external_id="new_batch")
    client.start(item("i1")), client.start(item("i2"))
    return items_of(client, None, externalMassPayoutId="salaries-1")[0]["itemExternalId"]


@probe(
    "invalid_items",
    listed=(200, "success", True, 1),
    listed_with_400=(400, "failure", True, 1),
    refused=(400, "failure", False, 0),
)
def _(bank, client):
    status, answer = client.init(item("i1"), item("i2", recipientInfo=BAD_IBAN))
    assert invalid((status, answer)) == ["i2"]
    return status, answer["status"], "requestId" in answer, len(bank.payouts)


@probe("auth_twice", refuse=("failure", 1, 1, 900), ignore=("success", 1, 1, 900), pay_again=("success", 2, 2, 800))
def _(bank, client):
    request_id, _ = run_on(bank, client, item(value="100"))
    answer = client.auth(request_id)[1]["status"]
    bank.advance(3600)
    assert client.statuses(request_id) == ("COMPLETED", ["SUCCESS"])
    return answer, [effect.what for effect in bank.journal].count("auth"), paid(bank)[0], client.balance()


@probe("auth_after_cancel", refuse=("failure", [0], "CANCELED"), pay=("success", [1], "COMPLETED"))
def _(bank, client):
    request_id = client.start()
    client.cancel(request_id)
    answer = client.auth(request_id)[1]["status"]
    bank.advance(60)
    return answer, paid(bank), client.statuses(request_id)[0]


@probe("auth_of_nothing", refuse=("failure", "INIT"), accept=("success", "COMPLETED"))
def _(bank, client):
    request_id, answer = run_on(bank, client, item(recipientInfo=BAD_IBAN))
    return answer, client.statuses(request_id)[0]


@probe("cancel_twice", refuse="failure", ignore="success")
def _(bank, client):
    request_id = client.start()
    client.cancel(request_id)
    return client.cancel(request_id)[1]["status"]


@probe(
    "cancel_after_auth",
    refuse=("failure", ("COMPLETED", ["SUCCESS", "SUCCESS"]), 800),
    ignore=("success", ("COMPLETED", ["SUCCESS", "SUCCESS"]), 800),
    stop=("success", ("CANCELED", ["MASS_PAYOUT_CANCELED"] * 2), 1000),
)
def _(bank, client):
    request_id = client.start(item("i1", "100"), item("i2", "100"))
    client.auth(request_id)
    bank.advance(1)
    answer = client.cancel(request_id)[1]["status"]
    bank.advance(60)
    return answer, client.statuses(request_id), client.balance()


def test_a_cancel_that_comes_too_late_for_some_items_stops_the_others(bank, client):
    bank.set(cancel_after_auth="stop", balance_drops="at_bank", fates={"i2": "waits"}, durations={"QUEUED": 0})
    request_id = client.start(item("i1", "100"), item("i2", "950"))
    bank.set(short_batch="as_far_as_it_goes")
    client.auth(request_id)
    bank.advance(1)
    client.cancel(request_id)
    bank.advance(60)
    assert client.statuses(request_id)[1] == ["SUCCESS", "MASS_PAYOUT_CANCELED"]
    assert client.balance() == 900


@probe("queue", before=["QUEUED", "PROCESSING"], after=["PROCESSING", "QUEUED"], never=["PROCESSING", "PROCESSING"])
def _(bank, client):
    request_id = client.start()
    client.auth(request_id)
    seen = []
    for _ in range(2):
        bank.advance(1)
        seen += client.statuses(request_id)[1]
    return seen


@probe("mixed_batch", completed="COMPLETED", fail="FAIL", in_progress="PUBLISHED_TO_QUEUE", unheard_of="PARTIALLY_COMPLETED")
def _(bank, client):
    bank.set(fates={"i2": "returned"})
    request_id, _ = run_on(bank, client, item("i1"), item("i2"))
    return client.statuses(request_id)[0]


# money


@probe("balance_drops", at_auth=[900, 900, 900], at_bank=[1000, 1000, 900])
def _(bank, client):
    request_id = client.start(item(value="100"))
    client.auth(request_id)
    seen = [client.balance()]
    for _ in range(2):
        bank.advance(1)
        seen.append(client.balance())
    return seen


@probe("short_balance", later=("success", "INSUFFICIENT_BALANCE"), at_once=("90004", "INIT"))
def _(bank, client):
    request_id = client.start(item(value="1000.01"))
    answer = client.auth(request_id)[1]
    bank.advance(60)
    assert client.balance() == 1000
    return answer.get("errorCode", answer["status"]), client.statuses(request_id)[0]


@probe("short_batch", all_or_nothing=(["INIT"] * 3, 1000), as_far_as_it_goes=(["SUCCESS", "INIT", "SUCCESS"], 0))
def _(bank, client):
    request_id, _ = run_on(bank, client, item("i1", "600"), item("i2", "700"), item("i3", "400"))
    batch, items = client.statuses(request_id)
    assert batch == "INSUFFICIENT_BALANCE"
    return items, client.balance()


@probe("short_items", stay=["INIT"], fail=["FAILED"])
def _(bank, client):
    request_id, _ = run_on(bank, client, item(value="2000"))
    return client.statuses(request_id)[1]


@probe(
    "stopped_batch",
    stays=("INSUFFICIENT_BALANCE", "failure", "INSUFFICIENT_BALANCE", 3000),
    resumes=("COMPLETED", "failure", "COMPLETED", 1000),
    auth_again=("INSUFFICIENT_BALANCE", "success", "COMPLETED", 1000),
)
def _(bank, client):
    request_id, _ = run_on(bank, client, item(value="2000"))
    bank.panel.top_up("2000")
    bank.advance(60)
    after_top_up = client.statuses(request_id)[0]
    answer = client.auth(request_id)[1]["status"]
    bank.advance(60)
    return after_top_up, answer, client.statuses(request_id)[0], client.balance()


def test_a_top_up_that_is_too_small_sets_nothing_off(bank, client):
    bank.set(stopped_batch="resumes")
    request_id, _ = run_on(bank, client, item(value="2000"))
    bank.panel.top_up("999.99")
    bank.advance(60)
    assert client.statuses(request_id) == ("INSUFFICIENT_BALANCE", ["INIT"])
    assert "resumed" not in [effect.what for effect in bank.journal]


def test_a_batch_may_run_out_of_money_on_its_way_and_go_on_after_a_top_up(bank, client):
    bank.set(balance_drops="at_bank", stopped_batch="resumes")
    request_id = client.start(item("i1", "300"), item("i2", "600"))
    client.auth(request_id)
    bank.panel.withdraw("500")
    bank.advance(60)
    assert client.statuses(request_id) == ("INSUFFICIENT_BALANCE", ["SUCCESS", "QUEUED"])
    bank.panel.top_up("400")
    bank.advance(60)
    assert client.statuses(request_id) == ("COMPLETED", ["SUCCESS", "SUCCESS"])
    assert client.balance() == 0


@probe("commission_shown", always=["2.50", "2.50"], zero_until_paid=["0.00", "2.50"], absent_until_paid=[None, "2.50"])
def _(bank, client):
    bank.set(commission="2.50")
    request_id = client.start()
    before = items_of(client, request_id)[0].get("commissionAmount")
    client.auth(request_id)
    bank.advance(60)
    assert client.balance() == Decimal("1000") - Decimal("103.00")
    return [before, items_of(client, request_id)[0].get("commissionAmount")]


@probe("commission_total", of_paid=["0.00", "1.00"], of_valid=["2.00", "2.00"])
def _(bank, client):
    bank.set(commission="1%", fates={"i2": "returned"})
    request_id = client.start(item("i1", "100"), item("i2", "100"))
    before = read(client, request_id)["massPayout"]["totalCommissionAmount"]
    client.auth(request_id)
    bank.advance(60)
    return [str(before), read(client, request_id)["massPayout"]["totalCommissionAmount"]]


@probe(
    "money",
    number=(b"100.50", b"0.00"),
    shortest=(b"100.5", b"0"),
    string=(b'"100.50"', b'"0.00"'),
    scale8=(b"100.50000000", b"0E-8"),
    scale8_string=(b'"100.50000000"', b'"0E-8"'),
)
def _(bank, client):
    raw = raw_page(bank, client.start())
    return tuple(raw.partition(name)[2].partition(b",")[0] for name in (b'"totalAmount":', b'"totalSuccessfulAmount":'))


# what is answered


@probe(
    "recipients",
    plain=("TR330006100519786457841326", "Ayşe Yılmaz"),
    masked=("TR********************1326", "A*** Y***"),
    absent=(None, None),
)
def _(bank, client):
    (found,) = items_of(client, client.start())
    return found.get("recipientInfo"), found.get("recipientName")


@probe("paging", top=(True, False), nested=(False, True), both=(True, True))
def _(bank, client):
    answer = read(client, client.start())
    paging = {"page": 0, "size": 40, "total": 1}
    return paging.items() <= answer.items(), paging.items() <= answer["massPayoutItems"].items()


@probe("page_base", _0=(["i1", "i2"], 200), _1=(["i2"], 400))
def _(bank, client):
    request_id = client.start(item("i1"), item("i2"))
    if client.retrieve(request_id, 0, 1)[0] == 400:
        assert items_of(client, request_id, page=1, size=1)[0]["itemExternalId"] == "i1"
        return [items_of(client, request_id, page=2, size=1)[0]["itemExternalId"]], 400
    return [items_of(client, request_id, page=page, size=1)[0]["itemExternalId"] for page in (0, 1)], 200


@probe("page_total", filtered=1, all=2)
def _(bank, client):
    request_id = client.start(item("i1"), item("i2", recipientInfo=BAD_IBAN))
    return read(client, request_id, itemType="VALID")["total"]


@probe("item_order", as_sent=["i1", "i2", "i3"], last_changed_first=["i3", "i1", "i2"])
def _(bank, client):
    bank.set(fates={"*": "waits", "i3": "paid"})
    request_id, _ = run_on(bank, client, item("i1"), item("i2"), item("i3"))
    return [each["itemExternalId"] for each in items_of(client, request_id)]


@probe("valid_items", all_but_invalid=["i1", "i2"], not_ended_badly=["i1"])
def _(bank, client):
    bank.set(fates={"i2": "returned"})
    request_id, _ = run_on(bank, client, item("i1"), item("i2"), item("i3", recipientInfo=BAD_IBAN))
    return [each["itemExternalId"] for each in items_of(client, request_id, itemType="VALID")]


@probe("item_request_id", absent=False, present=True)
def _(bank, client):
    request_id = client.start()
    return items_of(client, request_id)[0].get("massPayoutRequestId") == request_id


@probe("item_errors", list=(True, False), text=(False, True), both=(True, True))
def _(bank, client):
    (found,) = items_of(client, client.start(item(recipientInfo=BAD_IBAN)))
    says = "recipientInfo is no IBAN: its check digits are wrong"
    return found.get("errorMessages") == [says], found.get("errorMessage") == says


@probe("no_invalid_items", empty=[], absent="absent", null=None)
def _(bank, client):
    return client.init()[1].get("invalidItems", "absent")


@probe("merchant", number=b"1000001", text=b'"1000001"', zeros=b"000000", absent=b"")
def _(bank, client):
    return raw_page(bank, client.start()).partition(b'"merchantId":')[2].partition(b",")[0]


@probe("dates", absent=[], text=["completedDate", "receivedDate", str], number=["completedDate", "receivedDate", int])
def _(bank, client):
    request_id, _ = run_on(bank, client)
    dates = {name: value for name, value in read(client, request_id)["massPayout"].items() if name.endswith("Date")}
    return sorted(dates) + list({type(value) for value in dates.values()})


@probe("error_code", text="90001", number=90001)
def _(bank, client):
    return client.auth("nothing")[1]["errorCode"]


@probe(
    "nothing_found",
    refused="failure",
    without_batch={"status", "systemTime", "locale"},
    null={"massPayout": None, "massPayoutItems": None},
)
def _(bank, client):
    answer = read(client, "nothing")
    if answer["status"] == "failure":
        return "failure"
    return {name: value for name, value in answer.items() if value is None} or set(answer)


# what is no choice of words


def test_a_refusal_has_the_code_and_status_that_are_set(bank, client):
    bank.set(refusals={"not_found": {"code": "7", "status": 404}})
    status, answer = client.retrieve("nothing")
    assert (status, answer["errorCode"], answer["errorMessage"]) == (404, "7", REFUSALS["not_found"]["message"])
    bank.set(refusals={})
    assert client.retrieve("nothing")[0] == 200


@pytest.mark.parametrize(("commission", "taken"), [("0", "100.50"), ("2.5", "103.0"), ("1.5%", "102.01"), ("0.1%", "100.60")])
def test_commission_is_so_much_an_item_or_a_percentage_to_the_kurus(bank, client, commission, taken):
    bank.set(commission=commission)
    run_on(bank, client)
    assert client.balance() == 1000 - Decimal(taken)


def test_words_of_statuses_can_be_others(bank, client):
    bank.set(batch_words={"COMPLETED": "SUCCESS"}, item_words={"SUCCESS": "SENT"})
    request_id, _ = run_on(bank, client)
    assert client.statuses(request_id) == ("SUCCESS", ["SENT"])


def test_reads_may_lag_so_that_not_even_the_batch_is_there(bank, client):
    bank.set(read_lag_seconds=10)
    request_id = client.start()
    assert read(client, request_id)["errorCode"] == "90001"
    bank.advance(10)
    assert client.statuses(request_id) == ("INIT", ["INIT"])
    reference = items_of(client, request_id)[0]["referenceCode"]
    client.auth(request_id)
    bank.advance(9)
    assert client.statuses(request_id) == ("INIT", ["INIT"])
    assert client.item(reference)[1]["item"]["itemStatus"] == "INIT"
    bank.advance(60)
    assert client.statuses(request_id) == ("COMPLETED", ["SUCCESS"])


def test_reads_may_go_on_to_say_init_after_an_authorization(bank, client):
    bank.set(auth_lag_seconds=30)
    request_id = client.start()
    assert client.statuses(request_id) == ("INIT", ["INIT"])
    client.auth(request_id)
    bank.advance(29)
    assert client.statuses(request_id) == ("INIT", ["INIT"])
    assert client.balance() == 1000 - 100.5
    bank.advance(1)
    assert client.statuses(request_id) == ("COMPLETED", ["SUCCESS"])


def test_the_word_of_a_batch_may_lag_behind_its_items(bank, client):
    bank.set(batch_lag_seconds=30)
    request_id = client.start()
    client.auth(request_id)
    bank.advance(29)
    assert client.statuses(request_id) == ("INIT", ["SUCCESS"])
    bank.advance(60)
    assert client.statuses(request_id) == ("COMPLETED", ["SUCCESS"])


def test_the_balance_may_lag(bank, client):
    bank.advance(60)
    bank.set(balance_lag_seconds=30)
    client.auth(client.start())
    bank.advance(29)
    assert client.balance() == 1000
    bank.advance(2)
    assert client.balance() == 1000 - 100.5


def test_limits_are_refused_and_say_so(bank, client):
    bank.set(max_items=1, max_amount="100.50")
    assert client.init(item("i1"), item("i2"))[1]["errorCode"] == "90005"
    assert invalid(client.init(item("i1", "100.51"))) == ["i1"]
    assert invalid(client.init(item("i1", "100.50"), external_id="salaries-2")) == []


def test_too_many_requests_in_a_minute_are_refused_by_the_simulators_clock(bank, client):
    bank.set(max_requests_per_minute=2)
    codes = [client.retrieve("nothing")[1]["errorCode"] for _ in range(3)]
    assert codes == ["90001", "90001", "50000"]
    bank.advance(60)
    assert client.retrieve("nothing")[1]["errorCode"] == "90001"


def test_a_merchant_id_can_be_another(bank, client):
    bank.set(merchant_id=5)
    assert read(client, client.start())["massPayout"]["merchantId"] == 5


def test_habits_concern_payouts_too(bank, client):
    bank.set(habits=["refuses_with_200", "no_clock", "signs_query"])
    status, answer = client.call("POST", "/v1/mass/payout/init", b"[]")
    assert (status, answer["errorCode"]) == (200, "1000")
    bank.set(habits=["refuses_with_200", "no_clock"])
    assert client.call("POST", "/v1/mass/payout/init", b"[]")[0] == 200
    assert "systemTime" not in client.init()[1]


def test_names_are_written_in_the_charset_that_the_answer_claims(bank, client):
    request_id = client.start()
    bank.set(habits=["latin5"])
    assert "Ayşe Yılmaz" in raw_page(bank, request_id).decode("iso8859-9")


@pytest.mark.parametrize(
    ("wish", "names"),
    [
        ({"auth_twice": "explode"}, "pay_again"),
        ({"auth_twice": ["refuse"]}, "pay_again"),
        ({"commission": "much"}, "1500.75"),
        ({"commission": "-1"}, "1500.75"),
        ({"commission": "0.001"}, "two decimals"),
        ({"durations": {"SOON": 1}}, "DEPOSIT_SUCCESS"),
        ({"durations": {"SUCCESS": -1}}, "SUCCESS"),
        ({"durations": 5}, "JSON object"),
        ({"fates": {"i1": "lost"}}, "returned"),
        ({"batch_words": {"COMPLETED": ""}}, "text"),
        ({"refusals": {"rain": {}}}, "not_found"),
        ({"refusals": {"not_found": {"colour": "red"}}}, "message"),
        ({"refusals": {"not_found": {"status": 99}}}, "200 to 599"),
        ({"refusals": {"not_found": {"status": None}}}, "200 to 599"),
        ({"refusals": {"not_found": {"code": 5}}}, "text"),
        ({"max_items": 0}, "whole number"),
        ({"max_amount": "lots"}, "digits"),
        ({"merchant_id": "x"}, "whole number"),
        ({"clock": "sundial"}, "stepped"),
        ({"advance_seconds": -1}, "advance_seconds"),
        ({"balance": "1E+999999"}, "digits"),
        ({"colour": "red"}, "auth_twice"),
    ],
    ids=str,
)
def test_a_wrong_wish_names_the_choices_and_changes_nothing(bank, wish, names):
    before = bank.world.state()
    with pytest.raises(ControlError, match=names):
        bank.set(**{"money": "string", **wish})
    assert bank.world.state() == before


def test_what_is_set_stands_in_the_state(bank):
    state = control(bank, method="POST", auth_twice="ignore", max_amount="5.00", fates={"i1": "waits"})[1]
    assert state["settings"] == {"auth_twice": "ignore", "max_amount": "5.00", "fates": {"i1": "waits"}}
    assert (state["clock"], state["payouts"], state["effects"]) == ("stepped", 0, 1)


def test_every_switch_and_setting_of_payouts_stands_beside_its_question_in_unverified():
    told = set(re.findall(r"`(\w+)(?:\[\w+\])?`", (ROOT / "UNVERIFIED.md").read_text(encoding="utf-8")))
    assert {*SWITCHES, *SETTINGS} - {"habits", "latency_seconds"} <= told


def test_every_switch_setting_and_fate_says_in_a_line_what_it_means():
    lines = [meaning for choices in SWITCHES.values() for meaning in choices.values()]
    lines += [setting.meaning for setting in SETTINGS.values()]
    lines += [FATE_MEANINGS[fate] for fate in FATES]
    assert all(lines)
