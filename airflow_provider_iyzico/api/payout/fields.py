"""Reads the fields of an answer about a payout, one by one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from airflow_provider_iyzico.api.envelope import Answer, read_amount
from airflow_provider_iyzico.api.secrecy import Recipients
from airflow_provider_iyzico.errors import IyzicoAnswerError

#: The longest text that is read from an answer.
MAX_TEXT = 2000
#: An id that iyzico gave, such as a UUID. It goes into a path unchanged.
WIRE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~-]{0,127}\Z")
_COUNT = re.compile(r"[0-9]{1,9}\Z")

Fields = Mapping[str, Any]


def without_recipients(answer: Answer, known: Iterable[str] = ()) -> Answer:
    """Return the answer with a ``word`` that shows no recipients.

    :param known: ids and names of recipients, if they are known
    """
    blot, redact = Recipients(known), answer.redact
    return replace(answer, redact=lambda text: blot(redact(text)))


def read_text(fields: Fields, name: str) -> str | None:
    """Return a text, which may be written as a number; nothing if it is missing, null or empty.

    :raises IyzicoAnswerError: it is something else, or too long
    """
    value = fields.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        raise IyzicoAnswerError(f"iyzico answered with a {name} that is not a text of at most {MAX_TEXT} characters")
    return str(value) or None


def require_text(fields: Fields, name: str) -> str:
    """Return a text that must be there.

    :raises IyzicoAnswerError: it is not
    """
    value = read_text(fields, name)
    if value is None:
        raise IyzicoAnswerError(f"iyzico answered without a {name}")
    return value


def read_wire_id(fields: Fields, name: str) -> str | None:
    """Return an id that iyzico gave, if it is there.

    :raises IyzicoAnswerError: it cannot be sent back to iyzico
    """
    value = read_text(fields, name)
    if value is not None and not WIRE_ID.match(value):
        raise IyzicoAnswerError(f"iyzico answered with a {name} that is not an id of letters, digits, '.', '_', '~' and '-'")
    return value


def read_count(fields: Fields, name: str) -> int | None:
    """Return a whole number from zero on, if it is there.

    :raises IyzicoAnswerError: it is something else
    """
    value = read_text(fields, name)
    if value is not None and not _COUNT.match(value):
        raise IyzicoAnswerError(f"iyzico answered with a {name} that is not a whole number")
    return None if value is None else int(value)


def require_money(answer: Answer, fields: Fields, name: str) -> Decimal:
    """Return an amount, written as a number or as text.

    :raises IyzicoAnswerError: it is missing, negative, or no exact amount
    """
    amount, _ = read_amount(answer, fields, name)
    if amount < 0:
        raise IyzicoAnswerError(f"iyzico answered with a {name} below zero")
    return amount


def read_money(answer: Answer, fields: Fields, name: str) -> Decimal | None:
    """Return an amount, or nothing if it is missing; zero is an amount."""
    return None if fields.get(name) is None else require_money(answer, fields, name)


def read_object(fields: Fields, name: str) -> dict[str, Any]:
    """Return an object, which is empty if it is missing.

    :raises IyzicoAnswerError: it is something else
    """
    value = fields.get(name)
    if value is not None and not isinstance(value, dict):
        raise IyzicoAnswerError(f"iyzico answered with a {name} that is not an object")
    return value or {}


def read_objects(fields: Fields, name: str) -> list[dict[str, Any]]:
    """Return a list of objects, which is empty if it is missing.

    :raises IyzicoAnswerError: it is something else
    """
    value = fields.get(name)
    if value is not None and not (isinstance(value, list) and all(isinstance(one, dict) for one in value)):
        raise IyzicoAnswerError(f"iyzico answered with {name} that are not a list of objects")
    return value or []
