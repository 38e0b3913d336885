"""Payouts of one process against others: each round it takes part in a rush for one balance, as its plan says.

``main`` takes the settings as JSON from standard input, forks the processes, and prints what they did.
"""

from __future__ import annotations

import json
import random
import socket
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from multiprocessing import get_context
from threading import BrokenBarrierError

from ledgers import enter_batch, task
from source import opening
from sqlalchemy import create_engine

from airflow_provider_iyzico.domain.payout import State
from airflow_provider_iyzico.errors import LedgerFundsError, LedgerHoldError, LedgerMovedError, WarehouseError
from airflow_provider_iyzico.ledger.accounts import Account
from airflow_provider_iyzico.ledger.batches import find
from airflow_provider_iyzico.ledger.holds import release_plain
from airflow_provider_iyzico.ledger.ledger import Ledger
from airflow_provider_iyzico.ledger.placing import Asked, Placing, Wanted, funds_version, place
from airflow_provider_iyzico.ledger.steps import send, step

TRIES = 3
#: After so long the hold of a late batch would be over, had the batch not been sent.
LATE_SECONDS = 0.5
#: What becomes of a hold, and how often. All of them must happen in every run.
FATES = {"pay": 6, "release": 2, "expire": 2, "keep": 2, "batch": 1, "late batch": 1}


@dataclass(frozen=True, slots=True)
class Plan:
    """What one process does in one round."""

    account: str
    name: str
    fate: str
    amount: Decimal
    commission: Decimal
    #: What somebody moves in iyzico's panel first; less than nothing is outside the promise, and changes what may be judged.
    moves: Decimal

    @classmethod
    def of(cls, seed: int, round_: int, process: int, balance: Decimal) -> Plan:
        rng = random.Random(f"{seed} {round_} {process}")
        kurus = int(balance * 100)
        amount = rng.choice([kurus // 2, kurus // 3, kurus // 8, rng.randrange(1, kurus), rng.randrange(1, kurus // 3)])
        moves = {0: rng.randrange(-kurus // 2, 0), 1: rng.randrange(kurus // 2)}.get(round_ % 3, 0) if rng.random() < 0.3 else 0
        fate = rng.choices(list(FATES), list(FATES.values()))[0]
        parts = (Decimal(max(amount, 1)), Decimal(rng.randrange(1, 200)), Decimal(moves))
        return cls(f"a{round_}", f"p{process}", fate, *(each / 100 for each in parts))


class SourceOfBalances:
    """This process's line to the source."""

    def __init__(self, port: int) -> None:
        self.line = socket.create_connection(("127.0.0.1", port)).makefile("rw")

    def say(self, do: str, account: str, amount: Decimal | None = None) -> str:
        self.line.write(json.dumps({"do": do, "account": account, "amount": str(amount)}) + "\n")
        self.line.flush()
        return self.line.readline().strip()


@dataclass
class Payer:
    """One process."""

    ledger: Ledger
    source: SourceOfBalances
    late: list = field(default_factory=list)

    def ask(self, account: Account) -> Asked:
        version = funds_version(self.ledger, account)
        balance = Decimal(self.source.say("ask", account.account))
        return Asked(balance, datetime.now(UTC), version)

    def act(self, plan: Plan) -> str:
        account, who = Account("sandbox", plan.account, "TRY"), task(plan.name)
        is_batch = plan.fate.endswith("batch")
        if plan.moves:
            self.source.say("move", plan.account, plan.moves)
        if is_batch:
            enter_batch(self.ledger, plan.name, plan.amount, plan.commission, account=account)
        seconds = {"expire": 0.002, "late batch": LATE_SECONDS}.get(plan.fate)
        wanted = Wanted(plan.name, batch_total=None if is_batch else plan.amount, hold_for_seconds=seconds)
        for _ in range(TRIES):
            outcome = place(self.ledger, account, wanted, self.ask(account), who).outcome
            if outcome is not Placing.MOVED:
                break
        return self.after(plan, account, who) if outcome is Placing.PLACED else outcome.value

    def after(self, plan: Plan, account: Account, who) -> str:
        if plan.fate == "pay":
            self.source.say("pay", plan.account, plan.amount)
        if plan.fate in ("pay", "release"):
            release_plain(self.ledger, account, plan.name, who)
        return self.send(plan, account, who) if plan.fate.endswith("batch") else plan.fate

    def send(self, plan: Plan, account: Account, who) -> str:
        batch = find(self.ledger, account, plan.name)
        for _ in range(TRIES):
            try:
                batch = send(self.ledger, batch, State.AUTH_SENT, who, timeout_seconds=60, asked=self.ask(account))
                break
            except LedgerMovedError:
                continue
            except LedgerHoldError:
                return f"{plan.fate}: its time was over"
            except LedgerFundsError:
                return f"{plan.fate}: the balance dropped"
        else:
            return f"{plan.fate}: moved"
        if plan.fate == "late batch":
            self.late.append((plan, account, who, batch, time.monotonic() + LATE_SECONDS))
        else:
            self.pay(plan, who, batch)
        return plan.fate

    def pay(self, plan: Plan, who, batch) -> None:
        self.source.say("pay", plan.account, plan.amount + plan.commission)
        step(self.ledger, step(self.ledger, batch, State.AUTHORIZED, who), State.ENDED, who)

    def pay_late(self, *, leaving: int = 0) -> None:
        """Pay batches whose hold would be over by now, after somebody else has come for their balance."""
        while len(self.late) > leaving:
            plan, account, who, batch, due = self.late.pop(0)
            time.sleep(max(due - time.monotonic(), 0))
            place(self.ledger, account, Wanted(f"{plan.name}-other", batch_total=plan.amount), self.ask(account), who)
            self.pay(plan, who, batch)


def take_part(settings: dict, process: int, barrier, results) -> None:
    try:
        results.put(rounds_of(settings, process, barrier))
    except BrokenBarrierError:
        sys.exit(1)  # another process tells why
    except BaseException:
        barrier.abort()
        raise


def rounds_of(settings: dict, process: int, barrier) -> Counter:
    ledger = Ledger.open(create_engine(settings["url"], connect_args=settings["connect"]), create_table=False)
    payer, done = Payer(ledger, SourceOfBalances(settings["port"])), Counter()
    for round_ in range(settings["rounds"]):
        plan = Plan.of(settings["seed"], round_, process, opening(settings["seed"], f"a{round_}"))
        barrier.wait(300)
        try:
            done[payer.act(plan)] += 1
        except WarehouseError as error:  # the database's own keys stop some of the mutants
            done[f"refused: {error}"] += 1
        payer.pay_late(leaving=2)
    payer.pay_late()
    return done


def main() -> None:
    settings = json.load(sys.stdin)
    context = get_context("fork")
    barrier, results = context.Barrier(settings["processes"]), context.SimpleQueue()
    processes = [
        context.Process(target=take_part, args=(settings, number, barrier, results)) for number in range(settings["processes"])
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    if any(process.exitcode for process in processes):
        sys.exit(1)
    print(json.dumps(sum((results.get() for _ in processes), Counter())))
