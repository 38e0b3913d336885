"""From pages to one batch: whether all pages were seen, and whether two readings agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import count

from airflow_provider_iyzico.api.payout.batch import MAX_ITEMS
from airflow_provider_iyzico.api.payout.retrieved import Item, MassPayout, Page, only
from airflow_provider_iyzico.errors import IyzicoAnswerError

#: Your id of an item, and iyzico's, because iyzico may have several items with one of yours. Where iyzico gives none, those on
#: one page are counted: pages that shift show an item on two of them, and not twice on one.
Identity = tuple[str, str | None, int]
#: A reading ends after this many pages in a row without a new item: the server ignores the number of the page.
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
        """Add a page; page 0 as well.

        :raises IyzicoAnswerError: it belongs to another batch, or there are too many items
        """
        _request_id([self._first.payout, page.payout])
        before = len(self._items)
        self._items.update(_identified(page.payout.items))
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
        """Whether each item came once, and there are as many as all pages say."""
        return self._is_steady and len(self._items) == self._last.total

    def agrees_with(self, other: Reading) -> bool:
        """Tell whether two complete readings hold the same items and amounts."""
        return self._has_ended and other._has_ended and self._amounts() == other._amounts()

    def payout(self) -> MassPayout:
        """Return the batch with the items of all pages, and its other fields from the last page."""
        whole = merged([self._first.payout, self._last.payout])
        return replace(whole, items=tuple(self._items.values()))

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


def merged(payouts: Sequence[MassPayout]) -> MassPayout:
    """Join the parts of a batch: each item once, and the other fields from the last part.

    :raises IyzicoAnswerError: they belong to several batches
    """
    request_id = _request_id(payouts)
    items = {identity: item for payout in payouts for identity, item in _identified(payout.items)}
    return replace(payouts[-1], request_id=request_id, items=tuple(items.values()))


def _request_id(payouts: Sequence[MassPayout]) -> str | None:
    """Return iyzico's id of the one batch whose parts these are, if one of them tells it.

    :raises IyzicoAnswerError: they belong to several batches
    """
    if len({_batch(payout) for payout in payouts}) > 1:
        raise IyzicoAnswerError("iyzico answered with pages of several batches")
    return only(payout.request_id for payout in payouts)


def _identified(items: Iterable[Item]) -> Iterator[tuple[Identity, Item]]:
    seen: Counter[str] = Counter()
    for item in items:
        nameless = item.reference_code is None
        seen[item.item_external_id] += nameless
        yield (item.item_external_id, item.reference_code, seen[item.item_external_id] if nameless else 0), item


def _batch(payout: MassPayout) -> tuple[str, str | None, str | None]:
    return payout.external_id, payout.merchant_id, payout.currency
