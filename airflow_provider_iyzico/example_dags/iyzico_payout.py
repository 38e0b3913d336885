"""Salaries that are paid once: hand the batch over, wait for the money, pay it, and account for every item."""

from __future__ import annotations

import pendulum
from airflow.sdk import DAG, Param

from airflow_provider_iyzico.operators.mass_payout import (
    MassPayoutAuthorizeOperator,
    MassPayoutInitOperator,
    MassPayoutReconcileOperator,
)
from airflow_provider_iyzico.sensors.mass_payout import MassPayoutBalanceSensor

# [START payout]
BATCH = "salaries-{{ params.month }}"  # this name is one batch for good, so it has month and year
PAYROLL = """
    SELECT item_external_id, recipient_type, recipient_info, recipient_name, amount, description
    FROM payroll WHERE month = '{{ params.month }}'"""

with DAG(
    dag_id="iyzico_payout",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="Europe/Istanbul"),
    params={"month": Param("2026-11", type="string", pattern="^[0-9]{4}-[0-9]{2}$")},  # pyright: ignore[reportArgumentType]
    default_args={"retries": 3},  # a retry pays nobody twice
    tags=["iyzico"],
) as dag:
    start = MassPayoutInitOperator(
        task_id="start", external_id=BATCH, payments_sql=PAYROLL, payments_conn_id="hr", purpose="SALARY"
    )
    gate = MassPayoutBalanceSensor(task_id="wait_for_money", external_id=BATCH, deferrable=True, timeout=6 * 60 * 60)
    pay = MassPayoutAuthorizeOperator(task_id="pay", external_id=BATCH, deferrable=True)
    start >> gate >> pay

with DAG(
    dag_id="iyzico_payout_reconcile",
    schedule="@daily",
    start_date=pendulum.datetime(2026, 1, 1, tz="Europe/Istanbul"),
    catchup=False,
    tags=["iyzico"],
) as daily:
    MassPayoutReconcileOperator(task_id="reconcile")
# [END payout]

if __name__ == "__main__":
    dag.test()
