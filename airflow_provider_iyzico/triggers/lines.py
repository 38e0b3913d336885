"""The log lines of waiting gates: few of them, and never many at once on the event loop."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextvars import Context, copy_context

#: How many lines of one poll are written in one turn of the event loop.
LINES_PER_TURN = 8


class Lines:
    """The lines about one poll. Thousands of gates may log one, so only a few are written in each turn of the event loop."""

    __slots__ = ("_count", "_unwritten", "_writing")

    def __init__(self) -> None:
        self._count = 0
        self._unwritten: deque[tuple[Context, Callable[[], None]]] = deque()

    def add(self, write: Callable[[], None]) -> None:
        """Write a line to the log of the current context's task, now or soon."""
        self._count += 1
        if self._count <= LINES_PER_TURN:
            write()
            return
        if not self._unwritten:
            self._writing = asyncio.create_task(self._write())
        self._unwritten.append((copy_context(), write))  # the context names the task

    async def written(self) -> None:
        """Wait until all lines are in the logs. For a late line, Airflow 2 opens a task's log again and leaves it open."""
        if self._unwritten:
            await asyncio.shield(self._writing)

    async def _write(self) -> None:
        while self._unwritten:
            await asyncio.sleep(0)
            for _ in range(min(LINES_PER_TURN, len(self._unwritten))):
                context, write = self._unwritten.popleft()
                context.run(write)
