"""A batch is cancelled if nobody has authorized it, and only a read that says so counts."""

import pytest
from batches import PERSON, task
from payers import BATCH, NEEDED, a_batch

from airflow_provider_iyzico.domain.payout import State
from airflow_provider_iyzico.errors import IyzicoError, IyzicoUnavailableError, LedgerBatchError, PayoutUnknownError, Retry
from airflow_provider_iyzico.ledger.placing import Wanted, place
from airflow_provider_iyzico.ledger.resolve import resolve

LOST = ["done_then_reset", "cut", "truncated", "done_then_html", "done_then_status"]


@pytest.fixture
def ready(payer):
    """A batch that iyzico knows, with its money held by a gate."""
    batch = payer.initiate()
    place(payer.ledger, batch.account, Wanted(BATCH), payer.means().balance(), task(task_id="gate"))
    return payer


def test_a_cancelled_batch_gives_its_money_back_and_is_never_paid(payer_on_each):
    payer = payer_on_each
    batch = payer.initiate()
    place(payer.ledger, batch.account, Wanted(BATCH), payer.means().balance(), task(task_id="gate"))
    assert payer.cancel().state == "cancelled"
    assert payer.hold_end() == "cancelled"
    assert payer.steps()[-2:] == ["cancel_sent", "cancelled"]
    assert set(payer.items().values()) == {"MASS_PAYOUT_CANCELED"}
    with pytest.raises(LedgerBatchError, match="was cancelled"):
        payer.authorize()


def test_cancelling_twice_is_no_error_and_sends_nothing_more(ready):
    ready.cancel()
    assert ready.cancel().state == "cancelled"
    assert ready.calls("cancel") == 1


def test_a_cancel_is_confirmed_though_iyzico_lists_cancelled_items_neither_as_valid_nor_as_invalid(ready):
    ready.bank.set(valid_items="not_ended_badly")
    assert (ready.cancel().state, ready.hold_end()) == ("cancelled", "cancelled")
    assert set(ready.items().values()) == {"MASS_PAYOUT_CANCELED"}
    asked = ready.calls("item")
    assert ready.reconcile().problems == {}
    assert (asked, ready.calls("item")) == (3, 3)


def test_a_cancel_that_iyzico_refuses_is_no_cancel_and_the_hold_stays(ready):
    ready.bank.fail("failure", on="cancel", times=1, code="11")
    with pytest.raises(IyzicoUnavailableError, match="was not cancelled .*nothing was paid, and a retry is safe") as caught:
        ready.cancel()
    assert caught.value.retry is Retry.SAFE
    assert (ready.state(), ready.held()) == ("initiated", NEEDED)
    assert ready.cancel().state == "cancelled"


@pytest.mark.parametrize("fault", LOST)
def test_a_cancel_whose_answer_was_not_seen_is_read_back(ready, fault):
    ready.bank.fail(fault, on="cancel", times=1)
    assert ready.cancel().state == "cancelled"
    assert ready.calls("cancel") == 1


def test_a_cancel_that_never_arrived_leaves_the_batch_as_it_was(ready):
    ready.bank.fail("reset", on="cancel", times=1)
    with pytest.raises(IyzicoUnavailableError, match="a retry is safe"):
        ready.cancel()
    assert ready.steps()[-3:] == ["cancel_sent", "cancel_unknown", "initiated"]
    assert ready.authorize().state == "authorized"


def test_words_of_the_batch_that_lag_behind_its_items_are_waited_for(ready):
    ready.bank.set(batch_lag_seconds=30)
    assert ready.cancel().state == "cancelled"
    assert "authorized" not in ready.steps()


def test_words_that_lag_for_longer_leave_it_unknown_and_a_retry_settles_it(ready):
    ready.bank.set(batch_lag_seconds=300)
    with pytest.raises(IyzicoUnavailableError, match="its items contradict that.*a retry"):
        ready.cancel()
    assert (ready.state(), ready.held()) == ("cancel_unknown", NEEDED)
    ready.wait(300)
    assert ready.cancel().state == "cancelled"
    assert ready.calls("cancel") == 1


def test_a_batch_that_pays_cannot_be_cancelled_and_its_hold_stays(ready):
    ready.authorize()
    with pytest.raises(LedgerBatchError, match="is authorized: iyzico was told to pay it, and nothing can take that back"):
        ready.cancel()
    assert (ready.calls("cancel"), ready.held()) == (0, NEEDED)
    ready.follow_to_its_end()
    with pytest.raises(LedgerBatchError, match="is ended"):
        ready.cancel()


@pytest.mark.parametrize("cancel_after_auth", ["refuse", "ignore"])
def test_where_somebody_authorizes_while_we_cancel_the_read_decides(ready, cancel_after_auth):
    ready.bank.set(cancel_after_auth=cancel_after_auth)
    send = ready.hook.cancel_mass_payout

    def late(request_id, **options):
        ready.bank.panel.authorize(BATCH)
        return send(request_id, **options)

    ready.hook.cancel_mass_payout = late
    with pytest.raises(LedgerBatchError, match="is authorized"):
        ready.cancel()
    assert (ready.state(), ready.held()) == ("authorized", NEEDED)
    assert ready.follow_to_its_end().batch.state == "ended"


def test_a_batch_that_somebody_cancelled_in_the_panel_is_cancelled_without_a_request(ready):
    ready.bank.panel.cancel(BATCH)
    assert ready.cancel().state == "cancelled"
    assert (ready.calls("cancel"), ready.hold_end()) == (0, "cancelled")


