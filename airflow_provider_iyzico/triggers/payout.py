"""``MassPayoutTrigger``: follows an authorized batch, and changes nothing."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Hashable
from contextlib import aclosing
from functools import partial
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_iyzico.domain.progress import Progress
from airflow_provider_iyzico.errors import IyzicoConfigurationError, IyzicoError, is_safe_to_repeat, restated, unexpected
from airflow_provider_iyzico.hooks.iyzico import IyzicoHook
from airflow_provider_iyzico.triggers.polling import polls, want_next_poll
from airflow_provider_iyzico.triggers.sharing import shared

#: Airflow 3 may fail a task that goes on sooner after its deferral.
SETTLING_SECONDS = 10.0


class MassPayoutTrigger(BaseTrigger):
    """Fires when every item of a batch is decided, when the batch can no longer be read, or at ``wake_at``.

    The event is a dict of strings: ``why`` (``decided``, ``failed`` or ``time``) and ``message``. The task reads iyzico again and
    decides, so an event that comes late or twice does no harm. All triggers of one batch and interval share one poll.

    :param iyzico_conn_id: id of the iyzico Connection, read again for every poll
    :param request_id: iyzico's id of the batch
    :param external_id: your own name for the batch, for the log
    :param poll_seconds: seconds from the end of one poll to the next
    :param wake_at: when the task resumes at the latest, in seconds since the epoch
    :raises IyzicoConfigurationError: an argument cannot be right
    """

    def __init__(self, iyzico_conn_id: str, request_id: str, external_id: str, poll_seconds: float, wake_at: float) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        for name, value in (("poll_seconds", poll_seconds), ("wake_at", wake_at)):
            if not isinstance(value, (int, float)) or not 0 <= value < math.inf:
                raise IyzicoConfigurationError(f"{name} is {value!r}; give seconds, zero or more")
        self.iyzico_conn_id = iyzico_conn_id
        self.request_id = request_id
        self.external_id = external_id
        self.poll_seconds = poll_seconds
        self.wake_at = wake_at

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class path and the constructor's arguments, JSON primitives all."""
        names = ("iyzico_conn_id", "request_id", "external_id", "poll_seconds", "wake_at")
        return (
            "airflow_provider_iyzico.triggers.mass_payout.MassPayoutTrigger",
            {name: getattr(self, name) for name in names},
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Poll until something is to be done."""
        not_before = time.time() + SETTLING_SECONDS
        why, message = "time", f"{self.external_id}: time to read it again"
        try:
            async with asyncio.timeout(max(self.wake_at - time.time(), 0.0)):
                why, message = await self._decided()
        except TimeoutError:
            pass
        await asyncio.sleep(min(max(not_before - time.time(), 0.0), SETTLING_SECONDS))
        yield TriggerEvent({"why": why, "message": message})  # type: ignore[no-untyped-call]

    async def _decided(self) -> tuple[str, str]:
        key = ("iyzico-mass-payout", self.iyzico_conn_id, self.request_id, self.poll_seconds)
        ask = partial(_ask, self.request_id)
        want_next_poll(key)
        stream = shared(key, lambda: polls(key, self.iyzico_conn_id, ask, _essence, pause_seconds=self.poll_seconds))
        async with aclosing(stream):
            async for poll in stream:
                line = f"{poll.account}: {self.external_id}: {poll.seen}"
                self.log.info("%s", line)  # the stream yields what is new, and a line every quarter of an hour
                if isinstance(poll.seen, IyzicoError):
                    if not is_safe_to_repeat(poll.seen):
                        return "failed", line
                elif poll.seen.is_decided:
                    return "decided", line
        return "time", f"{self.external_id}: nothing was seen"


def _ask(request_id: str, hook: IyzicoHook) -> Progress | IyzicoError:
    """Read the batch, and keep no more of it than counts."""
    try:
        return Progress.of(hook.retrieve_mass_payout(request_id=request_id))
    except IyzicoError as error:
        return error
    except Exception as error:  # noqa: BLE001 - the next poll may do better
        return restated(unexpected(error))


def _essence(seen: Progress | IyzicoError) -> Hashable:
    return str(seen)
