"""The trigger alone, against the real simulator; the real triggerer runs it in ``system/``."""

import asyncio
import contextlib
import inspect
import itertools
import json
import os
import time
from datetime import datetime

import pytest
from airflow.providers.common.compat.module_loading import import_string
from support import AIRFLOW_VERSION, connect

from airflow_provider_iyzico.triggers.mass_payout import LINES_PER_TURN, MassPayoutBalanceTrigger


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


async def first_event(waiting, seconds=10):
    stream = waiting.run()
    try:
        return (await asyncio.wait_for(anext(stream), seconds)).payload
    finally:
        await stream.aclose()


async def when(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


def test_it_serializes_every_argument_as_a_json_primitive():
    given = {
        "iyzico_conn_id": "c", "batch_total": "1.10", "headroom": "2", "currency": "EUR", "poll_seconds": 3.0, "ends_at": 1.5,
        "not_before": 0.5,
    }  # fmt: skip
    path, kwargs = MassPayoutBalanceTrigger(**given).serialize()
    assert kwargs == given
    assert set(kwargs) == set(inspect.signature(MassPayoutBalanceTrigger).parameters)
    assert json.loads(json.dumps(kwargs)) == kwargs
    assert import_string(path)(**kwargs).serialize() == (path, kwargs)


def test_triggers_of_one_account_and_interval_share_a_stream_and_others_do_not():
    key = trigger().shared_stream_key()
    assert key == trigger(batch_total="1", headroom="9", ends_at=5.0).shared_stream_key()
    assert key != trigger(poll_seconds=60).shared_stream_key()
    assert key != trigger(iyzico_conn_id="other").shared_stream_key()


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
    with pytest.raises(TimeoutError):
        await first_event(trigger(poll_seconds=0.2), seconds=1.1)
    assert 2 <= len(iyzico.seen) <= 6


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
    assert 0.4 < time.monotonic() - started < 30
    assert (await first_event(trigger(poll_seconds=60.0, ends_at=time.time() + 0.1)))["status"] == "timeout"


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

    async def aget(self, key, default=None):
        if self.is_down:
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


async def look(iyzico, number=3):
    seen = len(iyzico.seen)
    await when(lambda: len(iyzico.seen) >= seen + number)


async def test_a_watcher_that_starts_again_fires_nothing_twice(iyzico):
    store, iyzico.balance = Store(), "1.00"
    async with watcher(store) as events:
        await look(iyzico)
        iyzico.balance = "600.00"
        await look(iyzico)
        assert events == ["600.00"]
    async with watcher(store) as events:
        await look(iyzico)
        assert events == []


async def test_a_crossing_while_no_triggerer_ran_fires_when_one_runs_again(iyzico):
    store, iyzico.balance = Store(), "1.00"
    async with watcher(store) as events:
        await look(iyzico)
    iyzico.balance = "600.00"
    async with watcher(store) as events:
        await look(iyzico)
        assert events == ["600.00"]


async def test_another_amount_has_a_memory_of_its_own(iyzico):
    store, iyzico.balance = Store(), "600.00"
    async with watcher(store, batch_total="1000"):
        await look(iyzico)
    async with watcher(store, batch_total="500") as events:
        await look(iyzico)
        assert events == []  # it was never seen to be short of this amount


async def test_a_watcher_that_joins_a_poll_under_way_fires_nothing_twice(iyzico):
    """That poll cannot count for it, and is no shortage either."""
    store, iyzico.balance = Store(), "1.00"
    async with watcher(store) as events:
        await look(iyzico)
        iyzico.balance = "600.00"
        await look(iyzico)
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
        await look(iyzico)
        iyzico.balance = "600.00"
        await look(iyzico)
        assert events == ["600.00"]
    assert one.kept == other.kept != {}
    async with watcher(Several(one=one, other=other, new=Store())) as events:
        await look(iyzico)
        assert events == []


async def test_an_amount_given_as_a_number_is_watched_for_too(iyzico):
    iyzico.balance = "1.00"
    async with watcher(Store(), batch_total=500, headroom=0) as events:
        await look(iyzico)
        iyzico.balance = "600.00"
        await look(iyzico)
        assert events == ["600.00"]


async def test_nothing_fires_as_long_as_it_cannot_be_remembered(iyzico):
    store, iyzico.balance = Store(), "1.00"
    async with watcher(store) as events:
        await look(iyzico)
        store.is_down = True
        iyzico.balance = "600.00"
        await look(iyzico)
        assert events == []
        store.is_down = False
        await look(iyzico)
        assert events == ["600.00"]


async def test_a_memory_that_cannot_be_read_fires_nothing_by_itself(iyzico):
    store, iyzico.balance = Store(), "600.00"
    store.is_down = True
    async with watcher(store) as events:
        await look(iyzico)
        store.is_down = False
        await look(iyzico)
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


async def test_a_secrets_backend_that_is_down_ends_no_wait(iyzico, monkeypatch):
    from airflow_provider_iyzico.triggers import mass_payout as module

    real, answers = module.get_async_connection, [OSError("vault://user:secret@host is down")]

    async def fetch(conn_id):
        if answers:
            raise answers.pop()
        return await real(conn_id)

    monkeypatch.setattr(module, "get_async_connection", fetch)
    iyzico.balance = "500.00"
    assert (await first_event(trigger()))["status"] == "open"
    answers.extend([OSError("vault://user:secret@host is down")] * 100)
    event = await first_event(trigger(ends_at=time.time() + 1))
    assert "OSError" in event["message"]
    assert "secret@" not in event["message"]


async def test_every_line_is_in_the_log_before_a_gate_opens(iyzico, monkeypatch):
    """Afterwards Airflow closes the log of its task."""
    from airflow_provider_iyzico.triggers import mass_payout as module

    iyzico.balance = "500.00"
    lines, written = [], []
    monkeypatch.setattr(module._Waiter, "write", lambda waiter, seen: lines.append(str(waiter.judge(seen))))

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


async def test_a_look_that_has_begun_comes_to_its_end_when_nobody_waits_any_more(iyzico, monkeypatch):
    """Before Airflow 3.2 a Connection that was asked for and is not read upsets the whole triggerer."""
    from airflow_provider_iyzico.triggers import mass_payout as module

    steps, real, close = [], module.get_async_connection, module.IyzicoHook.close

    async def fetch(conn_id):
        steps.append("asked")
        await asyncio.sleep(0.1)
        connection = await real(conn_id)
        steps.append("read")
        return connection

    monkeypatch.setattr(module, "get_async_connection", fetch)
    monkeypatch.setattr(module.IyzicoHook, "close", lambda hook: (steps.append("closed"), close(hook)))
    waiting = asyncio.create_task(first_event(trigger()))
    await when(lambda: steps)
    waiting.cancel()
    await when(lambda: steps[-1:] == ["closed"])
    assert steps[:2] == ["asked", "read"]


async def test_nobody_looks_before_the_moment_that_iyzico_asked_the_worker_to_wait_for(iyzico):
    iyzico.balance = "500.00"
    moment = time.time() + 0.6
    await first_event(trigger(not_before=moment))
    assert iyzico.seen[0].received_at >= moment


@pytest.mark.parametrize(("fault", "status"), [(None, "open"), ("401", "fail")])
async def test_who_joins_a_running_poll_goes_on_no_sooner_than_an_interval_later(iyzico, fault, status):
    """Airflow 3 may fail a task that goes on within seconds of its deferral."""
    waiting = asyncio.create_task(first_event(trigger(batch_total="100000", poll_seconds=2)))
    await asyncio.sleep(1.0)
    assert not iyzico.seen, "the machine is too slow for this test"
    iyzico.balance = "500.00"
    if fault:
        iyzico.fail(fault)
    joined = time.monotonic()
    assert (await first_event(trigger(poll_seconds=2)))["status"] == status
    assert time.monotonic() - joined >= 2
    assert len(iyzico.seen) <= 2
    assert fault is None or (await waiting)["status"] == "fail"
    waiting.cancel()


async def test_who_joins_a_poll_with_long_intervals_goes_on_as_soon_as_airflow_has_settled_the_deferral(iyzico, monkeypatch):
    from airflow_provider_iyzico.triggers import mass_payout as module

    monkeypatch.setattr(module, "SETTLING_SECONDS", 2.0)
    waiting = asyncio.create_task(first_event(trigger(batch_total="100000", poll_seconds=3)))
    await asyncio.sleep(2.0)
    assert not iyzico.seen, "the machine is too slow for this test"
    iyzico.balance = "500.00"
    joined = time.monotonic()
    assert (await first_event(trigger(poll_seconds=3)))["balance"] == "500.00"
    assert 2.0 <= time.monotonic() - joined < 3.0
    waiting.cancel()


async def test_a_worker_whose_clock_is_wrong_does_not_put_the_first_look_off_for_long(iyzico, monkeypatch):
    from airflow_provider_iyzico.triggers import mass_payout as module

    monkeypatch.setattr(module, "MAX_RETRY_AFTER_SECONDS", 0.2)
    iyzico.balance = "500.00"
    assert (await first_event(trigger(not_before=time.time() + 86400)))["status"] == "open"


async def test_an_interval_of_nothing_does_not_ask_without_pause(iyzico):
    with contextlib.suppress(TimeoutError):
        await first_event(trigger(poll_seconds=0, ends_at=time.time() + 30), seconds=1)
    assert 1 <= len(iyzico.seen) <= 10


async def test_rotated_keys_count_from_the_next_poll_on(iyzico, monkeypatch):
    waiting = asyncio.create_task(first_event(trigger(poll_seconds=1)))
    await when(lambda: len(iyzico.seen) >= 1)
    await asyncio.sleep(0.05)
    iyzico.world.secret_key = "sandbox-rotated"
    connect(monkeypatch, iyzico)
    iyzico.balance = "500.00"
    assert (await waiting)["status"] == "open"
    assert {seen.refusal for seen in iyzico.seen} == {None}


async def test_the_event_loop_is_never_blocked_by_a_slow_iyzico(iyzico, monkeypatch):
    """While the answer takes a second and a half, the loop turns; were it blocked, it would stand still for as long."""
    connect(monkeypatch, iyzico, timeout=10)
    iyzico.set(latency_seconds=1.5)
    waiting = asyncio.create_task(first_event(trigger(batch_total="1")))
    worst, last = 0.0, time.monotonic()
    while not waiting.done():
        await asyncio.sleep(0.005)
        worst, last = max(worst, time.monotonic() - last), time.monotonic()
    assert worst < 1.0


async def test_a_balance_asked_for_before_the_wait_began_releases_nobody(iyzico):
    """Somebody joins a shared stream while a poll is under way: its answer is not for them."""
    iyzico.set(balance="500.00", latency_seconds=0.2)
    stream = MassPayoutBalanceTrigger.open_shared_stream(trigger().serialize()[1])
    first_look = asyncio.create_task(anext(stream))
    await when(lambda: iyzico.seen)
    late = trigger().filter_shared_stream(relay(first_look, stream))
    iyzico.balance = "1.00"
    event = asyncio.create_task(anext(late))
    await when(lambda: len(iyzico.seen) >= 3)
    assert not event.done()
    iyzico.balance = "600.00"
    assert (await event).payload["balance"] == "600.00"
    await late.aclose()
    await stream.aclose()


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
    await asyncio.wait_for(tasks[0], 5)
    assert events[0]["balance"] == "300.00"
    assert not tasks[1].done()
    iyzico.balance = "500.00"
    await asyncio.wait_for(tasks[1], 5)
    assert events[1]["balance"] == "500.00"
    asked = [seen.received_at for seen in iyzico.seen]
    assert (asked[-1] - asked[0]) / (len(asked) - 1) > 0.04  # one poll per interval, however many wait
    seen_at_the_end = len(iyzico.seen)
    await asyncio.sleep(0.2)
    assert len(iyzico.seen) == seen_at_the_end


async def test_the_next_poll_comes_an_interval_after_the_last_however_long_that_took(iyzico):
    iyzico.set(latency_seconds=0.3)
    with pytest.raises(TimeoutError):
        await first_event(trigger(poll_seconds=0.3), seconds=2)
    asked = [seen.received_at for seen in iyzico.seen]
    assert len(asked) >= 2
    assert all(later - earlier >= 0.55 for earlier, later in itertools.pairwise(asked))
