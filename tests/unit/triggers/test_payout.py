"""MassPayoutTrigger: it follows an authorized batch, changes nothing, and keeps nothing personal."""

import asyncio
import inspect
import json
import time

import pytest
from airflow.providers.common.compat.module_loading import import_string
from payers import IBANS, a_batch
from support import connect

from airflow_provider_iyzico.errors import IyzicoConfigurationError
from airflow_provider_iyzico.hooks.iyzico import IyzicoHook
from airflow_provider_iyzico.simulator import Simulator
from airflow_provider_iyzico.triggers import payout
from airflow_provider_iyzico.triggers.mass_payout import MassPayoutTrigger


@pytest.fixture
def bank(monkeypatch):
    with Simulator("1000.00", seed=12) as simulator:
        simulator.set(clock="stepped", commission="2.50")
        connect(monkeypatch, simulator, can_pay=True, currency="TRY")
        monkeypatch.setattr(payout, "SETTLING_SECONDS", 0.05)
        yield simulator


@pytest.fixture
def request_id(bank):
    """A batch that iyzico is told to pay."""
    hook = IyzicoHook()
    request_id = hook.init_mass_payout(a_batch()).request_id
    hook.authorize_mass_payout(request_id)
    hook.close()
    return request_id


def trigger(request_id="r", wake_in=20.0, **more):
    given = {"iyzico_conn_id": "iyzico_default", "external_id": "salaries-2026-11", "poll_seconds": 0.1, **more}
    return MassPayoutTrigger(request_id=request_id, wake_at=time.time() + wake_in, **given)


async def event(one):
    (fired,) = [each async for each in one.run()]
    return fired.payload


def test_it_is_written_down_with_every_argument_and_made_again_from_that():
    one = trigger()
    path, arguments = one.serialize()
    assert set(arguments) == set(inspect.signature(MassPayoutTrigger.__init__).parameters) - {"self"}
    assert json.loads(json.dumps(arguments)) == arguments
    again = import_string(path)(**json.loads(json.dumps(arguments)))
    assert again.serialize() == one.serialize()


async def test_it_fires_when_every_item_is_decided(bank, request_id):
    bank.advance(3600)
    told = await event(trigger(request_id))
    assert told["why"] == "decided"
    assert "salaries-2026-11: COMPLETED: 3 SUCCESS" in told["message"]


async def test_it_waits_while_an_item_is_under_way_and_wakes_the_task_in_time(bank, request_id):
    bank.advance(3)
    asked = len(bank.seen)
    told = await event(trigger(request_id, wake_in=0.8))
    assert told["why"] == "time"
    assert len(bank.seen) > asked


async def test_it_survives_a_restart_of_the_triggerer(bank, request_id):
    path, arguments = trigger(request_id).serialize()
    first = import_string(path)(**arguments).run()
    await first.aclose()
    bank.advance(3600)
    assert (await event(import_string(path)(**arguments)))["why"] == "decided"


async def test_what_is_over_when_it_starts_fires_at_once(bank, request_id):
    assert (await event(trigger(request_id, wake_in=-100)))["why"] == "time"


async def test_a_stopped_batch_is_shown_to_the_task(bank):
    hook = IyzicoHook()
    request_id = hook.init_mass_payout(a_batch()).request_id
    bank.panel.withdraw("990.00")
    hook.authorize_mass_payout(request_id)
    hook.close()
    bank.advance(1)
    told = await event(trigger(request_id))
    assert (told["why"], "INSUFFICIENT_BALANCE" in told["message"]) == ("decided", True)


async def test_a_batch_called_failed_while_an_item_is_at_the_bank_is_not_decided(bank, request_id):
    bank.set(batch_words={"PUBLISHED_TO_QUEUE": "FAIL"})
    bank.advance(2.5)
    assert {item["status"] for item in bank.payouts[0]["items"]} == {"PROCESSING"}
    assert (await event(trigger(request_id, wake_in=0.8)))["why"] == "time"


async def test_a_status_that_nobody_documented_is_not_decided(bank, request_id):
    bank.set(item_words={"SUCCESS": "SETTLED"})
    bank.advance(3600)
    assert (await event(trigger(request_id, wake_in=0.8)))["why"] == "time"


async def test_an_iyzico_that_is_down_is_polled_on(bank, request_id):
    bank.fail("503", on="retrieve", times=8)
    bank.advance(3600)
    assert (await event(trigger(request_id)))["why"] == "decided"


async def test_an_error_that_lasts_wakes_the_task_at_once(bank, request_id):
    bank.fail("401", on="retrieve")
    told = await event(trigger(request_id))
    assert told["why"] == "failed"


async def test_all_who_follow_one_batch_share_one_poll(bank, request_id):
    bank.advance(2.5)
    asked = len(bank.seen)
    await event(trigger(request_id, wake_in=1.5, poll_seconds=0.3))
    alone = len(bank.seen) - asked
    told = await asyncio.gather(*[event(trigger(request_id, wake_in=1.5, poll_seconds=0.3)) for _ in range(8)])
    assert {each["why"] for each in told} == {"time"}
    assert len(bank.seen) - asked - alone < 3 * alone
    bank.advance(3600)
    told = await asyncio.gather(*[event(trigger(request_id)) for _ in range(3)])
    assert {each["why"] for each in told} == {"decided"}


async def test_it_changes_nothing_and_says_nothing_personal(bank, request_id, caplog):
    caplog.set_level("DEBUG")
    bank.advance(3600)
    effects = len(bank.journal)
    asked = len(bank.seen)
    one = trigger(request_id)
    told = await event(one)
    assert {seen.call for seen in bank.seen[asked:]} == {"retrieve"}
    assert len(bank.journal) == effects
    written = caplog.text + repr(told) + repr(one.serialize())
    for iban in IBANS:
        assert iban not in written


@pytest.mark.parametrize("wrong", [{"poll_seconds": -1}, {"poll_seconds": float("inf")}, {"poll_seconds": None}])
def test_a_time_that_is_none_is_refused(wrong):
    with pytest.raises(IyzicoConfigurationError, match="poll_seconds"):
        trigger(**wrong)
