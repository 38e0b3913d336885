"""Answers as no document has them, sent by a real socket: none is believed, none is held on to, none leaves an error of its own kind."""

import time
from pathlib import Path

import pytest
from raw_server import OK, WHOLE, serve
from support import connect_to

from airflow_provider_iyzico.errors import IyzicoAnswerError, IyzicoUnavailableError
from airflow_provider_iyzico.hooks.iyzico import IyzicoHook

STATUS = b"HTTP/1.1 200 OK\r\n"
CHUNKED = STATUS + b"Transfer-Encoding: chunked\r\n\r\n"
END = b"\r\n0\r\n\r\n"
LENGTH = b"Content-Length: %d\r\n" % len(OK)


def ask(monkeypatch, answer, **extra):
    with serve(answer) as server:
        connect_to(monkeypatch, f"http://127.0.0.1:{server.port}", **extra)
        hook = IyzicoHook()
        seen = hook.poll()
        hook.close()
    return seen


@pytest.mark.parametrize(
    "wire",
    [
        WHOLE,
        STATUS + b"\r\n" + OK,
        b"HTTP/1.1 200\r\n\r\n" + OK,
        b"HTTP/1.0 200 OK\r\n" + LENGTH + b"\r\n" + OK,
        STATUS + LENGTH + LENGTH + b"\r\n" + OK,
        CHUNKED + b"26\r\n" + OK + END,
        CHUNKED + b'26 ;a="b"\r\n' + OK + b"\r\n0\r\nX-Trailer: 1\r\n\r\n",
        CHUNKED + b"6\r\n" + OK[:6] + b"\r\n20\r\n" + OK[6:] + END,
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + WHOLE,
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n" + WHOLE,
        STATUS + b'Content-Type: Application/JSON; Charset="UTF-8"\r\n\r\n' + OK,
        STATUS + b"X: a" + b" " * 60_000 + b"b\r\n\r\n" + OK,
    ],
    ids=lambda wire: ascii(wire[:60]),
)
def test_what_http_allows_is_believed(monkeypatch, wire):
    assert ask(monkeypatch, wire).raw == "1500.75"


NOT_ONE_ANSWER = {
    "chunk sizes": [
        *[CHUNKED + size + b"\r\n" + OK + END for size in (b"-5", b"+26", b"2_6", b"0x26", b" 26", b"", b"-" + b"f" * 30, b"f" * 40)],
        CHUNKED + b"ffffffff\r\n" + OK,
        CHUNKED + b"20\r\n" + OK + END,
    ],
    "lengths": [
        STATUS + LENGTH + b"Content-Length: 5\r\n\r\n" + OK,
        *[STATUS + b"Content-Length: " + length + b"\r\n\r\n" + OK for length in (b"-38", b"+38", b"3_8", b"", b"38, 39", b"9" * 5000)],
        STATUS + "Content-Length: ٣٨\r\n\r\n".encode() + OK,
        STATUS + b"Content-Length: 65537\r\n\r\n",
    ],
    "transfer encodings": [
        STATUS + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n26\r\n" + OK + END,
        *[STATUS + b"Transfer-Encoding: " + name + b"\r\n\r\n26\r\n" + OK + END for name in (b"gzip, chunked", b"identity", b"xchunked", b"")],
        STATUS + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n26\r\n" + OK + END,
        b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n26\r\n" + OK + END,
    ],
    "status lines": [
        *[line + b" OK\r\n\r\n" + OK for line in (b"HTTP/1.1 2_00", b"HTTP/1.1 +200", b"HTTP/1.1 0200", b"HTTP/1.1 999", b"HTTP/1.1 20")],
        *[line + b" 200 OK\r\n\r\n" + OK for line in (b"HTTP/9.9", b"HTTP/2", b"HTTP/1.10", b"HTTP/0.9", b"http/1.1", b"ICY", b"")],
        b"SSH-2.0-server\r\n",
        b"\x15\x03\x01\x00\x02\x02\x46",
        b"HTTP/1.1 200 OK\n\n" + OK,
    ],
    "headers": [
        STATUS + b"X: a\r\n folded\r\n\r\n" + OK,
        STATUS + b"no colon\r\n\r\n" + OK,
        STATUS + b"Content-Length : 5\r\n\r\n" + OK,
        STATUS + b"X: a\0b\r\n\r\n" + OK,
        STATUS + b"X: a\rContent-Length: 5\r\n\r\n" + OK,
        STATUS + b"X: " + b"y" * 66_000 + b"\r\n\r\n" + OK,
        STATUS + b"Set-Cookie: a=b\r\n" * 4000 + b"\r\n" + OK,
    ],
    "interim answers": [b"HTTP/1.1 101 Switching\r\n\r\n" + WHOLE, b"HTTP/1.1 103 Early\r\n\r\n" * 50 + WHOLE],
    "no content": [b"HTTP/1.1 204 No Content\r\n\r\n", b"HTTP/1.1 204 No Content\r\n\r\n" + OK, b"HTTP/1.1 304 Same\r\n\r\n" + OK],
}  # fmt: skip


