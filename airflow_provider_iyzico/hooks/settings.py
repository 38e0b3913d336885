"""From an Airflow Connection to settings that may be used, or to an error that says what to correct."""

from __future__ import annotations

import json
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from ipaddress import ip_address
from typing import Any, NoReturn, Protocol
from zoneinfo import ZoneInfo

from airflow_provider_iyzico.errors import IyzicoConfigurationError

CONN_TYPE = "iyzico"
#: https://docs.iyzico.com/en/getting-started/preliminaries/live-vs-sandbox
HOSTS = {"production": "api.iyzipay.com", "sandbox": "sandbox-api.iyzipay.com"}
SANDBOX_PREFIX = "sandbox-"
LOCALES = ("tr", "en")
DEFAULT_TIMEOUT_SECONDS = 30.0
MAX_TIMEOUT_SECONDS = 300.0
DEFAULT_TIMEZONE = "Europe/Istanbul"
EXTRA_FIELDS = frozenset({"locale", "account", "timeout", "report_timezone", "allow_custom_host", "ca_bundle"})

_HOST = re.compile(
    r"(?:(?P<scheme>https?)://)?(?P<name>\[[0-9a-f:]+\]|[a-z0-9-]+(?:\.[a-z0-9-]+)*)(?::(?P<port>[0-9]{1,5}))?/?\Z"
)
_ACCOUNT = re.compile(r"[\w .@-]{1,64}\Z")


class ConnectionFields(Protocol):
    """The fields of an Airflow Connection that are read here."""

    conn_id: str
    conn_type: str | None
    host: str | None
    port: int | None
    login: str | None
    password: str | None
    extra: str | None


@dataclass(frozen=True, slots=True)
class Settings:
    """One merchant account, checked: whom to ask, with which keys, and how long to wait.

    :param account: the label for reports; without one, a fingerprint of the API key
    :param timeout_seconds: bound on one call, its repeated attempts and pauses included
    """

    conn_id: str
    api_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    environment: str
    base_url: str
    is_loopback: bool
    locale: str
    account: str
    timeout_seconds: float
    report_timezone: str
    ca_bundle: str | None

    @classmethod
    def read(cls, connection: ConnectionFields) -> Settings:
        """Check a Connection.

        :raises IyzicoConfigurationError: names the field, says what is wrong with it and what to do
        """
        reader = _Reader(connection)
        api_key, secret_key = reader.key("login", "the API key"), reader.key("password", "the secret key")
        environment = reader.environment(api_key, secret_key)
        base_url, is_loopback = reader.base_url(environment)
        return cls(
            conn_id=reader.conn_id,
            api_key=api_key,
            secret_key=secret_key,
            environment=environment,
            base_url=base_url,
            is_loopback=is_loopback,
            locale=reader.locale(),
            account=reader.account(api_key),
            timeout_seconds=reader.timeout_seconds(),
            report_timezone=reader.report_timezone(),
            ca_bundle=reader.ca_bundle(),
        )


