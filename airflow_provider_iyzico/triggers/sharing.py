"""One stream for many listeners, where the triggerer itself shares none: before Airflow 3.3."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Hashable
from contextlib import aclosing
from contextvars import Context
from typing import Any

_streams: dict[tuple[asyncio.AbstractEventLoop, Hashable], _Shared] = {}


async def shared(key: Hashable, open_stream: Callable[[], AsyncGenerator[Any, None]]) -> AsyncGenerator[Any, None]:
    """Yield what a stream yields from now on. All listeners of one key and event loop share one stream.

    It is opened for the first listener and closed after the last. If it fails, it fails for all, and the next listener opens
    another.
    """
    place = (asyncio.get_running_loop(), key)
    stream = _streams.get(place)
    if stream is None:
        stream = _streams[place] = _Shared(open_stream(), place)
    stream.listeners += 1
    try:
        while True:
            yield await asyncio.shield(stream.coming)
    finally:
        stream.listeners -= 1
        if not stream.listeners:
            stream.close()


class _Shared:
    """A stream that is read once, by a task of its own; ``coming`` is what it yields next."""

    def __init__(self, stream: AsyncGenerator[Any, None], place: tuple[asyncio.AbstractEventLoop, Hashable]) -> None:
        self.listeners = 0
        self.coming = asyncio.get_running_loop().create_future()
        self._place = place
        # In a context of its own: that of the first listener names its task, to whose log others would write.
        self._task = asyncio.create_task(self._read(stream), context=Context())

    def close(self) -> None:
        self._forget()
        self._task.cancel()

    def _forget(self) -> None:
        if _streams.get(self._place) is self:  # and not one that came after it had failed
            del _streams[self._place]

    async def _read(self, stream: AsyncGenerator[Any, None]) -> None:
        ended: Exception = RuntimeError("the shared stream has ended")
        try:
            async with aclosing(stream):
                async for each in stream:
                    come, self.coming = self.coming, asyncio.get_running_loop().create_future()
                    come.set_result(each)
        except Exception as error:  # noqa: BLE001 - every listener raises it
            ended = error
        finally:
            self._forget()
            self.coming.set_exception(ended)
            self.coming.exception()  # nobody may be listening, and that is no news
