"""The trigger alone, against the real simulator; the real triggerer runs it in ``system/``."""

import asyncio
import contextlib
import inspect
import itertools
import json
import os
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from types import SimpleNamespace

import pytest
import time_machine
from airflow.providers.common.compat.module_loading import import_string
from support import AIRFLOW_VERSION, connect, see_iyzicos_clock

from airflow_provider_iyzico.api.balance import Balance
from airflow_provider_iyzico.domain import quiet
from airflow_provider_iyzico.errors import IyzicoAuthenticationError, IyzicoConfigurationError, IyzicoMoneyError
from airflow_provider_iyzico.simulator import Simulator
from airflow_provider_iyzico.triggers import mass_payout as module
from airflow_provider_iyzico.triggers import polling
from airflow_provider_iyzico.triggers.lines import LINES_PER_TURN
from airflow_provider_iyzico.triggers.mass_payout import MassPayoutBalanceTrigger


def trigger(**parameters):
    return MassPayoutBalanceTrigger(
        **{
            "iyzico_conn_id": "iyzico_default",
            "batch_total": "500",
            "poll_seconds": 0.05,
            "ends_at": time.time() + 60,
            **parameters,
        }
    )


async def first_event(waiting, seconds=60):
    stream = waiting.run()
    try:
        return (await asyncio.wait_for(anext(stream), seconds)).payload
    finally:
        await stream.aclose()


async def when(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


def test_it_serializes_every_argument_as_a_json_primitive():
    given = {
        "iyzico_conn_id": "c", "batch_total": "1.10", "headroom": "2", "currency": "EUR", "poll_seconds": 3.0, "ends_at": 1.5,
        "not_before": 0.5, "held": "60.00", "held_by": "a holds 60.00", "recheck_at": 2.5,
    }  # fmt: skip
    below = {"iyzico_conn_id": "c", "batch_total": "1.10", "direction": "below"}
    assert set(given) | set(below) == set(inspect.signature(MassPayoutBalanceTrigger).parameters)
    for arguments in (given, below):
        path, kwargs = MassPayoutBalanceTrigger(**arguments).serialize()
        assert kwargs.items() >= arguments.items()
        assert json.loads(json.dumps(kwargs)) == kwargs
        assert import_string(path)(**kwargs).serialize() == (path, kwargs)


def test_a_trigger_that_says_nothing_new_can_be_read_by_a_triggerer_of_an_older_version():
    known = {"iyzico_conn_id", "batch_total", "headroom", "currency", "poll_seconds", "ends_at", "not_before"}
    assert set(trigger().serialize()[1]) == set(trigger(direction="covers").serialize()[1]) == known


def test_triggers_of_one_account_and_interval_share_a_stream_and_others_do_not():
    key = trigger().shared_stream_key()
    assert key == trigger(batch_total="1", headroom="9", ends_at=5.0).shared_stream_key()
    assert key != trigger(poll_seconds=60).shared_stream_key()
    assert key != trigger(iyzico_conn_id="other").shared_stream_key()


async def test_it_fires_when_the_balance_covers_the_batch_beside_what_others_hold(iyzico, monkeypatch):
    lines = []
    monkeypatch.setattr(
        MassPayoutBalanceTrigger, "logger", lambda _: SimpleNamespace(info=lambda words, *values: lines.append(words % values))
    )
    iyzico.balance = "109.99"
    waiting = asyncio.create_task(first_event(trigger(batch_total="50", held="60", held_by="a holds 60.00")))
    await when(lambda: len(iyzico.seen) >= 3)
    assert not waiting.done()
    iyzico.balance = "110.00"
    event = await waiting
    assert (event["status"], event["balance"], event["required"]) == ("open", "110.00", "50.00")
    said = "iyzico_default (simulator, sandbox): balance 109.99 TRY, available 49.99, required 50.00 TRY (batch 50.00 + headroom 0.00), missing 0.01; a holds 60.00; "
    assert lines.count(f"{said}waiting for the balance to cover the batch beside what others hold") == 1


async def test_it_wakes_its_task_after_a_while_so_that_the_ledger_is_asked_again(iyzico):
    iyzico.balance = "100.00"
    ends_at = time.time() + 60
    event = await first_event(trigger(batch_total="50", held="60", ends_at=ends_at, recheck_at=time.time() + 0.3))
    assert (event["status"], event["ends_at"], event["iyzico_conn_id"]) == ("recheck", repr(ends_at), "iyzico_default")


async def test_a_wait_that_ends_before_it_would_ask_again_has_timed_out(iyzico):
    event = await first_event(trigger(ends_at=time.time() + 0.3, recheck_at=time.time() + 60))
    assert event["status"] == "timeout"


async def test_it_fires_when_the_money_is_there(iyzico):
    waiting = asyncio.create_task(first_event(trigger()))
    await when(lambda: len(iyzico.seen) >= 3)
    assert not waiting.done()
    iyzico.balance = "500.00"
    event = await waiting
    assert (event["status"], event["balance"]) == ("open", "500.00")
    assert datetime.fromisoformat(event["observed_at"]).tzinfo is not None
    assert all(isinstance(value, str) for value in event.values())


async def test_it_polls_once_per_interval_and_not_more(iyzico):
    waiting = asyncio.create_task(first_event(trigger(poll_seconds=0.2)))
    await when(lambda: len(iyzico.seen) >= 4)
    waiting.cancel()
    assert distances(iyzico) >= 0.19


def distances(iyzico):
    """The shortest time between two requests."""
    asked = [seen.received_at for seen in iyzico.seen]
    return min(later - earlier for earlier, later in itertools.pairwise(asked))


@pytest.mark.parametrize("kind", ["500", "502", "503", "504", "429", "reset", "cut"])
async def test_what_may_pass_is_waited_out(iyzico, kind):
    iyzico.fail(kind, times=3)
    iyzico.balance = "500.00"
    assert (await first_event(trigger()))["status"] == "open"
    assert len(iyzico.seen) == 4


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("401", "IyzicoAuthenticationError"),
        ("403", "IyzicoAuthenticationError"),
        ("404", "IyzicoRefusedError"),
        ("failure", "IyzicoRefusedError"),
        ("html", "IyzicoAnswerError"),
        ("truncated", "IyzicoAnswerError"),
        ("redirect", "IyzicoAnswerError"),
        ("huge", "IyzicoAnswerError"),
    ],
)
async def test_what_will_not_pass_ends_the_wait_at_once_and_says_why(iyzico, kind, error):
    iyzico.fail(kind)
    event = await first_event(trigger())
    assert (event["status"], event["error"]) == ("fail", error)
    assert len(iyzico.seen) == 1


