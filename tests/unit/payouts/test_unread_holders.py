"""A gate that others keep waiting reads their batches itself, where nobody else has done so lately."""

import json
import logging
import time
from types import SimpleNamespace

import pytest
from batches import set_aside
from payers import BATCH, NEEDED, a_batch, payments

from airflow_provider_iyzico.sensors import holding
from airflow_provider_iyzico.sensors.mass_payout import MassPayoutBalanceSensor

SECOND = "suppliers-2026-11"


@pytest.fixture
def gate(payer, monkeypatch):
    """Poll once the gate of a second batch, which the balance covers only when the first one has ended."""
    where = payer.ledger.engine.url.database
    monkeypatch.setenv("AIRFLOW_CONN_IYZICO_WAREHOUSE", json.dumps({"conn_type": "sqlite", "host": where}))
    monkeypatch.setattr(holding, "Ledger", SimpleNamespace(open=lambda *_, **__: payer.ledger))
    monkeypatch.setattr(MassPayoutBalanceSensor, "log", logging.getLogger("task"))
    payer.initiate()
    payer.initiate(a_batch(SECOND, payments(4, "150")))

    def poll(seconds_left=None, **given):
        ti = SimpleNamespace(dag_id="suppliers", task_id="gate", run_id="manual__1", map_index=-1, try_number=1, start_date=None)
        run = SimpleNamespace(logical_date=None, data_interval_start=None, data_interval_end=None)
        sensor = MassPayoutBalanceSensor(task_id="gate", external_id=SECOND, **given)
        sensor._ends_at = seconds_left and time.monotonic() + seconds_left
        return bool(sensor.poke({"ti": ti, "dag_run": run}))

    return poll


def test_a_gate_opens_though_nobody_follows_the_batch_that_held_its_money(payer, gate):
    """1000.00 - 309.00 paid is enough for 610.00, and too little while 309.00 are held, too."""
    payer.authorize()
    payer.wait(120)
    assert not gate(), "what it sees paid now counts a little longer, since the balance may lag behind"
    payer.wait(120)
    assert gate()
    assert payer.state() == "ended"


def test_a_gate_counts_down_the_hold_of_a_batch_no_sooner_than_it_was_told_the_balance_may_lag(payer, gate):
    payer.authorize()
    payer.wait(120)
    for _ in range(2):
        assert not gate(settling_seconds=300)
        payer.wait(120)
    assert not gate(settling_seconds=300)
    assert payer.held() == NEEDED
    payer.wait(120)
    assert gate(settling_seconds=300)


def test_a_gate_stays_shut_while_the_batch_that_holds_its_money_is_under_way(payer, gate):
    payer.authorize()
    payer.bank.set(fates={"*": "waits"})
    assert not gate()
    assert payer.held() == NEEDED


def test_a_gate_opens_when_the_batch_that_held_its_money_was_cancelled_in_the_panel(payer, gate):
    payer.bank.set(balance="900.00")
    set_aside(payer.ledger, payer.batch())
    assert not gate()
    payer.bank.panel.cancel(BATCH)
    assert not gate(), "it was read a moment ago"
    payer.wait(120)
    assert gate()
    assert (payer.state(), payer.hold_end()) == ("cancelled", "cancelled")


def test_a_holder_that_cannot_be_read_leaves_a_blocked_gate_waiting(payer, gate, caplog):
    payer.authorize()
    payer.wait(120)
    payer.bank.fail("500", on="retrieve")
    assert not gate()
    assert "asks to try again later: HTTP 500" in caplog.text


def test_a_gate_ends_in_time_though_the_batches_of_others_cannot_be_read(payer, gate):
    payer.authorize()
    payer.wait(120)
    payer.bank.fail("timeout", on="retrieve")
    began_at = time.monotonic()
    assert not gate(seconds_left=1)
    assert time.monotonic() - began_at < 4, "the Connection's timeout is 5 seconds"
