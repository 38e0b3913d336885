"""A day is folded exactly."""

import decimal
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import ROUND_UP, Clamped, Context, Decimal, FloatOperation, Inexact, InvalidOperation, Rounded, Subnormal

import pytest

from airflow_provider_iyzico.warehouse.rollup.day import Day, Seen, minutes

START = datetime(2026, 3, 1, 8, tzinfo=UTC)


CONTEXTS = {
    "few digits": Context(prec=6),
    "two digits, up": Context(prec=2, rounding=ROUND_UP),
    "everything traps": Context(prec=4, traps=[Inexact, Rounded, FloatOperation, Clamped, Subnormal, InvalidOperation]),
    "small exponents": Context(prec=9, Emax=3, Emin=-3, clamp=1),
    "nothing traps": Context(prec=3, traps=[]),
}


@pytest.fixture(params=CONTEXTS)
def odd(request):
    @contextmanager
    def odd():
        with decimal.localcontext(CONTEXTS[request.param]):
            yield

    return odd


def test_a_day_is_folded_exactly_in_any_context_of_the_caller(odd):
    with odd():
        day = Day.begin(Seen(START.date(), START, Decimal("1234567.89")), Decimal("9999999.99999999"))
        day = day.add(Seen(START.date(), START + timedelta(seconds=59, microseconds=999_999), Decimal("-0.00000001")))
        gap = minutes(START, START + timedelta(days=400, microseconds=3_000))
    assert (day.inflow, day.outflow) == (0, Decimal("8765432.10999999") + Decimal("1234567.89000001"))
    assert (str(day.longest_gap_minutes), str(gap)) == ("1.0000", "576000.0001")
