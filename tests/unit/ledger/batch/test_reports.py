"""Every view of payouts, value by value, against the second computation in ``payout_reports_reference.py``."""

import random
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from batches import Walk, asked, batch_of_two, of_items, task
from payout_histories import Clock, History, all_rows, as_dicts, is_same
from payout_reports_reference import BATCH, PayoutReports
from sqlalchemy import text

from airflow_provider_iyzico.domain.payout import State
from airflow_provider_iyzico.ledger.accounts import Account
from airflow_provider_iyzico.ledger.items import batch_totals
from airflow_provider_iyzico.ledger.placing import Wanted, place
from airflow_provider_iyzico.ledger.questions import named

SEEDS = (1, 3)


@pytest.fixture(scope="module")
def told(ledger):
    """A ledger with some history, and its reports as they should be."""
    for seed in SEEDS:
        History(ledger, Account("sandbox", f"şube {seed}", "TRY"), seed)
    dollars = Account("production", "şube 1", "USD")
    past = replace(ledger, clock=lambda _: datetime.now(UTC) - timedelta(days=2))
    place(past, dollars, Wanted("old", batch_total=Decimal("12.34")), asked(past, dollars), task())
    return PayoutReports(all_rows(ledger), ledger.act(ledger.clock))


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
