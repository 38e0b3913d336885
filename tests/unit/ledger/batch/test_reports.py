"""Every view of payouts, value by value, against the second computation in ``payout_reports_reference.py``."""

import random
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from batches import PERSON, Walk, asked, batch_of_two, of_items, set_aside, task
from payout_reports_reference import BATCH, PayoutReports
from sqlalchemy import select, text

from airflow_provider_iyzico.api.payout import Initiated, InvalidItem
from airflow_provider_iyzico.domain.payout import State
from airflow_provider_iyzico.errors import LedgerApprovalError
from airflow_provider_iyzico.ledger.accounts import Account
from airflow_provider_iyzico.ledger.approvals import approve, reject, shown_digest
from airflow_provider_iyzico.ledger.holds import release_plain
from airflow_provider_iyzico.ledger.items import batch_totals
from airflow_provider_iyzico.ledger.placing import Wanted, place
from airflow_provider_iyzico.ledger.questions import named
from airflow_provider_iyzico.ledger.steps import initiated, send, step
from airflow_provider_iyzico.ledger.who import Who

SEEDS, BATCHES = (1, 2), 45
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

    def __init__(self, ledger, account, seed):
        self.dice = random.Random(seed)
        self.clock = Clock(self.dice)
        self.ledger, self.account = replace(ledger, clock=self.clock), account
        begin = self.clock.now
        for number in range(BATCHES):
            self.clock.now = begin + timedelta(days=self.dice.uniform(0, 19))
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
            if self.dice.random() < 0.25:  # the batch is another one now
                walk.read("INIT", of_items(self.statuses_now(walk)), commission_amount=Decimal(self.dice.randrange(1, 900)) / 100)

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


@pytest.fixture(scope="module")
def told(ledger):
    """A ledger with some history, and its reports as they should be."""
    for seed in SEEDS:
        History(ledger, Account("sandbox", f"şube {seed}", "TRY"), seed)
    dollars = Account("production", "şube 1", "USD")
    past = replace(ledger, clock=lambda _: datetime.now(UTC) - timedelta(days=2))
    place(past, dollars, Wanted("old", batch_total=Decimal("12.34")), asked(past, dollars), task())
    tables = {name: as_dicts(ledger, select(table)) for name, table in ledger.tables._asdict().items()}
    return PayoutReports(tables, ledger.act(ledger.clock))


def is_same(found, expected, *, within=0):
    if expected is None or found is None:
        return found is expected
    if isinstance(expected, datetime):
        moment = datetime.fromisoformat(found) if isinstance(found, str) else found
        return (moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)) == expected
    if isinstance(expected, Decimal):
        return abs(Decimal(repr(found) if isinstance(found, float) else found) - expected) <= Decimal(within)
    return found == expected


def compare(ledger, view, key, expected, within=None):
    """Every row and every value, to the last digit."""
    found = {tuple(row.pop(name) for name in key): row for row in as_dicts(ledger, text(f"SELECT * FROM {view}"))}
    assert found.keys() == expected.keys()
    for where, figures in expected.items():
        assert found[where].keys() == figures.keys()
        for name, value in figures.items():
            assert is_same(found[where][name], value, within=(within or {}).get(name, 0)), (
                where,
                name,
                found[where][name],
                value,
            )


def test_the_authorization_says_who_had_a_batch_paid_and_when(ledger, told):
    expected = told.authorization()
    digests = {row["approval_digest"] for key in expected for row in told.events[key] if row["kind"] == "approved"}
    rows = as_dicts(ledger, text("SELECT * FROM iyzico_payout_authorization"))
    for row in rows:
        expected[tuple(row[name] for name in BATCH)]["approval_digest"] = row["approval_digest"]
    assert digests & {row["approval_digest"] for row in rows}
    compare(ledger, "iyzico_payout_authorization", BATCH, expected)
    assert (
        {row["sent_at"] is None for row in expected.values()}
        == {row["authorized_at"] is None for row in expected.values()}
        == {True, False}
    )


def test_the_item_report_says_what_became_of_every_item(ledger, told):
    expected = told.item_report()
    assert {row["meaning"] for row in expected.values()} == {
        "paid",
        "returned",
        "out",
        "waiting",
        "invalid",
        "cancelled",
        "unknown",
    }
    within = {"seconds_to_paid": "0.0025"}  # milliseconds; SQLite reckons them from days
    compare(ledger, "iyzico_payout_item_report", (*BATCH, "item_external_id"), expected, within)


