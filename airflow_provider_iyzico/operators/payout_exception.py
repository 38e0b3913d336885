"""``MassPayoutExceptionOperator``: fails while something needs a person."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from airflow_provider_iyzico.bridge.fail_fast import fail_fast
from airflow_provider_iyzico.errors import PayoutExceptionsError
from airflow_provider_iyzico.hooks.iyzico import IyzicoHook
from airflow_provider_iyzico.links import account_and_day
from airflow_provider_iyzico.operators.payout_task import LedgerTask

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context


class MassPayoutExceptionOperator(LedgerTask):
    """Reads the view ``iyzico_payout_exception``: is there anything that needs a person?

    Run it on a schedule, in a DAG of its own, after the reconciliation. If there is anything, the task fails without retries.
    Its message counts the exceptions by kind and names the ten that are open longest, without personal data. Otherwise it
    succeeds and logs one line. It asks the ledger only, never iyzico, and changes no row. Every run fails until each exception is
    settled.

    Returns ``{"exceptions": 0}``.

    :param iyzico_conn_id: id of the iyzico Connection, which says whose exceptions: its environment and its ``account``
    :param ledger_conn_id: the SQL Connection of the ledger
    :param ledger_schema: the schema of the ledger's tables, if not the Connection's own
    :raises AirflowFailException: something needs a person, there is no ledger, or another error that a retry would not help
    :raises WarehouseUnavailableError: the ledger did not answer; a retry is safe
    :raises IyzicoError: when the DAG file is parsed: a parameter cannot be right
    """

    ui_color = "#dff3e4"
    template_fields: Sequence[str] = ()

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._check_when_parsed()

    def execute(self, context: Context) -> dict[str, int]:
        """Fail if there are exceptions."""
        from airflow_provider_iyzico.bridge.warehouse import warehouse_engine
        from airflow_provider_iyzico.ledger.exceptions import open_exceptions
        from airflow_provider_iyzico.ledger.ledger import Ledger

        with fail_fast():
            self._check_literals()
            settings = IyzicoHook(self.iyzico_conn_id).settings
            environment, account = settings.environment, settings.lasting_account()
            if settings.currency:
                today = datetime.now(ZoneInfo(settings.report_timezone)).date()
                self._shown = account_and_day(environment, account, settings.currency, today)
            with warehouse_engine(self.ledger_conn_id, named_in="ledger_conn_id") as engine:
                found = open_exceptions(Ledger.open(engine, schema=self.ledger_schema), environment, account)
            if found.total:
                raise PayoutExceptionsError(f"{account} ({environment}): {found}")
        self.log.info("%s (%s): nothing needs a person", account, environment)
        return {"exceptions": 0}
