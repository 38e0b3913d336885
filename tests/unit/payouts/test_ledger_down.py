"""A ledger that goes away before, during or after a request: nothing is done twice, and nothing is lost."""

import pytest
from batches import task
from payers import BATCH, NEEDED

from airflow_provider_iyzico.errors import IyzicoError, PayoutUnknownError, Retry, WarehouseUnavailableError
from airflow_provider_iyzico.ledger.placing import Wanted, place
from airflow_provider_iyzico.payouts import authorize, cancel, initiate
from airflow_provider_iyzico.payouts import means as means_module

ACTS = {"init": initiate, "auth": authorize, "cancel": cancel}
#: How the batch ends, and how far its task was when the ledger went away.
WANTED = {"init": "initiated", "auth": "authorized", "cancel": "cancelled"}


@pytest.fixture
def down(monkeypatch):
    """Let a function of the ledger fail once, before or after it has done its work."""

    def arrange(module, name, *, is_done):
        act = getattr(module, name)

        def fails(*given, **more):
            monkeypatch.setattr(module, name, act)
            if is_done:
                act(*given, **more)
            raise WarehouseUnavailableError("the ledger did not answer; a retry is safe")

        monkeypatch.setattr(module, name, fails)

    return arrange


def act_of(payer, call):
    """Return what makes the call; before it, iyzico has the batch, and a gate has set its money aside."""
    if call != "init":
        batch = payer.initiate()
        place(payer.ledger, batch.account, Wanted(BATCH), payer.means().balance(), task(task_id="gate"))
    return {"init": payer.initiate, "auth": payer.authorize, "cancel": payer.cancel}[call]


@pytest.mark.parametrize("call", ACTS)
@pytest.mark.parametrize("is_done", [False, True], ids=["before it committed", "after it committed"])
def test_a_ledger_that_fails_at_the_intent_sends_nothing_and_a_retry_goes_on(payer, down, call, is_done):
    payer.bank.set(item_request_id="present")
    act = act_of(payer, call)
    down(ACTS[call], "send", is_done=is_done)
    with pytest.raises(WarehouseUnavailableError) as caught:
        act()
    assert caught.value.retry is Retry.SAFE
    assert payer.calls(call) == 0
    if call == "auth" and is_done:
        with pytest.raises(PayoutUnknownError):  # nobody knows whether the byte left
            act()
        assert (payer.calls("auth"), payer.held()) == (0, NEEDED)
        return
    for _ in range(2):
        try:
            act()
        except IyzicoError as error:
            assert error.retry is Retry.SAFE  # noqa: PT017 - a cancel that was not sent is told once
    assert (payer.state(), payer.calls(call)) == (WANTED[call], 1)


@pytest.mark.parametrize("call", ACTS)
@pytest.mark.parametrize("is_done", [False, True], ids=["before it committed", "after it committed"])
def test_a_ledger_that_fails_after_the_request_loses_nothing_and_sends_nothing_twice(payer, down, call, is_done):
    payer.bank.set(item_request_id="present")
    act = act_of(payer, call)
    down(ACTS[call], "initiated" if call == "init" else "step_by_others" if call == "cancel" else "step", is_done=is_done)
    with pytest.raises(WarehouseUnavailableError):
        act()
    assert payer.calls(call) == 1
    assert act().state == WANTED[call]
    assert payer.calls(call) == 1


def test_a_ledger_that_is_down_from_the_start_sends_nothing(payer, down):
    payer.initiate()
    asked = len(payer.bank.seen)
    down(means_module, "find", is_done=False)
    with pytest.raises(WarehouseUnavailableError):
        payer.authorize()
    assert len(payer.bank.seen) == asked
    assert payer.authorize().state == "authorized"


def test_while_a_batch_is_followed_the_ledger_may_go_away_and_come_back(payer, down):
    from airflow_provider_iyzico.payouts import follow

    payer.pay()
    payer.wait(3600)
    down(follow, "record", is_done=False)
    with pytest.raises(WarehouseUnavailableError):
        payer.follow()
    assert payer.follow_to_its_end().batch.state == "ended"
    assert payer.effects("auth") == 1
    assert payer.batch(BATCH).ended_at is not None
