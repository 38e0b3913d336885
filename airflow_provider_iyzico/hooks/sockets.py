"""Sockets that obey the deadline of the attempt that uses them, in every library."""

from __future__ import annotations

import socket
import ssl
from contextlib import suppress
from typing import Any, cast

from urllib3.util.ssltransport import SSLTransport

from airflow_provider_iyzico.hooks.attempt import current_attempt
from airflow_provider_iyzico.hooks.waiting import wait_for

#: The longest time for one address, so that there is time left to try another.
CONNECT_SECONDS = 10.0
#: After so many milliseconds without an acknowledgement, the kernel sends data no more. Only Linux has it.
_USER_TIMEOUT: int | None = getattr(socket, "TCP_USER_TIMEOUT", None)


class Socket(socket.socket):
    """A socket with the deadline. The timeout of ``sendall`` covers all of the data, and what the kernel has yet to send of it.

    Without that, a request would still arrive minutes after its deadline, when a network that was down comes back, even if the
    process has ended.
    """

    def recv(self, *args: Any) -> bytes:
        _hurry(self)
        return super().recv(*args)

    def recv_into(self, *args: Any) -> int:
        _hurry(self)
        return super().recv_into(*args)

    def sendall(self, data: Any, *args: Any) -> None:
        if data:  # a closed socket refuses even empty data, and the other side's last words are still to be read
            seconds = _hurry(self)
            if _USER_TIMEOUT is not None:
                with suppress(OSError):  # a sandbox may know no such option
                    self.setsockopt(socket.IPPROTO_TCP, _USER_TIMEOUT, max(int(seconds * 1000), 1))
            super().sendall(data, *args)


class TlsLine(SSLTransport):
    """TLS in memory: each piece comes through the socket below, which obeys the deadline.

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
    """Connect to the first address that answers. Each gets its share of the time that is left.

    :raises OSError: no address answered
    """
    deadline = current_attempt.get().deadline
    addresses = wait_for(_look_up, host, port, seconds=deadline.left())
    failure = OSError("the name has no address")
    for number, (family, kind, protocol, _, address) in enumerate(addresses):
        seconds = min(CONNECT_SECONDS, deadline.left() / (len(addresses) - number))
        try:
            return _connected(Socket(family, kind, protocol), address, seconds)
        except OSError as error:
            failure = error
    raise failure


def _hurry(waiting: socket.socket) -> float:
    """Let a socket wait as long as its attempt may, and return how many seconds that is."""
    seconds = current_attempt.get().deadline.left()
    waiting.settimeout(seconds)
    return seconds


def _connected(new: Socket, address: Any, seconds: float) -> Socket:
    try:
        new.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        new.settimeout(seconds)
        new.connect(address)
    except BaseException:
        new.close()
        raise
    return new


def _look_up(host: str, port: int) -> list[Any]:
    return list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
