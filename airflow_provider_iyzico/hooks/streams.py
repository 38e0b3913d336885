"""Bytes to and from a server, through sockets and TLS. Whatever takes time here ends with one deadline."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Callable
from concurrent.futures import Future
from threading import Lock, Thread
from typing import Any, Protocol, TypeVar

from airflow_provider_iyzico.api.secrecy import Secret
from airflow_provider_iyzico.hooks.deadline import Deadline

T = TypeVar("T")

RECEIVE_BYTES = 65536
#: No address may take longer, so that another attempt within the deadline may find one that lives.
CONNECT_SECONDS = 10.0

#: Names that are being looked up. The system's resolver cannot be stopped: so nobody asks it twice for what it still owes.
_lookups: dict[tuple[str, int], Future[list[Any]]] = {}
_lookups_lock = Lock()
os.register_at_fork(after_in_child=_lookups.clear)


class Stream(Protocol):
    """Something that takes and gives bytes."""

    def receive(self) -> bytes:
        """Return what has come, at least one byte, or nothing at the end."""

    def send(self, data: Secret[bytes]) -> None:
        """Send all of it. It is a secret so that no frame shows it."""

    def is_quiet(self) -> bool:
        """Tell whether the other side has neither hung up nor said something that nobody asked for."""


class SocketStream:
    """A connected socket that waits no longer than until its deadline, which each request sets anew."""

    def __init__(self, connected: socket.socket, deadline: Deadline) -> None:
        self._socket = connected
        self.deadline = deadline

    def receive(self) -> bytes:
        self._socket.settimeout(self.deadline.left())
        return self._socket.recv(RECEIVE_BYTES)

    def send(self, data: Secret[bytes]) -> None:
        self._socket.settimeout(self.deadline.left())
        self._socket.sendall(data.reveal())

    def is_quiet(self) -> bool:
        try:
            self._socket.setblocking(False)
            self._socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    def close(self) -> None:
        self._socket.close()


class TlsStream:
    """TLS over another stream, which may be TLS to a proxy. The context verifies the certificate and the host's name.

    :raises ssl.SSLCertVerificationError: the server could not prove who it is
    """

    def __init__(self, below: Stream, context: ssl.SSLContext, host: str) -> None:
        self._below = below
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        self._run(self._tls.do_handshake)

    def receive(self) -> bytes:
        try:
            return self._run(lambda: self._tls.read(RECEIVE_BYTES))
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):  # whether an answer is whole, its own framing tells
            return b""

    def send(self, data: Secret[bytes]) -> None:
        sent = 0
        while sent < len(data.reveal()):
            sent += self._run(lambda: self._tls.write(data.reveal()[sent:]))  # noqa: B023 - it is run at once

    def is_quiet(self) -> bool:
        return not self._incoming.pending and not self._tls.pending() and self._below.is_quiet()

    def _run(self, act: Callable[[], T]) -> T:
        while True:
            try:
                done = act()
            except ssl.SSLWantReadError:
                self._flush()
                if received := self._below.receive():
                    self._incoming.write(received)
                else:
                    self._incoming.write_eof()
            else:
                self._flush()
                return done

    def _flush(self) -> None:
        if encrypted := self._outgoing.read():
            self._below.send(Secret(encrypted))


def dial(host: str, port: int, deadline: Deadline) -> SocketStream:
    """Connect to the first address that answers; each may take its share of the time that is left.

    :raises OSError: none did
    """
    addresses = _look_up(host, port, deadline)
    failure = OSError("the name has no address")
    for number, (family, kind, protocol, _, address) in enumerate(addresses):
        seconds = min(CONNECT_SECONDS, deadline.left() / (len(addresses) - number))
        try:
            return SocketStream(_connected(socket.socket(family, kind, protocol), address, seconds), deadline)
        except OSError as error:
            failure = error
    raise failure


def _connected(new: socket.socket, address: Any, seconds: float) -> socket.socket:
    try:
        new.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        new.settimeout(seconds)
        new.connect(address)
    except BaseException:
        new.close()
        raise
    return new


def _look_up(host: str, port: int, deadline: Deadline) -> list[Any]:
    """Resolve a name in a thread of its own: the resolver knows no deadline."""
    seconds = deadline.left()
    with _lookups_lock:
        lookup = _lookups.get((host, port))
        if lookup is None:
            lookup = Future()
            Thread(target=_resolve, args=(host, port, lookup), name="iyzico-lookup", daemon=True).start()
            _lookups[host, port] = lookup
    return lookup.result(seconds)


def _resolve(host: str, port: int, lookup: Future[list[Any]]) -> None:
    try:
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except Exception as error:  # noqa: BLE001 - it is raised where the address is waited for
        lookup.set_exception(error)
    else:
        lookup.set_result(list(addresses))
    finally:
        with _lookups_lock:
            _lookups.pop((host, port), None)
