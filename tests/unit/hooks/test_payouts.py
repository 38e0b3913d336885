"""What pays is sent once per call, also when its answer is lost, and what reads sees all pages. Real sockets, with a raw server behind them."""

import base64
import hashlib
import hmac
import json
import re
import socket
import tracemalloc

import pytest
from payout_answers import IBAN, NAME, REQUEST_ID, batch, item, page, payment
from raw_server import listening, relay, serve, tls_for
from support import connect_to

from airflow_provider_iyzico.errors import (
    IyzicoAnswerError,
    IyzicoAuthenticationError,
    IyzicoCertificateError,
    IyzicoConfigurationError,
    IyzicoError,
    IyzicoNoSuchPayoutError,
    IyzicoOutcomeUnknownError,
    IyzicoRefusedError,
    IyzicoUnavailableError,
    Retry,
)
from airflow_provider_iyzico.hooks import payouts, sockets
from airflow_provider_iyzico.hooks.iyzico import IyzicoHook
from airflow_provider_iyzico.simulator.world import API_KEY, SECRET_KEY

PAYER = {"can_pay": True, "account": "raw", "currency": "TRY"}
ACTS = {
    "init": lambda hook: hook.init_mass_payout(batch()),
    "auth": lambda hook: hook.authorize_mass_payout(REQUEST_ID),
    "cancel": lambda hook: hook.cancel_mass_payout(REQUEST_ID),
}
DONE = {"status": "success", "requestId": REQUEST_ID, "invalidItems": []}


