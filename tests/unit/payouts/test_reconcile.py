"""Once a day everything that may still change is read again, and nothing is paid by that."""

from decimal import Decimal

import pytest
from batches import PERSON, task
from payers import ACCOUNT, BATCH, DAYS, NEEDED, Copied, a_batch, payments

from airflow_provider_iyzico.domain.payout import State
from airflow_provider_iyzico.errors import IyzicoRefusedError, LedgerBatchError, PayoutUnknownError
from airflow_provider_iyzico.ledger.register import register
from airflow_provider_iyzico.ledger.resolve import resolve


def another(name="bonus-2026-11"):
    return a_batch(name, [{**row, "item_external_id": f"{name}-{number}"} for number, row in enumerate(payments(1))])


def test_a_batch_whose_task_is_gone_is_brought_to_its_end(payer_on_each):
    payer = payer_on_each
    payer.pay()
    payer.wait(3600)
    done = payer.reconcile()
    assert (done.counts(), payer.state()) == (
        {"read": 1, "changed": 1, "ended": 0, "reopened": 0, "needs_person": 0},
        "authorized",
    )
    payer.wait(60)
    done = payer.reconcile()
    assert (done.ended, payer.state(), payer.hold_end()) == (1, "ended", "accounted")
    assert (payer.calls("init"), payer.calls("auth"), payer.calls("cancel")) == (1, 1, 0)


def test_a_batch_whose_task_is_gone_and_that_ends_with_unpaid_items_is_named(payer):
    payer.bank.set(fates={"item-1": "returned"})
    payer.pay()
    payer.wait(3600)
    payer.reconcile()
    payer.wait(60)
    done = payer.reconcile()
    assert done.ended == 1
    assert "1 of 3 items" in done.problems[BATCH]
    assert not done.is_passing
    assert payer.reconcile().problems == {}, "it is said once"


def test_a_payment_that_bounces_after_the_end_opens_the_batch_again_and_is_named(payer):
    payer.bank.set(durations={"DEPOSIT_SUCCESS": 3 * DAYS}, fates={"item-1": "bounced"})
    payer.pay()
    payer.follow_to_its_end()
    assert payer.state() == "ended"
    payer.wait(3 * DAYS)
    done = payer.reconcile()
    assert (done.reopened, payer.state(), payer.held()) == (1, "authorized", Decimal("103.00"))
    assert "had ended, but its items changed at iyzico" in done.problems[BATCH]
    assert "'item-1' (DEPOSIT_SUCCESS)" in done.problems[BATCH]
    payer.wait(3600)
    done = payer.reconcile()
    assert (done.ended, payer.state(), payer.held()) == (1, "ended", None)
    assert payer.calls("auth") == 1


def test_a_cancelled_batch_that_iyzico_pays_all_the_same_is_named_and_held_for(payer, caplog):
    payer.bank.set(auth_after_cancel="pay", fates={"*": "waits"})
    payer.initiate()
    payer.bank.fail("reset_then_done", on="auth", seconds=3600)
    with pytest.raises(PayoutUnknownError):
        payer.authorize()
    payer.cancel()
    assert payer.reconcile().problems == {}
    payer.wait(DAYS)
    done = payer.reconcile()
    assert "was cancelled, but iyzico pays it anyway" in done.problems[BATCH]
    assert "was cancelled, but iyzico pays it" in caplog.text
    assert (payer.state(), payer.held(), done.reopened, done.is_passing) == ("authorized", NEEDED, 1, False)
    payer.bank.set(fates={})
    payer.follow_to_its_end()
    assert (payer.state(), payer.held(), payer.effects("taken")) == ("ended", None, 3)


def test_a_person_ends_a_batch_that_iyzico_has_forgotten_and_after_some_days_it_is_named_no_more(payer):
    payer.bank.set(fates={"item-1": "return_fails"})
    payer.pay()
    payer.follow_to_its_end()
    payer.bank.world.desk._by_request_id.clear()
    assert "and no longer does" in payer.reconcile().problems[BATCH]
    resolve(payer.ledger, payer.batch(), State.ENDED, None, PERSON, "iyzico has paid the money back by bank transfer")
    assert (payer.state(), payer.held()) == ("ended", None)
    assert "and no longer does" in payer.reconcile().problems[BATCH]
    payer.wait(8 * DAYS)
    assert payer.reconcile().problems == {}


@pytest.mark.parametrize(("days", "is_read"), [(7, True), (1, False)])
def test_a_batch_that_ended_lately_is_read_again_and_an_older_one_is_not(payer, days, is_read):
    payer.pay()
    payer.follow_to_its_end()
    payer.wait(2 * DAYS)
    assert payer.reconcile(days).read == int(is_read)


def test_a_lost_answer_is_settled(payer):
    payer.initiate()
    payer.kill(payer.authorize, "authorize_mass_payout")
    payer.wait(DAYS)
    done = payer.reconcile()
    assert (done.problems, payer.state()) == ({}, "authorized")


def test_a_request_under_way_is_left_to_its_task(payer):
    payer.initiate()
    payer.kill(payer.authorize, "authorize_mass_payout")
    done = payer.reconcile()
    assert (done.read, payer.state()) == (0, "auth_sent")


@pytest.mark.parametrize("act", ["init_mass_payout", "cancel_mass_payout"])
def test_a_killed_task_that_left_an_intent_is_settled(payer, act):
    payer.bank.set(item_request_id="present")
    if act == "init_mass_payout":
        payer.kill(payer.initiate, act)
    else:
        payer.initiate()
        payer.kill(payer.cancel, act)
    payer.wait(DAYS)
    assert payer.reconcile().problems == {}
    assert payer.state() == ("initiated" if act == "init_mass_payout" else "cancelled")


