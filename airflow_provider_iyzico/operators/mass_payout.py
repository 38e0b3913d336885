"""``MassPayoutBalanceOperator``: records the current balance. The other operators of mass payouts are found here, too."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider_iyzico.api.money import money_text
from airflow_provider_iyzico.bridge.fail_fast import fail_fast
from airflow_provider_iyzico.bridge.versions import is_mapped
from airflow_provider_iyzico.errors import IyzicoError, WarehouseUnavailableError
from airflow_provider_iyzico.get_provider_info import DEFAULT_WAREHOUSE_CONN_ID
from airflow_provider_iyzico.hooks.iyzico import IyzicoHook
from airflow_provider_iyzico.links import PAGE_LINKS, account_and_day
from airflow_provider_iyzico.operators.payout_approval import MassPayoutApprovalOperator as MassPayoutApprovalOperator
from airflow_provider_iyzico.operators.payout_authorize import MassPayoutAuthorizeOperator as MassPayoutAuthorizeOperator
from airflow_provider_iyzico.operators.payout_cancel import MassPayoutCancelOperator as MassPayoutCancelOperator
from airflow_provider_iyzico.operators.payout_exception import MassPayoutExceptionOperator as MassPayoutExceptionOperator
from airflow_provider_iyzico.operators.payout_init import MassPayoutInitOperator as MassPayoutInitOperator
from airflow_provider_iyzico.operators.payout_reconcile import MassPayoutReconcileOperator as MassPayoutReconcileOperator
from airflow_provider_iyzico.operators.release import MassPayoutHoldReleaseOperator as MassPayoutHoldReleaseOperator

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context
    from airflow.providers.openlineage.extractors import OperatorLineage
    from sqlalchemy import Table
    from sqlalchemy.engine import Engine

    from airflow_provider_iyzico.api.balance import Balance
    from airflow_provider_iyzico.hooks.settings import Settings

#: After this time, a list of accounts stops writing to a warehouse that hangs.
HANGING_SECONDS = 30


class MassPayoutBalanceOperator(BaseOperator):
    """Records the current balance in the warehouse: what can we pay now?

    Each task instance has one row: a retry adds no second one, and the first one stays. The operator reads the row back inside
    its transaction, so what is kept is exact. If the table is an asset in ``outlets`` (its URI ends with the table's name), the
    asset event carries the row in its ``extra``; for a list of Connections, it carries a list of rows under ``snapshots``.

    Returns the row as the table holds it, JSON-safe, with money and moments as strings. For a list of Connections it returns a
    list of rows in the same order.

    :param iyzico_conn_id: id of the iyzico Connection, or a list of them. A list is asked at the same time, and each account gets
        its own row; if some accounts fail, the others are kept before the task fails
    :param warehouse_conn_id: id of any SQL Connection whose hook gives a SQLAlchemy engine
    :param table: the snapshot table
    :param schema: the table's schema; ``None`` for the Connection's own
    :param currency: the balance's currency; iyzico names none, so this is a label; refused if its Connection names another
    :param create_table: make the table if it is missing; otherwise fail with the DDL for the DBA
    :raises IyzicoError: when the DAG file is parsed: a parameter is not valid
    :raises AirflowFailException: a retry would not help; the message names the error of
        :mod:`airflow_provider_iyzico.errors` and what to do
    :raises IyzicoUnavailableError: iyzico did not answer; nothing was kept
    :raises IyzicoAccountsError: some of several accounts could not be kept, and a retry may help
    :raises WarehouseUnavailableError: the warehouse did not answer; a retry adds at most one row
    """

    ui_color = "#dff3e4"
    operator_extra_links = PAGE_LINKS
    template_fields: Sequence[str] = ()

    def __init__(
        self,
        *,
        iyzico_conn_id: str | Sequence[str] = IyzicoHook.default_conn_name,
        warehouse_conn_id: str = DEFAULT_WAREHOUSE_CONN_ID,
        table: str = "iyzico_balance_snapshot",
        schema: str | None = None,
        currency: str = "TRY",
        create_table: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.iyzico_conn_id = iyzico_conn_id
        self.warehouse_conn_id = warehouse_conn_id
        self.table = table
        self.schema = schema
        self.currency = currency
        self.create_table = create_table
        self._dataset: tuple[str, str] | None = None
        self._shown: dict[str, str] = {}
        if not is_mapped(self):  # a mapped task checks its values when it runs
            self._check_literals()

    def execute(self, context: Context) -> dict[str, Any] | list[dict[str, Any]]:
        """Ask iyzico, keep the balance, and return the stored row or rows."""
        from airflow_provider_iyzico.bridge.warehouse import warehouse_engine
        from airflow_provider_iyzico.domain.gate import read_currency
        from airflow_provider_iyzico.operators.accounts import attempt, balances_of, explained, read_conn_ids
        from airflow_provider_iyzico.warehouse.lineage import dataset
        from airflow_provider_iyzico.warehouse.tables import snapshot_table

        with fail_fast():
            self._check_literals()
            currency, table = read_currency(self.currency), snapshot_table(self.table, self.schema)
            conn_ids = read_conn_ids(self.iyzico_conn_id)
            with warehouse_engine(self.warehouse_conn_id) as engine:
                kept: list[dict[str, Any]] = []
                failures: dict[str, IyzicoError] = {}
                balances = balances_of(conn_ids)
                ends_at = time.monotonic() + HANGING_SECONDS
                for conn_id, seen in balances.items():
                    hangs = any(isinstance(error, WarehouseUnavailableError) for error in failures.values())
                    if hangs and time.monotonic() > ends_at:
                        failures[conn_id] = WarehouseUnavailableError("not tried, because the warehouse hangs; a retry is safe")
                        continue
                    stored = attempt(self._keep, engine, table, seen, currency, context)
                    if isinstance(stored, IyzicoError):
                        failures[conn_id] = stored
                    else:
                        kept.append(stored)
                self._dataset = dataset(engine.url, self.table, self.schema)
                if failures:
                    raise explained(failures, len(conn_ids))
        self._tell_outlets(context, kept)
        if len(kept) == 1:
            self._shown = account_and_day(*[kept[0][name] for name in ("environment", "account", "currency", "local_date")])
        return kept[0] if isinstance(self.iyzico_conn_id, str) else kept

    def shown_on_page(self) -> dict[str, str]:
        """Return what the link to the page asks for: the account and day of the row, or nothing if there are several rows."""
        return self._shown

    def _keep(
        self, engine: Engine, table: Table, seen: tuple[Settings, Balance] | IyzicoError, currency: str, context: Context
    ) -> dict[str, Any]:
        """Keep one account's balance, and return what the table holds."""
        from airflow_provider_iyzico.bridge.warehouse import task_instance
        from airflow_provider_iyzico.warehouse.append import append
        from airflow_provider_iyzico.warehouse.snapshot import Observation, snapshot_row

        if isinstance(seen, IyzicoError):
            raise seen
        settings, balance = seen
        if error := balance.error_in(currency):
            raise error
        if balance.clock_warning:
            self.log.warning("Balance of %s: %s", settings.account, balance.clock_warning)
        observation = Observation(
            account=settings.account,
            environment=settings.environment,
            currency=currency,
            balance=balance.amount,
            balance_raw=balance.raw,
            observed_at=balance.observed_at,
            system_time=balance.system_time,
            latency_ms=balance.latency_ms,
            report_timezone=settings.report_timezone,
        )
        row = snapshot_row(observation, task_instance(context))
        stored = _json_safe(append(engine, table, row, create_table=self.create_table))
        self.log.info("Balance of %(account)s (%(environment)s): %(balance)s %(currency)s, observed at %(observed_at)s", stored)
        return stored

    def _check_literals(self) -> None:
        """Refuse wrong values when the DAG file is parsed.

        :raises IyzicoConfigurationError: a Connection's id or the currency is not valid
        :raises WarehouseConfigurationError: table or schema is not a plain name
        """
        from airflow_provider_iyzico.domain.gate import read_currency
        from airflow_provider_iyzico.operators.accounts import read_conn_ids
        from airflow_provider_iyzico.sensors.literals import check_conn_id
        from airflow_provider_iyzico.warehouse.database.names import check_identifier

        read_currency(self.currency)
        for conn_id in read_conn_ids(self.iyzico_conn_id):
            check_conn_id(conn_id, "iyzico_conn_id", self.task_id)
        check_conn_id(self.warehouse_conn_id or "", "warehouse_conn_id", self.task_id)
        check_identifier(self.table, "table")
        if self.schema is not None:
            check_identifier(self.schema, "schema")

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> OperatorLineage[Any, Any]:
        """Name the table as the output dataset."""
        from airflow.providers.common.compat.openlineage.facet import Dataset
        from airflow.providers.openlineage.extractors import OperatorLineage

        if self._dataset is None:
            return OperatorLineage()
        namespace, name = self._dataset
        return OperatorLineage(outputs=[Dataset(namespace=namespace, name=name)])

    def _tell_outlets(self, context: Context, kept: list[dict[str, Any]]) -> None:
        """Put the stored row or rows into the table's asset event, for DAGs that are scheduled by it."""
        names = ("snapshot_id", "account", "environment", "currency", "balance", "observed_at")
        told = [{name: stored[name] for name in names} for stored in kept]
        extra: dict[str, Any] = told[0] if isinstance(self.iyzico_conn_id, str) else {"snapshots": told}
        for asset in self.outlets:
            uri = str(getattr(asset, "uri", ""))
            if uri.rstrip("/").rpartition("/")[2].rpartition(".")[2] == self.table:
                context["outlet_events"][asset].extra.update(extra)


def _json_safe(stored: dict[str, Any]) -> dict[str, Any]:
    """Return the row with the balance as digits and moments as ISO 8601, because XCom changes decimals."""
    safe = {name: value.isoformat() if hasattr(value, "isoformat") else value for name, value in stored.items()}
    return {**safe, "balance": money_text(stored["balance"])}
