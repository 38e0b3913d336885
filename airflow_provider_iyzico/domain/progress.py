"""How far a batch has come at iyzico, in counts: what a trigger sees, and says. Nothing of it is personal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from airflow_provider_iyzico.api.payout.statuses import (
    INIT,
    ITEM_STATUSES,
    BatchMeaning,
    ItemMeaning,
    batch_meaning,
    item_meaning,
)

if TYPE_CHECKING:
    from airflow_provider_iyzico.api.payout import MassPayout

#: So long after its last change, a batch may go on that seems to be over: banks are closed for a week and more. Not so long that
#: the same payments a month later have to wait for it.
LULL = timedelta(days=14)
_UNDECIDED = (ItemMeaning.UNDER_WAY, ItemMeaning.UNKNOWN)
#: Of an item that has not gone to the bank yet, so that its money is still on the balance.
NOT_GONE = frozenset({INIT, "QUEUED"})


#: Of an item that is paid, or will not be by itself.
DECIDED = [word for word, meaning in ITEM_STATUSES.items() if meaning not in _UNDECIDED]
PAID = [word for word, meaning in ITEM_STATUSES.items() if meaning is ItemMeaning.PAID]
#: Of an item whose money is where it stays: with the recipient, or on the balance.
SETTLED = [word for word, meaning in ITEM_STATUSES.items() if meaning in (ItemMeaning.PAID, ItemMeaning.NOT_PAID)]
#: Of an item that is surely not paid. One whose status nobody documented may be.
UNPAID = [word for word in ITEM_STATUSES if word not in PAID]


def is_under_way(statuses: Iterable[str]) -> bool:
    """Tell whether an item may still be paid by itself. One whose status nobody documented may."""
    return any(item_meaning(status) in _UNDECIDED for status in statuses)


def has_stopped(batch_status: str, statuses: Iterable[str]) -> bool:
    """Tell whether iyzico says that a batch does not go on, while each item that is under way still waits to go to the bank."""
    under_way = {status for status in statuses if item_meaning(status) in _UNDECIDED}
    return batch_meaning(batch_status) is BatchMeaning.STOPPED and bool(under_way) and under_way <= NOT_GONE


def goes_on(before: str | None, now: str) -> bool:
    """Tell whether a batch that had stopped does so no more; its items may follow later."""
    return batch_meaning(before or "") is BatchMeaning.STOPPED and batch_meaning(now) is not BatchMeaning.STOPPED


@dataclass(frozen=True, slots=True)
class Progress:
    """The status of a batch, and how many items have which status, both as iyzico spells them."""

    status: str
    items: tuple[tuple[str, int], ...]

    @classmethod
    def of(cls, found: MassPayout) -> Progress:
        return cls(found.status, tuple(sorted(Counter(item.status for item in found.items).items())))

    @property
    def is_decided(self) -> bool:
        """Whether no item is under way any more, or iyzico says that the batch does not go on: then the task has a look."""
        statuses = [status for status, _ in self.items]
        return not is_under_way(statuses) or has_stopped(self.status, statuses)

    def __str__(self) -> str:
        counts = ", ".join(f"{count} {status}" for status, count in self.items)
        return f"{self.status}: {counts or 'no items'}"


def undocumented(statuses: Iterable[str]) -> list[str]:
    """Return those statuses of items that nobody documented, each once."""
    return sorted({status for status in statuses if item_meaning(status) is ItemMeaning.UNKNOWN})
