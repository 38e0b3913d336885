"""The proofs can fail: with a fault in the code, each finds it, and calls it by its name."""

import subprocess
import sys
from pathlib import Path

import pytest
from mutants import MUTANTS
from postgres import postgres_schema
from rush import rush
from snapshots import ask
from support import POSTGRESQL

#: More rounds until the fault is found, up to so many.
ROUNDS = (15, 60, 200)
RUSHED = [name for name, mutant in MUTANTS.items() if mutant.found_as != "the model"]


@pytest.mark.parametrize("name", RUSHED)
def test_a_rush_finds_the_fault(postgres_url, proof, name):
    for rounds in ROUNDS:
        with postgres_schema(postgres_url, POSTGRESQL) as engine:
            connect = {"options": f"-csearch_path={ask(engine, 'SELECT current_schema()')}"}
            verdict = rush(engine, connect, seed=proof.seed, rounds=rounds, mutant=name)
        found = [each for each in verdict.found if each.startswith(MUTANTS[name].found_as)]
        if found:
            proof.tell(f"mutant {name!r} was found in {rounds} rounds: {found[0]}")
            return
    pytest.fail(f"{name} survived {rounds} rounds: {verdict}")


@pytest.mark.parametrize("name", sorted(set(MUTANTS) - set(RUSHED)))
def test_the_model_finds_the_fault(proof, name):
    program = f"import mutants; mutants.mutate({name!r}); import model; model.run(examples=200, steps=30, seed={proof.seed})"
    here = Path(__file__).parent
    done = subprocess.run(
        [sys.executable, "-c", program], env={"PYTHONPATH": f"{here}:{here.parent}"}, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "AssertionError: " in done.stderr
    assert ": the ledger says " in done.stderr
    proof.tell(f"mutant {name!r} was found by the model")
