"""``MassPayoutReconcileOperator``: compares the ledger with iyzico, and pays nobody."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_iyzico.errors import IyzicoConfigurationError, PayoutUnpaidError, Retry
from airflow_provider_iyzico.operators.payout_task import AccountTask

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

#: Ten years.
MOST_DAYS = 3660


class MassPayoutReconcileOperator(AccountTask):
    """Reads open and recently ended, cancelled or refused batches of an account again: does the ledger agree with iyzico?

    Run it daily, in a DAG of its own. It records every change and ends holds. If a payment of an ended batch came back, it opens
    that batch again. If anything needs a person, it writes everything first, and then fails and says what. It never pays
    anything.

    Returns ``{"read", "changed", "ended", "reopened", "needs_person"}``, all counts.

    :param iyzico_conn_id: id of an iyzico Connection that may pay
    :param ledger_conn_id: the SQL Connection of the ledger
    :param ledger_schema: the schema of the ledger's tables, if not the Connection's own
    :param days: for how many days after its end, cancel or refusal a batch is read again
    :param grace_seconds: how long to wait between two reads that settle an unknown outcome, and after the deadline of a request
    :param settling_seconds: how long a paid item still counts in the hold, because the balance may drop late
    :param deposit_grace_seconds: how long to wait for the money of a failed item to come back
    :raises AirflowFailException: something needs a person; the message names it
    :raises PayoutUnpaidError: batches could not be read now; a retry is safe
    """

    template_fields: Sequence[str] = ()
    _times = ("grace_seconds", "settling_seconds", "deposit_grace_seconds")

    def __init__(
        self,
        *,
        days: float = 7,
        settling_seconds: float = 60,
        deposit_grace_seconds: float = timedelta(days=3).total_seconds(),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.days = days
        self.settling_seconds = settling_seconds
        self.deposit_grace_seconds = deposit_grace_seconds
        self._check_when_parsed()

    def _check_literals(self) -> None:
        super()._check_literals()
        is_number = isinstance(self.days, (int, float)) and not isinstance(self.days, bool)
        if not is_number or not 0 <= self.days <= MOST_DAYS:
            raise IyzicoConfigurationError(
                f"task {self.task_id!r}: days is {self.days!r}; give days, zero or more, and {MOST_DAYS} at most"
            )

    def execute(self, context: Context) -> dict[str, int]:
        """Read everything again, and tell what changed."""
        from airflow_provider_iyzico.ledger.questions import has_payouts
        from airflow_provider_iyzico.payouts.reconcile import reconcile

        with self._means(context, settling_seconds=self.settling_seconds) as means:
            if not has_payouts(means.ledger, means.account):
                self.log.warning(
                    "%s: this ledger knows no payout of the account. If payouts have run, give ledger_conn_id and "
                    "ledger_schema as the tasks that pay do.",
                    means.account,
                )
            seen = reconcile(means, days=float(self.days), deposit_grace_seconds=float(self.deposit_grace_seconds))
            self.log.info("%s: %s", means.account, seen.counts())
            self._tell_outlets(context, seen.counts())
            if seen.problems:
                raise PayoutUnpaidError(seen.said(), retry=Retry.SAFE if seen.is_passing else Retry.NEVER)
        return seen.counts()
