"""A batch is cancelled, if nobody has authorized it; only a read that says so counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_iyzico.domain.payout import State
from airflow_provider_iyzico.errors import (
    IyzicoError,
    IyzicoOutcomeUnknownError,
    IyzicoUnavailableError,
    LedgerBatchError,
    LedgerMovedError,
)
from airflow_provider_iyzico.ledger.reading import record
from airflow_provider_iyzico.ledger.steps import send, step
from airflow_provider_iyzico.payouts.reads import Says, read, says, twice

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
                case State.CANCEL_SENT | State.CANCEL_UNKNOWN:
                    settle_cancel(means, batch)
                case State.AUTH_SENT:
                    if batch.is_overdue(means.grace_seconds):
                        step(means.ledger, batch, State.AUTH_UNKNOWN, means.who, reason="its sender never said what came of it")
                    else:
                        means.follow_sender(batch)
                case State.AUTHORIZED | State.ENDED:
                    raise LedgerBatchError(f"{batch} is {batch.state}: iyzico was told to pay it, which nothing takes back")
                case _:
                    raise LedgerBatchError(f"{batch} is {batch.state}: iyzico does not know it, so there is nothing to cancel")
        except LedgerMovedError:
            continue


def settle_cancel(means: Means, batch: LedgerBatch) -> None:
    """Find out what came of a cancel that somebody sent.

    :raises IyzicoUnavailableError: it was not carried out; a retry is safe
    """
    if batch.state is State.CANCEL_SENT:
        if not batch.is_overdue(means.grace_seconds):
            means.follow_sender(batch)
            return
        batch = step(means.ledger, batch, State.CANCEL_UNKNOWN, means.who, reason="its sender never said what came of it")
    _read_back(means, batch, "nobody saw an answer to the cancel")


def _cancel(means: Means, batch: LedgerBatch) -> None:
    found = read(means, batch)
    batch = record(means.ledger, batch, found, means.who, settling_seconds=means.settling_seconds)
    if (said := says(found)) is not Says.INIT:
        _step_to(means, batch, said, found.status)
        return
    began_at = means.clock()
    batch = send(means.ledger, batch, State.CANCEL_SENT, means.who, timeout_seconds=means.timeout_seconds)
    reason = "iyzico answered success"
    try:
        seconds_left = means.timeout_seconds - (means.clock() - began_at)
        if seconds_left > 0:
            means.iyzico.cancel_mass_payout(str(batch.request_id), within_seconds=seconds_left)
    except IyzicoOutcomeUnknownError as error:
        batch = step(means.ledger, batch, State.CANCEL_UNKNOWN, means.who, reason=str(error))
        reason = str(error)
    except IyzicoError as error:
        reason = str(error)
    _read_back(means, batch, reason)


def _read_back(means: Means, batch: LedgerBatch, reason: str) -> None:
    """Let two reads decide; where they say INIT, nothing was cancelled."""
    status = ""

    def once() -> Says:
        nonlocal batch, status
        found = read(means, batch)
        status = found.status
        batch = record(means.ledger, batch, found, means.who, settling_seconds=means.settling_seconds)
        return says(found)

    said = twice(means, once, Says.INIT)
    if said is Says.INIT:
        step(means.ledger, batch, State.INITIATED, means.who, reason=reason)
        raise IyzicoUnavailableError(f"{batch} was not cancelled ({reason}); nothing is paid by that, and a retry is safe")
    _step_to(means, batch, said, status)


def _step_to(means: Means, batch: LedgerBatch, said: Says, status: str) -> None:
    if said is Says.CANCELLED:
        step(means.ledger, batch, State.CANCELLED, means.who, reason="iyzico shows it as cancelled")
    else:
        step(means.ledger, batch, State.AUTHORIZED, means.who, reason=f"iyzico shows it as {status}")
