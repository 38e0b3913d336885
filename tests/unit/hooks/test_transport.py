"""The promises of a signed request, each seen on a real socket."""

import contextlib
import http.client
import json
import logging
import os
import socket
import ssl
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from raw_server import OK, WHOLE, answer_twice, listening, serve
from support import connect, connect_to

from airflow_provider_iyzico.api.call import Call
from airflow_provider_iyzico.errors import (
    IyzicoAnswerError,
    IyzicoAuthenticationError,
    IyzicoCertificateError,
    IyzicoConfigurationError,
    IyzicoOutcomeUnknownError,
    IyzicoRefusedError,
    IyzicoUnavailableError,
)
from airflow_provider_iyzico.hooks.iyzico import IyzicoHook
from airflow_provider_iyzico.simulator import Simulator

STATUS = b"HTTP/1.1 200 OK\r\n"


@pytest.fixture
def hook(iyzico):
    hook = IyzicoHook()
    yield hook
    hook.close()


FAULTS = [
    ("timeout", {}, IyzicoUnavailableError),
    ("reset", {}, IyzicoUnavailableError),
    ("cut", {}, IyzicoUnavailableError),
    ("drip", {"seconds": 0.5}, IyzicoUnavailableError),
    ("429", {"retry_after": "1"}, IyzicoUnavailableError),
    ("500", {}, IyzicoUnavailableError),
    ("503", {}, IyzicoUnavailableError),
    ("html", {"status": 502}, IyzicoUnavailableError),
    ("failure", {"code": "50000"}, IyzicoUnavailableError),
    ("401", {}, IyzicoAuthenticationError),
    ("403", {}, IyzicoAuthenticationError),
    ("failure", {"code": "1001"}, IyzicoAuthenticationError),
    ("failure", {"code": "9000"}, IyzicoRefusedError),
    ("404", {}, IyzicoRefusedError),
    ("html", {}, IyzicoAnswerError),
    ("truncated", {}, IyzicoAnswerError),
    ("huge", {}, IyzicoAnswerError),
    ("redirect", {}, IyzicoAnswerError),
]


@pytest.mark.parametrize(("kind", "options", "error"), FAULTS, ids=lambda value: str(value))
def test_every_fault_is_named_within_the_deadline_and_the_next_call_is_well(iyzico, hook, kind, options, error):
    iyzico.fail(kind, times=1, **options)
    started = time.monotonic()
    seen = hook.poll()
    assert type(seen) is error, seen
    assert time.monotonic() - started < 30
    assert hook.get_balance(attempts=1).raw == "100.00"


def test_a_server_that_is_not_there_is_waited_for(iyzico, hook):
    iyzico.stop()
    assert isinstance(hook.poll(), IyzicoUnavailableError)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed_to_this_or_another_server(iyzico, hook, status):
    with Simulator("1") as elsewhere:
        for location in (f"{elsewhere.url}/v1/mass/payout/balance?locale=tr", "/v1/mass/payout/balance?locale=tr"):
            iyzico.fail("redirect", times=1, status=status, location=location)
            assert isinstance(hook.poll(), IyzicoAnswerError)
        assert elsewhere.seen == []
    assert len(iyzico.seen) == 2


def test_headers_that_drip_do_not_hold_the_thread():
    """A drip so slow that no single read times out, and so long that only a total deadline ends it."""
    with Simulator("1") as iyzico, pytest.MonkeyPatch.context() as patch:
        connect(patch, iyzico)
        iyzico.fail("drip", seconds=0.5)
        hook, started = IyzicoHook(), time.monotonic()
        assert isinstance(hook.poll(), IyzicoUnavailableError)
        assert time.monotonic() - started < 30
        hook.close()


def test_the_session_is_kept_and_every_attempt_has_a_fresh_random_key(iyzico, hook):
    iyzico.fail("500", times=2)
    hook.settings  # noqa: B018 - read before the clock of the attempts starts
    for _ in range(20):
        hook.poll()
    keys = [seen.random_key for seen in iyzico.seen]
    assert len(set(keys)) == len(keys) == 20
    assert all(len(key) == 32 for key in keys)