async def test_time_that_is_up_ends_the_wait(iyzico):
    event = await first_event(trigger(ends_at=time.time() + 0.2))
    assert event["status"] == "timeout"
    assert "missing 400.00" in event["message"]


async def test_time_that_is_up_ends_the_wait_even_while_it_sleeps(iyzico):
    iyzico.fail("429", retry_after="600")
    started = time.monotonic()
    event = await first_event(trigger(ends_at=time.time() + 0.5))
    assert event["status"] == "timeout"
    assert time.monotonic() - started > 0.4
    assert (await first_event(trigger(poll_seconds=60.0, ends_at=time.time() + 0.1)))["status"] == "timeout"


async def test_the_poll_that_was_under_way_when_time_was_up_is_counted(iyzico, monkeypatch):
    connect(monkeypatch, iyzico, timeout=30)
    iyzico.fail("timeout")
    event = await first_event(trigger(ends_at=time.time() + 5))
    assert (event["status"], event["polls"]) == ("timeout", "1")
    await when(lambda: len(iyzico.seen) == 1)


async def test_a_poll_that_others_had_begun_before_is_not_counted():
    waiting, now = trigger(poll_seconds=0.01), time.monotonic()
    counts = itertools.count()

    async def stream():
        yield poll("1.00", begun_at=now - 5)
        while next(counts) < 3:
            polling._begun[waiting.shared_stream_key()] += 1
            yield poll("1.00")
        polling._begun[waiting.shared_stream_key()] += 1
        yield poll("500.00")

    polling._begun[waiting.shared_stream_key()] += 1  # the one before
    event = (await anext(waiting.filter_shared_stream(stream()))).payload
    assert (event["status"], event["polls"]) == ("open", "4")


