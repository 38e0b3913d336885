"""A rush of processes for balances, from the start of the source to the verdict of the judge."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from journal import entries, keep_journal
from judge import violations, wrong_batches
from ledgers import ACCOUNT
from source import serving
from sqlalchemy.engine import Engine

from airflow_provider_iyzico.ledger.ledger import Ledger
from airflow_provider_iyzico.ledger.placing import funds_version


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a rush came to.

    :param found: what must never happen and did
    :param done: how the payouts ended, and how often
    """

    found: list[str]
    done: Counter[str]
    placed: int
    ended: int
    asked: int
    seconds: float
    cpu_seconds: float


def rush(engine: Engine, connect: dict[str, str], *, seed: int, rounds: int, processes: int = 8, mutant: str = "") -> Verdict:
    """Let the processes rush, and judge."""
    funds_version(Ledger.open(engine), ACCOUNT)
    keep_journal(engine)
    began, used_before = time.monotonic(), _used()
    with serving(engine, seed) as source:
        settings = {
            "url": engine.url.render_as_string(hide_password=False),
            "connect": connect,
            "port": source.port,
            "seed": seed,
            "rounds": rounds,
            "processes": processes,
        }
        here = Path(__file__).parent
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (here, here.parent)))}
        program = f"import mutants; mutants.mutate({mutant!r}); import payouts; payouts.main()"
        done = subprocess.run(
            [sys.executable, "-c", program],
            input=json.dumps(settings),
            capture_output=True,
            text=True,
            env=environment,
            check=False,
        )
    if done.returncode:
        raise RuntimeError(done.stderr[-4000:])
    seconds, used = time.monotonic() - began, _used() - used_before
    journal = entries(engine)
    withdrawn = {f"a{number}" for number in range(0, rounds, 3)}
    overdrawn = [each for each in source.overdrawn if each.partition(":")[0] not in withdrawn]
    found = violations(journal, source.answers) + wrong_batches(engine) + overdrawn
    kinds = Counter(entry.kind for entry in journal)
    asked = sum(map(len, source.answers.values()))
    return Verdict(found, Counter(json.loads(done.stdout)), kinds["placed"], kinds["ended"], asked, seconds, used)


def _used() -> float:
    """Return the CPU seconds of the processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
