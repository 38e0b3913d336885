"""One measurement of ``bench_gate.py``: N waiters of one kind in one event loop, in a process of their own.

Drives each trigger as ``TriggerRunner.run_trigger`` of Airflow 3.3 does: a shared stream where the trigger asks for one, else
``run()``; the task's names are bound for its log, and lines are written as JSON, as the triggerer passes them on.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import statistics
import sys
import time
import uuid
from itertools import pairwise
from pathlib import Path
from typing import Any

import structlog
from airflow.providers.http.triggers.http import HttpEventTrigger, HttpSensorTrigger
from airflow.sdk.log import configure_logging
from airflow.triggers.base import BaseEventTrigger
from airflow.triggers.shared_stream import SharedStreamManager
from simulator_process import door

from airflow_provider_iyzico.triggers.mass_payout import MassPayoutBalanceTrigger

TICK_SECONDS = 0.01


def make(kind: str, number: int, seconds: float) -> Any:
    """Return a trigger as the triggerer makes it: of arguments read from JSON, no two of which share a string."""
    match kind:
        case "ours":
            gate = MassPayoutBalanceTrigger(
                "iyzico_default", f"{4000 + number % 1000}.50", "500.00", "TRY", seconds, time.time() + 86400
            )
        case "HttpSensorTrigger":
            gate = HttpSensorTrigger(endpoint="missing", poke_interval=seconds)
        case "HttpEventTrigger":
            gate = HttpEventTrigger("response_check.is_open", endpoint="balance", poll_interval=seconds)
        case _:
            return None
    return type(gate)(**json.loads(json.dumps({name: value for name, value in gate.serialize()[1].items() if value is not None})))


async def wait(manager: SharedStreamManager, number: int, trigger: Any, fired: list[float]) -> None:
    """Wait as the triggerer does; a bare task has its names bound for the log, too."""
    structlog.contextvars.bind_contextvars(
        trigger_id=number,
        ti_id=str(uuid.uuid4()),
        dag_id="payouts",
        task_id="gate",
        run_id="manual",
        try_number=1,
        map_index=number,
    )
    if trigger is None:
        await asyncio.sleep(86400)
    key = trigger.shared_stream_key() if isinstance(trigger, BaseEventTrigger) else None
    try:
        if key is None:
            events = trigger.run()
        else:
            events = trigger.filter_shared_stream(manager.subscribe(trigger_id=number, trigger=trigger, key=key))
        async for _event in events:
            fired.append(time.perf_counter())
    finally:
        if key is not None:
            await manager.unsubscribe(number, key)


async def tick(late: list[float]) -> None:
    """Note how late each tick of a fixed clock comes. A loop that stands still is late for every tick it misses."""
    clock = asyncio.get_running_loop().time
    due = clock()
    while True:
        due += TICK_SECONDS
        await asyncio.sleep(due - clock())
        late.append(clock() - due)


def rss_kib() -> float:
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1024


async def measure(kind: str, count: int, seconds: float, intervals: int, url: str) -> dict[str, Any]:
    manager = SharedStreamManager(log=structlog.get_logger())
    warm = asyncio.create_task(wait(manager, 0, make(kind, 0, 0.2), []))
    await asyncio.sleep(2)
    warm.cancel()
    await asyncio.gather(warm, return_exceptions=True)
    before = rss_kib()
    fired: list[float] = []
    tasks = []
    for number in range(1, count + 1):  # spread over one interval, so that those who poll alone do not poll all at once
        tasks.append(asyncio.create_task(wait(manager, number, make(kind, number, seconds), fired)))
        if number % max(count // 100, 1) == 0:
            await asyncio.sleep(seconds / 100)
    await asyncio.sleep(seconds * 0.3)  # every shared stream has polled once by now, and the next poll is not near
    late: list[float] = []
    ticking = asyncio.create_task(tick(late))
    asked, started, spent = (await asyncio.to_thread(door, url))["requests"], time.perf_counter(), [time.process_time()]
    for _ in range(intervals):
        await asyncio.sleep(seconds)
        spent.append(time.process_time())
    elapsed = time.perf_counter() - started
    asked = (await asyncio.to_thread(door, url))["requests"] - asked
    ticking.cancel()
    memory = rss_kib() - before
    done = sum(task.done() for task in tasks)
    if kind != "bare":
        await asyncio.to_thread(door, url, {"balance": "8000.00"})
        await asyncio.wait(tasks, timeout=1.5 * seconds + 10)
        await asyncio.sleep(2)  # the last lines are written behind the release
    for task in tasks:
        task.cancel()
    ends = await asyncio.gather(*tasks, return_exceptions=True)
    return {
        "cpu_seconds": [after - before for before, after in pairwise(spent)],
        "intervals": elapsed / seconds,
        "requests": asked,
        "memory_kib": memory,
        "lag_p99_ms": statistics.quantiles(late, n=100)[98] * 1000,
        "lag_max_ms": max(late) * 1000,
        "spread_ms": (fired[-1] - fired[0]) * 1000 if fired else None,
        "fired": len(fired),
        "ended_early": done,
        "errors": sorted({repr(end) for end in ends if isinstance(end, Exception)}),
    }


def main() -> None:
    kind, count, seconds, intervals, url, log = sys.argv[1:]
    os.environ["_AIRFLOW_PROCESS_CONTEXT"] = "client"  # as the triggerer's runner has it: no metadata database here
    with Path(log).open("wb", buffering=0) as output:
        configure_logging(json_output=True, output=output, sending_to_supervisor=True)
        figures = asyncio.run(measure(kind, int(count), float(seconds), int(intervals), url))
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
