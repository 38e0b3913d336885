"""Polling iyzico, once for all who wait for the same answer."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Generic, TypeVar

from airflow.providers.common.compat.connection import get_async_connection
from airflow.providers.common.compat.sdk import AirflowNotFoundException, Connection
from asgiref.sync import sync_to_async

from airflow_provider_iyzico.api.envelope import MAX_RETRY_AFTER_SECONDS
from airflow_provider_iyzico.bridge.versions import thread_of_its_own
from airflow_provider_iyzico.domain.quiet import QUIET_SECONDS
from airflow_provider_iyzico.errors import IyzicoError, IyzicoUnavailableError, restated, unexpected
from airflow_provider_iyzico.hooks.airflow_connection import unreadable_connection
from airflow_provider_iyzico.hooks.iyzico import IyzicoHook
from airflow_provider_iyzico.triggers.lines import Lines

T = TypeVar("T")

#: Each account has at most one poll under way, so an account that hangs blocks one thread and no other account.
POLL_THREADS = 1024
#: A shorter interval becomes this one.
SHORTEST_PAUSE_SECONDS = 0.1
#: How many polls of each stream have begun in this process.
_begun: Counter[Hashable] = Counter()
#: How often a waiter asked for the next poll of each stream, even if that poll sees nothing new.
_wanted: Counter[Hashable] = Counter()


class Poll(Generic[T]):
    """What a poll saw, shared by all who wait on its stream. Later polls that see the same only update it.

    :param seen: the answer, or the error that came instead
    :param essence: answers with the same essence are the same
    :param account: whose balance it is, for people
    :param begun_at: when the first of these polls began, by a clock that cannot be set; the newest ended at ``ended_at``
    """

    __slots__ = ("account", "begun_at", "ended_at", "essence", "lines", "seen")

    def __init__(self, seen: T | IyzicoError, essence: Hashable, account: str, begun_at: float) -> None:
        self.seen = seen
        self.essence = essence
        self.account = account
        self.begun_at = begun_at
        self.ended_at = time.monotonic()
        self.lines = Lines()

    def repeat(self, seen: T | IyzicoError) -> None:
        """Update this poll from a later one that saw the same."""
        self.seen, self.ended_at = seen, time.monotonic()


def polls_begun(key: Hashable) -> int:
    """Return how many polls of a stream have begun in this process."""
    return _begun[key]


def want_next_poll(key: Hashable) -> None:
    """Ask for the next poll that begins, even if it sees nothing new."""
    _wanted[key] += 1


async def polls(
    key: Hashable,
    iyzico_conn_id: str,
    ask: Callable[[IyzicoHook], T | IyzicoError],
    essence: Callable[[T | IyzicoError], Hashable],
    *,
    pause_seconds: float,
    not_before: float | None = None,
) -> AsyncGenerator[Poll[T], None]:
    """Ask once per interval. Yield what was seen when it is new, when a waiter wants it, and every quarter of an hour.

    An error counts as something seen, too. Requests run in a thread pool, with the same client as in a worker, and never on the
    event loop.

    :param key: names the stream
    :param ask: asks iyzico, in a thread, and returns its error instead of raising it
    :param essence: answers with the same essence are the same
    :param pause_seconds: from the end of one poll to the next; longer if iyzico asks for it
    :param not_before: when to ask first, in seconds since the epoch
    """
    hook = IyzicoHook(iyzico_conn_id)
    retry_after = min((not_before or 0.0) - time.time(), MAX_RETRY_AFTER_SECONDS)
    asking: asyncio.Task[T | IyzicoError] | None = None
    told: Poll[T] | None = None
    told_at, served = 0.0, -1
    try:
        while True:
            await asyncio.sleep(
                max(pause_seconds, SHORTEST_PAUSE_SECONDS, retry_after)
            )  # also before the first poll: the worker has just asked
            _begun[key] += 1
            begun_at, wanted = time.monotonic(), _wanted[key]
            asking = asyncio.create_task(_ask(hook, ask))
            # A poll that has begun always finishes: Airflow 3.0 and 3.1 break if a requested Connection is not read.
            seen = await asyncio.shield(asking)
            new = essence(seen)
            if told is not None and new == told.essence and wanted == served and begun_at - told_at < QUIET_SECONDS:
                told.repeat(seen)
            else:
                told, told_at, served = Poll(seen, new, hook.account_name, begun_at), begun_at, wanted
                yield told
            retry_after = (seen.retry_after if isinstance(seen, IyzicoError) else None) or 0.0
    finally:
        if asking is None or asking.done():
            hook.close()
        else:
            asking.add_done_callback(lambda _: hook.close())


async def _ask(hook: IyzicoHook, ask: Callable[[IyzicoHook], T | IyzicoError]) -> T | IyzicoError:
    """Fetch the Connection, so that new keys count from the next poll on, and ask in a thread."""
    try:
        async with thread_of_its_own():
            connection = await get_async_connection(hook.iyzico_conn_id)
    except AirflowNotFoundException:
        connection = None  # or its secrets backend is down: some versions of Airflow raise the same
    except Exception as error:  # noqa: BLE001 - all gates of the account depend on this loop, and the next poll may do better
        return unreadable_connection(hook.iyzico_conn_id, type(error).__name__)
    try:
        # asgiref must know the thread: from there, Airflow 3.0 and 3.1 send the secrets to mask to the event loop.
        return await sync_to_async(_ask_with, thread_sensitive=False, executor=_pool())(hook, ask, connection)
    except Exception as error:  # noqa: BLE001 - as above; the machine may be unable to start a thread
        return restated(unexpected(error))


def _ask_with(hook: IyzicoHook, ask: Callable[[IyzicoHook], T | IyzicoError], connection: Connection | None) -> T | IyzicoError:
    try:
        hook.lost_connection() if connection is None else hook.use(connection)
    except IyzicoError as error:
        return IyzicoUnavailableError(str(error)) if connection is None else error  # the worker found it a moment ago
    return ask(hook)


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(POLL_THREADS, thread_name_prefix="iyzico")
