"""Local days: which day a moment belongs to in a time zone, and when that day begins and ends."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

#: Years in which a snapshot may have been observed. A day in a far year would fill the calendar up to that day.
YEARS = range(2000, 2200)
#: Files that stand beside the zones of a machine. The first is another zone on each of them.
_NO_ZONES = ("localtime", "posixrules", "posix/", "right/", "Factory")


def time_zone(name: str) -> ZoneInfo:
    """Return the IANA time zone of that name.

    :raises ValueError: this machine does not know it
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, TypeError, OSError) as error:  # such as a folder of zones
        raise ValueError(f"there is no time zone {name!r} on this machine") from error


def is_zone(name: str) -> bool:
    """Tell whether reports may count days in a zone: it is one of IANA's, and the same on each machine."""
    try:
        return bool(time_zone(name)) and not name.startswith(_NO_ZONES)
    except ValueError:
        return False


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
