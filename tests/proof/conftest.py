"""Proofs: long runs of real processes that count what must never happen. The short form is part of `make test`.

PROOF=long        the long form (`make proof`)
PROOF_SEED=7      the same plans again; the seed of each run is printed at its end
PROOF_ROUNDS=50   another number of rounds
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import pytest
from mariadb import mariadb_database
from postgres import postgres_schema
from snapshots import ask
from sqlalchemy import create_engine
from support import POSTGRESQL


@dataclass
class Proof:
    """What one run of the proofs goes by, and what it has to tell at its end."""

    is_long: bool
    seed: int
    record: Callable[[str, str], None]

    def rounds(self, *, short: int, long: int) -> int:
        return int(os.environ.get("PROOF_ROUNDS") or (long if self.is_long else short))

    def tell(self, figure: str) -> None:
        self.record("figure", f"{figure} (PROOF_SEED={self.seed})")


@pytest.fixture
def proof(record_property):
    """Figures reach the end of the output also from the processes of pytest-xdist, as properties of the test."""
    seed = int(os.environ.get("PROOF_SEED") or random.SystemRandom().randrange(1_000_000))
    print(f"PROOF_SEED={seed}")  # pytest shows it where the proof fails
    return Proof(os.environ.get("PROOF") == "long", seed, record_property)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [report for each in ("passed", "failed") for report in terminalreporter.getreports(each)]
    figures = [value for report in reports for name, value in report.user_properties if name == "figure"]
    if figures:
        terminalreporter.section("proofs")
        for figure in figures:
            terminalreporter.write_line(figure)


@pytest.fixture(params=["postgresql", "sqlite", "mariadb"])
def database(request, tmp_path):
    """An engine for an empty database, and what another process needs to connect to the same."""
    with empty_database(request, tmp_path / "ledger.db") as database:
        yield database


@pytest.fixture
def databases(request, tmp_path):
    """As many empty databases as payouts run at once on a small machine."""
    with ExitStack() as stack:
        yield [stack.enter_context(empty_database(request, tmp_path / f"ledger-{number}.db")) for number in range(3)]


@contextmanager
def empty_database(request, path):
    """Yield an empty database of the kind that the test's parameter names."""
    if request.param == "postgresql":
        with postgres_schema(request.getfixturevalue("postgres_url"), POSTGRESQL) as engine:
            yield engine, {"options": f"-csearch_path={ask(engine, 'SELECT current_schema()')}"}
    elif request.param == "mariadb":
        with mariadb_database(request.getfixturevalue("mariadb_url")) as engine:
            yield engine, {}
    else:
        engine = create_engine(f"sqlite:///{path}")
        yield engine, {}
        engine.dispose()