def test_a_cancel_waits_for_an_authorization_that_is_under_way(ready):
    ready.kill(ready.authorize, "authorize_mass_payout")
    with pytest.raises(LedgerBatchError, match="is authorized"):
        ready.cancel()
    assert ready.calls("cancel") == 0
    assert sum(ready.paused) >= 90


def test_a_task_that_was_killed_while_it_cancelled_is_settled_by_the_next_try(ready):
    ready.kill(ready.cancel, "cancel_mass_payout", before=True)
    with pytest.raises(IyzicoUnavailableError, match="was not cancelled"):
        ready.cancel()
    assert ready.cancel().state == "cancelled"
    assert ready.calls("cancel") == 1


def test_a_sender_that_wakes_after_its_deadline_sends_nothing_and_says_so(ready, monkeypatch):
    from airflow_provider_iyzico.payouts import cancel as module

    ready.commits_slowly(monkeypatch, module)
    with pytest.raises(IyzicoUnavailableError, match="the ledger took too long, so nothing was sent"):
        ready.cancel()
    assert (ready.calls("cancel"), ready.state()) == (0, "initiated")


def test_a_batch_that_iyzico_does_not_know_needs_no_cancel(payer):
    with pytest.raises(LedgerBatchError, match="run MassPayoutInitOperator"):
        payer.cancel()
    payer.bank.fail("500", on="retrieve")
    with pytest.raises(IyzicoError):
        payer.initiate()
    with pytest.raises(LedgerBatchError, match="there is nothing to cancel"):
        payer.cancel()


def test_a_person_ends_a_batch_that_iyzico_has_forgotten_and_its_payments_are_made_under_another_name(ready):
    ready.bank.world.desk._by_request_id.clear()
    assert "and no longer does" in ready.reconcile().problems[BATCH]
    kept = resolve(ready.ledger, ready.batch(), State.CANCELLED, None, PERSON, "iyzico's support has purged it")
    assert (kept.state, ready.held()) == ("cancelled", None)
    assert ready.pay(a_batch("salaries-again")).state == "authorized"


@pytest.mark.parametrize("as_sent", [True, False])
def test_a_person_ends_a_batch_that_iyzico_has_forgotten_after_its_cancel_went_unanswered(ready, as_sent):
    ready.kill(ready.cancel, "cancel_mass_payout")
    ready.bank.world.desk._by_request_id.clear()
    ready.wait(120)
    if not as_sent:
        assert "and no longer does" in ready.reconcile().problems[BATCH]
    assert ready.state() == ("cancel_sent" if as_sent else "cancel_unknown")
    for after in (State.INITIATED, State.AUTHORIZED):
        with pytest.raises(LedgerBatchError, match=f"contradicts {after}"):
            resolve(ready.ledger, ready.batch(), after, None, PERSON, "nobody finds it")
    kept = resolve(ready.ledger, ready.batch(), State.CANCELLED, None, PERSON, "iyzico's support has purged it")
    assert (kept.state, ready.held()) == ("cancelled", None)
    assert ready.pay(a_batch("salaries-again")).state == "authorized"


def test_a_batch_that_never_came_to_iyzico_is_new_again_and_not_cancelled(payer):
    payer.kill(payer.initiate, "init_mass_payout", before=True)
    payer.wait(120)
    resolve(payer.ledger, payer.batch(), State.INIT_UNKNOWN, None, PERSON, "nobody finds it")
    with pytest.raises(LedgerBatchError, match="contradicts cancelled"):
        resolve(payer.ledger, payer.batch(), State.CANCELLED, None, PERSON, "nobody finds it")
    assert resolve(payer.ledger, payer.batch(), State.NEW, None, PERSON, "nobody finds it").state is State.NEW


def test_a_person_ends_a_forgotten_batch_whose_pay_task_was_killed(ready):
    ready.kill(ready.authorize, "authorize_mass_payout")
    ready.bank.world.desk._by_request_id.clear()
    ready.wait(120)
    for after in (State.AUTHORIZED, State.ENDED):
        resolve(ready.ledger, ready.batch(), after, None, PERSON, "iyzico's support says that it was paid")
    assert (ready.state(), ready.held()) == ("ended", None)


def test_a_person_ends_a_forgotten_batch_with_an_authorization_in_doubt_and_until_then_its_money_is_held(ready):
    ready.bank.fail("reset_then_done", on="auth", times=1, seconds=3600)
    with pytest.raises(PayoutUnknownError):
        ready.authorize()
    ready.bank.world.desk._by_request_id.clear()
    resolve(ready.ledger, ready.batch(), State.AUTHORIZED, None, PERSON, "iyzico's support says that it was paid")
    assert (ready.state(), ready.held()) == ("authorized", NEEDED)
    resolve(ready.ledger, ready.batch(), State.ENDED, None, PERSON, "iyzico's support says that it was paid")
    assert (ready.state(), ready.held()) == ("ended", None)


def test_a_forgotten_batch_with_an_authorization_in_doubt_is_not_called_cancelled(ready):
    ready.bank.fail("reset_then_done", on="auth", times=1, seconds=3600)
    with pytest.raises(PayoutUnknownError):
        ready.authorize()
    ready.bank.world.desk._by_request_id.clear()
    with pytest.raises(LedgerBatchError, match="contradicts cancelled"):
        resolve(ready.ledger, ready.batch(), State.CANCELLED, None, PERSON, "nobody finds it")
    assert ready.held() == NEEDED
