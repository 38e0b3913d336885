"""What a DAG file pays for importing operator and sensor, on top of ``import airflow.sdk``.

Each figure is a fresh process. Also prints the peer in the same runs: the http provider's operator and sensor.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile

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
TARGET_MS = 25


def marginal_ms(imports: str, home: str) -> float:
    command = [sys.executable, "-W", "ignore", "-c", TIMED.format(imports=imports)]
    environment = {**os.environ, "AIRFLOW_HOME": home, "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return float(done.stdout.splitlines()[-1])


def main() -> int:
    ours, peer = [], []
    with tempfile.TemporaryDirectory() as home:
        for _ in range(RUNS + 1):
            ours.append(marginal_ms(OURS, home))
            peer.append(marginal_ms(PEER, home))
    ours, peer = ours[1:], peer[1:]  # the first of each fills caches
    print(f"marginal import over airflow.sdk, {RUNS} fresh processes each, in ms (min / median / max)")
    for name, figures in (("operator and sensor of this provider", ours), ("operator and sensor of the http provider", peer)):
        print(f"  {name:42} {min(figures):7.1f} / {statistics.median(figures):7.1f} / {max(figures):7.1f}")
    ratio = statistics.median(mine / theirs for mine, theirs in zip(ours, peer, strict=True))
    print(f"  ratio, pair by pair (median)               {ratio:7.2f}")
    print(f"  promised: at most {TARGET_MS} ms")
    return 0 if statistics.median(ours) <= TARGET_MS else 1


if __name__ == "__main__":
    sys.exit(main())
