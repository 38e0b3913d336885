"""``make demo``: gates that wait for money and for each other, a whole payout, and the tables that finance reads."""

from __future__ import annotations

import logging
import os
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

from payroll import make_payroll
from sandbox import airflow_environment, load_dags

from airflow_provider_iyzico.simulator import Simulator

STARTED = time.monotonic()
TOO_LITTLE, ENOUGH = "3200.00", "8000.00"
GATE_SECONDS = 45
#: How long iyzico takes over each status of a payment, in seconds.
SOON = dict.fromkeys(("RESERVED", "QUEUED", "PROCESSING", "SUCCESS", "FAILED", "DEPOSIT_SUCCESS"), 0.4)
#: What a second Airflow is told: the address of iyzico and of the database, and which DAG to run once it is told to go on.
SECOND = "--second"


def say(words: str) -> None:
    print(f"{time.monotonic() - STARTED:5.1f} s  {words}", flush=True)


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="iyzico-demo-") as folder, Simulator(TOO_LITTLE) as iyzico:
        home, warehouse = Path(folder), Path(folder, "warehouse.db")
        say(f"iyzico is simulated at {iyzico.url}; the balance is {TOO_LITTLE} TRY")
        os.environ.update(airflow_environment(home, iyzico=iyzico.connection, warehouse=warehouse))
        os.environ["AIRFLOW__LOGGING__LOGGING_LEVEL"] = "CRITICAL"
        warnings.simplefilter("ignore")
        say("Airflow makes itself a home (SQLite) ...")
        from airflow.utils.db import initdb

        initdb()
        logging.disable(logging.CRITICAL)
        dags = load_dags()

        say("DAG iyzico_balance_snapshot runs: the balance is written to the warehouse")
        succeed(dags["iyzico_balance_snapshot"].test())

        gate = dags["iyzico_payout_gate"]
        gate.get_task("wait_for_money").poke_interval = 1
        gate.get_task("wait_for_money").timeout = GATE_SECONDS
        say("DAG iyzico_payout_gate runs: 4500.00 for three people, 30.00 commission, 500.00 headroom")
        top_up = threading.Thread(target=top_up_while_the_gate_waits, args=(iyzico, len(iyzico.seen)), daemon=True)
        top_up.start()
        run = gate.test()
        succeed(run)
        top_up.join()
        paid = run.get_task_instance("pay")
        say(f"the gate opened, and the payout task ran: {paid.state}")

        say("DAG iyzico_balance_snapshot runs once more")
        succeed(dags["iyzico_balance_snapshot"].test())
        two_payouts(home, iyzico, warehouse, dags["iyzico_pay_salaries"])
        print_tables(warehouse)
        print()
        whole_payout(home, iyzico, warehouse, dags["iyzico_payout"])
    return 0


def two_payouts(home: Path, iyzico: Simulator, warehouse: Path, salaries: Any) -> None:
    """Let two payout DAGs want the same money: one here, and one in an Airflow of its own."""
    say(f"two payout DAGs want the same {ENOUGH}: salaries need 4530.00, suppliers 4000.00, each in an Airflow of its own")
    environment = airflow_environment(home / "second", iyzico=iyzico.connection, warehouse=warehouse)
    environment["AIRFLOW__LOGGING__LOGGING_LEVEL"] = "CRITICAL"
    command = [sys.executable, "-W", "ignore", __file__, SECOND]
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as suppliers:

        def pay(aside: dict[str, str]) -> str:
            """Stand where the example calls iyzico: while salaries are paid, suppliers want to be paid."""
            say(f"salaries: {aside['required']} set aside, the gate opens, and the payout begins")
            print("go", file=suppliers.stdin, flush=True)
            say(f"suppliers: {suppliers.stdout.readline().strip()}")
            iyzico.balance = "4470.00"
            say("salaries: 4530.00 are paid, and 1000.00 came in: 4470.00 is there; what was set aside is given back")
            return "paid"

        salaries.get_task("pay").python_callable = pay
        succeed(salaries.test())
        for line in suppliers.stdout:
            say(f"suppliers: {line.strip()}")
    if suppliers.returncode:
        sys.exit("the payout of suppliers failed")


