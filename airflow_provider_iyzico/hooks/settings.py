"""From an Airflow Connection to settings that may be used, or to an error that says what to correct.

No message quotes a value. Somebody may have put a key into the wrong field, where Airflow's masker does not know it.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from ipaddress import ip_address
from typing import Any, NoReturn, Protocol

from airflow_provider_iyzico.api.secrecy import Redactor, Secret
from airflow_provider_iyzico.errors import IyzicoConfigurationError, restated
from airflow_provider_iyzico.get_provider_info import (
    CONN_TYPE,
    CONNECTION_FIELDS,
    DEFAULT_TIMEOUT_SECONDS,
    DEFAULT_TIMEZONE,
    LOCALES,
    MAX_TIMEOUT_SECONDS,
)
from airflow_provider_iyzico.zones import is_zone

#: https://docs.iyzico.com/en/getting-started/preliminaries/live-vs-sandbox
HOSTS = {"production": "api.iyzipay.com", "sandbox": "sandbox-api.iyzipay.com"}
SANDBOX_PREFIX = "sandbox-"
EXTRA_FIELDS = frozenset(CONNECTION_FIELDS)

_HOST = re.compile(
    r"(?:(?P<scheme>https?)://)?(?P<name>\[[0-9a-f:]+\]|[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63})*)(?::(?P<port>[0-9]{1,5}))?/?\Z"
)
_ACCOUNT = re.compile(r"[\w .@-]{1,64}\Z")
_CURRENCY = re.compile(r"[A-Z]{3}\Z")
#: What a misspelt field name looks like. A key looks different, so only such names are shown.
_FIELD_NAME = re.compile(r"(?=.{1,24}\Z)[a-z]+(?:_[a-z]+)*\Z")


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
    :param has_label: whether the Connection names the account
    :param can_pay: whether it may be used to pay batches
    :param currency: the currency of the balance, if the Connection names it
    :param timeout_seconds: bound on one call, its repeated attempts and pauses included
    """

    conn_id: str
    api_key: Secret[str]
    secret_key: Secret[str]
    environment: str
    base_url: str
    is_loopback: bool
    locale: str
    account: str
    has_label: bool
    can_pay: bool
    currency: str | None
    timeout_seconds: float
    report_timezone: str
    ca_bundle: str | None

    def lasting_account(self) -> str:
        """Return the account's label, which stays when the API key is another: by it the ledger knows whose money it is.

        :raises IyzicoConfigurationError: there is none
        """
        if not self.has_label:
            raise IyzicoConfigurationError(
                f"Connection {self.conn_id!r}: extra has no account. The ledger needs that label to know the account when "
                'the API key changes; add one, such as {"account": "payroll"}'
            )
        return self.account

    @classmethod
    def read(cls, connection: Secret[ConnectionFields]) -> Settings:
        """Check a Connection. It stays hidden, because a task may be stopped at any line, and then its frames are shown.

        :raises IyzicoConfigurationError: names the field, says what is wrong with it and what to do
        """
        outcome = _read(connection)
        if isinstance(outcome, IyzicoConfigurationError):
            raise outcome
        return outcome


def _read(connection: Secret[ConnectionFields]) -> Settings | IyzicoConfigurationError:
    """Return the error instead of raising it, because its frames may hold a key from the wrong field."""
    try:
        reader = _Reader(connection)
        api_key, secret_key = reader.key("login", "the API key"), reader.key("password", "the secret key")
        environment = reader.environment(api_key, secret_key)
        blot = _blot_for(api_key, secret_key)
        base_url, is_loopback = reader.base_url(environment, blot)
        return Settings(
            conn_id=reader.conn_id,
            api_key=api_key,
            secret_key=secret_key,
            environment=environment,
            base_url=base_url,
            is_loopback=is_loopback,
            locale=reader.locale(),
            account=reader.account(api_key, blot),
            has_label=bool(reader.extra.get("account")),
            can_pay=reader.flag("can_pay"),
            currency=reader.currency(),
            timeout_seconds=reader.timeout_seconds(),
            report_timezone=reader.report_timezone(),
            ca_bundle=reader.ca_bundle(),
        )
    except IyzicoConfigurationError as error:
        return restated(error)


