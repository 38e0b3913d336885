"""``MassPayoutApprovalOperator``: asks a person whether a batch may be paid, and keeps the answer in the ledger."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_iyzico.bridge.human import HumanOperator, read_answer, wait_for_answer
from airflow_provider_iyzico.bridge.versions import is_mapped_with
from airflow_provider_iyzico.errors import IyzicoConfigurationError, LedgerApprovalError, LedgerMovedError, PayoutRejectedError
from airflow_provider_iyzico.operators.payout_task import PayoutTask, told_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_iyzico.bridge.human import Answer
    from airflow_provider_iyzico.ledger.batches import LedgerBatch
    from airflow_provider_iyzico.payouts.means import Means

APPROVE, REJECT = "Approve", "Reject"


class MassPayoutApprovalOperator(PayoutTask, HumanOperator):
    """Asks a person in Airflow whether a batch may be paid, and keeps the answer in the ledger: who approves it?

    It needs Airflow 3.1 or later. The question shows count, total, commission, required amount and purpose of the batch, as the
    ledger holds it when the task runs. The answers name a digest of all that, such as ``Approve 3fa9c1``: an answer to an older
    text names another digest, and does not count. ``MassPayoutAuthorizeOperator(approvals=1)``, or 2, trusts only what the ledger
    keeps. For two approvals, use two such tasks.

    The task fails without retries if a person rejects the batch, or if nobody answers within ``response_timeout``. It also fails
    if the answer comes from the user who triggered the run or from a person who has approved already, names another digest, or is
    older than ``max_age``.

    Returns ``external_id``, ``request_id``, ``state``, ``currency``, ``items``, ``total``, ``invalid_items``, ``commission``,
    ``required`` and ``digest``: counts as numbers, everything else as text.

    :param external_id: the batch's name, as ``MassPayoutInitOperator`` has it (templated)
    :param iyzico_conn_id: id of the iyzico Connection whose account pays; iyzico is not asked
    :param ledger_conn_id: the SQL Connection of the ledger
    :param ledger_schema: the schema of the ledger's tables, if not the Connection's own
    :param max_age: how long an approval counts after the answer, as a timedelta or in seconds
    :param assigned_users: who may answer, as Airflow's operator takes them; by default everybody who may edit the DAG's runs
    :param response_timeout: how long to wait for an answer
    :param notifiers: Airflow's notifiers, which are called when the question is asked
    :raises IyzicoConfigurationError: when the DAG file is parsed: this Airflow cannot ask people, or a parameter is not valid
    :raises AirflowFailException: the batch is rejected, or the answer does not count; the message names the error of
        :mod:`airflow_provider_iyzico.errors` and what to do
    """

    template_fields: Sequence[str] = ("external_id",)

    def __init__(
        self,
        *,
        max_age: timedelta | float = timedelta(days=1),
        assigned_users: Any = None,
        response_timeout: timedelta | None = None,
        notifiers: Any = None,
        **kwargs: Any,
    ) -> None:
        if response_timeout is not None and not (isinstance(response_timeout, timedelta) and response_timeout > timedelta(0)):
            raise IyzicoConfigurationError(f"response_timeout is {response_timeout!r}; give a timedelta above 0")
        super().__init__(
            subject="",  # until the batch is read
            body=None,
            options=[APPROVE, REJECT],
            defaults=None,  # no default: time approves nothing
            multiple=False,
            assigned_users=assigned_users,
            notifiers=notifiers,
            **wait_for_answer(response_timeout),
            **kwargs,
        )
        self.max_age = max_age
        seconds = max_age.total_seconds() if isinstance(max_age, timedelta) else max_age
        is_number = isinstance(seconds, (int, float)) and not isinstance(seconds, bool)
        if not is_number or not 0 < seconds <= timedelta(days=366).total_seconds():
            raise IyzicoConfigurationError(
                f"task {self.task_id!r}: max_age is {max_age!r}; give a timedelta or seconds, above 0 and up to 366 days"
            )
        self._check_when_parsed()

    def execute(self, context: Context) -> Any:
        """Ask, unless the batch needs no answer of this task any more."""
        from airflow_provider_iyzico.domain.payout import PAST_THE_GATE
        from airflow_provider_iyzico.ledger.approvals import is_approved_in, require_approvable

        with self._means(context) as means:
            batch = means.batch(str(self.external_id))
            if batch.state in PAST_THE_GATE:
                self.log.info("%s is %s; there is nothing to approve any more", batch, batch.state)
                return self._told(means, batch)
            require_approvable(batch)
            if is_approved_in(means.ledger, batch, means.who):
                self.log.info("%s was approved in this task before, and nothing has changed since", batch)
                return self._told(means, batch)
            self._ask_about(batch, means.who.triggered_by)
        return super().execute(context)

    def execute_complete(self, context: Context, event: Any = None) -> dict[str, str | int]:
        """Keep the answer."""
        with self._means(context) as means:
            answer = read_answer(event)
            while True:
                batch = means.batch(str(self.external_id))
                try:
                    batch = self._keep(means, batch, answer)
                    break
                except LedgerMovedError:
                    self.log.info("%s changed meanwhile; reading it again", batch)
            self.log.info("%s is approved by %s", batch, answer.person)
            return self._told(means, batch)

    def _check_literals(self) -> None:
        """Refuse what cannot be right. Of an empty list of users, Airflow would let everybody answer.

        :raises IyzicoConfigurationError: a parameter cannot be right
        """
        super()._check_literals()
        users = self.assigned_users
        is_given = users is not None or is_mapped_with(self, "assigned_users")
        if is_given and not (isinstance(users, (list, tuple)) and users and all(map(_is_user, users))):
            raise IyzicoConfigurationError(
                f"task {self.task_id!r}: assigned_users is {users!r}; list who may answer, each with id and name as text, or "
                "leave it out: of an empty list, Airflow would let everybody answer"
            )

    def _ask_about(self, batch: LedgerBatch, triggered_by: str | None) -> None:
        """Let Airflow show the batch. No text of a recipient is in it."""
        from airflow_provider_iyzico.api.money import money_text
        from airflow_provider_iyzico.ledger.approvals import shown_digest

        currency, shown = batch.account.currency, shown_digest(batch)
        amounts = {name: f"{money_text(getattr(batch, name))} {currency}" for name in ("total", "commission", "required")}
        left_out = f" ({batch.invalid_items} more are invalid, and are not paid)" if batch.invalid_items else ""
        facts = {
            "batch": f"`{batch.external_id}`",
            "account": f"`{batch.account.account}` ({batch.account.environment})",
            "items": f"{batch.items - batch.invalid_items}{left_out}",
            **amounts,
            "purpose": batch.purpose or "none",
            "digest": f"`{shown}`",
            "run triggered by": f"`{triggered_by}`, who may not approve it" if triggered_by else "nobody that Airflow names",
        }
        self.subject = f"Pay {batch.external_id}: {amounts['total']} in {batch.items - batch.invalid_items} payments?"
        self.body = "\n".join(f"- **{name}**: {fact}" for name, fact in facts.items())
        self.options, self.defaults, self.multiple = [f"{APPROVE} {shown}", f"{REJECT} {shown}"], None, False

    def _keep(self, means: Means, batch: LedgerBatch, answer: Answer) -> LedgerBatch:
        """Write the answer into the ledger.

        :raises PayoutRejectedError: it is a no
        """
        from airflow_provider_iyzico.ledger.approvals import approve, reject

        who = replace(means.who, person=answer.person, person_id=answer.person_id or None)
        word, _, digest = answer.option.partition(" ")
        said = f"answered in Airflow at {answer.answered_at:%Y-%m-%d %H:%M:%S} UTC"
        if word == APPROVE:
            return approve(
                *(means.ledger, batch, who),
                digest=digest,
                max_age=self._max_age(),
                answered_at=answer.answered_at,
                reason=said,
            )
        if word != REJECT:
            raise LedgerApprovalError(f"{answer.option!r} is neither approve nor reject; clear this task to ask again")
        reject(means.ledger, batch, who, digest=digest, reason=said)
        raise PayoutRejectedError(
            f"{answer.person} rejected {batch}, so it is not paid. Cancel it (MassPayoutCancelOperator), or clear this task and "
            "let the same person approve it after all"
        )

    def _told(self, means: Means, batch: LedgerBatch) -> dict[str, str | int]:
        from airflow_provider_iyzico.ledger.approvals import shown_digest
        from airflow_provider_iyzico.ledger.items import batch_totals

        return {**told_of(batch, batch_totals(means.ledger, batch), has_ended=False), "digest": shown_digest(batch)}

    def _max_age(self) -> timedelta:
        return self.max_age if isinstance(self.max_age, timedelta) else timedelta(seconds=float(self.max_age))


def _is_user(given: Any) -> bool:
    return isinstance(given, dict) and all(isinstance(given.get(name), str) for name in ("id", "name"))
