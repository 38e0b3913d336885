"""Histories of payouts, drawn by dice and made through the functions by which the ledger is changed."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from batches import PERSON, Walk, asked, batch_of_two, of_items, set_aside, task
from sqlalchemy import select

from airflow_provider_iyzico.api.payout import Initiated, InvalidItem
from airflow_provider_iyzico.domain.payout import State
from airflow_provider_iyzico.errors import LedgerApprovalError
from airflow_provider_iyzico.ledger.approvals import approve, reject, shown_digest
from airflow_provider_iyzico.ledger.holds import release_plain
from airflow_provider_iyzico.ledger.placing import Wanted, place
from airflow_provider_iyzico.ledger.steps import initiated, send, step, take_up
from airflow_provider_iyzico.ledger.who import Who

BATCHES = 45
#: The last ones are documented by nobody; MySQL takes the blank at the end of one for nothing, where it is not told better.
ITEM_STATUSES = ["SUCCESS"] * 6 + ["DEPOSIT_SUCCESS"] * 3 + ["FAILED"] * 2 + ["DEPOSIT_FAIL", "PROCESSING", "QUEUED", "INIT"]
ITEM_STATUSES += ["INVALID", "MASS_PAYOUT_CANCELED", "ON_HOLD", "SUCCESS ", "success"]
BATCH_STATUSES = ["IN_PROGRESS"] * 4 + ["COMPLETED"] * 3 + ["FAIL", "INSUFFICIENT_BALANCE", "REVIEWED", "COMPLETED ", "SUCCESS"]
#: The first three are one person.
PEOPLE = [
    Who(person="fatma"),
    Who(person="Fatma"),
    Who(person="Fatma K.", person_id="fatma"),
    Who(person="mehmet"),
    Who(person="ayşe"),
]


class Clock:
    """The ledger's clock, moved on by hand, from three weeks ago to now."""

    def __init__(self, dice):
        self.dice, self.now = dice, datetime.now(UTC) - timedelta(days=21)

    def __call__(self, connection=None):
        return self.now

    def pass_some(self, hours=20):
        self.now += timedelta(hours=self.dice.uniform(0, hours), microseconds=self.dice.randrange(10**6))


