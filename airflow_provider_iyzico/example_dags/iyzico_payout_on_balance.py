"""A payout that money starts: its DAG runs when the balance comes to cover an amount, and asks again before it pays."""

from __future__ import annotations

from typing import Any

import pendulum
from airflow.sdk import DAG, Asset, AssetWatcher, task

from airflow_provider_iyzico.sensors.mass_payout import MassPayoutBalanceSensor
from airflow_provider_iyzico.triggers.mass_payout import MassPayoutBalanceTrigger

# [START watcher]
AMOUNT = "5000.00"

covered = Asset(
    "iyzico_balance_covers_suppliers",
    watchers=[AssetWatcher(name="balance", trigger=MassPayoutBalanceTrigger("iyzico_default", AMOUNT, poll_seconds=60))],
)

with DAG(
    dag_id="iyzico_payout_on_balance",
    schedule=[covered],
    start_date=pendulum.datetime(2026, 1, 1, tz="Europe/Istanbul"),
    catchup=False,
    max_active_runs=1,
    tags=["iyzico"],
) as dag:
    # The event says that the money came. The gate checks that it is still there.
    gate = MassPayoutBalanceSensor(task_id="still_there", batch_total=AMOUNT, timeout=600, poke_interval=60)

    @task(retries=0)
    def pay(covered: Any) -> str:
        """Start the payout. Put your call of iyzico here; this example moves no money."""
        return f"paying out of {covered['balance']} {covered['currency']}"

    pay(gate.output)
# [END watcher]

if __name__ == "__main__":
    dag.test()
