"""Proxies of the environment: what they are, what they answer, and what is never said about them. Real sockets, and TLS in TLS."""

import base64
import socket

import pytest
import trustme
from raw_server import WHOLE, answer_twice, listening, relay, serve, tls_for
from support import connect_to

from airflow_provider_iyzico.errors import IyzicoCertificateError, IyzicoConfigurationError, IyzicoUnavailableError
from airflow_provider_iyzico.hooks.iyzico import IyzicoHook
from airflow_provider_iyzico.hooks.proxies import proxy_for

VARIABLES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy")
ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


def tunnel_to(port):
    """Return a proxy's answer: connect the client, wherever it wants to go, to a port of this machine."""

    def answer(line, request):
        with socket.create_connection(("127.0.0.1", port)) as server:
            line.sendall(ESTABLISHED)
            relay(line, server)

    return answer


def poll(monkeypatch, **extra):
    connect_to(monkeypatch, "https://iyzico.test", **{"allow_custom_host": True, **extra})
    hook = IyzicoHook()
    seen = hook.poll()
    hook.close()
    return seen


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
def test_iyzico_is_asked_through_a_tunnel_and_only_the_proxy_sees_its_login(monkeypatch, authority, bundle, scheme, variable):
    with (
        serve(WHOLE, tls=tls_for(authority, "iyzico.test"), is_kept=True) as iyzico,
        serve(tunnel_to(iyzico.port), tls=tls_for(authority, "127.0.0.1") if scheme == "https" else None) as proxy,
    ):
        monkeypatch.setenv(variable, f"{scheme}://us%40er:p%3Aß@127.0.0.1:{proxy.port}/")
        connect_to(monkeypatch, "https://iyzico.test", allow_custom_host=True, ca_bundle=bundle)
        hook = IyzicoHook()
        assert [hook.get_balance(attempts=1).raw for _ in range(3)] == ["1500.75"] * 3
        hook.close()
    ((connect,),), ((*requests,),) = proxy.asked, iyzico.asked
    lines = connect.split(b"\r\n")
    assert lines[:2] == [b"CONNECT iyzico.test:443 HTTP/1.1", b"Host: iyzico.test:443"]
    assert lines[2] == b"Proxy-Authorization: Basic " + base64.b64encode("us@er:p:ß".encode())
    assert b"IYZWSv2" not in connect
    assert len(requests) == 3
    assert not any(b"Proxy" in request for request in requests)


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_may_be_named_by_an_address_of_ipv6(monkeypatch, authority, bundle, scheme):
    with (
        serve(WHOLE, tls=tls_for(authority, "iyzico.test")) as iyzico,
        serve(tunnel_to(iyzico.port), tls=tls_for(authority, "::1") if scheme == "https" else None, host="::1") as proxy,
    ):
        monkeypatch.setenv("HTTPS_PROXY", f"{scheme}://[::1]:{proxy.port}")
        assert poll(monkeypatch, ca_bundle=bundle).raw == "1500.75"


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_behind_a_proxy_what_nobody_asked_for_does_not_answer_the_next_request(monkeypatch, authority, bundle, scheme):
    with (
        listening(answer_twice(tls_for(authority, "iyzico.test"))) as port,
        serve(tunnel_to(port), tls=tls_for(authority, "127.0.0.1") if scheme == "https" else None) as proxy,
    ):
        monkeypatch.setenv("HTTPS_PROXY", f"{scheme}://127.0.0.1:{proxy.port}")
        connect_to(monkeypatch, "https://iyzico.test", allow_custom_host=True, ca_bundle=bundle)
        hook = IyzicoHook()
        assert [hook.get_balance(attempts=1).raw for _ in range(3)] == ["1500.75"] * 3
        hook.close()
    assert len(proxy.asked) == 3


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_behind_a_proxy_a_second_answer_in_the_same_breath_ends_the_connection(monkeypatch, authority, bundle, scheme):
    with (
        serve(WHOLE + WHOLE.replace(b"1500.75", b"9999.99"), tls=tls_for(authority, "iyzico.test"), is_kept=True) as iyzico,
        serve(tunnel_to(iyzico.port), tls=tls_for(authority, "127.0.0.1") if scheme == "https" else None) as proxy,
    ):
        monkeypatch.setenv("HTTPS_PROXY", f"{scheme}://127.0.0.1:{proxy.port}")
        connect_to(monkeypatch, "https://iyzico.test", allow_custom_host=True, ca_bundle=bundle)
        hook = IyzicoHook()
        assert [hook.get_balance(attempts=1).raw for _ in range(3)] == ["1500.75"] * 3
        hook.close()
    assert len(proxy.asked) == 3


