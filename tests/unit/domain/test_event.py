from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_iyzico.domain.event import GateEvent
from airflow_provider_iyzico.domain.gate import Need, Outcome, judge
from airflow_provider_iyzico.errors import (
    GateEventError,
    IyzicoOutcomeUnknownError,
    IyzicoRefusedError,
    Retry,
    error_named,
)

SEEN_AT = datetime(2026, 11, 22, 12, 0, 1, tzinfo=UTC)


@given(
    st.sampled_from([Outcome.OPENED, Outcome.FAILED, Outcome.TIMED_OUT]),
    st.text(),
    st.integers(0, 10**6),
    st.floats(1, 2e9),
    st.decimals(-(10**12), 10**12, places=8),
)
def test_what_a_trigger_writes_the_task_reads(outcome, message, polls, ends_at, balance):
    event = GateEvent(outcome, message, polls, ends_at, balance, SEEN_AT, "IyzicoRefusedError")
    assert GateEvent.read(event.written()) == event


def test_an_event_is_strings_only_and_says_nothing_that_was_not_seen():
    assert GateEvent(Outcome.TIMED_OUT, "nothing was seen", 0, 1.5).written() == {
        "status": "timeout",
        "message": "nothing was seen",
        "polls": "0",
        "ends_at": "1.5",
    }


@pytest.mark.parametrize(
    ("event", "outcome"),
    [
        (
            {"status": "open", "message": "m", "balance": "100.00", "observed_at": SEEN_AT.isoformat(), "polls": "7"},
            Outcome.OPENED,
        ),
        ({"status": "fail", "message": "m", "error": "IyzicoRefusedError", "polls": "7", "ends_at": "5.0"}, Outcome.FAILED),
        ({"status": "timeout", "message": "m"}, Outcome.TIMED_OUT),
    ],
)
def test_an_event_of_an_older_version_is_read(event, outcome):
    assert GateEvent.read(event).outcome is outcome


@pytest.mark.parametrize("status", ["opened", "waiting", "OPEN", "", None, 1])
def test_any_other_status_opens_nothing(status):
    with pytest.raises(GateEventError):
        GateEvent.read({"status": status, "message": "m", "balance": "1", "observed_at": SEEN_AT.isoformat(), "error": "x"})


@pytest.mark.parametrize("error", [IyzicoRefusedError("no"), IyzicoOutcomeUnknownError("lost")])
def test_a_failure_is_the_same_error_on_both_sides_and_so_is_whether_it_may_be_tried_again(error):
    event = GateEvent.read(GateEvent.of(judge(error, Need.read("1", "0", "TRY"), "payroll")).written())
    again = error_named(event.error, event.message)
    assert (type(again), str(again), again.retry) == (type(error), str(error), error.retry)
    assert again.retry is not Retry.SAFE


@pytest.mark.parametrize(("age_seconds", "is_fresh"), [(0, True), (59, True), (61, False), (-4, True), (-60, False)])
def test_what_was_seen_opens_a_gate_for_a_minute(age_seconds, is_fresh):
    seen_at = datetime.now(UTC) - timedelta(seconds=age_seconds)
    event = GateEvent(Outcome.OPENED, "m", balance=Decimal(1), observed_at=seen_at)
    assert event.is_fresh(poll_seconds=1) is is_fresh
    assert event.is_fresh(poll_seconds=3600) is (age_seconds > -5)
