"""What iyzico tells about items, against what the ledger has: rows are written, and an event for every change."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import uuid4

from airflow_provider_iyzico.api.money import money_text
from airflow_provider_iyzico.api.payout.statuses import ItemMeaning, item_meaning
from airflow_provider_iyzico.ledger.batches import Turn
from airflow_provider_iyzico.ledger.events import EventKind, event_row
from airflow_provider_iyzico.ledger.items import fitting, joined, write_items
from airflow_provider_iyzico.ledger.tables import REASON_LENGTH


class Told(NamedTuple):
    """What iyzico says of one item.

    :param commission: ``None``: it says nothing, and what it said before stays; the reference code likewise. So does zero, until
        the item is paid or returned
    """

    status: str
    commission: Decimal | None = None
    reference_code: str | None = None
    errors: tuple[str, ...] = ()


def write_told(turn: Turn, kept: list[dict[str, Any]], told: Mapping[str, Told]) -> list[dict[str, Any]]:
    """Write what is new, into the rows that were read as well, and return the events of it.

    :param kept: the rows of the items, which are brought up to date
    """
    version, before = turn.batch.version + 1, {}
    for row in kept:
        said = told.get(row["item_external_id"])
        if said is not None and (new := _new(row, said, turn.now)):
            before[row["item_external_id"]] = {name: row[name] for name in new}
            row.update(new)
    changed = [row for row in kept if row["item_external_id"] in before]
    write_items(turn.ledger, turn.connection, changed)
    shared = event_row(turn.batch.key, version, EventKind.ITEM, turn.who, turn.now)
    return [{**shared, **_event(row, before[row["item_external_id"]])} for row in changed]


def _new(row: dict[str, Any], said: Told, now: datetime) -> dict[str, Any]:
    """Return what of a row is no longer so."""
    status = fitting(said.status)
    now_says: dict[str, Any] = {"status": status, "error": joined(said.errors)}
    is_settled = item_meaning(said.status) in (ItemMeaning.PAID, ItemMeaning.NOT_PAID)
    if said.commission or (said.commission is not None and (is_settled or row["commission"] is None)):
        now_says["commission"] = said.commission
    if said.reference_code is not None:
        now_says["reference_code"] = said.reference_code
    new: dict[str, Any] = {name: value for name, value in now_says.items() if row[name] != value}
    if "status" in new:
        new["status_at"] = now
    return {**new, "changed_at": now} if new else new


def _event(row: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    """Return what the event of one item tells."""
    said = [row["error"]] if before.get("error") != row["error"] and "error" in before else []
    if "commission" in before:
        said.append(f"commission {money_text(row['commission'])}")
    return {
        "event_id": str(uuid4()),
        "item_external_id": row["item_external_id"],
        "before": before.get("status", row["status"]),
        "after": row["status"],
        "reason": "; ".join(filter(None, said))[:REASON_LENGTH] or None,
    }
