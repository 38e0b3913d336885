"""``LedgerPauseTrigger``: the wait of a gate whose ledger does not answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_iyzico.domain.event import GateEvent
from airflow_provider_iyzico.domain.gate import Outcome

#: The clocks of worker and triggerer may differ. A gate that is woken too early asks again.
LONGEST_SECONDS = 900.0


class LedgerPauseTrigger(BaseTrigger):
    """Wakes a gate after a pause, so that its worker asks the ledger again. It asks nobody itself.

    :param iyzico_conn_id: whose balance the gate waits for, with its ``currency``: for the event
    :param wakes_at: when to wake the task, in seconds since the epoch; at the latest a quarter of an hour from now
    :param ends_at: when its wait ends: for the event, and not later than that
    """

    def __init__(self, iyzico_conn_id: str, currency: str, wakes_at: float, ends_at: float) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.iyzico_conn_id = iyzico_conn_id
        self.currency = currency
        self.wakes_at = wakes_at
        self.ends_at = ends_at

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class path and the constructor's arguments, JSON primitives all."""
        return (
            "airflow_provider_iyzico.triggers.pause.LedgerPauseTrigger",
            {
                "iyzico_conn_id": self.iyzico_conn_id,
                "currency": self.currency,
                "wakes_at": self.wakes_at,
                "ends_at": self.ends_at,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Sleep, and fire once."""
        await asyncio.sleep(min(max(min(self.wakes_at, self.ends_at) - time.time(), 0), LONGEST_SECONDS))
        event = GateEvent(
            Outcome.WAITING,
            "the pause is over",
            polls=0,
            ends_at=self.ends_at,
            iyzico_conn_id=self.iyzico_conn_id,
            currency=self.currency,
        )
        yield TriggerEvent(event.written())  # type: ignore[no-untyped-call]
