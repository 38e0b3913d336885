"""One deadline covers whatever takes time, seen on real sockets that hang at each step."""

import contextlib
import socket
import ssl
import subprocess
import sys
import threading
import time

import pytest
from raw_server import OK, WHOLE, listening, read_request, serve, tls_for
from support import connect_to

from airflow_provider_iyzico.errors import IyzicoUnavailableError
from airflow_provider_iyzico.hooks.attempt import Attempt, current_attempt
from airflow_provider_iyzico.hooks.deadline import Deadline
from airflow_provider_iyzico.hooks.iyzico import IyzicoHook
from airflow_provider_iyzico.hooks.sockets import dial

LATE = 10.0  # generous: each of the hangs below would last for longer


@pytest.fixture
def patient(request):
    """An event that ends whatever still hangs when the test is over."""
    over = threading.Event()
    yield over
    over.set()


def poll(**more):
    hook, started = IyzicoHook(), time.monotonic()
    seen = hook.poll(**more)
    hook.close()
    assert time.monotonic() - started < LATE
    return seen


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="only Linux has it")
def test_the_kernel_sends_a_request_no_more_when_its_time_is_over():
    """Packets that a network lost would otherwise be sent again for minutes, even after the process has ended."""
    reset = current_attempt.set(Attempt(Deadline(5), max_body_bytes=100))
    try:
        with socket.create_server(("127.0.0.1", 0)) as server, dial(*server.getsockname()) as line:
            line.sendall(b"POST")
            milliseconds = line.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
    finally:
        current_attempt.reset(reset)
    assert 0 < milliseconds <= 5000


def test_a_deadline_that_has_passed_leaves_no_second():
    assert 0 < Deadline(5).left() <= 5
    for seconds in (0, -1, float("nan")):
        with pytest.raises(TimeoutError):
            Deadline(seconds).left()


def test_a_deadline_passes_while_the_machine_sleeps(sleeping):
    deadline = Deadline(60)
    sleeping(61)
    with pytest.raises(TimeoutError):
        deadline.left()


def test_a_resolver_that_hangs_is_given_up_and_not_asked_for_the_same_name_again(monkeypatch, patient):
    asked = []

    def hang(*args, **kwargs):
        asked.append(args)
        patient.wait(60)
        raise socket.gaierror(socket.EAI_AGAIN, "at last")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    connect_to(monkeypatch, "http://localhost:1", timeout=0.5)  # without TLS, whose certificates take time as well
    for _ in range(3):
        seen = poll()
        assert type(seen) is IyzicoUnavailableError
        assert "took too long" in str(seen)
    assert len(asked) == 1
    patient.set()
    for thread in threading.enumerate():
        if thread.name == "iyzico-waiting":
            thread.join(60)
    connect_to(monkeypatch, "http://localhost:1")
    assert "could not be resolved" in str(poll())
    assert len(asked) == 2


@pytest.mark.parametrize("error", [UnicodeError("label too long"), socket.gaierror(socket.EAI_NONAME, "no"), OSError("odd")])
def test_whatever_the_resolver_raises_is_an_error_of_ours(monkeypatch, error):
    def fail(*args, **kwargs):
        raise error

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    connect_to(monkeypatch, "https://iyzico.test", allow_custom_host=True)
    assert "https://iyzico.test" in str(poll())


def test_a_machine_without_another_thread_for_a_lookup_is_an_error_of_ours(monkeypatch):
    connect_to(monkeypatch, "http://127.0.0.1:1")
    hook = IyzicoHook()
    usual = threading.stack_size(2**40)  # no thread can have that
    try:
        seen = [hook.poll() for _ in range(2)]  # the second finds no trace of the first
    finally:
        threading.stack_size(usual)
        hook.close()
    for each in seen:
        assert type(each) is IyzicoUnavailableError
        assert "cannot start more threads" in str(each)


