"""Sums over the items of a batch: what they need, what is paid, what came back, and what is outstanding."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from airflow_provider_iyzico.api.money import add, money_text, summed
from airflow_provider_iyzico.api.payout.statuses import INVALID, ItemMeaning, item_meaning

#: Of an item: its batch was cancelled.
CANCELLED_ITEM = "MASS_PAYOUT_CANCELED"
_NOTHING = Decimal(0)


class ItemState(NamedTuple):
    """One item, as the ledger knows it.

    :param status: as iyzico spells it; empty before iyzico knows the item. What was not sent of a cancelled batch is
        ``CANCELLED_ITEM``
    :param status_at: since when, as far as the ledger saw it
    :param commission: as iyzico states it
    """

    item_external_id: str
    status: str
    amount: Decimal
    status_at: datetime
    commission: Decimal | None = None

    @property
    def is_valid(self) -> bool:
        return self.status != INVALID

    @property
    def is_paid(self) -> bool:
        return item_meaning(self.status) is ItemMeaning.PAID

    @property
    def is_settled(self) -> bool:
        """Whether its money is where it stays: with the recipient, or on the balance."""
        return item_meaning(self.status) in (ItemMeaning.PAID, ItemMeaning.NOT_PAID)

    @property
    def was_never_sent(self) -> bool:
        """Whether its money never left the balance."""
        return self.status in (INVALID, CANCELLED_ITEM)


def commission_of(stated: Decimal | None, bound: Decimal | None) -> Decimal | None:
    """Return what an item costs at most: the greater of what iyzico states and what the author says.

    Where iyzico states none or zero, only the author knows; without ``bound`` it is ``None``.
    """
    if not stated and bound is None:
        return None
    return max(stated or _NOTHING, bound or _NOTHING)


@dataclass(frozen=True, slots=True)
class Totals:
    """What the items of a batch come to, in its currency. Sums of amounts never include commission.

    :param total: of the valid items
    :param commission: what the valid items cost at most; ``None``: iyzico does not say, and the author did not
    :param paid_commission: as iyzico states it, as is the commission of what returned and of what is outstanding
    :param outstanding_total: of valid items that were sent and are neither paid nor returned
    :param unpaid_items: a count of the valid items that are not paid
    """

    items: int
    total: Decimal
    invalid_items: int
    commission: Decimal | None
    paid_items: int
    paid_total: Decimal
    paid_commission: Decimal
    returned_total: Decimal
    returned_commission: Decimal
    outstanding_total: Decimal
    outstanding_commission: Decimal
    unpaid_items: int

    @property
    def required(self) -> Decimal | None:
        """What is set aside for the batch: total + commission."""
        return None if self.commission is None else add(self.total, self.commission)


def totals_of(items: Iterable[ItemState], commission_bound: Decimal | None) -> Totals:
    """Add up the items of a batch."""
    alike: dict[str, list[ItemState]] = {}  # thousands of items have a few statuses, and each is judged once
    for item in items:
        alike.setdefault(item.status, []).append(item)

    def those(are_meant: Callable[[ItemState], bool]) -> list[ItemState]:
        return [item for group in alike.values() if are_meant(group[0]) for item in group]

    everything, valid, paid = those(lambda item: True), those(lambda item: item.is_valid), those(lambda item: item.is_paid)
    returned = those(lambda item: item.is_settled and not (item.is_paid or item.was_never_sent))
    outstanding = those(lambda item: not (item.is_settled or item.was_never_sent))
    costs = [commission_of(item.commission, commission_bound) for item in valid]
    known = [cost for cost in costs if cost is not None]
    return Totals(
        items=len(everything),
        total=_amounts(valid),
        invalid_items=len(everything) - len(valid),
        commission=summed(known) if len(known) == len(costs) else None,
        paid_items=len(paid),
        paid_total=_amounts(paid),
        paid_commission=_commissions(paid),
        returned_total=_amounts(returned),
        returned_commission=_commissions(returned),
        outstanding_total=_amounts(outstanding),
        outstanding_commission=_commissions(outstanding),
        unpaid_items=len(valid) - len(paid),
    )


def still_out(
    items: Iterable[ItemState],
    commission_bound: Decimal | None,
    *,
    now: datetime,
    settling_seconds: float,
    held_since: datetime | None,
) -> Decimal:
    """Return what the hold of an authorized batch counts: amount and commission of what is not settled for long enough.

    :param settling_seconds: for how long a settled item still counts, since the balance may lag behind
    :param held_since: when the hold was placed: what was invalid or cancelled before was never in it
    """
    enough = now - timedelta(seconds=settling_seconds)
    parts: list[Decimal] = []
    for item in items:
        was_in_it = not item.was_never_sent or (held_since is not None and item.status_at > held_since)
        if item.is_settled and (item.status_at <= enough or not was_in_it):
            continue
        parts += [item.amount, commission_of(item.commission, commission_bound) or _NOTHING]
    return summed(parts)


def _amounts(items: Iterable[ItemState]) -> Decimal:
    return summed(item.amount for item in items)


def _commissions(items: Iterable[ItemState]) -> Decimal:
    return summed(item.commission or _NOTHING for item in items)


def texts(totals: Totals, *, has_ended: bool) -> dict[str, str | int]:
    """Return the totals as an operator gives them back: texts and counts.

    :param has_ended: also say what became of the items
    """
    names = ["items", "total", "invalid_items", "commission", "required"]
    if has_ended:
        names += ["paid_items", "paid_total", "paid_commission", "returned_total", "returned_commission"]
        names += ["outstanding_total", "outstanding_commission", "unpaid_items"]
    return {name: _text(getattr(totals, name)) for name in names}


def _text(value: Decimal | int | None) -> str | int:
    if isinstance(value, Decimal):
        return money_text(value)
    return "" if value is None else value
