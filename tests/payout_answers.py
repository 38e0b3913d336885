"""Payouts for tests: batches that go out, and iyzico's answers written from parts."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from airflow_provider_iyzico.api.envelope import Answer
from airflow_provider_iyzico.api.payout import Batch, Payment

GOLDEN = Path(__file__).with_name("golden")
#: Each of these is read by a test in ``tests/unit/api/payout``.
DOCUMENTED = ("init", "init-with-invalid-items", "auth", "retrieve", "retrieve-in-the-guide", "item")
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
REQUEST_ID = "79cdefc1-3ce6-4f51-bdd9-c050274db664"
IBAN, NAME = "TR330006100519786457841326", "Ayşe Yılmaz"


def golden(name: str) -> str:
    """Return a body as it is documented."""
    assert name in DOCUMENTED
    return (GOLDEN / f"2026-11-documented-{name}.json").read_text(encoding="utf-8")


def answer(body: object, status: int = 200) -> Answer:
    """Return an answer with that body, written as JSON unless it is text."""
    text = body if isinstance(body, str) else json.dumps(body)
    return Answer(status, {}, text.encode(), NOW, NOW + timedelta(milliseconds=20), 20)


def payment(name: str = "line-1", **fields: object) -> Payment:
    """Return a payment to an IBAN."""
    given: dict[str, object] = {
        "recipient_type": "IBAN",
        "recipient_info": IBAN,
        "amount": Decimal("100.50"),
        "description": "November settlement",
        "recipient_name": NAME,
    }
    return Payment(item_external_id=name, **{**given, **fields})  # type: ignore[arg-type]


def batch(*names: str, **fields: object) -> Batch:
    """Return a batch with items of these names."""
    items = tuple(payment(name) for name in names or ("line-1",))
    given: dict[str, object] = {"external_id": "payout-2026-11-0001", "currency": "TRY", "items": items}
    return Batch(**{**given, **fields})  # type: ignore[arg-type]


def item(name: str, **fields: object) -> dict[str, object]:
    """Return an item as iyzico writes it."""
    given: dict[str, object] = {
        "itemExternalId": name,
        "referenceCode": f"ref-{name}",
        "recipientType": "IBAN",
        "recipientInfo": IBAN,
        "recipientName": NAME,
        "description": "November settlement",
        "itemStatus": "INIT",
        "errorMessages": [],
        "totalAmount": "100.50",
        "commissionAmount": "2.00",
        "currencyCode": "TRY",
    }
    return {**given, **fields}


def page(items: Iterable[dict[str, object]], total: int, number: int = 0, **fields: object) -> dict[str, object]:
    """Return a page as iyzico writes it, with the paging at the top."""
    given: dict[str, object] = {
        "externalId": "payout-2026-11-0001",
        "merchantId": 7,
        "massPayoutStatus": "INIT",
        "totalAmount": "1",
    }
    return {
        "status": "success",
        "massPayout": {**given, "currency": "TRY", **fields},
        "massPayoutItems": {"items": list(items)},
        "page": number,
        "size": 40,
        "total": total,
    }
