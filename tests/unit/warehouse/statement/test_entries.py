"""Entries from the figures of the views: they add up, or the month is refused."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Context, Decimal, localcontext

import pytest

from airflow_provider_iyzico.errors import WarehouseStatementError
from airflow_provider_iyzico.warehouse.statement.entries import Kind, statement_of
from airflow_provider_iyzico.warehouse.statement.figures import Day, Figures, Movement, Totals, Whose

FIRST = date(2026, 2, 1)


def figures(balances, moved=(), came_in=None, opening="1000"):
    """The figures of a February of so many days, as the views compute them.

    :param balances: ``None`` for a day without a snapshot
    :param moved: day, direction, amount and commission of each movement
    :param came_in: by day
    """
    days, seen = [], Decimal(opening)
    movements = tuple(
        Movement(FIRST + timedelta(day), midnight(day), direction, "b", Decimal(amount), Decimal(commission))
        for day, direction, amount, commission in moved
    )
    for number, balance in enumerate(balances):
        closing = None if balance is None else Decimal(balance)
        gained = None if balance is None else Decimal((came_in or {}).get(number, 0))
        sums = [
            sum((getattr(each, name) for each in movements if each.local_date == FIRST + timedelta(number)
                 and each.direction == direction), Decimal(0))
            for direction in ("left", "returned")
            for name in ("amount", "commission")
        ]  # fmt: skip
        gone = sums[0] + sums[1] - sums[2] - sums[3]
        unexplained = None if balance is None else closing - seen - gained + gone
        start, end = midnight(number), midnight(number + 1)
        days.append(Day(seen, gained, *sums, closing, unexplained, FIRST + timedelta(number), start, end))
        seen = seen if closing is None else closing
    names = ("came_in", "left_total", "left_commission", "returned_total", "returned_commission", "unexplained")
    *sums, unexplained = [sum((getattr(day, name) or 0 for day in days), Decimal(0)) for name in names]
    totals = Totals(Decimal(opening), *sums, seen, unexplained, Decimal(0), len(days), 0)
    whose = Whose("production", "payroll", "TRY")
    return Figures(whose, "2026-02", "Europe/Istanbul", tuple(days), movements, totals, is_first=False)


def midnight(number):
    return datetime(2026, 1, 31, 21, tzinfo=UTC) + timedelta(days=number)


def told(given):
    return [((entry.local_date - FIRST).days, str(entry.kind), str(entry.amount)) for entry in statement_of(given).entries]


def test_what_is_missing_after_days_without_a_snapshot_is_one_entry_that_names_them():
    given = figures(["1000", None, None, "600", "590"], moved=[(3, "left", "300", "2")])
    assert told(given) == [(3, "payout", "-300"), (3, "commission", "-2"), (3, "unexplained", "-98"), (4, "unexplained", "-10")]
    assert [entry.unseen for entry in statement_of(given).entries[-2:]] == [(date(2026, 2, 2), date(2026, 2, 3)), None]


def test_a_movement_on_a_day_without_a_snapshot_cannot_be_and_is_refused():
    with pytest.raises(WarehouseStatementError, match="does not add up"):
        statement_of(figures(["1000", None, "698"], moved=[(1, "left", "300", "2")]))
    with pytest.raises(WarehouseStatementError, match="does not add up"):
        statement_of(figures(["1000", "1000", None], moved=[(2, "left", "300", "2")]))


def test_an_entry_without_money_is_left_out():
    assert told(figures(["1000", "700"], moved=[(1, "left", "300", "0")])) == [(1, "payout", "-300")]
    assert statement_of(figures(["1000", "1000"])).entries == ()


@pytest.mark.parametrize(
    "name", ["opening", "came_in", "left_total", "left_commission", "returned_total", "closing", "unexplained"]
)
def test_a_month_whose_figures_do_not_add_up_is_refused(name):
    given = figures(["1000", "698", "703"], moved=[(1, "left", "300", "2"), (2, "returned", "5", "0")])
    wrong = replace(given, totals=replace(given.totals, **{name: getattr(given.totals, name) + Decimal("0.01")}))
    with pytest.raises(WarehouseStatementError, match=rf"does not add up in 2026-02: {name} is .*nothing is printed"):
        statement_of(wrong)


def test_a_day_whose_movements_do_not_add_up_is_named():
    given = figures(["1000", "698"], moved=[(1, "left", "300", "2")])
    with pytest.raises(
        WarehouseStatementError, match="does not add up on 2026-02-02: left_total is 300 in the roll-forward, and 0"
    ):
        statement_of(replace(given, movements=()))


def test_sums_are_exact_in_whatever_context_a_caller_has():
    given = figures(["123456789012.34", "123456789011.33"], moved=[(1, "left", "1", "0.01")], opening="123456789012.34")
    with localcontext(Context(prec=4)):
        found = statement_of(given)
    assert (found.closing, found.unexplained) == (Decimal("123456789011.33"), 0)
    assert {entry.kind for entry in found.entries} == {Kind.PAYOUT, Kind.COMMISSION}
