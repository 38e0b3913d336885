"""``requests``, with the promises that a signed request needs.

One attempt at a time: no redirect is followed, no netrc is read, the certificate is always verified, and neither a slow nor an
endless answer holds the thread: a total deadline covers connecting, headers and body, and the body has a size cap. Only a host
with several dead addresses takes longer: up to 10 s for each.
"""

from __future__ import annotations

import io
import socket
import ssl
import time
from collections.abc import Callable
from contextvars import ContextVar
from datetime import UTC, datetime
from http.client import HTTPResponse
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from requests.exceptions import InvalidProxyURL, InvalidSchema, MissingSchema, ProxyError, RequestException
from requests.structures import CaseInsensitiveDict
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError, IncompleteRead

from airflow_provider_iyzico import __version__
from airflow_provider_iyzico.api import signing
from airflow_provider_iyzico.api.answers import Answer
from airflow_provider_iyzico.api.calls import Call
from airflow_provider_iyzico.errors import (
    IyzicoAnswerError,
    IyzicoCertificateError,
    IyzicoConfigurationError,
    IyzicoUnavailableError,
)
from airflow_provider_iyzico.hooks.settings import Settings

MAX_BODY_BYTES = 1024 * 1024
CONNECT_SECONDS = 10.0
#: When the attempt of this thread must be over, by the monotonic clock; connections are made deep inside ``requests``.
_ends_at: ContextVar[float] = ContextVar("iyzico_ends_at")
HEADERS = {
    "Accept": "application/json",
    # A balance is a hundred bytes; without compression there is nothing to bomb.
    "Accept-Encoding": "identity",
    # Required on GETs as well: https://docs.iyzico.com/en/getting-started/preliminaries/authentication
    "Content-Type": "application/json",
    "User-Agent": f"airflow-provider-iyzico/{__version__}",
}


class Transport:
    """Signed requests for one account over one kept session.

    :param on_secrets: told what is new and secret in every header before it is sent, to mask it
    """

    def __init__(self, settings: Settings, on_secrets: Callable[[list[str]], None]) -> None:
        self._settings = settings
        self._auth = _Signed(settings, on_secrets)
        self._session = _Session()
        self._session.headers = CaseInsensitiveDict(HEADERS)
        # Proxies come from the environment, but none stands between this machine and itself.
        self._session.trust_env = not settings.is_loopback
        self._session.mount("http://", _Adapter())
        self._session.mount("https://", _Adapter())

    def send(self, call: Call[Any], timeout_seconds: float) -> Answer:
        """Make one attempt.

        :raises IyzicoUnavailableError: no whole answer within ``timeout_seconds``
        :raises IyzicoCertificateError: the server could not prove who it is
        :raises IyzicoAnswerError: more than 1 MiB
        :raises IyzicoConfigurationError: the environment names a proxy that cannot be used
        """
        settings, auth = self._settings, self._auth
        _ends_at.set(time.monotonic() + timeout_seconds)
        asked_at, started = datetime.now(UTC), time.perf_counter()
        try:
            with self._session.request(
                call.method,
                f"{settings.base_url}{call.path}?{call.query}",
                data=call.body or None,
                auth=auth,
                timeout=(min(CONNECT_SECONDS, timeout_seconds), timeout_seconds),
                verify=settings.ca_bundle,
                stream=True,
            ) as response:
                body = b""
                while len(body) <= MAX_BODY_BYTES and (chunk := response.raw.read(65536, decode_content=False)):
                    body += chunk
        except (InvalidSchema, InvalidProxyURL, MissingSchema) as error:
            raise IyzicoConfigurationError(f"the proxy of the environment cannot be used: {type(error).__name__}") from None
        except (RequestException, HTTPError, OSError) as error:
            raise _unanswered(error, settings.base_url) from None
        if len(body) > MAX_BODY_BYTES:
            raise IyzicoAnswerError(f"{settings.base_url} answered with more than {MAX_BODY_BYTES} bytes; it is not iyzico")
        return Answer(
            http_status=response.status_code,
            headers=response.headers,
            body=body,
            asked_at=asked_at,
            answered_at=datetime.now(UTC),
            latency_ms=round((time.perf_counter() - started) * 1000),
        )

    def redact(self, words: str) -> str:
        """Blot out our own secrets, should a server have quoted them in what is quoted here."""
        for secret in self._auth.secrets:
            words = words.replace(secret, "***")
        return words

    def close(self) -> None:
        self._session.close()


