"""``make airflow``: a whole Airflow on this machine, with the simulator and the example DAGs, until Ctrl-C."""

from __future__ import annotations

import shutil
import signal
import sys
import time
from contextlib import ExitStack
from datetime import UTC, datetime

import history
from payroll import make_payroll
from sandbox import ROOT, airflow_environment, connection_of
from sqlalchemy import create_engine
from stack import AirflowStack, free_port

from airflow_provider_iyzico.simulator import Simulator

AIRFLOW_PORT, SIMULATOR_PORT = 8080, 8989
#: Those of iyzico_many_accounts, and what they hold.
ACCOUNTS = {"payroll": "1500.00", "suppliers": "700.00"}


def main() -> int:
    home = ROOT / ".airflow"
    for number in (signal.SIGINT, signal.SIGTERM):  # Ctrl-C counts even where a shell started us in the background
        signal.signal(number, signal.default_int_handler)
    try:
        shutil.rmtree(home, ignore_errors=True)
        with ExitStack() as stack:
            iyzico = stack.enter_context(Simulator("3200.00", port=free_port(SIMULATOR_PORT)))
            warehouse = home / "warehouse.db"
            environment = airflow_environment(home, iyzico=iyzico.connection, warehouse=warehouse)
            for account, balance in ACCOUNTS.items():
                simulator = stack.enter_context(Simulator(balance))
                environment[f"AIRFLOW_CONN_IYZICO_{account.upper()}"] = connection_of(simulator, account)
            environment["AIRFLOW_CONN_HR"] = make_payroll(home / "hr.db")
            print("Writing a year of made-up balances for the finance page ...", flush=True)
            engine = create_engine(f"sqlite:///{warehouse}")
            history.fill(engine, datetime.now(UTC))
            engine.dispose()
            print(f"Starting Airflow; its logs are in {home / 'logs'} ...", flush=True)
            with AirflowStack(environment, home / "logs", free_port(AIRFLOW_PORT)) as airflow:
                airflow.wait_until_ready("iyzico_balance_snapshot", "iyzico_payout_gate")
                print(
                    f"\nAirflow   {airflow.url}  (no login needed: everyone on this machine is admin)"
                    f"\nfinance   {airflow.url}/plugin/iyzico  (also in the navigation: iyzico)"
                    f"\niyzico    {iyzico.url}  (simulated, balance {iyzico.balance} TRY)"
                    f"\nwarehouse {warehouse}"
                    "\n\nTrigger iyzico_payout_gate in the browser, see it wait, then bring the money:"
                    f'\n  curl -d \'{{"balance": "8000.00"}}\' {iyzico.url}/simulator'
                    "\n\nTrigger iyzico_payout to pay three people of a made-up payroll, once."
                    "\n\nCtrl-C stops everything.",
                    flush=True,
                )
                while True:
                    time.sleep(1)
                    airflow.check_alive()
    except KeyboardInterrupt:
        print("\nStopped.")
        return 0
    except (RuntimeError, TimeoutError, OSError) as error:
        print(f"Airflow could not run: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
