"""The proxy of the environment, if there is one on the way to iyzico, and what its refusals mean."""

from __future__ import annotations

import os
import re
from base64 import b64encode
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import unquote
from urllib.request import getproxies

from airflow_provider_iyzico.api.secrecy import Secret
from airflow_provider_iyzico.errors import IyzicoConfigurationError, IyzicoError, IyzicoUnavailableError

#: HTTP statuses of a proxy that may pass by themselves, as may all 5xx.
_PASSING = (408, 425, 429)
_ADDRESS = re.compile(
    r"(?:(?P<scheme>https?)://)?(?:(?P<login>[^\s/?#]*)@)?(?P<host>\[[0-9a-f:.]+\]|[\w.-]+)(?::(?P<port>[0-9]{1,5}))?/?\Z",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy.

    :param variable: the variable that names it; no message quotes the value, which may hold a password
    :param is_tls: whether the connection to the proxy uses TLS
    :param authorization: the header with its login, if it has one
    """

    variable: str
    is_tls: bool
    host: str
    port: int
    authorization: Secret[str] | None

    @property
    def url(self) -> str:
        """Its address without its login."""
        return f"{'https' if self.is_tls else 'http'}://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    def headers(self) -> dict[str, str]:
        """Return the headers that only the proxy gets."""
        return {"Proxy-Authorization": self.authorization.reveal()} if self.authorization else {}

    def __str__(self) -> str:
        return f"the proxy named in {self.variable}"


def proxy_for(base_url: str) -> Proxy | None:
    """Return the proxy between this machine and an https address, as ``HTTPS_PROXY``, ``ALL_PROXY`` and ``NO_PROXY`` say.

    :raises IyzicoConfigurationError: the variable does not name a proxy that can be used
    """
    found = getproxies()
    kind = "https" if found.get("https") else "all"
    if not found.get(kind):
        return None
    from requests.utils import should_bypass_proxies

    if should_bypass_proxies(base_url, no_proxy=None):
        return None
    value = found[kind]
    variable = next(
        (name for name in sorted(os.environ, reverse=True) if name.lower() == f"{kind}_proxy" and os.environ[name] == value),
        f"{kind.upper()}_PROXY",
    )
    return _read(Secret(value), variable)


def refusal(proxy: Proxy | None, host: str, status: int) -> IyzicoError:
    """Return the error that a proxy's refusal to connect us to ``host`` means."""
    if status == 407:
        return IyzicoConfigurationError(
            f"{proxy} wants a login (HTTP 407), and its login is missing or wrong; write http://user:password@host:port "
            "in that variable, or have the proxy let this worker through"
        )
    if status in _PASSING or status >= 500:
        return IyzicoUnavailableError(
            f"{proxy} cannot reach {host} now (HTTP {status}); check the proxy, and whether iyzico is up"
        )
    return IyzicoConfigurationError(
        f"{proxy} refuses to connect to {host} (HTTP {status}); have it allow that host and port, or add the host to NO_PROXY"
    )


def _read(value: Secret[str], variable: str) -> Proxy:
    match = _ADDRESS.match(value.reveal().strip())
    if match is None:
        raise _unusable(variable)
    is_tls = (match["scheme"] or "http").lower() == "https"
    host, port = _host(match["host"]), int(match["port"] or (443 if is_tls else 80))
    if not host or not 0 < port < 65536:
        raise _unusable(variable)
    login = match["login"]
    return Proxy(variable, is_tls, host, port, None if login is None else _authorization(login))


def _host(written: str) -> str | None:
    try:
        return str(ip_address(written[1:-1])) if written.startswith("[") else written.encode("idna").decode("ascii")
    except ValueError:
        return None


def _authorization(login: str) -> Secret[str]:
    user, _, password = login.partition(":")
    pair = f"{unquote(user)}:{unquote(password)}".encode(errors="surrogateescape")
    return Secret(f"Basic {b64encode(pair).decode()}")


def _unusable(variable: str) -> IyzicoConfigurationError:
    return IyzicoConfigurationError(
        f"{variable} in the worker's environment does not name a usable proxy; write http://host:port or https://host:port "
        "(SOCKS is not supported), or add iyzico's host to NO_PROXY"
    )
