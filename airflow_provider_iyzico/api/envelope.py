"""What all answers of iyzico have in common. Digits stay exact, unknown words are kept, and only ``success`` is a success.

The answer's body is judged before its HTTP status, because iyzico has been seen to refuse with HTTP 200
(https://docs.iyzico.com/en/getting-started/preliminaries/error-codes).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any

from airflow_provider_iyzico.api.money import money_from_text
from airflow_provider_iyzico.api.signing import SCHEME
from airflow_provider_iyzico.errors import (
    IyzicoAnswerError,
    IyzicoAuthenticationError,
    IyzicoError,
    IyzicoMoneyError,
    IyzicoRefusedError,
    IyzicoUnavailableError,
)

#: 1000 invalid signature, 1001 unknown key, 1007 signature missing, 1009 Authorization header missing.
_KEY_CODES = frozenset({"1000", "1001", "1007", "1009"})
#: Means "identity number mandatory" elsewhere, and "token is not verified" together with a 401.
_AMBIGUOUS_KEY_CODE = "8"
_LIMIT_CODE = "50000"
_NOT_ENABLED_CODE = "100001"
_SYSTEM_CODES = frozenset({"1", "2", _NOT_ENABLED_CODE})
_FROZEN_CODE = "9000"
#: Codes with which iyzico refuses, as documented: 3 to 27 are about the request, 9000 is a frozen account
#: (https://docs.iyzico.com/en/getting-started/preliminaries/error-codes). None is documented for mass payouts only.
DOCUMENTED_CODES = frozenset({*map(str, range(3, 28)), _FROZEN_CODE})
#: A refusal with such a code says nothing about the batch that was asked for.
_NOT_ABOUT_THE_REQUEST = frozenset({*_KEY_CODES, _AMBIGUOUS_KEY_CODE, _LIMIT_CODE, _FROZEN_CODE, *_SYSTEM_CODES})
#: A longer ``Retry-After`` is cut to this.
MAX_RETRY_AFTER_SECONDS = 900.0
_HEADER = re.compile(rf"{SCHEME}\s+\S+", re.IGNORECASE)
#: We ask caches not to keep answers. A cache that does so all the same must not open a gate with an old balance.
MAX_AGE_SECONDS = 60
_AGE = re.compile(r"[0-9]{1,9}\Z")
#: HTTP statuses that are worth another attempt, as are all 5xx.
_PASSING = frozenset({408, 425, 429})
_JSON = "application/json"
_MILLISECONDS = re.compile(r"[1-9][0-9]{12}\Z")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer as it came off the wire.

    :param asked_at: our UTC clock before the first byte was sent
    :param answered_at: our UTC clock when the last byte had arrived
    :param latency_ms: the time between the two by a clock that cannot be set
    :param redact: removes from the server's text what it shares with the keys and the header of this request
    """

    http_status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    asked_at: datetime
    answered_at: datetime
    latency_ms: int
    redact: Callable[[str], str] = field(default=str, repr=False, compare=False)

    def header(self, name: str) -> str:
        """Return a header's value, or nothing. Capital letters in names do not matter. Values that differ are one list."""
        return ", ".join(dict.fromkeys(value.strip() for key, value in self.headers.items() if key.lower() == name))

    def word(self, value: object) -> str:
        """Return the server's text fit for a log line: without secrets, one line, printable, short."""
        if not isinstance(value, str):
            return ""
        line = "".join(char if char.isprintable() else " " for char in self.redact(value[:2000]))
        return _HEADER.sub(f"{SCHEME} ***", line)[:200].strip()


class _Digits(str):
    """A JSON number, kept as it was written."""

    __slots__ = ()