def http(body, status=200, **headers):
    """Return the bytes of an answer."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(content)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + content


def failure(code=None, status=200, **headers):
    return http({"status": "failure", "errorCode": code, "errorMessage": "no"}, status, **headers)


def hang_up(line, request):
    line.shutdown(socket.SHUT_RDWR)


def reset(line, request):
    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    line.close()


def asked_of(server):
    return [request for requests in server.asked for request in requests]


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch):
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def hook():
    hook = IyzicoHook()
    yield hook
    hook.close()


UNSEEN = {
    "hung up": hang_up,
    "reset": reset,
    "half a line": b"HTTP/1.1 20",
    "half a body": http(DONE)[:-5],
    "no HTTP": b"hello\r\n\r\n",
    "no JSON": http(b"<html>done</html>"),
    "too much": http(b" " * (16 * 1024 * 1024 + 1)),
    "no status": http({"requestId": REQUEST_ID}),
    "another status": http({"status": "pending", "requestId": REQUEST_ID}),
    "301": http(b"", 301, Location="/v1/mass/payout/auth"),
    "307": http(b"", 307, Location="/v1/mass/payout/auth"),
    "308": http(b"", 308, Location="/v1/mass/payout/auth", Retry_After="0"),
    "408": http(b"", 408),
    "429": http(b"", 429, Retry_After="0"),
    "500": http(b"", 500),
    "502 of a proxy": http(b"<html>", 502),
    "503": http(b"", 503, Retry_After="0"),
    "503 with an envelope": failure("11", 503, Retry_After="0"),
    "refused keys with 500": failure("1000", 500),
    "code 1": failure("1"),
    "code 2": failure(2),
    "code 100001": failure("100001"),
    "code 50000": failure("50000", Retry_After="0"),
    "an undocumented code": failure("5001", 400),
    "no code": failure(None, 400),
    "success and a code": http({**DONE, "errorCode": "11"}, 400),
}


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("kind", UNSEEN)
def test_an_outcome_that_was_not_seen_is_unknown_and_the_request_arrives_once(monkeypatch, hook, kind, act):
    with serve(UNSEEN[kind]) as server:
        connect_to(monkeypatch, f"http://127.0.0.1:{server.port}", **PAYER, timeout=20)
        with pytest.raises(IyzicoOutcomeUnknownError, match=r"Connection 'iyzico_default': .* ask iyzico first") as caught:
            ACTS[act](hook)
    assert caught.value.retry is Retry.READ_BACK_FIRST
    assert len(asked_of(server)) == 1


@pytest.mark.parametrize("act", ACTS)
def test_silence_until_the_timeout_is_unknown_and_the_request_arrives_once(monkeypatch, hook, act):
    with serve(lambda line, request: line.recv(1)) as server:
        connect_to(monkeypatch, f"http://127.0.0.1:{server.port}", **PAYER, timeout=3)
        with pytest.raises(IyzicoOutcomeUnknownError, match="took too long"):
            ACTS[act](hook)
    assert len(asked_of(server)) == 1


@pytest.mark.parametrize("kind", ["hung up", "reset", "308", "429", "503"])
@pytest.mark.parametrize("act", ACTS)
def test_over_a_kept_connection_the_request_arrives_once_too(monkeypatch, hook, kind, act):
    def answer(line, request):
        unseen = UNSEEN[kind]
        if request.startswith(b"GET "):
            line.sendall(http({"status": "success", "balance": 1}))
        elif isinstance(unseen, bytes):
            line.sendall(unseen)
        else:
            unseen(line, request)

    with serve(answer, is_kept=True) as server:
        connect_to(monkeypatch, f"http://127.0.0.1:{server.port}", **PAYER, timeout=20)
        hook.get_balance(attempts=1)
        with pytest.raises(IyzicoOutcomeUnknownError):
            ACTS[act](hook)
        hook.close()
    assert [request.partition(b" ")[0] for request in server.asked[0]] == [b"GET", b"POST"]
    assert len(asked_of(server)) == 2


@pytest.mark.parametrize("kind", ["hung up", "308", "429", "503", "half a body"])
@pytest.mark.parametrize("act", ACTS)
def test_with_a_proxy_between_the_request_arrives_once_too(monkeypatch, hook, authority, bundle, kind, act):
    with serve(UNSEEN[kind], tls=tls_for(authority, "iyzico.test")) as server:

        def tunnel(line, request):
            with socket.create_connection(("127.0.0.1", server.port)) as other:
                line.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                relay(line, other)

        with serve(tunnel) as proxy:
            monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
            connect_to(monkeypatch, "https://iyzico.test", **PAYER, allow_custom_host=True, ca_bundle=bundle, timeout=20)
            with pytest.raises(IyzicoOutcomeUnknownError):
                ACTS[act](hook)
            hook.close()
    assert len(asked_of(server)) == len(asked_of(proxy)) == 1


def test_an_unknown_outcome_keeps_what_iyzico_said(monkeypatch, hook):
    with serve(failure("50000", 429, Retry_After="7")) as server:
        connect_to(monkeypatch, f"http://127.0.0.1:{server.port}", **PAYER, timeout=20)
        with pytest.raises(IyzicoOutcomeUnknownError) as caught:
            hook.authorize_mass_payout(REQUEST_ID)
    assert (caught.value.code, caught.value.http_status, caught.value.retry_after) == ("50000", 429, 7.0)


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize(
    ("wire", "kind", "code", "http_status"),
    [
        (failure("11"), IyzicoRefusedError, "11", 200),
        (failure(24, 400), IyzicoRefusedError, "24", 400),
        (failure("5", 404), IyzicoRefusedError, "5", 404),
        (failure("1001"), IyzicoAuthenticationError, "1001", 200),
        (failure("8", 401), IyzicoAuthenticationError, "8", 401),
    ],
    ids=["11", "24", "404", "keys", "token"],
)
def test_a_refusal_that_iyzico_documents_is_believed(monkeypatch, hook, act, wire, kind, code, http_status):
    with serve(wire) as server:
        connect_to(monkeypatch, f"http://127.0.0.1:{server.port}", **PAYER, timeout=20)
        with pytest.raises(IyzicoError) as caught:
            ACTS[act](hook)
    assert type(caught.value) is kind
    assert (caught.value.code, caught.value.http_status, caught.value.retry) == (code, http_status, Retry.NEVER)
    assert len(asked_of(server)) == 1


def nobody(monkeypatch, bundle):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    connect_to(monkeypatch, f"http://127.0.0.1:{port}", **PAYER)


def no_name(monkeypatch, bundle):
    def fail(host, port):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(sockets, "_look_up", fail)
    connect_to(monkeypatch, "https://iyzico.test", **PAYER, allow_custom_host=True)


def no_proxy(monkeypatch, bundle):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
    connect_to(monkeypatch, "https://iyzico.test", **PAYER, allow_custom_host=True)


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("prepare", [nobody, no_name, no_proxy])
def test_where_nobody_could_be_reached_nothing_has_happened(monkeypatch, hook, bundle, act, prepare):
    prepare(monkeypatch, bundle)
    with pytest.raises(IyzicoUnavailableError) as caught:
        ACTS[act](hook)
    assert caught.value.retry is Retry.SAFE
    assert "ask iyzico first" not in str(caught.value)


@pytest.mark.parametrize(
    ("door", "kind", "retry"),
    [
        (lambda line: line.recv(65536), IyzicoUnavailableError, Retry.SAFE),
        (lambda line: line.sendall(http(DONE)), IyzicoAnswerError, Retry.NEVER),
        (lambda line: None, IyzicoUnavailableError, Retry.SAFE),
    ],
    ids=["hangs up in the handshake", "speaks no TLS", "hangs up at once"],
)
def test_where_tls_did_not_come_about_nothing_has_happened(monkeypatch, hook, bundle, door, kind, retry):
    with listening(door) as port:
        connect_to(monkeypatch, f"https://127.0.0.1:{port}", **PAYER, ca_bundle=bundle, timeout=20)
        with pytest.raises(IyzicoError) as caught:
            hook.authorize_mass_payout(REQUEST_ID)
    assert (type(caught.value), caught.value.retry) == (kind, retry)


def test_where_the_handshake_takes_too_long_nothing_has_happened(monkeypatch, hook, bundle):
    with listening(lambda line: [*iter(lambda: line.recv(65536), b"")]) as port:
        connect_to(monkeypatch, f"https://127.0.0.1:{port}", **PAYER, ca_bundle=bundle, timeout=1)
        with pytest.raises(IyzicoUnavailableError, match="took too long") as caught:
            hook.authorize_mass_payout(REQUEST_ID)
        hook.close()
    assert caught.value.retry is Retry.SAFE


def test_a_server_that_cannot_prove_who_it_is_has_received_nothing(monkeypatch, hook, authority, bundle):
    with serve(http(DONE), tls=tls_for(authority, "another.test")) as server:
        connect_to(monkeypatch, f"https://127.0.0.1:{server.port}", **PAYER, ca_bundle=bundle, timeout=20)
        with pytest.raises(IyzicoCertificateError):
            hook.authorize_mass_payout(REQUEST_ID)
    assert asked_of(server) == []


@pytest.mark.parametrize(
    ("status", "kind"), [(403, IyzicoConfigurationError), (407, IyzicoConfigurationError), (502, IyzicoUnavailableError)]
)
def test_where_a_proxy_did_not_connect_us_nothing_has_happened(monkeypatch, hook, status, kind):
    with serve(http(b"", status)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
        connect_to(monkeypatch, "https://iyzico.test", **PAYER, allow_custom_host=True, timeout=20)
        with pytest.raises(IyzicoError) as caught:
            hook.authorize_mass_payout(REQUEST_ID)
    assert type(caught.value) is kind
    assert b"IYZWSv2" not in b"".join(asked_of(proxy))


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("lacks", [{"can_pay": False}, {"can_pay": None}, {"account": ""}, {"currency": None}])
def test_a_connection_that_may_not_pay_sends_nothing(monkeypatch, hook, act, lacks):
    (name,) = lacks
    with serve(http(DONE)) as server:
        connect_to(monkeypatch, f"http://127.0.0.1:{server.port}", **{**PAYER, **lacks})
        with pytest.raises(
            IyzicoConfigurationError, match=f"'iyzico_default' may not pay: its extra lacks {name}; nothing was sent"
        ):
            ACTS[act](hook)
    assert server.asked == []


def test_a_batch_in_another_currency_than_the_balance_is_not_sent(monkeypatch, hook):
    with serve(http(DONE)) as server:
        connect_to(monkeypatch, f"http://127.0.0.1:{server.port}", **PAYER)
        with pytest.raises(IyzicoConfigurationError, match="is in EUR, but the balance of Connection 'iyzico_default' is in TRY"):
            hook.init_mass_payout(batch(currency="EUR"))
    assert server.asked == []


def is_signed(request):
    """Verify a signature over the path and the body as they came, with code of the test's own."""
    head, _, body = request.partition(b"\r\n\r\n")
    path = head.split(b" ")[1].partition(b"?")[0]
    token = base64.b64decode(re.search(rb"Authorization: IYZWSv2 (\S+)", head)[1]).decode()
    parts = dict(part.split(":", 1) for part in token.split("&"))
    mac = hmac.new(SECRET_KEY.encode(), parts["randomKey"].encode() + path + body, hashlib.sha256).hexdigest()
    return (parts["apiKey"], parts["signature"]) == (API_KEY, mac)


