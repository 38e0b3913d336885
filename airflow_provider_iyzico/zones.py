"""Time zones in which days may be counted. A Connection and a command name one."""

from __future__ import annotations

from zoneinfo import ZoneInfo

#: Files that stand beside the zones of a machine. The first is another zone on each of them, and DuckDB knows none.
_NO_ZONES = ("localtime", "posixrules", "posix/", "right/", "Factory")


def is_zone(name: object) -> bool:
    """Tell whether it is the name of one of IANA's time zones, and the same on each machine."""
    try:
        return isinstance(name, str) and bool(ZoneInfo(name)) and not name.startswith(_NO_ZONES)
    except (ValueError, OSError, LookupError):
        return False


def zone_named(name: str) -> ZoneInfo:
    """Return a time zone, or UTC if this machine does not know it. Show the name of what it returns."""
    try:
        return ZoneInfo(name)
    except (TypeError, ValueError, OSError, LookupError):  # such as a folder of zones
        return ZoneInfo("UTC")
