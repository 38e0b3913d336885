"""A batch is handed over to iyzico: after a read that found nothing, and with the intent committed before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_iyzico.api.payout.initiated import Initiated
from airflow_provider_iyzico.domain.payout import State
from airflow_provider_iyzico.domain.reads import Says, says
from airflow_provider_iyzico.errors import (
    IyzicoError,
    IyzicoNoSuchPayoutError,
    IyzicoOutcomeUnknownError,
    IyzicoRefusedError,
    IyzicoUnavailableError,
    LedgerBatchError,
    LedgerMovedError,
)
from airflow_provider_iyzico.ledger.reading import differing_items
from airflow_provider_iyzico.ledger.register import register
from airflow_provider_iyzico.ledger.steps import initiated, send, step
from airflow_provider_iyzico.payouts.cancel import settle_cancel
from airflow_provider_iyzico.payouts.reads import seen, step_by_others

if TYPE_CHECKING:
    from decimal import Decimal

    from airflow_provider_iyzico.api.payout import Batch, MassPayout
    from airflow_provider_iyzico.ledger.batches import LedgerBatch
    from airflow_provider_iyzico.payouts.means import Means

#: So often a batch is handed over, an earlier try's unanswered request included; again only after two reads that found nothing.
_SENT = 2
#: So often two reads are tried that say the same.
_READ = 3
_NAMED = 10


def initiate(means: Means, batch: Batch, *, commission_bound: Decimal | None = None) -> LedgerBatch:
    """Put a batch into the ledger, hand it over to iyzico, and read what iyzico made of it. Nothing is paid.

    A batch that the ledger has goes on from there; one that is past this is returned as it is.

    :param commission_bound: what one item costs at least
    :raises LedgerBatchError: the ledger or iyzico has another batch of that name, or a person has to decide
    :raises IyzicoRefusedError: iyzico refused the whole batch, which may be corrected
    :raises IyzicoError: iyzico cannot be reached; what happened stands in the ledger, and a retry goes on from there
    """
    kept = register(means.ledger, means.account, batch, means.who, commission_bound=commission_bound)
    content, sent = kept.content_digest, int(kept.state in (State.INIT_SENT, State.INIT_UNKNOWN))
    while True:
        if kept.content_digest != content:
            raise LedgerBatchError(f"somebody corrected the payments of {kept} meanwhile; clear this task")
        try:
            match kept.state:
                case State.NEW | State.REFUSED:
                    if sent == _SENT:
                        raise IyzicoUnavailableError(
                            f"{kept} was sent twice and not answered, and iyzico knows no such batch; a retry is safe"
                        )
                    sent += _hand_over(means, kept, batch)
                case State.INIT_SENT | State.CANCEL_SENT:
                    means.await_sender(kept)
                case State.INIT_UNKNOWN:
                    find_out(means, kept)
                case State.INITIATED:
                    kept, said = seen(means, kept)
                    if said in (Says.INIT, Says.UNCLEAR):
                        return kept
                    step_by_others(means, kept, said)
                case State.CANCEL_UNKNOWN:
                    settle_cancel(means, kept)
                case State.CANCELLED:
                    raise LedgerBatchError(
                        f"{kept} was cancelled at {kept.changed_at:%Y-%m-%d %H:%M} UTC: nobody is paid; use another external_id"
                    )
                case _:
                    return kept
        except LedgerMovedError:
            pass  # somebody else was faster: read what came of it, and follow
        kept = means.batch(batch.external_id)
        if kept.state in (State.NEW, State.REFUSED) and kept.content_digest == content:
            kept = register(means.ledger, means.account, batch, means.who, commission_bound=commission_bound)
            content = kept.content_digest  # another one, if an earlier version had kept the ids in another Unicode form


def _hand_over(means: Means, kept: LedgerBatch, batch: Batch) -> int:
    """Hand a batch over that iyzico does not know, and return how often that was sent."""
    is_there = _found(means, kept) is not None
    began_at = means.clock()
    kept = send(means.ledger, kept, State.INIT_SENT, means.who, timeout_seconds=means.timeout_seconds)
    if is_there:  # by other code, or by a ledger that was lost
        step(means.ledger, kept, State.INIT_UNKNOWN, means.who, reason="iyzico knew the name before anything was sent")
        return 0
    try:
        answer = means.iyzico.init_mass_payout(batch, within_seconds=means.seconds_left(kept, began_at))
    except IyzicoOutcomeUnknownError as error:
        step(means.ledger, kept, State.INIT_UNKNOWN, means.who, reason=str(error))
        return 1
    except IyzicoError as error:
        step(means.ledger, kept, State.REFUSED, means.who, reason=str(error))
        raise
    if answer.request_id is None:
        step(means.ledger, kept, State.REFUSED, means.who, reason=f"iyzico called all its {len(answer.invalid)} items invalid")
        raise IyzicoRefusedError(f"iyzico refused {kept}: {invalid_items(answer)}; correct the payments")
    initiated(means.ledger, kept, answer, means.who)
    return 1


def find_out(means: Means, kept: LedgerBatch) -> None:
    """Adopt the batch that iyzico has, or have it handed over again after two reads that found nothing."""
    found = _found_twice(means, kept)
    if found is None:
        step(means.ledger, kept, State.NEW, means.who, reason="iyzico knows no such batch in two reads")
        return
    resolve = f"python -m airflow_provider_iyzico.ledger resolve {kept.external_id}"
    if says(found) is not Says.INIT:
        raise LedgerBatchError(
            f"the init of {kept} was not answered, and iyzico shows the batch as {found.status}: somebody else dealt with it. "
            f"Nothing is sent. Look into iyzico's panel; if it is this batch: {resolve} --as authorized, or --as cancelled, "
            "--because ..."
        )
    if found.request_id is None:
        raise LedgerBatchError(
            f"iyzico has {kept}, but does not say its request_id: it can be neither paid nor cancelled here. A batch in INIT "
            f"moves no money. Cancel it in iyzico's panel, then: {resolve} --as cancelled --because ..., and begin again under "
            "another external_id"
        )
    if differing := differing_items(means.ledger, kept, found):
        raise LedgerBatchError(
            f"iyzico has {kept}, but {len(differing)} of its items are not as we sent them, or are masked, such as "
            f"{differing[0]!r}. Compare the batch in iyzico's panel. If it is this batch: {resolve} --as initiated --because "
            "...; if not, cancel it there, then: --as cancelled"
        )
    initiated(means.ledger, kept, Initiated(found.request_id, ()), means.who, reason="found at iyzico, as we sent it")


def _found_twice(means: Means, kept: LedgerBatch) -> MassPayout | None:
    """Read until two reads ``grace_seconds`` apart found nothing or say INIT: somebody may just have had it paid, and reads lag.

    :raises IyzicoUnavailableError: iyzico shows the batch in one read, and not in the next
    """
    for _ in range(_READ):
        first = _found(means, kept)
        if first is not None and says(first) is not Says.INIT:
            return first
        means.pause(means.grace_seconds)
        second = _found(means, kept)
        if (first is None) is (second is None):
            return second
    raise IyzicoUnavailableError(
        f"one read shows {kept} at iyzico, and another one does not; nothing was sent, and a retry is safe"
    )


def _found(means: Means, kept: LedgerBatch) -> MassPayout | None:
    try:
        return means.iyzico.retrieve_mass_payout(external_id=kept.external_id)
    except IyzicoNoSuchPayoutError:
        return None


def invalid_items(answer: Initiated) -> str:
    """Name the items that iyzico would not pay, without recipients."""
    named = [f"{each.item_external_id!r} ({each.code}: {each.message})" for each in answer.invalid[:_NAMED]]
    return ", ".join(named) + (f" and {len(answer.invalid) - _NAMED} more" if len(answer.invalid) > _NAMED else "")