_WORDS: tuple[tuple[type[BaseException], str], ...] = (
    (socket.gaierror, "its name could not be resolved"),
    (ConnectionRefusedError, "the connection was refused"),
    (ConnectionResetError, "the connection was reset"),
    (IncompleteRead, "the answer broke off"),
    (ProxyError, "the proxy did not help"),
    (TimeoutError, "it took too long"),
)


def _unanswered(error: Exception, base_url: str) -> IyzicoUnavailableError | IyzicoCertificateError:
    """Name what came instead of an answer. The cause is not chained: it holds the signed request."""
    causes: list[BaseException] = [error]
    while (cause := causes[-1].__cause__ or causes[-1].__context__) and cause not in causes:
        causes.append(cause)
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return IyzicoCertificateError(
                f"the certificate of {base_url} could not be verified: {cause.verify_message}; "
                "if a proxy re-signs TLS, name its CA in ca_bundle of the Connection"
            )
    words = next((words for kind, words in _WORDS if any(isinstance(cause, kind) for cause in causes)), type(error).__name__)
    return IyzicoUnavailableError(f"no answer from {base_url}: {words}; check the network, the proxy, and whether iyzico is up")


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        """Follow nothing: a redirect would carry the signature elsewhere, and ``requests`` reads its body unbounded."""
        return


class _Signed(AuthBase):
    """Signs the very path and bytes that go out; being an auth object, it also keeps netrc out."""

    def __init__(self, settings: Settings, on_secrets: Callable[[list[str]], None]) -> None:
        self._settings = settings
        self._on_secrets = on_secrets
        self._prefix = signing.authorization_prefix(settings.api_key)
        self.secrets: list[str] = []

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        settings = self._settings
        random_key = signing.new_random_key()
        body = request.body or b""
        signature = signing.signature(
            settings.secret_key, random_key, urlsplit(str(request.url)).path, body if isinstance(body, bytes) else body.encode()
        )
        authorization = signing.authorization(settings.api_key, random_key, signature)
        fresh = [authorization.removeprefix(self._prefix), signature]
        self._on_secrets(fresh)
        self.secrets = [settings.secret_key, settings.api_key, self._prefix, *fresh]
        request.headers["Authorization"] = authorization
        request.headers["x-iyzi-rnd"] = random_key
        return request


class _DeadlineReader(io.RawIOBase):
    """Reads a socket until a moment in time, however steadily the bytes drip."""

    def __init__(self, sock: socket.socket, raw: Any, ends_at: float) -> None:
        self._socket = sock
        self._raw = raw
        self._ends_at = ends_at

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._ends_at - time.monotonic()
        if left <= 0:
            raise TimeoutError("the total deadline has passed")
        self._socket.settimeout(left)
        count: int | None = self._raw.readinto(buffer)
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class _DeadlineResponse(HTTPResponse):
    """Bounds status line, headers and body by the deadline of the attempt."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = io.BufferedReader(_DeadlineReader(sock, self.fp.detach(), _ends_at.get()))


class _Connection(HTTPConnection):
    response_class = _DeadlineResponse
    debuglevel = 0  # http.client prints headers where somebody sets it on its class; never ours


class _TlsConnection(HTTPSConnection):
    response_class = _DeadlineResponse
    debuglevel = 0


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class _Adapter(HTTPAdapter):
    """The stock adapter with our connections, behind proxies too. It repeats nothing by itself."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        if proxy.lower().startswith("socks"):
            raise IyzicoConfigurationError(
                "SOCKS proxies are not supported; name an http proxy in HTTPS_PROXY, or add to NO_PROXY"
            )
        manager = super().proxy_manager_for(proxy, **kwargs)
        manager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}
        return manager
