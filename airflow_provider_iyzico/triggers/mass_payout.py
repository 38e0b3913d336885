"""``MassPayoutBalanceTrigger``: the gate's wait, with one poll for all gates of an account."""

from __future__ import annotations

import asyncio
import math
import sys
import time
from collections import Counter, deque
from collections.abc import AsyncGenerator, AsyncIterator, Hashable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from contextvars import Context, copy_context
from dataclasses import replace
from functools import cache
from typing import Any

from airflow.providers.common.compat.connection import get_async_connection
from airflow.providers.common.compat.sdk import AirflowNotFoundException, Connection
from airflow.triggers.base import TriggerEvent
from asgiref.sync import sync_to_async

from airflow_provider_iyzico.api.balance import Balance
from airflow_provider_iyzico.api.envelope import MAX_RETRY_AFTER_SECONDS
from airflow_provider_iyzico.bridge.versions import thread_of_its_own
from airflow_provider_iyzico.domain.event import FRESH_SECONDS, GateEvent
from airflow_provider_iyzico.domain.gate import Need, Outcome, Verdict, judge
from airflow_provider_iyzico.errors import IyzicoConfigurationError, IyzicoError, IyzicoUnavailableError, restated, unexpected
from airflow_provider_iyzico.hooks.iyzico import IyzicoHook, unreadable_connection
from airflow_provider_iyzico.triggers.memory import CrossingMemory
from airflow_provider_iyzico.triggers.sharing import shared

try:
    from airflow.triggers.base import BaseEventTrigger
except ImportError:  # Airflow 2, which has no watchers
    from airflow.triggers.base import BaseTrigger as BaseEventTrigger  # type: ignore[assignment]

#: Each account has one poll under way at most, so that an account that hangs costs its own thread and no other's.
POLL_THREADS = 1024
#: However short an interval somebody asks for.
SHORTEST_PAUSE_SECONDS = 0.1
#: No task goes on sooner after its deferral, unless its interval is shorter. Airflow 3 may fail one that does: its scheduler
#: takes the end of the process that deferred, of which it hears late, for the end of the one that goes on.
SETTLING_SECONDS = 10.0
#: How many waiters of a look write their log lines in one turn of the event loop.
LINES_PER_TURN = 8
#: How many polls of each shared stream have begun in this process.
_polls_begun: Counter[Hashable] = Counter()