@contextlib.contextmanager
def full_house():
    """Yield the address of a listener whose queue is full: to connect to it takes as long as one is willing to wait."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(8):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield listener.getsockname()


def resolve_to(monkeypatch, *addresses):
    entries = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", address) for address in addresses]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: entries)


def test_a_host_with_many_dead_addresses_takes_no_longer_than_one(monkeypatch):
    with full_house() as dead:
        resolve_to(monkeypatch, *[dead] * 30)
        connect_to(monkeypatch, "http://localhost:1", timeout=1)
        seen = poll()
    assert type(seen) is IyzicoUnavailableError
    assert "took too long" in str(seen)


def test_dead_addresses_leave_time_for_the_one_that_lives(monkeypatch):
    with full_house() as dead, serve(WHOLE) as server:
        resolve_to(monkeypatch, dead, ("127.0.0.1", 1), dead, ("127.0.0.1", server.port))
        connect_to(monkeypatch, "http://localhost:1", timeout=4)
        assert poll().raw == "1500.75"


def test_a_name_without_an_address_is_no_answer(monkeypatch):
    resolve_to(monkeypatch)
    connect_to(monkeypatch, "http://localhost:1")
    assert type(poll()) is IyzicoUnavailableError


@pytest.fixture
def tls(authority):
    return tls_for(authority, "127.0.0.1", "localhost", "iyzico.test")


def silent(over):
    return lambda client: over.wait(40)


def dripping(over, data):
    def attend(client):
        for byte in data:
            client.sendall(bytes([byte]))
            if over.wait(0.3):
                return
        over.wait(40)

    return attend


@pytest.mark.parametrize(
    "attend", [silent, lambda over: dripping(over, b"\x16\x03\x03\x40\x00" + b"\x02" * 1000)], ids=["silent", "drip"]
)
def test_a_handshake_ends_with_the_deadline(monkeypatch, bundle, patient, attend):
    with listening(attend(patient)) as port:
        connect_to(monkeypatch, f"https://127.0.0.1:{port}", timeout=1, ca_bundle=bundle)
        assert type(poll()) is IyzicoUnavailableError
        patient.set()


def through(monkeypatch, proxy, **extra):
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    connect_to(monkeypatch, "https://iyzico.test", **{"allow_custom_host": True, "timeout": 1, **extra})


@pytest.mark.parametrize(
    "answer",
    [b"", b"HTTP/1.1 200 OK\r\nX: " + b"y" * 1000, b"HTTP/1.1 103 Early\r\n\r\n" * 100],
    ids=["silent", "headers", "interim"],
)
def test_a_proxy_cannot_hold_the_tunnel_open(monkeypatch, patient, answer):
    def attend(client):
        read_request(client)
        dripping(patient, answer)(client)

    with listening(attend) as port:
        through(monkeypatch, f"http://127.0.0.1:{port}")
        assert type(poll()) is IyzicoUnavailableError
        patient.set()


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(
    "attend", [silent, lambda over: dripping(over, b"\x16\x03\x03\x40\x00" + b"\x02" * 1000)], ids=["silent", "drip"]
)
def test_a_handshake_behind_a_proxy_ends_with_the_deadline(monkeypatch, bundle, tls, patient, scheme, attend):
    def proxy(client):
        line = tls.wrap_socket(client, server_side=True) if scheme == "https" else client
        with line:
            read_request(line)
            line.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            line.recv(1)  # the beginning of our handshake
            attend(patient)(line)

    with listening(proxy) as port:
        through(monkeypatch, f"{scheme}://127.0.0.1:{port}", ca_bundle=bundle)
        assert type(poll()) is IyzicoUnavailableError
        patient.set()


#: Records that OpenSSL skips without coming back: a plaintext HelloRequest, again and again.
SKIPPED = b"\x16\x03\x03\x00\x04\x00\x00\x00\x00" * 29_000


def flood(line):
    end = time.monotonic() + LATE + 5
    while time.monotonic() < end:
        line.sendall(SKIPPED)


def flooding_server(monkeypatch, port, bundle):
    connect_to(monkeypatch, f"https://127.0.0.1:{port}", timeout=1, ca_bundle=bundle)


def flooding_tunnel(monkeypatch, port, bundle):
    through(monkeypatch, f"http://127.0.0.1:{port}", ca_bundle=bundle)


def flooding_proxy(monkeypatch, port, bundle):
    through(monkeypatch, f"https://127.0.0.1:{port}", ca_bundle=bundle)


@pytest.mark.parametrize("lead_to", [flooding_server, flooding_tunnel, flooding_proxy])
def test_records_that_tls_skips_do_not_hold_a_call_beyond_its_deadline(monkeypatch, bundle, lead_to):
    def attend(client):
        client.recv(65536)
        if lead_to is flooding_tunnel:
            client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            client.recv(65536)
        flood(client)

    with listening(attend) as port:
        lead_to(monkeypatch, port, bundle)
        seen = poll()
    assert type(seen) is IyzicoUnavailableError
    assert "took too long" in str(seen)


def test_a_flood_in_a_tunnel_of_tls_in_tls_ends_with_the_deadline(monkeypatch, bundle, tls):
    def proxy(client):
        with tls.wrap_socket(client, server_side=True) as line:
            read_request(line)
            line.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            line.recv(65536)
            flood(line)

    with listening(proxy) as port:
        through(monkeypatch, f"https://127.0.0.1:{port}", ca_bundle=bundle)
        seen = poll()
    assert type(seen) is IyzicoUnavailableError
    assert "took too long" in str(seen)


def test_a_handshake_with_an_https_proxy_ends_with_the_deadline(monkeypatch, bundle, patient):
    with listening(silent(patient)) as port:
        through(monkeypatch, f"https://127.0.0.1:{port}", ca_bundle=bundle)
        seen = poll()
        assert type(seen) is IyzicoUnavailableError
        assert "HTTPS_PROXY" in str(seen)
        patient.set()


def test_an_answer_that_takes_too_long_to_read_is_not_believed(monkeypatch):
    from airflow_provider_iyzico.api import balance

    read = balance.read_balance

    def slowly(answer):
        time.sleep(1.1)
        return read(answer)

    monkeypatch.setattr(balance, "read_balance", slowly)
    with serve(b"HTTP/1.1 200 OK\r\n\r\n" + OK) as server:
        connect_to(monkeypatch, f"http://127.0.0.1:{server.port}", timeout=1)
        seen = poll()
    assert type(seen) is IyzicoUnavailableError
    assert "is not believed" in str(seen)


def test_a_poll_ends_with_the_wait_of_its_gate(monkeypatch, patient):
    with listening(silent(patient)) as port:
        connect_to(monkeypatch, f"http://127.0.0.1:{port}", timeout=60)
        assert type(poll(within_seconds=0.5)) is IyzicoUnavailableError
        assert type(poll(within_seconds=-3)) is IyzicoUnavailableError
        hook = IyzicoHook()
        with pytest.raises(IyzicoUnavailableError):
            hook.get_balance(within_seconds=0.5)
        hook.close()
        patient.set()


def test_time_that_a_secrets_backend_takes_is_taken_from_what_is_left_of_the_gate(monkeypatch):
    with serve(WHOLE) as server:
        connect_to(monkeypatch, f"http://127.0.0.1:{server.port}", timeout=60)
        real = IyzicoHook.get_connection

        def slowly(conn_id):
            time.sleep(0.6)
            return real(conn_id)

        monkeypatch.setattr(IyzicoHook, "get_connection", staticmethod(slowly))
        assert type(poll(within_seconds=0.5)) is IyzicoUnavailableError
        assert server.asked == []


def test_no_socket_is_left_open_by_what_failed(monkeypatch, tls, recwarn):
    import gc

    def proxy(client):
        read_request(client)
        client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        with contextlib.suppress(ssl.SSLError):
            tls.wrap_socket(client, server_side=True).close()

    with listening(proxy) as port:
        through(monkeypatch, f"http://127.0.0.1:{port}")
        poll()
    gc.collect()
    assert [str(warning.message) for warning in recwarn if warning.category is ResourceWarning] == []


def test_a_child_does_not_wait_for_what_only_its_parent_looks_up():
    code = """
import os, socket, threading, warnings
from airflow_provider_iyzico.hooks.sockets import _look_up
from airflow_provider_iyzico.hooks.waiting import wait_for
warnings.simplefilter("ignore")
socket.getaddrinfo = lambda *args, **kwargs: threading.Event().wait()
try:
    wait_for(_look_up, "iyzico.test", 443, seconds=0.1)
except TimeoutError:
    socket.getaddrinfo = lambda *args, **kwargs: ["found"]
child = os.fork()
if not child:
    os._exit(wait_for(_look_up, "iyzico.test", 443, seconds=20) != ["found"])
os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=100).returncode == 0