@pytest.mark.parametrize("seconds", [3600, -3600])
async def test_a_clock_that_is_set_while_a_gate_waits_changes_nothing(iyzico, seconds):
    waiting = asyncio.create_task(first_event(trigger()))
    await when(lambda: len(iyzico.seen) >= 2)
    with time_machine.travel(time.time() + seconds, tick=True):
        iyzico.balance = "500.00"
        event = await waiting
    assert (event["status"], event["balance"]) == ("open", "500.00")


async def test_accounts_that_hang_keep_no_gate_of_another_account_waiting(iyzico, monkeypatch):
    iyzico.balance = "500.00"
    with Simulator("500.00") as hung:
        hung.fail("timeout")
        connection = json.loads(hung.connection)
        connection["extra"]["timeout"] = 60
        for number in range(20):
            monkeypatch.setenv(f"AIRFLOW_CONN_HUNG{number}", json.dumps(connection))
        waiting = [asyncio.create_task(first_event(trigger(iyzico_conn_id=f"hung{number}"))) for number in range(20)]
        await when(lambda: len(hung.seen) == 20)
        assert (await first_event(trigger()))["status"] == "open"
        assert not any(each.done() for each in waiting)
        for each in waiting:
            each.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


@pytest.mark.parametrize("name", ["batch_total", "headroom"])
def test_a_watcher_refuses_an_amount_that_may_be_thousands_and_a_gate_goes_on_with_what_its_task_wrote(name):
    with pytest.raises(IyzicoMoneyError, match=f"{name} is '1.234', which may mean 1234.00 or 1.2340"):
        MassPayoutBalanceTrigger(**{"iyzico_conn_id": "c", "batch_total": "1", name: "1.234"})
    MassPayoutBalanceTrigger(**{"iyzico_conn_id": "c", "batch_total": "1", name: "1.234", "ends_at": 1.0})


@pytest.mark.parametrize("amount", [5000.0, "5.000,00", "", None, -1, "-1", True, [["1"]], "NaN", "{{ total }}"], ids=str)
@pytest.mark.parametrize("name", ["batch_total", "headroom"])
def test_a_watchers_amount_that_is_none_is_refused_when_its_dag_file_is_parsed(name, amount):
    with pytest.raises(IyzicoMoneyError, match=name):
        trigger(ends_at=None, **{name: amount})


@pytest.mark.parametrize(
    "parameters",
    [
        {"currency": "TL"},
        {"iyzico_conn_id": ""},
        {"iyzico_conn_id": ["a", "b"]},
        {"iyzico_conn_id": "{{ var.value.account }}"},
        {"poll_seconds": "60"},
        {"poll_seconds": -1},
        {"poll_seconds": float("nan")},
        {"poll_seconds": float("inf")},
        {"ends_at": "2026-12-01"},
        {"ends_at": datetime.now(UTC)},
        {"ends_at": float("nan")},
        {"not_before": "soon"},
        {"recheck_at": float("nan")},
    ],
)
def test_a_watchers_other_parameters_are_checked_as_well(parameters):
    with pytest.raises(IyzicoConfigurationError):
        trigger(**parameters)


async def test_without_a_task_behind_it_only_the_crossing_fires(iyzico):
    """As an AssetWatcher runs it: an event of any kind would start a payout."""
    events = []

    async def watch():
        async for event in trigger(ends_at=None).run():
            events.append(event.payload["balance"])

    watching = asyncio.create_task(watch())

    async def looks(number):
        seen = len(iyzico.seen)
        await when(lambda: len(iyzico.seen) >= seen + number)

    iyzico.balance = "500.00"
    await looks(3)
    assert events == []  # it was enough from the start: nothing was crossed
    iyzico.balance = "499.99"
    await looks(2)
    iyzico.balance = "600.00"
    await looks(3)
    assert events == ["600.00"]
    for fault in ("401", "html", "500"):
        iyzico.fail(fault)
        await looks(2)
    iyzico.heal()
    await looks(3)
    assert events == ["600.00"]
    iyzico.balance = "1.00"
    await looks(2)
    iyzico.balance = "700.00"
    await looks(3)
    assert events == ["600.00", "700.00"]
    watching.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await watching


