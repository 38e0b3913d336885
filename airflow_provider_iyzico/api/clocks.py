"""Compares this machine's clock with iyzico's, and with that of the ledger's database: only what agrees is believed."""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow_provider_iyzico.errors import ClockError

WARN_AFTER = timedelta(minutes=2)
REFUSE_AFTER = timedelta(minutes=10)


def clock_warning(observed_at: datetime, system_time: datetime | None) -> str | None:
    """Return a warning if this machine's clock and iyzico's differ, otherwise nothing.

    :param system_time: iyzico's clock, if it gave one
    """
    if system_time is None or abs(observed_at - system_time) <= WARN_AFTER:
        return None
    minutes = round(abs(observed_at - system_time) / timedelta(minutes=1))
    return (
        f"this machine's clock says {observed_at.isoformat()} and iyzico's {system_time.isoformat()}, {minutes} minutes apart; "
        "set this machine's clock, or look for a proxy that answers from its cache"
    )


def clock_error(observed_at: datetime, system_time: datetime | None) -> ClockError | None:
    """Return an error if the two clocks differ too much: then this clock is wrong, or the answer is old."""
    if system_time is None or abs(observed_at - system_time) <= REFUSE_AFTER:
        return None
    return ClockError(f"{clock_warning(observed_at, system_time)}. The balance is not believed")


def agreeing(database_now: datetime, now: datetime) -> datetime:
    """Return the moment by the clock of the ledger's database, if this machine's clock agrees.

    :raises ClockError: they differ too much
    """
    if abs(database_now - now) <= REFUSE_AFTER:
        return database_now
    raise ClockError(
        f"the clock of the ledger's database says {database_now.isoformat()}, and this machine's {now.isoformat()}; with a wrong "
        "clock, money that is set aside would be given back at the wrong time. Nothing was written now. Set the clock that is "
        "wrong, and clear this task: it reads back what was sent to iyzico before"
    )
