"""The entries of a statement, and the check that they add up. Nothing is rounded, and what does not add up is refused."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from airflow_provider_iyzico.errors import WarehouseStatementError
from airflow_provider_iyzico.warehouse.database.exact import exactly
from airflow_provider_iyzico.warehouse.statement.figures import Day, Figures, Movement, Sums, Whose

_NOTHING = Decimal(0)


class Kind(StrEnum):
    """What an entry is."""

    CAME_IN = "came_in"
    PAYOUT = "payout"
    COMMISSION = "commission"
    RETURN = "return"
    COMMISSION_RETURN = "commission_return"
    UNEXPLAINED = "unexplained"


@dataclass(frozen=True, slots=True)
class Entry:
    """One change of the balance.

    :param number: from 1 on
    :param amount: below zero if it left the balance; never zero
    :param balance: after the entry
    :param external_id: of the batch, if the entry is of one
    :param items: how many items left or came back
    :param unseen: the first and the last of the days without a snapshot just before, which the entry also covers
    """

    number: int
    local_date: date
    kind: Kind
    amount: Decimal
    balance: Decimal
    external_id: str | None = None
    items: int | None = None
    unseen: tuple[date, date] | None = None


@dataclass(frozen=True, slots=True)
class Statement:
    """A month of one account, in which opening + entries = closing.

    :param month: such as ``2026-11``
    :param starts_at: of its first day, in UTC
    :param ends_at: of its last day, in UTC
    :param opening_date: the day before; in an account's first month the day of its first snapshot
    :param last_seen_date: the day of the last snapshot, which the closing balance is of
    :param under_way: what was authorized, and of which nothing was known yet at the end
    :param others: the other accounts of the warehouse, whose names in a format must be others
    """

    whose: Whose
    month: str
    report_timezone: str
    starts_at: datetime
    ends_at: datetime
    opening: Decimal
    opening_date: date
    closing: Decimal
    closing_date: date
    last_seen_date: date
    entries: tuple[Entry, ...]
    under_way: Decimal
    days: int
    complete_days: int
    others: tuple[Whose, ...] = ()

    @property
    def unexplained(self) -> Decimal:
        """Return the sum of what nothing explains."""
        return sum((entry.amount for entry in self.entries if entry.kind is Kind.UNEXPLAINED), _NOTHING)


@exactly
def statement_of(figures: Figures) -> Statement:
    """Return the statement of a month.

    :raises WarehouseStatementError: the closing balance is not known, or the figures of the views do not add up
    """
    days, totals = figures.days, figures.totals
    last_seen_date, closing = _last_seen(figures)
    entries = tuple(_entries(figures))
    statement = Statement(
        whose=figures.whose,
        month=figures.month,
        report_timezone=figures.report_timezone,
        starts_at=days[0].starts_at,
        ends_at=days[-1].ends_at,
        opening=days[0].opening,
        opening_date=days[0].local_date - timedelta(0 if figures.is_first else 1),
        closing=closing,
        closing_date=days[-1].local_date,
        last_seen_date=last_seen_date,
        entries=entries,
        under_way=totals.under_way,
        days=totals.days,
        complete_days=totals.complete_days,
        others=figures.others,
    )
    _check(figures, statement)
    return statement


def _last_seen(figures: Figures) -> tuple[date, Decimal]:
    """Return the last day with a balance, and that balance."""
    seen = [(day.local_date, day.closing) for day in figures.days if day.closing is not None]
    if not seen:
        raise WarehouseStatementError(
            f"{figures.whose} has no snapshot in {figures.month}, so its balance is not known; what happened in that month is in "
            "the statement of the next month with a snapshot"
        )
    return seen[-1]


def _entries(figures: Figures) -> Iterator[Entry]:
    by_day = defaultdict(list)
    for movement in figures.movements:
        by_day[movement.local_date].append(movement)
    balance, number, unseen = figures.days[0].opening, 0, list[date]()
    for day in figures.days:
        drafts = list(_drafts(day, by_day[day.local_date]))
        span = (unseen[0], unseen[-1]) if unseen and day.closing is not None else None
        if day.closing is None:
            unseen.append(day.local_date)
        else:
            expected = balance + sum((amount for _, amount, _, _ in drafts), _NOTHING)
            drafts.append((Kind.UNEXPLAINED, day.closing - expected, None, None))
            unseen.clear()
        for kind, amount, external_id, items in drafts:
            if amount:
                balance, number = balance + amount, number + 1
                covers = span if kind is Kind.UNEXPLAINED else None
                yield Entry(number, day.local_date, kind, amount, balance, external_id, items, covers)


def _drafts(day: Day, movements: list[Movement]) -> Iterator[tuple[Kind, Decimal, str | None, int | None]]:
    """Yield kind, amount, batch and number of items of a day's entries, but for what is unexplained."""
    yield Kind.CAME_IN, day.came_in or _NOTHING, None, None
    moved: dict[str, dict[str, list[Movement]]] = {}
    for each in sorted(movements, key=lambda each: (each.happened_at, each.external_id)):
        moved.setdefault(each.external_id, {}).setdefault(each.direction, []).append(each)
    for external_id, ways in moved.items():
        for direction, sign, whole, commission in (
            ("left", -1, Kind.PAYOUT, Kind.COMMISSION),
            ("returned", 1, Kind.RETURN, Kind.COMMISSION_RETURN),
        ):
            items = ways.get(direction, [])
            yield whole, sign * sum((each.amount for each in items), _NOTHING), external_id, len(items)
            yield commission, sign * sum((each.commission for each in items), _NOTHING), external_id, None


def _check(figures: Figures, statement: Statement) -> None:
    """Compare the entries with the days and with the month, and the balance after the last one with the closing."""
    for day in figures.days:
        of_day = [entry for entry in statement.entries if entry.local_date == day.local_date]
        _compare(f"on {day.local_date}", _sums(of_day), day)
    where = f"in {figures.month}"
    _compare(where, _sums(list(statement.entries)), figures.totals)
    balance = statement.entries[-1].balance if statement.entries else statement.opening
    _compare(where, {"opening": statement.opening, "closing": balance}, figures.totals)
    _compare(where, {"closing": balance}, statement)


def _sums(entries: list[Entry]) -> dict[str, Decimal]:
    names = {
        "came_in": (Kind.CAME_IN, 1),
        "left_total": (Kind.PAYOUT, -1),
        "left_commission": (Kind.COMMISSION, -1),
        "returned_total": (Kind.RETURN, 1),
        "returned_commission": (Kind.COMMISSION_RETURN, 1),
        "unexplained": (Kind.UNEXPLAINED, 1),
    }
    return {
        name: sum((sign * entry.amount for entry in entries if entry.kind is kind), _NOTHING)
        for name, (kind, sign) in names.items()
    }


def _compare(where: str, entries: dict[str, Decimal], row: Sums | Statement) -> None:
    for name, amount in entries.items():
        said = getattr(row, name) or _NOTHING
        if amount != said:
            raise WarehouseStatementError(
                f"the statement does not add up {where}: {name} is {said} in the roll-forward, and {amount} in the entries; "
                "nothing is printed. Compute the roll-up again with `python -m airflow_provider_iyzico.warehouse rebuild`, and "
                "report it if it stays so"
            )
