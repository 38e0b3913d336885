"""What Airflow says of a person's answer, and what is no answer."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from airflow_provider_iyzico.bridge.human import Answer, read_answer
from airflow_provider_iyzico.errors import LedgerApprovalError

AT = datetime(2026, 11, 29, 12, 30, tzinfo=UTC)


def event(**more):
    """As Airflow 3.3 resumes a task with."""
    return {
        "chosen_options": ["Approve 3fa9c1"],
        "params_input": {},
        "responded_at": AT,
        "responded_by_user": {"id": "7", "name": "fatma"},
        "timedout": False,
    } | more


@pytest.mark.parametrize(
    "at", [AT, AT.isoformat(), "2026-11-29T12:30:00Z", AT.astimezone(timezone(timedelta(hours=3))), AT.replace(tzinfo=None)]
)
def test_an_answer_says_who_what_and_when(at):
    assert read_answer(event(responded_at=at)) == Answer("Approve 3fa9c1", "fatma", "7", AT)


def test_a_user_without_a_name_is_known_by_id():
    assert read_answer(event(responded_by_user={"id": "7", "name": ""})).person == "7"


@pytest.mark.parametrize(
    "user", [{"responded_by_user": None}, {"responded_by_user": {}}, {"responded_by_user": "fatma"}, {"timedout": True}], ids=str
)
def test_an_answer_that_time_gave_is_nobodys(user):
    with pytest.raises(LedgerApprovalError, match="Airflow names no user"):
        read_answer(event(**user))


def test_no_answer_in_time_says_so():
    with pytest.raises(LedgerApprovalError, match="nobody answered within response_timeout"):
        read_answer({"error": "The timeout has passed", "error_type": "timeout"})


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        "Approve",
        {},
        {"error": "no", "error_type": "validation"},
        event(chosen_options=[]),
        event(chosen_options=None),
        event(chosen_options=["Approve 3fa9c1", "Reject 3fa9c1"]),
        event(chosen_options="Approve 3fa9c1"),
        event(responded_at=None),
        event(responded_at="yesterday"),
    ],
    ids=str,
)
def test_what_is_no_answer_approves_nothing(wrong):
    with pytest.raises(LedgerApprovalError, match="clear this task to ask again"):
        read_answer(wrong)
