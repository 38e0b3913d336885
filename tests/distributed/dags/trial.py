"""What runs in the trial: payouts that share one account, plain gates of another, and snapshots of both."""

from __future__ import annotations

from datetime import timedelta

import pendulum
from airflow.sdk import DAG

from airflow_provider_iyzico.operators.mass_payout import (
    MassPayoutAuthorizeOperator,
    MassPayoutBalanceOperator,
    MassPayoutInitOperator,
)
from airflow_provider_iyzico.sensors.mass_payout import MassPayoutBalanceSensor

BATCH = "payout-{{ params.number }}"
PAYROLL = """
    SELECT item_external_id, recipient_type, recipient_info, recipient_name, amount, description
    FROM payroll WHERE payout = '{{ params.number }}'"""
POLL_SECONDS = 10
MANY = {
    "schedule": None,
    "start_date": pendulum.datetime(2026, 1, 1, tz="Europe/Istanbul"),
    "default_args": {"retries": 5, "retry_delay": timedelta(seconds=5)},
}
GATE = {
    "deferrable": True,
    "poke_interval": POLL_SECONDS,
    "recheck_seconds": 900,
    "timeout": 1800,
    "warehouse_conn_id": "iyzico_warehouse",
}

with DAG("payout", params={"number": 0}, **MANY):
    start = MassPayoutInitOperator(
        task_id="start",
        external_id=BATCH,
        payments_sql=PAYROLL,
        payments_conn_id="iyzico_warehouse",
        purpose="SALARY",
        grace_seconds=3,
    )
    gate = MassPayoutBalanceSensor(task_id="gate", external_id=BATCH, settling_seconds=0, **GATE)
    pay = MassPayoutAuthorizeOperator(
        task_id="pay",
        external_id=BATCH,
        deferrable=True,
        poll_interval=POLL_SECONDS,
        grace_seconds=3,
        settling_seconds=0,
        timeout=1800,
        on_unpaid="succeed",
    )
    start >> gate >> pay

with DAG("plain", params={"amount": "0"}, **MANY):
    MassPayoutBalanceSensor(
        task_id="wait", iyzico_conn_id="iyzico_treasury", batch_total="{{ params.amount }}", priority_weight=10, **GATE
    )

with DAG("snapshot", **MANY):
    MassPayoutBalanceOperator.partial(task_id="keep").expand(iyzico_conn_id=["iyzico_default", "iyzico_treasury"])
