"""The connections of ``urllib3`` as a signed request needs them, and the adapter that gives them to ``requests``."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any, cast

from requests import PreparedRequest
from requests.adapters import HTTPAdapter
from urllib3 import BaseHTTPResponse, HTTPConnectionPool, HTTPResponse, HTTPSConnectionPool, PoolManager, ProxyManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util.ssltransport import SSLTransport

from airflow_provider_iyzico.hooks.attempt import current_attempt
from airflow_provider_iyzico.hooks.proxies import Proxy
from airflow_provider_iyzico.hooks.response import FramingError, StrictResponse
from airflow_provider_iyzico.hooks.sockets import dial

#: A connection is used again only so soon: what stands in between forgets one that is idle for minutes, some after one, and then
#: either hangs up on the next request or swallows it, which costs a poll and its whole timeout.
KEPT_SECONDS = 20.0


class ProxyFailure(Exception):  # noqa: N818 - it names none of our errors; they end in Error
    """A proxy could not be reached, or is none; the cause says why. It is of no kind that a library would wrap."""


class TunnelRefusal(Exception):  # noqa: N818
    """A proxy did not connect us.

    :param status: the HTTP status of its answer
    """

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Connection(HTTPConnection):
    """A connection with a deadline, strict answers, and a tunnel if it leads through a proxy."""

    response_class = StrictResponse
    debuglevel = 0  # http.client prints headers where somebody sets it on its class; never ours
    _answered_at = float("-inf")

    @property
    def is_connected(self) -> bool:
        """Tell whether it was used a moment ago, and the other side has neither hung up nor said what nobody asked for."""
        if self.sock is None or self.sock.fileno() < 0 or monotonic() - self._answered_at > KEPT_SECONDS:
            return False
        return super().is_connected and not _has_pending(self.sock)

    def request(self, *args: Any, **kwargs: Any) -> None:
        """Write the request. The connection is there before: see the pools below."""
        current_attempt.get().has_begun = True
        super().request(*args, **kwargs)

    def getresponse(self) -> HTTPResponse:  # type: ignore[override] # as urllib3's own
        response = super().getresponse()
        self._answered_at = monotonic()
        return response

    def _new_conn(self) -> socket.socket:
        with self._on_the_way_to_a_proxy():
            return dial(self._dns_host, int(self.port))

    def _tunnel(self) -> None:
        """Ask for the tunnel. ``http.client`` would read the proxy's answer leniently, and tell its status in words only."""
        with self._on_the_way_to_a_proxy():
            self.send(self._tunnel_request())
            status = _tunnel_status(self.sock)
        if not 200 <= status < 300:
            raise TunnelRefusal(status)

    def _tunnel_request(self) -> bytes:
        """Return what no frame keeps while the proxy is waited for: its login is in there."""
        host = str(self._tunnel_host).strip("[]")
        target = f"[{host}]:{self._tunnel_port}" if ":" in host else f"{host}:{self._tunnel_port}"
        login = self._tunnel_headers.get("Proxy-Authorization")  # type: ignore[attr-defined] # http.client's
        lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}", *([f"Proxy-Authorization: {login}"] if login else [])]
        return "\r\n".join([*lines, "", ""]).encode("ascii")

    @contextmanager
    def _on_the_way_to_a_proxy(self) -> Iterator[None]:
        """Tell apart what fails before a tunnel and what fails in it."""
        try:
            yield
        except (OSError, EOFError, FramingError, UnicodeError) as error:
            if self.proxy is None:
                raise
            raise ProxyFailure from error


class TlsConnection(Connection, HTTPSConnection):
    """The same with TLS, to a proxy and through it as well."""

    def _connect_tls_proxy(self, hostname: str, sock: socket.socket) -> ssl.SSLSocket:
        with self._on_the_way_to_a_proxy():
            return super()._connect_tls_proxy(hostname, sock)


class _Pool(HTTPConnectionPool):
    ConnectionCls = Connection

    def _validate_conn(self, conn: Any) -> None:
        """Connect before the request is written, as with TLS: a task that is stopped meanwhile shows what its frames hold."""
        if conn.is_closed:
            conn.connect()


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = TlsConnection


class Adapter(HTTPAdapter):
    """The adapter of ``requests`` for one server. It keeps connections, reads no cookies, and repeats nothing.

    A forked child must not use it: both processes would read from one socket.

    :param context: verifies certificates and host names; without one there is no TLS
    """

    def __init__(self, context: ssl.SSLContext | None, proxy: Proxy | None) -> None:
        self.context, self.proxy, self.process_id = context, proxy, os.getpid()
        super().__init__()

    def ask(self, request: PreparedRequest, timeout_seconds: float) -> BaseHTTPResponse:
        """Send one request and return its answer, whose body is still to be read."""
        return cast("BaseHTTPResponse", self.send(request, stream=True, timeout=timeout_seconds))

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **more: Any) -> None:
        if self.context is not None:
            more["ssl_context"] = self.context
        if self.proxy is None:
            self.poolmanager = PoolManager(connections, maxsize=maxsize, block=block, **more)
        else:
            self.poolmanager = ProxyManager(
                self.proxy.url,
                connections,
                proxy_headers=self.proxy.headers(),
                proxy_ssl_context=self.context,
                maxsize=maxsize,
                block=block,
                **more,
            )
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}

    def get_connection_with_tls_context(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> HTTPConnectionPool:
        """Return the one pool. ``requests`` would read a bundle of certificates for it."""
        pool: HTTPConnectionPool = self.poolmanager.connection_from_url(str(request.url))
        return pool

    def cert_verify(self, *args: Any, **kwargs: Any) -> None:
        """Leave all to the context, which verifies certificate and host name. ``requests`` would read a bundle again."""

    def build_response(self, req: PreparedRequest, resp: BaseHTTPResponse) -> Any:
        """Return the response of ``urllib3``: for its own, ``requests`` parses the cookies, which may take seconds."""
        return resp


def _tunnel_status(line: socket.socket) -> int:
    """Return the status of a proxy's answer to CONNECT, after which the line belongs to the server."""
    response = StrictResponse(line, method="CONNECT")
    try:
        response.begin()
        if 200 <= response.status < 300 and response.is_followed():
            raise FramingError("more than a tunnel")
        return response.status
    finally:
        response.close()


def _has_pending(line: socket.socket | SSLTransport | None) -> bool:
    """Tell whether TLS holds bytes that nobody has read; the socket below does not show them."""
    if isinstance(line, SSLTransport):
        return bool(line.incoming.pending or line.sslobj.pending()) or _has_pending(line.socket)
    return False
