"""Runs the example DAGs through every failure in every mode, at DEBUG; its parent searches what was written.

Usage: PYTHONPATH=tools run_every_failure.py SIMULATOR_URL
"""

from __future__ import annotations

import json
import sys
import urllib.request

from airflow.utils.db import initdb
from sandbox import load_dags
from support import catch_up

FAULTS = [
    "timeout",
    "reset",
    "cut",
    "drip",
    "401",
    "403",
    "404",
    "429",
    "500",
    "html",
    "truncated",
    "failure",
    "redirect",
    "huge",
    "echo",
]


def wish(url: str, **wishes: object) -> None:
    request = urllib.request.Request(f"{url}/simulator", json.dumps(wishes).encode())
    urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60).close()


def main(url: str) -> None:
    initdb()
    catch_up("iyzico_balance_snapshot")
    dags = load_dags()
    snapshot, payout = dags["iyzico_balance_snapshot"], dags["iyzico_payout_gate"]
    gate = payout.get_task("wait_for_money")
    gate.poke_interval = 0.1
    snapshot.get_task("snapshot").retries = 0  # a retry waits for half a minute
    wish(url, balance="1000000")
    outcomes = []
    for fault in [None, *FAULTS]:
        wish(url, fault=fault)
        gate.timeout = 0.3 if fault else 30
        outcomes.append(str(snapshot.test().state))
        for deferrable in (False, True):
            gate.deferrable = deferrable
            outcomes.append(str(payout.test().state))
    print(f"OUTCOMES {outcomes.count('success')} {outcomes.count('failed')}")


if __name__ == "__main__":
    main(sys.argv[1])