@pytest.mark.parametrize(
    "wire",
    [pytest.param(wire, id=f"{kind} {number}") for kind, wires in NOT_ONE_ANSWER.items() for number, wire in enumerate(wires)],
)
def test_what_can_be_read_in_two_ways_is_not_believed_and_waiting_does_not_help(monkeypatch, wire):
    seen = ask(monkeypatch, wire)
    assert type(seen) is IyzicoAnswerError, seen
    assert "look for a proxy or firewall" in str(seen).lower() or "check the Connection's host and the proxy" in str(seen)


#: What follows the status line of a refusal and cannot be read, or is more than anybody should read.
UNREADABLE = {
    "a long page": b"Content-Length: 70000\r\n\r\n" + b"x" * 70_000,
    "a long page to the end": b"\r\n" + b"x" * 70_000,
    "a long page in chunks": b"Transfer-Encoding: chunked\r\n\r\n11170\r\n" + b"x" * 70_000 + END,
    "many chunks": b"Transfer-Encoding: chunked\r\n\r\n" + (b"7d0\r\n" + b"x" * 2000 + b"\r\n") * 35 + END,
    "a chunk size that is none": b"Transfer-Encoding: chunked\r\n\r\n-5\r\n" + OK + END,
    "length and chunks": LENGTH + b"Transfer-Encoding: chunked\r\n\r\n26\r\n" + OK + END,
    "two lengths": LENGTH + b"Content-Length: 5\r\n\r\n" + OK,
    "a folded header": b"X: a\r\n folded\r\n" + LENGTH + b"\r\n" + OK,
    "many headers": b"Set-Cookie: a=b\r\n" * 5000 + b"\r\n",
    "compressed often": b"Content-Encoding: " + b", ".join([b"gzip"] * 50) + b"\r\n" + LENGTH + b"\r\n" + OK,
}


@pytest.mark.parametrize("follows", UNREADABLE)
@pytest.mark.parametrize("status", [408, 429, 500, 502, 503])
def test_a_refusal_that_passes_is_waited_for_as_long_as_it_asks_whatever_page_comes_with_it(monkeypatch, status, follows):
    seen = ask(monkeypatch, b"HTTP/1.1 %d X\r\nRetry-After: 7\r\n" % status + UNREADABLE[follows])
    assert type(seen) is IyzicoUnavailableError, seen
    assert f"HTTP {status}" in str(seen)
    assert seen.retry_after == 7


@pytest.mark.parametrize("follows", UNREADABLE)
@pytest.mark.parametrize("status", [302, 401, 403, 404])
def test_a_refusal_that_lasts_is_named_by_its_status_whatever_page_comes_with_it(monkeypatch, status, follows):
    seen = ask(monkeypatch, b"HTTP/1.1 %d X\r\n" % status + UNREADABLE[follows])
    assert type(seen) is IyzicoAnswerError, seen
    assert f"HTTP {status}" in str(seen)


