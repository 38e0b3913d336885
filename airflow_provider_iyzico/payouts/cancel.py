"""A batch is cancelled, if nobody has authorized it; only a read that says so counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_iyzico.domain.payout import State
from airflow_provider_iyzico.domain.reads import Says
from airflow_provider_iyzico.errors import (
    IyzicoError,
    IyzicoOutcomeUnknownError,
    IyzicoUnavailableError,
    LedgerBatchError,
    LedgerMovedError,
)
from airflow_provider_iyzico.ledger.steps import give_up as keep_given_up
from airflow_provider_iyzico.ledger.steps import send, step
from airflow_provider_iyzico.payouts.reads import seen, seen_twice, step_by_others

if TYPE_CHECKING:
    from airflow_provider_iyzico.ledger.batches import LedgerBatch
    from airflow_provider_iyzico.payouts.means import Means


def cancel(means: Means, external_id: str) -> LedgerBatch:
    """Cancel a batch, and return it. One that is cancelled already is no error.

    :raises LedgerBatchError: the batch is not at iyzico, or it pays or has ended
    :raises IyzicoUnavailableError: iyzico did not cancel it now; nothing is paid by that, and a retry is safe
    """
    while True:
        batch = means.batch(external_id)
        try:
            match batch.state:
                case State.CANCELLED:
                    return batch
                case State.INITIATED | State.AUTH_UNKNOWN:
                    _cancel(means, batch)
                case State.CANCEL_UNKNOWN:
                    settle_cancel(means, batch)
                case State.AUTH_SENT | State.CANCEL_SENT:
                    means.await_sender(batch)
                case State.AUTHORIZED | State.ENDED:
                    raise LedgerBatchError(f"{batch} is {batch.state}: iyzico was told to pay it, and nothing can take that back")
                case _:
                    raise LedgerBatchError(f"{batch} is {batch.state}: iyzico does not know it, so there is nothing to cancel")
        except LedgerMovedError:
            continue


def give_up(means: Means, external_id: str, reason: str) -> LedgerBatch:
    """Cancel a batch that is to pay nobody. If iyzico does not cancel it, it is not authorized all the same.

    :raises LedgerBatchError: as :func:`cancel` does
    :raises IyzicoUnavailableError: as :func:`cancel` does
    """
    while (batch := means.batch(external_id)).state is State.INITIATED:
        try:
            keep_given_up(means.ledger, batch, means.who, reason)
        except LedgerMovedError:
            continue
        break
    return cancel(means, external_id)


def settle_cancel(means: Means, batch: LedgerBatch) -> None:
    """Find out what came of a cancel whose answer nobody saw.

    :raises IyzicoUnavailableError: it was not carried out; a retry is safe
    """
    _read_back(means, batch, "the cancel was not answered")


def _cancel(means: Means, batch: LedgerBatch) -> None:
    batch, said = seen(means, batch)
    if said is not Says.INIT:
        step_by_others(means, batch, said)
        return
    began_at = means.clock()
    batch = send(means.ledger, batch, State.CANCEL_SENT, means.who, timeout_seconds=means.timeout_seconds)
    try:
        seconds_left = means.seconds_left(batch, began_at)
        means.iyzico.cancel_mass_payout(str(batch.request_id), within_seconds=seconds_left)
    except IyzicoOutcomeUnknownError as error:
        batch = step(means.ledger, batch, State.CANCEL_UNKNOWN, means.who, reason=str(error))
        reason = str(error)
    except IyzicoError as error:
        reason = str(error)
    else:
        reason = "iyzico answered success"
    _read_back(means, batch, reason)


def _read_back(means: Means, batch: LedgerBatch, reason: str) -> None:
    """Let reads decide. Where two say INIT, nothing was cancelled; where they are not clear, it stays unknown."""
    batch, said = seen_twice(means, batch)
    if said is Says.UNCLEAR and batch.state is State.CANCEL_SENT:
        batch = step(means.ledger, batch, State.CANCEL_UNKNOWN, means.who, reason=f"{reason}; what iyzico says is not clear")
    if said is not Says.INIT:
        step_by_others(means, batch, said)
        return
    step(means.ledger, batch, State.INITIATED, means.who, reason=reason)
    raise IyzicoUnavailableError(f"{batch} was not cancelled ({reason}); nothing was paid, and a retry is safe")
