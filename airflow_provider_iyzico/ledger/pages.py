"""The ledger as text for a person. No IBAN, phone, identity number or name is in it, since none is in the ledger."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from decimal import Decimal
from typing import Any

from airflow_provider_iyzico.api.money import money_text
from airflow_provider_iyzico.domain.approval import Word
from airflow_provider_iyzico.ledger.batches import LedgerBatch

_LIST = ("external_id", "environment", "account", "state", "currency", "total", "required", "items", "changed_at")
_BATCH = (
    "state",
    "version",
    "request_id",
    "purpose",
    "iyzico_status",
    "items",
    "invalid_items",
    "total",
    "commission",
    "commission_bound",
    "required",
    "deadline_at",
    "auth_unanswered_at",
    "read_at",
    "dag_id",
    "task_id",
    "run_id",
    "created_at",
    "changed_at",
    "ended_at",
)
_ITEM = ("item_external_id", "recipient_type", "recipient_end", "amount", "commission", "status", "reference_code", "error")
_EVENT = ("happened_at", "version", "kind", "item_external_id", "before", "after", "by", "reason")
_HOLD = ("number", "amount", "counted", "placed_at", "expires_at", "kind", "ended_at")
_ENDS = ("kind", "ended_at", "ended_by", "reason")
_SAID = ("person", "said", "digest", "said_at", "counts_until", "counts")
_PLAIN = ("external_id", "environment", "account", "currency", "amount", "placed_at", "expires_at", "dag_id", "run_id")


def batches_page(batches: Iterable[LedgerBatch], plain_holds: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    yield from _table("Batches", _LIST, map(_row, batches))
    yield from _table("Holds for payouts that other code makes", _PLAIN, plain_holds)


def plain_page(holds: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Show the holds of one name, open ones and those that ended."""
    yield from _table("Holds for payouts that other code makes", (*_PLAIN, *_ENDS), holds)


def batch_page(
    batch: LedgerBatch,
    digest: str,
    said: Iterable[tuple[Word, str | None]],
    holds: Iterable[Mapping[str, Any]],
    items: Iterable[Mapping[str, Any]],
    events: Iterable[Mapping[str, Any]],
) -> Iterator[str]:
    """Show a batch.

    :param digest: by which it is approved as it is
    :param said: what each person said last, and why it is no approval that counts
    """
    yield str(batch)
    row = _row(batch)
    yield from (f"  {name}: {_text(row[name])}" for name in _BATCH if row[name] is not None)
    yield f"  digest: {digest}"
    yield from _table("Approvals", _SAID, (_said(word, why) for word, why in said))
    yield from _table("Holds", _HOLD, holds)
    yield from _table("Items", _ITEM, items)
    yield from _table("Events", _EVENT, ({**event, "by": _by(event)} for event in events))


def _row(batch: LedgerBatch) -> dict[str, Any]:
    return {**{field.name: getattr(batch, field.name) for field in fields(batch)}, **batch.account.key()}


def _said(word: Word, why: str | None) -> dict[str, Any]:
    row = {field.name: getattr(word, field.name) for field in fields(word)}
    return {**row, "said": "approved" if word.is_approval else "rejected", "counts": "yes" if why is None else f"no: {why}"}


def _by(event: Mapping[str, Any]) -> str:
    if event["person"] is not None:
        return str(event["person"])
    mapped = "" if event["map_index"] in (None, -1) else f"[{event['map_index']}]"
    return f"{event['dag_id']}.{event['task_id']}{mapped}, {event['run_id']}, try {event['try_number']}"


def _table(title: str, names: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    cells = [[_text(row[name]) for name in names] for row in rows]
    yield ""
    yield f"{title}: {len(cells)}"
    if cells:
        widths = [max(map(len, column)) for column in zip(names, *cells, strict=True)]
        for line in (names, *cells):
            yield "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()


def _text(value: object) -> str:
    if isinstance(value, Decimal):
        return money_text(value)
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    return "" if value is None else str(value)
