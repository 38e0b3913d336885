"""An authorized batch is followed until every item is accounted for, or needs a person. Nothing is sent by this."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from airflow_provider_iyzico.api.money import money_text
from airflow_provider_iyzico.api.payout.statuses import ItemMeaning, item_meaning
from airflow_provider_iyzico.domain.items import ItemState, Totals, totals_of
from airflow_provider_iyzico.domain.payout import State
from airflow_provider_iyzico.domain.progress import has_stopped, is_under_way, undocumented
from airflow_provider_iyzico.domain.reads import Says, says
from airflow_provider_iyzico.errors import LedgerBatchError, LedgerMovedError
from airflow_provider_iyzico.ledger.items import item_states
from airflow_provider_iyzico.ledger.questions import invalid_since_init, valid_since_told
from airflow_provider_iyzico.ledger.reading import record
from airflow_provider_iyzico.payouts.reads import read, step_by_others

if TYPE_CHECKING:
    from airflow_provider_iyzico.ledger.batches import LedgerBatch
    from airflow_provider_iyzico.payouts.means import Means

_NAMED = 10
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Standing:
    """How far an authorized batch has come.

    :param has_ended: nothing more comes by itself
    :param wait_seconds: when it is worth to read again, where time alone changes something
    :param problem: what a person has to know, if anything
    :param has_stopped: iyzico says that the batch does not go on, and no item of it is out; one read is not enough to believe it
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
    :raises LedgerBatchError: the ledger does not know that the batch is at iyzico
    :raises IyzicoError: iyzico or the ledger cannot be reached, or shows another batch
    """
    standing = _read_once(means, external_id, deposit_grace_seconds)
    if not standing.has_stopped:
        return standing
    means.pause(means.grace_seconds)
    again = _read_once(means, external_id, deposit_grace_seconds)
    return _stopped(again) if again.has_stopped else again


def _read_once(means: Means, external_id: str, deposit_grace_seconds: float) -> Standing:
    while True:
        batch = means.batch(external_id)
        if batch.state is State.ENDED:
            return standing_of(means, batch, deposit_grace_seconds)
        if batch.request_id is None:
            raise LedgerBatchError(
                f"{batch} is {batch.state}: the ledger does not know that iyzico has it; was it restored from an older copy? "
                "Clear the batch's MassPayoutInitOperator, which finds it at iyzico, and then this task"
            )
        found = read(means, batch)
        try:
            kept = record(means.ledger, batch, found, means.who, settling_seconds=means.settling_seconds)
            if batch.state is not State.AUTHORIZED and (said := says(found)) is Says.PAYING:
                step_by_others(means, kept, said)  # a ledger that was restored has forgotten that it was authorized
                continue
        except LedgerMovedError:
            continue
        if kept.version != batch.version and (words := undocumented(item.status for item in found.items)):
            log.warning(
                "iyzico gives items of %s the undocumented status %s, which does not count as paid", batch, ", ".join(words)
            )
        return standing_of(means, kept, deposit_grace_seconds)


def standing_of(means: Means, batch: LedgerBatch, deposit_grace_seconds: float) -> Standing:
    """Return how far a batch has come, by what the ledger holds."""
    items = item_states(means.ledger, batch)
    totals = totals_of(items, batch.commission_bound)
    if batch.state is State.ENDED:
        return Standing(batch, totals, has_ended=True, problem=_problem(means, batch, totals, items))
    now = batch.seen_at
    failed = [item for item in items if item_meaning(item.status) is ItemMeaning.OUT]
    settled = [item for item in items if item.is_settled]  # the hold counts them a little longer
    coming_back = _next_change(failed, now, deposit_grace_seconds)
    settling = _next_change(settled, now, means.settling_seconds)
    statuses = {item.status for item in items}
    if is_under_way(statuses):
        if not has_stopped(batch.iyzico_status or "", statuses):
            return Standing(batch, totals, has_ended=False)
        return Standing(batch, totals, has_ended=False, wait_seconds=coming_back, has_stopped=coming_back is None)
    waits = [seconds for seconds in (coming_back, settling) if seconds is not None]
    if waits or len(settled) == len(items):
        return Standing(batch, totals, has_ended=False, wait_seconds=min(waits, default=means.settling_seconds))
    return Standing(batch, totals, has_ended=True, problem=_problem(means, batch, totals, items))


def _stopped(standing: Standing) -> Standing:
    batch = standing.batch
    problem = (
        f"{batch} has stopped: iyzico calls it {batch.iyzico_status}, and {standing.totals.unpaid_items} of its items are not "
        "paid. Their money stays set aside, because iyzico may pay them after a top-up. Ask iyzico; if the batch never goes on: "
        f"python -m airflow_provider_iyzico.ledger resolve {batch.external_id} --as ended --because ..."
    )
    return Standing(batch, standing.totals, has_ended=True, problem=problem, has_stopped=True)


def _next_change(items: Iterable[ItemState], now: datetime, seconds: float) -> float | None:
    """Return in how many seconds the first of some items has had its status for so long; nothing where all have."""
    left = [(since + timedelta(seconds=seconds) - now).total_seconds() for since in {item.status_at for item in items}]
    return min((each for each in left if each > 0), default=None)


def _problem(means: Means, batch: LedgerBatch, totals: Totals, items: list[ItemState]) -> str | None:
    said = [_unpaid(means, batch, totals, items)]
    left_out = valid_since_told(means.ledger, batch)
    if paid := [item.item_external_id for item in items if item.is_paid and item.item_external_id in left_out]:
        named = ", ".join(map(repr, paid[:_NAMED])) + (f" and {len(paid) - _NAMED} more" if len(paid) > _NAMED else "")
        said.append(f"iyzico paid {len(paid)} items of {batch} that it had called invalid: {named}; do not pay them again")
    return ". ".join(filter(None, said)) or None


def what_is_unpaid(means: Means, batch: LedgerBatch) -> str | None:
    """Say which valid items of a batch are not paid by what the ledger holds, and what became of their money."""
    items = item_states(means.ledger, batch)
    return _unpaid(means, batch, totals_of(items, batch.commission_bound), items)


def _unpaid(means: Means, batch: LedgerBatch, totals: Totals, items: list[ItemState]) -> str | None:
    """Name the items that iyzico was to pay and did not. One that it calls INVALID only later is among them."""
    dropped = invalid_since_init(means.ledger, batch) if totals.invalid_items else frozenset()
    expected = [item for item in items if item.is_valid or item.item_external_id in dropped]
    unpaid = [item for item in expected if not item.is_paid]
    if not unpaid:
        return None
    named = ", ".join(f"{item.item_external_id!r} ({item.status})" for item in unpaid[:_NAMED])
    more = f" and {len(unpaid) - _NAMED} more" if len(unpaid) > _NAMED else ""
    currency = batch.account.currency
    return (
        f"{len(unpaid)} of {len(expected)} items of {batch} are not paid: {named}{more}; returned "
        f"{money_text(totals.returned_total)}, outstanding {money_text(totals.outstanding_total)} {currency}"
    )
