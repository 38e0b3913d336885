"""Network connections of ``urllib3``, made for signed requests, and the adapter that gives them to ``requests``."""

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

#: A connection that was idle for longer is not used again. Firewalls and servers forget an idle connection, some after a minute.
#: Then they refuse the next request, or swallow it, which costs a poll its whole timeout.
KEPT_SECONDS = 20.0


class ProxyFailure(Exception):  # noqa: N818 - it names none of our errors; they end in Error
    """A proxy could not be reached, or is not a proxy; the cause says why. No library wraps an error of this class."""


class TunnelRefusal(Exception):  # noqa: N818
    """A proxy did not connect us.

    :param status: the HTTP status of its answer
    """

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Connection(HTTPConnection):
    """A connection with a deadline, strict answers, and a tunnel if there is a proxy."""

    response_class = StrictResponse
    debuglevel = 0  # if somebody sets it on http.client's class, headers are printed; never ours
    _answered_at = float("-inf")

    @property
    def is_connected(self) -> bool:
        """Tell whether it was used a moment ago, and the other side has neither hung up nor sent anything unasked."""
        if self.sock is None or self.sock.fileno() < 0 or monotonic() - self._answered_at > KEPT_SECONDS:
            return False
        return super().is_connected and not _has_pending(self.sock)

    def request(self, *args: Any, **kwargs: Any) -> None:
        """Send the request. The pools below have connected before."""
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
        """Ask for the tunnel. ``http.client`` would read the proxy's answer leniently, and give its status only as text."""
        with self._on_the_way_to_a_proxy():
            self.send(self._tunnel_request())
            status = _tunnel_status(self.sock)
        if not 200 <= status < 300:
            raise TunnelRefusal(status)

    def _tunnel_request(self) -> bytes:
        """Return the request, which holds the proxy's login. So no frame keeps it while we wait for the proxy."""
        host = str(self._tunnel_host).strip("[]")
        target = f"[{host}]:{self._tunnel_port}" if ":" in host else f"{host}:{self._tunnel_port}"
        login = self._tunnel_headers.get("Proxy-Authorization")  # type: ignore[attr-defined] # http.client's
        lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}", *([f"Proxy-Authorization: {login}"] if login else [])]
        return "\r\n".join([*lines, "", ""]).encode("ascii")

    @contextmanager
    def _on_the_way_to_a_proxy(self) -> Iterator[None]:
        """Mark a failure on the way to the proxy, to tell it from one inside the tunnel."""
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
        """Connect before the request is written, as TLS does. Then a task that is stopped here has no request in its frames."""
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
        """Do nothing: the context verifies certificate and host name. ``requests`` would read a bundle again."""

    def build_response(self, req: PreparedRequest, resp: BaseHTTPResponse) -> Any:
        """Return the response of ``urllib3``. ``requests`` would first parse the cookies, which may take seconds."""
        return resp


def _tunnel_status(line: socket.socket) -> int:
    """Return the status of a proxy's answer to CONNECT. After it, the connection leads to the server."""
    response = StrictResponse(line, method="CONNECT")
    try:
        response.begin()
        if 200 <= response.status < 300 and response.is_followed():
            raise FramingError("more than a tunnel")
        return response.status
    finally:
        response.close()


def _has_pending(line: socket.socket | SSLTransport | None) -> bool:
    """Tell whether TLS holds unread bytes, which the socket below does not show."""
    if isinstance(line, SSLTransport):
        return bool(line.incoming.pending or line.sslobj.pending()) or _has_pending(line.socket)
    return False
