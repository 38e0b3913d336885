"""A person settles what became of a batch: by what iyzico says now, along the table of transitions, and with a reason."""

from __future__ import annotations

from collections import Counter

from airflow_provider_iyzico.api.payout.initiated import Initiated
from airflow_provider_iyzico.api.payout.retrieved import MassPayout
from airflow_provider_iyzico.api.payout.statuses import ItemMeaning, item_meaning
from airflow_provider_iyzico.domain.payout import MAY_BE_PAYING, SENT, UNKNOWN, State, may_follow
from airflow_provider_iyzico.domain.progress import LULL, has_stopped
from airflow_provider_iyzico.domain.reads import SPEAKS_FOR, says
from airflow_provider_iyzico.errors import LedgerBatchError
from airflow_provider_iyzico.ledger.batches import LedgerBatch
from airflow_provider_iyzico.ledger.ledger import Ledger
from airflow_provider_iyzico.ledger.reading import record, refuse_other_items, without_unclear_items
from airflow_provider_iyzico.ledger.steps import initiated, step
from airflow_provider_iyzico.ledger.who import Who

#: So long after the deadline of a request its sender is taken to have given up.
GRACE_SECONDS = 60


def check_step(batch: LedgerBatch, after: State) -> None:
    """Refuse what no read of iyzico could allow, before it is asked.

    :raises LedgerBatchError: the step is none of the table, or is an intent; or a request is still under way
    """
    before = {batch.state, State.INITIATED} if batch.state is State.INIT_UNKNOWN else {batch.state}  # it is adopted first
    if after in SENT or not any(may_follow(each, after) for each in before):
        raise LedgerBatchError(f"{batch} is {batch.state}; from there it cannot become {after}")
    if batch.state in SENT and not batch.is_overdue(GRACE_SECONDS):
        raise LedgerBatchError(
            f"{batch} is {batch.state}, and its sender may still be waiting for the answer: its deadline is at "
            f"{batch.deadline_at:%H:%M:%S} UTC. Try again {GRACE_SECONDS} seconds after that"
        )


def resolve(ledger: Ledger, batch: LedgerBatch, after: State, found: MassPayout | None, who: Who, reason: str) -> LedgerBatch:
    """Take the step that a person decided on, if what iyzico says now does not contradict it; keep what it says.

    A batch of which iyzico shows items more than once, or nowhere, is ended all the same, since no read would ever end it: these
    items stay as they were, and the reason names them. One with items under way is not, until nothing of it has changed for
    ``LULL``: their money may still leave the balance.

    :param found: what iyzico answered just now; ``None``: that it knows no such batch
    :raises LedgerBatchError: the table or iyzico contradicts; then only what was read is kept
    :raises LedgerMovedError: somebody else changed the batch; resolve it again
    """
    check_step(batch, after)
    if after not in SPEAKS_FOR[saying := says(found)] and not (found is None and _settles_forgotten(batch, after)):
        told = "" if found is None else f" (batch {found.status!r})"
        raise LedgerBatchError(f"iyzico says of {batch}: {saying}{told}. That contradicts {after}; nothing was written")
    if found is None or (batch.request_id is None and after in UNKNOWN):
        return step(ledger, batch, after, who, reason=reason)
    if batch.request_id is None:
        refuse_other_items(ledger, batch, found)
        if after is not State.CANCELLED or found.request_id is not None:
            batch = initiated(ledger, batch, Initiated(found.request_id, ()), who, reason=reason)
    if after is State.ENDED:
        _refuse_under_way(batch, found)
        found, unclear = without_unclear_items(ledger, batch, found)
        reason = "; ".join(filter(None, (reason, unclear)))
    kept = record(ledger, batch, found, who)
    return kept if kept.state is after else step(ledger, kept, after, who, reason=reason)


def _settles_forgotten(batch: LedgerBatch, after: State) -> bool:
    """Tell whether a person may take a step with a batch that iyzico has forgotten.

    One that was handed over pays nobody if no request to pay it is in doubt, whatever became of its cancel. If one is, it may
    have paid, and its money stays set aside until the person ends it.
    """
    may_have_paid = batch.auth_unanswered_at is not None or batch.state in MAY_BE_PAYING
    if may_have_paid:
        return after in (State.AUTHORIZED, State.ENDED)
    return after is State.CANCELLED and batch.request_id is not None


def _refuse_under_way(batch: LedgerBatch, found: MassPayout) -> None:
    shown = Counter(item.item_external_id for item in found.items)
    statuses = [item.status for item in found.items if shown[item.item_external_id] == 1]
    under_way = [status for status in statuses if item_meaning(status) is ItemMeaning.UNDER_WAY]
    if under_way and not has_stopped(found.status, statuses) and batch.seen_at - batch.changed_at <= LULL:
        raise LedgerBatchError(
            f"iyzico has {len(under_way)} items of {batch} under way ({', '.join(sorted(set(under_way)))}), and their money may "
            "still leave the balance, so it stays set aside; nothing was written. Wait until iyzico has paid or returned them. "
            f"If it never will, the batch may be ended when nothing of it has changed for {LULL.days} days"
        )
