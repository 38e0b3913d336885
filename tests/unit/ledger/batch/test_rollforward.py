"""What moved money, and the roll-forward, value by value, against the second computation in ``rollforward_reference.py``."""

import random
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from batches import Walk, asked, batch_of_two, of_items, task
from payout_histories import Clock, History, all_rows, as_dicts, is_same
from rollforward_reference import Rollforward, movements
from sqlalchemy import inspect, text

from airflow_provider_iyzico.domain.payout import State
from airflow_provider_iyzico.ledger.accounts import Account
from airflow_provider_iyzico.ledger.ledger import Ledger
from airflow_provider_iyzico.ledger.placing import Placing, Wanted, place
from airflow_provider_iyzico.ledger.steps import send
from airflow_provider_iyzico.warehouse.append import append
from airflow_provider_iyzico.warehouse.snapshot import Observation, snapshot_row
from airflow_provider_iyzico.warehouse.tables import snapshot_table
from airflow_provider_iyzico.warehouse.task import TaskInstance

WHO = ("environment", "account", "currency")
#: In January nothing else happens in these databases, so that each test there has days of its own.
NOON = datetime(2026, 1, 10, 9, tzinfo=UTC)


def see(ledger, account, moment, balance):
    """Keep a snapshot."""
    amount = Decimal(balance)
    seen = Observation(account.account, account.environment, "TRY", amount, str(amount), moment, None, 5, "Europe/Istanbul")
    task = TaskInstance("d", "t", f"{account.account} {moment.isoformat()}", -1, 1, None, None, None)
    append(ledger.engine, snapshot_table(), snapshot_row(seen, task), create_table=True)
    return {
        **dict(zip(WHO, (account.environment, account.account, "TRY"), strict=True)),
        "balance": amount,
        "observed_at": moment,
    }


def snapshots(ledger, account, dice):
    """Balances of three weeks: some days have none."""
    moment, found, balance = datetime.now(UTC) - timedelta(days=22), [], Decimal(900_000)
    while (moment := moment + timedelta(hours=dice.choice([1, 5, 9, 30]), microseconds=dice.randrange(10**6))) < datetime.now(
        UTC
    ):
        balance += Decimal(dice.randrange(-300_000, 300_000)) / 100
        found.append(see(ledger, account, moment, balance))
    return found


@pytest.fixture(scope="module")
def told(ledger):
    """Histories of two accounts, and balances that have nothing to do with them."""
    seen = []
    for seed in (3, 4):
        account = Account("sandbox", f"şube {seed}", "TRY")
        seen += snapshots(ledger, account, random.Random(seed))
        History(ledger, account, seed, batches=15)
    Ledger.open(ledger.engine).act(lambda connection: None)  # a later task finds both there
    return Rollforward(seen, all_rows(ledger), ledger.act(ledger.clock))


def key_of(row, *names):
    values = [row[name] for name in (*WHO, *names)]
    return tuple(date.fromisoformat(value) if name == "local_date" and isinstance(value, str) else value
                 for name, value in zip((*WHO, *names), values, strict=True))  # fmt: skip


def rows_of(ledger, view, *names):
    rows = as_dicts(ledger, text(f"SELECT * FROM {view}"))
    found = {key_of(row, *names): row for row in rows if row["account"] in ("şube 3", "şube 4")}
    assert len(found) == sum(row["account"] in ("şube 3", "şube 4") for row in rows)
    return found


def compare(found, expected):
    assert found.keys() == expected.keys()
    for where, figures in expected.items():
        for name, value in figures.items():
            assert is_same(found[where][name], value), (where, name, found[where][name], value)


