"""Payouts in a simulated world: real operators, faults of every kind, kills, people, and time that is stepped.

PROOF_SEEDS=1000   so many seeds
PROOF_SEED=123     that seed alone, as a failure names it; with PROOF_SEEDS, as many from there on
"""

from __future__ import annotations

import os
import time
from collections import Counter

import pytest
from drama import play
from plans import BLOCKING, COMBINATIONS, SLOW
from postgres import postgres_schema
from referee import STATES, TRANSITIONS, Violation
from seed_mutants import MUTANTS
from sqlalchemy import create_engine
from sqlalchemy.pool import StaticPool
from staging import staged
from stepped import Stuck
from support import POSTGRESQL
from wanted import missing

#: A whole run plays these, which together met everything that must be met when they were chosen, and so many of its own.
# fmt: off
KNOWN = (
    17, 24, 30, 37, 65, 70, 78, 79, 84, 85, 86, 93, 95, 100, 101, 109, 121, 149, 157, 164, 166, 167, 171, 178, 186, 195, 196,
    206, 213, 241, 243, 251, 263, 272, 273, 278, 281, 285, 287, 291, 298, 303, 308, 322, 325, 333, 334, 339, 340, 344, 346,
    353, 358, 375, 376, 388, 442, 962, 764224,
)
# fmt: on
OWN = 40
#: The package changes, and with it what a seed meets: where something was not met, so many more are played at a time, up to the most.
FURTHER, MOST = 50, 900
#: Every so many-th seed of a long run keeps its ledger in PostgreSQL.
ON_POSTGRESQL = 10


def seeds_of(proof) -> range:
    count = os.environ.get("PROOF_SEEDS") or ("1" if "PROOF_SEED" in os.environ else "")
    return range(proof.seed, proof.seed + int(count or (20_000 if proof.is_long else OWN)))


@pytest.fixture
def memory():
    """A ledger's database in this process."""
    engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    yield engine
    engine.dispose()


def run(proof, seeds, engine_of, patience_seconds=float("inf")):
    """Play seeds until the time is over; what one of them did wrong is told with its number."""
    reached, states, excused = Counter(), Counter(), Counter()
    turns = played = 0
    began = time.monotonic()
    with staged():
        for seed in seeds:
            if time.monotonic() - began > patience_seconds:
                break
            try:
                outcome = play(seed, engine_of(seed))
            except (Exception, Violation) as error:
                kind = "broke a promise" if isinstance(error, Violation) else "broke down"
                raise AssertionError(f"seed {seed} {kind}: {error}\nplay it again with PROOF_SEED={seed}") from error
            reached += outcome.reached
            states += outcome.states
            excused.update(outcome.unfinished.values())
            turns, played = turns + outcome.turns, played + 1
    return reached, states, excused, turns, played


@pytest.mark.timeout(3600)
def test_no_seed_pays_twice_and_every_batch_comes_to_its_end(proof, memory, request):
    seeds = seeds_of(proof)
    is_whole = len(seeds) >= OWN
    chosen = [*KNOWN, *seeds] if is_whole else seeds
    began = time.monotonic()
    if proof.is_long:
        with postgres_schema(request.getfixturevalue("postgres_url"), POSTGRESQL) as postgres:
            found = run(proof, chosen, lambda seed: memory if seed % ON_POSTGRESQL else postgres, patience_seconds=1800)
    else:
        found = run(proof, chosen, lambda seed: memory)
        while is_whole and missing(found[0]) and found[-1] < MOST:
            further = range(seeds.start + found[-1], seeds.start + found[-1] + FURTHER)
            found = tuple(before + after for before, after in zip(found, run(proof, further, lambda seed: memory), strict=True))
    reached, states, excused, turns, played = found
    if is_whole:
        assert missing(reached) == [], "not everything that can happen did"
        assert states["ended"] + states["cancelled"] > sum(excused.values())
    kills = sum(count for (kind, *_), count in reached.items() if kind == "kill")
    faults = sum(count for (kind, *_), count in reached.items() if kind == "fault")
    proof.tell(
        f"{played} seeds from {seeds.start} in {time.monotonic() - began:.0f} s: {turns} turns, {kills} kills, {faults} faults, "
        f"{reached['effect', 'auth', 'api']} authorizations; batches: {dict(states)}; not ended: {dict(excused)}"
    )


def test_a_seed_can_be_played_again(memory):
    with staged():
        first, second = play(41, memory), play(41, memory)
    assert (first.turns, first.reached, first.states) == (second.turns, second.reached, second.states)


def test_seeds_use_what_the_simulator_and_the_contract_have():
    from airflow_provider_iyzico.domain import payout
    from airflow_provider_iyzico.simulator.switches import SWITCHES

    assert {(before.value, after.value) for before, afters in payout.TRANSITIONS.items() for after in afters} == TRANSITIONS
    assert {state.value for state in payout.State} == STATES
    assert all(choice in SWITCHES[name] for name, choice in BLOCKING)
    assert {kind for kind, _ in COMBINATIONS} > SLOW


@pytest.mark.parametrize("name", MUTANTS)
def test_a_careless_payout_is_found_out(name, memory):
    """By the seeds that are known to find it, or by others where the package has changed since."""
    seeds = (*MUTANTS[name].seeds, *range(1, 60))
    with staged():
        found = next(filter(None, (violation(name, seed, memory) for seed in seeds)), "nothing")
    assert MUTANTS[name].found_as in found


def violation(name, seed, engine):
    """Return what a seed finds wrong with a careless payout."""
    try:
        with MUTANTS[name].make():
            play(seed, engine)
    except (Violation, Stuck) as error:
        return str(error)
    return None