class Store:
    """What Airflow 3.3 gives a watcher to remember by; the real one is met in ``system/``."""

    def __init__(self, kept=()):
        self.kept = dict(kept)
        self.is_down = False
        self.failing_reads = 0

    async def aget(self, key, default=None):
        self.failing_reads -= 1
        if self.is_down or self.failing_reads >= 0:
            raise OSError("the database is away")
        return self.kept.get(key, default)

    async def aset(self, key, value):
        if self.is_down:
            raise OSError("the database is away")
        self.kept[key] = value


@contextlib.asynccontextmanager
async def watcher(store, **parameters):
    """A watcher that runs, and the balances for which it fired."""
    watching, events = trigger(ends_at=None, **parameters), []
    watching.asset_state_store = store

    async def watch():
        async for event in watching.run():
            events.append(event.payload["balance"])

    task = asyncio.create_task(watch())
    yield events
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def wait_for_polls(iyzico, number=3):
    seen = len(iyzico.seen)
    await when(lambda: len(iyzico.seen) >= seen + number)


async def test_a_watcher_that_starts_again_fires_nothing_twice(iyzico):
    store, iyzico.balance = Store(), "1.00"
    async with watcher(store) as events:
        await wait_for_polls(iyzico)
        iyzico.balance = "600.00"
        await wait_for_polls(iyzico)
        assert events == ["600.00"]
    async with watcher(store) as events:
        await wait_for_polls(iyzico)
        assert events == []


async def test_a_crossing_while_no_triggerer_ran_fires_when_one_runs_again(iyzico):
    store, iyzico.balance = Store(), "1.00"
    async with watcher(store) as events:
        await wait_for_polls(iyzico)
    iyzico.balance = "600.00"
    async with watcher(store) as events:
        await wait_for_polls(iyzico)
        assert events == ["600.00"]


async def test_a_memory_that_cannot_be_read_for_a_moment_loses_no_crossing(iyzico):
    """As while Airflow's database comes back together with its triggerer."""
    store, iyzico.balance = Store(), "1.00"
    async with watcher(store):
        await wait_for_polls(iyzico)
    iyzico.balance, store.failing_reads = "600.00", 2
    async with watcher(store) as events:
        await wait_for_polls(iyzico, 5)
        assert events == ["600.00"]


async def test_another_amount_has_a_memory_of_its_own(iyzico):
    store, iyzico.balance = Store(), "600.00"
    async with watcher(store, batch_total="1000"):
        await wait_for_polls(iyzico)
    async with watcher(store, batch_total="500") as events:
        await wait_for_polls(iyzico)
        assert events == []  # it was never seen to be short of this amount


async def test_a_watcher_fires_on_no_money_that_was_seen_while_airflow_was_slow_to_remember(monkeypatch):
    monkeypatch.setattr(module, "FRESH_SECONDS", 0.2)

    class Slow(Store):
        async def aset(self, key, value):
            await asyncio.sleep(0.5)
            await super().aset(key, value)

    async def stream():
        yield poll("1.00")
        yield poll("600.00")
        yield poll("1.00")

    watching = trigger(ends_at=None)
    watching.asset_state_store = Slow()
    assert [event async for event in watching.filter_shared_stream(stream())] == []


async def test_a_watcher_with_an_end_fires_nothing_at_it(iyzico):
    iyzico.balance = "1.00"
    watching = trigger(ends_at=time.time() + 0.3)
    watching.asset_state_store = Store()
    event = asyncio.create_task(first_event(watching))
    await wait_for_polls(iyzico, 12)
    assert not event.done()
    event.cancel()
    await asyncio.gather(event, return_exceptions=True)


async def test_a_gate_that_joins_others_does_not_tell_of_their_earlier_poll_when_time_is_up():
    waiting, now = trigger(poll_seconds=0.01, ends_at=time.time() + 0.5), time.monotonic()

    async def stream():
        yield poll("5000.00", begun_at=now - 5)
        await asyncio.sleep(30)

    event = (await anext(waiting.filter_shared_stream(stream()))).payload
    assert event["status"] == "timeout"
    assert "nothing was seen" in event["message"]
    assert "balance" not in event


