"""A verdict, what it rests on, and how an amount may be described without being shown."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum

from airflow_provider_iyzico.verify.observation import Number


class Verdict(StrEnum):
    CONFIRMED = "confirmed"
    DIFFERS = "differs"
    NOT_SETTLED = "not settled"
    NOT_ASKED = "not asked"


@dataclass(frozen=True, slots=True)
class Finding:
    """A verdict, and what it rests on."""

    verdict: Verdict
    seen: str


def form_of(raw: object) -> str:
    """Say how an amount is written, but not how much it is."""
    if not isinstance(raw, str):
        return "no balance" if raw is None else f"a {type(raw).__name__}"
    kind = "number" if isinstance(raw, Number) else "string"
    try:
        amount = Decimal(raw)
        exponent = amount.as_tuple().exponent
    except InvalidOperation:
        exponent = "n"
    if not isinstance(exponent, int):
        return f"{kind}, no amount"
    exponent_form = ", with an exponent" if "e" in raw.lower() else ""
    return f"{kind}, {max(-exponent, 0)} decimals{exponent_form}, negative: {'yes' if amount < 0 else 'no'}"
