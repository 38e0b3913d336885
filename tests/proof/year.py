"""A year of one account: snapshots, top-ups, payouts by the real operators, returns, crashes, and withdrawals that nobody explains."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from unittest import mock

import person
import staging
import stepped
import tasks
from inprocess import Wire, hook_over
from person import Person
from plans import COMMISSION, PEOPLE, Order
from stepped import Stage
from tasks import Runner, StagedLedger, retry_jitter

from airflow_provider_iyzico.errors import IyzicoError
from airflow_provider_iyzico.ledger.accounts import Account
from airflow_provider_iyzico.simulator import Simulator
from airflow_provider_iyzico.warehouse.append import append
from airflow_provider_iyzico.warehouse.snapshot import Observation, snapshot_row
from airflow_provider_iyzico.warehouse.tables import snapshot_table
from airflow_provider_iyzico.warehouse.task import TaskInstance

#: A year that ended before today.
BEGINS = datetime(2025, 11, 1, 6, tzinfo=UTC)
HOUR, DAY = 3600, 24 * 3600
FATES = ("paid",) * 10 + ("returned", "returned", "bounced", "never_returned", "return_fails", "invalid")
#: What may go wrong on the way to iyzico, or on the way back.
FAULTS = ("timeout", "reset", "done_then_reset", "done_then_status", "500")


class Year:
    """One account.

    :param engine: of the database of warehouse and ledger
    :param days: for how long it is played
    :param balance_drops: when iyzico takes the money of a batch
    """

    def __init__(self, engine: Any, label: str, seed: int, days: int, balance_drops: str) -> None:
        self.engine, self.days, self.account = engine, days, Account("sandbox", label, "TRY")
        self.rng = random.Random(f"a year {seed} {label}")
        self.simulator = Simulator("25000.00", seed=seed)
        self.reached: Counter[Any] = Counter()
        self.stage = Stage(self.simulator.world, self.rng, self.reached, lambda: None)
        self.simulator.world.clock._base_ms = self.simulator.world.bank.now_ms = round(BEGINS.timestamp() * 1000)
        self.stage.kill_share = 0.01
        durations = {"RESERVED": 1, "QUEUED": 60, "PROCESSING": 300, "SUCCESS": 600, "FAILED": 600, "DEPOSIT_SUCCESS": 26 * HOUR}
        self.simulator.set(
            balance_drops=balance_drops,
            commission=str(COMMISSION),
            commission_shown="always",
            durations=durations | {"DEPOSIT_FAIL": 3 * DAY},
            fates={},
        )
        wire = Wire(self.stage, lambda *_: None, lambda *_: None, is_real=False)
        self.runner = Runner(self.stage, StagedLedger.on(self.stage, engine, 0.002), wire, "http://127.0.0.1:1")
        self.person = Person(self.runner, self.simulator, self.reached)
        self.person.ended_early = lambda batch: None
        self.orders: list[Order] = []
        #: When somebody took money out, and how much.
        self.withdrawn: list[tuple[datetime, Decimal]] = []
        self.fates: dict[str, str] = {}

    def play(self) -> Year:
        """Play it, and let a last week pass in which everything comes to its end."""
        staging.current[:] = [self.stage]
        retry_jitter(self.rng)
        with (
            mock.patch.object(tasks, "ACCOUNT", self.account),
            mock.patch.object(person, "ACCOUNT", self.account),
            mock.patch.object(stepped, "MOST_TURNS", 10_000_000),
        ):
            self.stage.add("calendar", self._follow_the_calendar, is_mortal=False)
            try:
                self.stage.run()
            finally:
                self.stage.stop()
        return self

    def _follow_the_calendar(self) -> None:
        for after, act in sorted(self._calendar(), key=lambda each: each[0]):
            self.stage.playing.wake_at = BEGINS.timestamp() + after
            self.stage._hub.switch()
            act()

    def _calendar(self) -> list[tuple[float, Callable[[], None]]]:
        rng, end = self.rng, self.days * DAY
        found: list[tuple[float, Callable[[], None]]] = [
            (number * 2 * HOUR + rng.uniform(0, 600), self._see) for number in range((self.days + 7) * 12)
        ]
        found += [((day + 1) * DAY + 4 * HOUR, self._reconcile) for day in range(self.days + 6)]
        payday = rng.uniform(0, 3) * DAY
        while payday < end:
            found.append((payday, self._pay))
            if rng.random() < 0.3:
                found.append((payday + rng.uniform(0, 300), self._hinder))
            payday += rng.uniform(2, 9) * DAY
        for day in range(5, self.days, 23):
            found.append((day * DAY + rng.uniform(0, DAY), self._withdraw))
        return found

    def _see(self) -> None:
        """Keep a snapshot; now and then nobody does."""
        if self.rng.random() >= 0.02:
            self._keep()

    def _keep(self) -> None:
        balance = hook_over(self.runner.wire, self.runner.host, self.account.account).get_balance()
        moment = self.stage.moment()
        seen = Observation(
            self.account.account, "sandbox", "TRY", balance.amount, balance.raw, moment, None, 5, "Europe/Istanbul"
        )
        task = TaskInstance("balances", "see", f"{self.account.account} {moment.isoformat()}", -1, 1, None, None, None)
        append(self.engine, snapshot_table(), snapshot_row(seen, task), create_table=True)

    def _reconcile(self) -> None:
        self.stage.add("reconcile", self.runner.reconcile)

    def _hinder(self) -> None:
        kind, call = self.rng.choice(FAULTS), self.rng.choice(("auth", "init", "retrieve"))
        options = {"status": 502} if kind == "done_then_status" else {}
        self.simulator.fail(kind, on=call, times=1, **options)

    def _withdraw(self) -> None:
        """Take money out between two snapshots of its own: what comes in between the same two would hide it, as the guide says."""
        self._keep()
        amount = Decimal(self.rng.randrange(100, 20_000)) / 100
        if amount < Decimal(self.simulator.balance):
            self.simulator.panel.withdraw(str(amount))
            self.withdrawn.append((self.stage.moment(), amount))
        self._keep()

    def _pay(self) -> None:
        """Begin a batch; half of the time money comes in just before it."""
        name, rng = f"{self.account.account}-{len(self.orders)}", self.rng
        rows = []
        for place in range(rng.choice((1, 2, 3, 5))):
            kind, recipient, called = rng.choice(PEOPLE)
            rows.append(
                {
                    "item_external_id": f"{name}-{place}", "recipient_type": kind, "recipient_info": recipient,
                    "recipient_name": called or "", "amount": f"{rng.randrange(100, 90_000) / 100:.2f}", "description": "maaş",
                }
            )  # fmt: skip
        order = Order(name, rows, "drop", str(COMMISSION), True, None, 1, False, 0.0, rng.random() < 0.5)
        self.orders.append(order)
        self.fates |= {row["item_external_id"]: rng.choice(FATES) for row in rows}
        self.simulator.set(fates=dict(self.fates))
        if rng.random() < 0.5 or sum(order.amounts.values()) > Decimal(self.simulator.balance) - 100:
            self.simulator.panel.top_up(f"{rng.randrange(200_000, 900_000) / 100:.2f}")
        self.stage.add(name, lambda: self._live(order))

    def _live(self, order: Order) -> None:
        for act in (self.runner.init, self.runner.gate, self.runner.pay):
            for _ in range(4):
                error = act(order)
                if error is None:
                    break
                self.stage.pause(120)
                if self._heed(order, error) != "again":
                    return
            else:
                return

    def _heed(self, order: Order, error: IyzicoError) -> str:
        answer = self.person.heed(order, error)
        if answer == "cancel":
            self.runner.cancel(order)
        return answer

    # what was

    def effects(self, *kinds: str) -> list[tuple[datetime, str, Decimal]]:
        """Return from the simulator's own books when money moved, how, and how much."""
        return [
            (datetime.fromtimestamp(each.at, UTC), each.what, Decimal(each.amount) + Decimal(each.commission or 0))
            for each in self.simulator.journal
            if each.what in kinds
        ]

    @property
    def ends(self) -> datetime:
        return BEGINS + timedelta(days=self.days + 7)