async def test_a_watcher_that_joins_a_poll_under_way_fires_nothing_twice(iyzico):
    """That poll cannot count for it, and is no shortage either."""
    store, iyzico.balance = Store(), "1.00"
    async with watcher(store) as events:
        await wait_for_polls(iyzico)
        iyzico.balance = "600.00"
        await wait_for_polls(iyzico)
        assert events == ["600.00"]
    iyzico.set(latency_seconds=0.2)
    stream = MassPayoutBalanceTrigger.open_shared_stream(trigger().serialize()[1])
    seen, poll = len(iyzico.seen), asyncio.create_task(anext(stream))
    await when(lambda: len(iyzico.seen) > seen)
    watching = trigger(ends_at=None)
    watching.asset_state_store = store
    event = asyncio.create_task(anext(watching.filter_shared_stream(relay(poll, stream))))
    await when(lambda: len(iyzico.seen) >= seen + 4 or event.done())
    assert not event.done()
    event.cancel()
    await asyncio.gather(event, return_exceptions=True)
    await stream.aclose()


async def test_one_watcher_of_several_assets_remembers_in_each(iyzico):
    """Airflow makes one trigger of equal ones, and its collection of stores speaks for itself only where there is one."""

    class Several:
        def __init__(self, **stores):
            self._by_name = stores
            self._by_uri = {}

    one, other, iyzico.balance = Store(), Store(), "1.00"
    async with watcher(Several(one=one, other=other)) as events:
        await wait_for_polls(iyzico)
        iyzico.balance = "600.00"
        await wait_for_polls(iyzico)
        assert events == ["600.00"]
    assert one.kept == other.kept != {}
    async with watcher(Several(one=one, other=other, new=Store())) as events:
        await wait_for_polls(iyzico)
        assert events == []


async def test_an_amount_given_as_a_number_is_watched_for_too(iyzico):
    iyzico.balance = "1.00"
    async with watcher(Store(), batch_total=500, headroom=0) as events:
        await wait_for_polls(iyzico)
        iyzico.balance = "600.00"
        await wait_for_polls(iyzico)
        assert events == ["600.00"]


async def test_nothing_fires_as_long_as_it_cannot_be_remembered(iyzico):
    store, iyzico.balance = Store(), "1.00"
    async with watcher(store) as events:
        await wait_for_polls(iyzico)
        store.is_down = True
        iyzico.balance = "600.00"
        await wait_for_polls(iyzico)
        assert events == []
        store.is_down = False
        await wait_for_polls(iyzico)
        assert events == ["600.00"]


async def test_a_memory_that_cannot_be_read_fires_nothing_by_itself(iyzico):
    store, iyzico.balance = Store(), "600.00"
    store.is_down = True
    async with watcher(store) as events:
        await wait_for_polls(iyzico)
        store.is_down = False
        await wait_for_polls(iyzico)
        assert events == []


async def test_a_connection_that_cannot_be_read_for_a_moment_ends_no_wait(iyzico, monkeypatch, airflow_database):
    waiting = asyncio.create_task(first_event(trigger()))
    await when(lambda: len(iyzico.seen) >= 1)
    connection = os.environ["AIRFLOW_CONN_IYZICO_DEFAULT"]
    monkeypatch.delenv("AIRFLOW_CONN_IYZICO_DEFAULT")
    await asyncio.sleep(0.2)
    assert not waiting.done()
    monkeypatch.setenv("AIRFLOW_CONN_IYZICO_DEFAULT", connection)
    iyzico.balance = "500.00"
    assert (await waiting)["status"] == "open"


async def test_a_triggerer_that_can_start_no_thread_for_a_moment_ends_no_wait(iyzico, monkeypatch):
    start, failing = threading.Thread.start, ["iyzico_0", "iyzico_0"]

    def no_more(thread):
        if thread.name.startswith("iyzico") and failing:
            failing.pop()
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(polling, "_pool", cache(lambda: ThreadPoolExecutor(4, thread_name_prefix="iyzico")))
    monkeypatch.setattr(threading.Thread, "start", no_more)
    iyzico.balance = "500.00"
    event = await first_event(trigger())
    assert (event["status"], event["polls"]) == ("open", "3")
    assert not failing


