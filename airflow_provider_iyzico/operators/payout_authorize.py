"""``MassPayoutAuthorizeOperator``: has a batch paid once, and follows it to its end."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import conf

from airflow_provider_iyzico.errors import IyzicoConfigurationError, IyzicoError, PayoutUnpaidError, is_safe_to_repeat
from airflow_provider_iyzico.operators.payout_task import PayoutTask, told_of

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_iyzico.payouts.follow import Standing
    from airflow_provider_iyzico.payouts.means import Means

ON_UNPAID = ("fail", "succeed")
APPROVALS = (0, 1, 2)
#: While items are under way, the ledger is brought up to date at least so often.
RECORD_SECONDS = 900.0
#: Airflow ends a deferral whose trigger did not fire so long after its time.
BACKSTOP_SECONDS = 600.0
_SHORTEST_SECONDS = 1.0


class MassPayoutAuthorizeOperator(PayoutTask):
    """Has a batch paid, at most once, and follows it until every item is accounted for: who is paid?

    A batch is authorized after a read that says INIT, with its money held, and with the intent committed before. A retry, a
    clear, a copy or a crash goes on from what the ledger holds and from what iyzico says. If an answer was not seen and reading
    does not settle it, the task fails without retries and says what a person must do. Killing, clearing or marking the task
    sends nothing, and no timeout ends the hold of a batch that may have been sent.

    Returns ``external_id``, ``request_id``, ``state``, ``currency``, ``items``, ``total``, ``invalid_items``, ``commission``,
    ``required``, ``paid_items``, ``paid_total``, ``paid_commission``, ``returned_total``, ``returned_commission``,
    ``outstanding_total``, ``outstanding_commission`` and ``unpaid_items``: counts as numbers, everything else as text. Totals
    never include commission.

    :param external_id: the batch's name, as ``MassPayoutInitOperator`` has it (templated)
    :param iyzico_conn_id: id of an iyzico Connection that may pay
    :param ledger_conn_id: the SQL Connection of the ledger
    :param ledger_schema: the schema of its tables, if not the connection's own
    :param deferrable: follow the batch in the triggerer
    :param poll_interval: seconds from one read of the batch to the next
    :param timeout: how long to follow the batch; the hold does not end with it
    :param on_unpaid: ``fail`` the task when items are not paid in the end, or ``succeed``
    :param approvals: how many people must have approved the batch as the ledger holds it: 0, 1 or 2. Each of them is another
        person, and none of them triggered the run (see :class:`MassPayoutApprovalOperator`)
    :param grace_seconds: between two reads that settle an unknown outcome, and after the deadline of a request
    :param settling_seconds: for how long a paid item still counts in the hold, since the balance may lag behind
    :param deposit_grace_seconds: for how long a failed item may wait for its money to come back
    :raises AirflowFailException: a retry would not help; the message names the error of
        :mod:`airflow_provider_iyzico.errors` and what to do
    :raises LedgerFundsError: the money cannot be set aside now; nothing was sent, and a retry is safe
    :raises IyzicoUnavailableError: iyzico cannot be reached; a retry goes on from what the ledger holds
    """

    def __init__(
        self,
        *,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        poll_interval: float = 60,
        timeout: timedelta | float = timedelta(days=7),
        on_unpaid: str = "fail",
        approvals: int = 0,
        settling_seconds: float = 60,
        deposit_grace_seconds: float = timedelta(days=3).total_seconds(),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.deferrable = deferrable
        self.poll_interval = poll_interval
        self.timeout = timeout
        self.on_unpaid = on_unpaid
        self.approvals = approvals
        self.settling_seconds = settling_seconds
        self.deposit_grace_seconds = deposit_grace_seconds
        if isinstance(approvals, bool) or approvals not in APPROVALS:
            raise IyzicoConfigurationError(f"task {self.task_id!r}: approvals is {approvals!r}; use 0, 1 or 2")
        if on_unpaid not in ON_UNPAID:
            raise IyzicoConfigurationError(
                f"task {self.task_id!r}: on_unpaid is {on_unpaid!r}; use one of {', '.join(ON_UNPAID)}"
            )

    def execute(self, context: Context) -> dict[str, str | int]:
        """Have the batch paid, and follow it."""
        from airflow_provider_iyzico.payouts.authorize import authorize

        ends_at = time.time() + self._timeout_seconds()
        with self._means(context, settling_seconds=self.settling_seconds) as means:
            batch = authorize(means, str(self.external_id), approvals=self.approvals)
            self.log.info("%s is %s at iyzico as %s; following it", batch, batch.state, batch.request_id)
            return self._followed(context, means, ends_at)

    def execute_complete(self, context: Context, event: Any = None, ends_at: float | None = None) -> dict[str, str | int]:
        """Go on following the batch: what the trigger saw is a reason to read it again, and nothing else."""
        if isinstance(event, dict):
            self.log.info("%s", event.get("message"))
        with self._means(context, settling_seconds=self.settling_seconds) as means:
            return self._followed(context, means, ends_at or time.time())

    def _followed(self, context: Context, means: Means, ends_at: float) -> dict[str, str | int]:
        from airflow_provider_iyzico.payouts.follow import follow

        while True:
            try:
                standing = follow(means, str(self.external_id), deposit_grace_seconds=float(self.deposit_grace_seconds))
            except IyzicoError as error:
                if not is_safe_to_repeat(error) or time.time() >= ends_at:
                    raise
                self.log.warning("%s", error)
                standing = None
            if standing is not None and standing.has_ended:
                return self._ended(context, standing)
            seconds_left = ends_at - time.time()
            if seconds_left <= 0:
                raise PayoutUnpaidError(self._timed_out(standing))
            pause = min(max(self._pause(standing), _SHORTEST_SECONDS), seconds_left)
            if self.deferrable and standing is not None:
                self._defer(standing, ends_at)
            means.pause(pause)

    def _pause(self, standing: Standing | None) -> float:
        """Return how long to wait for the next read: the interval, or longer where only time changes something."""
        wait_seconds = standing.wait_seconds if standing is not None else None
        return float(self.poll_interval) if wait_seconds is None else min(wait_seconds, RECORD_SECONDS)

    def _defer(self, standing: Standing, ends_at: float) -> None:
        from airflow_provider_iyzico.triggers.mass_payout import MassPayoutTrigger

        wait_seconds = RECORD_SECONDS if standing.wait_seconds is None else min(standing.wait_seconds, RECORD_SECONDS)
        wake_at = min(time.time() + wait_seconds, ends_at)
        self.defer(
            trigger=MassPayoutTrigger(
                iyzico_conn_id=self.iyzico_conn_id,
                request_id=str(standing.batch.request_id),
                external_id=standing.batch.external_id,
                # Where only time changes something, nothing is polled before it is over.
                poll_seconds=float(self.poll_interval) if standing.wait_seconds is None else RECORD_SECONDS,
                wake_at=wake_at,
            ),
            method_name="execute_complete",
            kwargs={"ends_at": ends_at},
            timeout=timedelta(seconds=max(wake_at - time.time(), 0.0) + BACKSTOP_SECONDS),
        )

    def _ended(self, context: Context, standing: Standing) -> dict[str, str | int]:
        told = told_of(standing.batch, standing.totals, has_ended=True)
        self.log.info("%s is %s: %s", standing.batch, standing.batch.state, told)
        self._tell_outlets(context, told)
        if standing.problem is None:
            return told
        if self.on_unpaid == "fail" or standing.has_stopped:
            raise PayoutUnpaidError(standing.problem)
        self.log.warning("%s", standing.problem)
        return told

    def _timed_out(self, standing: Standing | None) -> str:
        seen = f"; {standing.totals.unpaid_items} items are not paid yet" if standing is not None else ""
        return (
            f"batch {str(self.external_id)!r} did not end within {self._timeout_seconds():.10g} s{seen}. Its money stays set "
            "aside; clear this task to follow it again, and let MassPayoutReconcileOperator run daily"
        )

    def _timeout_seconds(self) -> float:
        return self.timeout.total_seconds() if isinstance(self.timeout, timedelta) else float(self.timeout)
