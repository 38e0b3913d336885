"""A payout whose processes are killed, with all that Airflow and a person do about it, until it is over."""

from __future__ import annotations

from collections import Counter
from contextlib import AbstractContextManager, ExitStack
from decimal import Decimal
from queue import SimpleQueue
from typing import Any
from unittest import mock

from payers import BATCH
from points import KILLS, Point
from processes import PATIENCE_SECONDS, Task, environment, version_in
from sqlalchemy import text
from sqlalchemy.engine import Engine

from airflow_provider_iyzico.simulator import Simulator

#: Of the Connection: what a busy machine needs to commit and to send.
TIMEOUT_SECONDS = 4.0
#: What iyzico is like: it pays as often as it is told to, and shows what it needs to adopt a batch whose init went unanswered.
IYZICO = {"auth_twice": "pay_again", "item_request_id": "present"}
#: No payout needs so many processes of one task.
MOST = 12
DAY_SECONDS = 24 * 60 * 60.0


class Payout:
    """One payout from its start to the reconciliation of the next day.

    :param kills: the points where a process is killed, one after the other, each with the number of its place
    :param lag_seconds: how long iyzico goes on to say INIT after an authorization
    :ivar killed: at how many of them one was
    :ivar permits: how many authorizations a person permitted
    """

    def __init__(
        self,
        database: tuple[Engine, dict[str, str]],
        kills: list[tuple[str, int]],
        *,
        lag_seconds: float = 0.0,
        mutant: str | None = None,
    ) -> None:
        self.simulator = Simulator("6000.00", seed=1)
        self.database, self.kills, self.mutant = database, kills, mutant
        self.killed = self.permits = 0
        self.tries: Counter[str] = Counter()
        self.simulator.set(clock="stepped", commission="2.50", auth_lag_seconds=lag_seconds, **IYZICO)

    def run(self) -> None:
        """Live through all of it."""
        with self.simulator:
            self.environment = environment(self.simulator, self.database, TIMEOUT_SECONDS)
            self._until_done("start")
            self._until_done("gate")
            how, left = self._until_done("pay")
            while how == "deferred":
                self.simulator.advance(DAY_SECONDS)
                if self._next is not None and self._next.task == "reconcile":
                    self._until_done("reconcile")
                event = self._until_done("trigger", left=left)[1]
                resumed = self._process("resume", left=left, event=event)
                how, left = resumed if resumed is not None and resumed[0] != "retried" else self._until_done("pay")
            self._until_done("reconcile")

    @property
    def _next(self) -> Point | None:
        """The next place where a process is killed."""
        if self.killed == len(self.kills):
            return None
        name, place = self.kills[self.killed]
        return KILLS[name][place]

    def _until_done(self, task: str, **given: Any) -> tuple[str, Any]:
        """Try a task again as Airflow does, and clear it when a person has done what it asks for."""
        said: Any = None
        for _ in range(MOST):
            said = self._process(task, **given)
            if said is not None and said[0] == "failed":
                self._heed(said[1][1])
            elif said is not None and said[0] != "retried":
                return said
        raise AssertionError(f"{task} comes to no end; the last was {said}")

    def _process(self, task: str, **given: Any) -> Any:
        """Run one process, and return what it says, or nothing if it was killed."""
        self.tries[task] += 1
        point = self._next if self._next is not None and self._next.task == task else None
        with ExitStack() as stack:
            kill = self.kills[self.killed] if point is not None and point.request is None else None
            begun: SimpleQueue[Task] = SimpleQueue()
            if point is not None and point.request is not None:
                stack.enter_context(self._killing_at(point.request, begun))
            process = Task(self.environment, "run", task, self.tries[task], kill=kill, mutant=self.mutant, **given)
            begun.put(process)
            said = stack.enter_context(process).said()
        if said is None:
            assert point is not None, f"{task} was killed by somebody else"
            self.killed += 1
        return said

    def _killing_at(self, request: str, begun: SimpleQueue[Task]) -> AbstractContextManager[Any]:
        """Kill the process when its request has reached iyzico, which does what it was asked for all the same."""
        world = self.simulator.world
        remember = world.remember

        def remember_and_kill(seen: Any) -> None:
            remember(seen)
            if seen.call == request:
                begun.get(timeout=PATIENCE_SECONDS).kill()

        return mock.patch.object(world, "remember", remember_and_kill)

    def _heed(self, said: str) -> None:
        """Do what a person does where an authorization went unanswered: look into iyzico's panel, which never lags."""
        assert "permit" in said, said
        if any(effect.what == "auth" for effect in self.simulator.journal):
            self.simulator.advance(DAY_SECONDS)
            return
        self.permits += 1
        command = ("permit", BATCH, "--because", "the panel shows nothing", *version_in(said))
        with Task(self.environment, "person", *command) as person:
            assert person.said() == 0, "the ledger did not take the permission"

    def counts(self) -> dict[str, int]:
        """Return how often each thing was asked for that is to happen once at most, and how often it happened."""
        asked = Counter(seen.call for seen in self.simulator.seen)
        done = Counter(effect.what for effect in self.simulator.journal)
        return {"auth requests": asked["auth"], "auth": done["auth"], "init": done["init"], "paid": done["paid"]}

    def end(self) -> dict[str, list[tuple[Any, ...]]]:
        """Return what the ledger holds, but for times, events and names of rows."""
        with self.database[0].connect() as connection:
            return {name: [_plain(row) for row in connection.execute(text(query))] for name, query in _END.items()}


_END = {
    "batch": "SELECT external_id, state, currency, request_id, items, total, invalid_items, commission, commission_bound, "
    "required, iyzico_status, run_id FROM iyzico_payout",
    "items": "SELECT item_external_id, recipient_end, amount, commission, status, reference_code, error "
    "FROM iyzico_payout_item ORDER BY item_external_id",
    "holds": "SELECT external_id, number, currency, is_plain, amount, counted, balance, hold_end.kind "
    "FROM iyzico_balance_hold AS hold LEFT JOIN iyzico_balance_hold_end AS hold_end ON hold_end.hold_id = hold.hold_id "
    "ORDER BY external_id, number",
    "account": "SELECT environment, account, currency, balance, merchant_id FROM iyzico_payout_account",
}


def _plain(row: Any) -> tuple[Any, ...]:
    return tuple(each.normalize() if isinstance(each, Decimal) else each for each in row)