async def test_a_secrets_backend_that_is_down_ends_no_wait(iyzico, monkeypatch):
    real, answers = polling.get_async_connection, [OSError("vault://user:secret@host is down")]

    async def fetch(conn_id):
        if answers:
            raise answers.pop()
        return await real(conn_id)

    monkeypatch.setattr(polling, "get_async_connection", fetch)
    iyzico.balance = "500.00"
    assert (await first_event(trigger()))["status"] == "open"
    answers.extend([OSError("vault://user:secret@host is down")] * 100)
    event = await first_event(trigger(ends_at=time.time() + 1))
    assert "OSError" in event["message"]
    assert "secret@" not in event["message"]


async def test_every_line_is_in_the_log_before_a_gate_opens(iyzico, monkeypatch):
    """Afterwards Airflow closes the log of its task."""
    iyzico.balance = "500.00"
    lines, written = [], []
    monkeypatch.setattr(
        module.MassPayoutBalanceTrigger, "logger", lambda _: SimpleNamespace(info=lambda _, said: lines.append(str(said)))
    )

    async def wait(number):
        async with contextlib.aclosing(trigger(batch_total=f"{100 + number}").run()) as stream:
            await anext(stream)
        written.append(sum(f"batch {100 + number}.00 " in line for line in lines))

    await asyncio.gather(*[wait(number) for number in range(3 * LINES_PER_TURN)])
    assert written == [1] * 3 * LINES_PER_TURN


async def test_retry_after_stretches_the_pause(iyzico):
    iyzico.fail("429", times=1, retry_after="1")
    iyzico.balance = "500.00"
    started = time.monotonic()
    await first_event(trigger())
    assert time.monotonic() - started >= 1.0


async def test_a_connection_that_cannot_be_found_at_first_ends_no_wait(iyzico, monkeypatch, airflow_database):
    """The gate's worker has just read it, and of a secrets backend that is down some versions of Airflow say the same."""
    connection = os.environ["AIRFLOW_CONN_IYZICO_DEFAULT"]
    monkeypatch.delenv("AIRFLOW_CONN_IYZICO_DEFAULT")
    iyzico.balance = "500.00"
    waiting = asyncio.create_task(first_event(trigger()))
    await asyncio.sleep(0.3)
    assert not waiting.done()
    monkeypatch.setenv("AIRFLOW_CONN_IYZICO_DEFAULT", connection)
    assert (await waiting)["status"] == "open"


async def test_a_missing_connection_is_named_when_time_is_up(airflow_database):
    event = await first_event(trigger(iyzico_conn_id="no_such_connection", ends_at=time.time() + 2))
    assert event["status"] == "timeout"
    assert "'no_such_connection'" in event["message"]


async def test_a_poll_that_has_begun_finishes_even_if_no_gate_waits_any_more(iyzico, monkeypatch):
    """Before Airflow 3.2 a Connection that was asked for and is not read upsets the whole triggerer."""
    steps, real, close = [], polling.get_async_connection, polling.IyzicoHook.close

    async def fetch(conn_id):
        steps.append("asked")
        await asyncio.sleep(0.1)
        connection = await real(conn_id)
        steps.append("read")
        return connection

    monkeypatch.setattr(polling, "get_async_connection", fetch)
    monkeypatch.setattr(polling.IyzicoHook, "close", lambda hook: (steps.append("closed"), close(hook)))
    waiting = asyncio.create_task(first_event(trigger()))
    await when(lambda: steps)
    waiting.cancel()
    await when(lambda: steps[-1:] == ["closed"])
    assert steps[:2] == ["asked", "read"]


async def test_no_poll_begins_before_the_moment_that_iyzico_asked_the_worker_to_wait_for(iyzico):
    iyzico.balance = "500.00"
    moment = time.time() + 0.6
    await first_event(trigger(not_before=moment))
    assert iyzico.seen[0].received_at >= moment


@pytest.mark.parametrize(("seen", "status"), [("500.00", "open"), (IyzicoAuthenticationError("no"), "fail")], ids=str)
@pytest.mark.parametrize(("poll_seconds", "settling"), [(0.4, 60.0), (3600.0, 0.4)])
async def test_who_joins_a_running_poll_goes_on_when_airflow_has_settled_the_deferral(
    monkeypatch, seen, status, poll_seconds, settling
):
    """Airflow 3 may fail a task that goes on within seconds of its deferral. After that nobody waits for a long interval."""
    monkeypatch.setattr(module, "SETTLING_SECONDS", settling)

    async def stream():
        yield poll(seen)

    joined = time.monotonic()
    event = await asyncio.wait_for(anext(trigger(poll_seconds=poll_seconds).filter_shared_stream(stream())), 60)
    assert event.payload["status"] == status
    assert time.monotonic() - joined >= 0.4


