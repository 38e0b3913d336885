"""A server that answers with the bytes it is given, whatever they are, on a real socket of this machine."""

from __future__ import annotations

import contextlib
import re
import select
import socket
import ssl
import threading
from collections.abc import Callable, Iterator

OK = b'{"status":"success","balance":1500.75}'
WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(OK), OK)

Answer = Callable[[socket.socket, bytes], None]


class RawServer:
    """Where it listens, and what it was asked: one list of requests per connection."""

    def __init__(self, host: str) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.listener = socket.create_server((host, 0), family=family, backlog=64)
        self.port: int = self.listener.getsockname()[1]
        self.asked: list[list[bytes]] = []
        self.stopping = threading.Event()


def tls_for(authority, *names: str) -> ssl.SSLContext:
    """Return what a server needs to show a certificate of an authority of ``trustme`` for these names."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    return context


@contextlib.contextmanager
def serve(
    answer: bytes | Answer, *, tls: ssl.SSLContext | None = None, is_kept: bool = False, host: str = "127.0.0.1"
) -> Iterator[RawServer]:
    """Answer every request with the same bytes, or let a function answer.

    :param is_kept: leave connections open for another request
    """
    server, open_sockets, threads = RawServer(host), [], []

    def attend(client: socket.socket) -> None:
        with (
            contextlib.suppress(OSError),
            contextlib.closing(tls.wrap_socket(client, server_side=True) if tls else client) as line,
        ):
            open_sockets.append(line)
            requests: list[bytes] = []
            server.asked.append(requests)
            while request := read_request(line):
                requests.append(request)
                line.sendall(answer) if isinstance(answer, bytes) else answer(line, request)
                if not is_kept:
                    return

    def accept() -> None:
        while not server.stopping.is_set():
            try:
                client, _ = server.listener.accept()
            except OSError:
                return
            client.settimeout(20)
            open_sockets.append(client)
            threads.append(threading.Thread(target=attend, args=(client,)))
            threads[-1].start()

    accepting = threading.Thread(target=accept)
    accepting.start()
    try:
        yield server
    finally:
        server.stopping.set()
        for one in [server.listener, *open_sockets]:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        server.listener.close()
        accepting.join(20)
        for thread in threads:
            thread.join(20)
        for one in open_sockets:
            one.close()


@contextlib.contextmanager
def listening(attend: Callable[[socket.socket], None]) -> Iterator[int]:
    """Hand each connection to a function, in a thread, before anything was read."""
    listener, threads = socket.create_server(("127.0.0.1", 0)), []

    def one(client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            client.settimeout(30)
            attend(client)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                threads.append(threading.Thread(target=one, args=(client,)))
                threads[-1].start()

    accepting = threading.Thread(target=accept)
    accepting.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for thread in [accepting, *threads]:
            thread.join(40)


def read_request(line: socket.socket) -> bytes:
    """Return a request with its body, or nothing if the other side hung up."""
    request, size = b"", None
    while size is None or len(request) < size:
        if not (received := line.recv(65536)):
            return b""
        request += received
        if size is None and b"\r\n\r\n" in request:
            head = request.partition(b"\r\n\r\n")[0]
            length = re.search(rb"\r\nContent-Length: ([0-9]+)", head)
            size = len(head) + 4 + (int(length[1]) if length else 0)
    return request


def answer_twice(context: ssl.SSLContext) -> Callable[[socket.socket], None]:
    """Return what answers one request with two answers, in TLS records of their own that arrive as one."""

    def attend(line: socket.socket) -> None:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        inner = context.wrap_bio(incoming, outgoing, server_side=True)

        def pump(act: Callable[[], object]) -> None:
            while True:
                try:
                    act()
                except ssl.SSLWantReadError:
                    line.sendall(outgoing.read())
                    if not (received := line.recv(65536)):
                        raise ConnectionResetError from None
                    incoming.write(received)
                else:
                    return

        pump(inner.do_handshake)
        pump(lambda: inner.read(65536))
        inner.write(WHOLE)
        inner.write(WHOLE.replace(b"1500.75", b"9999.99"))
        line.sendall(outgoing.read())
        pump(lambda: inner.read(65536))

    return attend


def relay(one: socket.socket, other: socket.socket) -> None:
    """Carry bytes both ways until one side has ended. It is one thread: no two may use one TLS socket at a time."""
    others = {one: other, other: one}
    while True:
        unread = [line for line in others if isinstance(line, ssl.SSLSocket) and line.pending()]
        for source in unread or select.select([*others], [], [], 20)[0]:
            if not (chunk := source.recv(65536)):
                return
            others[source].sendall(chunk)
