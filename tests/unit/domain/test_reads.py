"""What a read says is judged by the batch and all its items; where they contradict each other it settles nothing."""

from dataclasses import dataclass

import pytest

from airflow_provider_iyzico.domain.payout import SENT, State
from airflow_provider_iyzico.domain.reads import SPEAKS_FOR, Says, says


@dataclass
class Shown:
    status: str
    items: tuple


@dataclass
class ShownItem:
    status: str


@pytest.mark.parametrize(
    ("batch", "items", "said"),
    [
        ("INIT", ["INIT", "INIT"], Says.INIT),
        ("INIT", ["INIT", "INVALID"], Says.INIT),
        ("INIT", ["INVALID"], Says.INIT),
        ("INIT", ["INIT", "QUEUED"], Says.PAYING),
        ("INIT", ["SUCCESS"], Says.PAYING),
        ("IN_PROGRESS", ["INIT"], Says.PAYING),
        ("PUBLISHED_TO_QUEUE", ["INIT", "INVALID"], Says.PAYING),
        ("COMPLETED", ["SUCCESS"], Says.PAYING),
        ("FAIL", ["FAILED"], Says.PAYING),
        ("INSUFFICIENT_BALANCE", ["INIT"], Says.PAYING),
        ("CANCELED", ["SUCCESS", "MASS_PAYOUT_CANCELED"], Says.PAYING),
        ("CANCELED", ["MASS_PAYOUT_CANCELED", "INVALID"], Says.CANCELLED),
        ("CANCELED", ["INVALID"], Says.CANCELLED),
        ("CANCELED", ["MASS_PAYOUT_CANCELED", "FAILED"], Says.CANCELLED),
        ("CANCELED", ["INIT"], Says.UNCLEAR),
        ("INIT", ["INIT", "FAILED"], Says.UNCLEAR),
        ("INIT", ["FAILED"], Says.UNCLEAR),
        ("A_NEW_WORD", ["FAILED"], Says.UNCLEAR),
        ("INIT", ["MASS_PAYOUT_CANCELED"], Says.UNCLEAR),
        ("INIT", ["A_NEW_WORD"], Says.UNCLEAR),
        ("A_NEW_WORD", ["INIT"], Says.UNCLEAR),
        ("INIT", [], Says.UNCLEAR),
        ("CANCELED", [], Says.UNCLEAR),
    ],
)
def test_batch_and_items_say_together_what_became_of_it(batch, items, said):
    assert says(Shown(batch, tuple(map(ShownItem, items)))) is said


def test_a_batch_that_iyzico_does_not_know_is_nothing():
    assert says(None) is Says.NOTHING


def test_a_read_speaks_for_no_intent_and_only_one_kind_speaks_for_paying():
    assert not SENT & frozenset().union(*SPEAKS_FOR.values())
    for state in (State.AUTHORIZED, State.ENDED):
        assert [said for said, states in SPEAKS_FOR.items() if state in states] == [Says.PAYING]
    assert [said for said, states in SPEAKS_FOR.items() if State.NEW in states] == [Says.NOTHING]
    assert set(SPEAKS_FOR) == set(Says)