def test_what_was_done_is_told_and_the_bytes_on_the_wire_are_the_ones_that_were_signed(monkeypatch, hook):
    with serve(http(DONE), is_kept=True) as server:
        connect_to(monkeypatch, f"http://127.0.0.1:{server.port}", **PAYER)
        initiated = hook.init_mass_payout(batch())
        assert (initiated.request_id, initiated.invalid) == (REQUEST_ID, ())
        assert hook.authorize_mass_payout(REQUEST_ID) is None
        assert hook.cancel_mass_payout(REQUEST_ID) is None
        hook.close()
    requests = asked_of(server)
    assert [request.partition(b"\r\n")[0] for request in requests] == [
        b"POST /v1/mass/payout/init?locale=tr HTTP/1.1",
        b"POST /v1/mass/payout/auth?locale=tr HTTP/1.1",
        f"POST /v1/mass/payout/cancel/{REQUEST_ID}?locale=tr HTTP/1.1".encode(),
    ]
    assert NAME.encode() in requests[0]
    assert b'"value":100.50,' in requests[0]
    assert requests[1].endswith(b'\r\n\r\n{"requestId":"%s"}' % REQUEST_ID.encode())
    assert requests[2].endswith(b"\r\n\r\n")
    assert all(map(is_signed, requests))


