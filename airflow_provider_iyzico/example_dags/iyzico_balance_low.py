"""A message when money runs low: the balance falls below an amount, and finance reads what is left and what is set aside."""

from __future__ import annotations

import logging
from typing import Any

from airflow.providers.common.sql.operators.sql import SQLExecuteQueryOperator
from airflow.sdk import DAG, Asset, AssetWatcher, task

from airflow_provider_iyzico.messages import BalanceMessage
from airflow_provider_iyzico.operators.mass_payout import MassPayoutBalanceOperator
from airflow_provider_iyzico.triggers.mass_payout import MassPayoutBalanceTrigger

# [START low]
AMOUNT = "50000.00"
falls = MassPayoutBalanceTrigger("iyzico_default", AMOUNT, direction="below")
low = Asset("iyzico_balance_low", watchers=[AssetWatcher(name="low", trigger=falls)])
SET_ASIDE = "SELECT environment, account, currency, CAST(held AS VARCHAR(40)) FROM iyzico_balance_available"


def send(message: BalanceMessage, context: Any) -> None:
    """Call your notifier, such as ``SlackNotifier(text=str(message)).notify(context)``. This one only logs."""
    logging.getLogger(__name__).warning("%s", message)


with DAG(dag_id="iyzico_balance_low", schedule=[low], default_args={"retries": 3}, tags=["iyzico"]) as dag:
    now = MassPayoutBalanceOperator(task_id="now")  # the event says that the balance fell; this asks whether it is still so
    held = SQLExecuteQueryOperator(task_id="held", conn_id="iyzico_warehouse", sql=SET_ASIDE)  # leave it out without a ledger

    @task(trigger_rule="all_done")  # if the ledger does not answer, finance still learns the balance
    def tell(now: Any, rows: Any, **context: Any) -> None:
        aside = {tuple(who): amount for *who, amount in rows or []}.get((now["environment"], now["account"], now["currency"]))
        message = BalanceMessage.of(now, threshold=AMOUNT, held=aside, language="tr")
        if message.is_low:
            send(message, context)

    tell(now.output, held.output)
# [END low]
