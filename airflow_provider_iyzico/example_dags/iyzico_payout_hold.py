"""Two payouts out of one balance: each sets its money aside before it pays, so both together never take more than there is."""

from __future__ import annotations

from typing import Any

import pendulum
from airflow.sdk import DAG, task

from airflow_provider_iyzico.operators.mass_payout import MassPayoutHoldReleaseOperator
from airflow_provider_iyzico.sensors.mass_payout import MassPayoutBalanceSensor


# [START hold]
def payout(name: str, batch_total: str) -> DAG:
    with DAG(
        dag_id=f"iyzico_pay_{name}",
        schedule=None,
        start_date=pendulum.datetime(2026, 1, 1, tz="Europe/Istanbul"),
        params={"month": "2026-11"},  # pyright: ignore[reportArgumentType]
        tags=["iyzico"],
    ) as dag:
        external_id = name + "-{{ params.month }}"

        gate = MassPayoutBalanceSensor(
            task_id="set_money_aside",
            external_id=external_id,
            batch_total=batch_total,
            hold_for_seconds=24 * 60 * 60,  # a run that is lost does not hold the money for good
            deferrable=True,
            poke_interval=60,
            timeout=6 * 60 * 60,
        )

        @task(retries=0)
        def pay(aside: Any) -> str:
            """Make the payout, and follow it to its end. Here goes your call of iyzico; this example moves no money."""
            return f"{aside['external_id']} pays out of {aside['required']} {aside['currency']} that are set aside"

        pay(gate.output) >> MassPayoutHoldReleaseOperator(task_id="release", external_id=external_id)
    return dag


salaries = payout("salaries", "4530.00")
suppliers = payout("suppliers", "4000.00")
# [END hold]

if __name__ == "__main__":
    salaries.test()
