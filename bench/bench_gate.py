"""What does a waiting gate cost the triggerer? Against the http provider's triggers, which poll alone, at N waiters each.

Every figure comes from a process of its own (``gate_waiters.py``) and a server of its own on loopback, with one interval for all:
ours against the simulator, the peers against a server that answers at once. Bare tasks that only sleep are the zero: their CPU
and memory are taken off. CPU is the median of several intervals, and of the ratio that of their quartiles, too. BENCH_WAITERS and
BENCH_SECONDS set numbers of waiters and interval; the default takes half an hour.
In the end gates wait in a real Airflow (``gate_in_airflow.py``).
"""

from __future__ import annotations

import json
import math
import os
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gate_in_airflow

FOLDER = Path(__file__).parent
WAITERS = [int(number) for number in os.environ.get("BENCH_WAITERS", "100,1000,5000").split(",")]
SECONDS = float(os.environ.get("BENCH_SECONDS", "0"))
PEERS = ("HttpSensorTrigger", "HttpEventTrigger")
KINDS = ("bare", "ours", *PEERS)


def pace(count: int) -> tuple[float, int]:
    """Return the interval, and how many are measured: peers who poll alone send 200 requests a second, or fewer."""
    if SECONDS:
        return SECONDS, 3
    return (5.0, 15) if count <= 1000 else (count / 200, 3)


@contextmanager
def server(kind: str) -> Iterator[dict[str, str]]:
    """Start the server of this kind of waiter, and yield the Connections to it."""
    ours = [sys.executable, "-m", "airflow_provider_iyzico.simulator", "--port", "0", "--balance", "3200.00"]
    command = ours if kind == "ours" else [sys.executable, str(FOLDER / "static_server.py")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            lines = [process.stdout.readline() for _ in range(4 if kind == "ours" else 1)]
            url = re.search(r"http://127\.0\.0\.1:[0-9]+", lines[0]).group()
            connections = {"URL": url, "AIRFLOW_CONN_HTTP_DEFAULT": url}
            if kind == "ours":
                connections["AIRFLOW_CONN_IYZICO_DEFAULT"] = re.search("'({.*})'", "".join(lines)).group(1)
            yield connections
        finally:
            process.terminate()


def measure(kind: str, count: int, folder: Path) -> dict[str, Any]:
    seconds, intervals = pace(count)
    with server(kind) as connections:
        environment = {
            **os.environ,
            **connections,
            "AIRFLOW_HOME": str(folder),
            "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO",
            "NO_PROXY": "127.0.0.1",
            "PYTHONPATH": os.pathsep.join([str(FOLDER), os.environ.get("PYTHONPATH", "")]),
        }
        log = folder / f"{kind}-{count}.log"
        command = [
            sys.executable,
            "-W",
            "ignore",
            FOLDER / "gate_waiters.py",
            kind,
            str(count),
            str(seconds),
            str(intervals),
            connections["URL"],
            log,
        ]
        done = subprocess.run(
            command, env=environment, stdout=subprocess.PIPE, text=True, check=True, timeout=(5 + intervals) * seconds + 120
        )
    found = json.loads(done.stdout.splitlines()[-1])
    if found["errors"] or found["ended_early"] or found["fired"] != (0 if kind == "bare" else count):
        raise RuntimeError(f"{kind} with {count} waiters did not do its work: {found}")
    text = log.read_bytes()
    return {**found, "lines": text.count(b"; waiting for"), "last_lines": text.count(b"; the gate opens")}


def table(count: int, figures: dict[str, dict[str, Any]]) -> None:
    print("{:,} waiters, each polled every {:.0f} s, over {} intervals".format(count, *pace(count)))
    print(f"  {'':18} {'requests per waiter':>20} {'CPU s per 1,000':>16} {'KiB per':>8} {'loop lag ms':>16} {'release':>12}")
    print(f"  {'':18} {'and interval':>20} {'and minute':>16} {'waiter':>8} {'p99 / max':>16} {'spread ms':>12}")
    for kind in KINDS:
        one = figures[kind]
        asked = one["requests"] / count / one["intervals"]
        spread = "" if one["spread_ms"] is None else f"{one['spread_ms']:,.0f}"
        lag = f"{one['lag_p99_ms']:,.1f} / {one['lag_max_ms']:,.0f}"
        print(f"  {kind:18} {asked:20.4f} {statistics.median(one['cpu']):16.2f} {one['memory']:8.1f} {lag:>16} {spread:>12}")
    print(f"  {'':18} CPU and memory of ours as parts of the peers':")
    ours = figures["ours"]
    for kind in PEERS:
        typical, low, high = (f"1/{ratio:,.1f}" for ratio in times_less(figures, kind))
        memory = figures[kind]["memory"] / ours["memory"]
        print(f"  {kind:18} {typical} of its CPU ({high} to {low}), 1/{memory:.1f} of its memory")
    print(flush=True)


def times_less(figures: dict[str, dict[str, Any]], kind: str) -> tuple[float, float, float]:
    """Return how many times less CPU ours takes than this peer: by the medians, and from the worst to the best of the quartiles.

    Infinitely, where ours takes no more than the bare tasks.
    """
    quartiles = (statistics.quantiles(figures[name]["cpu"], n=4, method="inclusive") for name in ("ours", kind))
    ours, peer = ([max(cpu, 0.0) or math.ulp(0.0) for cpu in three] for three in quartiles)
    return peer[1] / ours[1], peer[0] / ours[2], peer[2] / ours[0]


def main() -> int:
    missed = []

    def promise(what: str, kept: bool) -> None:
        if not kept:
            missed.append(what)

    with tempfile.TemporaryDirectory() as folder:
        for count in WAITERS:
            figures = {kind: measure(kind, count, Path(folder)) for kind in KINDS}
            bare = dict(figures["bare"])
            idle = statistics.median(bare["cpu_seconds"])
            for one in figures.values():
                one["cpu"] = [(cpu - idle) / count * 1000 * 60 / pace(count)[0] for cpu in one["cpu_seconds"]]
                one["memory"] = (one["memory_kib"] - bare["memory_kib"]) / count
            table(count, figures)
            ours = figures["ours"]
            # A window of whole intervals may hold one poll more. Each waiter writes a line about its first poll and its last.
            promise(f"one request per interval at {count:,}", ours["requests"] <= len(ours["cpu_seconds"]) + 1)
            promise(f"a line about the first poll and the last at {count:,}", ours["lines"] == ours["last_lines"] == count)
            if count == 1000:
                promise("at 1,000 at most 1/100 of HttpEventTrigger's CPU", times_less(figures, "HttpEventTrigger")[0] >= 100)
            if count == 5000:
                promise("at 5,000 at most 5 KiB per waiter", ours["memory"] <= 5)
                promise("at 5,000 a lag p99 of 10 ms", ours["lag_p99_ms"] <= 10)
                promise("at 5,000 a release within 100 ms", ours["spread_ms"] <= 100)
    missed += gate_in_airflow.run()
    print(f"promised and missed: {'; '.join(missed) or 'nothing'}")
    return bool(missed)


if __name__ == "__main__":
    sys.exit(main())
