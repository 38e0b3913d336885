"""What goes wrong between a client and iyzico, and above all whether it was done: the journal knows, the client does not."""

import http.client
import threading
import urllib.error

import pytest
from own_client import BALANCE_PATH, ROOT, ask, control, header, item

from airflow_provider_iyzico.simulator import FAULTS, ControlError, Simulator
from airflow_provider_iyzico.simulator.faults import CALLS, DONE

#: What a client sees that hung up, was hung up on, or cannot read the answer.
UNREADABLE = (OSError, http.client.HTTPException, ValueError, urllib.error.URLError)
#: The faults that end by themselves and quickly, with what they take to do so.
QUICK = {kind: {} for kind in FAULTS if kind not in ("timeout", "drip", "done_then_late")} | {
    "drip": {"seconds": 0},
    "done_then_late": {"seconds": 0},
    "503": {},
}
#: Those whose answer is whole and true.
WHOLE = ("drip", "done_then_late")


def effects(simulator):
    return [effect.what for effect in simulator.journal if effect.what in ("init", "auth", "cancel")]


def try_to(act, *arguments, **options):
    """Return HTTP status and answer, or nothing where the client cannot know."""
    try:
        return act(*arguments, **options)
    except UNREADABLE:
        return None


@pytest.mark.parametrize("kind", QUICK)
@pytest.mark.parametrize("call", ["init", "auth", "cancel"])
def test_a_fault_says_whether_it_was_done_before(bank, client, kind, call):
    request_id = None if call == "init" else client.start()
    bank.fail(kind, on=call, times=1, **QUICK[kind])
    answer = try_to(client.init) if call == "init" else try_to(getattr(client, call), request_id)
    is_done = call in effects(bank)[0 if call == "init" else 1 :]
    assert is_done == (kind in DONE)
    assert (answer is not None and answer[1]["status"] == "success") == (kind in WHOLE)
    assert [(seen.call, seen.fault) for seen in bank.seen][-1] == (call, kind)


@pytest.mark.parametrize("kind", QUICK)
@pytest.mark.parametrize("call", ["retrieve", "item", "balance"])
def test_reads_go_wrong_too_and_are_good_again_afterwards(bank, client, kind, call):
    request_id = client.start()
    reference = client.retrieve(request_id)[1]["massPayoutItems"]["items"][0]["referenceCode"]
    reads = {"retrieve": lambda: client.retrieve(request_id), "item": lambda: client.item(reference), "balance": client.balance}
    bank.fail(kind, on=call, times=1, **QUICK[kind])
    for other in set(reads) - {call}:
        assert reads[other]()
    spoilt = try_to(lambda: client.call("GET", BALANCE_PATH) if call == "balance" else reads[call]())
    assert (spoilt is not None and spoilt[1]["status"] == "success") == (kind in WHOLE)
    assert reads[call]()


def test_a_fault_for_one_call_comes_before_the_one_for_all(bank, client):
    bank.fail("500", times=1)
    bank.fail("502", on="auth", times=2)
    assert [client.auth("x")[0] for _ in range(4)] == [502, 502, 500, 200]
    assert bank.world.state()["faults_on"] == {}


def test_the_state_shows_faults_and_healing_ends_them_all(bank, client):
    bank.fail("429", retry_after="7")
    state = control(bank, method="POST", fault={"kind": "done_then_reset", "on": "auth", "times": 3})[1]
    assert state["fault"] == {"kind": "429", "times": None, "retry_after": "7"}
    assert state["faults_on"] == {"auth": {"kind": "done_then_reset", "times": 3, "on": "auth"}}
    bank.heal()
    assert client.auth("x")[1]["errorCode"] == "90001"


def test_a_spoilt_answer_may_be_a_refusal_too(bank, client):
    bank.fail("done_then_status", on="auth", times=1, status=500, code="1", message="System error", retry_after="3")
    status, answer = client.auth("nothing")
    assert (status, answer["errorCode"]) == (500, "1")
    assert effects(bank) == []


