"""The points of the chart's line: read, cut and thinned.

Reading every observation one by one was nearly all that the page's month cost. So PostgreSQL gives them as one text. If they are
many, it gives only those that the line may keep.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import accumulate
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import BigInteger, String, cast, func, select, text
from sqlalchemy.engine import Connection

from airflow_provider_iyzico.ui import questions
from airflow_provider_iyzico.ui.columns import view
from airflow_provider_iyzico.ui.line import Line, clock_at, edges, microseconds, split, thin
from airflow_provider_iyzico.ui.questions import Period, Who, digits, of
from airflow_provider_iyzico.warehouse.views import quoted

#: With fewer observations than this between two edges, reading all of them is faster.
_MANY = 20
#: Of each part the first, lowest, highest and last observation, found in one scan. Bounds come as text, which every driver writes
#: fast. An array is as its subquery is sorted, so the first of several equal balances counts.
_EXTREMES = """
SELECT string_agg(concat_ws(' ', {moments[0]}, seen.amounts[1], {moments[1]}, seen.lowest, {moments[2]}, seen.highest,
    {moments[3]}, seen.amounts[cardinality(seen.amounts)]), ';')
FROM unnest(CAST(string_to_array(:starts, ' ') AS bigint[]), CAST(string_to_array(:ends, ' ') AS bigint[])) AS part (starts, ends)
CROSS JOIN LATERAL (
    SELECT array_agg(one.observed_at) AS moments, array_agg(one.balance) AS amounts,
           min(one.balance) AS lowest, max(one.balance) AS highest
    FROM (
        SELECT each.observed_at, each.balance
        FROM {observed} AS each
        WHERE each.environment = :environment AND each.account = :account AND each.currency = :currency
          AND each.observed_at >= TIMESTAMPTZ 'epoch' + part.starts * INTERVAL '1 microsecond'
          AND each.observed_at < TIMESTAMPTZ 'epoch' + part.ends * INTERVAL '1 microsecond'
        ORDER BY each.observed_at) AS one) AS seen
"""
_MOMENTS = [
    f"CAST(date_part('epoch', seen.moments[{place}]) * 1000000 AS bigint)"
    for place in (
        "1",
        "array_position(seen.amounts, seen.lowest)",
        "array_position(seen.amounts, seen.highest)",
        "cardinality(seen.moments)",
    )
]


def points(
    connection: Connection, schema: str | None, who: Who, period: Period, days: list[Any], zone: ZoneInfo
) -> Iterator[list[Any] | None]:
    """Yield the line of a period: ``[at, balance]``, and ``None`` where an observation came late. A NaN by hand is left out.

    :param days: the rows of iyzico_balance_daily for the period
    """
    line, places = _whole(connection, schema, who, period, days)
    for begin, end in split(line.moments, [(day.starts_at, day.cadence_minutes) for day in days], places):
        piece = Line(line.moments[begin:end], line.amounts[begin:end])
        for place in thin(piece, period.starts_at, period.ends_at):
            yield [clock_at(piece.moments[place], zone), digits(piece.amounts[place])]
        yield None


def _whole(connection: Connection, schema: str | None, who: Who, period: Period, days: list[Any]) -> tuple[Line, Iterable[int]]:
    """Return what was seen in a period after the observation before it, and the places of what may have come late."""
    (moments, amounts), begins = _seen(connection, schema, who, period, days)
    names = ("observed_at", "balance")
    earlier = questions.observation_before(connection, schema, who, period.starts_at, names) if moments else None
    if earlier is None or not earlier.balance.is_finite():
        return Line(moments, amounts), begins[1:]
    line = Line([microseconds(earlier.observed_at), *moments], [earlier.balance, *amounts])
    return line, [place + 1 for place in begins]


def _seen(connection: Connection, schema: str | None, who: Who, period: Period, days: list[Any]) -> tuple[Line, list[int]]:
    """Return what was seen in a period, and where each part begins in which no observation came late."""
    if connection.dialect.name == "postgresql":
        bounds = edges(period.starts_at, period.ends_at, days)
        if sum(day.observations for day in days) > _MANY * len(bounds):
            parts = _extremes(connection, schema, who, bounds)
            line = Line([each for part in parts for each in part.moments], [each for part in parts for each in part.amounts])
            if all(amount.is_finite() for amount in line.amounts):
                return line, list(accumulate((len(part.moments) for part in parts), initial=0))[:-1]
            # otherwise a NaN, which is above every number, may hide the highest
        line = _at_once(connection, schema, who, period)
    else:
        rows = list(questions.observations(connection, schema, who, period, ("observed_at", "balance")))
        line = Line([microseconds(row.observed_at) for row in rows], [row.balance for row in rows])
    if not all(amount.is_finite() for amount in line.amounts):
        kept = [place for place, amount in enumerate(line.amounts) if amount.is_finite()]
        line = Line([line.moments[place] for place in kept], [line.amounts[place] for place in kept])
    return line, list(range(len(line.moments)))


def _at_once(connection: Connection, schema: str | None, who: Who, period: Period) -> Line:
    source = view("iyzico_balance_observed", schema)
    moment = cast(func.date_part("epoch", source.c.observed_at) * 1_000_000, BigInteger)
    within = source.c.observed_at >= period.starts_at, source.c.observed_at < period.ends_at
    rows = of(source, who, ("balance",)).add_columns(moment.label("moment")).where(*within)
    seen = rows.order_by(source.c.observed_at).subquery()
    both = cast(seen.c.moment, String) + " " + cast(seen.c.balance, String)
    words = (connection.execute(select(func.string_agg(both, " "))).scalar() or "").split()
    line = Line(list(map(int, words[::2])), list(map(Decimal, words[1::2])))
    if sorted(line.moments) == line.moments:
        return line
    order = sorted(range(len(line.moments)), key=line.moments.__getitem__)  # no standard says that string_agg keeps the order
    return Line([line.moments[place] for place in order], [line.amounts[place] for place in order])


def _extremes(connection: Connection, schema: str | None, who: Who, bounds: list[int]) -> list[Line]:
    """Return the first, lowest, highest and last observation between each pair of bounds, if there is any."""
    query = _EXTREMES.format(observed=quoted("iyzico_balance_observed", schema), moments=_MOMENTS)
    starts, ends = (" ".join(map(str, each)) for each in (bounds[:-1], bounds[1:]))
    said = connection.execute(text(query), {**who._asdict(), "starts": starts, "ends": ends}).scalar() or ""
    parts = (part.split() for part in said.split(";") if part)
    # Moments have equally many digits since 2001, so they sort as text, too.
    seen = sorted(sorted(set(zip(words[::2], words[1::2], strict=True))) for words in parts)
    return [Line([int(moment) for moment, _ in part], [Decimal(amount) for _, amount in part]) for part in seen]
