"""What a person may decide: to permit one more authorization, and to give back what is set aside. The reason is kept."""

from __future__ import annotations

from airflow_provider_iyzico.domain.payout import MAY_BE_PAYING, State
from airflow_provider_iyzico.errors import LedgerBatchError
from airflow_provider_iyzico.ledger.batch_holds import end_own_hold
from airflow_provider_iyzico.ledger.batches import LedgerBatch, Turn, take_turn
from airflow_provider_iyzico.ledger.events import EventKind
from airflow_provider_iyzico.ledger.holds import HoldEnd
from airflow_provider_iyzico.ledger.ledger import Ledger
from airflow_provider_iyzico.ledger.who import Who


def permit(ledger: Ledger, batch: LedgerBatch, who: Who, reason: str) -> LedgerBatch:
    """Permit one more authorization of a batch of which one went unanswered. The next intent uses the permission up.

    :raises LedgerBatchError: the batch needs none
    :raises LedgerMovedError: somebody else changed it; nothing was written
    """
    if batch.auth_unanswered_at is None or batch.state not in (State.AUTH_UNKNOWN, State.INITIATED):
        raise LedgerBatchError(f"{batch} is {batch.state}, and needs no permission: no authorization of it is unanswered")
    return take_turn(ledger, batch, who, lambda turn: turn.advance(EventKind.PERMIT, {}, reason=reason))


def release(ledger: Ledger, batch: LedgerBatch, who: Who, reason: str) -> LedgerBatch:
    """Give back what is set aside for a batch that was never sent to be paid, or whose authorization iyzico refused.

    :raises LedgerBatchError: the batch may be paying, an authorization of it ever went unanswered, or it holds nothing
    :raises LedgerMovedError: somebody else changed it; nothing was written
    """
    if batch.state in MAY_BE_PAYING or batch.auth_unanswered_at is not None:
        why = f"it is {batch.state}" if batch.state in MAY_BE_PAYING else "an authorization of it was not answered"
        raise LedgerBatchError(
            f"the money for {batch} stays set aside, because {why}: the money may be leaving the balance. The hold ends when the "
            "batch ends or is cancelled"
        )

    def act(turn: Turn) -> LedgerBatch:
        own = end_own_hold(turn, HoldEnd.RELEASED, reason)
        if own is None:
            raise LedgerBatchError(f"nothing is set aside for {batch}")
        return turn.advance(EventKind.RELEASED, {}, reason=reason)

    return take_turn(ledger, batch, who, act)