def poll(seen, begun_at=None):
    """One poll of a shared stream, as a listener gets it."""
    if isinstance(seen, str):
        now = datetime.now(UTC)
        seen = Balance(Decimal(seen), seen, None, now, now, 1)
    essence = str(seen) if isinstance(seen, Exception) else seen.raw
    return polling.Poll(seen, essence, "account", time.monotonic() if begun_at is None else begun_at)


async def test_a_worker_whose_clock_is_wrong_does_not_delay_the_first_poll_for_long(iyzico, monkeypatch):
    monkeypatch.setattr(polling, "MAX_RETRY_AFTER_SECONDS", 0.2)
    iyzico.balance = "500.00"
    assert (await first_event(trigger(not_before=time.time() + 86400)))["status"] == "open"


async def test_an_interval_of_nothing_does_not_ask_without_pause(iyzico):
    waiting = asyncio.create_task(first_event(trigger(poll_seconds=0)))
    await when(lambda: len(iyzico.seen) >= 4)
    waiting.cancel()
    assert distances(iyzico) >= 0.09


async def test_rotated_keys_count_from_the_next_poll_on(iyzico, monkeypatch):
    stream = MassPayoutBalanceTrigger.open_shared_stream(trigger().serialize()[1])
    assert (await anext(stream)).seen.amount == Decimal("100.00")
    iyzico.world.secret_key = "sandbox-rotated"
    connect(monkeypatch, iyzico)
    iyzico.balance = "200.00"
    assert (await anext(stream)).seen.amount == Decimal("200.00")
    await stream.aclose()


@pytest.fixture
def lines(monkeypatch):
    """The lines in the logs of the tasks that wait."""
    written = []
    log = SimpleNamespace(info=lambda _, said: written.append(str(said)))
    monkeypatch.setattr(MassPayoutBalanceTrigger, "logger", lambda _: log)
    return written


async def test_a_wait_logs_its_first_poll_every_change_and_its_last_poll_and_nothing_else(iyzico, lines):
    waiting = asyncio.create_task(first_event(trigger()))
    await wait_for_polls(iyzico, 6)
    assert len(lines) == 1
    iyzico.balance = "200.00"
    await wait_for_polls(iyzico, 6)
    iyzico.fail("503")
    await wait_for_polls(iyzico, 6)
    iyzico.heal()
    await wait_for_polls(iyzico, 6)
    iyzico.balance = "500.00"
    event = await waiting
    said = [re.search("balance (unknown|[0-9.]+)", line).group(1) for line in lines]
    assert said == ["100.00", "200.00", "unknown", "200.00", "500.00"]
    assert lines[-1].endswith("the gate opens")
    assert int(event["polls"]) > 24  # those that saw nothing new are counted, too


async def test_a_wait_in_which_nothing_changes_says_so_every_quarter_of_an_hour(iyzico, lines, monkeypatch):
    for place in (polling, quiet):
        monkeypatch.setattr(place, "QUIET_SECONDS", 0.2)
    waiting = asyncio.create_task(first_event(trigger()))
    await when(lambda: len(lines) >= 3)
    assert len(set(lines)) == 1
    waiting.cancel()


async def test_a_gate_that_joins_others_is_told_of_its_first_poll_though_nothing_changed(iyzico, lines):
    others = asyncio.create_task(first_event(trigger()))
    await wait_for_polls(iyzico, 3)
    event = await first_event(trigger(batch_total="90"))
    assert (event["status"], event["balance"]) == ("open", "100.00")
    assert len([line for line in lines if "batch 500.00" in line]) == 1  # the others hear nothing new
    others.cancel()


async def test_the_balance_of_a_timeout_is_dated_by_the_last_poll_that_saw_it(iyzico):
    event = await first_event(trigger(ends_at=time.time() + 3))
    assert event["status"] == "timeout"
    assert len(iyzico.seen) >= 3
    # One poll at most was still under way, so the one before the last was over.
    assert datetime.fromisoformat(event["observed_at"]).timestamp() >= iyzico.seen[-2].received_at