def read_success(answer: Answer) -> dict[str, Any]:
    """Return the fields of a successful answer; a number in it is the text that iyzico wrote.

    :raises IyzicoUnavailableError: worth asking again later
    :raises IyzicoAuthenticationError: the keys were refused
    :raises IyzicoRefusedError: iyzico refused the request
    :raises IyzicoAnswerError: the answer is not what iyzico documents
    """
    if 300 <= answer.http_status < 400:
        raise IyzicoAnswerError(
            f"the server answered HTTP {answer.http_status}, a redirect, which is never followed with a signed request; "
            "check the Connection's host and the proxy",
            http_status=answer.http_status,
        )
    fields = read_fields(answer)
    if not isinstance(fields, dict) or answer.http_status != 200 or not _is_success(fields):
        raise _refusal(answer, fields)
    if _is_old(answer):
        raise IyzicoAnswerError(
            f"the answer is not fresh: a cache has kept it for more than {MAX_AGE_SECONDS} seconds, or does not say how long; "
            "look for a proxy that caches, and have it pass these requests on"
        )
    return fields


def read_amount(answer: Answer, fields: Mapping[str, Any], name: str) -> tuple[Decimal, str]:
    """Return an amount of money, and its digits as iyzico wrote them, as a number or as a string.

    :raises IyzicoAnswerError: it is missing, or not an exact amount
    """
    raw = fields.get(name)
    if not isinstance(raw, str):
        instead = "nothing" if raw is None else f"a {type(raw).__name__}"
        raise IyzicoAnswerError(f"iyzico answered success without a {name}, but with {instead} in its place")
    try:
        return money_from_text(raw, f"the {name}"), str(raw)
    except IyzicoMoneyError as error:
        raise IyzicoAnswerError(
            f"iyzico answered success with a {name} that is not an exact amount of money: {answer.word(raw)!r}; "
            "look for a proxy that answers in its place, or an API change"
        ) from error


def read_system_time(fields: Mapping[str, Any]) -> datetime | None:
    """Read iyzico's clock, in milliseconds since the epoch. A balance without a readable clock is still believed."""
    value = fields.get("systemTime")
    if isinstance(value, str) and _MILLISECONDS.match(value):
        return _EPOCH + timedelta(milliseconds=int(value))
    return None


def _is_success(fields: dict[str, Any]) -> bool:
    return fields.get("status") == "success" and fields.get("errorCode") is None


def read_age(answer: Answer) -> int:
    """Return for how many seconds a cache kept a successful answer; 0 if none did."""
    return max(map(int, _ages(answer)), default=0)


def _is_old(answer: Answer) -> bool:
    """Tell whether a cache kept the answer for too long, or does not say readably for how long."""
    return any(not _AGE.match(age) or int(age) > MAX_AGE_SECONDS for age in _ages(answer))


def _ages(answer: Answer) -> list[str]:
    return [value.strip() for name, value in answer.headers.items() if name.lower() == "age"]


def has_refused(error: IyzicoError) -> bool:
    """Tell whether iyzico refused with a code that it documents, so that it has not done what it was asked.

    After any other refusal it may have done it.
    """
    is_no = isinstance(error, IyzicoAuthenticationError) or (
        isinstance(error, IyzicoRefusedError) and error.code in DOCUMENTED_CODES
    )
    return is_no and (error.http_status or 0) < 500


def is_one_too_many(error: IyzicoError) -> bool:
    """Tell whether iyzico answered that there were too many requests, and so that it has hardly done what it was asked."""
    return (error.http_status == 429 or error.code == _LIMIT_CODE) and (error.http_status or 0) < 500


def is_about_the_request(error: IyzicoRefusedError) -> bool:
    """Tell whether a refusal is about what was asked for, and not about keys, limits, the account or a system error."""
    return error.code is not None and error.code not in _NOT_ABOUT_THE_REQUEST


