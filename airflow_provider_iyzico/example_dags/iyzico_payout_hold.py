"""Two payouts from one balance: each sets its money aside first, so together they never take more than the balance."""

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
            hold_for_seconds=24 * 60 * 60,  # if a run dies, its hold ends after a day
            deferrable=True,
            poke_interval=60,
            timeout=6 * 60 * 60,
        )

        @task(retries=0)
        def pay(aside: Any) -> str:
            """Make the payout, and follow it to its end. Put your call of iyzico here; this example moves no money."""
            return f"{aside['external_id']} pays out of {aside['required']} {aside['currency']} that are set aside"

        pay(gate.output) >> MassPayoutHoldReleaseOperator(task_id="release", external_id=external_id)
    return dag


salaries = payout("salaries", "4530.00")
suppliers = payout("suppliers", "4000.00")
# [END hold]

if __name__ == "__main__":
    salaries.test()
