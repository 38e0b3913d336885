"""What a read of iyzico says about a batch as a whole, and for which states of the ledger it speaks."""

from __future__ import annotations

from enum import StrEnum

from airflow_provider_iyzico.api.payout.retrieved import MassPayout
from airflow_provider_iyzico.api.payout.statuses import FAILED, INIT, INVALID, ITEM_STATUSES, BatchMeaning, batch_meaning
from airflow_provider_iyzico.domain.items import CANCELLED_ITEM
from airflow_provider_iyzico.domain.payout import State


class Says(StrEnum):
    """What iyzico says of a batch."""

    #: It answered, and knows no such batch.
    NOTHING = "nothing found"
    #: Nobody has authorized it: neither the batch, nor any valid item.
    INIT = "nothing paid yet"
    #: The batch, and every item that is not invalid and did not fail.
    CANCELLED = "cancelled"
    #: Somebody has authorized it.
    PAYING = "authorized"
    #: Batch and items contradict each other, or a word is unknown.
    UNCLEAR = "unclear"


#: Which states a read speaks for; it contradicts every other one.
SPEAKS_FOR: dict[Says, frozenset[State]] = {
    Says.NOTHING: frozenset({State.NEW, State.INIT_UNKNOWN}),
    Says.INIT: frozenset({State.INITIATED, State.INIT_UNKNOWN, State.AUTH_UNKNOWN, State.CANCEL_UNKNOWN}),
    Says.CANCELLED: frozenset({State.CANCELLED}),
    Says.PAYING: frozenset({State.AUTHORIZED, State.ENDED}),
    Says.UNCLEAR: frozenset({State.INIT_UNKNOWN, State.AUTH_UNKNOWN, State.CANCEL_UNKNOWN}),
}
_AUTHORIZED = (BatchMeaning.UNDER_WAY, BatchMeaning.ENDED, BatchMeaning.STOPPED)
#: No item gets such a status before its batch is authorized.
_SENT_ITEM = set(ITEM_STATUSES) - {INIT, INVALID, CANCELLED_ITEM, FAILED}


def says(found: MassPayout | None) -> Says:
    """Judge a read by the batch and all its items.

    :param found: ``None``: iyzico answered that it knows no such batch
    """
    if found is None:
        return Says.NOTHING
    batch, statuses = batch_meaning(found.status), {item.status for item in found.items} - {INVALID}
    if not found.items:
        return Says.UNCLEAR
    if batch in _AUTHORIZED or statuses & _SENT_ITEM:
        return Says.PAYING
    if batch is BatchMeaning.INITIATED and statuses <= {INIT}:
        return Says.INIT
    if batch is BatchMeaning.CANCELLED and statuses <= {CANCELLED_ITEM, FAILED}:
        return Says.CANCELLED
    return Says.UNCLEAR
