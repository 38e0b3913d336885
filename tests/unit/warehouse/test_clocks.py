"""A balance is kept only if its date can be believed."""

from datetime import UTC, datetime, timedelta

import pytest

from airflow_provider_iyzico.errors import ClockError, Retry
from airflow_provider_iyzico.warehouse.clocks import compare_clocks

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.mark.parametrize("seconds", [0, 1, -1, 120, -120])
def test_clocks_that_agree_within_two_minutes_are_nothing_to_speak_of(seconds):
    assert compare_clocks(NOW + timedelta(seconds=seconds), NOW) is None


def test_without_iyzicos_clock_there_is_nothing_to_compare():
    assert compare_clocks(NOW, None) is None


@pytest.mark.parametrize("seconds", [121, -121, 600, -600])
def test_clocks_further_apart_are_named_with_what_to_do(seconds):
    warning = compare_clocks(NOW + timedelta(seconds=seconds), NOW)
    for part in (NOW.isoformat(), (NOW + timedelta(seconds=seconds)).isoformat(), "set the worker's clock"):
        assert part in warning


@pytest.mark.parametrize("difference", [timedelta(minutes=10, microseconds=1), timedelta(days=40), -timedelta(days=365 * 50)])
def test_a_snapshot_that_would_be_dated_wrong_is_refused_for_good(difference):
    with pytest.raises(ClockError, match="Nothing was kept") as caught:
        compare_clocks(NOW + difference, NOW)
    assert caught.value.retry is Retry.NEVER
    assert NOW.isoformat() in str(caught.value)


def test_a_zone_of_another_place_is_the_same_moment():
    from zoneinfo import ZoneInfo

    assert compare_clocks(NOW.astimezone(ZoneInfo("Asia/Tokyo")), NOW) is None
