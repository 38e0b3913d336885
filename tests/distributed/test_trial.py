"""Nothing is lost and nothing is doubled with two of everything, whatever is killed. Not in ``make test``: ``make distributed``."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from itertools import pairwise

import pytest
from deployment import TRIGGERERS
from journal import entries
from judge import violations, wrong_batches
from payroll import PEOPLE
from secrets_search import finds_personal
from stack import session_of
from trial import ACCOUNTS, COMMISSION, NEEDED, PAYOUTS, PLAIN, POLL_SECONDS, RETURNED, SNAPSHOT_RUNS, STEPS, items_of

pytestmark = pytest.mark.timeout(1800)


def effects(simulator, what):
    return [effect for effect in simulator.journal if effect.what == what]


def test_every_run_succeeded(trial):
    states = Counter((dag_id, state) for (dag_id, _), state in trial.airflow.runs().items())
    assert states == {
        ("payout", "success"): PAYOUTS,
        ("plain", "success"): len(PLAIN),
        ("snapshot", "success"): SNAPSHOT_RUNS + 1,
    }


def test_all_that_was_to_go_wrong_went_wrong(trial):
    assert len(trial.fallen) == 1, "a worker died in an authorization"
    assert set(trial.redelivery.again) == {"start", "gate", "pay", "wait", "keep"}
    assert all(len(begun) > 1 for name, begun in trial.airflow.begun.items() if name.startswith("scheduler"))


def test_every_batch_was_stored_and_authorized_exactly_once(trial):
    assert Counter(trial.authorizations()) == dict.fromkeys(NEEDED, 1)
    assert Counter(str(effect.external_id) for effect in effects(trial.payouts, "init")) == dict.fromkeys(NEEDED, 1)
    assert {effect.external_id: Decimal(effect.needed) for effect in effects(trial.payouts, "auth")} == NEEDED
    assert not effects(trial.payouts, "stopped"), "no batch was authorized without its money"


def test_every_item_was_paid_once_or_came_back_once(trial):
    items = {item: number for number in range(PAYOUTS) for item in items_of(number)}
    returned = {item for item, number in items.items() if number % RETURNED == 0 and item.endswith("-0")}
    for what, which in (("taken", set(items)), ("paid", set(items) - returned), ("returned", returned)):
        assert Counter(effect.item_external_id for effect in effects(trial.payouts, what)) == dict.fromkeys(which, 1), what


def test_the_balance_equation_holds_to_the_kurus(trial):
    came_in = sum((Decimal(effect.amount) for effect in effects(trial.payouts, "top_up")), Decimal())
    returned = len(range(0, PAYOUTS, RETURNED))
    query = "SELECT status, amount, commission FROM iyzico_payout_item"
    kept = [(status, Decimal(amount), Decimal(commission)) for status, amount, commission in trial.kept(query)]
    assert Counter(status for status, _, _ in kept) == Counter(SUCCESS=2 * PAYOUTS - returned, DEPOSIT_SUCCESS=returned)
    assert {commission for _, _, commission in kept} == {COMMISSION}
    left = sum((amount + commission for status, amount, commission in kept if status == "SUCCESS"), Decimal())
    last = "SELECT balance FROM iyzico_balance_latest WHERE account = 'payouts'"
    ((balance,),) = trial.kept(last)
    assert came_in - left == Decimal(balance) == Decimal(trial.payouts.balance)
    assert trial.kept("SELECT state, count(*) FROM iyzico_payout GROUP BY 1") == [("ended", PAYOUTS)]
    assert trial.kept("SELECT sum(counted) FROM iyzico_balance_hold") == [(0,)]


def test_what_was_set_aside_was_each_batchs_own_and_never_more_than_the_balance(trial):
    holds = trial.kept("SELECT external_id, amount FROM iyzico_balance_hold")
    assert Counter(name for name, _ in holds) == dict.fromkeys(NEEDED, 1)
    assert {name: Decimal(amount) for name, amount in holds} == NEEDED
    assert violations(entries(trial.warehouse)) + wrong_batches(trial.warehouse) == []


def test_no_snapshot_was_lost_and_none_doubled(trial):
    runs = {run_id for dag_id, run_id in trial.airflow.runs() if dag_id == "snapshot"}
    kept = trial.kept("SELECT run_id, map_index, account FROM iyzico_balance_snapshot")
    assert Counter(map(tuple, kept)) == {(run_id, place, account): 1 for run_id in runs for place, account in enumerate(ACCOUNTS)}


def test_every_plain_gate_opened_on_the_first_balance_that_covers_its_own_amount(trial):
    gates = trial.kept("SELECT batch_total, last_balance, outcome FROM iyzico_payout_gate WHERE dag_id = 'plain' ORDER BY 1")
    assert [tuple(gate) for gate in gates] == [
        (amount, next(step for step in STEPS if step >= amount), "opened") for amount in PLAIN
    ]


def test_every_gate_of_a_payout_opened_for_its_own_batch(trial):
    query = """
        SELECT payout.external_id, gate.batch_total, gate.last_balance, gate.outcome
        FROM iyzico_payout_gate AS gate JOIN iyzico_payout AS payout ON payout.run_id = gate.run_id AND gate.dag_id = 'payout'"""
    gates = trial.kept(query)
    assert {name: Decimal(total) for name, total, _, _ in gates} == NEEDED
    assert len(gates) == PAYOUTS
    assert all(balance >= total and outcome == "opened" for _, total, balance, outcome in gates)


@pytest.mark.parametrize("account", ACCOUNTS)
def test_a_triggerer_polls_an_account_once_per_interval_however_many_gates_wait(trial, account):
    lives = [life for triggerer in TRIGGERERS for life in trial.polls(account, triggerer)]
    pauses = [then - at for life in lives for at, then in pairwise(life)]
    assert len(pauses) > 5
    assert min(pauses) > POLL_SECONDS - 0.5


def test_nothing_of_a_recipient_is_in_any_log(trial):
    recipients = [(info, name) for _, info, name, _ in PEOPLE.values()]
    assert finds_personal(recipients, [trial.folder / "home", trial.folder / "processes"]) == []


def test_no_process_is_left(trial):
    assert [leader.args for leader in trial.airflow.leaders if leader.poll() is None or session_of(leader.pid)] == []
