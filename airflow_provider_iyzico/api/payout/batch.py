"""What goes out: a batch and its payments. What cannot be paid exactly as it is meant is refused here."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import islice
from unicodedata import normalize

from airflow_provider_iyzico.api.external_id import read_external_id
from airflow_provider_iyzico.api.money import money_from_text, money_text, summed
from airflow_provider_iyzico.errors import IyzicoConfigurationError, IyzicoMoneyError

#: From https://docs.iyzico.com/en/products/mass-payout/mass-payout-integration/mass-payout-initalize, by which an IBAN also needs
#: a recipient's name. The Turkish page has the first five purposes only.
RECIPIENT_TYPES = ("PHONE", "IBAN", "IDENTITY_NUMBER", "MEMBER_ID")
PURPOSES = ("SALARY", "BONUS", "SETTLEMENT", "GOODS", "SERVICES", "CASHBACK", "REBATES", "DONATIONS")
#: The most items that this package reads back. iyzico documents no limit.
MAX_ITEMS = 20_000
#: The longest ids and texts. These limits are ours; iyzico documents none.
MAX_ID, MAX_TEXT = 64, 500
_TEXT = "text of 1 to {} printable characters without blanks around it"
_CURRENCY = re.compile(r"[A-Z]{3}\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """One payment of a batch. Its ``repr`` does not show the recipient.

    :param item_external_id: your own name for the payment, unique in its batch: 1 to 64 printable characters; kept in Unicode's
        composed form (NFC)
    :param recipient_type: PHONE, IBAN, IDENTITY_NUMBER or MEMBER_ID
    :param recipient_info: the phone number, IBAN, identity number or member id; kept in capitals and without blanks
    :param amount: in major units, more than zero, with at most two decimals
    :param recipient_name: required for an IBAN
    :param non_withdrawable: True keeps the money in the recipient's wallet at iyzico
    :raises IyzicoMoneyError: the amount cannot be paid
    :raises IyzicoConfigurationError: another field cannot be sent; the message names the item, but no recipient
    """

    item_external_id: str
    recipient_type: str
    recipient_info: str = field(repr=False)
    amount: Decimal
    description: str = field(repr=False)
    recipient_name: str | None = field(default=None, repr=False)
    non_withdrawable: bool | None = None

    def __post_init__(self) -> None:
        if isinstance(self.item_external_id, str):
            object.__setattr__(self, "item_external_id", normalize("NFC", self.item_external_id))
        _require(_is_text(self.item_external_id, MAX_ID), f"an item_external_id is not {_TEXT.format(MAX_ID)}")
        whose = f"of item {self.item_external_id!r}"
        _require(self.recipient_type in RECIPIENT_TYPES, f"recipient_type {whose} is not one of {', '.join(RECIPIENT_TYPES)}")
        needs_name = self.recipient_type == "IBAN" or self.recipient_name is not None
        for name in ("recipient_info", "description", *(["recipient_name"] if needs_name else [])):
            _require(_is_text(getattr(self, name), MAX_TEXT), f"{name} {whose} is not {_TEXT.format(MAX_TEXT)}")
        is_flag = self.non_withdrawable is None or isinstance(self.non_withdrawable, bool)
        _require(is_flag, f"non_withdrawable {whose} is neither true nor false")
        object.__setattr__(self, "recipient_info", "".join(self.recipient_info.split()).upper())
        object.__setattr__(self, "amount", _payable(self.amount, f"the amount {whose}"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """The payments that iyzico is asked to make together, in one currency. Its ``repr`` does not show its items.

    :param external_id: your own name for the batch, by which it is paid once: 1 to 64 ASCII letters, digits, ``.``, ``_``,
        ``:``, ``-``
    :param currency: its ISO 4217 code
    :param purpose: one of ``PURPOSES``, if any
    :raises IyzicoConfigurationError: the batch cannot be sent; the message says why
    """

    external_id: str
    currency: str
    items: tuple[Payment, ...] = field(repr=False)
    purpose: str | None = None

    def __post_init__(self) -> None:
        read_external_id(self.external_id)
        whose = f"of batch {self.external_id!r}"
        is_currency = isinstance(self.currency, str) and bool(_CURRENCY.match(self.currency))
        _require(is_currency, f"currency {whose} is {self.currency!r}; give its ISO 4217 code in capitals, such as 'TRY'")
        _require(self.purpose is None or self.purpose in PURPOSES, f"purpose {whose} is not one of {', '.join(PURPOSES)}")
        object.__setattr__(self, "items", tuple(self.items))
        _require(all(isinstance(item, Payment) for item in self.items), f"an item {whose} is not a Payment")
        _require(
            0 < len(self.items) <= MAX_ITEMS, f"batch {self.external_id!r} has {len(self.items)} items, not 1 to {MAX_ITEMS}"
        )
        counts = Counter(item.item_external_id for item in self.items)
        twice = [name for name, count in counts.items() if count > 1]
        named = ", ".join(repr(name) for name in islice(twice, 10))
        _require(not twice, f"batch {self.external_id!r} has more than one item with the same item_external_id, such as {named}")

    @property
    def total(self) -> Decimal:
        """The sum of its amounts, without commission."""
        return summed(item.amount for item in self.items)

    @property
    def recipients(self) -> Iterable[str]:
        """The ids and names of its recipients, which no message may show."""
        for item in self.items:
            yield item.recipient_info
            yield item.recipient_name or ""


def _payable(amount: object, name: str) -> Decimal:
    if not isinstance(amount, Decimal):
        raise IyzicoMoneyError(f"{name} is a {type(amount).__name__}; pass a Decimal made of digits, such as Decimal('1500.75')")
    exact = money_from_text(Decimal.__str__(amount), name)
    if exact <= 0:
        raise IyzicoMoneyError(f"{name} is {money_text(exact)}; a payment must be more than zero")
    if len(money_text(exact).partition(".")[2]) > 2:
        raise IyzicoMoneyError(f"{name} is {money_text(exact)}, which has more than two decimals; round it where you compute it")
    return exact


def _is_text(value: object, longest: int) -> bool:
    return isinstance(value, str) and value.isprintable() and value == value.strip() and 0 < len(value) <= longest


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise IyzicoConfigurationError(f"{otherwise}; nothing was sent")
