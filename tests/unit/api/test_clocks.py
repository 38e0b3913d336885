"""A balance is kept only if its date can be believed."""

from datetime import UTC, datetime, timedelta

import pytest

from airflow_provider_iyzico.api.clocks import clock_error, clock_warning
from airflow_provider_iyzico.errors import ClockError, Retry

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.mark.parametrize("seconds", [0, 1, -1, 120, -120])
def test_clocks_that_agree_within_two_minutes_are_nothing_to_speak_of(seconds):
    assert clock_warning(NOW + timedelta(seconds=seconds), NOW) is None


def test_without_iyzicos_clock_there_is_nothing_to_compare():
    assert clock_warning(NOW, None) is clock_error(NOW, None) is None


@pytest.mark.parametrize("difference", [timedelta(minutes=10), -timedelta(minutes=10)])
def test_ten_minutes_apart_are_warned_of_and_still_believed(difference):
    assert clock_error(NOW + difference, NOW) is None


@pytest.mark.parametrize("seconds", [121, -121, 600, -600])
def test_clocks_further_apart_are_named_with_what_to_do(seconds):
    warning = clock_warning(NOW + timedelta(seconds=seconds), NOW)
    for part in (NOW.isoformat(), (NOW + timedelta(seconds=seconds)).isoformat(), "set this machine's clock"):
        assert part in warning


@pytest.mark.parametrize("difference", [timedelta(minutes=10, microseconds=1), timedelta(days=40), -timedelta(days=365 * 50)])
def test_a_balance_that_would_be_dated_wrong_is_not_believed(difference):
    error = clock_error(NOW + difference, NOW)
    assert isinstance(error, ClockError)
    assert error.retry is Retry.NEVER
    assert NOW.isoformat() in str(error)


def test_a_zone_of_another_place_is_the_same_moment():
    from zoneinfo import ZoneInfo

    assert clock_warning(NOW.astimezone(ZoneInfo("Asia/Tokyo")), NOW) is None
