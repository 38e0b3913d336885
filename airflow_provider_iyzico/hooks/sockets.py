"""Sockets that wait no longer than until the deadline of the attempt that uses them, in whatever library they are."""

from __future__ import annotations

import os
import socket
import ssl
from concurrent.futures import Future
from contextvars import ContextVar
from threading import Thread
from typing import Any, cast

from urllib3.util.ssltransport import SSLTransport

from airflow_provider_iyzico.hooks.deadline import Deadline
from airflow_provider_iyzico.hooks.locks import forkable_lock

#: No address may take longer, so that another attempt within the deadline may find one that lives.
CONNECT_SECONDS = 10.0

#: The deadline of this thread's attempt. A kept connection takes that of the attempt that uses it.
attempt_deadline: ContextVar[Deadline] = ContextVar("iyzico_attempt_deadline")

#: Names that are being looked up. The system's resolver cannot be stopped: so nobody asks it twice for what it still owes.
_lookups: dict[tuple[str, int], Future[list[Any]]] = {}
_lookups_lock = forkable_lock()
os.register_at_fork(after_in_child=_lookups.clear)


class Socket(socket.socket):
    """A socket with the deadline. Python counts the timeout of ``sendall`` over all of the data."""

    def recv(self, *args: Any) -> bytes:
        _hurry(self)
        return super().recv(*args)

    def recv_into(self, *args: Any) -> int:
        _hurry(self)
        return super().recv_into(*args)

    def sendall(self, data: Any, *args: Any) -> None:
        if data:  # a closed socket refuses even nothing, and what the other side said last is still to be read
            _hurry(self)
            super().sendall(data, *args)


class TlsLine(SSLTransport):
    """TLS over memory: each piece comes through the socket below, which looks at the deadline.

    OpenSSL on a socket of its own reads on while it skips records, and asks nobody.
    """

    @property
    def _io_refs(self) -> int:
        """How many files read from the socket below. ``makefile`` counts them there, and that may be TLS as well."""
        return cast("int", self.socket._io_refs)  # type: ignore[attr-defined] # socket's, which the stubs do not know

    @_io_refs.setter
    def _io_refs(self, count: int) -> None:
        self.socket._io_refs = count  # type: ignore[attr-defined]


class TlsContext(ssl.SSLContext):
    """A context whose TLS runs over memory."""

    def wrap_socket(self, sock: socket.socket, *_: Any, server_hostname: str | None = None, **__: Any) -> TlsLine:  # type: ignore[override]
        return TlsLine(sock, self, server_hostname)


def dial(host: str, port: int) -> Socket:
    """Connect to the first address that answers; each may take its share of the time that is left.

    :raises OSError: none did
    """
    deadline = attempt_deadline.get()
    addresses = _look_up(host, port, deadline)
    failure = OSError("the name has no address")
    for number, (family, kind, protocol, _, address) in enumerate(addresses):
        seconds = min(CONNECT_SECONDS, deadline.left() / (len(addresses) - number))
        try:
            return _connected(Socket(family, kind, protocol), address, seconds)
        except OSError as error:
            failure = error
    raise failure


def _hurry(waiting: socket.socket) -> None:
    waiting.settimeout(attempt_deadline.get().left())


def _connected(new: Socket, address: Any, seconds: float) -> Socket:
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
            thread = Thread(target=_resolve, args=(host, port, lookup), name="iyzico-lookup", daemon=True)
            try:
                thread.start()
            except RuntimeError as error:
                raise OSError("no thread for a lookup") from error
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
