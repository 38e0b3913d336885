"""A year of two accounts: what the roll-forward does not explain is what somebody took out, and nothing else.

PROOF_DAYS=30   so many days
"""

from __future__ import annotations

import os
from collections import defaultdict
from decimal import Decimal

import pytest
from payout_histories import all_rows, as_dicts, is_same
from rollforward_reference import Rollforward
from sqlalchemy import create_engine, text
from sqlalchemy.pool import StaticPool
from staging import staged
from year import Year

from airflow_provider_iyzico.ledger.ledger import Ledger
from airflow_provider_iyzico.warehouse.tables import snapshot_table

KNOWN = 5


@pytest.fixture
def memory():
    engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    yield engine
    engine.dispose()


def amounts_by_day(effects, told, account):
    """Add up amounts by the day of the first snapshot that may show them."""
    found = defaultdict(Decimal)
    for moment, amount in effects:
        found[told.snapshot_day(account, moment)] += amount
    return found


def money(value):
    return Decimal(repr(value) if isinstance(value, float) else value)


@pytest.mark.timeout(3600)
def test_a_year_of_payouts_leaves_nothing_unexplained_but_what_somebody_took_out(proof, memory):
    days = int(os.environ.get("PROOF_DAYS") or (365 if proof.is_long else 30))
    # The short form plays one month that is known: what payments on both sides of midnight may do is said in the guide.
    seed = proof.seed = proof.seed if proof.is_long or "PROOF_SEED" in os.environ else KNOWN
    with staged():
        years = [
            Year(memory, "salaries", seed, days, "at_auth").play(),
            Year(memory, "suppliers", seed, days, "at_bank").play(),
        ]
    ledger = Ledger.open(memory)
    ledger.act(lambda connection: None)  # the views are made
    names = ("environment", "account", "currency", "balance", "observed_at")
    snapshots = as_dicts(ledger, snapshot_table().select().with_only_columns(*[snapshot_table().c[name] for name in names]))
    told = Rollforward(snapshots, all_rows(ledger), years[0].ends)
    rows = as_dicts(ledger, text("SELECT * FROM iyzico_balance_rollforward ORDER BY local_date"))
    found = {(row["environment"], row["account"], row["currency"], row["local_date"]): row for row in rows}
    expected = {(*account, day.isoformat()): row for (*account, day), row in told.days().items()}
    assert found.keys() == expected.keys()
    for key, figures in expected.items():
        for name, value in figures.items():
            assert is_same(found[key][name], value), (key, name, found[key][name], value)
    for year in years:
        check(year, told, found)
    count, taken = sum(len(year.orders) for year in years), [amount for year in years for _, amount in year.withdrawn]
    kills = sum(
        number for (kind, *_), number in ((key, n) for year in years for key, n in year.reached.items()) if kind == "kill"
    )
    proof.tell(
        f"year: {days} days of 2 accounts, {count} batches, {kills} kills, {len(snapshots)} snapshots; unexplained is what was taken "
        f"out, {len(taken)} times, {sum(taken)} in all, and nothing else"
    )


def check(year, told, found):
    """Every withdrawal is found on its day, and no lira else is unexplained for longer than it is under way."""
    account = ("sandbox", year.account.account, "TRY")
    taken = amounts_by_day(year.withdrawn, told, account)
    topped_up = amounts_by_day([(moment, amount) for moment, _, amount in year.effects("top_up")[1:]], told, account)
    seen = [(day, found[*account, day.isoformat()]) for *who, day in sorted(told.days()) if tuple(who) == account]
    seen = [(day, row) for day, row in seen if row["closing"] is not None]
    under_way_since = Decimal(0)
    for day, row in seen:
        under_way_since += money(row["unexplained"]) + taken[day]
        assert -money(row["under_way"]) <= under_way_since <= 0, (account, day, row, taken[day])
    assert under_way_since == 0
    assert sum(money(row["unexplained"]) for _, row in seen) == -sum(amount for _, amount in year.withdrawn)
    assert sum(money(row["came_in"]) for _, row in seen) == sum(topped_up.values())
