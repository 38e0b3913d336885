"""What requests must hold, as the documentation of init and retrieve has it, and the switches where it is silent.

https://docs.iyzico.com/en/products/mass-payout/mass-payout-integration/mass-payout-initalize
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn

from airflow_provider_iyzico.simulator.balance import rate_of
from airflow_provider_iyzico.simulator.payouts.batch import Batch, Item
from airflow_provider_iyzico.simulator.settings import Settings

PURPOSES = ("SALARY", "BONUS", "SETTLEMENT", "GOODS", "SERVICES", "CASHBACK", "REBATES", "DONATIONS")
CURRENCIES = ("TRY", "USD", "EUR")
ITEM_TYPES = ("VALID", "INVALID")
#: What a recipient looks like, by its type. Check digits of an IBAN are a switch.
RECIPIENTS = {
    "PHONE": re.compile(r"\+[0-9]{8,15}\Z"),
    "IBAN": re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}\Z"),
    "IDENTITY_NUMBER": re.compile(r"[1-9][0-9]{10}\Z"),
    "MEMBER_ID": re.compile(r"[0-9]+\Z"),
}
#: Codes of invalid items: the general ones, and what iyzico says of an IBAN elsewhere.
MANDATORY, WRONG, WRONG_IBAN = "24", "11", "2030"


class Refused(Exception):  # noqa: N818 - an answer, not an error of the simulator
    """A request is not carried out.

    :param reason: a key of :data:`~airflow_provider_iyzico.simulator.settings.REFUSALS`
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason)
        self.reason, self.detail = reason, detail


def read_json(body: bytes) -> dict[str, Any]:
    """Return the JSON object of a body, with exact numbers."""
    try:
        value = json.loads(body, parse_float=Decimal, parse_constant=_refuse_constant)
    except (ValueError, RecursionError, InvalidOperation):
        value = None
    if not isinstance(value, dict):
        raise Refused("invalid", "the body is not a JSON object")
    return value


def read_text(fields: dict[str, Any], name: str, *, is_required: bool = True) -> str | None:
    """Return a text that is not empty, or nothing where it may be missing."""
    value = fields.get(name)
    if value is None and not is_required:
        return None
    if value is None or value == "":
        raise Refused("mandatory", f"{name} is mandatory")
    if not isinstance(value, str):
        raise Refused("invalid", f"{name} must be a text")
    return value


def read_batch(fields: dict[str, Any], settings: Settings, used_item_ids: set[str], new_id: Callable[[], str]) -> Batch:
    """Return the batch of an init request. Items that cannot be paid are in it, with their errors.

    :param used_item_ids: the ids of items in earlier batches
    :param new_id: makes request ids and reference codes
    :raises Refused: the request as a whole makes no sense
    """
    external_id = read_text(fields, "externalId")
    conversation_id = read_text(fields, "conversationId", is_required=settings["conversation_id"] == "required")
    purpose, items = fields.get("purpose"), fields.get("items")
    if purpose is not None and purpose not in PURPOSES:
        raise Refused("invalid", f"purpose must be one of {', '.join(PURPOSES)}")
    if not isinstance(items, list) or not items or not all(isinstance(item, dict) for item in items):
        raise Refused("mandatory" if not items else "invalid", "items must be a list of at least one object")
    if settings["max_items"] and len(items) > settings["max_items"]:
        raise Refused("too_large", f"items are more than {settings['max_items']}")
    used = set(used_item_ids) if settings["repeated_item_id"] == "invalid" else set()
    drafts = [_draft(number, item, settings, used) for number, item in enumerate(items)]
    currency = next((draft.currency for draft in drafts if draft.currency in CURRENCIES), CURRENCIES[0])
    return Batch(
        request_id=new_id(),
        external_id=str(external_id),
        conversation_id=conversation_id,
        purpose=purpose,
        currency=currency,
        items=[draft.item(currency, settings, new_id()) for draft in drafts],
    )


@dataclass(slots=True)
class _Draft:
    """An item as it was sent, with what is wrong about it."""

    number: int
    fields: dict[str, Any]
    external_id: str
    amount: Decimal | None
    currency: str | None
    error: tuple[str, str] | None

    def item(self, currency: str, settings: Settings, reference_code: str) -> Item:
        error = self.error
        if error is None and self.currency != currency:
            error = (WRONG, f"amount.currency must be {currency} as in the first item")
        amount = self.amount if self.amount is not None else Decimal(0)
        info, is_iban = str(self.fields.get("recipientInfo") or ""), self.fields.get("recipientType") == "IBAN"
        return Item(
            number=self.number,
            external_id=self.external_id,
            reference_code=reference_code,
            recipient_type=str(self.fields.get("recipientType") or ""),
            recipient_info=info,
            recipient_name=self.fields.get("recipientName"),
            description=self.fields.get("description"),
            amount=amount,
            commission=Decimal(0) if error else rate_of(settings["commission"], amount),
            currency=currency,
            has_wrong_iban=not error and is_iban and settings["iban_check"] == "at_bank" and not has_check_digits(info),
            error=error,
        )


