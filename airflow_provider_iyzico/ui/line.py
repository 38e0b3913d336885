"""The line of the balance in the chart: what was seen, cut where nobody looked, and thinned to what a screen can show.

A month may have 45,000 observations, and reading them one by one was nearly all that the page's month cost. So PostgreSQL gives
them as one text, and they stay numbers here: moments in microseconds since 1970, and exact amounts.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import BigInteger, String, cast, func, select
from sqlalchemy.engine import Connection

from airflow_provider_iyzico.ui import questions
from airflow_provider_iyzico.ui.columns import view
from airflow_provider_iyzico.ui.questions import Period, Who, digits, of, wall_clock
from airflow_provider_iyzico.warehouse.views.dialects import DEFAULT_CADENCE_MINUTES, LATE_CADENCES

#: The period is cut into this many slices, and each keeps four observations at most. That is finer than a screen.
SLICES = 500
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_MINUTE = 60_000_000


class Line(NamedTuple):
    """What was seen, in the order of time: moments in microseconds since 1970, and the balance at each."""

    moments: list[int]
    amounts: list[Decimal]


def points(
    connection: Connection, schema: str | None, who: Who, period: Period, days: list[Any], zone: ZoneInfo
) -> Iterator[list[Any] | None]:
    """Yield the line of a period: ``[at, balance]``, and ``None`` where an observation came late."""
    moments, amounts = _whole(connection, schema, who, period)
    for begin, end in split(moments, [(day.starts_at, day.cadence_minutes) for day in days]):
        part = Line(moments[begin:end], amounts[begin:end])
        for place in thin(part, period.starts_at, period.ends_at):
            yield [wall_clock(_EPOCH + part.moments[place] * _MICROSECOND, zone), digits(part.amounts[place])]
        yield None


def _whole(connection: Connection, schema: str | None, who: Who, period: Period) -> Line:
    """Return what was seen in a period, and the observation before it. A NaN that was written by hand is left out."""
    read = _at_once if connection.dialect.name == "postgresql" else _row_by_row
    moments, amounts = read(connection, schema, who, period)
    names = ("observed_at", "balance")
    if moments and (before := questions.observation_before(connection, schema, who, period.starts_at, names)):
        moments.insert(0, _microseconds(before.observed_at))
        amounts.insert(0, before.balance)
    if all(amount.is_finite() for amount in amounts):
        return Line(moments, amounts)
    kept = [(moment, amount) for moment, amount in zip(moments, amounts, strict=True) if amount.is_finite()]
    return Line([moment for moment, _ in kept], [amount for _, amount in kept])


def _row_by_row(connection: Connection, schema: str | None, who: Who, period: Period) -> Line:
    rows = list(questions.observations(connection, schema, who, period, ("observed_at", "balance")))
    return Line([_microseconds(row.observed_at) for row in rows], [row.balance for row in rows])


def _at_once(connection: Connection, schema: str | None, who: Who, period: Period) -> Line:
    source = view("iyzico_balance_observed", schema)
    moment = cast(func.date_part("epoch", source.c.observed_at) * 1_000_000, BigInteger)
    within = source.c.observed_at >= period.starts_at, source.c.observed_at < period.ends_at
    rows = of(source, who, ("balance",)).add_columns(moment.label("moment")).where(*within)
    seen = rows.order_by(source.c.observed_at, source.c.snapshot_id).subquery()
    both = cast(seen.c.moment, String) + " " + cast(seen.c.balance, String)
    parts = (connection.execute(select(func.string_agg(both, " "))).scalar() or "").split()
    line = Line(list(map(int, parts[::2])), list(map(Decimal, parts[1::2])))
    if sorted(line.moments) == line.moments:
        return line
    order = sorted(range(len(line.moments)), key=line.moments.__getitem__)  # no standard says that string_agg keeps the order
    return Line([line.moments[place] for place in order], [line.amounts[place] for place in order])


def split(moments: Sequence[int], cadences: list[tuple[datetime, int]]) -> Iterator[tuple[int, int]]:
    """Cut a line where an observation came late by the cadence of its day: yield where each part begins, and where it ends.

    :param cadences: when each day begins, in the order of time, and its cadence in minutes
    """
    begins = [_microseconds(starts_at) for starts_at, _ in cadences]
    longest = [LATE_CADENCES * minutes * _MINUTE for minutes in (DEFAULT_CADENCE_MINUTES, *[minutes for _, minutes in cadences])]
    shortest, begin = min(longest), 0
    for place, (earlier, later) in enumerate(pairwise(moments), 1):
        if later - earlier > shortest and later - earlier > longest[bisect_right(begins, later)]:
            yield begin, place
            begin = place
    if moments:
        yield begin, len(moments)


def thin(line: Line, starts_at: datetime, ends_at: datetime) -> Iterator[int]:
    """Yield the places of the first, lowest, highest and last point of each slice of time. The line looks the same."""
    moments, amounts = line
    start = _microseconds(starts_at)
    width = (_microseconds(ends_at) - start) // SLICES
    place = 0
    while place < len(moments):
        number = (moments[place] - start) // width
        after = bisect_left(moments, start + (number + 1) * width, place)
        part = amounts[place:after]
        yield from sorted({place, place + part.index(min(part)), place + part.index(max(part)), after - 1})
        place = after


def _microseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND
