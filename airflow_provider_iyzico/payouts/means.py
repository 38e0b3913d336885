"""What it takes to deal with a batch: iyzico, the ledger, who acts, and how long to wait."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from airflow_provider_iyzico.domain.payout import UNANSWERED
from airflow_provider_iyzico.errors import IyzicoUnavailableError, LedgerBatchError
from airflow_provider_iyzico.ledger.batches import LedgerBatch, find, require_currency
from airflow_provider_iyzico.ledger.placing import Asked, funds_version
from airflow_provider_iyzico.ledger.steps import step

if TYPE_CHECKING:
    from airflow_provider_iyzico.api.balance import Balance
    from airflow_provider_iyzico.api.payout import Batch, Initiated, Item, MassPayout
    from airflow_provider_iyzico.ledger.accounts import Account
    from airflow_provider_iyzico.ledger.ledger import Ledger
    from airflow_provider_iyzico.ledger.who import Who

#: So often a copy of a task reads what came of the request that another one sent.
FOLLOWING_SECONDS = 5.0


class Iyzico(Protocol):
    """What is asked of the hook."""

    def refresh(self, *, was_there: bool = False) -> None: ...
    def get_balance(self) -> Balance: ...
    def init_mass_payout(self, batch: Batch, *, within_seconds: float | None = None) -> Initiated: ...
    def authorize_mass_payout(self, request_id: str, *, within_seconds: float | None = None) -> None: ...
    def cancel_mass_payout(self, request_id: str, *, within_seconds: float | None = None) -> None: ...
    def retrieve_mass_payout(
        self, request_id: str | None = None, external_id: str | None = None, *, within_seconds: float | None = None
    ) -> MassPayout: ...
    def retrieve_mass_payout_item(self, reference_code: str, *, within_seconds: float | None = None) -> Item: ...


@dataclass(frozen=True, slots=True)
class Means:
    """What it takes to deal with the batches of one account.

    :param timeout_seconds: the Connection's: nothing that moves money is sent later than this after its intent
    :param grace_seconds: so long after the deadline of a request its outcome counts as unknown, and so far apart are two reads
    :param settling_seconds: for how long a settled item still counts in its hold
    :param pause: waits so many seconds
    :param ends_at: by ``clock``: no read of a batch takes longer, because a gate that makes it ends then
    """

    iyzico: Iyzico
    ledger: Ledger
    account: Account
    who: Who
    timeout_seconds: float
    grace_seconds: float = 60.0
    settling_seconds: float = 60.0
    pause: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    ends_at: float | None = None

    def batch(self, external_id: str) -> LedgerBatch:
        """Return the batch of that name.

        :raises LedgerBatchError: there is none, or it is in another currency
        """
        batch = find(self.ledger, self.account, external_id)
        if batch is None:
            raise LedgerBatchError(
                f"the ledger has no batch {external_id!r} of {self.account}; run MassPayoutInitOperator with that name first"
            )
        require_currency(batch, self.account)
        return batch

    def balance(self) -> Asked:
        """Ask for a balance that counts: after the version of the account's funds was read.

        :raises IyzicoError: it cannot be had, its date cannot be believed, or it is older than the question
        """
        version = funds_version(self.ledger, self.account)
        balance = self.iyzico.get_balance()
        if problem := balance.clock_error or balance.cache_error:
            raise problem
        return Asked(balance.amount, balance.observed_at, version)

    def seconds_left(self, batch: LedgerBatch, began_at: float) -> float:
        """Return how long a request may take whose intent was begun then.

        :raises IyzicoUnavailableError: its time is over; it must not be sent
        """
        seconds = self.timeout_seconds - (self.clock() - began_at)
        if seconds <= 0:
            raise IyzicoUnavailableError(f"the ledger took too long, so nothing was sent for {batch}; a retry is safe")
        return seconds

    def await_sender(self, batch: LedgerBatch) -> None:
        """Wait a little for the answer to a request that somebody else sent. Once it must be over, its outcome is unknown."""
        if batch.is_overdue(self.grace_seconds):
            self.give_up_on(batch)
        elif batch.deadline_at is not None:
            seconds = (batch.deadline_at - batch.seen_at).total_seconds() + self.grace_seconds
            self.pause(min(max(seconds, 0.0) + 0.1, FOLLOWING_SECONDS))

    def give_up_on(self, batch: LedgerBatch) -> LedgerBatch:
        """Note that nobody says any more what came of a request."""
        return step(
            self.ledger, batch, UNANSWERED[batch.state], self.who, reason="the task that sent it never recorded an answer"
        )