def test_a_get_sends_no_body_and_the_documented_headers(iyzico, hook):
    hook.get_balance()
    (seen,) = iyzico.seen
    headers = {name.lower(): value for name, value in seen.headers.items()}
    assert (seen.method, seen.path, seen.query, seen.body) == ("GET", "/v1/mass/payout/balance", "locale=tr", "")
    assert "content-length" not in headers
    assert "transfer-encoding" not in headers
    assert headers["content-type"] == "application/json"
    assert headers["cache-control"] == "no-cache"
    assert headers["x-iyzi-rnd"] == seen.random_key
    assert seen.refusal is None


def test_netrc_cannot_replace_the_signature(iyzico, hook, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("default login eve password eve\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    assert hook.get_balance().raw == "100.00"
    assert iyzico.seen[0].headers["Authorization"].startswith("IYZWSv2 ")


def test_no_proxy_of_the_environment_stands_between_this_machine_and_itself(iyzico, hook, monkeypatch):
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    assert hook.get_balance().raw == "100.00"


@pytest.fixture
def proxy():
    """A proxy that notes the first line of each request and hangs up."""
    lines: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            with client:
                lines.append(client.recv(4096).partition(b"\r\n")[0])

    thread = threading.Thread(target=serve)
    thread.start()
    yield listener.getsockname()[1], lines
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()


def test_iyzicos_own_host_is_reached_through_the_proxy_of_the_environment(proxy, monkeypatch):
    port, lines = proxy
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.setenv(
        "AIRFLOW_CONN_IYZICO_DEFAULT",
        '{"conn_type": "iyzico", "login": "sandbox-key", "password": "sandbox-secret", "extra": {"timeout": 60}}',
    )
    hook = IyzicoHook()
    assert isinstance(hook.poll(), IyzicoUnavailableError)
    hook.close()
    assert [line.rpartition(b" ")[0] for line in lines] == [b"CONNECT sandbox-api.iyzipay.com:443"]


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:9", "SOCKS5h://127.0.0.1:9"])
def test_a_proxy_that_cannot_be_used_is_named_instead_of_waited_for(monkeypatch, proxy):
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.setenv("AIRFLOW_CONN_IYZICO_DEFAULT", '{"conn_type": "iyzico", "login": "sandbox-k", "password": "sandbox-s"}')
    hook = IyzicoHook()
    seen = hook.poll()
    hook.close()
    assert isinstance(seen, IyzicoConfigurationError), seen


def test_a_slow_handshake_eats_into_the_same_deadline(authority, monkeypatch, tmp_path):
    """A TLS server behind a door that opens after 0.4 s, and then answers after 0.4 s; half a second is not enough for both."""
    bundle = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))
    with serve_tls(authority.issue_cert("127.0.0.1")) as iyzico, slow_door(iyzico.port, 0.4) as port:
        iyzico.set(latency_seconds=0.4)
        connect(monkeypatch, iyzico, timeout=0.6, ca_bundle=str(bundle))
        fields = json.loads(os.environ["AIRFLOW_CONN_IYZICO_DEFAULT"])
        monkeypatch.setenv("AIRFLOW_CONN_IYZICO_DEFAULT", json.dumps({**fields, "host": f"https://127.0.0.1:{port}"}))
        hook = IyzicoHook()
        assert isinstance(hook.poll(), IyzicoUnavailableError)  # with a deadline for each it would be a balance
        hook.close()


@contextlib.contextmanager
def slow_door(target, seconds):
    """Pass bytes on to another port, the first of them late."""
    listener = socket.create_server(("127.0.0.1", 0))

    def carry(source, sink):
        with contextlib.suppress(OSError):
            while chunk := source.recv(65536):
                sink.sendall(chunk)
            sink.shutdown(socket.SHUT_WR)

    def serve():
        with contextlib.suppress(OSError):
            client, _ = listener.accept()
            with client, socket.create_connection(("127.0.0.1", target)) as server:
                time.sleep(seconds)
                back = threading.Thread(target=carry, args=(server, client))
                back.start()
                carry(client, server)
                back.join(5)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.close()
        thread.join(10)


