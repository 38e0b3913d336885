"""The pause of a gate whose ledger does not answer."""

import inspect
import json
import time

from airflow.providers.common.compat.module_loading import import_string

from airflow_provider_iyzico.domain.event import GateEvent
from airflow_provider_iyzico.domain.gate import Outcome
from airflow_provider_iyzico.triggers import pause
from airflow_provider_iyzico.triggers.pause import LedgerPauseTrigger


def test_it_serializes_every_argument_as_a_json_primitive():
    given = {"iyzico_conn_id": "c", "currency": "EUR", "wakes_at": 1.5, "ends_at": 2.5}
    path, kwargs = LedgerPauseTrigger(**given).serialize()
    assert kwargs == given
    assert set(kwargs) == set(inspect.signature(LedgerPauseTrigger).parameters)
    assert import_string(path)(**json.loads(json.dumps(kwargs))).serialize() == (path, kwargs)


async def events(wakes_at, ends_at):
    return [GateEvent.read(event.payload) async for event in LedgerPauseTrigger("c", "TRY", wakes_at, ends_at).run()]


async def test_it_wakes_its_task_once_and_asks_nobody():
    ends_at = time.time() + 600
    (event,) = await events(time.time() + 0.1, ends_at)
    assert time.time() < ends_at
    assert (event.outcome, event.ends_at, event.polls) == (Outcome.WAITING, ends_at, 0)
    assert event.is_of("c", "TRY")


async def test_it_does_not_sleep_beyond_the_end_of_the_wait():
    ends_at = time.time() + 0.1
    (event,) = await events(time.time() + 86400, ends_at)
    assert event.outcome is Outcome.WAITING


async def test_a_clock_that_is_behind_that_of_the_worker_does_not_put_it_to_sleep_for_hours(monkeypatch):
    monkeypatch.setattr(pause, "LONGEST_SECONDS", 0.1)
    (event,) = await events(time.time() + 3600, time.time() + 86400)
    assert event.outcome is Outcome.WAITING