def test_a_server_that_quotes_the_batch_gets_no_recipient_into_an_error(monkeypatch, hook):
    def quote(line, request):
        body = json.loads(request.partition(b"\r\n\r\n")[2])
        line.sendall(http({"status": "failure", "errorCode": "77", "errorMessage": json.dumps(body, ensure_ascii=False)[90:]}))

    made = batch(items=[payment(recipient_name="Zeynep Öztürk")])
    with serve(quote) as server:
        connect_to(monkeypatch, f"http://127.0.0.1:{server.port}", **PAYER)
        with pytest.raises(IyzicoOutcomeUnknownError, match=r"\*\*\*") as caught:
            hook.init_mass_payout(made)
    assert not any(secret in str(caught.value) for secret in (IBAN, IBAN[:12], "Zeynep", "Öztürk"))


class Book:
    """Answers retrieve from a list of items, by what the request asks for."""

    def __init__(self, valid, invalid=(), **fields):
        self.items = {"VALID": list(valid), "INVALID": list(invalid)}
        self.fields = fields
        self.asked = []

    def __call__(self, line, request):
        asked = json.loads(request.partition(b"\r\n\r\n")[2])
        self.asked.append(asked)
        line.sendall(self.answer(asked))

    def answer(self, asked):
        items = self.items[asked["itemType"]]
        start = asked["page"] * asked["size"]
        return http(page(items[start : start + asked["size"]], len(items), asked["page"], **self.fields))


def retrieve(monkeypatch, hook, book, **asked):
    with serve(book, is_kept=True) as server:
        connect_to(monkeypatch, f"http://127.0.0.1:{server.port}", timeout=60)
        try:
            return hook.retrieve_mass_payout(**(asked or {"request_id": REQUEST_ID}))
        finally:
            hook.close()


def names(payout):
    return [one.item_external_id for one in payout.items]


def test_ten_thousand_items_are_read_and_each_page_is_asked_for_once(monkeypatch, hook):
    book = Book((item(f"line-{number}") for number in range(10_000)), [item("bad", itemStatus="INVALID")])
    payout = retrieve(monkeypatch, hook, book)
    assert names(payout) == [f"line-{number}" for number in range(10_000)] + ["bad"]
    pages = [(asked["itemType"], asked["page"]) for asked in book.asked]
    assert pages == [("VALID", number) for number in range(250)] + [("INVALID", 0)]
    assert {(asked["requestId"], asked["size"]) for asked in book.asked} == {(REQUEST_ID, 40)}
    assert payout.request_id == REQUEST_ID


def test_the_bytes_of_a_page_are_not_kept(monkeypatch, hook):
    """Half a megabyte a page, and a hundred pages."""
    book = Book([item(f"line-{number}") for number in range(4_000)], receivedBy="x" * 500_000)
    tracemalloc.start()
    try:
        retrieve(monkeypatch, hook, book)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 25_000_000


def test_a_batch_is_found_by_its_external_id_and_the_request_id_is_told_where_iyzico_does(monkeypatch, hook):
    book = Book([item("a", massPayoutRequestId="r")])
    payout = retrieve(monkeypatch, hook, book, external_id="payout-2026-11-0001")
    assert (payout.external_id, payout.request_id, names(payout)) == ("payout-2026-11-0001", "r", ["a"])
    assert {asked["externalMassPayoutId"] for asked in book.asked} == {"payout-2026-11-0001"}
    assert not any("requestId" in asked for asked in book.asked)


@pytest.mark.parametrize("kind", ["VALID", "INVALID"])
def test_items_of_one_type_are_read_alone(monkeypatch, hook, kind):
    book = Book([item("good")], [item("bad")])
    assert names(retrieve(monkeypatch, hook, book, request_id="r", item_type=kind)) == [{"VALID": "good", "INVALID": "bad"}[kind]]
    assert len(book.asked) == 1


def test_a_server_that_knows_no_item_type_gives_each_item_once(monkeypatch, hook):
    items = [item("a"), item("b")]
    assert names(retrieve(monkeypatch, hook, Book(items, items))) == ["a", "b"]


