"""Payouts of one process whose database is restarted under it: each thread lives through one DAG after the other.

``main`` takes the settings as JSON from standard input, and prints what was done.
"""

from __future__ import annotations

import json
import math
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from itertools import count
from typing import Any

from batches import PERSON, batch_of_two, payment, task
from payers import ACCOUNT
from sqlalchemy import create_engine

from airflow_provider_iyzico.domain.reads import Says, says
from airflow_provider_iyzico.errors import IyzicoError, LedgerFundsError, PayoutUnknownError, Retry
from airflow_provider_iyzico.hooks.iyzico import IyzicoHook
from airflow_provider_iyzico.ledger.ledger import Ledger
from airflow_provider_iyzico.ledger.persons import permit
from airflow_provider_iyzico.ledger.placing import Placing, Wanted, place
from airflow_provider_iyzico.ledger.who import Who
from airflow_provider_iyzico.payouts.authorize import authorize
from airflow_provider_iyzico.payouts.follow import follow
from airflow_provider_iyzico.payouts.initiate import initiate
from airflow_provider_iyzico.payouts.means import Means
from airflow_provider_iyzico.payouts.reads import read

TIMEOUT_SECONDS = 5.0
#: Between two tries of a task, and between two reads of a batch.
PAUSE_SECONDS = 0.2
AMOUNTS = ("100.50", "50.25")
DAY_SECONDS = 24 * 60 * 60.0
#: So long after its time a process may take to end its batches; one whose test is gone ends then, too.
PATIENCE_SECONDS = 600


class Thread:
    """One thread, with a hook and a pool of connections of its own.

    :ivar done: what was done, and how often
    """

    def __init__(self, url: str, hook: IyzicoHook) -> None:
        self.engine, self.hook, self.done = create_engine(url), hook, Counter()
        self.ledger = Ledger.open(self.engine, create_table=False)

    def means(self, who: Who) -> Means:
        return Means(
            self.hook,
            self.ledger,
            ACCOUNT,
            who,
            timeout_seconds=TIMEOUT_SECONDS,
            grace_seconds=0.3,
            settling_seconds=PAUSE_SECONDS,
        )

    def pay(self, name: str) -> None:
        """Live through the DAG of one batch."""
        items = tuple(replace(payment(0, amount), item_external_id=f"{name}-{number}") for number, amount in enumerate(AMOUNTS))
        batch = batch_of_two(name, items=items)
        self._run("start", name, lambda means: initiate(means, batch))
        self._run("gate", name, lambda means: _set_aside(means, name))
        self._run("pay", name, lambda means: authorize(means, name))
        self._run("follow", name, lambda means: _follow(means, name))
        self.done["batches"] += 1

    def _run(self, task_id: str, name: str, act: Callable[[Means], Any]) -> None:
        """Run a task, and again where its error says that this is safe, as Airflow does; a person settles what only they may."""
        for try_number in count(1):
            try:
                act(self.means(task(f"monthly {name}", task_id=task_id, try_number=try_number)))
                return
            except PayoutUnknownError:
                self._run("person", name, self._permit_of(name))
            except IyzicoError as error:
                if error.retry is not Retry.SAFE:
                    raise
                self.done[f"{task_id} again: {type(error).__name__}"] += 1
                time.sleep(PAUSE_SECONDS)

    def _permit_of(self, name: str) -> Callable[[Means], None]:
        def look_and_permit(means: Means) -> None:
            """Do as the error says: look at iyzico, permit one more authorization if nothing was paid, and clear the task."""
            batch = means.batch(name)
            if batch.auth_unanswered_at is not None and says(read(means, batch)) is Says.INIT:
                permit(means.ledger, batch, PERSON, "iyzico's panel shows that nothing was paid")
                self.done["permitted by a person"] += 1

        return look_and_permit


def _set_aside(means: Means, name: str) -> None:
    placed = place(means.ledger, ACCOUNT, Wanted(name), means.balance(), means.who)
    if placed.outcome not in (Placing.PLACED, Placing.PAST):
        raise LedgerFundsError(f"the gate of {name} stays shut: {placed.outcome}")


def _follow(means: Means, name: str) -> None:
    while not follow(means, name, deposit_grace_seconds=DAY_SECONDS).has_ended:
        time.sleep(PAUSE_SECONDS)


def _payouts_of(settings: dict[str, Any], number: int) -> Counter[str]:
    """Pay one batch after the other until the time is over."""
    ends_at = time.monotonic() + settings["seconds"]
    with closing(IyzicoHook()) as hook:
        thread = Thread(settings["url"], hook)
        for batch in count():
            if time.monotonic() >= ends_at:
                return thread.done
            thread.pay(f"{settings['process']}-{number}-{batch}")
    raise AssertionError


def main() -> None:
    settings = json.load(sys.stdin)
    signal.alarm(math.ceil(settings["seconds"]) + PATIENCE_SECONDS)
    with ThreadPoolExecutor(settings["threads"]) as pool:
        done = pool.map(lambda number: _payouts_of(settings, number), range(settings["threads"]))
        print(json.dumps(sum(done, Counter())))
