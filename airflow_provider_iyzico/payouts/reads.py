"""What a read of iyzico says about a batch, in the few words that decisions need."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING

from airflow_provider_iyzico.api.payout.statuses import INIT, INVALID, BatchMeaning, batch_meaning
from airflow_provider_iyzico.domain.items import CANCELLED_ITEM
from airflow_provider_iyzico.errors import IyzicoNoSuchPayoutError, LedgerBatchError

if TYPE_CHECKING:
    from airflow_provider_iyzico.api.payout import MassPayout
    from airflow_provider_iyzico.ledger.batches import LedgerBatch
    from airflow_provider_iyzico.payouts.means import Means


class Says(StrEnum):
    """What a read says."""

    #: iyzico answered, and there is no such batch.
    NOTHING = "nothing"
    #: The batch and all its valid items wait to be authorized.
    INIT = "init"
    #: The batch and all its valid items are cancelled.
    CANCELLED = "cancelled"
    #: Anything else, words that nobody documented included: it may pay, or have paid.
    MORE = "more"


def says(found: MassPayout) -> Says:
    """Return what a read says."""
    statuses = {item.status for item in found.items} - {INVALID}
    meaning = batch_meaning(found.status)
    if meaning is BatchMeaning.INITIATED and statuses <= {INIT}:
        return Says.INIT
    if meaning is BatchMeaning.CANCELLED and statuses <= {CANCELLED_ITEM}:
        return Says.CANCELLED
    return Says.MORE


def read(means: Means, batch: LedgerBatch) -> MassPayout:
    """Read a batch that iyzico knows, by its ``request_id``.

    :raises LedgerBatchError: iyzico no longer knows it
    :raises IyzicoError: it cannot be read
    """
    try:
        return means.iyzico.retrieve_mass_payout(request_id=batch.request_id)
    except IyzicoNoSuchPayoutError as error:
        raise LedgerBatchError(
            f"{batch} was known to iyzico as {batch.request_id!r}, and is not any more ({error}); ask iyzico before you go on"
        ) from error


def twice(means: Means, once: Callable[[], Says], expected: Says) -> Says:
    """Read twice, ``grace_seconds`` apart; return ``expected`` only if both reads say it, else what the other one says."""
    said = once()
    if said is expected:
        means.pause(means.grace_seconds)
        said = once()
    return said
