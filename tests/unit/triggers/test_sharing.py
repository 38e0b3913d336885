"""One stream for many, where Airflow shares none."""

import asyncio
from contextlib import aclosing
from contextvars import ContextVar

import pytest

from airflow_provider_iyzico.triggers.sharing import shared


class Source:
    """A stream that yields what it is given, and counts how often it was opened and closed."""

    def __init__(self):
        self.opened = self.closed = 0
        self.given = asyncio.Queue()

    async def __call__(self):
        self.opened += 1
        try:
            while True:
                each = await self.given.get()
                if isinstance(each, Exception):
                    raise each
                yield each
        finally:
            self.closed += 1


async def listen(source, key="key", heard=None):
    async with aclosing(shared(key, source)) as stream:
        async for each in stream:
            if heard is not None:
                heard.append(each)


async def turns(number=20):
    for _ in range(number):
        await asyncio.sleep(0)


async def test_all_who_listen_hear_everything_from_one_stream_that_ends_with_the_last_of_them():
    source, heard = Source(), [[], [], []]
    tasks = [asyncio.create_task(listen(source, heard=each)) for each in heard]
    await turns()
    source.given.put_nowait(1)
    await turns()
    tasks[0].cancel()
    await turns()
    source.given.put_nowait(2)
    await turns()
    assert heard == [[1], [1, 2], [1, 2]]
    assert (source.opened, source.closed) == (1, 0)
    for task in tasks[1:]:
        task.cancel()
    await turns()
    assert source.closed == 1
    tasks = [asyncio.create_task(listen(source))]
    await turns()
    assert source.opened == 2
    tasks[0].cancel()
    await turns()


async def test_a_later_listener_gets_nothing_from_before():
    source, early, late = Source(), [], []
    tasks = [asyncio.create_task(listen(source, heard=early))]
    await turns()
    source.given.put_nowait(1)
    await turns()
    tasks.append(asyncio.create_task(listen(source, heard=late)))
    await turns()
    source.given.put_nowait(2)
    await turns()
    assert (early, late) == ([1, 2], [2])
    for task in tasks:
        task.cancel()


async def test_other_keys_have_other_streams():
    sources = Source(), Source()
    tasks = [asyncio.create_task(listen(source, key)) for source, key in zip(sources, ("a", "b"), strict=True)]
    await turns()
    assert [source.opened for source in sources] == [1, 1]
    for task in tasks:
        task.cancel()


async def test_a_failure_reaches_all_listeners_and_the_next_one_starts_again():
    source = Source()
    tasks = [asyncio.create_task(listen(source)) for _ in range(3)]
    await turns()
    source.given.put_nowait(OSError("away"))
    await turns()
    for task in tasks:
        with pytest.raises(OSError, match="away"):
            await task
    heard = []
    again = asyncio.create_task(listen(source, heard=heard))
    await turns()
    source.given.put_nowait(1)
    await turns()
    assert (heard, source.opened) == ([1], 2)
    again.cancel()
    await turns()
    assert source.closed == 2


async def test_leaving_a_failed_stream_stops_no_other_stream():
    source = Source()
    first = shared("key", source)
    waiting = asyncio.create_task(anext(first))
    await turns()
    source.given.put_nowait(OSError("away"))
    while not source.closed:
        await turns(1)
    tasks = [asyncio.create_task(listen(source))]  # begins anew, before the listener of the one that failed has left
    with pytest.raises(OSError, match="away"):
        await waiting
    await turns()
    tasks.append(asyncio.create_task(listen(source)))
    await turns()
    assert source.opened == 2
    for task in tasks:
        task.cancel()
    await turns()
    assert source.closed == 2


async def test_a_stream_that_ends_leaves_no_listener_waiting():
    async def short():
        yield 1

    assert await asyncio.wait_for(_last(shared("short", short)), 5) == "the shared stream has ended"


async def _last(stream):
    with pytest.raises(RuntimeError) as caught:
        async for _ in stream:
            pass
    return str(caught.value)


async def test_the_stream_does_not_speak_in_the_name_of_its_first_listener():
    name, seen = ContextVar("name", default="nobody"), []

    async def source():
        while True:
            seen.append(name.get())
            await asyncio.sleep(0)
            yield 1

    name.set("the first")
    stream = shared("name", source)
    assert await anext(stream) == 1
    await stream.aclose()
    assert set(seen) == {"nobody"}
