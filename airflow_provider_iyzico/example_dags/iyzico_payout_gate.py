"""A payout that never starts before the money is there: total the batch, wait for the balance, pay."""

from __future__ import annotations

from typing import Any

import pendulum
from airflow.sdk import DAG, task

from airflow_provider_iyzico.sensors.mass_payout import MassPayoutBalanceSensor

# [START gate]
with DAG(
    dag_id="iyzico_payout_gate",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="Europe/Istanbul"),
    params={"payments": ["1250.00", "980.50", "2269.50"], "commission": "30.00"},  # pyright: ignore[reportArgumentType]
    tags=["iyzico"],
) as dag:

    @task
    def total_batch(params: Any = None) -> str:
        """Add up what the batch needs. Pass money as a string, because XCom changes decimals."""
        from decimal import Decimal

        return str(sum(map(Decimal, params["payments"]), Decimal(params["commission"])))

    total = total_batch()

    gate = MassPayoutBalanceSensor(
        task_id="wait_for_money",
        batch_total=total,
        headroom="500.00",
        deferrable=True,
        poke_interval=60,
        timeout=6 * 60 * 60,
        warehouse_conn_id="iyzico_warehouse",  # keep a row per gate, for finance
    )

    @task(retries=0)
    def pay(covered: Any) -> str:
        """Start the payout. Put your call of iyzico here; this example moves no money."""
        return f"paying out of {covered['balance']} {covered['currency']}, {covered['surplus']} to spare"

    pay(gate.output)
# [END gate]

if __name__ == "__main__":
    dag.test()
