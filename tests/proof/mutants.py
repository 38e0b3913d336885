"""Faults that the proofs must find: each changes one line of the code as it is read from its file."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import sys
from dataclasses import dataclass

ROOM = "airflow_provider_iyzico"


@dataclass(frozen=True, slots=True)
class Mutant:
    """One fault.

    :param module: where it is
    :param line: what stands there
    :param instead: what stands there now
    :param found_as: what the judge must say
    """

    module: str
    line: str
    instead: str
    found_as: str


MUTANTS = {
    "no lock": Mutant(f"{ROOM}.ledger.accounts", '"FOR UPDATE"', '""', "over-committed"),
    "no version check": Mutant(f"{ROOM}.ledger.placing", "if over or version != asked.version:", "if over:", "stale"),
    "an end that moves no version": Mutant(
        f"{ROOM}.ledger.holds",
        "    moved(ledger, connection, Account(hold",
        "    str(Account(hold",
        "stale",
    ),
    "stale balance": Mutant(
        "payouts",
        """        version = funds_version(self.ledger, account)
        balance = Decimal(self.source.say("ask", account.account))
""",
        # The pause is part of the fault, and no test waits for it: a process that stops there, as on a busy machine, meets the fault.
        """        balance = Decimal(self.source.say("ask", account.account))
        time.sleep(0.05)
        version = funds_version(self.ledger, account)
""",
        "stale",
    ),
    "hold ended by time although sent": Mutant(
        f"{ROOM}.ledger.batch_holds",
        "change_hold(turn.ledger, turn.connection, own, expires_at=None)",
        "pass",
        "ended by time although sent",
    ),
    "commission left out": Mutant(
        f"{ROOM}.ledger.placing",
        "SELECT state, currency, required",
        "SELECT state, currency, total AS required",
        "commission left out",
    ),
    "float sums": Mutant(
        f"{ROOM}.domain.funds",
        "summed(hold.counted for hold in holds)",
        "Decimal(repr(sum(float(hold.counted) for hold in holds)))",
        "the model",
    ),
}


class _Reader(importlib.machinery.SourceFileLoader):
    """Reads a module with its fault, and never from what was compiled before."""

    def __init__(self, name: str, path: str, mutant: Mutant) -> None:
        super().__init__(name, path)
        self.mutant = mutant

    def get_code(self, fullname: str):
        text = self.get_data(self.path).decode()
        if self.mutant.line not in text:
            raise LookupError(f"{fullname} has no line {self.mutant.line!r}; bring the mutant up to date")
        return self.source_to_code(text.replace(self.mutant.line, self.mutant.instead).encode(), self.path)


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, mutant: Mutant) -> None:
        self.mutant = mutant

    def find_spec(self, name, path, target=None):
        if name != self.mutant.module:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        spec.loader = _Reader(name, spec.origin, self.mutant)
        return spec


def mutate(name: str | None) -> None:
    """Let this process run with a fault. Call it before the module is imported."""
    if name:
        mutant = MUTANTS[name]
        if mutant.module in sys.modules:
            raise LookupError(f"{mutant.module} is imported already")
        sys.meta_path.insert(0, _Finder(mutant))
