"""The table of states holds what the rest relies on: every state is reached and left, and money that may be moving stays held."""

import pytest

from airflow_provider_iyzico.domain.payout import (
    CAN_BE_HELD_FOR,
    MAY_BE_PAYING,
    PAST_THE_GATE,
    SENT,
    TRANSITIONS,
    UNKNOWN,
    State,
    may_follow,
)

#: Written from the contract, apart from the code.
TOLD = """
    new: init_sent
    init_sent: initiated init_unknown refused
    init_unknown: initiated new cancelled
    refused: init_sent
    initiated: auth_sent cancel_sent authorized cancelled
    auth_sent: authorized auth_unknown initiated cancelled
    auth_unknown: authorized initiated cancelled cancel_sent
    authorized: ended
    ended: authorized
    cancel_sent: cancelled initiated authorized cancel_unknown
    cancel_unknown: cancelled initiated authorized
    cancelled: authorized
"""


def after(*states):
    """All states that may follow, however late."""
    reached, waiting = set(), list(states)
    while waiting:
        for state in TRANSITIONS[waiting.pop()] - reached:
            reached.add(state)
            waiting.append(state)
    return reached


def test_the_table_is_the_one_that_was_agreed():
    lines = [line.split(":") for line in TOLD.strip().splitlines()]
    agreed = {State(before.strip()): {State(each) for each in follow.split()} for before, follow in lines}
    assert agreed == TRANSITIONS


def test_every_state_has_a_line_of_its_own_and_no_step_leads_back_to_itself():
    assert set(TRANSITIONS) == set(State)
    assert not [state for state in State if may_follow(state, state)]


def test_every_state_is_reached_from_the_first():
    assert after(State.NEW) == set(State)


def test_from_every_state_a_batch_can_still_come_to_an_end():
    assert [state for state in State if not (after(state) | {state}) & {State.ENDED, State.CANCELLED}] == []


def test_a_cancelled_batch_can_only_be_found_to_be_paid():
    assert TRANSITIONS[State.CANCELLED] == {State.AUTHORIZED}


def test_only_a_batch_that_is_initiated_is_told_to_be_paid():
    assert [state for state in State if may_follow(state, State.AUTH_SENT)] == [State.INITIATED]


@pytest.mark.parametrize("state", sorted(SENT))
def test_every_intent_can_go_unanswered_and_can_be_answered(state):
    unknown = {State.INIT_SENT: State.INIT_UNKNOWN, State.AUTH_SENT: State.AUTH_UNKNOWN, State.CANCEL_SENT: State.CANCEL_UNKNOWN}
    assert may_follow(state, unknown[state])
    assert TRANSITIONS[state] - UNKNOWN


def test_what_is_unknown_never_becomes_an_authorization_without_passing_through_a_read():
    assert all(State.AUTH_SENT not in TRANSITIONS[state] for state in UNKNOWN)


def test_no_batch_is_both_held_for_and_past_its_gate():
    assert not CAN_BE_HELD_FOR & PAST_THE_GATE
    assert MAY_BE_PAYING < PAST_THE_GATE
    assert State.CANCELLED not in CAN_BE_HELD_FOR | PAST_THE_GATE


def test_the_text_of_a_state_fits_its_column_and_is_what_the_ledger_keeps():
    assert all(state.value == state.name.lower() and len(state.value) <= 16 for state in State)
