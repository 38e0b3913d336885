"""Every 15 minutes: what is the balance? One row per run, for finance."""

from __future__ import annotations

from datetime import timedelta

import pendulum
from airflow.sdk import DAG, Asset

from airflow_provider_iyzico.operators.mass_payout import MassPayoutBalanceOperator

# [START snapshot]
with DAG(
    dag_id="iyzico_balance_snapshot",
    schedule="*/15 * * * *",
    start_date=pendulum.datetime(2026, 1, 1, tz="Europe/Istanbul"),
    catchup=False,  # iyzico gives only the current balance
    default_args={"retries": 3, "retry_delay": timedelta(seconds=30)},
    tags=["iyzico"],
) as dag:
    MassPayoutBalanceOperator(task_id="snapshot", outlets=[Asset("iyzico_balance_snapshot")])
# [END snapshot]

if __name__ == "__main__":
    dag.test()
