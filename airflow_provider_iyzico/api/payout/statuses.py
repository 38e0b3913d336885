"""The statuses of a batch and of its items, and what each means.

Other words are kept as they are. They mean ``UNKNOWN``, and never that somebody was paid. The tables are from
https://docs.iyzico.com/en/products/mass-payout/mass-payout-integration/retrieve-mass-payout, and from ``mass-payout-reporting``
beside it.
"""

from __future__ import annotations

from enum import StrEnum


class ItemMeaning(StrEnum):
    """What an item's status says about its money."""

    #: Nothing is decided yet.
    UNDER_WAY = "under way"
    PAID = "paid"
    #: The recipient gets nothing, and the money is on the balance.
    NOT_PAID = "not paid"
    #: The recipient got nothing, and the money has left the balance. It may come back.
    OUT = "out"
    #: Like ``OUT``, but the money does not come back by itself.
    NEEDS_A_PERSON = "needs a person"
    UNKNOWN = "unknown"


class BatchMeaning(StrEnum):
    """What a batch's status says. Only its items say what happened to money."""

    INITIATED = "initiated"
    UNDER_WAY = "under way"
    ENDED = "ended"
    #: It does not go on. Nobody knows whether a top-up would start it again.
    STOPPED = "stopped"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


#: A batch or an item that nobody has authorized.
INIT = "INIT"
#: An item that iyzico refuses to pay.
INVALID = "INVALID"
#: It is documented for validation errors, too, so that an item may have it before its batch is authorized.
FAILED = "FAILED"

ITEM_STATUSES = {
    INIT: ItemMeaning.UNDER_WAY,
    "QUEUED": ItemMeaning.UNDER_WAY,
    "PROCESSING": ItemMeaning.UNDER_WAY,
    "SUCCESS": ItemMeaning.PAID,
    INVALID: ItemMeaning.NOT_PAID,
    "DEPOSIT_SUCCESS": ItemMeaning.NOT_PAID,
    "MASS_PAYOUT_CANCELED": ItemMeaning.NOT_PAID,
    FAILED: ItemMeaning.OUT,
    "DEPOSIT_FAIL": ItemMeaning.NEEDS_A_PERSON,
}
#: The last one, and SUCCESS, which is left out, stand in an unmerged change of the official Java client only.
BATCH_STATUSES = {
    INIT: BatchMeaning.INITIATED,
    "IN_PROGRESS": BatchMeaning.UNDER_WAY,
    "PUBLISHED_TO_QUEUE": BatchMeaning.UNDER_WAY,
    "COMPLETED": BatchMeaning.ENDED,
    "CANCELED": BatchMeaning.CANCELLED,
    "FAIL": BatchMeaning.STOPPED,
    "INSUFFICIENT_BALANCE": BatchMeaning.STOPPED,
    "IYZICO_INSUFFICIENT_BALANCE": BatchMeaning.STOPPED,
}


def item_meaning(status: str) -> ItemMeaning:
    """Return what an item's status means; an undocumented word is ``UNKNOWN``."""
    return ITEM_STATUSES.get(status, ItemMeaning.UNKNOWN)


def batch_meaning(status: str) -> BatchMeaning:
    """Return what a batch's status means; an undocumented word is ``UNKNOWN``."""
    return BATCH_STATUSES.get(status, BatchMeaning.UNKNOWN)
