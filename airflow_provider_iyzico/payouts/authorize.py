"""A batch is authorized at most once: after two reads that say INIT, with its money held, and its intent committed before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_iyzico.api.envelope import is_one_too_many
from airflow_provider_iyzico.domain.payout import State
from airflow_provider_iyzico.domain.reads import Says, says
from airflow_provider_iyzico.errors import (
    IyzicoError,
    IyzicoNoSuchPayoutError,
    IyzicoOutcomeUnknownError,
    IyzicoUnavailableError,
    LedgerBatchError,
    LedgerFundsError,
    LedgerHoldError,
    LedgerMovedError,
    PayoutUnknownError,
)
from airflow_provider_iyzico.ledger.approvals import check_approvals
from airflow_provider_iyzico.ledger.placing import Placing, Wanted, place
from airflow_provider_iyzico.ledger.questions import was_handed_over_again
from airflow_provider_iyzico.ledger.reading import refuse_other_items
from airflow_provider_iyzico.ledger.steps import has_permit, send, step
from airflow_provider_iyzico.payouts.cancel import settle_cancel
from airflow_provider_iyzico.payouts.reads import read, read_what_may_be_set_off, seen_twice, step_by_others, twice

if TYPE_CHECKING:
    from airflow_provider_iyzico.ledger.batches import LedgerBatch
    from airflow_provider_iyzico.ledger.placing import Asked
    from airflow_provider_iyzico.payouts.means import Means

#: So often the balance is asked for again, because a hold ended meanwhile.
_ASKED = 5


def authorize(means: Means, external_id: str, *, approvals: int = 0) -> LedgerBatch:
    """Have a batch paid, unless that was done before. Return it when iyzico pays it, or has ended it.

    Of several copies of this one goes on; the others wait for what came of it.

    :param approvals: how many people must have approved the batch as it is
    :raises LedgerApprovalError: approvals are missing, or a person rejected the batch; nothing was sent
    :raises LedgerBatchError: the batch is not at iyzico, was cancelled, or may not be authorized; nothing was sent
    :raises LedgerFundsError: its money cannot be set aside now; nothing was sent, and a retry is safe
    :raises PayoutUnknownError: it may have been authorized, and reading does not settle it: a person decides
    :raises IyzicoError: iyzico refused, or cannot be reached; what happened stands in the ledger, and a retry goes on from there
    """
    while True:
        batch = means.batch(external_id)
        try:
            match batch.state:
                case State.AUTHORIZED | State.ENDED:
                    return batch
                case State.INITIATED:
                    _have_paid(means, batch, approvals)
                case State.AUTH_SENT | State.CANCEL_SENT:
                    means.await_sender(batch)
                case State.AUTH_UNKNOWN:
                    settle_authorization(means, batch)
                case State.CANCEL_UNKNOWN:
                    settle_cancel(means, batch)
                case State.CANCELLED:
                    raise LedgerBatchError(f"{batch} was cancelled at {batch.changed_at:%Y-%m-%d %H:%M} UTC; nobody is paid")
                case _:
                    raise LedgerBatchError(f"{batch} is {batch.state}, so iyzico cannot pay it; run its MassPayoutInitOperator")
        except LedgerMovedError:
            continue  # somebody else was faster: read what came of it, and follow


def _have_paid(means: Means, batch: LedgerBatch, approvals: int) -> None:
    # Reads lag, and a ledger that was restored may have forgotten an authorization of just now: one read would pay it again.
    batch, said = seen_twice(means, batch)
    if said is not Says.INIT:
        step_by_others(means, batch, said)
        return
    if batch.invalid_items == batch.items:
        raise LedgerBatchError(
            f"iyzico would pay none of the {batch.items} items of {batch}; cancel it, and correct the payments"
        )
    check_approvals(means.ledger, batch, means.who, approvals)
    _refuse_another_of_its_name(means, batch)
    read_what_may_be_set_off(means, before=batch)  # first: others would take their money, or make their payments again
    asked = means.balance()
    try:
        began_at, batch = _intended(means, batch, asked, approvals)
    except LedgerHoldError:  # no gate set aside what it needs
        began_at, batch = _intended(means, batch, _held(means, batch), approvals)
    try:
        seconds_left = means.seconds_left(batch, began_at)
        means.iyzico.authorize_mass_payout(str(batch.request_id), within_seconds=seconds_left)
    except IyzicoOutcomeUnknownError as error:
        if not is_one_too_many(error):
            step(means.ledger, batch, State.AUTH_UNKNOWN, means.who, reason=str(error))
        elif _is_no(means, batch, error):
            raise IyzicoUnavailableError(
                f"iyzico got too many requests, and two reads say that {batch} is not authorized; a retry is safe",
                retry_after=error.retry_after,
            ) from error
    except IyzicoError as error:
        if _is_no(means, batch, error):
            raise
    else:
        step(means.ledger, batch, State.AUTHORIZED, means.who)


def _refuse_another_of_its_name(means: Means, batch: LedgerBatch) -> None:
    """Refuse a batch that was handed over again, while iyzico shows another one of its name that nobody has dealt with.

    An init that went unanswered came through after all. A ledger that forgot would find that one, and have it paid, too.

    :raises LedgerBatchError: names iyzico's id of the other one
    """
    if not was_handed_over_again(means.ledger, batch):
        return
    try:
        other = means.iyzico.retrieve_mass_payout(external_id=batch.external_id)
    except IyzicoNoSuchPayoutError:
        return
    if other.request_id not in (None, batch.request_id) and says(other) is not Says.CANCELLED:
        raise LedgerBatchError(
            f"{batch} was handed over more than once, and iyzico has another one of that name: {other.request_id!r} beside "
            f"{batch.request_id!r}. Its payments could be made twice, so nothing was sent. Look into iyzico's panel: if nothing "
            f"was paid, cancel {other.request_id!r} there, and clear this task"
        )


def _intended(means: Means, batch: LedgerBatch, asked: Asked, approvals: int) -> tuple[float, LedgerBatch]:
    """Commit the intent, and return since when its time runs, too."""
    began_at, seconds = means.clock(), means.timeout_seconds
    sent = send(means.ledger, batch, State.AUTH_SENT, means.who, timeout_seconds=seconds, asked=asked, approvals=approvals)
    return began_at, sent


def _held(means: Means, batch: LedgerBatch) -> Asked:
    """Set the batch's money aside, and return the balance on which it is."""
    for _ in range(_ASKED):
        asked = means.balance()
        placed = place(means.ledger, batch.account, Wanted(batch.external_id), asked, means.who)
        if placed.outcome is Placing.PLACED:
            return asked
        if placed.outcome is Placing.SHORT:
            facts = placed.funds.facts(placed.required, batch.account.currency)
            raise LedgerFundsError(f"{batch} is not authorized: {facts}; top up the balance; a retry is safe")
        if placed.outcome is Placing.PAST:
            raise LedgerMovedError(f"somebody else authorized {batch}")
    raise LedgerFundsError(f"the holds of {batch.account} change faster than iyzico answers; a retry is safe")


