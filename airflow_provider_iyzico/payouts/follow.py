"""An authorized batch is followed until every item is accounted for, or needs a person. Nothing is sent by this."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from airflow_provider_iyzico.api.money import money_text
from airflow_provider_iyzico.api.payout.statuses import BatchMeaning, ItemMeaning, batch_meaning, item_meaning
from airflow_provider_iyzico.domain.items import ItemState, Totals, totals_of
from airflow_provider_iyzico.domain.payout import State
from airflow_provider_iyzico.errors import LedgerMovedError
from airflow_provider_iyzico.ledger.items import item_rows, state_of
from airflow_provider_iyzico.ledger.reading import record
from airflow_provider_iyzico.payouts.reads import read

if TYPE_CHECKING:
    from airflow_provider_iyzico.ledger.batches import LedgerBatch
    from airflow_provider_iyzico.payouts.means import Means

_NAMED = 10


@dataclass(frozen=True, slots=True)
class Standing:
    """How far an authorized batch has come.

    :param has_ended: nothing more comes by itself
    :param wait_seconds: when it is worth to read again, where time alone changes something
    :param problem: what a person has to know, if anything
    :param has_stopped: iyzico says that the batch does not go on, though nothing of it is paid
    """

    batch: LedgerBatch
    totals: Totals
    has_ended: bool
    wait_seconds: float | None = None
    problem: str | None = None
    has_stopped: bool = False


def follow(means: Means, external_id: str, *, deposit_grace_seconds: float) -> Standing:
    """Read an authorized batch once, keep what iyzico says, and return how far it has come.

    :param deposit_grace_seconds: for how long an item that failed may wait for its money to come back
    :raises IyzicoError: iyzico or the ledger cannot be reached, or shows another batch
    """
    while True:
        batch = means.batch(external_id)
        if batch.state is not State.AUTHORIZED:
            return standing_of(means, batch, deposit_grace_seconds)
        try:
            batch = record(means.ledger, batch, read(means, batch), means.who, settling_seconds=means.settling_seconds)
        except LedgerMovedError:
            continue
        standing = standing_of(means, batch, deposit_grace_seconds)
        if not _has_stopped(standing):
            return standing
        means.pause(means.grace_seconds)
        try:
            batch = record(means.ledger, batch, read(means, batch), means.who, settling_seconds=means.settling_seconds)
        except LedgerMovedError:
            continue
        again = standing_of(means, batch, deposit_grace_seconds)
        return _stopped(again) if _has_stopped(again) else again


def standing_of(means: Means, batch: LedgerBatch, deposit_grace_seconds: float) -> Standing:
    """Return how far a batch has come, by what the ledger holds."""
    items = [state_of(row) for row in item_rows(means.ledger, batch)]
    totals = totals_of(items, batch.commission_bound)
    if batch.state is State.ENDED:
        return Standing(batch, totals, has_ended=True, problem=_unpaid(batch, totals, items))
    if any(_is_under_way(item) for item in items):
        return Standing(batch, totals, has_ended=False)
    failed = [item for item in items if item_meaning(item.status) is ItemMeaning.OUT]
    left = [_seconds_left(item.status_at, batch.seen_at, deposit_grace_seconds) for item in failed]
    if waiting := [seconds for seconds in left if seconds > 0]:
        return Standing(batch, totals, has_ended=False, wait_seconds=min(waiting))
    if all(item.is_settled for item in items):  # the hold counts settled items a little longer
        return Standing(batch, totals, has_ended=False, wait_seconds=means.settling_seconds)
    return Standing(batch, totals, has_ended=True, problem=_unpaid(batch, totals, items))


def _has_stopped(standing: Standing) -> bool:
    """Tell whether iyzico says that the batch does not go on, while nothing of it is out."""
    is_stopped = batch_meaning(standing.batch.iyzico_status or "") is BatchMeaning.STOPPED
    return is_stopped and not standing.has_ended and not standing.totals.paid_items


def _stopped(standing: Standing) -> Standing:
    batch = standing.batch
    problem = (
        f"{batch} has stopped: iyzico calls it {batch.iyzico_status}, and nothing of it is paid. Its money stays set aside, "
        "since a top-up may set it off. Ask iyzico what becomes of it; if it never goes on: python -m "
        f"airflow_provider_iyzico.ledger resolve {batch.external_id} --as ended --because ..."
    )
    return Standing(batch, standing.totals, has_ended=True, problem=problem, has_stopped=True)


def _is_under_way(item: ItemState) -> bool:
    return item_meaning(item.status) in (ItemMeaning.UNDER_WAY, ItemMeaning.UNKNOWN)


def _seconds_left(since: datetime, now: datetime, seconds: float) -> float:
    return (since + timedelta(seconds=seconds) - now).total_seconds()


def _unpaid(batch: LedgerBatch, totals: Totals, items: list[ItemState]) -> str | None:
    """Say which valid items are not paid, and what became of their money."""
    unpaid = [item for item in items if item.is_valid and not item.is_paid]
    if not unpaid:
        return None
    named = ", ".join(f"{item.item_external_id!r} ({item.status})" for item in unpaid[:_NAMED])
    more = f" and {len(unpaid) - _NAMED} more" if len(unpaid) > _NAMED else ""
    currency = batch.account.currency
    return (
        f"{len(unpaid)} of {totals.items - totals.invalid_items} items of {batch} are not paid: {named}{more}; returned "
        f"{money_text(totals.returned_total)}, still out {money_text(totals.outstanding_total)} {currency}"
    )
