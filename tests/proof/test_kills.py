"""``kill -9`` of a task's process at every point of a payout, and a retry until it is over: everybody is paid once.

The simulator serves real sockets from this process, which survives. Where an authorization went unanswered and reading does not
settle it, a person looks into iyzico's panel and permits another one, as the docs say.
"""

from __future__ import annotations

import random
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from queue import SimpleQueue

import pytest
from killing import Payout
from ledgers import empty
from points import KILLS

ONCE = {"auth requests": 1, "auth": 1, "init": 1, "paid": 3}
#: On a machine with much else to do an answer may come too late, and its process goes another way than past the point.
TRIES = 3
#: How long iyzico goes on to say INIT after an authorization.
LAGS = (0.0, 0.0, 20.0)


def play(database, kills, **more):
    """Let a payout be killed at these points, and return it."""
    empty(database[0])
    payout = Payout(database, kills, **more)
    payout.run()
    return payout


def found(payout, whole):
    """Return what is not as in the payout that nobody killed."""
    here, there = {**payout.counts(), **payout.end()}, {**ONCE, **whole}
    return [f"{name}: {here[name]}, and not {there[name]}" for name in there if here[name] != there[name]]


def end_of_a_whole_one(database):
    """Return how the ledger ends where nothing is killed."""
    payout = play(database, [])
    end = payout.end()
    assert found(payout, end) == []
    assert [row[1] for row in end["batch"]] == ["ended"]
    assert [row[4] for row in end["items"]] == ["SUCCESS"] * 3
    assert [(float(row[5]), row[7]) for row in end["holds"]] == [(0.0, "accounted")]
    return end


@pytest.mark.timeout(7200)
@pytest.mark.parametrize("databases", ["postgresql", "sqlite"], indirect=True)
def test_a_payout_that_is_killed_anywhere_pays_once_and_ends_as_one_that_was_not(databases, proof):
    began, rng = time.monotonic(), random.Random(proof.seed)
    rounds, pairs = proof.rounds(short=1, long=50), list(product(KILLS, KILLS))
    plans = [(name,) for _ in range(rounds) for name in KILLS] + (pairs if proof.is_long else rng.sample(pairs, 2))
    whole, free = end_of_a_whole_one(databases[0]), SimpleQueue()
    for each in databases:
        free.put(each)

    def killed(plan, number):
        draw = random.Random(f"{proof.seed} {number}")
        kills, lag = [(name, draw.randrange(len(KILLS[name]))) for name in plan], draw.choice(LAGS)
        database = free.get()
        try:
            for _ in range(TRIES):
                payout = play(database, kills, lag_seconds=lag)
                assert found(payout, whole) == [], f"killed at {kills}, while reads lag by {lag} s"
                if payout.killed:
                    break
        finally:
            free.put(database)
        return payout

    with ThreadPoolExecutor(len(databases)) as pool:
        played = list(pool.map(killed, plans, range(len(plans))))
    assert [payout.kills for payout in played if not payout.killed] == [], "a process did not come to where it was to be killed"
    twice, processes = sum(payout.killed == 2 for payout in played), sum(sum(payout.tries.values()) for payout in played)
    proof.tell(
        f"{databases[0][0].dialect.name}: {len(played)} payouts, {sum(payout.killed for payout in played)} kills at {len(KILLS)} "
        f"points, {processes} processes in {time.monotonic() - began:.0f} s; of {len(plans) - rounds * len(KILLS)} pairs {twice} were "
        f"killed twice; {sum(payout.permits for payout in played)} authorizations permitted by a person; each was paid once"
    )


@pytest.mark.parametrize("databases", ["sqlite"], indirect=True)
def test_a_payout_without_an_intent_that_is_killed_is_found_out(databases):
    whole = end_of_a_whole_one(databases[0])
    payout = play(databases[0], [("K7", 0)], lag_seconds=20.0, mutant="no intent")
    assert "auth requests: 2, and not 1" in found(payout, whole)