def test_the_exceptions_are_all_that_needs_a_person(ledger, told):
    rows = as_dicts(ledger, text("SELECT * FROM iyzico_payout_exception"))
    names = (*BATCH, "currency", "item_external_id")
    found = {(tuple(row[name] for name in names), row["kind"]): row for row in rows}
    assert len(found) == len(rows)
    expected = told.exception()
    assert found.keys() == {(key, kind) for key, kind, *_ in expected}
    for key, kind, detail, since, amount in expected:
        row = found[key, kind]
        assert row["detail"] == detail
        assert is_same(row["since"], since), (key, kind, row["since"], since)
        assert is_same(row["amount"], amount), (key, kind, row["amount"], amount)
        hours = Decimal((told.now - since) / timedelta(hours=1))
        assert abs(Decimal(str(row["age_hours"])) - hours) < Decimal("0.2"), (key, kind)
    kinds = ("item_failed", "deposit_failed", "item_status_unknown", "batch_status_unknown", "batch_unknown", "batch_overdue")
    kinds = (*kinds, "batch_unanswered", "batch_stopped", "batch_hold_old", "plain_hold_old")
    assert set(Counter(kind for _, kind, *_ in expected)) == set(kinds)


def test_the_summary_says_of_every_batch_what_became_of_its_money_and_who_decided(ledger, told):
    expected = told.summary()
    found = as_dicts(ledger, text("SELECT * FROM iyzico_payout_summary"))
    for row in found:  # SQLite lists names in no certain order
        persons = expected[tuple(row[name] for name in BATCH)]
        if sorted((row["approved_by"] or "").split(", ")) == sorted(persons["approved_by"] or [""]):
            persons["approved_by"] = row["approved_by"]
    compare(ledger, "iyzico_payout_summary", BATCH, expected)
    assert {len((row["approved_by"] or "").split(", ")) for row in found} >= {1, 2}
    assert {row["needs_person"] for row in found} == {0, 1}


def test_the_summary_adds_up_as_the_ledger_itself_does(ledger, told):
    found = {tuple(row[name] for name in BATCH): row for row in as_dicts(ledger, text("SELECT * FROM iyzico_payout_summary"))}
    names = [f"{name}_{unit}" for name in ("paid", "returned", "outstanding") for unit in ("total", "commission")]
    for batch in named(ledger):
        totals, row = batch_totals(ledger, batch), found[tuple(batch.key.values())]
        for name in (*names, "invalid_items", "paid_items", "unpaid_items"):
            assert is_same(row[name], getattr(totals, name)), (batch, name)
        assert is_same(row["valid_total"], totals.total)
        assert row["requested_items"] == totals.items
        parts = ("invalid", "cancelled", "paid", "returned", "outstanding")
        assert sum(row[f"{name}_items"] for name in parts) == row["requested_items"]
        assert sum(Decimal(str(row[f"{name}_total"])) for name in parts) == Decimal(str(row["requested_total"]))


def day_of(value):
    return date.fromisoformat(value) if isinstance(value, str) else value


def test_the_days_say_what_was_paid_and_what_came_back(ledger, told):
    expected, rows = told.daily(), as_dicts(ledger, text("SELECT * FROM iyzico_payout_daily"))
    found = {(row["environment"], row["account"], row["currency"], day_of(row["local_date"])): row for row in rows}
    assert found.keys() == expected.keys()
    for where, row in found.items():
        for name in row.keys() - {"environment", "account", "currency", "local_date"}:
            assert is_same(row[name], expected[where][name]), (where, name, row[name], expected[where][name])
    for name, undone in (("paid", "bounced"), ("returned", "withdrawn")):
        assert sum(row[f"{undone}_items"] for row in rows) > 0
        summary = as_dicts(ledger, text("SELECT * FROM iyzico_payout_summary"))
        for unit in ("items", "total", "commission"):
            over_days = sum(Decimal(str(row[f"{name}_{unit}"])) - Decimal(str(row[f"{undone}_{unit}"])) for row in rows)
            assert over_days == sum(Decimal(str(row[f"{name}_{unit}"])) for row in summary)


def test_a_day_ends_at_midnight_in_istanbul_to_the_microsecond(ledger, account):
    clock = Clock(random.Random(0))
    walk = Walk(replace(ledger, clock=clock), account, batch_of_two("m", "1.00", "2.00"))
    walk.to(State.INIT_SENT, State.INITIATED, State.AUTH_SENT, State.AUTHORIZED)
    clock.now = clock.now.replace(hour=20, minute=59, second=59, microsecond=999_999)
    before = clock.now.date()
    walk.read("IN_PROGRESS", of_items(["SUCCESS", "QUEUED"]))
    clock.now += timedelta(microseconds=1)
    walk.read("IN_PROGRESS", of_items(["SUCCESS", "SUCCESS"]))
    query = "SELECT local_date, paid_total FROM iyzico_payout_daily WHERE account = :account ORDER BY local_date"
    rows = as_dicts(ledger, text(query).bindparams(account=account.account))
    days = [(day_of(row["local_date"]), Decimal(str(row["paid_total"]))) for row in rows]
    assert days == [(before, Decimal(1)), (before + timedelta(days=1), Decimal(2))]
