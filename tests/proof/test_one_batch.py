"""The same batch is authorized by two to eight processes at once, some frozen past their deadline: one request reaches iyzico."""

from __future__ import annotations

import random
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, nullcontext, suppress
from queue import SimpleQueue

import pytest
from copies import TIMEOUT_SECONDS, Round, requests
from killing import IYZICO
from ledgers import empty
from processes import Task, environment

from airflow_provider_iyzico.simulator import Simulator

DATABASES = ("postgresql", "sqlite")
#: So many batches are paid at once, each by processes of its own: eight, and two for what comes later.
AT_ONCE, WORKERS = 5, 10
#: Of so many rounds one is hard.
HARD_EVERY = 5


def paid(database, seed, rounds, mutant=None):
    """Have batches paid, and return how often what happened, and how many authorizations of each have reached iyzico."""
    empty(database[0])
    with ExitStack() as stack:
        simulator = stack.enter_context(Simulator("10000000.00"))
        simulator.set(commission="2.50", **IYZICO)
        settings, free = environment(simulator, database, TIMEOUT_SECONDS), SimpleQueue()
        for _ in range(AT_ONCE):
            free.put([stack.enter_context(Task(settings, "serve", mutant)) for _ in range(WORKERS)])

        def play(number):
            workers = free.get()
            rng = random.Random(f"{seed} {number}")
            one = Round(simulator, workers, f"batch-{number}", rng, is_hard=number % HARD_EVERY == 0)
            try:
                with suppress(AssertionError) if mutant else nullcontext():  # with a fault a round may come to no end
                    one.play()
                    assert one.odd == []
            finally:
                free.put(workers)
            return one.done

        with ThreadPoolExecutor(AT_ONCE) as pool:
            done = sum(pool.map(play, range(rounds)), Counter())
        return done, requests(simulator)


@pytest.mark.timeout(7200)
@pytest.mark.parametrize("database", DATABASES, indirect=True)
def test_copies_of_a_task_send_one_authorization_though_some_are_frozen_past_their_deadline(database, proof):
    began, rounds = time.monotonic(), proof.rounds(short=20, long=1_000)  # on each database
    done, asked = paid(database, proof.seed, rounds)
    assert {name: count for name, count in asked.items() if count != 1} == {}
    assert len(asked) == rounds
    if rounds >= 20:
        assert [what for what in ("frozen", "followed", "waited", "permitted") if not done[what]] == [], "not everything happened"
    proof.tell(
        f"{database[0].dialect.name}: {rounds} batches by {done.pop('copies')} copies in {time.monotonic() - began:.0f} s, one "
        f"authorization of each reached iyzico; {dict(sorted(done.items()))}"
    )


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("mutant", ["no intent", "no version check"])
def test_copies_of_a_careless_task_are_found_out(database, proof, mutant):
    for number in range(6):
        done, asked = paid(database, f"{proof.seed} {number}", AT_ONCE, mutant)
        if max(asked.values()) > 1:
            proof.tell(
                f"mutant {mutant!r} was found in {(number + 1) * AT_ONCE} batches: {max(asked.values())} authorizations of one"
            )
            return
    pytest.fail(f"{mutant} survived: {dict(done)}")
