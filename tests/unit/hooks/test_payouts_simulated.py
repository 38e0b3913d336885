"""The hook against the simulator: whatever iyzico turns out to be like, what is read is what there is, and nothing is sent twice."""

from decimal import Decimal

import pytest
from payout_answers import batch, payment
from support import connect

from airflow_provider_iyzico.errors import (
    IyzicoAnswerError,
    IyzicoError,
    IyzicoNoSuchPayoutError,
    IyzicoOutcomeUnknownError,
    Retry,
)
from airflow_provider_iyzico.hooks.iyzico import IyzicoHook
from airflow_provider_iyzico.simulator import Simulator
from airflow_provider_iyzico.simulator.switches import SWITCHES

PAYER = {"can_pay": True, "currency": "TRY"}
BAD_IBAN = "TR330006100519786457841327"
NAME = "payout-2026-11-0001"
CHOICES = [(name, choice) for name, choices in SWITCHES.items() for choice in choices]


@pytest.fixture
def bank(monkeypatch):
    """A simulator with 1000.00 whose clock stands still, behind a Connection that may pay."""
    with Simulator("1000.00", seed=7) as simulator:
        simulator.set(clock="stepped", commission="2.50")
        connect(monkeypatch, simulator, **PAYER, timeout=20)
        yield simulator


@pytest.fixture
def hook():
    hook = IyzicoHook()
    yield hook
    hook.close()


def calls(bank, name):
    return [seen for seen in bank.seen if seen.call == name]


def effects(bank, kind):
    return [effect for effect in bank.journal if effect.what == kind]


def items_of(bank):
    """Return what the simulator holds of the items of its first batch."""
    return {each["item_external_id"]: each["status"] for each in bank.payouts[0]["items"]}


def as_read(payout):
    return {one.item_external_id: one.status for one in payout.items}


def mixed():
    return batch(items=[payment("good"), payment("also-good"), payment("bad", recipient_info=BAD_IBAN)])


#: Under these a batch cannot be read, so nothing can be authorized: the answer is no JSON, or there is no page 0.
BLIND = {("merchant", "zeros"): IyzicoAnswerError, ("page_base", "1"): IyzicoNoSuchPayoutError}


@pytest.mark.parametrize(("name", "choice"), CHOICES)
def test_whatever_iyzico_is_like_what_is_read_is_what_there_is(bank, hook, name, choice):
    bank.set(**{name: choice})
    initiated = hook.init_mass_payout(mixed())
    if choice == "refused" and name == "invalid_items":
        assert (initiated.request_id, [one.item_external_id for one in initiated.invalid], bank.payouts) == (None, ["bad"], [])
        return
    if (name, choice) in BLIND:
        with pytest.raises(BLIND[name, choice]):
            hook.retrieve_mass_payout(initiated.request_id)
        return
    payout = hook.retrieve_mass_payout(initiated.request_id)
    assert as_read(payout) == items_of(bank)
    assert [one.item_external_id for one in initiated.invalid] == [
        one for one, word in items_of(bank).items() if word == "INVALID"
    ]
    assert {one.total_amount for one in payout.items} == {Decimal("100.50")}
    assert {one.commission_amount for one in payout.items if one.status == "INIT"} <= {Decimal("2.50"), Decimal(0), None}
    hook.authorize_mass_payout(initiated.request_id)
    bank.advance(3600)
    assert as_read(hook.retrieve_mass_payout(external_id=NAME)) == items_of(bank)
    for one in payout.items:
        assert hook.retrieve_mass_payout_item(one.reference_code).status == items_of(bank)[one.item_external_id]
    assert (len(calls(bank, "init")), len(calls(bank, "auth")), len(effects(bank, "auth"))) == (1, 1, 1)
    assert not any(seen.refusal for seen in bank.seen)


