"""A day of the roll-up, computed from its observations in order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import NamedTuple

from airflow_provider_iyzico.warehouse.database.exact import EXACT

_NOTHING = Decimal(0)


class Seen(NamedTuple):
    """The part of an observation that a day needs."""

    local_date: date
    observed_at: datetime
    balance: Decimal


class Day(NamedTuple):
    """What was observed on one day of one account.

    :param closing: the last balance seen; ``closing_at`` is when
    :param lowest_at: when the lowest balance was seen first; ``highest_at`` likewise
    :param inflow: sum of the increases that the day's observations saw; ``outflow`` of the decreases, as a positive amount
    :param longest_gap_minutes: between two observations of the day, to four decimals
    """

    local_date: date
    first_at: datetime
    closing: Decimal
    closing_at: datetime
    lowest: Decimal
    lowest_at: datetime
    highest: Decimal
    highest_at: datetime
    inflow: Decimal
    outflow: Decimal
    longest_gap_minutes: Decimal
    observations: int

    @classmethod
    def begin(cls, seen: Seen, previous: Decimal | None) -> Day:
        """Begin a day with its first observation; ``previous`` is the last balance before it."""
        change = _NOTHING if previous is None else EXACT.subtract(seen.balance, previous)
        return cls(
            local_date=seen.local_date,
            first_at=seen.observed_at,
            closing=seen.balance,
            closing_at=seen.observed_at,
            lowest=seen.balance,
            lowest_at=seen.observed_at,
            highest=seen.balance,
            highest_at=seen.observed_at,
            inflow=max(change, _NOTHING),
            outflow=max(EXACT.minus(change), _NOTHING),
            longest_gap_minutes=_NOTHING,
            observations=1,
        )

    def add(self, seen: Seen) -> Day:
        """Return the day with one later observation."""
        change = EXACT.subtract(seen.balance, self.closing)
        is_low, is_high = seen.balance < self.lowest, seen.balance > self.highest
        return self._replace(
            closing=seen.balance,
            closing_at=seen.observed_at,
            lowest=seen.balance if is_low else self.lowest,
            lowest_at=seen.observed_at if is_low else self.lowest_at,
            highest=seen.balance if is_high else self.highest,
            highest_at=seen.observed_at if is_high else self.highest_at,
            inflow=EXACT.add(self.inflow, max(change, _NOTHING)),
            outflow=EXACT.add(self.outflow, max(EXACT.minus(change), _NOTHING)),
            longest_gap_minutes=max(self.longest_gap_minutes, minutes(self.closing_at, seen.observed_at)),
            observations=self.observations + 1,
        )


def fold(seen: Iterable[Seen], previous: Decimal | None = None) -> Iterator[Day]:
    """Fold one account's observations, in the order of time, into days; ``previous`` is the balance before the first."""
    for _, group in groupby(seen, key=lambda each: each.local_date):
        day: Day | None = None
        for each in group:
            day = Day.begin(each, previous) if day is None else day.add(each)
        if day is not None:
            previous = day.closing
            yield day


def minutes(start: datetime, end: datetime) -> Decimal:
    """Return the minutes between two moments, to four decimals."""
    ten_thousandths, rest = divmod((end - start) // timedelta(microseconds=1), 6_000)
    return EXACT.scaleb(Decimal(ten_thousandths + (rest >= 3_000)), -4)