class MassPayoutBalanceTrigger(BaseEventTrigger):
    """Fires when the mass payout balance covers a batch, when that has become impossible, or when time is up.

    All triggers of one Connection and interval share one poll: on Airflow 3.3 as a *shared stream* of the triggerer, elsewhere
    through :mod:`.sharing`. Requests run in a small thread pool with the very client that a worker uses, and never on the event
    loop.

    The event is a dict of strings, which ``airflow_provider_iyzico.domain.event`` reads: ``status`` (``open``, ``fail``,
    ``timeout``), ``message``, ``polls``, ``ends_at``, ``iyzico_conn_id`` and ``currency``; the last ``balance`` seen, when it
    was ``observed_at`` and iyzico's ``system_time`` then, if any was; and with ``fail`` the name of the ``error``.

    :param iyzico_conn_id: id of the iyzico Connection, read again for every poll
    :param batch_total: what the batch needs, as digits
    :param headroom: what must be left over, as digits
    :param currency: the balance's currency, as a label
    :param poll_seconds: seconds from the end of one poll to the next, and at least as long as iyzico asks to wait
    :param ends_at: when to give up, in seconds since the epoch; ``None`` where no task waits (an ``AssetWatcher``), and then it
        fires whenever the balance comes to cover the batch, and at nothing else
    :param not_before: when to look first, in seconds since the epoch: iyzico asked the worker for patience
    :raises IyzicoMoneyError: an amount is no money; a watcher's is refused when its DAG file is parsed
    :raises IyzicoConfigurationError: currency or Connection id are none
    """

    def __init__(
        self,
        iyzico_conn_id: str,
        batch_total: str,
        headroom: str = "0",
        currency: str = "TRY",
        poll_seconds: float = 60.0,
        ends_at: float | None = None,
        not_before: float | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        Need.read(batch_total, headroom, currency)
        for name, moment in (("ends_at", ends_at), ("not_before", not_before)):
            if moment is not None and not (isinstance(moment, (int, float)) and math.isfinite(moment)):
                raise IyzicoConfigurationError(f"{name} is {moment!r}; give seconds since the epoch, or leave it out")
        if not isinstance(iyzico_conn_id, str) or not iyzico_conn_id:
            raise IyzicoConfigurationError(f"iyzico_conn_id is {iyzico_conn_id!r}; name one Connection")
        if not isinstance(poll_seconds, (int, float)) or not 0 <= poll_seconds < math.inf:
            raise IyzicoConfigurationError(f"poll_seconds is {poll_seconds!r}; give seconds, zero or more")
        self.iyzico_conn_id = iyzico_conn_id
        self.batch_total = batch_total
        self.headroom = headroom
        self.currency = currency
        self.poll_seconds = poll_seconds
        self.ends_at = ends_at
        self.not_before = not_before
        self._decided_by: _Poll | None = None

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class path and the constructor's arguments, JSON primitives all."""
        return (
            "airflow_provider_iyzico.triggers.mass_payout.MassPayoutBalanceTrigger",
            {
                "iyzico_conn_id": self.iyzico_conn_id,
                "batch_total": self.batch_total,
                "headroom": self.headroom,
                "currency": self.currency,
                "poll_seconds": self.poll_seconds,
                "ends_at": self.ends_at,
                "not_before": self.not_before,
            },
        )

    def shared_stream_key(self) -> Hashable:
        """Share one poll with every trigger of the same Connection and interval."""
        return _stream_key(self.iyzico_conn_id, self.poll_seconds)

    @classmethod
    async def open_shared_stream(cls, kwargs: dict[str, Any]) -> AsyncGenerator[Any, None]:
        """Ask for the balance once per interval, and yield what was seen; a failure is something seen, too."""
        hook, key = IyzicoHook(kwargs["iyzico_conn_id"]), _stream_key(kwargs["iyzico_conn_id"], kwargs["poll_seconds"])
        pause = max(kwargs["poll_seconds"], SHORTEST_PAUSE_SECONDS)
        retry_after = min((kwargs.get("not_before") or 0.0) - time.time(), MAX_RETRY_AFTER_SECONDS)
        looking: asyncio.Task[Balance | IyzicoError] | None = None
        try:
            while True:
                await asyncio.sleep(max(pause, retry_after))  # also at first: the worker has only just asked
                _polls_begun[key] += 1
                begun_at = time.monotonic()
                looking = asyncio.create_task(_look(hook))
                # A poll that has begun comes to its end: Airflow 3.0 and 3.1 break when a Connection is asked for and not read.
                seen = await asyncio.shield(looking)
                yield _Poll(seen, hook.account_name, begun_at)
                retry_after = (seen.retry_after if isinstance(seen, IyzicoError) else None) or 0.0
        finally:
            if looking is None or looking.done():
                hook.close()
            else:
                looking.add_done_callback(lambda _: hook.close())

    async def filter_shared_stream(self, shared_stream: AsyncIterator[Any]) -> AsyncIterator[TriggerEvent]:
        """Judge everything seen on the stream for this batch, and fire once."""
        # Arguments come from the database, each with strings of its own; thousands of waiters need few of them.
        for name in ("iyzico_conn_id", "headroom", "currency"):
            if type(value := getattr(self, name)) is str:
                setattr(self, name, sys.intern(value))
        waiter = _Waiter(self)
        if self.ends_at is None or getattr(self, "asset_state_store", None) is not None:
            async for event in self._watch(shared_stream, waiter):
                yield event
            return
        # Thousands wait, so each keeps little: polls are everybody's, and there is no verdict before the last.
        last: _Poll | None = None
        known: _Poll | None = None  # the last that saw a balance
        verdict: Verdict | None = None
        key = self.shared_stream_key()
        begun_before = _polls_begun[key]
        try:
            async with asyncio.timeout(self.ends_at - time.time()):
                async for poll in shared_stream:
                    verdict = poll.judge_for(waiter)
                    if poll.begun_at < waiter.since:
                        continue  # others asked before this gate waited
                    last, known = poll, poll if poll.balance else known
                    if verdict is not None:
                        break
            if isinstance(shared_stream, AsyncGenerator):
                await shared_stream.aclose()  # left to the event loop, thousands would be closed by a task each
            end = GateEvent.of(verdict) if verdict else None
        except TimeoutError:
            facts = waiter.judge(last).facts if last else f"{self.iyzico_conn_id}: nothing was seen, {waiter.need}"
            end = GateEvent(Outcome.TIMED_OUT, facts)
        if end is None:
            return  # the stream has ended, which the triggerer's own never does
        polls = _polls_begun[key] - begun_before  # the one under way when time was up is among them
        if last and verdict:
            self._decided_by = last
            settling = min(self.poll_seconds, SETTLING_SECONDS) - (last.ended_at - waiter.since)
            if settling > 0:  # it joined others, who polled soon after
                await asyncio.sleep(settling)
        counted: dict[str, Any] = {"polls": polls, "ends_at": self.ends_at}
        whose: dict[str, Any] = {"iyzico_conn_id": self.iyzico_conn_id, "currency": self.currency}
        yield _fire(replace(end, **counted, **whose, **(known.balance if known else {})))

    async def _watch(self, stream: AsyncIterator[_Poll], waiter: _Waiter) -> AsyncIterator[TriggerEvent]:
        """Without an end there is no task behind it: fire when the balance comes to cover the batch, and at nothing else.

        What was seen is remembered in Airflow before anything fires, so that after a restart nothing fires twice. Where the two
        come apart (a crash between them) an event is missing rather than doubled: it may start a payout.
        """
        memory = CrossingMemory(getattr(self, "asset_state_store", None), self.iyzico_conn_id, waiter.need, self.log)
        was_short: bool | None = None
        async for poll in stream:
            verdict = poll.judge_for(waiter)
            if isinstance(poll.seen, IyzicoError) or poll.begun_at < waiter.since:
                continue  # a poll of others, from before this watch, says nothing
            if not memory.is_read:
                was_short = await memory.was_short()
                if not memory.is_read:
                    continue  # nothing is kept over what could not be read
            is_short = verdict is None
            if is_short != was_short and await memory.keep(is_short):
                if verdict is not None and was_short:
                    if time.monotonic() - poll.ended_at > max(self.poll_seconds, FRESH_SECONDS):
                        continue  # Airflow was slow to remember; the next poll says whether the money is still there
                    yield _fire(replace(GateEvent.of(verdict), **poll.balance))
                was_short = is_short

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Do the same where the triggerer shares no streams."""
        async with aclosing(shared(self.shared_stream_key(), lambda: self.open_shared_stream(self.serialize()[1]))) as stream:
            async for event in self.filter_shared_stream(stream):
                if self._decided_by is not None:
                    await self._decided_by.written()
                yield event


class _Waiter:
    """One gate that waits: what it needs, since when, and where its lines go.

    ``since`` is a moment of a clock that nobody can set.
    """

    __slots__ = ("log", "need", "since")

    def __init__(self, trigger: MassPayoutBalanceTrigger) -> None:
        self.since = time.monotonic()
        self.need = Need.read(trigger.batch_total, trigger.headroom, trigger.currency)
        self.log = trigger.logger()  # that of the class: a logger for each waiter costs a kibibyte

    def judge(self, poll: _Poll) -> Verdict:
        return judge(poll.seen, self.need, poll.account, is_current=poll.begun_at >= self.since)

    def write(self, poll: _Poll) -> None:
        self.log.info("%s", self.judge(poll))


class _Poll:
    """What one poll saw, as all waiters of a stream share it, and the lines that are still to be written about it.

    Thousands wake in one turn of the event loop, and their lines would hold it for long. So the first few write at once, and the
    others a few in a turn.
    """

    __slots__ = ("_judged", "_unwritten", "_writing", "account", "balance", "begun_at", "ended_at", "seen")

    def __init__(self, seen: Balance | IyzicoError, account: str, begun_at: float) -> None:
        self.seen = seen
        self.account = account
        self.begun_at = begun_at
        self.ended_at = time.monotonic()
        #: For events; empty where no balance was seen.
        self.balance: dict[str, Any] = {} if isinstance(seen, IyzicoError) else _seen(seen)
        self._judged = 0
        self._unwritten: deque[tuple[Context, _Waiter]] = deque()

    def judge_for(self, waiter: _Waiter) -> Verdict | None:
        """Judge for one waiter, and write a line to its task's log. Return the verdict that ends its wait, if this does."""
        self._judged += 1
        if self._judged <= LINES_PER_TURN:
            waiter.write(self)
        else:
            if not self._unwritten:
                self._writing = asyncio.create_task(self._write())
            self._unwritten.append((copy_context(), waiter))  # the context names the waiter's task
        verdict = waiter.judge(self)
        return None if verdict.outcome is Outcome.WAITING else verdict

    async def written(self) -> None:
        """Wait until all lines are in the logs: Airflow 2 opens a task's log again for a late line, and leaves it open."""
        if self._unwritten:
            await asyncio.shield(self._writing)

    async def _write(self) -> None:
        while self._unwritten:
            await asyncio.sleep(0)
            for _ in range(min(LINES_PER_TURN, len(self._unwritten))):
                context, waiter = self._unwritten.popleft()
                context.run(waiter.write, self)


def _fire(event: GateEvent) -> TriggerEvent:
    return TriggerEvent(event.written())  # type: ignore[no-untyped-call]


def _stream_key(iyzico_conn_id: str, poll_seconds: float) -> Hashable:
    return ("iyzico-mass-payout-balance", iyzico_conn_id, poll_seconds)


def _seen(balance: Balance) -> dict[str, Any]:
    return {"balance": balance.amount, "observed_at": balance.observed_at, "system_time": balance.system_time}


async def _look(hook: IyzicoHook) -> Balance | IyzicoError:
    """Fetch the Connection, so that new keys count from the next poll on, and look from a thread."""
    try:
        async with thread_of_its_own():
            connection = await get_async_connection(hook.iyzico_conn_id)
    except AirflowNotFoundException:
        connection = None  # or a secrets backend is down, of which some versions of Airflow say the same
    except Exception as error:  # noqa: BLE001 - all gates of the account depend on this loop, and the next look may do better
        return unreadable_connection(hook.iyzico_conn_id, type(error).__name__)
    try:
        # In a thread that asgiref knows: Airflow 3.0 and 3.1 send what is to be masked from there to the event loop.
        return await sync_to_async(_look_with, thread_sensitive=False, executor=_pool())(hook, connection)
    except Exception as error:  # noqa: BLE001 - as above, where the machine can start no thread
        return restated(unexpected(error))


def _look_with(hook: IyzicoHook, connection: Connection | None) -> Balance | IyzicoError:
    try:
        hook.lost_connection() if connection is None else hook.use(connection)
    except IyzicoError as error:
        return IyzicoUnavailableError(str(error)) if connection is None else error  # the gate's worker found it a moment ago
    return hook.look()


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(POLL_THREADS, thread_name_prefix="iyzico")
