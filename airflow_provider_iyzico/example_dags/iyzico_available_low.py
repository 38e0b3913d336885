"""A message when too little is available: because the balance fell, or because more is set aside. It is sent once."""

from __future__ import annotations

import logging
from typing import Any

import pendulum
from airflow.providers.common.sql.operators.sql import SQLExecuteQueryOperator
from airflow.sdk import DAG, task

from airflow_provider_iyzico.messages import BalanceMessage
from airflow_provider_iyzico.operators.mass_payout import MassPayoutBalanceOperator

# [START available]
AMOUNT = "50000.00"
SET_ASIDE = "SELECT environment, account, currency, CAST(held AS VARCHAR(40)) FROM iyzico_balance_available"


def send(message: BalanceMessage, context: Any) -> None:
    """Call your notifier, such as ``SlackNotifier(text=str(message)).notify(context)``. This one only logs."""
    logging.getLogger(__name__).warning("%s", message)


with DAG(
    dag_id="iyzico_available_low",
    schedule="*/5 * * * *",
    start_date=pendulum.datetime(2026, 1, 1, tz="Europe/Istanbul"),
    catchup=False,
    max_active_runs=1,  # each run asks what the one before it found
    is_paused_upon_creation=True,  # it needs a ledger: switch it on where there is one
    default_args={"retries": 3},
    tags=["iyzico"],
) as dag:
    now = MassPayoutBalanceOperator(task_id="now")
    held = SQLExecuteQueryOperator(task_id="held", conn_id="iyzico_warehouse", sql=SET_ASIDE)

    @task
    def tell(now: Any, rows: Any, **context: Any) -> bool:
        aside = {tuple(who): amount for *who, amount in rows}.get((now["environment"], now["account"], now["currency"]), "0")
        message = BalanceMessage.of(now, threshold=AMOUNT, held=aside, language="tr")
        was_low = context["ti"].xcom_pull(task_ids="tell", map_indexes=-1, include_prior_dates=True)
        if message.is_low and not was_low:
            send(message, context)
        return message.is_low

    tell(now.output, held.output)
# [END available]
