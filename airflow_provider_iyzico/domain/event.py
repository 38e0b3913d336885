"""What a trigger tells the task that it wakes: one type, to and from the dict of strings that Airflow carries. Pure."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from airflow_provider_iyzico.api.money import money_from_text, money_text
from airflow_provider_iyzico.domain.gate import Outcome, Verdict
from airflow_provider_iyzico.errors import GateEventError

#: How the event spells an outcome. Events of other versions are in flight while one is installed, so these words stay.
_WIRE = {Outcome.OPENED: "open", Outcome.FAILED: "fail", Outcome.TIMED_OUT: "timeout", Outcome.WAITING: "recheck"}
_OUTCOMES = {word: outcome for outcome, word in _WIRE.items()}
#: What the event of each outcome must have, beside its status and its message.
_WANTED = {Outcome.OPENED: ("balance", "observed_at"), Outcome.FAILED: ("error",), Outcome.TIMED_OUT: (), Outcome.WAITING: ()}
#: A balance that was seen longer ago than this (or than one interval, if that is longer) is asked for again. Between the
#: trigger and the worker lie scheduler, broker and free slots, so the event may come late.
FRESH_SECONDS = 60.0
#: A difference of this much between the clocks of two machines is normal.
SKEW_SECONDS = 5.0
#: An event from further in the future is refused: no clock is wrong by so much.
FUTURE = timedelta(days=1)
#: The end of the year 9999, where the calendar ends.
LATEST_EPOCH = 253_402_300_800.0


@dataclass(frozen=True, slots=True)
class GateEvent:
    """What a deferred task is woken with, as the trigger saw it.

    :param outcome: waiting if the task is to ask the ledger again
    :param message: why, for people
    :param polls: how many polls began during the wait, if a task waits
    :param ends_at: when the whole wait ends at the latest, in seconds since the epoch
    :param balance: the last balance seen, if any was, and when it was ``observed_at``
    :param error: the name of the error, if the gate failed
    :param iyzico_conn_id: whose balance it was; with its ``currency``, ``None`` in the events of older triggers
    :param required: what the trigger waited for
    :param system_time: iyzico's clock when it answered, if it gave one
    """

    outcome: Outcome
    message: str
    polls: int | None = None
    ends_at: float | None = None
    balance: Decimal | None = None
    observed_at: datetime | None = None
    error: str | None = None
    iyzico_conn_id: str | None = None
    currency: str | None = None
    required: Decimal | None = None
    system_time: datetime | None = None

    @classmethod
    def of(cls, verdict: Verdict) -> GateEvent:
        """Return the event of a verdict that ends the wait."""
        if verdict.error is None:
            return cls(verdict.outcome, str(verdict))
        return cls(verdict.outcome, str(verdict.error), error=type(verdict.error).__name__)

    @classmethod
    def read(cls, event: object) -> GateEvent:
        """Read the dict that Airflow carried.

        :raises GateEventError: no trigger writes such an event
        """
        if not isinstance(event, dict):
            raise GateEventError("the gate was resumed without an event")
        outcome = _OUTCOMES.get(str(event.get("status")))
        wanted = ("status", "message", *(_WANTED[outcome] if outcome else ()))
        missing = [name for name in wanted if not isinstance(event.get(name), str)]
        if missing:
            raise GateEventError(f"the gate was resumed with an event without {missing}")
        if outcome is None:
            raise GateEventError(f"the gate was resumed with the unknown status {event['status'][:40]!r}")
        try:
            return cls(
                outcome=outcome,
                message=event["message"],
                polls=_count(event["polls"]) if "polls" in event else None,
                ends_at=_epoch(event["ends_at"]) if event.get("ends_at") is not None else None,
                balance=money_from_text(event["balance"], "the event's balance") if "balance" in event else None,
                observed_at=_moment(event["observed_at"]) if "observed_at" in event else None,
                error=event.get("error"),
                iyzico_conn_id=event.get("iyzico_conn_id"),
                currency=event.get("currency"),
                required=money_from_text(event["required"], "the event's requirement") if "required" in event else None,
                system_time=_moment(event["system_time"]) if "system_time" in event else None,
            )
        except (TypeError, ValueError, OverflowError) as error:
            raise GateEventError(f"the gate was resumed with an event that cannot be read: {str(error)[:200]}") from error

    def is_of(self, iyzico_conn_id: str, currency: str) -> bool:
        """Tell whether it is about this balance. The DAG file may name another Connection since the gate began to wait."""
        return self.iyzico_conn_id in (None, iyzico_conn_id) and self.currency in (None, currency)

    def is_early(self) -> bool:
        """Tell whether the trigger ended the wait before its end, by this machine's clock.

        :raises GateEventError: it is so early that one of the clocks must be wrong
        """
        seconds_left = (self.ends_at or 0.0) - time.time()
        if seconds_left > FRESH_SECONDS:
            raise GateEventError("the trigger ended the wait much too early; set the clock of the triggerer or worker")
        return seconds_left > SKEW_SECONDS

    def written(self) -> dict[str, str]:
        """Return the dict that Airflow carries. It holds strings, because triggers and XCom change decimals and dates."""
        fields = {
            "status": _WIRE[self.outcome],
            "message": self.message,
            "polls": None if self.polls is None else str(self.polls),
            "ends_at": None if self.ends_at is None else repr(self.ends_at),
            "balance": None if self.balance is None else money_text(self.balance),
            "observed_at": None if self.observed_at is None else self.observed_at.isoformat(),
            "error": self.error,
            "iyzico_conn_id": self.iyzico_conn_id,
            "currency": self.currency,
            "required": None if self.required is None else money_text(self.required),
            "system_time": None if self.system_time is None else self.system_time.isoformat(),
        }
        return {name: value for name, value in fields.items() if value is not None}

    def is_fresh(self, poll_seconds: float) -> bool:
        """Tell whether the balance is recent enough to open a gate, by this machine's clock, if that agrees with iyzico's.

        :raises GateEventError: it was seen too far in the future, or no balance was seen
        """
        now = datetime.now(UTC)
        if self.observed_at is None or self.observed_at > now + FUTURE:
            raise GateEventError(f"the gate was resumed with a balance of {self.observed_at}, which is in the future")
        if self.system_time and abs((self.system_time - self.observed_at).total_seconds()) > SKEW_SECONDS:
            return False  # with a wrong clock, an old balance may look new
        return -SKEW_SECONDS <= (now - self.observed_at).total_seconds() <= max(poll_seconds, FRESH_SECONDS)


def _epoch(text: Any) -> float:
    if not isinstance(text, str) or not 0 < float(text) < LATEST_EPOCH:
        raise ValueError("ends_at is not a moment")
    return float(text)


def _count(text: Any) -> int:
    number = int(text)
    if number < 0:
        raise ValueError("polls is negative")
    return number


def _moment(text: Any) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("observed_at has no time zone")
    return moment.astimezone(UTC)
