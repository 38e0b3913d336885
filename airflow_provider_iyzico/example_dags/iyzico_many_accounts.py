"""Several accounts and several batches: one task for all, or one mapped task for each."""

from __future__ import annotations

import pendulum
from airflow.sdk import DAG

from airflow_provider_iyzico.operators.mass_payout import MassPayoutBalanceOperator
from airflow_provider_iyzico.sensors.mass_payout import MassPayoutBalanceSensor

# [START many]
ACCOUNTS = ["iyzico_payroll", "iyzico_suppliers"]

with DAG(
    dag_id="iyzico_many_accounts",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="Europe/Istanbul"),
    tags=["iyzico"],
) as dag:
    # One task asks all accounts at the same time. Those that answer are kept even if others fail.
    together = MassPayoutBalanceOperator(task_id="together", iyzico_conn_id=ACCOUNTS)

    # One task instance for each, with retries and logs of its own.
    each = MassPayoutBalanceOperator.partial(task_id="each").expand(iyzico_conn_id=ACCOUNTS)

    # One gate for each batch. Deferred, all gates of one account share one request per interval.
    gates = MassPayoutBalanceSensor.partial(
        task_id="wait_for_money", iyzico_conn_id="iyzico_payroll", deferrable=True, poke_interval=60, timeout=3600
    ).expand(batch_total=["1200.00", "800.50"])

    together >> each >> gates
# [END many]

if __name__ == "__main__":
    dag.test()