def serve_tls(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return Simulator("100.00", ssl_context=context)


def expired(authority):
    return authority.issue_cert("127.0.0.1", not_after=datetime.now(UTC) - timedelta(days=1))


@pytest.mark.parametrize(
    ("certificate", "trusted"),
    [
        (lambda authority: authority.issue_cert("127.0.0.1"), False),
        (lambda authority: authority.issue_cert("wrong.example"), True),
        (expired, True),
    ],
    ids=["unknown issuer", "another host", "expired"],
)
def test_a_certificate_that_does_not_verify_fails_hard_before_a_byte_is_sent(
    authority, certificate, trusted, monkeypatch, tmp_path
):
    bundle = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))
    with serve_tls(certificate(authority)) as iyzico:
        connect(monkeypatch, iyzico, timeout=30, **({"ca_bundle": str(bundle)} if trusted else {}))
        hook = IyzicoHook()
        seen = hook.poll()
        hook.close()
        assert isinstance(seen, IyzicoCertificateError), seen
        assert "ca_bundle" in str(seen)
        assert iyzico.seen == []


def test_a_ca_bundle_may_be_added_by_connection_and_nothing_turns_verification_off(authority, monkeypatch, tmp_path):
    bundle = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))
    monkeypatch.setenv("CURL_CA_BUNDLE", "")
    with serve_tls(authority.issue_cert("127.0.0.1")) as iyzico:
        connect(monkeypatch, iyzico, timeout=30, ca_bundle=str(bundle))
        hook = IyzicoHook()
        assert hook.get_balance().raw == "100.00"
        iyzico.fail("drip", seconds=0.5)
        connect(monkeypatch, iyzico, timeout=0.5, ca_bundle=str(bundle))
        slow, started = IyzicoHook(), time.monotonic()
        assert isinstance(slow.poll(), IyzicoUnavailableError)
        assert time.monotonic() - started < 30
        hook.close()
        slow.close()


@pytest.mark.parametrize(
    "wire",
    [WHOLE, STATUS + b"\r\n" + OK, STATUS + b"\r\n" + OK[:-1] + b" " * 60_000 + b"}", STATUS + b"Transfer-Encoding: chunked\r\n\r\n26\r\n" + OK + b"\r\n0\r\n\r\n"],
    ids=["length", "until the end", "as much as may come", "chunks"],
)  # fmt: skip
def test_over_tls_an_answer_is_read_as_without(authority, monkeypatch, tmp_path, wire):
    bundle, context = tmp_path / "ca.pem", ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.cert_pem.write_to_path(str(bundle))
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with serve(wire, tls=context) as server:
        connect_to(monkeypatch, f"https://127.0.0.1:{server.port}", timeout=20, ca_bundle=str(bundle))
        hook = IyzicoHook()
        assert [hook.get_balance(attempts=1).raw for _ in range(3)] == ["1500.75"] * 3
        hook.close()


def test_over_tls_what_nobody_asked_for_does_not_answer_the_next_request(authority, monkeypatch, tmp_path):
    bundle, context = tmp_path / "ca.pem", ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.cert_pem.write_to_path(str(bundle))
    authority.issue_cert("127.0.0.1").configure_cert(context)

    with listening(answer_twice(context)) as port:
        connect_to(monkeypatch, f"https://127.0.0.1:{port}", timeout=20, ca_bundle=str(bundle))
        hook = IyzicoHook()
        assert [hook.get_balance(attempts=1).raw for _ in range(3)] == ["1500.75"] * 3
        hook.close()


@pytest.mark.parametrize("is_tls", [False, True])
def test_a_large_body_arrives_as_it_was_signed(authority, monkeypatch, tmp_path, is_tls):
    bundle = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))
    pay = Call("POST", "/v1/mass/payout/init", "locale=tr", read=lambda answer: answer.http_status, body="ğ".encode() * 300_000)
    with serve_tls(authority.issue_cert("127.0.0.1")) if is_tls else Simulator("1") as iyzico:
        connect(monkeypatch, iyzico, timeout=20, ca_bundle=str(bundle))
        hook = IyzicoHook()
        assert hook.run(pay) == 400  # it is no JSON, but the signature was right
        hook.close()
        (seen,) = iyzico.seen
    assert (seen.refusal, len(seen.body)) == (None, 300_000)


