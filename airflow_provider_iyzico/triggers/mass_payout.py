"""``MassPayoutBalanceTrigger``: waits for the money with one poll for all gates of an account."""

from __future__ import annotations

import asyncio
import math
import sys
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Hashable
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from typing import Any

from airflow.triggers.base import TriggerEvent

from airflow_provider_iyzico.api.balance import Balance
from airflow_provider_iyzico.api.money import refuse_like_thousands
from airflow_provider_iyzico.domain.crossing import Direction, below_event, below_line
from airflow_provider_iyzico.domain.event import FRESH_SECONDS, GateEvent
from airflow_provider_iyzico.domain.gate import Need, Outcome, Verdict, judge
from airflow_provider_iyzico.domain.quiet import Quiet, essence
from airflow_provider_iyzico.errors import IyzicoConfigurationError, IyzicoError
from airflow_provider_iyzico.hooks.iyzico import IyzicoHook
from airflow_provider_iyzico.triggers.memory import CrossingMemory
from airflow_provider_iyzico.triggers.payout import MassPayoutTrigger as MassPayoutTrigger
from airflow_provider_iyzico.triggers.polling import Poll, polls, polls_begun, want_next_poll
from airflow_provider_iyzico.triggers.sharing import shared

try:
    from airflow.triggers.base import BaseEventTrigger
except ImportError:  # Airflow 2, which has no watchers
    from airflow.triggers.base import BaseTrigger as BaseEventTrigger  # type: ignore[assignment]

#: A task resumes at the earliest this long after its deferral, or after one interval if that is shorter. Airflow 3 may fail one
#: that resumes sooner: its scheduler learns late that the deferring process exited, and takes that for the resumed task's end.
SETTLING_SECONDS = 10.0
#: What a trigger is told of holds where nobody sets money aside.
NOTHING_ASIDE = {"held": "0", "held_by": "", "recheck_at": None}


