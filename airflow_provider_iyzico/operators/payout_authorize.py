"""``MassPayoutAuthorizeOperator``: has a batch paid once, and follows it to its end."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import conf

from airflow_provider_iyzico.errors import IyzicoError, LedgerBatchError, PayoutUnpaidError, is_safe_to_repeat
from airflow_provider_iyzico.operators.payout_task import PayoutTask, told_of

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_iyzico.payouts.follow import Standing
    from airflow_provider_iyzico.payouts.means import Means

ON_UNPAID = ("fail", "succeed")
APPROVALS = (0, 1, 2)
#: While items are under way, the ledger is brought up to date at least so often.
RECORD_SECONDS = 900.0
#: So long after the task's own timeout, Airflow ends a deferral whose trigger never fired.
BACKSTOP_SECONDS = 600.0


class MassPayoutAuthorizeOperator(PayoutTask):
    """Authorizes a batch at most once, and follows it until every item is accounted for: who is paid?

    Before it authorizes, the task reads the batch twice, ``grace_seconds`` apart: both reads must say INIT. It also sets the
    money aside, and commits its intent. After a retry, a clear, a copy or a crash, the task goes on from what the ledger holds
    and from what iyzico says. If the answer was not seen and reading does not settle the outcome, the task fails without
    retries and says what a person must do. iyzico is not told when you kill, clear or mark the task. No timeout ends the hold
    of a batch that may have been authorized.

    Returns ``external_id``, ``request_id``, ``state``, ``currency``, ``items``, ``total``, ``invalid_items``, ``commission``,
    ``required``, ``paid_items``, ``paid_total``, ``paid_commission``, ``returned_total``, ``returned_commission``,
    ``outstanding_total``, ``outstanding_commission`` and ``unpaid_items``: counts as numbers, everything else as text. Totals
    never include commission.

    :param external_id: the batch's name, as ``MassPayoutInitOperator`` has it (templated)
    :param iyzico_conn_id: id of an iyzico Connection that may pay
    :param ledger_conn_id: the SQL Connection of the ledger
    :param ledger_schema: the schema of the ledger's tables, if not the Connection's own
    :param deferrable: follow the batch in the triggerer
    :param poll_interval: seconds from one read of the batch to the next
    :param timeout: how long to follow the batch; when this time is over, the task fails, and the hold stays
    :param on_unpaid: if items are not paid in the end, ``fail`` fails the task, ``succeed`` does not. A batch that has stopped
        always fails it
    :param approvals: how many people must have approved the batch as the ledger holds it: 0, 1 or 2. They are different people,
        and none of them triggered the run (see :class:`MassPayoutApprovalOperator`)
    :param grace_seconds: how long to wait between the two reads before an authorization, between two reads that settle an unknown
        outcome, and after the deadline of a request
    :param settling_seconds: how long a paid item still counts in the hold, because the balance may drop late
    :param deposit_grace_seconds: how long to wait for the money of a failed item to come back
    :raises AirflowFailException: a retry would not help; the message names the error of
        :mod:`airflow_provider_iyzico.errors` and what to do
    :raises LedgerFundsError: the money cannot be set aside now; nothing was sent, and a retry is safe
    :raises IyzicoUnavailableError: iyzico cannot be reached; a retry goes on from what the ledger holds
    """

    _times = ("grace_seconds", "settling_seconds", "deposit_grace_seconds")

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
        self._check_when_parsed()

    def execute(self, context: Context) -> dict[str, str | int]:
        """Have the batch paid, and follow it."""
        from airflow_provider_iyzico.payouts.authorize import authorize

        started_at = time.time()
        with self._means(context, settling_seconds=self.settling_seconds) as means:
            ends_at = started_at + self._timeout_seconds()
            batch = authorize(means, str(self.external_id), approvals=self.approvals)
            self.log.info("%s is %s at iyzico as %s; following it", batch, batch.state, batch.request_id)
            return self._followed(context, means, str(batch.request_id), ends_at)

    def execute_complete(
        self, context: Context, event: Any = None, request_id: str = "", ends_at: float = 0.0
    ) -> dict[str, str | int]:
        """Go on following the batch: what the trigger saw is a reason to read it again, and nothing else.

        Without ``ends_at``, as ``dag.test()`` resumes a task, the time begins again.
        """
        if isinstance(event, dict):
            self.log.info("%s", event.get("message"))
        ends_at = ends_at or time.time() + self._timeout_seconds()
        with self._means(context, settling_seconds=self.settling_seconds) as means:
            return self._followed(context, means, request_id, ends_at)

    def _followed(self, context: Context, means: Means, request_id: str, ends_at: float) -> dict[str, str | int]:
        """Read the batch until it has ended, and wait in between; an iyzico or a ledger that is down is waited for, too.

        :raises LedgerBatchError: the batch of that name is another one by now
        """
        from airflow_provider_iyzico.payouts.follow import follow

        over_at = means.clock() + ends_at - time.time()  # by a clock that nobody sets in between
        while True:
            standing = None
            try:
                means.iyzico.refresh(was_there=True)  # days may have passed, and keys been exchanged
                standing = follow(means, str(self.external_id), deposit_grace_seconds=float(self.deposit_grace_seconds))
            except IyzicoError as error:
                if not is_safe_to_repeat(error) or means.clock() >= over_at:
                    raise
                self.log.warning("%s", error)
            # dag.test() resumes a task without what it was deferred with.
            if request_id and standing is not None and standing.batch.request_id != request_id:
                raise LedgerBatchError(
                    f"{standing.batch} is {standing.batch.request_id!r} at iyzico, but this task authorized {request_id!r}: its "
                    "external_id or Connection changed meanwhile; set it back, and clear this task"
                )
            if standing is not None and standing.has_ended:
                return self._ended(context, standing)
            if means.clock() >= over_at:
                raise PayoutUnpaidError(self._timed_out(standing))
            # Where only time changes something, nothing is read before it is over; an error passes sooner or later.
            wait_seconds = standing.wait_seconds if standing is not None else None
            if self.deferrable:
                self._defer(request_id or (str(standing.batch.request_id) if standing else ""), wait_seconds, ends_at)
            pause = float(self.poll_interval) if wait_seconds is None else max(min(wait_seconds, RECORD_SECONDS), 1.0)
            means.pause(min(pause, max(over_at - means.clock(), 0.0)))

    def _defer(self, request_id: str, wait_seconds: float | None, ends_at: float) -> None:
        from airflow_provider_iyzico.triggers.mass_payout import MassPayoutTrigger

        now = time.time()
        self.defer(
            trigger=MassPayoutTrigger(
                iyzico_conn_id=self.iyzico_conn_id,
                request_id=request_id,
                external_id=str(self.external_id),
                poll_seconds=float(self.poll_interval) if wait_seconds is None else RECORD_SECONDS,
                wake_at=min(now + min(wait_seconds or RECORD_SECONDS, RECORD_SECONDS), ends_at),
            ),
            method_name="execute_complete",
            kwargs={"request_id": request_id, "ends_at": ends_at},
            # A triggerer may be down for as long as the task has time; only then Airflow fails the task.
            timeout=timedelta(seconds=max(ends_at - now, 0.0) + BACKSTOP_SECONDS),
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
            "aside. Clear this task to follow it again, and run MassPayoutReconcileOperator daily"
        )

    def _timeout_seconds(self) -> float:
        return self.timeout.total_seconds() if isinstance(self.timeout, timedelta) else self.timeout

    def _check_literals(self) -> None:
        """Refuse what cannot be right.

        :raises IyzicoConfigurationError: a parameter cannot be right
        """
        from airflow_provider_iyzico.sensors.literals import check_choice, check_seconds

        super()._check_literals()
        check_choice(self.task_id, "on_unpaid", self.on_unpaid, ON_UNPAID)
        check_choice(self.task_id, "approvals", self.approvals, APPROVALS)
        check_seconds(self.task_id, "poll_interval", self.poll_interval, may_be_zero=False)
        check_seconds(self.task_id, "timeout", self._timeout_seconds(), may_be_zero=False)