def _draft(number: int, fields: dict[str, Any], settings: Settings, used: set[str]) -> _Draft:
    external_id = read_text(fields, "itemExternalId")
    money = fields.get("amount") if isinstance(fields.get("amount"), dict) else {}
    amount = _read_amount(money.get("value"), is_text_accepted=settings["amount_text"] == "accepted") if money else None
    draft = _Draft(number, fields, str(external_id), amount, money.get("currency") if money else None, None)
    draft.error = next(_faults(draft, settings, used), None)
    used.add(draft.external_id)
    return draft


def _faults(draft: _Draft, settings: Settings, used: set[str]) -> Iterator[tuple[str, str]]:
    """Say what is wrong with an item, the first thing first."""
    fields, kind = draft.fields, draft.fields.get("recipientType")
    required = ["recipientType", "recipientInfo", "amount", *(["description"] if settings["description"] == "required" else [])]
    for name in [*required, *(["recipientName"] if kind == "IBAN" else [])]:
        if fields.get(name) in (None, "", {}):
            yield MANDATORY, f"{name} is mandatory"
    for name in ("recipientType", "recipientInfo", "recipientName", "description"):
        if not isinstance(fields.get(name, ""), str | None):
            yield WRONG, f"{name} must be a text"
            return
    if kind not in RECIPIENTS:
        yield WRONG, f"recipientType must be one of {', '.join(RECIPIENTS)}"
    elif not RECIPIENTS[kind].match(str(fields.get("recipientInfo"))):
        yield (WRONG_IBAN if kind == "IBAN" else WRONG), f"recipientInfo is no {kind}"
    elif kind == "IBAN" and settings["iban_check"] == "at_init" and not has_check_digits(fields["recipientInfo"]):
        yield WRONG_IBAN, "recipientInfo is no IBAN: its check digits are wrong"
    if draft.amount is None:
        yield WRONG, "amount.value must be a positive number with at most two decimals"
    elif settings["max_amount"] is not None and draft.amount > settings["max_amount"]:
        yield WRONG, f"amount.value is more than {settings['max_amount']}"
    if draft.currency not in CURRENCIES:
        yield WRONG, f"amount.currency must be one of {', '.join(CURRENCIES)}"
    if not isinstance(fields.get("nonWithdrawable", False), bool | None):
        yield WRONG, "nonWithdrawable must be true or false"
    if fields.get("nonWithdrawable") and kind == "IBAN" and settings["non_withdrawable_iban"] == "invalid":
        yield WRONG, "nonWithdrawable does not go with an IBAN"
    if draft.external_id in used:
        yield WRONG, "itemExternalId was used before"
    if settings["fates"].get(draft.external_id) == "invalid":
        yield WRONG, "This item is invalid by the simulator's setting"


def _read_amount(value: Any, *, is_text_accepted: bool) -> Decimal | None:
    """Return a positive amount with two decimals, or nothing where it is none."""
    if isinstance(value, str) and is_text_accepted and re.match(r"[0-9]{1,20}(\.[0-9]+)?\Z", value):
        value = Decimal(value)
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    amount = Decimal(value)
    if not 0 < amount < Decimal("1E20") or amount != amount.quantize(Decimal("0.01")):
        return None
    return amount.quantize(Decimal("0.01"))


def has_check_digits(iban: str) -> bool:
    """Tell whether the check digits of an IBAN are right (ISO 13616)."""
    return int("".join(str(int(sign, 36)) for sign in iban[4:] + iban[:4])) % 97 == 1


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


@dataclass(frozen=True, slots=True)
class Query:
    """What retrieve was asked for. ``page`` counts from 0 here."""

    request_id: str | None
    external_id: str | None
    item_type: str | None
    page: int
    size: int
    asked_page: int


def read_query(fields: dict[str, Any], settings: Settings) -> Query:
    """Return what retrieve asks for.

    :raises Refused: no id, or no page
    """
    request_id = read_text(fields, "requestId", is_required=False)
    external_id = read_text(fields, "externalMassPayoutId", is_required=False)
    if request_id is None and external_id is None:
        raise Refused("mandatory", "requestId or externalMassPayoutId is mandatory")
    item_type = read_text(fields, "itemType", is_required=settings["item_type"] == "required")
    if item_type not in (None, *ITEM_TYPES):
        raise Refused("invalid", f"itemType must be one of {', '.join(ITEM_TYPES)}")
    if item_type is None and settings["item_type"] == "valid":
        item_type = "VALID"
    page, size = fields.get("page"), fields.get("size")
    first = int(settings["page_base"])
    if type(page) is not int or page < first or type(size) is not int or size < 1:
        raise Refused("invalid", f"page must be a whole number from {first}, and size one from 1")
    largest = settings["max_page_size"]
    if largest and size > largest:
        if settings["large_page"] == "refused":
            raise Refused("too_large", f"size is more than {largest}")
        size = largest
    return Query(request_id, external_id, item_type, page - first, size, page)
