"""What does a batch cost, from its rows to the last item accounted for? Against the bare HTTP requests that it needs.

Ours checks the payments, hands the batch over, sets its money aside, has it paid, and follows it as a task does, with a ledger on
SQLite or PostgreSQL. The peer sends the same requests through a ``requests.Session`` under another name, and parses the JSON of
the answers; its signatures are made before. Only the CPU of this process counts: simulator and PostgreSQL have their own. Each
pair runs in a process of its own, ours and peer by turns. BENCH_ROWS sets the number of items.
"""

from __future__ import annotations

import json
import logging
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

sys.path[:0] = [str(Path(__file__).parent.parent / part) for part in ("tools", "tests")]

import requests
from postgres import postgres_server
from simulator_process import door, simulator_process
from sqlalchemy import create_engine, event
from stdnum import iban

from airflow_provider_iyzico.api import signing
from airflow_provider_iyzico.api.payout import batch as batches
from airflow_provider_iyzico.api.payout import pages
from airflow_provider_iyzico.hooks.iyzico import IyzicoHook
from airflow_provider_iyzico.hooks.transport import HEADERS
from airflow_provider_iyzico.ledger.accounts import Account
from airflow_provider_iyzico.ledger.ledger import Ledger
from airflow_provider_iyzico.ledger.placing import Placing, Wanted, place
from airflow_provider_iyzico.ledger.who import Who
from airflow_provider_iyzico.payments.checking import Limits, checked
from airflow_provider_iyzico.payouts.authorize import authorize
from airflow_provider_iyzico.payouts.follow import follow
from airflow_provider_iyzico.payouts.initiate import initiate
from airflow_provider_iyzico.payouts.means import Means
from airflow_provider_iyzico.warehouse.database.clock import database_now
from airflow_provider_iyzico.warehouse.task import TaskInstance

