"""Local days: which day a moment belongs to in a time zone, and when that day begins and ends."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

#: Years in which a snapshot may have been observed. A day in a far year would fill the calendar up to that day.
YEARS = range(2000, 2200)


def time_zone(name: str) -> ZoneInfo:
    """Return the IANA time zone of that name.

    :raises ValueError: this machine does not know it
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, TypeError, OSError) as error:  # such as a folder of zones
        raise ValueError(f"there is no time zone {name!r} on this machine") from error


def local_date(moment: datetime, zone: str) -> date:
    """Return the day that ``moment`` belongs to in ``zone``."""
    return moment.astimezone(time_zone(zone)).date()


def check_year(moment: datetime) -> None:
    """:raises ValueError: no snapshot can have been observed then"""
    if moment.year not in YEARS:
        raise ValueError(f"{moment.isoformat()} is no moment of an observation")


def start_and_end(day: date, zone: str) -> tuple[datetime, datetime]:
    """Return when a local day begins and ends, in UTC."""
    start, end = (datetime.combine(each, time(), time_zone(zone)).astimezone(UTC) for each in (day, day + timedelta(1)))
    return start, end