class History:
    """Batches of one account and what became of them, drawn by dice, through the functions by which the ledger is changed."""

    def __init__(self, ledger, account, seed, batches=BATCHES):
        self.dice, self.rare = random.Random(seed), random.Random(seed + 1)  # what is rare leaves the rest as it is
        self.clock = Clock(self.dice)
        self.ledger, self.account = replace(ledger, clock=self.clock), account
        begin = self.clock.now
        # In order: beside a batch that came later and still waits, what is paid would be kept as paid after that.
        for number, days in enumerate(sorted(self.dice.uniform(0, 19) for _ in range(batches))):
            self.clock.now = begin + timedelta(days=days)
            self.live(Walk(self.ledger, account, self.batch(number)))
        for number in range(6):
            self.clock.now = begin + timedelta(days=self.dice.choice([3, 20.9]))
            self.hold(f"plain-{number}", self.dice.choice([None, 3600, 30 * 24 * 3600]))

    def batch(self, number):
        amounts = [f"{self.dice.randrange(1, 9_000_000) / 100:.2f}" for _ in range(self.dice.randint(1, 6))]
        return batch_of_two(f"b{number}", *amounts)

    def hold(self, name, seconds):
        wanted = Wanted(name, batch_total=Decimal(self.dice.randrange(1, 100_000)) / 100, hold_for_seconds=seconds)
        place(self.ledger, self.account, wanted, asked(self.ledger, self.account), task(name))
        if self.dice.random() < 0.3:
            release_plain(self.ledger, self.account, name, task(name))

    def go(self, walk, *states):
        for state in states:
            self.clock.pass_some(1)
            walk.to(state)

    def live(self, walk):
        """Let a batch come some way."""
        self.go(walk, State.INIT_SENT)
        fate = self.dice.random()
        if fate < 0.12:
            return self.go(walk, *self.dice.choice([(), (State.INIT_UNKNOWN,), (State.REFUSED,)]))
        self.initiate(walk)
        self.approve(walk)
        if fate < 0.35:
            then = [(State.CANCEL_SENT,), (State.CANCEL_SENT, State.CANCEL_UNKNOWN), (State.CANCEL_SENT, State.CANCELLED), ()]
            if self.dice.random() < 0.5:
                set_aside(self.ledger, walk.batch)
            return self.go(walk, *self.dice.choice(then))
        if fate < 0.41:
            self.go(walk, State.AUTHORIZED)  # in iyzico's panel
        elif not self.authorize(walk):
            return None
        return self.follow(walk)

    def initiate(self, walk):
        invalid = [InvalidItem("item-1", "1", "no such account")] if self.dice.random() < 0.2 and len(walk.sent.items) > 1 else []
        self.clock.pass_some(1)
        if invalid:
            answer = Initiated(f"req-{self.account.account}-{walk.sent.external_id}", tuple(invalid))
            walk.batch = initiated(self.ledger, walk.batch, answer, task())
            statuses = of_items("INIT" for _ in walk.sent.items) | {"item-1": "INVALID"}
            walk.read("INIT", statuses)
        else:
            walk.to(State.INITIATED)

    def approve(self, walk):
        for _ in range(self.dice.choice([0, 0, 1, 2, 4, 7])):
            self.clock.pass_some(2)
            who, digest = self.dice.choice(PEOPLE), shown_digest(walk.batch)
            try:
                if self.dice.random() < 0.2:
                    walk.batch = reject(self.ledger, walk.batch, who, digest=digest)
                else:
                    days = timedelta(days=self.dice.choice([0.05, 40]))
                    walk.batch = approve(self.ledger, walk.batch, who, digest=digest, max_age=days)
            except LedgerApprovalError:
                pass  # the same person approved it before
            if self.rare.random() < 0.1:
                self.take_up(walk)
            if self.dice.random() < 0.25:  # the batch is another one now
                walk.read("INIT", of_items(self.statuses_now(walk)), commission_amount=Decimal(self.dice.randrange(1, 900)) / 100)

    def take_up(self, walk):
        """An item is invalid for a while, and then a task goes on with the batch, in a run that somebody triggered."""
        others = self.statuses_now(walk)[1:]
        for status in ("INVALID", "INIT"):
            walk.read("INIT", of_items([status, *others]))
        who = replace(task("go-on"), triggered_by=self.rare.choice([None, *(person.person for person in PEOPLE)]))
        walk.batch = take_up(self.ledger, walk.batch, who)

    def statuses_now(self, walk):
        kept = {row.item_external_id: row.status for row in self.item_states(walk)}
        return [kept[item.item_external_id] for item in walk.sent.items]

    def item_states(self, walk):
        table = self.ledger.tables.item
        query = select(table).where(*[table.c[name] == value for name, value in walk.batch.key.items()])
        return self.ledger.act(lambda connection: connection.execute(query).all())

    def authorize(self, walk):
        """Send it; tell whether iyzico pays it."""
        who = replace(task(f"run-{walk.sent.external_id}"), triggered_by=self.dice.choice([None, "mehmet", "zeynep"]))
        for _ in range(2):
            self.clock.pass_some(3)
            set_aside(self.ledger, walk.batch)
            balance = asked(self.ledger, self.account)
            try:
                walk.batch = send(self.ledger, walk.batch, State.AUTH_SENT, who, timeout_seconds=30, asked=balance)
            except LedgerApprovalError:
                return False
            fate = self.dice.random()
            if fate < 0.1:
                return False
            if fate < 0.25:
                self.go(walk, State.AUTH_UNKNOWN)
                if fate < 0.18:
                    return False
                self.go(walk, self.dice.choice([State.INITIATED, State.AUTHORIZED]))
                return walk.batch.state is State.AUTHORIZED
            if fate < 0.85:
                self.go(walk, State.AUTHORIZED)
                return True
            self.clock.pass_some(1)
            walk.batch = step(self.ledger, walk.batch, State.INITIATED, who, reason="10051: not now")
            self.approve(walk)
        return False

    def follow(self, walk):
        """Read it some times; also after it has ended."""
        for _ in range(self.dice.randint(0, 5)):
            self.clock.pass_some(30)
            if self.clock.now > datetime.now(UTC):
                return
            before = self.statuses_now(walk)
            after = [self.dice.choice(ITEM_STATUSES) if self.dice.random() < 0.7 else status for status in before]
            if self.dice.random() < 0.15:
                after = [self.dice.choice(["INIT", "QUEUED"]) for _ in before]
            commission = self.dice.choice([None, Decimal(self.dice.randrange(0, 900)) / 100])
            walk.read(self.dice.choice(BATCH_STATUSES), of_items(after), commission_amount=commission)
        if walk.batch.state is State.AUTHORIZED and self.dice.random() < 0.1:
            walk.batch = step(self.ledger, walk.batch, State.ENDED, PERSON, reason="ticket 4711")


def as_dicts(ledger, query):
    return ledger.act(lambda connection: [dict(row) for row in connection.execute(query).mappings()])


def all_rows(ledger):
    """The rows of the ledger's tables, by the table's name in the package."""
    return {name: as_dicts(ledger, select(table)) for name, table in ledger.tables._asdict().items()}


def is_same(found, expected, *, within=0):
    """Equal, whichever type the database's driver has for it."""
    if expected is None or found is None:
        return found is expected
    if isinstance(expected, datetime):
        moment = datetime.fromisoformat(found) if isinstance(found, str) else found
        return (moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)) == expected
    if isinstance(expected, Decimal):
        return abs(Decimal(repr(found) if isinstance(found, float) else found) - expected) <= Decimal(within)
    return found == expected