async def test_a_watcher_fires_on_no_balance_whose_date_cannot_be_believed(iyzico, monkeypatch):
    iyzico.balance = "1.00"
    with monkeypatch.context() as context:
        async with watcher(Store()) as events:
            await wait_for_polls(iyzico)
            see_iyzicos_clock(context, -60)
            iyzico.balance = "600.00"
            await wait_for_polls(iyzico)
            assert events == []
            context.undo()
            await when(lambda: events == ["600.00"])


async def test_the_event_loop_is_never_blocked_by_a_slow_iyzico(iyzico, monkeypatch):
    """While the answer takes its time, the loop turns; were it blocked, it would not turn once."""
    connect(monkeypatch, iyzico, timeout=30)
    iyzico.set(latency_seconds=1.5)
    waiting, turns = asyncio.create_task(first_event(trigger(batch_total="1"))), 0
    await when(lambda: iyzico.seen)
    while not waiting.done():
        await asyncio.sleep(0.005)
        turns += 1
    assert turns >= 5


async def test_a_balance_asked_for_before_the_wait_began_opens_no_gate():
    """Somebody joins a shared stream while a poll is under way: its answer is not for them."""
    waiting, now = trigger(poll_seconds=0.01), time.monotonic()

    async def stream():
        yield poll("500.00", begun_at=now - 0.001)
        yield poll("600.00")

    assert (await anext(waiting.filter_shared_stream(stream()))).payload["balance"] == "600.00"


async def relay(first, stream):
    yield await first
    async for seen in stream:
        yield seen


def of_the_triggerer():
    """Listen as the triggerer of Airflow 3.3 lets triggers listen, with its own manager."""
    import structlog
    from airflow.triggers.shared_stream import SharedStreamManager

    manager, numbers = SharedStreamManager(log=structlog.get_logger()), itertools.count()

    async def listen(waiting):
        number, key = next(numbers), waiting.shared_stream_key()
        try:
            async for event in waiting.filter_shared_stream(manager.subscribe(trigger_id=number, trigger=waiting, key=key)):
                yield event
        finally:
            await manager.unsubscribe(number, key)

    return listen


def of_ours():
    """Listen as on every other Airflow."""
    return MassPayoutBalanceTrigger.run


NO_STREAMS = pytest.mark.skipif(AIRFLOW_VERSION < (3, 3), reason="the triggerer shares no streams before Airflow 3.3")


@pytest.mark.parametrize("share", [pytest.param(of_the_triggerer, marks=NO_STREAMS), of_ours])
async def test_one_stream_serves_many_and_one_that_ends_touches_no_other(iyzico, share):
    listen, events = share(), {}

    async def wait(number, batch_total):
        async with contextlib.aclosing(listen(trigger(batch_total=batch_total))) as stream:
            async for event in stream:
                events[number] = event.payload

    tasks = [asyncio.create_task(wait(number, total)) for number, total in enumerate(("200", "500", "100000"))]
    await when(lambda: len(iyzico.seen) >= 3)
    assert events == {}
    tasks[2].cancel()
    iyzico.balance = "300.00"
    await asyncio.wait_for(tasks[0], 60)
    assert events[0]["balance"] == "300.00"
    assert not tasks[1].done()
    iyzico.balance = "500.00"
    await asyncio.wait_for(tasks[1], 60)
    assert events[1]["balance"] == "500.00"
    assert distances(iyzico) > 0.04  # one poll per interval, however many wait
    begun = polling._begun[trigger().shared_stream_key()]
    await asyncio.gather(tasks[2], return_exceptions=True)
    for _ in range(20):  # intervals in which nobody waits any more
        await asyncio.sleep(0.05)
    assert polling._begun[trigger().shared_stream_key()] <= begun + 1  # one may have begun while the last gate opened


async def test_the_next_poll_comes_an_interval_after_the_last_however_long_that_took(iyzico):
    iyzico.set(latency_seconds=0.3)
    waiting = asyncio.create_task(first_event(trigger(poll_seconds=0.3)))
    await when(lambda: len(iyzico.seen) >= 3)
    waiting.cancel()
    assert distances(iyzico) >= 0.55
