"""Our clock against iyzico's: what is kept must be dated right, because finance reads the newest balance by its date."""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow_provider_iyzico.errors import ClockError

WARN_AFTER = timedelta(minutes=2)
REFUSE_AFTER = timedelta(minutes=10)


def compare_clocks(observed_at: datetime, system_time: datetime | None) -> str | None:
    """Return what to warn of when our clock and iyzico's differ, or nothing.

    :param system_time: iyzico's clock, if it gave one
    :raises ClockError: they differ so much that a snapshot would mislead
    """
    if system_time is None or abs(observed_at - system_time) <= WARN_AFTER:
        return None
    said = (
        f"this machine's clock says {observed_at.isoformat()} and iyzico's {system_time.isoformat()}, "
        f"{_minutes(observed_at - system_time)} minutes apart; set the worker's clock, or tell us if iyzico's systemTime is wrong"
    )
    if abs(observed_at - system_time) > REFUSE_AFTER:
        raise ClockError(f"{said}. Nothing was kept")
    return said


def _minutes(difference: timedelta) -> int:
    return round(abs(difference) / timedelta(minutes=1))