def test_what_was_left_of_a_refusal_does_not_answer_the_next_request(monkeypatch):
    refused = b"HTTP/1.1 503 X\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n" + WHOLE
    answers = iter([refused, WHOLE.replace(b"1500.75", b"9999.99")])
    with serve(lambda line, _request: line.sendall(next(answers)), is_kept=True) as server:
        connect_to(monkeypatch, f"http://127.0.0.1:{server.port}", timeout=20)
        hook = IyzicoHook()
        assert type(hook.poll()) is IyzicoUnavailableError
        assert hook.get_balance(attempts=1).raw == "9999.99"
        hook.close()
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    "wire",
    [b"", b"HTT", b"HTTP/1.1 200", STATUS + b"X: y", STATUS + b"Content-Length: 100\r\n\r\n" + OK, CHUNKED + b"26\r\n" + OK + b"\r\n", CHUNKED + b"26\r\n" + OK + b"\r\n0\r\n"],
)  # fmt: skip
def test_what_broke_off_may_come_whole_the_next_time(monkeypatch, wire):
    assert type(ask(monkeypatch, wire)) is IyzicoUnavailableError


@pytest.mark.parametrize("size", [64 * 1024, 64 * 1024 + 1])
@pytest.mark.parametrize("is_chunked", [False, True])
def test_a_body_of_64_kib_is_read_and_no_byte_more(monkeypatch, size, is_chunked):
    body = OK[:-1] + b" " * (size - len(OK)) + b"}"
    wire = CHUNKED + b"%x\r\n" % 100 + body[:100] + b"\r\n%x\r\n" % (size - 100) + body[100:] + b"\r\n0\r\n\r\n"
    seen = ask(monkeypatch, wire if is_chunked else STATUS + b"\r\n" + body)
    if size == 64 * 1024:
        assert seen.raw == "1500.75"
    else:
        assert type(seen) is IyzicoAnswerError
        assert "more than 65536 bytes" in str(seen)


@pytest.mark.parametrize("count", [1, 2, 6, 50])
def test_a_compressed_body_is_called_that_however_often_it_was_compressed(monkeypatch, count):
    seen = ask(monkeypatch, STATUS + b"Content-Encoding: " + b", ".join([b"gzip"] * count) + b"\r\n" + LENGTH + b"\r\n" + OK)
    assert type(seen) is IyzicoAnswerError, seen
    assert "a compressed body" in str(seen)


def peak_kib():
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])


ENDLESS = {
    "body": (STATUS + b"\r\n", b" " * 65536),
    "header": (STATUS + b"X: ", b"y" * 65536),
    "headers": (STATUS, b"X: " + b"y" * 1000 + b"\r\n"),
    "chunk extension": (CHUNKED + b"26;", b"y" * 65536),
    "chunk": (CHUNKED + b"-1\r\n", b"y" * 65536),
    "chunks": (CHUNKED, b"1000\r\n" + b" " * 4096 + b"\r\n"),
    "trailer": (CHUNKED + b"26\r\n" + OK + b"\r\n0\r\n", b"X: " + b"y" * 1000 + b"\r\n"),
    "interim answers": (b"", b"HTTP/1.1 103 Early Hints\r\n\r\n" * 100),
}


