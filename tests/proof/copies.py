"""Copies of one task that pay the same batch at once, of which some are frozen past their deadline, and woken later."""

from __future__ import annotations

import json
import random
import signal
import time
from collections import Counter
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from typing import Any

from points import FREEZES, GRACE_SECONDS
from processes import PATIENCE_SECONDS, Task, version_in

from airflow_provider_iyzico.simulator import Simulator

TIMEOUT_SECONDS = 1.0
#: How long a frozen copy sleeps at least: nobody waits for its request any longer.
FROZEN_SECONDS = TIMEOUT_SECONDS + GRACE_SECONDS
#: The system may take long to freeze a process that asks for it, and one that is not frozen yet cannot be woken.
WAKE_AGAIN_SECONDS = 0.2
#: Where a copy has said that it sends something, and has not.
HARD = ("after the intent", "before the request")
#: So often a task is tried again, which a machine with much else to do may need.
MOST = 20


@dataclass
class Round:
    """One batch, and the copies of the task that pays it.

    :param workers: processes that serve; two more than there are copies at the start
    :param name: of the batch
    :param is_hard: the copy that goes on is frozen before it sends anything, and sleeps until another one was permitted
    :ivar done: how often what happened
    :ivar odd: how copies failed otherwise than for want of a permission
    """

    simulator: Simulator
    workers: list[Task]
    name: str
    rng: random.Random
    is_hard: bool
    done: Counter[str] = field(default_factory=Counter)
    odd: list[str] = field(default_factory=list)
    #: Which copy gets a signal, and when.
    _agenda: list[tuple[float, signal.Signals, Task]] = field(default_factory=list)
    #: Copies that sleep until the others have ended, and a person has dealt with what they left.
    _sleepers: list[Task] = field(default_factory=list)
    _at_work: dict[Any, Task] = field(default_factory=dict)
    #: The newest version of the batch that a copy has named.
    _seen: list[str] = field(default_factory=lambda: ["--version", "0"])

    def play(self) -> None:
        """Have the batch handed over, and paid by copies at once."""
        for _ in range(MOST):
            how, told = self._ask("start", self.name)
            if how != "retried":
                break
        assert how == "done", told
        for _ in range(self.rng.randint(2, 8)):
            self._begin(self._freeze())
        for _ in range(MOST):
            self._until_only_sleepers_are_left()
            if not self._sleepers and self.done["deferred"] + self.done["done"]:
                return
            self._heed()
            self._begin(None)
            self._agenda += [(time.monotonic(), signal.SIGCONT, sleeper) for sleeper in self._sleepers]
            self._sleepers.clear()
        raise AssertionError(f"{self.name} comes to no end: {dict(self.done)}")

    def _ask(self, *act: Any) -> Any:
        """Let a worker that is free do something, and return what it says."""
        worker = self._free()
        worker.line.send(act)
        return worker.said()

    def _free(self) -> Task:
        """Return a worker that has nothing to do. It may have been frozen in the moment in which it was done."""
        worker = next(worker for worker in self.workers if worker.line not in self._at_work)
        worker.signal(signal.SIGCONT)
        return worker

    def _freeze(self) -> str | None:
        """Draw where a copy is frozen, if it comes there."""
        if self.is_hard:
            return self.rng.choice(HARD)
        return self.rng.choice(list(FREEZES)) if self.rng.random() < 0.4 else None

    def _begin(self, freeze: str | None) -> None:
        worker = self._free()
        self.done["copies"] += 1
        worker.line.send(("copy", self.name, self.done["copies"], freeze))
        self._at_work[worker.line] = worker
        if freeze is None and self.rng.random() < 0.05:  # anywhere, also in a transaction, for which all others wait
            moment = time.monotonic() + self.rng.uniform(0, 0.3)
            self._agenda += [(moment, signal.SIGSTOP, worker), (moment + FROZEN_SECONDS, signal.SIGCONT, worker)]
            self.done["frozen"] += 1

    def _until_only_sleepers_are_left(self) -> None:
        while len(self._at_work) > len(self._sleepers):
            self._agenda.sort(key=lambda entry: entry[0])
            seconds = self._agenda[0][0] - time.monotonic() if self._agenda else PATIENCE_SECONDS
            for line in wait(list(self._at_work), max(seconds, 0.0)):
                self._hear(self._at_work[line])
            while self._agenda and self._agenda[0][0] <= time.monotonic():
                _, number, copy = self._agenda.pop(0)
                if copy.line not in self._at_work:
                    continue
                copy.signal(number)
                if number is signal.SIGCONT:
                    self._agenda.append((time.monotonic() + WAKE_AGAIN_SECONDS, number, copy))

    def _hear(self, copy: Task) -> None:
        said = copy.said()
        if said == "frozen":
            self.done["frozen"] += 1
            if self.is_hard or self.rng.random() < 0.5:
                self._sleepers.append(copy)
            else:
                self._agenda.append((time.monotonic() + FROZEN_SECONDS, signal.SIGCONT, copy))
            return
        del self._at_work[copy.line]
        how, told, sent, waited = said
        if how == "failed" and "permit" in told[1]:
            self._seen = max(self._seen, version_in(told[1]), key=lambda option: int(option[-1]))
        elif how == "failed":
            self.odd.append(told[1])
        is_paid = how in ("deferred", "done")
        self.done.update(
            {how: 1, "sent": sent, "authorized": is_paid and sent, "followed": is_paid and not sent, "waited": waited > 0}
        )

    def _heed(self) -> None:
        """Do what a person does where an authorization went unanswered: look into iyzico's panel, which never lags."""
        if not self.done["failed"]:
            return
        began = time.monotonic()
        while requests(self.simulator)[self.name] < self.done["sent"]:  # a person is not faster than the network
            assert time.monotonic() - began < PATIENCE_SECONDS, "an authorization that was sent does not come to iyzico"
            time.sleep(0.02)
        if any(effect.what == "auth" and effect.external_id == self.name for effect in self.simulator.journal):
            return
        said = self._ask("person", "permit", self.name, "--because", "the panel shows nothing", *self._seen)
        self.done["permitted" if said == 0 else "permission refused"] += 1


def requests(simulator: Simulator) -> dict[str, int]:
    """Return how many authorizations of each batch have reached iyzico."""
    names = {batch["request_id"]: batch["external_id"] for batch in simulator.payouts}
    asked = Counter(names[json.loads(seen.body)["requestId"]] for seen in simulator.seen if seen.call == "auth")
    return {name: asked[name] for name in names.values()}