def read_fields(answer: Answer) -> dict[str, Any] | str:
    """Return iyzico's JSON object, or say what the body is instead. A body that can be read in two ways is refused."""
    if (coding := answer.header("content-encoding")).lower() not in ("", "identity"):
        return f"a compressed body ({answer.word(coding)}), which nobody asked for"
    if not _is_json(kind := answer.header("content-type")):
        return f"a body of type {answer.word(kind)!r}, not {_JSON}"
    try:
        fields = json.loads(
            answer.body.decode("utf-8"),
            parse_float=_Digits,
            parse_int=_Digits,
            parse_constant=_refuse_constant,
            object_pairs_hook=_unique_fields,
        )
    except UnicodeDecodeError:
        return "a body that is not UTF-8"
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        return "a body that is not a JSON object"
    return fields


def _is_json(content_type: str) -> bool:
    """Tell whether a type, if one is given, is iyzico's: JSON, in UTF-8 if it says so."""
    kind, *parameters = (part.strip().lower() for part in content_type.split(";"))
    charsets = [value.strip(' "') for name, _, value in (part.partition("=") for part in parameters) if name.strip() == "charset"]
    return kind in ("", _JSON) and all(charset in ("utf-8", "utf8") for charset in charsets)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _unique_fields(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a field is given twice")
    return fields


def _refusal(answer: Answer, fields: dict[str, Any] | str) -> IyzicoError:
    """Return the error that an answer without success means. Only here it is decided whether a gate waits or fails.

    :param fields: what iyzico says, or what came instead
    """
    http_status = answer.http_status
    code = ""
    if isinstance(fields, str):
        status = ""
        said = f"HTTP {http_status} with {fields}"
    else:
        status, code = (answer.word(fields.get(name)) for name in ("status", "errorCode"))
        words = next(filter(None, (answer.word(fields.get(name)) for name in ("errorMessage", "message", "error"))), "")
        said = f"HTTP {http_status}, status {status or 'missing'!r}"
        said += f", errorCode {code}" if code else ""
        said += f", {words!r}" if words else ""
    about: dict[str, Any] = {"code": code or None, "http_status": http_status}
    is_iyzicos = bool(code) or status in ("success", "failure")  # gateways answer in JSON with a status, too
    if is_iyzicos and (http_status in (401, 403) or status in ("401", "403") or code in _KEY_CODES):
        code_hint = " (8 here means that the token was not verified)" if code == _AMBIGUOUS_KEY_CODE else ""
        return IyzicoAuthenticationError(
            f"iyzico refused the keys: {said}{code_hint}. Check the Connection's login (API key), password (secret key) "
            "and that both belong to this environment",
            **about,
        )
    if http_status in _PASSING or code == _LIMIT_CODE or 500 <= http_status < 600:
        return IyzicoUnavailableError(
            f"iyzico asks to try again later: {said}; wait. If this lasts, ask iyzico",
            retry_after=_read_retry_after(answer),
            **about,
        )
    if not is_iyzicos:
        return IyzicoAnswerError(
            f"the answer is not in iyzico's format: {said}. Look for a proxy or firewall that answers in its place; if there is "
            "none, ask iyzico support",
            **about,
        )
    if status != "failure":
        return IyzicoAnswerError(f"iyzico answered with a status that it does not document: {said}", **about)
    hint = "; this code usually means that the product is not enabled, so ask iyzico support" if code == _NOT_ENABLED_CODE else ""
    return IyzicoRefusedError(
        f"iyzico refused the request: {said}{hint or '; look the code up, and ask iyzico support'}", **about
    )


def _read_retry_after(answer: Answer) -> float | None:
    """Read ``Retry-After`` in seconds or as a date, as 0 seconds to a quarter of an hour. Nonsense counts as missing.

    A date counts from the answer's own, because this machine's clock may be wrong.
    """
    written = answer.header("retry-after")
    if written.isascii() and written.isdigit():
        seconds = float(written[:9])
    elif moment := _read_date(written):
        seconds = (moment - (_read_date(answer.header("date")) or answer.answered_at)).total_seconds()
    else:
        return None
    return min(max(seconds, 0.0), MAX_RETRY_AFTER_SECONDS)


def _read_date(written: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(written)
    except (ValueError, TypeError, OverflowError):
        return None
    return moment.replace(tzinfo=moment.tzinfo or UTC)
