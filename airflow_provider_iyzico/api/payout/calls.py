"""The five calls of a payout as values. Three of them change something, so the hook sends each of these once.

Paths, bodies and the required ``locale`` are those of
https://docs.iyzico.com/en/products/mass-payout/mass-payout-integration and the pages below it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from functools import partial
from typing import Any

from airflow_provider_iyzico.api.call import Call
from airflow_provider_iyzico.api.envelope import Answer, read_success
from airflow_provider_iyzico.api.external_id import read_external_id
from airflow_provider_iyzico.api.money import money_text
from airflow_provider_iyzico.api.payout.batch import Batch, Payment
from airflow_provider_iyzico.api.payout.fields import WIRE_ID, without_recipients
from airflow_provider_iyzico.api.payout.initiated import Initiated, read_initiated
from airflow_provider_iyzico.api.payout.retrieved import Item, Page, read_item, read_page
from airflow_provider_iyzico.api.secrecy import Unshown
from airflow_provider_iyzico.errors import IyzicoConfigurationError

#: As in the documentation's examples. No maximum is documented.
PAGE_SIZE = 40
#: The longest answer with a list of items.
LONG_BYTES = 16 * 1024 * 1024
ITEM_TYPES = ("VALID", "INVALID")
_ROOT = "/v1/mass/payout"
_write = json.JSONEncoder(ensure_ascii=False).encode


def init_call(batch: Batch, locale: str) -> Call[Initiated]:
    """Hand a batch over: ``POST /v1/mass/payout/init``. No money moves before it is authorized.

    ``conversationId``, which one language version requires and iyzico only echoes, is the batch's ``external_id``.
    """
    body = {
        "externalId": batch.external_id,
        "conversationId": batch.external_id,
        "purpose": batch.purpose,
        "items": [_item(payment, batch.currency) for payment in batch.items],
    }
    read = partial(read_initiated, batch=batch)
    return Call("POST", f"{_ROOT}/init", f"locale={locale}", read, _written(body), max_body_bytes=LONG_BYTES)


def auth_call(request_id: str, locale: str) -> Call[None]:
    """Have a batch paid: ``POST /v1/mass/payout/auth``. This moves money."""
    _require_wire_id(request_id, "request_id")
    return Call("POST", f"{_ROOT}/auth", f"locale={locale}", _read_done, _written({"requestId": request_id}))


def cancel_call(request_id: str, locale: str) -> Call[None]:
    """Cancel a batch that is not authorized: ``POST /v1/mass/payout/cancel/{requestId}``, without a body."""
    _require_wire_id(request_id, "request_id")
    return Call("POST", f"{_ROOT}/cancel/{request_id}", f"locale={locale}", _read_done)


def page_call(
    locale: str, *, item_type: str, page: int, request_id: str | None = None, external_id: str | None = None
) -> Call[Page]:
    """Read a batch and a page of its items: ``POST /v1/mass/payout/retrieve``, which changes nothing.

    :param item_type: VALID or INVALID. The Turkish page requires it, the English page does not mention it
    :param page: from 0 on, as in the examples
    :raises IyzicoConfigurationError: not exactly one of the two ids, or one that cannot be sent
    """
    if (request_id is None) == (external_id is None):
        raise IyzicoConfigurationError("give either request_id or external_id to retrieve a batch")
    if request_id is not None:
        _require_wire_id(request_id, "request_id")
    else:
        read_external_id(external_id)
    if item_type not in ITEM_TYPES:
        raise IyzicoConfigurationError(f"item_type is not one of {', '.join(ITEM_TYPES)}; leave it out for all items")
    body = {
        "requestId": request_id,
        "externalMassPayoutId": external_id,
        "itemType": item_type,
        "page": page,
        "size": PAGE_SIZE,
    }
    read = partial(read_page, request_id=request_id, external_id=external_id, page=page)
    return Call("POST", f"{_ROOT}/retrieve", f"locale={locale}", read, _written(body), is_read=True, max_body_bytes=LONG_BYTES)


def item_call(reference_code: str, locale: str) -> Call[Item]:
    """Read one item: ``GET /v1/mass/payout/retrieve/items/{referenceCode}``."""
    _require_wire_id(reference_code, "reference_code")
    read = partial(read_item, reference_code=reference_code)
    return Call("GET", f"{_ROOT}/retrieve/items/{reference_code}", f"locale={locale}", read, is_read=True)


def _read_done(answer: Answer) -> None:
    """Read an answer that only says that it was done."""
    read_success(without_recipients(answer))


def _item(payment: Payment, currency: str) -> dict[str, Any]:
    return {
        "itemExternalId": payment.item_external_id,
        "recipientType": payment.recipient_type,
        "recipientInfo": payment.recipient_info,
        "amount": {"value": payment.amount, "currency": currency},
        "description": payment.description,
        "recipientName": payment.recipient_name,
        "nonWithdrawable": payment.non_withdrawable,
    }


def _written(body: Mapping[str, Any]) -> bytes:
    return Unshown(_json(body).encode())


def _json(value: object) -> str:
    """Write JSON. A Decimal becomes a number with its own digits, and a field without a value is left out."""
    if isinstance(value, str):
        return _write(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{_json(name)}:{_json(one)}" for name, one in value.items() if one is not None) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_json, value)) + "]"
    return money_text(value) if isinstance(value, Decimal) else _write(value)


def _require_wire_id(value: object, name: str) -> None:
    if not (isinstance(value, str) and WIRE_ID.match(value)):
        raise IyzicoConfigurationError(f"{name} is not an id of iyzico's: letters, digits, '.', '_', '~' and '-'")