class MassPayoutBalanceTrigger(BaseEventTrigger):
    """Fires when the mass payout balance covers a batch, when the wait cannot succeed, or when time is up.

    All triggers of one Connection and interval share one poll: on Airflow 3.3 as a *shared stream* of the triggerer, on older
    versions through :mod:`.sharing`. A poll that sees nothing new wakes no trigger.

    The event is a dict of strings, which ``airflow_provider_iyzico.domain.event`` reads: ``status`` (``open``, ``fail``,
    ``timeout``, ``recheck``), ``message``, ``polls`` and ``ends_at``; what was asked for (``iyzico_conn_id``, ``currency``,
    ``required``); if a balance was seen, the last ``balance``, its moment ``observed_at`` and iyzico's ``system_time``; and with
    ``fail`` the name of the ``error``.

    :param iyzico_conn_id: id of the iyzico Connection, read again for every poll
    :param batch_total: what the batch needs, as digits; with ``direction="below"`` the amount below which to fire
    :param headroom: what must be left over, as digits
    :param currency: the balance's currency, as a label
    :param poll_seconds: seconds from the end of one poll to the next; more, if iyzico asks to wait longer
    :param ends_at: when to give up, in seconds since the epoch; ``None`` in an ``AssetWatcher``, where no task waits: the
        trigger then fires only when the balance, too low before, covers the batch, or when it falls below the amount
    :param not_before: when to poll first, in seconds since the epoch, if iyzico asked the worker to wait
    :param held: what others hold of the balance, as digits: the trigger fires when the balance covers this and the batch
    :param held_by: who holds it, for people
    :param recheck_at: when to wake the task at the latest, in seconds since the epoch, so that it asks its ledger again
    :param direction: ``covers``, or in an ``AssetWatcher`` also ``below``: it then fires each time the balance falls below the
        amount. That event has the ``status`` ``below`` and the ``amount``
    :raises IyzicoMoneyError: an amount is not valid; that of a watcher is refused when its DAG file is parsed
    :raises IyzicoConfigurationError: another parameter is not valid
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
        held: str = "0",
        held_by: str = "",
        recheck_at: float | None = None,
        direction: str = Direction.COVERS.value,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        Need.read(batch_total, headroom, currency, held, held_by)
        if ends_at is None:  # a watcher's amounts are its author's; those of a gate are written by its task
            refuse_like_thousands(batch_total, "batch_total")
            refuse_like_thousands(headroom, "headroom")
        for name, moment in (("ends_at", ends_at), ("not_before", not_before), ("recheck_at", recheck_at)):
            if moment is not None and not (isinstance(moment, (int, float)) and math.isfinite(moment)):
                raise IyzicoConfigurationError(f"{name} is {moment!r}; give seconds since the epoch, or leave it out")
        if not isinstance(iyzico_conn_id, str) or not iyzico_conn_id or "{" in iyzico_conn_id:
            raise IyzicoConfigurationError(f"iyzico_conn_id is {iyzico_conn_id!r}; name one Connection, and no template")
        if not isinstance(poll_seconds, (int, float)) or not 0 <= poll_seconds < math.inf:
            raise IyzicoConfigurationError(f"poll_seconds is {poll_seconds!r}; give seconds, zero or more")
        aside = {"held": held, "held_by": held_by, "recheck_at": recheck_at}
        of_gates = {"ends_at": ends_at, "not_before": not_before} | aside
        if Direction.read(direction) is Direction.BELOW and of_gates != {"ends_at": None, "not_before": None} | NOTHING_ASIDE:
            raise IyzicoConfigurationError(f"direction 'below' is for watchers, so leave out {', '.join(of_gates)}")
        self.iyzico_conn_id = iyzico_conn_id
        self.batch_total = batch_total
        self.headroom = headroom
        self.currency = currency
        self.poll_seconds = poll_seconds
        self.ends_at = ends_at
        self.not_before = not_before
        self.held = held
        self.held_by = held_by
        self.recheck_at = recheck_at
        self.direction = str(direction)
        self._decided_by: Poll[Balance] | None = None

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class path and the constructor's arguments, all of them JSON primitives."""
        arguments = {
            "iyzico_conn_id": self.iyzico_conn_id,
            "batch_total": self.batch_total,
            "headroom": self.headroom,
            "currency": self.currency,
            "poll_seconds": self.poll_seconds,
            "ends_at": self.ends_at,
            "not_before": self.not_before,
        }
        aside = {"held": self.held, "held_by": self.held_by, "recheck_at": self.recheck_at}
        # A triggerer of an older version does not know these names, so they are left out where they say nothing.
        if aside != NOTHING_ASIDE:
            arguments |= aside
        if self.direction != Direction.COVERS:
            arguments["direction"] = self.direction
        return "airflow_provider_iyzico.triggers.mass_payout.MassPayoutBalanceTrigger", arguments

    def shared_stream_key(self) -> Hashable:
        """Share one poll with every trigger of the same Connection and interval."""
        return _stream_key(self.iyzico_conn_id, self.poll_seconds)

    @classmethod
    async def open_shared_stream(cls, kwargs: dict[str, Any]) -> AsyncGenerator[Any, None]:
        """Ask for the balance once per interval, and yield what was seen if it is new."""
        conn_id, pause_seconds = kwargs["iyzico_conn_id"], kwargs["poll_seconds"]
        key, not_before = _stream_key(conn_id, pause_seconds), kwargs.get("not_before")
        stream = polls(key, conn_id, _poll_balance, essence, pause_seconds=pause_seconds, not_before=not_before)
        async with aclosing(stream):
            async for poll in stream:
                yield poll

    async def filter_shared_stream(self, shared_stream: AsyncIterator[Any]) -> AsyncIterator[TriggerEvent]:
        """Judge everything seen on the stream for this batch, and fire once."""
        # Each trigger's arguments come from the database as new strings. Thousands of waiters share them to save memory.
        for name in ("iyzico_conn_id", "headroom", "currency", "held", "held_by"):
            if type(value := getattr(self, name)) is str:
                setattr(self, name, sys.intern(value))
        waiter = _Waiter(self)
        if self.ends_at is None or getattr(self, "asset_state_store", None) is not None:
            async for event in self._watch(shared_stream, waiter):
                yield event
            return
        # Thousands may wait, so each keeps little: all of them share the polls, and only the last verdict is kept.
        last: Poll[Balance] | None = None
        known: Poll[Balance] | None = None  # the last that saw a balance
        verdict: Verdict | None = None
        key = self.shared_stream_key()
        begun_before = polls_begun(key)
        wakes_at = min(self.ends_at, self.recheck_at or math.inf)
        want_next_poll(key)
        try:
            async with asyncio.timeout(wakes_at - time.time()):
                async for poll in shared_stream:
                    verdict = waiter.judge_and_log(poll)
                    if poll.begun_at < waiter.since:
                        continue  # this poll began for other gates, before this one waited
                    last, known = poll, known if isinstance(poll.seen, IyzicoError) else poll
                    if verdict.outcome is not Outcome.WAITING:
                        break
            if isinstance(shared_stream, AsyncGenerator):
                await shared_stream.aclose()  # otherwise the event loop starts a task to close each of thousands
            end = GateEvent.of(verdict) if verdict else None
        except TimeoutError:
            facts = waiter.judge(last).facts if last else f"{self.iyzico_conn_id}: nothing was seen, {waiter.need}"
            end = GateEvent(Outcome.TIMED_OUT if wakes_at == self.ends_at else Outcome.WAITING, facts)
        if end is None:
            return  # the stream has ended; a stream of the triggerer never does
        polls_counted = polls_begun(key) - begun_before  # also the poll that was under way when time was up
        if last and verdict:
            self._decided_by = last
            settling = min(self.poll_seconds, SETTLING_SECONDS) - (last.ended_at - waiter.since)
            if settling > 0:  # it joined a running stream, whose next poll came soon
                await asyncio.sleep(settling)
        counted: dict[str, Any] = {"polls": polls_counted, "ends_at": self.ends_at}
        asked: dict[str, Any] = {
            "iyzico_conn_id": self.iyzico_conn_id,
            "currency": self.currency,
            "required": waiter.need.required,
        }
        yield _fire(replace(end, **counted, **asked, **_seen(known)))

    async def _watch(self, stream: AsyncIterator[Poll[Balance]], waiter: _Waiter) -> AsyncIterator[TriggerEvent]:
        """Fire when the balance comes to cover the batch, or falls below the amount, and at nothing else: no task waits here.

        The watcher stores what it saw in Airflow before it fires, so that it does not fire again after a restart. If Airflow
        crashes between the two, the event is lost, never duplicated: it may start a payout.
        """
        store, direction = getattr(self, "asset_state_store", None), Direction(self.direction)
        memory = CrossingMemory(store, self.iyzico_conn_id, waiter.need, direction, self.log)
        was_met: bool | None = None
        want_next_poll(self.shared_stream_key())
        async for poll in stream:
            verdict = waiter.judge_and_log(poll)
            if verdict.balance is None or poll.begun_at < waiter.since:
                continue  # no balance that is believed, or a poll that began before this watcher did
            if not memory.is_read:
                was_met = await memory.was_met()
            is_met = direction.is_met_by(verdict.balance, waiter.need)
            if memory.is_read and is_met != was_met and await memory.keep(is_met):
                is_late = time.monotonic() - poll.ended_at > max(self.poll_seconds, FRESH_SECONDS)
                if is_met and was_met is False and not is_late:
                    yield self._crossed(verdict, verdict.balance, poll)
                if not (is_met and is_late):
                    was_met = is_met
            if is_met != was_met:  # Airflow could not store it, or was slow: let the next poll tell where the balance is
                want_next_poll(self.shared_stream_key())

    def _crossed(self, verdict: Verdict, balance: Balance, poll: Poll[Balance]) -> TriggerEvent:
        if verdict.need is not None and self.direction == Direction.BELOW:
            event = below_event(verdict, balance, verdict.need, self.iyzico_conn_id)
            return TriggerEvent(event)  # type: ignore[no-untyped-call]
        return _fire(replace(GateEvent.of(verdict), **_seen(poll)))

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Do the same on versions of Airflow whose triggerer shares no streams."""
        async with aclosing(shared(self.shared_stream_key(), lambda: self.open_shared_stream(self.serialize()[1]))) as stream:
            async for event in self.filter_shared_stream(stream):
                if self._decided_by is not None:
                    await self._decided_by.lines.written()
                yield event


class _Waiter(Quiet):
    """One gate that waits: what it needs, since when, and where its lines go.

    ``since`` comes from a clock that cannot be set.
    """

    __slots__ = ("line", "log", "need", "since")

    def __init__(self, trigger: MassPayoutBalanceTrigger) -> None:
        super().__init__()
        self.since = time.monotonic()
        self.need = Need.read(trigger.batch_total, trigger.headroom, trigger.currency, trigger.held, trigger.held_by)
        self.line: Callable[[Verdict], str] = below_line if trigger.direction == Direction.BELOW else str
        self.log = trigger.logger()  # the logger of the class: one for each waiter would cost a kibibyte

    def judge(self, poll: Poll[Balance]) -> Verdict:
        return judge(poll.seen, self.need, poll.account, is_current=poll.begun_at >= self.since)

    def judge_and_log(self, poll: Poll[Balance]) -> Verdict:
        """Judge a poll, and log a line if it is new."""
        verdict = self.judge(poll)
        if self.is_due(verdict, poll.essence, poll.begun_at):
            poll.lines.add(partial(self._write, verdict))
        return verdict

    def _write(self, verdict: Verdict) -> None:
        self.log.info("%s", self.line(verdict))


def _fire(event: GateEvent) -> TriggerEvent:
    return TriggerEvent(event.written())  # type: ignore[no-untyped-call]


def _stream_key(iyzico_conn_id: str, poll_seconds: float) -> Hashable:
    return ("iyzico-mass-payout-balance", iyzico_conn_id, poll_seconds)


def _poll_balance(hook: IyzicoHook) -> Balance | IyzicoError:
    return hook.poll()


def _seen(poll: Poll[Balance] | None) -> dict[str, Any]:
    """Return what an event says about a balance, if one was seen."""
    if poll is None or isinstance(poll.seen, IyzicoError):
        return {}
    return {"balance": poll.seen.amount, "observed_at": poll.seen.observed_at, "system_time": poll.seen.system_time}
