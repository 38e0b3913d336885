"""What a recipient may be: check digits are checked here, because a payment to a wrong IBAN takes days to come back.

The kinds are iyzico's (https://docs.iyzico.com/en/products/mass-payout/mass-payout-integration/mass-payout-initalize). The check
digits of IBANs and of Turkish identity numbers are those of ``python-stdnum``.
"""

from __future__ import annotations

import re
from collections.abc import Callable

_PHONE = re.compile(r"\+[1-9][0-9]{7,14}\Z")
_MEMBER = re.compile(r"[0-9]{1,20}\Z")
#: What stands between two other characters, such as hyphens; the shortest phone has nine.
_PARTS = re.compile(r"\+?[A-Z0-9]{8,}")
#: As many digits as a phone has at least.
_SHORTEST = 8
_BLANKS = re.compile(r"[ \t\u00a0\u2007\u202f]")


def recipient(kind: str, written: str) -> str:
    """Return what iyzico is told: without blanks, in capitals.

    :raises ValueError: it is none; the message says what is wrong and quotes nothing
    """
    plain = _BLANKS.sub("", written)
    if not plain.isascii():
        raise ValueError("recipient_info has letters that are not ASCII")
    plain = plain.upper()
    if (wrong := _CHECKS[kind](plain)) is not None:
        raise ValueError(f"recipient_info {wrong}")
    return plain


def masked(info: str) -> str:
    """Return the last four characters, by which a person recognises a recipient."""
    return f"...{info[-4:]}" if len(info) > 8 else "..."


def is_personal(text: str) -> bool:
    """Tell whether a text is an IBAN, a phone or an identity number, or has one as one of its parts."""
    plain = _BLANKS.sub("", text).upper()
    return any(_CHECKS[kind](part) is None for part in _PARTS.findall(plain) for kind in ("IBAN", "PHONE", "IDENTITY_NUMBER"))


def names_its_recipient(text: str, kind: str, written: str) -> bool:
    """Tell whether a text has its own recipient in it, without its country or with other signs in between.

    Member ids are no secret.
    """
    own = "".join(filter(str.isalnum, written.upper()))
    part = {"IBAN": own[4:], "PHONE": own[-10:], "IDENTITY_NUMBER": own}.get(kind, "")
    return len(part) >= _SHORTEST and part in "".join(filter(str.isalnum, text.upper()))


def _iban(plain: str) -> str | None:
    from stdnum import iban

    return None if iban.is_valid(plain) else "is not an IBAN: its length or its check digits are wrong"


def _identity_number(plain: str) -> str | None:
    from stdnum.tr import tckimlik

    return None if tckimlik.is_valid(plain) else "is not an identity number: it needs 11 digits with correct check digits"


def _phone(plain: str) -> str | None:
    return None if _PHONE.match(plain) else "is not a phone number: write +, the country code and the number, in digits"


def _member(plain: str) -> str | None:
    return None if _MEMBER.match(plain) else "is not a member id: it may have only digits"


_CHECKS: dict[str, Callable[[str], str | None]] = {
    "IBAN": _iban,
    "IDENTITY_NUMBER": _identity_number,
    "PHONE": _phone,
    "MEMBER_ID": _member,
}
