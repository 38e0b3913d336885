"""One batch and its items, each with the history of its statuses."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from airflow_provider_iyzico.simulator import lifecycle
from airflow_provider_iyzico.simulator.balance import EXACT, total

History = list[tuple[int, str]]


def status_at(history: History, at_ms: int) -> str | None:
    """Return the status of a moment, or nothing where there was none yet."""
    if history[-1][0] <= at_ms:
        return history[-1][1]
    place = bisect_right(history, at_ms, key=lambda change: change[0])
    return history[place - 1][1] if place else None


@dataclass(slots=True, eq=False)
class Item:
    """One payment. A second payment of the same item is an item that is not shown.

    ``is_out``: its money was taken, and has not come back.
    """

    number: int
    external_id: str
    reference_code: str
    recipient_type: str
    recipient_info: str
    recipient_name: str | None
    description: str | None
    amount: Decimal
    commission: Decimal
    currency: str
    has_wrong_iban: bool = False
    error: tuple[str, str] | None = None
    history: History = field(default_factory=list)
    is_shown: bool = True
    is_stopped: bool = False
    is_out: bool = False
    ticket: int = 0

    @property
    def status(self) -> str:
        return self.history[-1][1]

    @property
    def needs(self) -> Decimal:
        """What it takes from the balance."""
        return EXACT.add(self.amount, self.commission)

    def again(self) -> Item:
        """Return a second payment of it, which no answer shows."""
        return replace(self, history=[], is_shown=False, is_stopped=False, is_out=False)


@dataclass(slots=True, eq=False)
class Batch:
    """A mass payout. ``items`` hold the invalid ones, and those that pay a second time, too."""

    request_id: str
    external_id: str
    conversation_id: str | None
    purpose: str | None
    currency: str
    items: list[Item]
    history: History = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    authorizations: int = 0
    authorized_ms: int | None = None
    is_stopped: bool = False

    @property
    def status(self) -> str:
        return self.history[-1][1]

    @property
    def shown(self) -> list[Item]:
        return [item for item in self.items if item.is_shown]

    @property
    def valid(self) -> list[Item]:
        return [item for item in self.items if item.status != lifecycle.INVALID]

    @property
    def is_cancelled(self) -> bool:
        """Tell whether no valid item is in another state than cancelled."""
        return set(+self.counts) <= {lifecycle.ITEM_CANCELED}

    @property
    def waiting(self) -> list[Item]:
        """The items whose money is still to be taken."""
        return [item for item in self.items if not item.is_out and item.status in (lifecycle.INIT, lifecycle.QUEUED)]

    @property
    def needs(self) -> Decimal:
        """What the batch has yet to take from the balance."""
        return total([item.needs for item in self.waiting])

    def enter(self, item: Item, status: str, at_ms: int) -> None:
        """Let an item have a status from now on."""
        if item.history:
            self.counts[item.status] -= 1
        item.history.append((at_ms, status))
        if status != lifecycle.INVALID:
            self.counts[status] += 1

    def say(self, status: str, at_ms: int) -> None:
        """Let the batch have a status from now on."""
        if not self.history or status != self.status:
            self.history.append((at_ms, status))

    def public(self) -> dict[str, Any]:
        """Return what the control door shows: no recipients."""
        return {
            "request_id": self.request_id,
            "external_id": self.external_id,
            "status": self.status,
            "currency": self.currency,
            "authorizations": self.authorizations,
            "items": [_public(item, self.items) for item in self.shown],
        }


def _public(item: Item, items: list[Item]) -> dict[str, Any]:
    return {
        "item_external_id": item.external_id,
        "reference_code": item.reference_code,
        "status": item.status,
        "amount": str(item.amount),
        "commission": str(item.commission),
        "times_paid": sum(
            any(status == lifecycle.SUCCESS for _, status in each.history) for each in items if each.number == item.number
        ),
    }