class _Reader:
    """Reads one Connection field by field. No message ever quotes a key."""

    def __init__(self, connection: ConnectionFields) -> None:
        self.connection = connection
        self.conn_id = connection.conn_id
        if connection.conn_type != CONN_TYPE:
            self._refuse("its type", f"is {connection.conn_type!r}", f"choose the connection type {CONN_TYPE!r}")
        self.extra = self._extra()

    def key(self, name: str, meaning: str) -> str:
        value = getattr(self.connection, name)
        if not value:
            self._refuse(name, "is empty", f"put {meaning} there")
        if not value.isascii() or not value.isprintable() or " " in value:
            self._refuse(name, "holds blanks or characters that no key has", f"copy {meaning} again")
        return str(value)

    def environment(self, api_key: str, secret_key: str) -> str:
        if api_key.startswith(SANDBOX_PREFIX) != secret_key.startswith(SANDBOX_PREFIX):
            self._refuse("login and password", "belong to different environments", "take both keys from the same iyzico panel")
        return "sandbox" if api_key.startswith(SANDBOX_PREFIX) else "production"

    def base_url(self, environment: str) -> tuple[str, bool]:
        """Return the address to ask and whether it is this machine. A host is never taken on trust."""
        own_host = HOSTS[environment]
        given = (self.connection.host or "").strip().lower()
        if not given:
            if self.connection.port not in (None, 443):
                self._refuse("port", "is set without a host", "leave it empty")
            return f"https://{own_host}", False
        match = _HOST.match(given)
        if match is None:
            self._refuse("host", f"is {given[:80]!a}, not a plain host name", f"leave it empty for {own_host}")
        name = match["name"]
        port = self._port(match["port"])
        is_loopback = _is_loopback(name)
        scheme = match["scheme"] or ("http" if is_loopback else "https")
        if scheme == "http" and not is_loopback:
            self._refuse("host", "asks for plain http", "use https; http is only for this machine")
        if name in HOSTS.values():
            if name != own_host:
                self._refuse("host", f"is {name}, but the keys are for {environment}", "leave it empty, or correct the keys")
            if port not in (None, 443):
                self._refuse("host", f"names port {port}", f"leave the port empty for {own_host}")
            return f"https://{own_host}", False
        if environment == "production":
            self._refuse(
                "host",
                f"is {name!a}, not iyzico's, and the keys are for production",
                "leave it empty; only sandbox keys may go elsewhere",
            )
        if not is_loopback and not self._flag("allow_custom_host"):
            self._refuse("host", f"is {name!a}, not iyzico's", "leave it empty, or set allow_custom_host to true in extra")
        return f"{scheme}://{name}" + (f":{port}" if port else ""), is_loopback

    def locale(self) -> str:
        value = self.extra.get("locale") or "tr"
        if value not in LOCALES:
            self._refuse("extra locale", f"is {value!r}", "use 'tr' or 'en'")
        return str(value)

    def account(self, api_key: str) -> str:
        value = self.extra.get("account")
        if value in (None, ""):
            return f"key-{sha256(api_key.encode()).hexdigest()[:12]}"
        if not isinstance(value, str) or not _ACCOUNT.match(value):
            self._refuse("extra account", "is not a label", "use up to 64 letters, digits, blanks or . @ - _")
        if value in (self.connection.login, self.connection.password):
            self._refuse("extra account", "is one of the keys", "use a label that may be read by everyone")
        return str(value)

    def timeout_seconds(self) -> float:
        value = self.extra.get("timeout")
        if value in (None, ""):
            return DEFAULT_TIMEOUT_SECONDS
        try:
            seconds = float("nan") if isinstance(value, bool) else float(value)  # type: ignore[arg-type]
        except (TypeError, ValueError):
            seconds = float("nan")
        if not 0 < seconds <= MAX_TIMEOUT_SECONDS:
            self._refuse("extra timeout", f"is {value!r}", f"give seconds, more than 0 and at most {MAX_TIMEOUT_SECONDS:.0f}")
        return seconds

    def report_timezone(self) -> str:
        value = self.extra.get("report_timezone") or DEFAULT_TIMEZONE
        try:
            ZoneInfo(value)  # type: ignore[arg-type]
        except (TypeError, ValueError, OSError, LookupError):
            self._refuse("extra report_timezone", f"is {value!r}", f"name an IANA time zone, such as {DEFAULT_TIMEZONE!r}")
        return str(value)

    def ca_bundle(self) -> str | None:
        value = self.extra.get("ca_bundle")
        if value in (None, ""):
            return None
        try:
            ssl.create_default_context(cafile=str(value))
        except (OSError, ValueError):
            self._refuse("extra ca_bundle", f"is {value!r}, which is no PEM file", "give the path of one on every worker")
        return str(value)

    def _extra(self) -> Mapping[str, object]:
        try:
            extra: Any = json.loads(self.connection.extra or "{}")
        except ValueError:
            extra = None
        if not isinstance(extra, dict):
            self._refuse("extra", "is not a JSON object", 'write one, such as {"locale": "tr"}')
        unknown = sorted(set(extra) - EXTRA_FIELDS)
        if unknown:
            self._refuse("extra", f"has unknown fields {unknown}", f"known are {sorted(EXTRA_FIELDS)}")
        return extra

    def _port(self, written: str | None) -> int | None:
        ports = {int(port) for port in (written, self.connection.port) if port}
        if len(ports) > 1 or any(not 0 < port < 65536 for port in ports):
            self._refuse("port", "is not one port from 1 to 65535", "give it once, in host or in port")
        return ports.pop() if ports else None

    def _flag(self, name: str) -> bool:
        value = self.extra.get(name, False)
        if value in (True, "true", "True"):
            return True
        if value in (False, None, "", "false", "False"):
            return False
        self._refuse(f"extra {name}", f"is {value!r}", "use true or false")

    def _refuse(self, field_name: str, problem: str, advice: str) -> NoReturn:
        raise IyzicoConfigurationError(f"Connection {self.conn_id!r}: {field_name} {problem}; {advice}")


def _is_loopback(name: str) -> bool:
    if name == "localhost":
        return True
    try:
        return ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False