@pytest.mark.parametrize("is_tls", [False, True])
def test_a_server_that_reads_slowly_cannot_hold_a_large_body(authority, monkeypatch, tmp_path, is_tls):
    """It would take the body in 40 seconds. Three are enough to sign so much, also beside other work."""
    bundle, context, over = tmp_path / "ca.pem", ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), threading.Event()
    authority.cert_pem.write_to_path(str(bundle))
    authority.issue_cert("127.0.0.1").configure_cert(context)

    def sip(client):
        with context.wrap_socket(client, server_side=True) if is_tls else client as line:
            while not over.wait(0.1):  # so much that no single write takes long
                for _ in range(8):
                    line.recv(16384)

    pay = Call("POST", "/v1/mass/payout/init", "locale=tr", read=lambda answer: answer.http_status, body=b"x" * 50_000_000)
    with listening(sip) as port:
        connect_to(monkeypatch, f"http{'s' * is_tls}://127.0.0.1:{port}", timeout=3, ca_bundle=str(bundle))
        hook, started = IyzicoHook(), time.monotonic()
        with pytest.raises(IyzicoOutcomeUnknownError, match="took too long"):
            hook.run(pay)
        assert time.monotonic() - started < 12
        over.set()
        hook.close()


def test_a_failure_is_named_for_itself_and_not_for_what_the_caller_was_handling(monkeypatch):
    with listening(lambda client: client.recv(65536)) as port:
        connect_to(monkeypatch, f"http://127.0.0.1:{port}", timeout=5)
        hook = IyzicoHook()

        def fail():
            raise ssl.SSLCertVerificationError(1, "of somebody else")

        try:
            fail()
        except ssl.SSLCertVerificationError:
            seen = hook.poll()
        hook.close()
    assert type(seen) is IyzicoUnavailableError
    assert "broke off" in str(seen)


def test_another_proxy_in_the_environment_counts_from_the_next_call_on(proxy, monkeypatch):
    port, lines = proxy
    monkeypatch.delenv("NO_PROXY", raising=False)
    connect_to(monkeypatch, "https://iyzico.test", allow_custom_host=True)
    hook = IyzicoHook()
    monkeypatch.setenv("HTTPS_PROXY", "socks5://127.0.0.1:9")
    assert isinstance(hook.poll(), IyzicoConfigurationError)
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
    assert isinstance(hook.poll(), IyzicoUnavailableError)
    hook.close()
    assert lines == [b"CONNECT iyzico.test:443 HTTP/1.1"]


def test_several_threads_may_share_a_hook(iyzico, monkeypatch):
    connect(monkeypatch, iyzico, timeout=20)
    hook = IyzicoHook()
    with ThreadPoolExecutor(8) as pool:
        assert [balance.raw for balance in pool.map(lambda _: hook.get_balance(attempts=1), range(100))] == ["100.00"] * 100
    hook.close()
    assert len({seen.random_key for seen in iyzico.seen}) == 100


def test_no_debug_switch_prints_a_header_or_a_body(iyzico, hook, monkeypatch, capfd, caplog):
    monkeypatch.setattr(http.client.HTTPConnection, "debuglevel", 2)
    caplog.set_level(logging.DEBUG)
    hook.get_balance()
    hook.close()
    iyzico.fail("401")
    hook.poll()
    token = iyzico.seen[0].headers["Authorization"].split(" ")[1]
    said = "".join(capfd.readouterr()) + caplog.text
    assert "IYZWSv2" not in said
    assert token[:40] not in said


@pytest.mark.parametrize("escaped", [False, True])
def test_a_server_that_quotes_our_headers_does_not_get_them_into_an_error(iyzico, hook, escaped):
    iyzico.fail("echo", escaped=escaped)
    message = str(hook.poll())
    header = iyzico.seen[0].headers["Authorization"]
    token = header.split(" ")[1]
    assert "IYZWSv2" in message or "Invalid signature" in message
    assert token[:12] not in message
    assert token[-12:] not in message
    assert iyzico.world.api_key not in message
