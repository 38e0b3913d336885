"""How a language writes amounts, moments and numbers of items."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from airflow_provider_iyzico.api.money import money_text
from airflow_provider_iyzico.errors import IyzicoConfigurationError
from airflow_provider_iyzico.zones import zone_named

LANGUAGES = ("en", "tr")
_SANDBOX = ("Sandbox: no real money", "Deneme ortamı: tutarlar gerçek değildir")
_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


def read_language(value: object) -> str:
    """Read the language of a message.

    :raises IyzicoConfigurationError: it is neither ``tr`` nor ``en``
    """
    if isinstance(value, str) and value in LANGUAGES:
        return value
    raise IyzicoConfigurationError(f"language is {value!r}; give 'tr' or 'en'")


def said(both: tuple[str, str], language: str, **values: object) -> str:
    """Return a text in one language.

    :param both: in English and in Turkish
    :param values: what stands in its braces
    """
    return both[LANGUAGES.index(language)].format(**values)


def money(amount: Decimal, currency: str, language: str) -> str:
    """Write an amount with all of its digits: ``TRY 1,234.50``, and in Turkish ``1.234,50 TL``."""
    whole, _, fraction = money_text(amount.copy_abs()).partition(".")
    sign = "-" if amount < 0 else ""
    grouped = f"{int(whole):,}"
    if language == "tr":
        return f"{sign}{grouped.replace(',', '.')},{fraction} {'TL' if currency == 'TRY' else currency}"
    return f"{currency} {sign}{grouped}.{fraction}"


def items(count: int, language: str) -> str:
    """Write a number of items: Turkish has no plural after a number."""
    return said((f"{count:,} item{'' if count == 1 else 's'}", f"{f'{count:,}'.replace(',', '.')} kalem"), language)


def moment(at: datetime, zone: str, language: str) -> str:
    """Write a moment by the clock of a time zone: ``30 November 2026, 16:29 (Europe/Istanbul)``.

    It is written in UTC if this machine does not know the zone: a message must not be lost for it.
    """
    local = at.astimezone(zone_named(zone))
    day = (f"{local.day} {_MONTHS[local.month - 1]} {local.year},", f"{local:%d.%m.%Y}")
    return f"{said(day, language)} {local:%H:%M} ({local.tzinfo})"


def body(named: list[tuple[tuple[str, str], str]], environment: str, language: str) -> str:
    """Write one line for each name and value, and say it if no money is real."""
    lines = [f"{said(name, language)}: {value}" for name, value in named]
    return "\n".join([*lines, said(_SANDBOX, language)] if environment == "sandbox" else lines)