def whole_payout(home: Path, iyzico: Simulator, warehouse: Path, dag: Any) -> None:
    """Pay three people, one of whose payments fails and comes back, and print what the ledger keeps of it."""
    os.environ["AIRFLOW_CONN_HR"] = make_payroll(home / "hr.db")
    iyzico.set(balance=ENOUGH, commission="2.50", fates={"veli-2026-11": "returned"}, durations=SOON)
    for task in (dag.get_task("wait_for_money"), dag.get_task("pay")):
        task.deferrable, task.poke_interval, task.timeout = False, 1, GATE_SECONDS
    pay = dag.get_task("pay")
    pay.poll_interval, pay.grace_seconds, pay.settling_seconds, pay.on_unpaid = 1, 1, 0, "succeed"
    say(f"the balance is set to {ENOUGH} again")
    say(f"DAG iyzico_payout runs: three people of a payroll are paid out of {ENOUGH}; one of the payments will fail")
    run = dag.test()
    succeed(run)
    told = run.get_task_instance("pay").xcom_pull(task_ids="pay")
    paid, unpaid = f"{told['paid_items']} of {told['items']} are paid", f"{told['unpaid_items']} came back"
    say(f"batch {told['external_id']} is {told['state']}: {paid}, {unpaid}")
    with closing(sqlite3.connect(warehouse)) as connection:
        print_table("iyzico_payout_item, the ledger's account of it", connection.execute(ITEMS))
    left, spent = Decimal(iyzico.balance), Decimal(told["paid_total"]) + Decimal(told["paid_commission"])
    if Decimal(ENOUGH) - left != spent or told["outstanding_total"] != "0.00":
        sys.exit(f"the balance went from {ENOUGH} to {left}, and the ledger says that {spent} was spent")
    print()
    say(f"to the last kuruş: {ENOUGH} before - {told['paid_total']} paid - {told['paid_commission']} commission = {left} now")
    print()


def second() -> None:
    """Run the payout of suppliers, print what its gate says, and end with its outcome."""
    from airflow.utils.db import initdb

    from airflow_provider_iyzico.sensors.mass_payout import MassPayoutBalanceSensor

    initdb()
    logging.disable(logging.CRITICAL)
    dag = load_dags()["iyzico_pay_suppliers"]
    gate = dag.get_task("set_money_aside")
    gate.deferrable, gate.poke_interval, gate.timeout = False, 1, GATE_SECONDS
    MassPayoutBalanceSensor.log = Said()
    sys.stdin.readline()
    succeed(dag.test())


class Said:
    """A log that prints what a gate saw, and leaves the rest out."""

    def __getattr__(self, _level: str) -> Any:
        return lambda *_, **__: None

    def info(self, words: str, *values: object) -> None:
        if words == "%s":
            print(*values, flush=True)


def succeed(run: object) -> None:
    if str(run.state) != "success":
        states = {ti.task_id: str(ti.state) for ti in run.get_task_instances()}
        sys.exit(f"DAG {run.dag_id} ended as {run.state}: {states}")


def top_up_while_the_gate_waits(iyzico: Simulator, seen_before: int) -> None:
    """Let the gate poll three times in vain, then bring the money."""
    while len(iyzico.seen) < seen_before + 3:
        time.sleep(0.05)
    say(f"the gate has polled {len(iyzico.seen) - seen_before} times and waits: {TOO_LITTLE} is there, 5030.00 is required")
    iyzico.balance = ENOUGH
    say(f"the balance is topped up to {ENOUGH}")


ITEMS = """
    SELECT item_external_id AS item, recipient_type AS "paid to", '...' || recipient_end AS "ends with", amount AS "amount (TRY)",
           commission AS "commission (TRY)", status
    FROM iyzico_payout_item ORDER BY item_external_id"""
SNAPSHOTS = """
    SELECT strftime('%d.%m.%Y %H:%M:%S', observed_at, '+3 hours') AS "seen (Istanbul)", account, environment,
           balance AS "balance (TRY)", dag_id AS "written by"
    FROM iyzico_balance_snapshot ORDER BY observed_at"""
DAYS = """
    SELECT strftime('%d.%m.%Y', local_date) AS day, account, environment, lowest AS "lowest (TRY)", highest AS "highest (TRY)",
           closing AS "last seen (TRY)", inflow AS "came in (TRY)", outflow AS "went out (TRY)", observations AS polls
    FROM iyzico_balance_daily ORDER BY local_date"""


def print_tables(warehouse: Path) -> None:
    with closing(sqlite3.connect(warehouse)) as connection:
        snapshots = connection.execute("SELECT balance FROM iyzico_balance_snapshot ORDER BY observed_at").fetchall()
        if [Decimal(str(balance)) for (balance,) in snapshots] != [Decimal(TOO_LITTLE), Decimal(ENOUGH)]:
            sys.exit(f"the warehouse does not hold what was seen: {snapshots}")
        for name, query in (("iyzico_balance_snapshot", SNAPSHOTS), ("iyzico_balance_daily, a view for finance", DAYS)):
            print_table(name, connection.execute(query))


def print_table(name: str, found: sqlite3.Cursor) -> None:
    header = [column[0] for column in found.description]
    is_money = [title.endswith("(TRY)") for title in header]
    rows = [
        [f"{Decimal(str(cell)):,.2f}" if money else str(cell) for cell, money in zip(row, is_money, strict=True)] for row in found
    ]
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    print(f"\n{name}")
    for row in [header, ["-" * width for width in widths], *rows]:
        cells = [
            cell.rjust(width) if money else cell.ljust(width) for cell, width, money in zip(row, widths, is_money, strict=True)
        ]
        print("  " + "  ".join(cells).rstrip())


if __name__ == "__main__":
    sys.exit(second() if SECOND in sys.argv else main())
