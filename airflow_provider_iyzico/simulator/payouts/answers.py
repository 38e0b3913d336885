"""How iyzico writes batches and items. Each shape is documented, or a switch tells it."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from airflow_provider_iyzico.simulator import lifecycle
from airflow_provider_iyzico.simulator.balance import total, written
from airflow_provider_iyzico.simulator.payouts.batch import Batch, Item, status_at
from airflow_provider_iyzico.simulator.payouts.forms import Query
from airflow_provider_iyzico.simulator.settings import Settings
from airflow_provider_iyzico.simulator.wire import Raw

#: Items that some readings of ``VALID`` leave out.
_ENDED_BADLY = (lifecycle.FAILED, lifecycle.DEPOSIT_SUCCESS, lifecycle.DEPOSIT_FAIL, lifecycle.ITEM_CANCELED)
_MERCHANTS = {"text": '"{}"', "zeros": "000000", "number": "{}"}
_DATES = {
    "receivedDate": (lifecycle.INIT,),
    "completedDate": (lifecycle.COMPLETED, lifecycle.FAIL),
    "canceledDate": (lifecycle.CANCELED,),
}


class Answers:
    """Writes batches as the settings have it, and as they stood at a moment."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def code(self, code: str) -> str | int:
        """Return an error code as a text or a number."""
        return int(code) if self.settings["error_code"] == "number" and code.isdecimal() else code

    def initiated(self, batch: Batch) -> dict[str, Any]:
        """Return the fields of init's answer."""
        invalid: list[dict[str, Any]] | None = [
            {"externalId": item.external_id, "errorCode": self.code(item.error[0]), "errorMessage": item.error[1]}
            for item in batch.shown
            if item.error
        ]
        fields: dict[str, Any] = {"conversationId": batch.conversation_id, "requestId": batch.request_id, "invalidItems": invalid}
        if not invalid and self.settings["no_invalid_items"] != "empty":
            fields["invalidItems"] = None
            if self.settings["no_invalid_items"] == "absent":
                del fields["invalidItems"]
        return fields

    def page(self, batch: Batch, query: Query, at_ms: int) -> dict[str, Any]:
        """Return the fields of retrieve's answer: the batch and a page of its items."""
        items = [(item, status_at(item.history, at_ms) or lifecycle.INIT) for item in batch.shown]
        found = [(item, status) for item, status in items if self._is_asked_for(status, query.item_type)]
        if self.settings["item_order"] == "last_changed_first":
            found.sort(key=lambda each: -each[0].history[-1][0])
        start = query.page * query.size
        count = len(items) if self.settings["page_total"] == "all" else len(found)
        paging: dict[str, Any] = {"page": query.asked_page, "size": query.size, "total": count}
        nested = {"items": [self.item(batch, item, status) for item, status in found[start : start + query.size]]}
        place = self.settings["paging"]
        return {
            "massPayout": self._batch(batch, items, at_ms),
            "massPayoutItems": {**nested, **(paging if place != "top" else {})},
            **(paging if place != "nested" else {}),
        }

    def item(self, batch: Batch, item: Item, status: str) -> dict[str, Any]:
        """Return an item as it stands in a page and in its own answer."""
        fields: dict[str, Any] = {
            "itemExternalId": item.external_id,
            "referenceCode": item.reference_code,
            "recipientType": item.recipient_type,
            **self._recipient(item),
            "itemStatus": self.settings["item_words"].get(status, status),
            **self._errors(item, status),
            "totalAmount": self._money(item.amount),
            "commissionAmount": self._money(item.commission),
            "currencyCode": item.currency,
        }
        shown = self.settings["commission_shown"]
        if status != lifecycle.SUCCESS and shown != "always":
            fields["commissionAmount"] = self._money(Decimal(0))
            if shown == "absent_until_paid":
                del fields["commissionAmount"]
        if self.settings["item_request_id"] == "present":
            fields["massPayoutRequestId"] = batch.request_id
        return fields

    def _batch(self, batch: Batch, items: list[tuple[Item, str]], at_ms: int) -> dict[str, Any]:
        valid = [item for item, status in items if status != lifecycle.INVALID]
        paid = [item for item, status in items if status == lifecycle.SUCCESS]
        charged = valid if self.settings["commission_total"] == "of_valid" else paid
        lag_ms = round(self.settings["batch_lag_seconds"] * 1000)
        status = status_at(batch.history, at_ms - lag_ms) or lifecycle.INIT
        form = self.settings["merchant"]
        return {
            "externalId": batch.external_id,
            **({} if form == "absent" else {"merchantId": Raw(_MERCHANTS[form].format(self.settings["merchant_id"]))}),
            "totalAmount": self._money(total([item.amount for item in valid])),
            "totalSuccessfulAmount": self._money(total([item.amount for item in paid])),
            "massPayoutStatus": self.settings["batch_words"].get(status, status),
            "totalCommissionAmount": self._money(total([item.commission for item in charged])),
            "currency": batch.currency,
            **self._dates(batch, at_ms),
        }

    def _dates(self, batch: Batch, at_ms: int) -> dict[str, Any]:
        form = self.settings["dates"]
        moments = {
            name: next((moment for moment, status in batch.history if status in statuses and moment <= at_ms), None)
            for name, statuses in (_DATES.items() if form != "absent" else ())
        }
        return {name: _date(moment, form) for name, moment in moments.items() if moment is not None}

    def _is_asked_for(self, status: str, item_type: str | None) -> bool:
        if item_type is None:
            return True
        if item_type == "VALID" and self.settings["valid_items"] == "not_ended_badly" and status in _ENDED_BADLY:
            return False
        return (status == lifecycle.INVALID) == (item_type == "INVALID")

    def _money(self, amount: Decimal) -> Raw:
        return Raw(written(f"{amount:.2f}", self.settings["money"]))

    def _recipient(self, item: Item) -> dict[str, Any]:
        info, name, form = item.recipient_info, item.recipient_name, self.settings["recipients"]
        if form == "absent":
            return {"description": item.description}
        if form == "masked":
            info = f"{info[:2]}{'*' * max(len(info) - 6, 4)}{info[-4:]}"
            name = name and " ".join(f"{word[0]}***" for word in name.split())
        return {"recipientInfo": info, "recipientName": name, "description": item.description}

    def _errors(self, item: Item, status: str) -> dict[str, Any]:
        errors = [item.error[1]] if item.error else ["The bank could not pay"] if status in _ENDED_BADLY[:3] else []
        form, text = self.settings["item_errors"], errors[0] if errors else None
        return {**({} if form == "text" else {"errorMessages": errors}), **({} if form == "list" else {"errorMessage": text})}


def _date(moment_ms: int, form: str) -> str | int:
    if form == "number":
        return moment_ms
    return datetime.fromtimestamp(moment_ms / 1000, UTC).isoformat(timespec="seconds")
