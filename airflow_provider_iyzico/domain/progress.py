"""How far a batch has come at iyzico, in counts: what a trigger sees, and says. Nothing of it is personal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_iyzico.api.payout.statuses import BatchMeaning, ItemMeaning, batch_meaning, item_meaning

if TYPE_CHECKING:
    from airflow_provider_iyzico.api.payout import MassPayout

_UNDECIDED = (ItemMeaning.UNDER_WAY, ItemMeaning.UNKNOWN)


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
        return self._stopped() or not any(item_meaning(status) in _UNDECIDED for status, _ in self.items)

    def __str__(self) -> str:
        counts = ", ".join(f"{count} {status}" for status, count in self.items)
        return f"{self.status}: {counts or 'no items'}"

    def _stopped(self) -> bool:
        return batch_meaning(self.status) is BatchMeaning.STOPPED


def undocumented(progress: Iterable[tuple[str, int]]) -> list[str]:
    """Return the statuses that nobody documented, for a line in the log."""
    return [status for status, _ in progress if item_meaning(status) is ItemMeaning.UNKNOWN]