ITEMS = int(os.environ.get("BENCH_ROWS", "10000"))
SIZES = (ITEMS // 10, ITEMS, 4 * ITEMS)
ROUNDS, PROMISED, PROMISED_GROWTH = 3, 1.5, 1.2
POLL_SECONDS = 60.0
WHO = Who(TaskInstance("dag", "task", "run", -1, 1, None, None, None))
T = TypeVar("T")


@dataclass
class Figures:
    """What one batch cost.

    :ivar parts: CPU seconds of ours
    :ivar bare: CPU seconds of the peer, if it was asked for
    :ivar peak_mib: by how much the memory of this process grew
    :ivar statements: how many the ledger was sent
    """

    items: int
    parts: dict[str, float] = field(default_factory=dict)
    bare: float = 0.0
    requests: int = 0
    peak_mib: float = 0.0
    statements: int = 0

    def count(self, part: str, act: Callable[[], T]) -> T:
        began = time.process_time()
        try:
            return act()
        finally:
            self.parts[part] = self.parts.get(part, 0.0) + time.process_time() - began

    @property
    def ours(self) -> float:
        return sum(self.parts.values())


def payments(count: int) -> Iterator[dict[str, str]]:
    for number in range(count):
        account = f"000610{number:016d}"
        yield {
            "item_external_id": f"item-{number}",
            "recipient_type": "IBAN",
            "recipient_info": f"TR{iban.calc_check_digits(f'TR00{account}')}{account}",
            "recipient_name": "Ayşe Demirtaş",
            "amount": f"{1000 + number % 900}.50",
            "description": "salary",
        }


def pay(figures: Figures, ledger: Ledger, url: str, name: str) -> None:
    """Have a batch paid as the tasks do."""
    passed = [0.0]  # seconds, which simulator and ledger pass over
    ledger = replace(ledger, clock=lambda connection: database_now(connection) + timedelta(seconds=passed[0]))
    rows = list(payments(figures.items))
    hook = IyzicoHook()
    means = Means(hook, ledger, Account("sandbox", "simulator", "TRY"), WHO, hook.settings.timeout_seconds)
    batch = figures.count("check", lambda: checked(rows, external_id=name, currency="TRY", purpose="SALARY", limits=Limits()))
    figures.count("init", lambda: initiate(means, batch))
    placed = figures.count("hold", lambda: place(ledger, means.account, Wanted(name), means.balance(), WHO))
    if placed.outcome is not Placing.PLACED:
        raise RuntimeError(f"{name}: {placed.outcome}")
    figures.count("authorize", lambda: authorize(means, name))
    while not (standing := figures.count("follow", lambda: follow(means, name, deposit_grace_seconds=0))).has_ended:
        seconds = standing.wait_seconds or POLL_SECONDS
        passed[0] += seconds
        door(url, {"advance_seconds": seconds})
    if standing.totals.paid_items != figures.items:
        raise RuntimeError(f"{name}: {standing.totals}")
    hook.close()


def ask_again(figures: Figures, connection: dict[str, Any], seen: list[dict[str, Any]], name: str, other: str) -> None:
    """Send the same requests for a batch of another name, and parse the answers."""
    session, url, request_id = requests.Session(), connection["host"], None
    session.headers.clear()
    session.trust_env = False
    ours = next(json.loads(each["body"])["requestId"] for each in seen if each["call"] == "auth")
    for each in seen:
        body = each["body"].replace(name, other).replace(ours, request_id or ours).encode()
        random_key = signing.new_random_key()
        signature = signing.signature(connection["password"], random_key, each["path"], body)
        authorization = signing.authorization(connection["login"], random_key, signature)
        headers = {**HEADERS, "Authorization": authorization, "x-iyzi-rnd": random_key}
        where = f"{url}{each['path']}?{each['query']}"
        began = time.process_time()
        answer = session.request(each["method"], where, headers=headers, data=body, timeout=60).json()
        figures.bare += time.process_time() - began
        if answer["status"] != "success" and (request_id or each["call"] != "retrieve"):  # before init it finds nothing
            raise RuntimeError(f"{each['call']}: {answer}")
        request_id = request_id or answer.get("requestId")
        if each["call"] == "auth":
            door(url, {"advance_seconds": POLL_SECONDS})
    session.close()


@contextmanager
def opened(database: str) -> Iterator[Ledger]:
    engine = create_engine(database)
    yield Ledger.open(engine)
    engine.dispose()


def measure(items: int, database: str, has_peer: bool) -> Figures:
    """Measure one batch in this process, after a small one that imports and connects."""
    batches.MAX_ITEMS = pages.MAX_ITEMS = SIZES[-1]  # the package refuses such a batch; here it tells how costs grow
    logging.disable(logging.INFO)
    os.environ["NO_PROXY"] = "127.0.0.1"
    with simulator_process() as connection, opened(database) as ledger:
        connection["extra"]["timeout"] = 120
        os.environ["AIRFLOW_CONN_IYZICO_DEFAULT"], url = json.dumps(connection), connection["host"]
        door(url, {"clock": "stepped", "commission": "2.50", "balance": f"{SIZES[-1] * 10_000}.00"})
        pay(Figures(100), ledger, url, f"first-{uuid4().hex}")
        figures, name, before = Figures(items), f"ours-{uuid4().hex}", _peak_mib()
        event.listen(ledger.engine, "before_cursor_execute", lambda *_: setattr(figures, "statements", figures.statements + 1))
        asked = door(url)["requests"]
        pay(figures, ledger, url, name)
        figures.peak_mib = _peak_mib() - before
        figures.requests = door(url)["requests"] - asked
        if has_peer:
            ask_again(figures, connection, door(url, path="/seen")[asked:], name, f"bare-{uuid4().hex}")
    return figures


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def alone(*arguments: Any) -> Figures:
    """Measure in a process of its own, whose peak of memory is that of one batch."""
    with get_context("spawn").Pool(1) as pool:
        return pool.apply(measure, arguments)


def compare(databases: dict[str, str]) -> dict[str, float]:
    """Print what each part costs, and return the ratio by database."""
    pairs: dict[str, list[Figures]] = {name: [] for name in databases}
    for _ in range(ROUNDS):
        for name, database in databases.items():
            pairs[name].append(alone(ITEMS, database, True))
    ratios = {}
    for name, found in pairs.items():
        ratios[name] = statistics.median(each.ours / each.bare for each in found)
        parts = {part: statistics.median(each.parts[part] for each in found) for part in found[0].parts}
        print(f"{ITEMS} items, ledger on {name}, {found[0].requests} requests, {ROUNDS} pairs: seconds of CPU (medians)")
        print(f"  ours                {statistics.median(each.ours for each in found):7.2f}   {_shown(parts)}")
        print(f"  the bare requests   {statistics.median(each.bare for each in found):7.2f}")
        print(f"  ratio               {ratios[name]:7.2f}   promised: at most {PROMISED}", flush=True)
    return ratios


def grow(databases: dict[str, str]) -> dict[str, float]:
    """Print what an item costs in batches of several sizes, and return by how much the largest costs more than the middle one."""
    growth = {}
    for name, database in databases.items():
        print(f"ledger on {name}: what an item costs, alone in its process")
        found = [alone(items, database, False) for items in SIZES]
        for each in found:
            cpu, memory = each.ours / each.items * 1e6, each.peak_mib / each.items * 1024
            print(
                f"  {each.items:6} items  {cpu:7.0f} us of CPU  {memory:6.2f} KiB of memory (peak {each.peak_mib:.0f} MiB)  "
                f"{each.statements:4} statements  {each.requests:5} requests",
                flush=True,
            )
        _, middle, large = found
        growth[f"CPU, {name}"] = (large.ours / large.items) / (middle.ours / middle.items)
        growth[f"memory, {name}"] = (large.peak_mib / large.items) / (middle.peak_mib / middle.items)
    for what, factor in growth.items():
        print(f"  {what:20} {factor:5.2f} times as much an item in four times the items   promised: at most {PROMISED_GROWTH}")
    return growth


def _shown(parts: dict[str, float]) -> str:
    return ", ".join(f"{part} {seconds:.2f}" for part, seconds in parts.items())


def main() -> int:
    with postgres_server() as given, tempfile.TemporaryDirectory() as folder:
        databases = {
            "SQLite": f"sqlite:///{folder}/ledger.db",
            "PostgreSQL": given.replace("postgresql://", "postgresql+psycopg://"),
        }
        ratios, growth = compare(databases), grow(databases)
    missed = [f"{PROMISED} on {name}" for name, ratio in ratios.items() if ratio > PROMISED]
    missed += [f"growth of {what}" for what, factor in growth.items() if factor > PROMISED_GROWTH]
    print(f"promised and missed: {'; '.join(missed) or 'nothing'}")
    return bool(missed)


if __name__ == "__main__":
    sys.exit(main())