def test_no_proxy_stands_before_the_hosts_of_no_proxy(monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "socks5://secret")
    monkeypatch.setenv("NO_PROXY", "other.test,.iyzipay.com,10.0.0.0/8")
    assert proxy_for("https://sandbox-api.iyzipay.com") is None
    assert proxy_for("https://10.1.2.3") is None
    monkeypatch.setenv("https_proxy", "")  # takes the other back
    assert proxy_for("https://iyzico.test") is None


NO_PROXIES = [
    "socks5://hunter2.test:1", "SOCKS5h://hunter2.test", "socks4a://hunter2.test:9", "ftp://hunter2.test:21", "hunter2://x", "://hunter2.test", "http://",
    "http://:3128", "http://hunter2.test:0", "http://hunter2.test:99999", "http://hunter2.test:port", "http://hunter2.test:-1",
    "http://user:hunter2@", "http://user:hunter2@proxy.test:x", "http://user:hun/ter2@proxy.test:3128", "http://user:hunter2#@proxy.test", "http://hunter2 .test:1",
    "http://hunter2..test:1", "http://" + "hunter2" * 20 + ".test", "http://[hunter2]:1", "http://[::1", "http://[1:2]:3128", "http://proxy.test:3128/hunter2", "http://proxy.test?hunter2",
    "http://hunter2\\.test", "http:/hunter2.test:1", "http//hunter2.test", "\thunter2\n.test", "http://hunter2.test:1:2", "http://ht tp", "{hunter2}", "http://.hunter2.test",
]  # fmt: skip


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
def test_what_can_be_no_proxy_is_named_by_its_variable_and_never_quoted(monkeypatch, variable):
    for value in NO_PROXIES:
        monkeypatch.setenv(variable, value)
        seen = poll(monkeypatch)
        assert type(seen) is IyzicoConfigurationError, (value, seen)
        assert variable in str(seen)
        assert "hunter2" not in str(seen), value


@pytest.mark.parametrize("page", [b"Content-Length: 3\r\n\r\nno!", b"Content-Length: 70000\r\n\r\n" + b"x" * 70_000])
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        *[(status, IyzicoConfigurationError) for status in (301, 400, 401, 403, 404, 405, 407, 451)],
        *[(status, IyzicoUnavailableError) for status in (408, 425, 429, 500, 502, 503, 504)],
    ],
)
def test_what_a_proxy_refuses_is_judged_by_its_status_however_long_its_page_is(monkeypatch, status, kind, page):
    refusal = f"HTTP/1.1 {status} hunter2 dXNlcjpodW50ZXIy\r\nProxy-Authenticate: Basic\r\n".encode()
    with serve(refusal + page) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://user:hunter2@127.0.0.1:{proxy.port}")
        seen = poll(monkeypatch)
    assert type(seen) is kind, seen
    assert "HTTPS_PROXY" in str(seen)
    assert f"HTTP {status}" in str(seen)
    assert ("login" in str(seen)) == (status == 407)
    assert "hunter2" not in str(seen)
    assert "dXNlcjpodW50ZXIy" not in str(seen)


