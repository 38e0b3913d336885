"""``requests``, with the promises that a signed request needs.

One attempt at a time, by an adapter of ``requests`` without a session: so no redirect is followed, no netrc is read, no cookie is
kept, and nothing is repeated. The certificate is always verified, and neither a slow nor an endless answer holds the thread.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from requests import PreparedRequest, Request
from urllib3 import BaseHTTPResponse
from urllib3.exceptions import DecodeError

from airflow_provider_iyzico import __version__
from airflow_provider_iyzico.api import signing
from airflow_provider_iyzico.api.call import Call
from airflow_provider_iyzico.api.envelope import Answer
from airflow_provider_iyzico.api.secrecy import BLOT, Redactor, Secret
from airflow_provider_iyzico.errors import IyzicoConfigurationError, IyzicoUnavailableError
from airflow_provider_iyzico.hooks import trust
from airflow_provider_iyzico.hooks.attempt import Attempt, current_attempt
from airflow_provider_iyzico.hooks.connections import Adapter, ProxyFailure, TunnelRefusal
from airflow_provider_iyzico.hooks.deadline import Deadline
from airflow_provider_iyzico.hooks.failures import FAILURES, named
from airflow_provider_iyzico.hooks.proxies import proxy_for, refusal
from airflow_provider_iyzico.hooks.response import FramingError, bounded, is_refusal
from airflow_provider_iyzico.hooks.settings import Settings

RECEIVE_BYTES = 65536
HEADERS = {
    "Accept": "application/json",
    # An uncompressed answer cannot grow while it is read.
    "Accept-Encoding": "identity",
    "Cache-Control": "no-cache",
    # Required on GETs as well: https://docs.iyzico.com/en/getting-started/preliminaries/authentication
    "Content-Type": "application/json",
    "User-Agent": f"airflow-provider-iyzico/{__version__}",
}


class Transport:
    """Signed requests for one account. It keeps one connection, or several if several threads ask at once.

    :param on_secrets: gets the new secrets of every header before it is sent, to mask them
    """

    def __init__(self, settings: Settings, on_secrets: Callable[[list[Secret[str]]], None]) -> None:
        self._settings = settings
        self._on_secrets = on_secrets
        self._authorization_prefix = Secret(signing.authorization_prefix(settings.api_key.reveal()))
        self._adapter: Adapter | None = None

    def send(self, call: Call[Any], attempt: Attempt) -> Answer:
        """Make one attempt. It notes whether a byte of the request may have left.

        :raises IyzicoUnavailableError: no complete answer in time
        :raises IyzicoCertificateError: the server could not prove who it is
        :raises IyzicoAnswerError: the answer is not HTTP, or too long
        :raises IyzicoConfigurationError: the environment names a proxy or a CA bundle that cannot be used
        """
        asked_at, started = datetime.now(UTC), time.perf_counter()
        try:
            attempt.deadline.left()
            adapter = self._adapter_now(attempt.deadline)
        except TimeoutError as error:
            raise IyzicoUnavailableError("the time for this call was over before anything was sent; wait") from error
        reset = current_attempt.set(attempt)
        try:
            request, redact = self._signed(call)
            with closing(adapter.ask(request, attempt.deadline.left())) as response:
                body = _body(response)
        except TunnelRefusal as error:
            raise refusal(adapter.proxy, self._settings.base_url, error.status) from error
        except ProxyFailure as error:
            raise named(error, str(adapter.proxy), trusted=self._trusted(), lasting=IyzicoConfigurationError) from error
        except FAILURES as error:
            raise named(error, self._settings.base_url, trusted=self._trusted()) from error
        finally:
            current_attempt.reset(reset)
        return Answer(
            http_status=response.status,
            headers=response.headers,
            body=body,
            asked_at=asked_at,
            answered_at=datetime.now(UTC),
            latency_ms=round((time.perf_counter() - started) * 1000),
            redact=redact,
        )

    def close(self) -> None:
        if self._adapter is not None:
            self._adapter.close()

    def _signed(self, call: Call[Any]) -> tuple[PreparedRequest, Redactor]:
        """Sign exactly the path and the bytes that are sent."""
        settings = self._settings
        url = f"{settings.base_url}{call.path}?{call.query}"
        headers = {name: value for name, value in HEADERS.items() if name not in call.without}
        request = Request(call.method, url, headers=headers, data=call.body).prepare()
        path, body = urlsplit(str(request.url)).path, request.body if isinstance(request.body, bytes) else b""
        random_key = call.random_key or signing.new_random_key()
        signature = Secret(signing.signature(settings.secret_key.reveal(), random_key, path, body))
        authorization = Secret(signing.authorization(settings.api_key.reveal(), random_key, signature.reveal()))
        token = Secret(authorization.reveal().removeprefix(f"{signing.SCHEME} "))
        self._on_secrets([Secret(authorization.reveal().removeprefix(self._authorization_prefix.reveal())), signature])
        request.headers["Authorization"] = _Unshown(authorization.reveal())
        request.headers["x-iyzi-rnd"] = random_key
        return request, Redactor([settings.secret_key, settings.api_key, token, signature])

    def _trusted(self) -> str:
        return trust.source(self._settings.ca_bundle, reads_environment=not self._settings.is_loopback)

    def _adapter_now(self, deadline: Deadline) -> Adapter:
        """Return the kept adapter, or another if the environment, a bundle of certificates or the process has changed."""
        settings = self._settings
        context, proxy = None, None
        if settings.base_url.startswith("https:"):  # plain http leads only to this machine
            context = trust.context(settings.ca_bundle, reads_environment=not settings.is_loopback, deadline=deadline)
        if not settings.is_loopback:  # no proxy stands between this machine and itself
            proxy = proxy_for(settings.base_url)
        adapter = self._adapter
        if adapter is None or (adapter.context, adapter.proxy, adapter.process_id) != (context, proxy, os.getpid()):
            self.close()
            adapter = self._adapter = Adapter(context, proxy)
        return adapter


class _Unshown(str):
    """A header that tracebacks and debuggers do not show, neither in our frames nor in those of libraries."""

    __slots__ = ()

    def __repr__(self) -> str:
        return BLOT


def _body(response: BaseHTTPResponse) -> bytes:
    """Return the body, or nothing if it belongs to a refusal and cannot be read."""
    try:
        return _whole_body(response)
    except (FramingError, DecodeError):
        if not is_refusal(response.status):
            raise
        return b""


def _whole_body(response: BaseHTTPResponse) -> bytes:
    body = bytearray()
    while piece := response.read(RECEIVE_BYTES, decode_content=False):
        bounded(len(body) + len(piece))
        body += piece
    return bytes(body)
