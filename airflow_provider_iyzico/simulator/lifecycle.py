"""What becomes of an item and of a batch, as data. Nothing else in the simulator knows an order of statuses.

Statuses and their meanings: https://docs.iyzico.com/en/products/mass-payout/mass-payout-integration/retrieve-mass-payout
"""

from __future__ import annotations

from collections.abc import Mapping

INIT, CANCELED, INSUFFICIENT_BALANCE = "INIT", "CANCELED", "INSUFFICIENT_BALANCE"
INVALID, ITEM_CANCELED, QUEUED, PROCESSING, FAILED = "INVALID", "MASS_PAYOUT_CANCELED", "QUEUED", "PROCESSING", "FAILED"
SUCCESS, DEPOSIT_SUCCESS, DEPOSIT_FAIL = "SUCCESS", "DEPOSIT_SUCCESS", "DEPOSIT_FAIL"
COMPLETED, FAIL = "COMPLETED", "FAIL"
#: A status that no document names.
UNHEARD_OF = "AWAITING_CLEARANCE"

#: Where an item waits in the queue: the documentation does not say.
QUEUES = {
    "before": (QUEUED, PROCESSING),
    "after": (PROCESSING, QUEUED),
    "never": (PROCESSING,),
}

#: What becomes of an item at the bank: the statuses that follow the queue.
FATES: dict[str, tuple[str, ...]] = {
    "paid": (SUCCESS,),
    "returned": (FAILED, DEPOSIT_SUCCESS),
    "return_fails": (FAILED, DEPOSIT_FAIL),
    "never_returned": (FAILED,),
    "bounced": (SUCCESS, DEPOSIT_SUCCESS),
    "waits": (),
    "unheard_of": (UNHEARD_OF,),
    "invalid": (),
}

#: The same in words, for the control door.
FATE_MEANINGS = {
    "paid": "the bank pays it",
    "returned": "FAILED at the bank, and its money comes back (DEPOSIT_SUCCESS)",
    "return_fails": "FAILED at the bank, and its money does not come back (DEPOSIT_FAIL)",
    "never_returned": "FAILED at the bank for good, and its money does not come back",
    "bounced": "paid, and sent back later (DEPOSIT_SUCCESS)",
    "waits": "stays at the bank for good",
    "unheard_of": f"ends in a status that no document names ({UNHEARD_OF})",
    "invalid": "INVALID from the start, whatever it holds",
}

#: How many seconds an item takes to reach a status from the one before, by the simulator's clock. ``RESERVED``: from the
#: authorization until the money is set aside at iyzico and the items are queued.
DURATIONS = {
    "RESERVED": 0.0,
    QUEUED: 1.0,
    PROCESSING: 1.0,
    SUCCESS: 2.0,
    FAILED: 2.0,
    DEPOSIT_SUCCESS: 5.0,
    DEPOSIT_FAIL: 5.0,
    UNHEARD_OF: 2.0,
}

#: Items that the bank has done with. What follows concerns money that comes back.
ENDED = (SUCCESS, FAILED, DEPOSIT_SUCCESS, DEPOSIT_FAIL, ITEM_CANCELED)
#: Batches whose word does not change again.
FINAL = (COMPLETED, FAIL)
#: The last word of a batch of which some items were paid and some failed: no documented word means that.
MIXED = {"completed": COMPLETED, "fail": FAIL, "in_progress": "PUBLISHED_TO_QUEUE", "unheard_of": "PARTIALLY_COMPLETED"}


def next_status(status: str, fate: str, queue: str) -> str | None:
    """Return where an authorized item goes from here, or nothing where it stays."""
    path = (INIT, *QUEUES[queue], *FATES[fate])
    place = path.index(status) + 1 if status in path else len(path)
    return path[place] if place < len(path) else None


def batch_status(counts: Mapping[str, int], *, is_stopped: bool, mixed: str) -> str:
    """Return the word of an authorized batch from how many of its valid items are in each status."""
    total, ended = sum(counts.values()), sum(counts.get(status, 0) for status in ENDED)
    if is_stopped:
        return INSUFFICIENT_BALANCE
    if ended < total:
        waiting = counts.get(INIT, 0) + counts.get(QUEUED, 0)
        return "IN_PROGRESS" if waiting == total else "PUBLISHED_TO_QUEUE"
    if counts.get(SUCCESS, 0) == total:
        return COMPLETED
    return MIXED[mixed] if counts.get(SUCCESS, 0) else FAIL
