"""Both ends of a deferred wait: what a gate hands its trigger, and what it makes of the trigger's event."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from airflow.providers.common.compat.sdk import AirflowSensorTimeout

from airflow_provider_iyzico.api.balance import Balance
from airflow_provider_iyzico.api.money import money_text
from airflow_provider_iyzico.domain.event import GateEvent
from airflow_provider_iyzico.domain.gate import Need, Outcome, Verdict, judge
from airflow_provider_iyzico.errors import GateEventError, WarehouseError, error_named
from airflow_provider_iyzico.triggers.mass_payout import SETTLING_SECONDS, MassPayoutBalanceTrigger
from airflow_provider_iyzico.triggers.pause import LedgerPauseTrigger


def trigger_after(
    verdict: Verdict,
    iyzico_conn_id: str,
    currency: str,
    poll_seconds: float,
    seconds_left: float,
    recheck_seconds: float | None,
) -> MassPayoutBalanceTrigger | LedgerPauseTrigger:
    """Return the trigger that goes on waiting after a poll of the worker.

    :param seconds_left: until the wait ends
    :param recheck_seconds: until the worker asks its ledger again, if the gate sets money aside
    """
    now, need = time.time(), verdict.need
    if need is None or isinstance(verdict.error, WarehouseError):  # no balance helps a gate whose ledger does not answer
        return LedgerPauseTrigger(iyzico_conn_id, currency, wakes_at=now + poll_seconds, ends_at=now + seconds_left)
    aside: dict[str, Any] = {}
    if recheck_seconds is not None:
        recheck_at = now + max(recheck_seconds, min(poll_seconds, SETTLING_SECONDS))
        aside = {"held": money_text(need.held), "held_by": need.held_by, "recheck_at": recheck_at}
    return MassPayoutBalanceTrigger(
        iyzico_conn_id=iyzico_conn_id,
        batch_total=money_text(need.batch_total),
        headroom=money_text(need.headroom),
        currency=need.currency,
        poll_seconds=poll_seconds,
        ends_at=now + seconds_left,
        not_before=now + verdict.retry_after if verdict.retry_after else None,
        **aside,
    )


@dataclass(frozen=True, slots=True)
class ResumedGate:
    """What the resumed task asks for now. Its DAG file or its batch may have changed while the trigger waited.

    :param need: what is required; ``None`` if the templates no longer say it
    :param started_at: when Airflow started this try, if Airflow tells
    """

    iyzico_conn_id: str
    currency: str
    need: Need | None
    poll_seconds: float
    timeout_seconds: float
    started_at: datetime | None

    def reason_to_ask(self, seen: GateEvent) -> str | None:
        """Return why iyzico must be asked again, or ``None`` if what the trigger saw may open the gate.

        :raises AirflowSensorTimeout: time is up
        :raises IyzicoError: the error that the trigger saw
        :raises GateEventError: a clock is wrong
        """
        if not seen.is_of(self.iyzico_conn_id, self.currency):
            return f"the trigger polled {seen.iyzico_conn_id} in {seen.currency}, and this task now needs another balance"
        if seen.required is not None and self.need is not None and seen.required != self.need.required:
            return f"the trigger waited for {money_text(seen.required)}, and the batch now needs {money_text(self.need.required)}"
        if seen.outcome is Outcome.TIMED_OUT:
            if seen.is_early():
                return "the trigger gave up too early"
            raise AirflowSensorTimeout(seen.message)
        if seen.outcome is Outcome.WAITING:
            return "the holds of others may have changed"
        if seen.outcome is Outcome.FAILED and seen.error is not None:
            raise error_named(seen.error, seen.message)
        return None if seen.is_fresh(self.poll_seconds) else f"the trigger saw the balance too long ago, at {seen.observed_at}"

    def seconds_left(self, seen: GateEvent) -> float:
        """Return how long the wait may go on.

        :raises GateEventError: neither the event of an older trigger nor Airflow tells when it ends
        """
        if seen.ends_at is not None:
            return min(seen.ends_at - time.time(), self.timeout_seconds)
        if self.started_at is not None:
            return self.timeout_seconds - (datetime.now(UTC) - self.started_at).total_seconds()
        raise GateEventError("an older version resumed the gate, and does not say when its wait ends; clear the task")


def opened(seen: GateEvent, need: Need, account: str) -> Verdict:
    """Judge what the trigger saw by the task's own batch.

    :param account: whose balance it is, for people
    :raises GateEventError: the balance does not cover the batch
    """
    if seen.balance is None or seen.observed_at is None:
        raise GateEventError("the gate was resumed without a balance")
    balance = Balance(seen.balance, str(seen.balance), None, seen.observed_at, seen.observed_at, latency_ms=0)
    verdict = judge(balance, need, account)
    if not verdict.is_open:
        raise GateEventError(f"the trigger opened the gate, but its task sees {verdict}; did batch_total change?")
    return verdict