class _Reader:
    """Reads one Connection field by field."""

    def __init__(self, connection: Secret[ConnectionFields]) -> None:
        self.connection = connection
        self.conn_id = connection.reveal().conn_id
        if connection.reveal().conn_type != CONN_TYPE:
            self._refuse("its type", f"is not {CONN_TYPE!r}", f"choose the connection type {CONN_TYPE!r}")
        self.extra = self._extra()

    def key(self, name: str, meaning: str) -> Secret[str]:
        value = self._text(name)
        if not value:
            self._refuse(name, "is empty", f"put {meaning} there")
        if not value.isascii() or not value.isprintable() or " " in value:
            self._refuse(name, "holds blanks or characters that no key has", f"copy {meaning} again, without anything around it")
        return Secret(value)

    def environment(self, api_key: Secret[str], secret_key: Secret[str]) -> str:
        is_sandbox = api_key.reveal().startswith(SANDBOX_PREFIX)
        if is_sandbox != secret_key.reveal().startswith(SANDBOX_PREFIX):
            self._refuse("login and password", "belong to different environments", "take both keys from the same iyzico panel")
        return "sandbox" if is_sandbox else "production"

    def base_url(self, environment: str, blot: Redactor) -> tuple[str, bool]:
        """Return the address to ask and whether it is this machine. Every host is checked."""
        own_host = HOSTS[environment]
        given = self._text("host").strip().lower()
        if not given:
            if self.connection.reveal().port not in (None, 0, 443):
                self._refuse("port", "is set without a host", "leave it empty")
            return f"https://{own_host}", False
        match = _HOST.match(given)
        if match is None or not _is_name_or_address(match["name"]):
            self._refuse("host", "is not a plain host name", f"leave it empty for {own_host}")
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
                self._refuse("host", "names a port of its own", f"leave the port empty for {own_host}")
            return f"https://{own_host}", False
        if environment == "production":
            self._refuse(
                "host", "is not iyzico's, and the keys are for production", "leave it empty; only sandbox keys may go elsewhere"
            )
        if not is_loopback and not self.flag("allow_custom_host"):
            self._refuse("host", "is not iyzico's", "leave it empty, or set allow_custom_host to true in extra")
        if blot(name) != name:
            self._refuse("host", "holds one of the keys, or a part of one", f"leave it empty for {own_host}")
        return f"{scheme}://{name}" + (f":{port}" if port else ""), is_loopback

    def locale(self) -> str:
        value = self.extra.get("locale") or LOCALES[0]
        if value not in LOCALES:
            self._refuse("extra locale", "is not a language that iyzico answers in", f"use one of {', '.join(LOCALES)}")
        return str(value)

    def account(self, api_key: Secret[str], blot: Redactor) -> str:
        value = self.extra.get("account")
        if value in (None, ""):
            return f"key-{sha256(api_key.reveal().encode()).hexdigest()[:12]}"
        label = _label(value) if isinstance(value, str) else ""
        if not _ACCOUNT.match(label):
            self._refuse("extra account", "is not a label", "use up to 64 letters, digits, blanks or . @ - _")
        plain = unicodedata.normalize("NFKC", label).lower()
        if blot(plain) != plain:
            self._refuse("extra account", "holds one of the keys, or a part of one", "use a label that everyone may read")
        return label

    def currency(self) -> str | None:
        value = self.extra.get("currency")
        if value in (None, ""):
            return None
        if not isinstance(value, str) or not _CURRENCY.match(value):
            self._refuse("extra currency", "is not an ISO 4217 code in capitals", "write that of the balance, such as 'TRY'")
        return value

    def timeout_seconds(self) -> float:
        value: Any = self.extra.get("timeout")
        if value in (None, ""):
            return float(DEFAULT_TIMEOUT_SECONDS)
        try:
            seconds = float("nan") if isinstance(value, bool) else float(value)
        except (TypeError, ValueError, OverflowError):
            seconds = float("nan")
        if not 0 < seconds <= MAX_TIMEOUT_SECONDS:
            self._refuse(
                "extra timeout", "is not a number of seconds in range", f"give more than 0 and at most {MAX_TIMEOUT_SECONDS}"
            )
        return seconds

    def report_timezone(self) -> str:
        value: Any = self.extra.get("report_timezone") or DEFAULT_TIMEZONE
        if not is_zone(value):
            self._refuse("extra report_timezone", "is not a time zone", f"name one of IANA's, such as {DEFAULT_TIMEZONE!r}")
        return str(value)

    def ca_bundle(self) -> str | None:
        """Return the path. The call reads the file within its own time limit, because the disk may hang."""
        value = self.extra.get("ca_bundle")
        if value is not None and not isinstance(value, str):
            self._refuse(
                "extra ca_bundle", "is no path", "give the path of a PEM file with certificates that every worker can read"
            )
        return value or None

    def _text(self, name: str) -> str:
        value = getattr(self.connection.reveal(), name)
        if value is not None and not isinstance(value, str):
            self._refuse(name, "is not text", "write it in quotes")
        return value or ""

    def _extra(self) -> Mapping[str, object]:
        repeated: list[int] = []

        def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
            repeated.append(len(pairs) - len(dict(pairs)))
            return dict(pairs)

        try:
            extra: Any = json.loads(self._text("extra").strip() or "{}", object_pairs_hook=once)
        except (ValueError, RecursionError):
            extra = None
        if not isinstance(extra, dict):
            self._refuse("extra", "is not a JSON object", 'write one, such as {"locale": "tr"}')
        if any(repeated):
            self._refuse("extra", "has a field twice, of which only the last would count", "write each once")
        unknown = sorted(set(extra) - EXTRA_FIELDS)
        if unknown:
            named = ", ".join(repr(name) for name in unknown if _FIELD_NAME.match(name)) or "whose names are not shown here"
            self._refuse("extra", f"has unknown fields: {named}", f"known are {', '.join(sorted(EXTRA_FIELDS))}")
        return {name: value.strip() if isinstance(value, str) else value for name, value in extra.items()}

    def _port(self, written: str | None) -> int | None:
        given = [port for port in (written, self.connection.reveal().port) if port]
        try:
            ports = {int(port) for port in given}
        except (TypeError, ValueError):
            ports = {0}
        if len(ports) > 1 or any(not 0 < port < 65536 for port in ports):
            self._refuse("port", "is not one port from 1 to 65535", "give it once, in host or in port")
        return ports.pop() if ports else None

    def flag(self, name: str) -> bool:
        value = self.extra.get(name, False)
        if value in (True, "true", "True"):
            return True
        if value in (False, None, "", "false", "False"):
            return False
        self._refuse(f"extra {name}", "is neither true nor false", "use true or false")

    def _refuse(self, field_name: str, problem: str, advice: str) -> NoReturn:
        raise IyzicoConfigurationError(f"Connection {self.conn_id!r}: {field_name} {problem}; {advice}")


def _blot_for(*keys: Secret[str]) -> Redactor:
    """Return a redactor that finds the keys in a short text, also in small letters."""
    small = (Secret(key.reveal().removeprefix(SANDBOX_PREFIX).lower()) for key in keys)
    return Redactor(key for key in (*keys, *small) if key.reveal())


def _label(written: str) -> str:
    """Return a label as people see it: every kind of blank is a plain blank, and there is none around it."""
    composed = unicodedata.normalize("NFC", written)
    return "".join(" " if unicodedata.category(char) == "Zs" else char for char in composed).strip()


def _is_name_or_address(name: str) -> bool:
    """Tell whether what stands in brackets, if anything, is an address."""
    try:
        return not name.startswith("[") or bool(ip_address(name.strip("[]")))
    except ValueError:
        return False


def _is_loopback(name: str) -> bool:
    if name == "localhost":
        return True
    try:
        return ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False