def test_each_page_is_a_read_of_its_own_that_is_tried_again(monkeypatch, hook):
    class Busy(Book):
        def answer(self, asked):
            if len(self.asked) in (1, 3, 4):
                return http(b"", 503, Retry_After="0")
            return super().answer(asked)

    book = Busy([item(f"line-{number}") for number in range(80)])
    assert len(names(retrieve(monkeypatch, hook, book))) == 80
    assert [asked["page"] for asked in book.asked] == [0, 0, 1, 1, 1, 0]


class Shifting(Book):
    """The first ``times`` readings have an item twice and miss another."""

    def __init__(self, times, amounts=(1,)):
        super().__init__([item(f"line-{number}") for number in range(80)])
        self.times, self.amounts, self.readings = times, amounts, 0

    def answer(self, asked):
        if asked["itemType"] == "VALID" and asked["page"] == 0:
            self.readings += 1
        items = self.items[asked["itemType"]]
        if self.readings > self.times or asked["itemType"] == "INVALID":
            return super().answer(asked)
        amount = self.amounts[self.readings % len(self.amounts)]
        pages = [items[:40], items[39:79], []]
        return http(page(({**one, "totalAmount": amount} for one in pages[asked["page"]]), 80, asked["page"]))


def test_pages_that_shift_are_read_again_until_they_add_up(monkeypatch, hook):
    book = Shifting(times=1)
    assert len(names(retrieve(monkeypatch, hook, book))) == 80
    assert book.readings == 2


def test_two_readings_that_agree_are_believed_though_iyzico_counts_more(monkeypatch, hook):
    book = Shifting(times=99)
    assert len(names(retrieve(monkeypatch, hook, book))) == 79
    assert book.readings == 2


def test_pages_that_never_stop_shifting_are_an_error_that_is_safe_to_repeat(monkeypatch, hook):
    book = Shifting(times=99, amounts=(1, 2))
    with pytest.raises(IyzicoUnavailableError, match=f"shifted in {payouts.READINGS} readings") as caught:
        retrieve(monkeypatch, hook, book)
    assert caught.value.retry is Retry.SAFE
    assert book.readings == payouts.READINGS


@pytest.mark.parametrize(
    ("wire", "code", "http_status"),
    [(failure("5", 404), "5", 404), (failure(11), "11", 200), (http({"status": "success"}), None, 200)],
    ids=["404", "11", "success"],
)
def test_a_batch_that_iyzico_does_not_know_is_an_error_of_its_own(monkeypatch, hook, wire, code, http_status):
    with pytest.raises(IyzicoNoSuchPayoutError, match="Connection 'iyzico_default': iyzico found nothing") as caught:
        retrieve(monkeypatch, hook, lambda line, request: line.sendall(wire), external_id="unknown")
    assert (caught.value.code, caught.value.http_status) == (code, http_status)


@pytest.mark.parametrize("absent", ["VALID", "INVALID"])
def test_a_batch_is_known_if_iyzico_knows_it_by_either_type_of_item(monkeypatch, hook, absent):
    class Picky(Book):
        def answer(self, asked):
            return failure("5", 404) if asked["itemType"] == absent else super().answer(asked)

    assert len(names(retrieve(monkeypatch, hook, Picky([item("a")], [item("b")])))) == 1


def test_refused_keys_are_not_taken_for_a_batch_that_is_not_there(monkeypatch, hook):
    with pytest.raises(IyzicoAuthenticationError):
        retrieve(monkeypatch, hook, lambda line, request: line.sendall(failure("1000")), external_id="unknown")


def test_a_page_may_be_large_and_one_without_end_is_refused(monkeypatch, hook):
    large = Book([item(f"line-{number}", description="x" * 1900) for number in range(40)])
    assert len(names(retrieve(monkeypatch, hook, large))) == 40
    endless = http(b" " * (16 * 1024 * 1024 + 1))
    with pytest.raises(IyzicoAnswerError, match="more than 16777216 bytes"):
        retrieve(monkeypatch, IyzicoHook(), lambda line, request: line.sendall(endless))


def test_a_connection_that_may_not_pay_may_read(monkeypatch, hook):
    one = http({"status": "success", "item": item("a", referenceCode="ref-a")})
    with serve(one) as server:
        connect_to(monkeypatch, f"http://127.0.0.1:{server.port}", account="")
        assert hook.retrieve_mass_payout_item("ref-a").item_external_id == "a"
    (request,) = asked_of(server)
    assert request.startswith(b"GET /v1/mass/payout/retrieve/items/ref-a?locale=tr HTTP/1.1\r\n")
    assert is_signed(request)