def test_every_movement_says_which_item_moved_money_and_when(ledger, told):
    expected = {
        (*key, event["item_external_id"], event["version"], direction): (event["happened_at"], amount, commission, not_before)
        for key, event, direction, amount, commission, not_before in movements(told.reports)
    }
    rows = as_dicts(ledger, text("SELECT * FROM iyzico_payout_movement"))
    names = ("environment", "account", "external_id", "item_external_id", "version", "direction")
    found = {tuple(row[name] for name in names): row for row in rows if row["account"] in ("şube 3", "şube 4")}
    assert found.keys() == expected.keys()
    for key, (moment, amount, commission, not_before) in expected.items():
        row = found[key]
        assert is_same(row["not_before"], not_before), key
        assert is_same(row["happened_at"], moment)
        assert is_same(row["amount"], amount)
        assert is_same(row["commission"], commission)
        assert row["currency"] == "TRY"
    assert {row["direction"] for row in rows} == {"left", "returned"}


def test_the_days_of_the_roll_forward_are_what_snapshots_and_payouts_say(ledger, told):
    expected = told.days()
    compare(rows_of(ledger, "iyzico_balance_rollforward", "local_date"), expected)
    assert any(row["closing"] is None for row in expected.values())
    for name in ("came_in", "left_total", "left_commission", "returned_total", "returned_commission", "under_way"):
        assert len({row[name] for row in expected.values()}) > 2, name
    assert {(row["unexplained"] or 0) > 0 for row in expected.values()} == {True, False}


def test_the_months_of_the_roll_forward_add_up_its_days(ledger, told):
    compare(rows_of(ledger, "iyzico_balance_rollforward_month", "month"), told.months())


@pytest.fixture
def day(ledger, account, told):
    """The roll-forward of one account on one day, after a payout of 100 and 200 and a commission of 2."""

    def read(*balances, statuses, minutes, hold_balance="1000", at=None):
        clock = Clock(random.Random(0))
        clock.now = NOON
        for number, balance in enumerate(balances):
            see(ledger, account, NOON + timedelta(minutes=15 * number if at is None else at[number]), balance)
        walk = Walk(replace(ledger, clock=clock), account, batch_of_two("m", "100.00", "200.00"))
        clock.now = NOON + timedelta(minutes=2)
        walk.to(State.INIT_SENT, State.INITIATED)
        clock.now = NOON + timedelta(minutes=20)
        balance = asked(walk.ledger, account, Decimal(hold_balance))
        assert place(walk.ledger, account, Wanted("m"), balance, task()).outcome is Placing.PLACED
        walk.batch = send(walk.ledger, walk.batch, State.AUTH_SENT, task(), timeout_seconds=30, asked=balance)
        walk.to(State.AUTHORIZED)
        for minute, status in zip(minutes, statuses, strict=True):
            clock.now = NOON + timedelta(minutes=minute)
            walk.read("IN_PROGRESS", of_items(status), commission_amount=Decimal(1))
        query = text(
            "SELECT * FROM iyzico_balance_rollforward WHERE account = :account AND closing IS NOT NULL ORDER BY local_date"
        )
        return [
            {name: None if row[name] is None else Decimal(str(row[name])) for name in ("came_in", "unexplained", "under_way")}
            for row in as_dicts(ledger, query.bindparams(account=account.account))
        ]

    return read


def figures(came_in, unexplained, under_way=0):
    return {"came_in": Decimal(came_in), "unexplained": Decimal(unexplained), "under_way": Decimal(under_way)}


def test_a_payout_explains_what_the_balance_lost(day):
    assert day("1000", "1000", "698", statuses=[["SUCCESS", "FAILED"]], minutes=[22]) == [figures(0, 0)]


def test_what_somebody_took_out_is_unexplained(day):
    assert day("1000", "1000", "648", statuses=[["SUCCESS", "SUCCESS"]], minutes=[22]) == [figures(0, -50)]


def test_a_return_is_no_top_up(day):
    found = day("1000", "1000", "698", "899", statuses=[["SUCCESS", "FAILED"], ["SUCCESS", "DEPOSIT_SUCCESS"]], minutes=[22, 40])
    assert found == [figures(0, 0)]


def test_a_return_that_is_seen_at_once_is_neither_top_up_nor_loss(day):
    assert day("1000", "1000", "698", "899", statuses=[["SUCCESS", "DEPOSIT_SUCCESS"]], minutes=[40]) == [figures(0, 0)]


