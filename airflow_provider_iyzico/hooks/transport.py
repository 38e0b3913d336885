"""Signed requests, with the promises that they need.

One attempt at a time: no redirect is followed, no netrc is read, no cookie is kept, the certificate is always verified, and
neither a slow nor an endless answer holds the thread. ``requests`` promises none of this, and reads answers leniently. So this
speaks HTTP by itself, and takes from ``requests`` only which hosts need no proxy.
"""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from airflow_provider_iyzico import __version__
from airflow_provider_iyzico.api import signing
from airflow_provider_iyzico.api.answers import Answer
from airflow_provider_iyzico.api.calls import Call
from airflow_provider_iyzico.api.secrecy import Redactor, Secret
from airflow_provider_iyzico.hooks import trust
from airflow_provider_iyzico.hooks.deadline import Deadline
from airflow_provider_iyzico.hooks.failures import FAILURES, named
from airflow_provider_iyzico.hooks.http1 import Reader, read_body, read_head
from airflow_provider_iyzico.hooks.proxies import proxy_for, tunnel
from airflow_provider_iyzico.hooks.settings import Settings
from airflow_provider_iyzico.hooks.streams import SocketStream, Stream, TlsStream, dial

HEADERS = {
    "Accept": "application/json",
    # A balance is a hundred bytes; without compression there is nothing to bomb.
    "Accept-Encoding": "identity",
    # Required on GETs as well: https://docs.iyzico.com/en/getting-started/preliminaries/authentication
    "Content-Type": "application/json",
    "User-Agent": f"airflow-provider-iyzico/{__version__}",
}


class Transport:
    """Signed requests for one account over kept connections: one, unless several threads ask at once.

    :param on_secrets: told what is new and secret in every header before it is sent, to mask it
    """

    def __init__(self, settings: Settings, on_secrets: Callable[[list[str]], None]) -> None:
        self._settings = settings
        self._on_secrets = on_secrets
        self._authorization_prefix = Secret(signing.authorization_prefix(settings.api_key.reveal()))
        self._idle: list[_Line] = []
        self._is_closed = False
        weakref.finalize(self, _hang_up, self._idle)  # for those who never close their hook

    def send(self, call: Call[Any], deadline: Deadline) -> Answer:
        """Make one attempt.

        :raises IyzicoUnavailableError: no whole answer in time
        :raises IyzicoCertificateError: the server could not prove who it is
        :raises IyzicoAnswerError: what came is not one answer in HTTP, or too much
        :raises IyzicoConfigurationError: the environment names a proxy or a CA bundle that cannot be used
        """
        asked_at, started = datetime.now(UTC), time.perf_counter()
        request = self._signed(call)
        try:
            with ExitStack() as undo:
                line = self._line(deadline)
                undo.callback(line.close)
                line.top.send(request.wire)
                head = read_head(line.reader)
                body = read_body(line.reader, head)
                if head.is_kept and not self._is_closed:
                    undo.pop_all()
                    self._idle.append(line)
            return Answer(
                http_status=head.status,
                headers=head.headers,
                body=body,
                asked_at=asked_at,
                answered_at=datetime.now(UTC),
                latency_ms=round((time.perf_counter() - started) * 1000),
                redact=request.redact,
            )
        except FAILURES as failure:
            raise named(failure, self._settings.base_url) from failure

    def close(self) -> None:
        self._is_closed = True
        _hang_up(self._idle)

    def _signed(self, call: Call[Any]) -> _Request:
        """Sign the very path and bytes that go out."""
        settings = self._settings
        random_key = signing.new_random_key()
        signature = signing.signature(settings.secret_key.reveal(), random_key, call.path, call.body)
        authorization = signing.authorization(settings.api_key.reveal(), random_key, signature)
        token = authorization.removeprefix(f"{signing.SCHEME} ")
        self._on_secrets([authorization.removeprefix(self._authorization_prefix.reveal()), signature])
        headers = {
            "Host": urlsplit(settings.base_url).netloc,
            **HEADERS,
            "Authorization": authorization,
            "x-iyzi-rnd": random_key,
            **({} if call.method == "GET" and not call.body else {"Content-Length": str(len(call.body))}),
        }
        lines = [f"{call.method} {call.path}?{call.query} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        return _Request(
            wire=Secret("\r\n".join([*lines, "", ""]).encode("ascii") + call.body),
            redact=Redactor([settings.secret_key, settings.api_key, Secret(token), Secret(signature)]),
        )

    def _line(self, deadline: Deadline) -> _Line:
        """Return a connection that was kept and is still good, or a new one."""
        while line := _taken(self._idle):
            if line.is_quiet():
                line.bottom.deadline = deadline
                return line
            line.close()
        return _opened(self._settings, deadline)


@dataclass(frozen=True, slots=True)
class _Request:
    wire: Secret[bytes]
    redact: Redactor


@dataclass(frozen=True, slots=True)
class _Line:
    """A connection: its socket, what leads to the server over it, and what came."""

    bottom: SocketStream
    top: Stream
    reader: Reader

    def is_quiet(self) -> bool:
        """Tell whether nothing came that would be taken for the next answer."""
        return self.reader.is_empty and self.top.is_quiet()

    def close(self) -> None:
        self.bottom.close()


def _taken(idle: list[_Line]) -> _Line | None:
    """Take one, if another thread has not taken the last."""
    try:
        return idle.pop()
    except IndexError:
        return None


def _hang_up(idle: list[_Line]) -> None:
    while line := _taken(idle):
        line.close()


def _opened(settings: Settings, deadline: Deadline) -> _Line:
    url = urlsplit(settings.base_url)
    host = str(url.hostname)
    if url.scheme == "http":  # only ever to this machine
        bottom = dial(host, url.port or 80, deadline)
        return _Line(bottom, bottom, Reader(bottom.receive))
    context = trust.context(settings.ca_bundle, reads_environment=not settings.is_loopback)
    # Nothing stands between this machine and itself.
    proxy = None if settings.is_loopback else proxy_for(settings.base_url)
    with ExitStack() as undo:
        below: Stream
        if proxy is None:
            bottom = below = dial(host, url.port or 443, deadline)
        else:
            bottom, below = tunnel(proxy, host, url.port or 443, context, deadline)
        undo.callback(bottom.close)
        top = TlsStream(below, context, host)
        undo.pop_all()
    return _Line(bottom, top, Reader(top.receive))
