"""A simulated iyzico, a ledger and a task, all by one clock that only a test moves."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from batches import NAME, hold_of, task
from sqlalchemy import select
from support import connect

from airflow_provider_iyzico.errors import IyzicoError
from airflow_provider_iyzico.ledger.accounts import Account
from airflow_provider_iyzico.ledger.batches import find
from airflow_provider_iyzico.ledger.questions import events_of, items_of
from airflow_provider_iyzico.payments.checking import Limits, checked
from airflow_provider_iyzico.payouts.authorize import authorize
from airflow_provider_iyzico.payouts.cancel import cancel
from airflow_provider_iyzico.payouts.follow import follow
from airflow_provider_iyzico.payouts.initiate import initiate
from airflow_provider_iyzico.payouts.means import Means
from airflow_provider_iyzico.payouts.reconcile import reconcile
from airflow_provider_iyzico.simulator import Simulator

ACCOUNT = Account("sandbox", "simulator", "TRY")
#: What three such payments of 100.50 need, with 2.50 of commission each.
NEEDED = Decimal("309.00")
IBANS = ["TR330006100519786457841326", "TR920086402100005482986178", "TR650086402100005482986179"]
BATCH = "salaries-2026-11"
DAYS = 24 * 60 * 60.0


def payments(count=3, amount="100.50", **more):
    return [
        {
            "item_external_id": f"item-{number}",
            "recipient_type": "IBAN",
            "recipient_info": IBANS[number % 2],
            "recipient_name": NAME,
            "amount": amount,
            "description": "salary",
            **more,
        }
        for number in range(count)
    ]


def a_batch(external_id=BATCH, rows=None, purpose="SALARY"):
    return checked(rows or payments(), external_id=external_id, currency="TRY", purpose=purpose, limits=Limits())


@contextmanager
def a_bank(monkeypatch: pytest.MonkeyPatch, timeout: float = 5) -> Iterator[Simulator]:
    """A simulator with 1000.00 whose clock stands still, and that charges 2.50 for each item."""
    with Simulator("1000.00", seed=12) as simulator:
        simulator.set(clock="stepped", commission="2.50")
        connect(monkeypatch, simulator, timeout=timeout)
        yield simulator


class Killed(BaseException):
    """Ends a task where nothing of its own may catch it."""


class Payer:
    """A task that pays, its ledger, and iyzico.

    :ivar paused: for how long it waited, each time
    """

    def __init__(self, bank, ledger, hook):
        self.bank, self.hook, self.seconds, self.paused = bank, hook, 0.0, []
        self.begun_at = datetime(2026, 11, 29, 12, tzinfo=UTC)
        self.ledger = replace(ledger, clock=lambda _: self.begun_at + timedelta(seconds=self.seconds))
        self.meanwhile = []

    def wait(self, seconds):
        self.seconds += seconds
        self.bank.advance(seconds)

    def pause(self, seconds):
        self.paused.append(seconds)
        if self.meanwhile:
            self.meanwhile.pop(0)()
        self.wait(seconds)

    def kill(self, act, call, *, before=False):
        """Kill a task that acts, just before or after it made a call of the hook."""
        make = getattr(self.hook, call)

        def killed(*given, **more):
            if not before:
                with suppress(IyzicoError):
                    make(*given, **more)
            raise Killed

        setattr(self.hook, call, killed)
        try:
            with pytest.raises(Killed):
                act()
        finally:
            setattr(self.hook, call, make)

    def commits_slowly(self, monkeypatch, module, seconds=31):
        """Let an intent of a module take so long to commit that its deadline is over."""
        commit = module.send

        def slow(*given, **more):
            sent = commit(*given, **more)
            self.wait(seconds)
            return sent

        monkeypatch.setattr(module, "send", slow)

    def means(self, who=None, **other):
        given = {"timeout_seconds": 30.0, "grace_seconds": 60.0, "settling_seconds": 60.0} | other
        return Means(self.hook, self.ledger, ACCOUNT, who or task(), pause=self.pause, clock=lambda: self.seconds, **given)

    def initiate(self, batch=None, who=None, bound=None, **other):
        return initiate(self.means(who or task(task_id="start"), **other), batch or a_batch(), commission_bound=bound)

    def authorize(self, external_id=BATCH, **other):
        return authorize(self.means(**other), external_id)

    def authorize_short(self, withdrawn, external_id=BATCH):
        """Have the batch paid while somebody takes money out of the balance, between its hold and its authorization's arrival."""
        send = self.hook.authorize_mass_payout

        def late(request_id, **options):
            self.bank.panel.withdraw(withdrawn)
            return send(request_id, **options)

        self.hook.authorize_mass_payout = late
        try:
            return self.authorize(external_id)
        finally:
            self.hook.authorize_mass_payout = send

    def pay(self, batch=None, **other):
        """Hand a batch over, and have it paid."""
        batch = batch or a_batch()
        self.initiate(batch, **other)
        return self.authorize(batch.external_id, **other)

    def cancel(self, external_id=BATCH, **other):
        return cancel(self.means(**other), external_id)

    def follow(self, external_id=BATCH, days=3, **other):
        return follow(self.means(**other), external_id, deposit_grace_seconds=days * DAYS)

    def follow_to_its_end(self, external_id=BATCH, days=3, **other):
        """Follow as a task does, for some days at most."""
        ends_at = self.seconds + 8 * DAYS
        while not (standing := self.follow(external_id, days, **other)).has_ended and self.seconds < ends_at:
            self.wait(standing.wait_seconds or 60)
        return standing

    def reconcile(self, days=7, **other):
        return reconcile(self.means(task(dag_id="reconcile"), **other), days=days, deposit_grace_seconds=3 * DAYS)

    def batch(self, external_id=BATCH):
        return find(self.ledger, ACCOUNT, external_id)

    def state(self, external_id=BATCH):
        return self.batch(external_id).state.value

    def items(self, external_id=BATCH):
        return {row["item_external_id"]: row["status"] for row in items_of(self.ledger, self.batch(external_id).key)}

    def steps(self, external_id=BATCH):
        """The states that the batch went through, by its events."""
        return [row["after"] for row in events_of(self.ledger, self.batch(external_id).key) if row["kind"] == "state"]

    def reasons(self, external_id=BATCH):
        return [row["reason"] for row in events_of(self.ledger, self.batch(external_id).key) if row["reason"]]

    def held(self, external_id=BATCH):
        """What is set aside for the batch, or nothing once its hold has ended."""
        hold = hold_of(self.ledger, self.batch(external_id))
        return None if hold is None or hold[1] is not None else hold[0]

    def hold_end(self, external_id=BATCH):
        return hold_of(self.ledger, self.batch(external_id))[1]

    def calls(self, call):
        return sum(seen.call == call for seen in self.bank.seen)

    def effects(self, what):
        return sum(effect.what == what for effect in self.bank.journal)

    def table(self, name):
        of = getattr(self.ledger.tables, name)
        return self.ledger.act(lambda connection: [dict(row) for row in connection.execute(select(of)).mappings()])


class Copied:
    """A copy of a payer's ledger, as it is now."""

    def __init__(self, payer):
        self._path, self._copy = payer.ledger.engine.url.database, sqlite3.connect(":memory:")
        with closing(sqlite3.connect(self._path)) as file:
            file.backup(self._copy)

    def restore(self):
        with closing(self._copy), closing(sqlite3.connect(self._path)) as file:
            self._copy.backup(file)
