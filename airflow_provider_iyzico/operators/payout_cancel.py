"""``MassPayoutCancelOperator``: cancels a batch that nobody has authorized."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_iyzico.operators.payout_task import PayoutTask, told_of

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context


class MassPayoutCancelOperator(PayoutTask):
    """Cancels a batch that is not authorized, and gives back what was set aside for it. Cancelling twice is no error.

    The task succeeds only if a read of iyzico shows the batch and all its items as cancelled. If somebody authorized the batch
    meanwhile, the task fails and says so, and the hold stays.

    Returns ``external_id``, ``request_id``, ``state``, ``currency``, ``items``, ``total``, ``invalid_items``, ``commission`` and
    ``required``.

    :param external_id: the batch's name (templated)
    :param iyzico_conn_id: id of an iyzico Connection that may pay
    :param ledger_conn_id: the SQL Connection of the ledger
    :param ledger_schema: the schema of the ledger's tables, if not the Connection's own
    :param grace_seconds: how long to wait between two reads that settle an unknown outcome, and after the deadline of a request
    :raises AirflowFailException: iyzico pays the batch already or does not have it, or another error that a retry would not help
    :raises IyzicoUnavailableError: iyzico did not cancel it now; a retry is safe
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._check_when_parsed()

    def execute(self, context: Context) -> dict[str, str | int]:
        """Cancel the batch, and tell what it was."""
        from airflow_provider_iyzico.ledger.items import batch_totals
        from airflow_provider_iyzico.payouts.cancel import cancel

        with self._means(context) as means:
            batch = cancel(means, str(self.external_id))
            told = told_of(batch, batch_totals(means.ledger, batch), has_ended=False)
            self.log.info("%s is cancelled", batch)
        self._tell_outlets(context, told)
        return told
