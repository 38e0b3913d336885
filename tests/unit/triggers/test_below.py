"""A watcher for a balance that falls below an amount, fed with what its stream would give it."""

import time
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from airflow_provider_iyzico.domain.event import GateEvent
from airflow_provider_iyzico.errors import GateEventError, IyzicoConfigurationError, IyzicoMoneyError, IyzicoUnavailableError
from airflow_provider_iyzico.triggers import mass_payout as module
from airflow_provider_iyzico.triggers.mass_payout import MassPayoutBalanceTrigger
from airflow_provider_iyzico.triggers.polling import Poll

NOW = datetime(2026, 11, 30, 13, 29, tzinfo=UTC)


class Store:
    """What Airflow 3.3 gives a watcher to remember by."""

    def __init__(self):
        self.kept = {}
        self.failing_writes = 0

    async def aget(self, key, default=None):
        return self.kept.get(key, default)

    async def aset(self, key, value):
        self.failing_writes -= 1
        if self.failing_writes >= 0:
            raise OSError("the database is away")
        self.kept[key] = value


def below(store=None, **parameters):
    watching = MassPayoutBalanceTrigger(
        **{"iyzico_conn_id": "c", "batch_total": "500.00", "direction": "below", "poll_seconds": 0.05, **parameters}
    )
    watching.asset_state_store = store
    return watching


def covers(store):
    return below(store, direction="covers")


async def fired(watching, *seen):
    """The events of a watcher that saw these balances or errors, one poll each."""

    async def stream():
        for each in seen:
            if isinstance(each, str):
                each = module.Balance(Decimal(each), each, None, NOW, NOW, 1)
            yield Poll(each, str(each), "c (payroll, production)", time.monotonic())

    return [event.payload async for event in watching.filter_shared_stream(stream())]


async def balances(watching, *seen):
    return [event["balance"] for event in await fired(watching, *seen)]


async def test_it_fires_once_when_the_balance_falls_below_the_amount():
    assert await balances(below(), "500.00", "499.99", "499.98", "10.00") == ["499.99"]


async def test_it_fires_again_only_after_the_amount_was_there_in_between():
    assert await balances(below(), "500.00", "1.00", "499.99", "2.00", "500.00", "3.00") == ["1.00", "3.00"]


async def test_a_balance_that_was_low_from_the_start_did_not_fall():
    assert await balances(below(), "1.00", "2.00") == []


async def test_headroom_is_part_of_the_amount():
    assert await balances(below(headroom="100"), "600.00", "599.99") == ["599.99"]


async def test_an_iyzico_that_does_not_answer_is_no_low_balance():
    down = IyzicoUnavailableError("HTTP 503")
    assert await balances(below(), "500.00", down, "500.00", down) == []
    assert await balances(below(), "500.00", down, "1.00") == ["1.00"]


async def test_a_connection_of_another_currency_fires_nothing():
    lira = module.Balance(Decimal(1), "1", None, NOW, NOW, 1, currency="TRY")
    assert await balances(below(currency="EUR"), "500.00", lira) == []


async def test_the_event_tells_what_fell_and_when():
    (event,) = await fired(below(), "500.00", "499.99")
    assert event == {
        "status": "below",
        "message": "c (payroll, production): balance 499.99 TRY, below 500.00",
        "balance": "499.99",
        "amount": "500.00",
        "currency": "TRY",
        "iyzico_conn_id": "c",
        "observed_at": NOW.isoformat(),
    }


async def test_no_gate_takes_the_event_for_one_of_its_own():
    (event,) = await fired(below(), "500.00", "499.99")
    with pytest.raises(GateEventError):
        GateEvent.read(event)


async def test_after_a_restart_it_does_not_fire_again():
    store = Store()
    assert await balances(below(store), "500.00", "1.00") == ["1.00"]
    assert await balances(below(store), "1.00", "0.50") == []


async def test_a_fall_while_no_triggerer_ran_fires_when_one_runs_again():
    store = Store()
    assert await balances(below(store), "500.00") == []
    assert await balances(below(store), "1.00") == ["1.00"]


async def test_nothing_fires_before_it_is_remembered():
    store = Store()
    assert await balances(below(store), "500.00") == []
    store.failing_writes = 2
    assert await balances(below(store), "3.00", "2.00", "1.00") == ["1.00"]


async def test_watchers_of_both_directions_on_one_asset_disturb_each_other_in_nothing():
    store = Store()
    for watching in (covers(store), below(store)):
        assert await balances(watching, "500.00") == []
    assert await balances(covers(store), "1.00") == []
    assert await balances(below(store), "1.00") == ["1.00"]
    assert await balances(covers(store), "500.00") == ["500.00"]


async def test_of_several_assets_one_that_was_told_already_is_not_told_again():
    class Several:
        def __init__(self, **stores):
            self._by_name, self._by_uri = stores, {}

    told, new = Store(), Store()
    assert await balances(below(told), "500.00", "1.00") == ["1.00"]
    assert await balances(below(new), "500.00") == []
    assert await balances(below(Several(told=told, new=new)), "1.00") == []


@pytest.mark.parametrize("direction", ["above", "BELOW", "", None, 1, True, ["below"]])
def test_an_unknown_direction_is_refused_when_the_dag_file_is_parsed(direction):
    with pytest.raises(IyzicoConfigurationError, match=r"direction is .*'covers' or 'below'"):
        below(direction=direction)


@pytest.mark.parametrize("amount", [500.0, "5.000,00", "", None, -1, "NaN"])
def test_an_amount_that_is_none_is_refused_when_the_dag_file_is_parsed(amount):
    with pytest.raises(IyzicoMoneyError, match="batch_total"):
        below(batch_total=amount)


@pytest.mark.parametrize(
    "of_gates", [{"ends_at": 1.5}, {"not_before": 1.5}, {"held": "1"}, {"held_by": "a"}, {"recheck_at": 1.5}]
)
def test_what_only_gates_have_is_refused(of_gates):
    with pytest.raises(IyzicoConfigurationError, match=f"for watchers, so leave out .*{next(iter(of_gates))}"):
        below(**of_gates)