@pytest.mark.parametrize(
    "answer", [b"SSH-2.0\r\n", b"HTTP/1.1 2_00 OK\r\n\r\n", ESTABLISHED + b"more", b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000]
)
def test_what_speaks_no_http_is_no_proxy(monkeypatch, answer):
    with serve(answer) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
        seen = poll(monkeypatch)
    assert type(seen) is IyzicoConfigurationError, seen
    assert "HTTPS_PROXY" in str(seen)


def no_tls(client):
    client.recv(65536)
    client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def test_a_proxy_without_tls_that_is_named_with_https_is_a_mistake(monkeypatch):
    with listening(no_tls) as port:
        monkeypatch.setenv("HTTPS_PROXY", f"https://127.0.0.1:{port}")
        seen = poll(monkeypatch)
    assert type(seen) is IyzicoConfigurationError, seen
    assert "HTTPS_PROXY" in str(seen)


def test_a_proxy_that_is_not_there_is_waited_for(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
    seen = poll(monkeypatch)
    assert type(seen) is IyzicoUnavailableError
    assert "HTTPS_PROXY: the connection was refused" in str(seen)


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("names", [("iyzico.test",), ("other.test",)], ids=["unknown issuer", "another host"])
def test_a_bad_certificate_behind_a_proxy_fails_at_once_and_before_a_byte_is_sent(monkeypatch, authority, bundle, scheme, names):
    issuer = trustme.CA() if names == ("iyzico.test",) else authority
    with (
        serve(WHOLE, tls=tls_for(issuer, *names)) as iyzico,
        serve(tunnel_to(iyzico.port), tls=tls_for(authority, "127.0.0.1") if scheme == "https" else None) as proxy,
    ):
        monkeypatch.setenv("HTTPS_PROXY", f"{scheme}://127.0.0.1:{proxy.port}")
        seen = poll(monkeypatch, ca_bundle=bundle)
    assert type(seen) is IyzicoCertificateError, seen
    assert "certificate of https://iyzico.test" in str(seen)
    assert iyzico.asked in ([], [[]])


@pytest.mark.parametrize("names", [("127.0.0.1",), ("other.test",)], ids=["unknown issuer", "another host"])
def test_a_bad_certificate_of_a_proxy_names_the_proxy(monkeypatch, authority, bundle, names):
    issuer = trustme.CA() if names == ("127.0.0.1",) else authority
    with serve(ESTABLISHED, tls=tls_for(issuer, *names)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"https://user:hunter2@127.0.0.1:{proxy.port}")
        seen = poll(monkeypatch, ca_bundle=bundle)
    assert type(seen) is IyzicoCertificateError, seen
    assert "certificate of the proxy named in HTTPS_PROXY" in str(seen)
    assert "hunter2" not in str(seen)


def test_a_proxy_does_not_show_its_login():
    from airflow_provider_iyzico.api.secrecy import Secret
    from airflow_provider_iyzico.hooks.proxies import _read

    proxy = _read(Secret("http://user:hunter2@proxy.test:3128"), "HTTPS_PROXY")
    assert (proxy.host, proxy.port, str(proxy)) == ("proxy.test", 3128, "the proxy named in HTTPS_PROXY")
    assert "hunter2" not in repr(proxy)
    assert base64.b64encode(b"user:hunter2").decode() not in repr(proxy)


@pytest.mark.parametrize(
    ("value", "where"),
    [
        ("proxy.test", ("proxy.test", 80, False)),
        ("proxy.test:3128", ("proxy.test", 3128, False)),
        ("HTTPS://PROXY_1.test/", ("proxy_1.test", 443, True)),
        ("http://[::1]:3128", ("::1", 3128, False)),
        (" http://u:p@@proxy.test:1 ", ("proxy.test", 1, False)),
        ("http://şube.test", ("xn--ube-rza.test", 80, False)),
    ],
)
def test_a_proxy_may_be_written_as_everybody_writes_it(monkeypatch, value, where):
    monkeypatch.setenv("HTTPS_PROXY", value)
    proxy = proxy_for("https://iyzico.test")
    assert (proxy.host.lower(), proxy.port, proxy.is_tls) == where
