"""What the balance leaves after the holds of others, to the last digit, whatever context a DAG file has set for its sums."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from airflow_provider_iyzico.domain.funds import Funds, Hold, counted

NOW = datetime(2026, 11, 29, tzinfo=UTC)


def hold(name, amount, left=None):
    return Hold(name, 1, Decimal(amount), Decimal(left or amount), NOW)


def test_what_others_hold_is_not_available():
    funds = Funds(Decimal("100"), (hold("a", "40"), hold("b", "10.01")))
    assert (funds.held, funds.available) == (Decimal("50.01"), Decimal("49.99"))
    assert funds.covers(Decimal("49.99"))
    assert not funds.covers(Decimal("50"))


def test_without_holds_the_whole_balance_is_available():
    assert Funds(Decimal("12.5"), ()).available == Decimal("12.5")


def test_a_hold_whose_items_are_partly_paid_counts_only_the_rest():
    assert Funds(Decimal("100"), (hold("a", "40", left="15.5"),)).available == Decimal("84.5")


def test_holds_above_the_balance_leave_less_than_nothing():
    funds = Funds(Decimal("10"), (hold("a", "40"),))
    assert funds.available == Decimal("-30")
    assert not funds.covers(Decimal("0"))


def test_a_kurus_more_than_is_there_is_not_covered_where_floats_would_say_so():
    holds = tuple(hold(str(number), "0.10") for number in range(10_000))
    assert counted(holds) == Decimal("1000.00")
    funds = Funds(Decimal("1000.30"), holds)
    assert funds.covers(Decimal("0.3"))
    assert not funds.covers(Decimal("0.30000001"))


def test_twenty_digits_and_eight_decimals_stay_exact(odd):
    large = "12345678901234567890.12345678"
    with odd():
        funds = Funds(Decimal(large), (hold("a", "0.00000001"), hold("b", "12345678901234567890")))
        assert str(funds.available) == "0.12345677"
        assert funds.covers(Decimal("0.12345677"))
        assert not funds.covers(Decimal("0.12345678"))
        assert funds.held_by() == "b holds 12345678901234567890.00, a holds 0.00000001"
        assert "missing 0.00000001 TRY" in funds.facts(Decimal("0.12345678"), "TRY")


def test_the_line_for_people_says_who_holds_what_the_largest_first():
    holds = [hold("a", "1"), hold("b", "30"), hold("c", "20"), hold("d", "5"), hold("e", "5")]
    funds = Funds(Decimal("70"), tuple(holds))
    assert funds.facts(Decimal("10"), "TRY") == (
        "balance 70.00, available 9.00, required 10.00, missing 1.00 TRY; "
        "b holds 30.00, c holds 20.00, d holds 5.00, 2 more hold 6.00"
    )


def test_the_line_for_people_names_nobody_where_nobody_holds():
    assert Funds(Decimal("70"), ()).facts(Decimal("70"), "TRY") == "balance 70.00, available 70.00, required 70.00 TRY"


@pytest.mark.parametrize("balance", ["NaN", "sNaN"])
def test_a_balance_that_is_no_number_covers_nothing(balance):
    with pytest.raises(ArithmeticError):
        Funds(Decimal(balance), ()).covers(Decimal(0))