def _is_no(means: Means, batch: LedgerBatch, error: IyzicoError) -> bool:
    """Note a request that failed in a way that says that nothing was done, and tell whether that is believed.

    Where nothing was sent, it is sure. Where iyzico answered no, it is believed only together with two reads that say INIT.
    """

    def once() -> Says:
        found = read(means, batch)
        refuse_other_items(means.ledger, batch, found)  # of an item that is left out, nobody knows that it is not paid
        return says(found)

    if error.http_status is not None or error.code is not None:
        try:
            is_init = twice(means, once) is Says.INIT
        except IyzicoError:
            is_init = False
        if not is_init:
            step(means.ledger, batch, State.AUTH_UNKNOWN, means.who, reason=str(error))
            return False
    step(means.ledger, batch, State.INITIATED, means.who, reason=str(error))
    return True


def settle_authorization(means: Means, batch: LedgerBatch) -> None:
    """Read back a batch that may have been authorized. Two reads that say INIT settle nothing: a person decides.

    :raises PayoutUnknownError: reading does not settle it
    :raises IyzicoUnavailableError: what iyzico says is not clear; a retry is safe
    """
    batch, said = seen_twice(means, batch)
    if said is not Says.INIT:
        step_by_others(means, batch, said)
    elif has_permit(means.ledger, batch):
        step(means.ledger, batch, State.INITIATED, means.who, reason="a person permitted one more authorization")
    else:
        raise PayoutUnknownError(
            f"an authorization of {batch} was sent and not answered, and two reads say that it is not authorized. "
            "It is not sent again by itself. Look into iyzico's panel: if nothing was paid, permit one more authorization "
            f"(python -m airflow_provider_iyzico.ledger permit {batch.external_id} --because ... --version {batch.version}), or "
            "cancel the batch. Then clear this task"
        )
