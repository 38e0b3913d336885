"""A day is folded exactly."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from airflow_provider_iyzico.warehouse.rollup.day import Day, Seen, minutes

START = datetime(2026, 3, 1, 8, tzinfo=UTC)


def test_a_day_is_folded_exactly_in_any_context_of_the_caller(odd):
    with odd():
        day = Day.begin(Seen(START.date(), START, Decimal("1234567.89")), Decimal("9999999.99999999"))
        day = day.add(Seen(START.date(), START + timedelta(seconds=59, microseconds=999_999), Decimal("-0.00000001")))
        gap = minutes(START, START + timedelta(days=400, microseconds=3_000))
    assert (day.inflow, day.outflow) == (0, Decimal("8765432.10999999") + Decimal("1234567.89000001"))
    assert (str(day.longest_gap_minutes), str(gap)) == ("1.0000", "576000.0001")
