"""The line of the balance in the chart: cut where an observation came late, and thinned to what a screen can show.

A month may have 45,000 observations, so they stay numbers here: moments in microseconds since 1970, and exact amounts.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from airflow_provider_iyzico.warehouse.views.dialects import DEFAULT_CADENCE_MINUTES, LATE_CADENCES

#: The period is cut into this many slices, and each keeps four observations at most. That is finer than a screen.
SLICES = 500
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_MINUTE = 60_000_000
_QUARTER = 15 * _MINUTE


class Line(NamedTuple):
    """What was seen, in the order of time: moments in microseconds since 1970, and the balance at each."""

    moments: list[int]
    amounts: list[Decimal]


def split(moments: Sequence[int], cadences: list[tuple[datetime, int]], places: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Cut a line where an observation came late by the cadence of its day: yield where each part begins, and where it ends.

    :param cadences: when each day begins, in the order of time, and its cadence in minutes
    :param places: of the observations that may have come late, in the order of time
    """
    begins = [microseconds(starts_at) for starts_at, _ in cadences]
    longest = [LATE_CADENCES * minutes * _MINUTE for minutes in (DEFAULT_CADENCE_MINUTES, *[minutes for _, minutes in cadences])]
    shortest, begin = min(longest), 0
    for place in places:
        earlier, later = moments[place - 1], moments[place]
        if later - earlier > shortest and later - earlier > longest[bisect_right(begins, later)]:
            yield begin, place
            begin = place
    if moments:
        yield begin, len(moments)


def thin(line: Line, starts_at: datetime, ends_at: datetime) -> Iterator[int]:
    """Yield the places of the first, lowest, highest and last point of each slice of time. The line looks the same."""
    moments, amounts = line
    start, width = microseconds(starts_at), _width(starts_at, ends_at)
    place = 0
    while place < len(moments):
        number = (moments[place] - start) // width
        after = bisect_left(moments, start + (number + 1) * width, place)
        part = amounts[place:after]
        yield from sorted({place, place + part.index(min(part)), place + part.index(max(part)), after - 1})
        place = after


def edges(starts_at: datetime, ends_at: datetime, days: list[Any]) -> list[int]:
    """Return moments that cut a period so finely that each part needs only its first, lowest, highest and last observation.

    No part reaches beyond a slice, and none has an observation that came late after another one of the same part. So a line of
    these observations is split and thinned like the line of all.

    :param days: the rows of iyzico_balance_daily for the period
    :return: microseconds since 1970
    """
    start, end = microseconds(starts_at), microseconds(ends_at)
    found = set(range(start, end, _width(starts_at, ends_at)))
    for day in days:
        begins, ends = microseconds(day.starts_at), microseconds(day.ends_at)
        late = round(LATE_CADENCES * day.cadence_minutes * _MINUTE)
        found |= {begins, ends}
        if day.longest_gap_minutes * _MINUTE >= late:
            found.update(range(begins, ends, late))
    return [each for each in sorted(found) if start <= each < end] + [end]


def clock_at(number: int, zone: ZoneInfo) -> int:
    """Return what a clock in ``zone`` showed, in milliseconds, as if the zone were UTC.

    :param number: of microseconds since 1970
    """
    return round((number + _ahead(number // _QUARTER, zone)) / 1000)


@lru_cache(maxsize=SLICES)
def _ahead(quarter: int, zone: ZoneInfo) -> int:
    """Return by how many microseconds the clocks of a zone are ahead of UTC. None is set within a quarter of an hour.

    :param quarter: which quarter of an hour since 1970
    """
    return (moment_of(quarter * _QUARTER).astimezone(zone).utcoffset() or timedelta()) // _MICROSECOND


def moment_of(number: int) -> datetime:
    """Return the moment of so many microseconds since 1970."""
    return _EPOCH + number * _MICROSECOND


def microseconds(moment: datetime) -> int:
    """Return a moment in microseconds since 1970."""
    return (moment - _EPOCH) // _MICROSECOND


def _width(starts_at: datetime, ends_at: datetime) -> int:
    return (microseconds(ends_at) - microseconds(starts_at)) // SLICES
