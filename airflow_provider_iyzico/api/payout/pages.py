"""From pages to one batch: when all of them were seen, and when two readings of them say the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from itertools import count

from airflow_provider_iyzico.api.payout.batch import MAX_ITEMS
from airflow_provider_iyzico.api.payout.retrieved import Item, MassPayout, Page, only
from airflow_provider_iyzico.errors import IyzicoAnswerError

#: Of an item: its own id and iyzico's, since iyzico may have several items of one id.
Identity = tuple[str, str | None]
#: So many pages without a new item end a reading: the server does not turn pages.
MAX_STILL = 2


class Reading:
    """What one pass over the pages of a batch has seen.

    :param first: page 0
    """

    def __init__(self, first: Page) -> None:
        self._first = self._last = first
        self._items: dict[Identity, Item] = {}
        self._is_steady = True
        self._still = 0

    def take(self, page: Page) -> None:
        """Take a page, the first one included.

        :raises IyzicoAnswerError: it belongs to another batch, or there are too many items
        """
        if _batch(page) != _batch(self._first):
            raise IyzicoAnswerError("iyzico answered with pages of several batches")
        only([self._first.payout.request_id, page.payout.request_id])
        before = len(self._items)
        self._items.update({(item.item_external_id, item.reference_code): item for item in page.payout.items})
        grown = len(self._items) - before
        self._still = 0 if grown else self._still + 1
        self._is_steady &= grown == len(page.payout.items) and page.total == self._first.total
        self._last = page
        if max(len(self._items), page.total) > MAX_ITEMS:
            raise IyzicoAnswerError(f"iyzico answered with more than {MAX_ITEMS} items, which is more than this package reads")

    @property
    def wants_more(self) -> bool:
        """Whether another page may hold what is missing."""
        return not self._has_ended and self._still < MAX_STILL

    @property
    def is_exact(self) -> bool:
        """Whether there were as many items as iyzico says, each once, and it said the same all the time."""
        return self._is_steady and len(self._items) == self._last.total

    def agrees_with(self, other: Reading) -> bool:
        """Tell whether two readings that came to their end hold the same items and amounts."""
        return self._has_ended and other._has_ended and self._amounts() == other._amounts()

    def payout(self) -> MassPayout:
        """Return the batch as the last page had it, with the items of all pages."""
        last = self._last.payout
        return replace(last, request_id=only([self._first.payout.request_id, last.request_id]), items=tuple(self._items.values()))

    @property
    def _has_ended(self) -> bool:
        return len(self._items) >= self._last.total or not self._last.payout.items

    def _amounts(self) -> dict[Identity, Decimal]:
        return {identity: item.total_amount for identity, item in self._items.items()}


def read_pages(ask: Callable[[int], Page]) -> Reading:
    """Read the pages of a batch, each once.

    :param ask: returns the page of that number, from 0 on
    :raises IyzicoAnswerError: they belong to several batches, or hold too many items
    """
    page = ask(0)
    reading = Reading(page)
    reading.take(page)
    for number in count(1):
        if not reading.wants_more:
            break
        reading.take(ask(number))
    return reading


def _batch(page: Page) -> tuple[str, str | None, str | None]:
    return page.payout.external_id, page.payout.merchant_id, page.payout.currency