def test_an_authorization_may_be_done_while_its_client_gives_up(bank, client):
    request_id = client.start()
    bank.fail("done_then_late", on="auth", times=1, seconds=600)
    given_up = threading.Event()

    def give_up():
        body = b'{"requestId":"%s"}' % request_id.encode()
        with pytest.raises(TimeoutError):
            ask(bank, header(f"{ROOT}/auth", body), f"{ROOT}/auth?locale=tr", "POST", body, timeout=0.5)
        given_up.set()

    thread = threading.Thread(target=give_up)
    thread.start()
    thread.join(60)
    assert given_up.is_set()
    assert effects(bank) == ["init", "auth"]
    bank.advance(60)
    assert client.statuses(request_id)[0] == "COMPLETED"


def test_a_request_may_be_carried_out_long_after_its_connection_was_reset(bank, client):
    request_id = client.start()
    bank.fail("reset_then_done", on="auth", times=1, seconds=90)
    assert try_to(client.auth, request_id) is None
    bank.advance(89)
    assert client.statuses(request_id) == ("INIT", ["INIT"])
    bank.advance(1)
    assert effects(bank) == ["init", "auth"]
    bank.advance(60)
    assert client.statuses(request_id) == ("COMPLETED", ["SUCCESS"])


def test_a_late_request_meets_what_happened_meanwhile(bank, client):
    request_id = client.start()
    bank.fail("reset_then_done", on="auth", times=1, seconds=90)
    try_to(client.auth, request_id)
    client.cancel(request_id)
    bank.advance(3600)
    assert effects(bank) == ["init", "cancel"]
    assert client.balance() == 1000


def test_a_client_that_authorizes_again_after_a_lost_answer_may_pay_twice(bank, client):
    """The loss that this package exists to prevent can be seen here."""
    bank.set(auth_twice="pay_again")
    request_id = client.start(item(value="100"))
    bank.fail("done_then_reset", on="auth", times=1)
    assert try_to(client.auth, request_id) is None
    client.auth(request_id)
    bank.advance(60)
    assert effects(bank).count("auth") == bank.payouts[0]["authorizations"] == 2
    assert bank.payouts[0]["items"][0]["times_paid"] == 2
    assert client.balance() == 800


def test_stopping_ends_a_wait_for_a_client_that_does_not_hang_up(client, bank):
    request_id = client.start()
    bank.fail("done_then_late", on="auth", seconds=600)
    thread = threading.Thread(target=try_to, args=(client.auth, request_id))
    thread.start()
    while not any(effect.what == "auth" for effect in bank.journal):
        thread.join(0.01)
    bank.stop()
    thread.join(60)
    assert not thread.is_alive()


def test_what_is_wrong_without_a_name_hits_unknown_paths_too():
    with Simulator("1") as box:
        box.fail("500")
        assert ask(box, header("/v1/other"), "/v1/other?locale=tr")[0] == 500
        box.heal()
        box.fail("500", on="balance")
        assert ask(box, header("/v1/other"), "/v1/other?locale=tr")[0] == 404
        assert box.seen[-1].call is None


@pytest.mark.parametrize(
    ("wish", "says"),
    [
        ({"kind": "500", "on": "lunch"}, "retrieve"),
        ({"kind": "done_then_late", "seconds": -1}, "seconds"),
        ({"kind": "html", "status": "many"}, "HTTP status"),
        ({"kind": "done_then_reset", "seconds": 5}, "times, on"),
        ({"kind": "drop"}, "done_then_reset"),
    ],
    ids=str,
)
def test_a_wrong_fault_names_the_choices(bank, wish, says):
    with pytest.raises(ControlError, match=says):
        bank.set(fault=wish)


def test_every_call_can_go_wrong_by_its_name(bank, client):
    for call in CALLS:
        bank.fail("418", on=call, times=1)
    answers = [
        client.init(),
        client.auth("x"),
        client.cancel("x"),
        client.retrieve("x"),
        client.item("x"),
        client.call("GET", BALANCE_PATH),
    ]
    assert [status for status, _ in answers] == [418] * 6
