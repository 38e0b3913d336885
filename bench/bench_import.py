"""What a DAG file pays for this provider: importing operator and sensor over ``airflow.sdk``, and parsing a file with both.

Each figure is a fresh process. Also prints the peer in the same runs: the http provider's operator and sensor. The cost of
parsing is what a file of such tasks costs Airflow's own ``DagBag`` over a file with two plain tasks.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

RUNS = 7
OURS = """
from airflow_provider_iyzico.operators.mass_payout import MassPayoutBalanceOperator
from airflow_provider_iyzico.sensors.mass_payout import MassPayoutBalanceSensor
"""
PEER = """
from airflow.providers.http.operators.http import HttpOperator
from airflow.providers.http.sensors.http import HttpSensor
"""
TIMED = """
import time
from airflow.sdk import DAG, BaseOperator, BaseSensorOperator
started = time.perf_counter()
{imports}
print((time.perf_counter() - started) * 1000)
"""
PARSED = """
import sys, time
import airflow.sdk
from airflow.dag_processing.dagbag import DagBag
started = time.process_time()
bag = DagBag(sys.argv[1], bundle_name="bench", safe_mode=False)
spent = time.process_time() - started
assert not bag.import_errors and bag.dag_ids == ["bench"], bag.import_errors
print(spent * 1000)
"""
FILE = """
from airflow.sdk import DAG, BaseOperator, BaseSensorOperator
{imports}
with DAG("bench", schedule=None):
    {tasks}
"""
FILES = {
    "plain": FILE.format(imports="", tasks="BaseOperator(task_id='one') >> BaseSensorOperator(task_id='two')"),
    "ours": FILE.format(
        imports=OURS,
        tasks="MassPayoutBalanceOperator(task_id='one') >> MassPayoutBalanceSensor(task_id='two', batch_total='1')",
    ),
    "peer": FILE.format(
        imports=PEER, tasks="HttpOperator(task_id='one', endpoint='a') >> HttpSensor(task_id='two', endpoint='b')"
    ),
}
TARGET_MS = 10
TARGET_PARSED = 1 / 10


def printed_ms(home: str, *command: str) -> float:
    environment = {**os.environ, "AIRFLOW_HOME": home, "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", *command], capture_output=True, text=True, check=True, env=environment
    )
    return float(done.stdout.splitlines()[-1])


def in_turns(**makers: Callable[[], float]) -> dict[str, list[float]]:
    found = [{name: make() for name, make in makers.items()} for _ in range(RUNS + 1)]
    return {name: [one[name] for one in found[1:]] for name in makers}  # the first of each fills caches


def show(title: str, ours: list[float], peer: list[float]) -> float:
    """Print both, and return the median of what ours costs as a part of the peer's, pair by pair."""
    print(f"{title}, {RUNS} fresh processes each, in ms (min / median / max)")
    for name, figures in (("operator and sensor of this provider", ours), ("operator and sensor of the http provider", peer)):
        print(f"  {name:42} {min(figures):7.1f} / {statistics.median(figures):7.1f} / {max(figures):7.1f}")
    ratio = statistics.median(mine / theirs for mine, theirs in zip(ours, peer, strict=True))
    print(f"  ratio, pair by pair (median)               {ratio:7.3f}")
    return ratio


def main() -> int:
    with tempfile.TemporaryDirectory() as home:
        imports = in_turns(
            ours=lambda: printed_ms(home, TIMED.format(imports=OURS)), peer=lambda: printed_ms(home, TIMED.format(imports=PEER))
        )
        for name, text in FILES.items():
            (Path(home) / f"{name}.py").write_text(text)
        parsed = in_turns(
            plain=lambda: printed_ms(home, PARSED, f"{home}/plain.py"),
            ours=lambda: printed_ms(home, PARSED, f"{home}/ours.py"),
            peer=lambda: printed_ms(home, PARSED, f"{home}/peer.py"),
        )
    show("marginal import over airflow.sdk", imports["ours"], imports["peer"])
    print(f"  promised: at most {TARGET_MS} ms")
    marginal = {
        name: [figure - plain for figure, plain in zip(parsed[name], parsed["plain"], strict=True)] for name in ("ours", "peer")
    }
    ratio = show("parsing a DAG file, CPU over a file with plain tasks", marginal["ours"], marginal["peer"])
    print(f"  promised: at most {TARGET_PARSED:.2f} of the http provider's")
    return 0 if statistics.median(imports["ours"]) <= TARGET_MS and ratio <= TARGET_PARSED else 1


if __name__ == "__main__":
    sys.exit(main())