@pytest.mark.parametrize("choice", SWITCHES["nothing_found"])
@pytest.mark.parametrize("code", ["text", "number"])
def test_a_batch_that_is_not_there_is_told_apart_from_everything_else(bank, hook, choice, code):
    bank.set(nothing_found=choice, error_code=code)
    for ask in (
        lambda: hook.retrieve_mass_payout(external_id="never-sent"),
        lambda: hook.retrieve_mass_payout("79cdefc1-3ce6"),
        lambda: hook.retrieve_mass_payout_item("79cdefc1-3ce6"),
    ):
        with pytest.raises(IyzicoNoSuchPayoutError):
            ask()


def test_pages_that_iyzico_cuts_short_are_read_to_the_end(bank, hook):
    bank.set(large_page="cut", max_page_size=7)
    names = [f"line-{number}" for number in range(45)]
    request_id = hook.init_mass_payout(batch(items=[payment(name, amount=Decimal(1)) for name in names])).request_id
    assert list(as_read(hook.retrieve_mass_payout(request_id))) == names
    assert len(calls(bank, "retrieve")) == 7 + 1


LOST = ["cut", "truncated", "done_then_reset", "done_then_status", "done_then_html"]


@pytest.mark.parametrize("fault", LOST)
def test_what_iyzico_did_without_our_seeing_the_answer_was_done_once_and_can_be_read_back(bank, hook, fault):
    bank.fail(fault, on="init", times=1)
    with pytest.raises(IyzicoOutcomeUnknownError) as caught:
        hook.init_mass_payout(batch())
    assert caught.value.retry is Retry.READ_BACK_FIRST
    assert hook.retrieve_mass_payout(external_id=NAME).status == "INIT"
    request_id = bank.payouts[0]["request_id"]
    bank.fail(fault, on="auth", times=1)
    with pytest.raises(IyzicoOutcomeUnknownError):
        hook.authorize_mass_payout(request_id)
    assert hook.retrieve_mass_payout(request_id).status == "IN_PROGRESS"
    assert (len(calls(bank, "init")), len(calls(bank, "auth"))) == (1, 1)
    assert (len(effects(bank, "init")), len(effects(bank, "auth"))) == (1, 1)


@pytest.mark.parametrize("fault", LOST)
def test_a_cancel_that_was_not_seen_was_done_once_and_can_be_read_back(bank, hook, fault):
    request_id = hook.init_mass_payout(batch()).request_id
    bank.fail(fault, on="cancel", times=1)
    with pytest.raises(IyzicoOutcomeUnknownError):
        hook.cancel_mass_payout(request_id)
    payout = hook.retrieve_mass_payout(request_id)
    assert (payout.status, set(as_read(payout).values())) == ("CANCELED", {"MASS_PAYOUT_CANCELED"})
    assert (len(calls(bank, "cancel")), len(effects(bank, "cancel"))) == (1, 1)


def test_a_refusal_that_nobody_documented_is_unknown_until_it_is_read_back(bank, hook):
    bank.set(auth_twice="refuse")
    request_id = hook.init_mass_payout(batch()).request_id
    hook.authorize_mass_payout(request_id)
    with pytest.raises(IyzicoOutcomeUnknownError) as caught:
        hook.authorize_mass_payout(request_id)
    assert caught.value.code is not None
    assert len(effects(bank, "auth")) == 1


def test_a_batch_of_three_pages_is_read_whole_while_it_is_being_paid(bank, hook):
    request_id = hook.init_mass_payout(
        batch(items=[payment(f"line-{number}", amount=Decimal(1)) for number in range(100)])
    ).request_id
    bank.set(item_order="last_changed_first", balance="100000")
    hook.authorize_mass_payout(request_id)
    for _ in range(6):
        bank.advance(0.5)
        try:
            payout = hook.retrieve_mass_payout(request_id)
        except IyzicoError as error:
            assert error.retry is Retry.SAFE  # noqa: PT017 - the pages shifted
        else:
            assert as_read(payout) == items_of(bank)
    bank.advance(3600)
    assert set(as_read(hook.retrieve_mass_payout(request_id)).values()) == {"SUCCESS"}
