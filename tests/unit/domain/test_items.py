"""What a batch needs, what became of it, and what of it is still out: to the kuruş."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_iyzico.api.payout.statuses import ITEM_STATUSES
from airflow_provider_iyzico.domain.items import ItemState, commission_of, still_out, texts, totals_of

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
KURUS = st.integers(1, 10**12).map(lambda kurus: Decimal(kurus) / 100)
STATUSES = st.sampled_from(["", "A_NEW_WORD", *ITEM_STATUSES])
ITEMS = st.builds(
    ItemState,
    st.just("i"),
    STATUSES,
    KURUS,
    st.integers(0, 120).map(lambda seconds: NOW - timedelta(seconds=seconds)),
    st.none() | st.just(Decimal(0)) | KURUS,
)


def item(status, amount="100.00", commission="1.50", seconds_ago=600):
    return ItemState("i", status, Decimal(amount), NOW - timedelta(seconds=seconds_ago), commission and Decimal(commission))


@pytest.mark.parametrize(
    ("stated", "bound", "cost"),
    [
        (None, None, None),
        ("0", None, None),
        ("1.5", None, "1.5"),
        (None, "2", "2"),
        ("0", "0", "0"),
        ("3", "2", "3"),
        ("1", "2", "2"),
    ],
)
def test_an_items_commission_is_the_greater_of_what_is_stated_and_the_bound(stated, bound, cost):
    of = [value and Decimal(value) for value in (stated, bound, cost)]
    assert commission_of(of[0], of[1]) == of[2]


def test_no_commission_anywhere_is_not_the_same_as_none():
    assert totals_of([item("INIT", commission=None)], None).required is None
    assert texts(totals_of([item("INIT", commission=None)], None), has_ended=False)["required"] == ""
    assert totals_of([item("INIT", commission=None)], Decimal(0)).required == 100
    assert totals_of([item("INVALID", commission=None)], None).required == 0


@given(st.lists(ITEMS, max_size=12), st.none() | KURUS)
def test_paid_returned_outstanding_and_never_sent_are_all_there_is(items, bound):
    totals = totals_of(items, bound)
    cancelled = sum((each.amount for each in items if each.status == "MASS_PAYOUT_CANCELED"), Decimal(0))
    assert totals.total == totals.paid_total + totals.returned_total + totals.outstanding_total + cancelled
    assert totals.items == totals.invalid_items + totals.paid_items + totals.unpaid_items


@given(st.lists(ITEMS, max_size=12), KURUS, st.integers(0, 120))
def test_what_is_still_out_is_counted_as_plain_python_counts_it(items, bound, settling):
    expected = Decimal(0)
    for each in items:
        is_over = each.status in ("SUCCESS", "INVALID", "DEPOSIT_SUCCESS", "MASS_PAYOUT_CANCELED")
        age = (NOW - each.status_at).total_seconds()
        never_in_it = each.status in ("INVALID", "MASS_PAYOUT_CANCELED") and age >= 60
        if not (is_over and age >= settling) and not never_in_it:
            expected += each.amount + max(each.commission or Decimal(0), bound)
    held_since = NOW - timedelta(seconds=60)
    assert still_out(items, bound, now=NOW, settling_seconds=settling, held_since=held_since) == expected


def test_sums_are_exact_whatever_context_a_dag_file_has_set():
    items = [item("INIT", "12345678901234.56", "0.01"), item("INIT", "0.01", "0.01")]
    with localcontext(prec=3):
        assert totals_of(items, None).required == Decimal("12345678901234.59")
        assert still_out(items, None, now=NOW, settling_seconds=0, held_since=None) == Decimal("12345678901234.59")
