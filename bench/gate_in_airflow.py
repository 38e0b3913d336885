"""The second part of ``bench_gate.py``: 1, 100 and 1,000 gates in the triggerer of a real Airflow, each crowd on its own account.

The gates are ``MassPayoutBalanceSensor`` as mapped tasks, which start in the triggerer (``start_from_trigger``), since a thousand
workers would only be in the way. Airflow's own database is a PostgreSQL.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT / part) for part in ("tools", "tests")]

from postgres import postgres_server
from sandbox import airflow_environment
from stack import AirflowStack

from airflow_provider_iyzico.simulator import Simulator

CROWDS = [1, 100, 1000]
SECONDS = 5.0
INTERVALS = 8
DAGS = """
import pendulum
from airflow.sdk import DAG
from airflow.triggers.base import StartTriggerArgs
from airflow_provider_iyzico.sensors.mass_payout import MassPayoutBalanceSensor

for crowd in {crowds}:
    arguments = {{"iyzico_conn_id": f"iyzico_{{crowd}}", "batch_total": "500.00"}}
    arguments |= {{"poll_seconds": {seconds}, "ends_at": {ends_at}}}
    waiting = StartTriggerArgs(
        "airflow_provider_iyzico.triggers.mass_payout.MassPayoutBalanceTrigger", "execute_complete", arguments, {{}}
    )
    gate = type("Gate", (MassPayoutBalanceSensor,), {{"start_from_trigger": True, "start_trigger_args": waiting}})
    with DAG(f"gates_{{crowd}}", schedule=None, start_date=pendulum.datetime(2026, 1, 1)) as dag:
        gate.partial(task_id="gate", iyzico_conn_id=f"iyzico_{{crowd}}").expand(batch_total=["500.00"] * crowd)
    globals()[dag.dag_id] = dag
"""


def triggerer_cpu_seconds(stack: AirflowStack) -> float:
    """Return what the triggerer and its runner have used so far."""
    group, ticks = stack._processes["triggerer"].pid, 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == group:
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def requests_of(iyzico: Simulator, start: float, end: float) -> int:
    return sum(start <= seen.received_at < end for seen in iyzico.seen)


def watch(title: str, stack: AirflowStack, iyzicos: dict[int, Simulator]) -> list[str]:
    """Count each crowd's requests over some intervals."""
    cpu, start = triggerer_cpu_seconds(stack), time.time()
    time.sleep(INTERVALS * SECONDS)
    cpu, end = triggerer_cpu_seconds(stack) - cpu, time.time()
    stack.check_alive()
    missed = []
    print(f"  {title}: {INTERVALS} intervals, {cpu / (end - start) * 100:.0f} % of a core for the whole triggerer")
    for crowd, iyzico in iyzicos.items():
        asked = requests_of(iyzico, start, end)
        print(f"    {crowd:5,} gates: {asked / ((end - start) / SECONDS):.2f} requests per interval", flush=True)
        if abs(asked - INTERVALS) > 1:
            missed.append(f"one request per interval of {crowd} gates, {title}")
    return missed


def released(logs: Path) -> list[datetime]:
    """Return when each trigger fired, by the tasks' own logs."""
    lines = (line for path in logs.glob("dag_id=gates_1000/**/*trigger*.log") for line in path.read_text().splitlines())
    fired = [json.loads(line)["timestamp"] for line in lines if "Trigger fired event" in line]
    return sorted(datetime.fromisoformat(re.sub("Z$", "+00:00", moment)) for moment in fired)


def run() -> list[str]:
    """Print figures, and return what was promised and missed."""
    with ExitStack() as closing:
        folder = Path(closing.enter_context(tempfile.TemporaryDirectory(prefix="iyzico-bench-", ignore_cleanup_errors=True)))
        iyzicos = {crowd: closing.enter_context(Simulator("0")) for crowd in CROWDS}
        (folder / "dags").mkdir()
        text = DAGS.format(crowds=CROWDS, seconds=SECONDS, ends_at=round(time.time()) + 86400)
        (folder / "dags" / "gates.py").write_text(text)
        url = closing.enter_context(postgres_server())
        environment = airflow_environment(folder / "home", iyzico="", warehouse=folder / "none.db", dags=folder / "dags") | {
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": url.replace("postgresql://", "postgresql+psycopg2://"),
            "AIRFLOW__TRIGGERER__CAPACITY": "2000",
            "AIRFLOW__CORE__MAX_MAP_LENGTH": "2000",
            **{f"AIRFLOW_CONN_IYZICO_{crowd}": iyzico.connection for crowd, iyzico in iyzicos.items()},
        }
        stack = closing.enter_context(AirflowStack(environment, folder / "processes"))
        stack.wait_until_ready(*(f"gates_{crowd}" for crowd in CROWDS))
        runs = {crowd: stack.trigger(f"gates_{crowd}") for crowd in CROWDS}

        def waiting(crowd: int) -> int:
            path = f"/api/v2/dags/gates_{crowd}/dagRuns/{runs[crowd]}/taskInstances?state=deferred&limit=1"
            return int(stack.call("GET", path)["total_entries"])

        started = time.monotonic()
        for crowd in CROWDS:
            stack.wait_until(f"{crowd} gates are deferred", lambda crowd=crowd: waiting(crowd) == crowd, 180)
        print(f"a real triggerer, a poll every {SECONDS:.0f} s; all gates deferred after {time.monotonic() - started:.0f} s")

        def all_look() -> bool:
            pattern = re.compile(r"dag_id=gates_1000/.*trigger.*\.log$")
            return sum(bool(pattern.search(str(path))) for path in (folder / "home" / "logs").rglob("*.log")) >= CROWDS[-1]

        stack.wait_until("all gates wait in the triggerer", all_look, 180)
        time.sleep(2 * SECONDS)
        missed = watch("waiting", stack, iyzicos)
        stack.stop("triggerer")
        stack.start("triggerer")
        seen = {crowd: len(iyzico.seen) for crowd, iyzico in iyzicos.items()}
        stack.wait_until("all poll again", lambda: all(len(iyzicos[crowd].seen) >= seen[crowd] + 2 for crowd in CROWDS), 180)
        time.sleep(4 * SECONDS)
        missed += watch("after a restart of the triggerer", stack, iyzicos)
        stack.stop("scheduler")  # or workers would start
        iyzicos[CROWDS[-1]].balance = "8000.00"
        stack.wait_until("all gates open", lambda: len(released(folder / "home" / "logs")) >= CROWDS[-1], 120)
        moments = released(folder / "home" / "logs")
        spread = (moments[-1] - moments[0]).total_seconds()
        print(f"  {len(moments):,} gates open within {spread * 1000:,.0f} ms of each other, by their tasks' logs")
        return missed


if __name__ == "__main__":
    sys.exit(bool(run()))