def test_an_authorization_that_reading_does_not_settle_needs_a_person_and_is_named(payer):
    payer.initiate()
    payer.kill(payer.authorize, "authorize_mass_payout", before=True)
    payer.wait(DAYS)
    done = payer.reconcile()
    assert "ledger permit" in done.problems[BATCH]
    assert not done.is_passing
    assert (payer.state(), payer.held(), payer.calls("auth")) == ("auth_unknown", NEEDED, 0)


@pytest.mark.parametrize(("act", "state"), [("authorize", "authorized"), ("cancel", "cancelled")])
def test_what_somebody_did_in_the_panel_is_seen(payer, act, state):
    payer.initiate()
    getattr(payer.bank.panel, act)(BATCH)
    assert payer.reconcile().problems == {}
    assert payer.state() == state
    assert payer.held() == (NEEDED if act == "authorize" else None)


def test_a_stopped_batch_is_named_every_day_until_a_person_settles_it(payer):
    payer.initiate()
    payer.authorize_short("899.00")
    for _ in range(2):
        payer.wait(DAYS)
        assert "has stopped" in payer.reconcile().problems[BATCH]


def test_one_batch_that_cannot_be_read_hinders_no_other(payer):
    payer.pay()
    payer.pay(another())
    payer.wait(3600)
    make, request_id = payer.hook.retrieve_mass_payout, payer.batch().request_id

    def broken(request_id=None, **asked):
        if request_id == broken.of:
            raise LedgerBatchError("something is wrong with it")
        return make(request_id=request_id, **asked)

    broken.of = request_id
    payer.hook.retrieve_mass_payout = broken
    done = payer.reconcile()
    assert (done.problems, done.changed) == ({BATCH: "something is wrong with it"}, 1)
    assert not done.is_passing


def test_an_iyzico_that_is_down_is_said_to_pass(payer):
    payer.pay()
    payer.pay(another())
    payer.bank.fail("500", on="retrieve")
    done = payer.reconcile()
    assert (len(done.problems), done.is_passing) == (2, True)
    assert "2 batches need a person or could not be read:\n- " in done.said()


def test_more_than_ten_problems_are_counted(payer):
    done = payer.reconcile()
    done.problems = {str(number): f"problem {number}" for number in range(13)}
    assert done.said().count("problem ") == 10
    assert "and 3 more" in done.said()


def test_a_ledger_without_batches_has_nothing_to_read(payer):
    assert payer.reconcile().counts() == {"read": 0, "changed": 0, "ended": 0, "reopened": 0, "needs_person": 0}
    assert payer.bank.seen == []


@pytest.mark.parametrize("forgotten", ["new", "refused"])
def test_a_batch_that_iyzico_pays_and_that_a_restored_ledger_calls_new_or_refused_is_named(payer, forgotten):
    if forgotten == "new":
        register(payer.ledger, ACCOUNT, a_batch(), task())
    else:
        payer.bank.fail("failure", on="init", times=1, code="11")
        with pytest.raises(IyzicoRefusedError):
            payer.initiate()
    assert payer.reconcile().problems == {}
    copy = Copied(payer)
    payer.pay()
    copy.restore()
    done = payer.reconcile()
    assert f"is {forgotten}, but iyzico shows a batch of that name as " in done.problems[BATCH]
    assert not done.is_passing
    assert (payer.state(), payer.calls("auth")) == (forgotten, 1)
    payer.wait(8 * DAYS)
    assert payer.reconcile().problems == {}


def test_a_batch_that_a_task_hands_over_meanwhile_is_not_called_forgotten(payer, monkeypatch):
    register(payer.ledger, ACCOUNT, a_batch(), task())
    read = payer.hook.retrieve_mass_payout

    def paid_meanwhile(**asked):
        monkeypatch.setattr(payer.hook, "retrieve_mass_payout", read)
        payer.pay()
        return read(**asked)

    monkeypatch.setattr(payer.hook, "retrieve_mass_payout", paid_meanwhile)
    done = payer.reconcile()
    assert (done.problems, payer.state()) == ({}, "authorized")


def test_a_batch_that_a_task_changes_meanwhile_is_left_to_it(payer):
    payer.pay()
    payer.wait(3600)
    make = payer.hook.retrieve_mass_payout

    def meanwhile(**asked):
        payer.hook.retrieve_mass_payout = make
        found = make(**asked)
        payer.follow(who=task(task_id="pay"))
        return found

    payer.hook.retrieve_mass_payout = meanwhile
    assert payer.reconcile().problems == {}


def test_batches_of_another_currency_or_account_are_left_alone(payer):
    from dataclasses import replace

    payer.pay()
    means = payer.means()
    from airflow_provider_iyzico.payouts.reconcile import reconcile

    for other in ({"currency": "USD"}, {"account": "another"}, {"environment": "production"}):
        account = replace(means.account, **other)
        assert reconcile(replace(means, account=account), days=7, deposit_grace_seconds=1).read == 0


def test_a_killed_reconciliation_goes_on_the_next_time(payer):
    payer.pay()
    payer.wait(3600)
    payer.kill(payer.reconcile, "retrieve_mass_payout")
    payer.reconcile()
    payer.wait(60)
    assert payer.reconcile().ended == 1
