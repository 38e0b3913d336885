"""Reads everything again that may still change, once a day. It never pays anything."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from airflow_provider_iyzico.domain.payout import SENT, State
from airflow_provider_iyzico.domain.reads import Says, says
from airflow_provider_iyzico.errors import IyzicoError, IyzicoNoSuchPayoutError, LedgerMovedError, Retry
from airflow_provider_iyzico.ledger.questions import to_read, was_paid_late
from airflow_provider_iyzico.ledger.reading import record
from airflow_provider_iyzico.payouts.authorize import settle_authorization
from airflow_provider_iyzico.payouts.cancel import settle_cancel
from airflow_provider_iyzico.payouts.follow import follow, what_is_unpaid
from airflow_provider_iyzico.payouts.initiate import find_out
from airflow_provider_iyzico.payouts.reads import read, seen, step_by_others

if TYPE_CHECKING:
    from airflow_provider_iyzico.ledger.batches import LedgerBatch
    from airflow_provider_iyzico.payouts.means import Means

_NAMED = 10


@dataclass(slots=True)
class Reconciled:
    """What a reconciliation saw.

    :param problems: what needs a person, or could not be read; by batch
    :param is_passing: whether a retry may help with all of them
    """

    read: int = 0
    changed: int = 0
    ended: int = 0
    reopened: int = 0
    problems: dict[str, str] = field(default_factory=dict)
    is_passing: bool = True

    def counts(self) -> dict[str, int]:
        return {
            "read": self.read,
            "changed": self.changed,
            "ended": self.ended,
            "reopened": self.reopened,
            "needs_person": len(self.problems),
        }

    def said(self) -> str:
        """Name what needs a person."""
        named = "".join(f"\n- {problem}" for problem in list(self.problems.values())[:_NAMED])
        more = f"\n- and {len(self.problems) - _NAMED} more" if len(self.problems) > _NAMED else ""
        return f"{len(self.problems)} batches need a person or could not be read:{named}{more}"


def reconcile(means: Means, *, days: float, deposit_grace_seconds: float) -> Reconciled:
    """Read every batch of the account that has not ended, or ended or was cancelled within ``days``, and keep what changed.

    One that cannot be read hinders none of the others.
    """
    done = Reconciled()
    for batch in to_read(means.ledger, means.account, days=days):
        try:
            problem = _reconciled(means, batch, done, deposit_grace_seconds)
        except IyzicoError as error:
            problem = None if _is_forgotten(batch, error, days) else str(error)
            done.is_passing &= problem is None or error.retry is Retry.SAFE
        else:
            done.is_passing &= problem is None
        if problem is not None:
            done.problems[batch.external_id] = problem
    return done


def _is_forgotten(batch: LedgerBatch, error: IyzicoError, days: float) -> bool:
    """Tell whether iyzico no longer knows a batch that ended longer ago than it is read: then nothing of it changes any more."""
    is_over = batch.ended_at is not None and batch.seen_at - batch.ended_at > timedelta(days=days)
    return is_over and isinstance(error.__cause__, IyzicoNoSuchPayoutError)


def _reconciled(means: Means, batch: LedgerBatch, done: Reconciled, deposit_grace_seconds: float) -> str | None:
    """Bring one batch up to date, and return what a person has to know."""
    if batch.state in SENT and not batch.is_overdue(means.grace_seconds):
        return None  # a task is at work
    try:
        problem = _settle(means, batch, deposit_grace_seconds)
    except LedgerMovedError:
        return None  # a task deals with it at this moment
    now = means.batch(batch.external_id)
    done.read += 1
    done.changed += now.version != batch.version
    done.ended += batch.state is not State.ENDED and now.state is State.ENDED
    done.reopened += batch.state in (State.ENDED, State.CANCELLED) and now.state is State.AUTHORIZED
    return problem


def _settle(means: Means, batch: LedgerBatch, deposit_grace_seconds: float) -> str | None:
    if batch.state in SENT:
        batch = means.give_up_on(batch)
    match batch.state:
        case State.INIT_UNKNOWN:
            find_out(means, batch)
        case State.AUTH_UNKNOWN:
            settle_authorization(means, batch)
        case State.CANCEL_UNKNOWN:
            settle_cancel(means, batch)
        case State.INITIATED:
            batch, said = seen(means, batch)
            if said is not Says.INIT:
                step_by_others(means, batch, said)
        case State.AUTHORIZED:
            return _followed(means, batch, deposit_grace_seconds)
        case State.ENDED:
            return _looked_back(means, batch)
        case State.CANCELLED:
            return _pays_all_the_same(means, batch)
        case _:
            return _is_there_all_the_same(means, batch)
    return None


def _followed(means: Means, batch: LedgerBatch, deposit_grace_seconds: float) -> str | None:
    """Follow a batch. A gate may have been the first to see that iyzico pays one that was over, and told nobody but its log."""
    standing = follow(means, batch.external_id, deposit_grace_seconds=deposit_grace_seconds)
    if standing.problem is None and standing.has_ended and was_paid_late(means.ledger, batch):
        return (
            f"{standing.batch} was cancelled, or a person had ended it, and then iyzico paid it anyway; do not pay its "
            "items again"
        )
    return standing.problem


def _looked_back(means: Means, batch: LedgerBatch) -> str | None:
    """Read a batch that has ended. What its items came to was said at its end, so only what is new is said."""
    now = record(means.ledger, batch, read(means, batch), means.who, settling_seconds=means.settling_seconds)
    if now.version == batch.version:
        return None
    unpaid = what_is_unpaid(means, now)
    return f"{now} had ended, but its items changed at iyzico; the money of outstanding items is set aside again" + (
        f". {unpaid}" if unpaid else ""
    )


def _pays_all_the_same(means: Means, batch: LedgerBatch) -> str | None:
    """Read a cancelled batch: an authorization may arrive after the cancel, and nobody has published what comes of that."""
    batch, said = seen(means, batch)
    if said is not Says.PAYING:
        return None
    step_by_others(means, batch, said)
    return f"{batch} was cancelled, but iyzico pays it anyway. Its money is set aside; do not pay its items again"


def _is_there_all_the_same(means: Means, batch: LedgerBatch) -> str | None:
    """Read a batch by its name that iyzico should not have: a ledger that was restored may have forgotten that iyzico pays it."""
    try:
        found = means.iyzico.retrieve_mass_payout(external_id=batch.external_id)
    except IyzicoNoSuchPayoutError:
        return None
    if says(found) is Says.INIT:
        return None  # that moves no money, and its task finds it
    if means.batch(batch.external_id).version != batch.version:
        raise LedgerMovedError(f"a task has handed {batch} over since it was read in the ledger")
    return (
        f"{batch} is {batch.state}, but iyzico shows a batch of that name as {found.status}, and no money is set aside for it; "
        "was the ledger restored from an older copy? Clear the batch's MassPayoutInitOperator, which says what to do"
    )
