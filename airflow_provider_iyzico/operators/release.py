"""``MassPayoutHoldReleaseOperator``: gives back the money that a gate set aside."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from airflow_provider_iyzico.api.money import money_text
from airflow_provider_iyzico.bridge.fail_fast import fail_fast
from airflow_provider_iyzico.errors import IyzicoConfigurationError
from airflow_provider_iyzico.hooks.iyzico import IyzicoHook
from airflow_provider_iyzico.links import account_and_day
from airflow_provider_iyzico.operators.payout_task import LedgerTask

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context, XComArg


class MassPayoutHoldReleaseOperator(LedgerTask):
    """Ends the hold that a gate placed for a payout that other code makes: the payout is over, so others may use the money.

    You may run it twice, and use it as a teardown: ``release.as_teardown(setups=gate)``. It refuses the hold of a batch in the
    ledger, because that hold ends with its batch. It also refuses the hold of another run of the same DAG, or of another instance
    of a mapped task, whose payout may not be over. If a gate of its own DAG runs before it, it refuses that of another DAG, too.

    Returns ``{"external_id", "released", "currency"}``, all strings; ``released`` is ``"0.00"`` if no hold was open.

    :param external_id: the name under which the gate set the money aside (templated)
    :param iyzico_conn_id: id of the iyzico Connection, which says whose money it is
    :param currency: the gate's currency; refused if its Connection names another
    :param ledger_conn_id: the SQL Connection of the ledger
    :param ledger_schema: the schema of the ledger's tables, if not the Connection's own
    :raises AirflowFailException: a retry would not help; the message names the error of
        :mod:`airflow_provider_iyzico.errors` and what to do
    :raises WarehouseUnavailableError: the ledger did not answer; a retry is safe
    :raises IyzicoError: when the DAG file is parsed: a parameter cannot be right
    """

    ui_color = "#dff3e4"
    template_fields: Sequence[str] = ("external_id",)

    def __init__(self, *, external_id: str | XComArg, currency: str = "TRY", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.external_id = external_id
        self.currency = currency
        self._check_when_parsed()

    def execute(self, context: Context) -> dict[str, str]:
        """Give the money back, and tell how much it was."""
        from airflow_provider_iyzico.api.external_id import read_external_id
        from airflow_provider_iyzico.bridge.warehouse import task_instance, warehouse_engine
        from airflow_provider_iyzico.domain.gate import read_currency
        from airflow_provider_iyzico.ledger.accounts import Account, require_one_currency
        from airflow_provider_iyzico.ledger.holds import release_plain
        from airflow_provider_iyzico.ledger.ledger import Ledger
        from airflow_provider_iyzico.ledger.who import Who
        from airflow_provider_iyzico.warehouse.lineage import dataset

        with fail_fast():
            self._check_literals()  # a mapped task checks its values when it runs
            name = read_external_id(self.external_id)
            settings = IyzicoHook(self.iyzico_conn_id).settings
            if settings.currency not in (None, self.currency):
                raise IyzicoConfigurationError(
                    f"the balance of Connection {self.iyzico_conn_id!r} is in {settings.currency}, and the task releases "
                    f"{self.currency}: it would not see the hold; give the task currency={settings.currency!r}"
                )
            today = datetime.now(ZoneInfo(settings.report_timezone)).date()
            self._shown = account_and_day(settings.environment, settings.account, self.currency, today)
            account = Account(settings.environment, settings.lasting_account(), read_currency(self.currency))
            with warehouse_engine(self.ledger_conn_id, named_in="ledger_conn_id") as engine:
                ledger = Ledger.open(engine, schema=self.ledger_schema)
                if settings.currency is None:
                    require_one_currency(ledger, account)
                who = Who(task=task_instance(context))
                of_other_dags = not self._has_a_gate_before()
                released = release_plain(ledger, account, name, who, of_other_runs=False, of_other_dags=of_other_dags)
                self._dataset = dataset(engine.url, ledger.tables.hold_end.name, self.ledger_schema)
        amount = "0.00" if released is None else money_text(released.counted)
        if released is None:
            self.log.info("No hold of %s is open in %s, so there is nothing to release", name, account)
        else:
            self.log.info("Released %s %s of %s, which %s had set aside", amount, self.currency, account, name)
        return {"external_id": name, "released": amount, "currency": self.currency}

    def _has_a_gate_before(self) -> bool:
        """Tell whether a gate of this DAG runs before this task, which then gives back what that one set aside."""
        from airflow_provider_iyzico.sensors.mass_payout import MassPayoutBalanceSensor

        before = self.get_flat_relatives(upstream=True)
        return any(issubclass(getattr(task, "operator_class", type(task)), MassPayoutBalanceSensor) for task in before)

    def _check_literals(self) -> None:
        """Refuse what cannot be right.

        :raises IyzicoConfigurationError: a name, an id or the currency cannot be one
        :raises WarehouseConfigurationError: the schema is no plain name
        """
        from airflow_provider_iyzico.domain.gate import read_currency
        from airflow_provider_iyzico.sensors.literals import check_external_id

        super()._check_literals()
        read_currency(self.currency)
        check_external_id(self.task_id, self.external_id)