def test_a_top_up_that_is_paid_out_before_the_next_snapshot_is_seen_when_the_money_is_set_aside(day):
    assert day("0", "0", "698", statuses=[["SUCCESS", "SUCCESS"]], minutes=[22]) == [figures(1000, 0)]


def test_a_top_up_that_hides_a_withdrawal_of_the_same_day_hides_it_only_between_two_snapshots(day):
    assert day("1000", "2000", "1698", "1648", statuses=[["SUCCESS", "SUCCESS"]], minutes=[22], hold_balance="2000") == [
        figures(1000, -50)
    ]


def test_money_that_the_ledger_does_not_know_to_have_left_is_under_way(day):
    assert day("1000", "1000", "698", statuses=[["PROCESSING", "PROCESSING"]], minutes=[22]) == [figures(0, -302, 302)]


def test_what_the_ledger_learns_after_the_newest_snapshot_is_under_way_until_the_next_one(day):
    assert day("1000", "1000", "698", statuses=[["SUCCESS", "SUCCESS"]], minutes=[40]) == [figures(0, -302, 302)]


def test_a_payment_whose_result_is_known_by_now_does_not_excuse_what_somebody_took_out_before(day):
    found = day("1000", "950", "648", at=[0, 30, DAY], statuses=[["SUCCESS", "SUCCESS"]], minutes=[DAY - 60])
    assert found == [figures(0, -50), figures(0, 0)]


DAY = 24 * 60
FAILED, BACK = ["SUCCESS", "FAILED"], ["SUCCESS", "DEPOSIT_SUCCESS"]


def test_a_return_that_the_ledger_sees_a_day_later_counts_when_the_money_was_there(day):
    found = day("1000", "698", "899", "899", at=[0, 30, DAY, 2 * DAY], statuses=[FAILED, BACK], minutes=[22, 2 * DAY - 60])
    assert found == [figures(0, 0)] * 3


def test_a_payout_that_the_ledger_sees_a_day_later_counts_when_the_money_left(day):
    found = day("1000", "698", "698", at=[0, 30, DAY], statuses=[["SUCCESS", "SUCCESS"]], minutes=[DAY - 60])
    assert found == [figures(0, 0)] * 2


def test_what_left_before_a_payout_was_sent_does_not_draw_the_payout_to_its_day(day):
    balances, moments = ("5000", "2000", "2000", "1698", "1698"), (0, 10, 30, DAY, DAY + 60)
    found = day(*balances, at=moments, statuses=[["SUCCESS", "SUCCESS"]], minutes=[DAY + 30], hold_balance="2000")
    assert found == [figures(0, -3000), figures(0, 0)]


def test_what_came_in_after_a_return_was_seen_does_not_draw_the_return_to_its_day(day):
    balances, moments = ("1000", "698", "899", "899", "1899"), (0, 30, DAY, 2 * DAY, 2 * DAY + 60)
    found = day(*balances, at=moments, statuses=[FAILED, BACK], minutes=[22, 2 * DAY - 60])
    assert found == [figures(0, 0), figures(0, 0), figures(1000, 0)]


def test_a_day_without_a_snapshot_leaves_nothing_unexplained_on_the_next_one(day):
    found = day("1000", "698", "899", at=[0, 30, 3 * DAY], statuses=[FAILED, BACK], minutes=[22, 2 * DAY - 60])
    assert found == [figures(0, 0)] * 2


def test_a_commission_that_did_not_come_back_is_unexplained(day):
    found = day("1000", "1000", "698", "898", statuses=[FAILED, BACK], minutes=[22, 40])
    assert found == [figures(0, -1)]


def test_the_views_are_made_as_soon_as_the_warehouse_is_there(ledger, told):
    names = set(inspect(ledger.engine).get_view_names())
    assert {"iyzico_balance_rollforward", "iyzico_balance_rollforward_month"} <= names
