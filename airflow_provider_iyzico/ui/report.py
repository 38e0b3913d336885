"""Everything that the page shows of one account in one period, as one JSON object."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import groupby
from operator import attrgetter
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy.engine import Connection, Row

from airflow_provider_iyzico.ui import questions
from airflow_provider_iyzico.ui.notices import Notice
from airflow_provider_iyzico.ui.payouts import available
from airflow_provider_iyzico.ui.questions import Period, Who, digits, plain, wall_clock
from airflow_provider_iyzico.ui.reasons import reason_code
from airflow_provider_iyzico.ui.thresholds import with_days_to_threshold
from airflow_provider_iyzico.warehouse.views import DEFAULT_CADENCE_MINUTES, LATE_CADENCES

#: Up to this many days the chart draws observations. For a longer period it draws one point per day.
MOST_OBSERVED_DAYS = 31
MOST_DAYS = 3 * 366
#: At most this many gates are listed and drawn: the newest.
MOST_GATES = 200
#: The period is cut into this many slices, and each keeps four observations at most. That is finer than a screen.
SLICES = 500
_OLDEST, _NEWEST = date(1900, 1, 1), date(9000, 1, 1)


class Point(NamedTuple):
    """The part of an observation that the chart needs."""

    observed_at: datetime
    balance: Decimal


def report(connection: Connection, schema: str | None, who: Who, first: date | None, last: date | None) -> dict[str, Any]:
    """Return what the page shows of an account in a period; without dates, today.

    :raises Notice: there is no such account, or no such period
    """
    latest = latest_of(connection, schema, who)
    zone = questions.zone_named(latest["report_timezone"])
    now = datetime.now(UTC)
    today = now.astimezone(zone).date()
    period = period_of(first or today, last or today, zone)
    seen_by = questions.observation_before(connection, schema, who, None, ("dag_id", "run_id"))
    days = questions.days(connection, schema, who, period)
    gates = [_gate(gate, zone) for gate in questions.gates(connection, schema, who, period, MOST_GATES)]
    is_observed = (period.last - period.first).days < MOST_OBSERVED_DAYS
    return {
        "latest": latest,
        "seen_by": seen_by and plain(seen_by),
        "funds": available(connection, schema, who, latest, zone),
        "runway": with_days_to_threshold(questions.runway(connection, schema, who), latest),
        "now": wall_clock(now, zone),
        "today": today.isoformat(),
        "first": period.first.isoformat(),
        "last": period.last.isoformat(),
        "starts_at": wall_clock(period.starts_at, zone),
        "ends_at": wall_clock(period.ends_at, zone),
        "points": list(_points(connection, schema, who, period, days, zone)) if is_observed else None,
        "days": [plain(day, zone) for day in days],
        "gates": gates,
        "most_gates": MOST_GATES,
    }


def _gate(gate: Row[Any], zone: ZoneInfo) -> dict[str, Any]:
    return plain(gate, zone) | {"reason_code": reason_code(gate.outcome, gate.reason, gate.last_balance)}


def latest_of(connection: Connection, schema: str | None, who: Who) -> dict[str, Any]:
    """Return the newest balance of an account.

    :raises Notice: there is no such account
    """
    if (latest := questions.latest(connection, schema, who)) is None:
        raise Notice("not_found", "/".join(who))
    return latest


def period_of(first: date, last: date, zone: ZoneInfo) -> Period:
    """Return the period of whole days that a reader asked for.

    :raises Notice: it ends before it begins, or is too long
    """
    if (last - first).days not in range(MOST_DAYS) or not _OLDEST <= first <= last <= _NEWEST:
        raise Notice("bad_period", f"{first} … {last}", days=MOST_DAYS)
    return Period.of(first, last, zone)


def _points(
    connection: Connection, schema: str | None, who: Who, period: Period, days: list[Any], zone: ZoneInfo
) -> Iterator[list[Any] | None]:
    """Yield the line of the balance: ``[at, balance]``, and ``None`` where an observation came late."""
    seen = [Point._make(row) for row in questions.observations(connection, schema, who, period, Point._fields)]
    if seen and (before := questions.observation_before(connection, schema, who, period.starts_at, Point._fields)):
        seen.insert(0, Point._make(before))
    seen = [point for point in seen if point.balance.is_finite()]  # a NaN may have been written by hand
    for part in split(seen, [(day.starts_at, day.cadence_minutes) for day in days]):
        for point in thin(part, period.starts_at, period.ends_at):
            yield [wall_clock(point.observed_at, zone), digits(point.balance)]
        yield None


def split(points: Iterable[Point], cadences: list[tuple[datetime, int]]) -> Iterator[list[Point]]:
    """Cut a line where an observation came late by the cadence of its day.

    :param cadences: when each day begins, in the order of time, and its cadence in minutes
    """
    begins = [starts_at for starts_at, _ in cadences]
    part: list[Point] = []
    for point in points:
        day = bisect_right(begins, point.observed_at) - 1
        longest = LATE_CADENCES * (cadences[day][1] if day >= 0 else DEFAULT_CADENCE_MINUTES) * 60
        if part and (point.observed_at - part[-1].observed_at).total_seconds() > longest:
            yield part
            part = []
        part.append(point)
    if part:
        yield part


def thin(points: Iterable[Point], starts_at: datetime, ends_at: datetime) -> Iterator[Point]:
    """Keep the first, the lowest, the highest and the last point of each slice of time. The line looks the same."""
    width = (ends_at - starts_at) / SLICES
    for _, group in groupby(points, key=lambda point: (point.observed_at - starts_at) // width):
        each = list(group)
        yield from sorted({each[0], min(each, key=_balance), max(each, key=_balance), each[-1]})


_balance = attrgetter("balance")
