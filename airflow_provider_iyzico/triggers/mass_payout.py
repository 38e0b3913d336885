"""``MassPayoutBalanceTrigger``: the gate's wait, with one poll for all gates of an account."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Hashable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import cache
from typing import Any

from airflow.providers.common.compat.connection import get_async_connection
from airflow.providers.common.compat.sdk import AirflowNotFoundException
from airflow.triggers.base import BaseEventTrigger, TriggerEvent

from airflow_provider_iyzico.api.answers import Balance
from airflow_provider_iyzico.api.money import money_text
from airflow_provider_iyzico.coverage import TIMEOUT, Need, Outcome, Verdict, judge
from airflow_provider_iyzico.errors import IyzicoError, IyzicoUnavailableError
from airflow_provider_iyzico.hooks.iyzico import IyzicoHook, unknown_connection

POLL_THREADS = 8


class MassPayoutBalanceTrigger(BaseEventTrigger):
    """Fires when the mass payout balance covers a batch, when that has become impossible, or when time is up.

    On Airflow 3.3 all triggers of one Connection and interval share one poll (a *shared stream* of the triggerer); elsewhere
    ``run`` polls alone and judges in the same way. Requests run in a small thread pool with the very client that a
    worker uses, and never on the event loop.

    The event is a dict of strings: ``status`` (``open``, ``fail``, ``timeout``) and ``message``; with ``open`` also ``balance``
    and ``observed_at``, and with ``fail`` the name of the ``error``.

    :param iyzico_conn_id: id of the iyzico Connection, looked up anew for every poll
    :param batch_total: what the batch needs, as digits
    :param headroom: what must be left over, as digits
    :param currency: the balance's currency, as a label
    :param poll_seconds: seconds from one poll to the next
    :param ends_at: when to give up, in seconds since the epoch; ``None`` for never
    """

    def __init__(
        self,
        iyzico_conn_id: str,
        batch_total: str,
        headroom: str = "0",
        currency: str = "TRY",
        poll_seconds: float = 60.0,
        ends_at: float | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.iyzico_conn_id = iyzico_conn_id
        self.batch_total = batch_total
        self.headroom = headroom
        self.currency = currency
        self.poll_seconds = poll_seconds
        self.ends_at = ends_at

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
            },
        )

    def shared_stream_key(self) -> Hashable:
        """Share one poll with every trigger of the same Connection and interval."""
        return ("iyzico-mass-payout-balance", self.iyzico_conn_id, self.poll_seconds)

    @classmethod
    async def open_shared_stream(cls, kwargs: dict[str, Any]) -> AsyncIterator[Balance | IyzicoError]:
        """Look at the balance once per interval, for ever, and yield what was seen; a failure is something seen, too."""
        hook = IyzicoHook(kwargs["iyzico_conn_id"])
        clock = asyncio.get_running_loop().time
        try:
            while True:
                started = clock()
                seen = await _look(hook)
                yield seen
                wish = seen.retry_after if isinstance(seen, IyzicoUnavailableError) else None
                await asyncio.sleep(max(started + kwargs["poll_seconds"] - clock(), wish or 0.0, 0.0))
        finally:
            hook.close()

    async def filter_shared_stream(self, shared_stream: AsyncIterator[Balance | IyzicoError]) -> AsyncIterator[TriggerEvent]:
        """Judge everything seen on the stream for this batch, and fire once."""
        # The triggerer's own clock stamps both, so that no skew between machines lets an older balance count.
        waiting_since = datetime.now(UTC)
        need = Need.read(self.batch_total, self.headroom, self.currency)
        async for seen in shared_stream:
            verdict = judge(seen, need, waiting_since)
            self.log.info("%s", verdict)
            is_over = self.ends_at is not None and datetime.now(UTC).timestamp() >= self.ends_at
            if verdict.outcome is not Outcome.WAIT or is_over:
                yield TriggerEvent(_event(verdict))  # type: ignore[no-untyped-call]
                return

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Poll alone, where the triggerer shares no streams."""
        stream = self.open_shared_stream(self.serialize()[1])
        try:
            async for event in self.filter_shared_stream(stream):
                yield event
        finally:
            await stream.aclose()  # type: ignore[attr-defined]


def _event(verdict: Verdict) -> dict[str, str]:
    """Return what the sensor is to know, as strings: triggers and XCom bend decimals and dates."""
    event = {"status": verdict.outcome.value, "message": str(verdict)}
    if verdict.outcome is Outcome.OPEN and verdict.balance is not None:
        seen = verdict.balance
        return {**event, "balance": money_text(seen.amount), "observed_at": seen.observed_at.isoformat()}
    if verdict.outcome is Outcome.FAIL:
        return {**event, "message": str(verdict.error), "error": type(verdict.error).__name__}
    return {**event, "status": TIMEOUT}


async def _look(hook: IyzicoHook) -> Balance | IyzicoError:
    """Fetch the Connection, so that new keys count from the next poll on, and look from a thread."""
    try:
        hook.use(await get_async_connection(hook.iyzico_conn_id))
    except AirflowNotFoundException:
        return unknown_connection(hook.iyzico_conn_id)
    except IyzicoError as error:
        return error
    return await asyncio.get_running_loop().run_in_executor(_pool(), hook.look)


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(POLL_THREADS, thread_name_prefix="iyzico")