@pytest.mark.parametrize("kind", ENDLESS)
def test_an_answer_without_end_is_given_up_at_once_and_costs_no_memory(monkeypatch, kind):
    begin, more = ENDLESS[kind]

    def flood(line, _request):
        line.sendall(begin)
        for _ in range(200 * 1024 * 1024 // len(more)):
            line.sendall(more)

    ask(monkeypatch, WHOLE)  # so that what is imported and cached has its memory
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak so far
    before, started = peak_kib(), time.monotonic()
    assert type(ask(monkeypatch, flood, timeout=60)) is IyzicoAnswerError
    assert time.monotonic() - started < 30
    assert peak_kib() - before < 50 * 1024


@pytest.mark.parametrize(
    "wire", [WHOLE, CHUNKED + b"26;" + b"a" * 200 + b"\r\n" + OK + b"\r\n0\r\nX: y\r\n\r\n"], ids=["length", "chunks"]
)
def test_no_part_of_an_answer_can_be_dripped_past_the_deadline(monkeypatch, wire):
    def drip(line, _request):
        for byte in wire:
            line.sendall(bytes([byte]))
            if servers[0].stopping.wait(0.3):
                return

    servers = []
    with serve(drip) as server:
        servers.append(server)
        connect_to(monkeypatch, f"http://127.0.0.1:{server.port}", timeout=1)
        hook, started = IyzicoHook(), time.monotonic()
        assert type(hook.poll()) is IyzicoUnavailableError
        assert time.monotonic() - started < 10
        hook.close()


def test_cookies_are_neither_kept_nor_sent_nor_waited_for(monkeypatch):
    cookies = b"Set-Cookie: a=b; Path=/\r\n" * 1000 + b"Set-Cookie2: " + b"b," * 10_000 + b"\r\n"
    with serve(STATUS + cookies + LENGTH + b"\r\n" + OK, is_kept=True) as server:
        connect_to(monkeypatch, f"http://127.0.0.1:{server.port}", timeout=20)
        hook = IyzicoHook()
        assert [hook.get_balance().raw for _ in range(20)] == ["1500.75"] * 20
        hook.close()
    ((*requests,),) = server.asked
    assert len(requests) == 20
    assert len({len(request) for request in requests}) == 1
    assert not any(b"cookie" in request.lower() for request in requests)


def test_a_connection_is_kept_unless_the_server_said_otherwise_or_said_more(monkeypatch):
    for wire, connections in (
        (WHOLE, 1),
        (CHUNKED + b"26\r\n" + OK + END, 1),
        (WHOLE + WHOLE, 3),  # what nobody asked for must not answer the next request
        (STATUS + b"Connection: Close\r\n" + LENGTH + b"\r\n" + OK, 3),
        (b"HTTP/1.0 200 OK\r\n" + LENGTH + b"\r\n" + OK, 3),
    ):
        with serve(wire, is_kept=True) as server:
            connect_to(monkeypatch, f"http://127.0.0.1:{server.port}", timeout=20)
            hook = IyzicoHook()
            assert [hook.get_balance(attempts=1).raw for _ in range(3)] == ["1500.75"] * 3
            hook.close()
        assert len(server.asked) == connections


@pytest.mark.parametrize(("pause", "count"), [(5, 1), (30, 4), (60, 4), (3600, 4)])
def test_a_poll_does_not_trust_a_connection_that_something_in_between_may_have_forgotten(monkeypatch, pause, count):
    """After a pause such a connection swallows the request, so none is used again; without one it is kept."""

    def answer(line, _request):
        if len(server.asked[-1]) == 1 or pause < 20:
            line.sendall(WHOLE)

    with serve(answer, is_kept=True) as server:
        connect_to(monkeypatch, f"http://127.0.0.1:{server.port}", timeout=20)
        hook = IyzicoHook()
        for now in range(0, 4 * pause, pause):
            monkeypatch.setattr("airflow_provider_iyzico.hooks.connections.monotonic", lambda now=now: now)
            assert hook.get_balance(attempts=1).raw == "1500.75"
        hook.close()
    assert len(server.asked) == count


def test_a_connection_that_was_closed_while_it_was_kept_is_made_again(monkeypatch):
    with serve(WHOLE) as server:
        connect_to(monkeypatch, f"http://127.0.0.1:{server.port}", timeout=20)
        hook = IyzicoHook()
        assert hook.get_balance(attempts=1).raw == "1500.75"
        (pool,) = map(hook._transport._adapter.poolmanager.pools.get, hook._transport._adapter.poolmanager.pools.keys())
        (line,) = filter(None, pool.pool.queue)
        while line.is_connected:
            time.sleep(0.01)  # until the server has hung up
        assert hook.get_balance(attempts=1).raw == "1500.75"
        hook.close()
