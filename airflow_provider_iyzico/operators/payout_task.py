"""What all tasks that deal with a batch share: who they are, their Connections, and what they tell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider_iyzico.bridge.fail_fast import fail_fast
from airflow_provider_iyzico.bridge.versions import is_mapped, triggering_user
from airflow_provider_iyzico.get_provider_info import DEFAULT_WAREHOUSE_CONN_ID
from airflow_provider_iyzico.hooks.iyzico import IyzicoHook
from airflow_provider_iyzico.links import PAGE_LINKS, account_and_day

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context, XComArg
    from airflow.providers.openlineage.extractors import OperatorLineage

    from airflow_provider_iyzico.domain.items import Totals
    from airflow_provider_iyzico.ledger.batches import LedgerBatch
    from airflow_provider_iyzico.payouts.means import Means


class LedgerTask(BaseOperator):
    """Base of the operators that write to the ledger of an account."""

    operator_extra_links = PAGE_LINKS

    def __init__(
        self,
        *,
        iyzico_conn_id: str = IyzicoHook.default_conn_name,
        ledger_conn_id: str = DEFAULT_WAREHOUSE_CONN_ID,
        ledger_schema: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.iyzico_conn_id = iyzico_conn_id
        self.ledger_conn_id = ledger_conn_id
        self.ledger_schema = ledger_schema
        self._dataset: tuple[str, str] | None = None
        self._shown: dict[str, str] = {}

    def _check_when_parsed(self) -> None:
        """Refuse what cannot be right when the DAG file is parsed; a mapped task says what is wrong when it runs."""
        if not is_mapped(self):
            self._check_literals()

    def shown_on_page(self) -> dict[str, str]:
        """Return what the link to the page asks for: the account, and today as its reports count days."""
        return self._shown

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> OperatorLineage[Any, Any]:
        """Name the ledger's table that the task wrote to as the output dataset."""
        from airflow.providers.common.compat.openlineage.facet import Dataset
        from airflow.providers.openlineage.extractors import OperatorLineage

        if self._dataset is None:
            return OperatorLineage()
        namespace, name = self._dataset
        return OperatorLineage(outputs=[Dataset(namespace=namespace, name=name)])

    def _check_literals(self) -> None:
        """Refuse what cannot be right.

        :raises IyzicoConfigurationError: an id cannot be one
        :raises WarehouseConfigurationError: the schema is no plain name
        """
        from airflow_provider_iyzico.sensors.literals import check_conn_id
        from airflow_provider_iyzico.warehouse.database.names import check_identifier

        check_conn_id(self.iyzico_conn_id or "", "iyzico_conn_id", self.task_id)
        check_conn_id(self.ledger_conn_id or "", "ledger_conn_id", self.task_id)
        if self.ledger_schema is not None:
            check_identifier(self.ledger_schema, "ledger_schema")


class AccountTask(LedgerTask):
    """Base of the operators that deal with the batches of an account.

    Killing, clearing or marking such a task sends nothing.
    """

    ui_color = "#ffe7cc"
    #: The parameters that are seconds, zero or more.
    _times: tuple[str, ...] = ("grace_seconds",)

    def __init__(self, *, grace_seconds: float = 60, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.grace_seconds = grace_seconds

    @contextmanager
    def _means(self, context: Context, *, settling_seconds: float = 60, create_table: bool = True) -> Iterator[Means]:
        """Open iyzico and the ledger for this task, and turn errors into Airflow's.

        :raises AirflowFailException: what cannot heal by itself
        """
        from airflow_provider_iyzico.bridge.warehouse import task_instance, warehouse_engine
        from airflow_provider_iyzico.hooks.deadline import seconds_passed
        from airflow_provider_iyzico.hooks.payouts import paying
        from airflow_provider_iyzico.ledger.accounts import Account
        from airflow_provider_iyzico.ledger.ledger import Ledger
        from airflow_provider_iyzico.ledger.who import Who
        from airflow_provider_iyzico.payouts.means import Means
        from airflow_provider_iyzico.warehouse.lineage import dataset

        with fail_fast():
            self._check_literals()
            hook = IyzicoHook(self.iyzico_conn_id)
            try:
                settings = paying(hook.settings)
                account = Account(settings.environment, settings.lasting_account(), str(settings.currency))
                today = datetime.now(ZoneInfo(settings.report_timezone)).date()
                self._shown = account_and_day(account.environment, account.account, account.currency, today)
                with warehouse_engine(self.ledger_conn_id, named_in="ledger_conn_id") as engine:
                    ledger = Ledger.open(engine, schema=self.ledger_schema, create_table=create_table)
                    self._dataset = dataset(engine.url, ledger.tables.payout.name, self.ledger_schema)
                    yield Means(
                        iyzico=hook,
                        ledger=ledger,
                        account=account,
                        who=Who(task=task_instance(context), triggered_by=triggering_user(context)),
                        timeout_seconds=settings.timeout_seconds,
                        grace_seconds=float(self.grace_seconds),
                        settling_seconds=float(settling_seconds),
                        clock=seconds_passed,
                    )
            finally:
                hook.close()

    def _tell_outlets(self, context: Context, told: dict[str, Any]) -> None:
        """Give the asset events of this task what became of the batch."""
        for asset in self.outlets:
            with suppress(TypeError, ValueError):  # lineage may have outlets that are no assets; Airflow passes over them, too
                context["outlet_events"][asset].extra.update(told)

    def _check_literals(self) -> None:
        from airflow_provider_iyzico.sensors.literals import check_seconds

        super()._check_literals()
        for name in self._times:
            check_seconds(self.task_id, name, getattr(self, name))


class PayoutTask(AccountTask):
    """Base of the operators that deal with one batch."""

    template_fields: Sequence[str] = ("external_id",)

    def __init__(self, *, external_id: str | XComArg, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.external_id = external_id

    def _check_literals(self) -> None:
        from airflow_provider_iyzico.sensors.literals import check_external_id

        super()._check_literals()
        check_external_id(self.task_id, self.external_id)


def told_of(batch: LedgerBatch, totals: Totals, *, has_ended: bool) -> dict[str, str | int]:
    """Return what a task gives back: texts and counts, without personal data."""
    from airflow_provider_iyzico.domain.items import texts

    return {
        "external_id": batch.external_id,
        "request_id": batch.request_id or "",
        "state": batch.state.value,
        "currency": batch.account.currency,
        **texts(totals, has_ended=has_ended),
    }
