"""This machine's clock against iyzico's: a balance is worth something only with a date that can be believed."""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow_provider_iyzico.errors import ClockError

WARN_AFTER = timedelta(minutes=2)
REFUSE_AFTER = timedelta(minutes=10)


def check_clocks(observed_at: datetime, system_time: datetime | None) -> str | None:
    """Return what to warn of when this machine's clock and iyzico's differ, or nothing.

    :param system_time: iyzico's clock, if it gave one
    :raises ClockError: they differ so much that the answer is not believed: the clock is wrong, or the answer is old
    """
    if system_time is None or abs(observed_at - system_time) <= WARN_AFTER:
        return None
    said = (
        f"this machine's clock says {observed_at.isoformat()} and iyzico's {system_time.isoformat()}, "
        f"{_minutes(observed_at - system_time)} minutes apart; set this machine's clock, or look for a proxy that answers with "
        "what it has kept"
    )
    if abs(observed_at - system_time) > REFUSE_AFTER:
        raise ClockError(f"{said}. The balance is not believed")
    return said


def _minutes(difference: timedelta) -> int:
    return round(abs(difference) / timedelta(minutes=1))
