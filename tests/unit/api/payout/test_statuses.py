import pytest

from airflow_provider_iyzico.api.payout.statuses import (
    BATCH_STATUSES,
    ITEM_STATUSES,
    BatchMeaning,
    ItemMeaning,
    batch_meaning,
    item_meaning,
)


@pytest.mark.parametrize(
    ("meaning", "statuses"),
    [
        (ItemMeaning.PAID, {"SUCCESS"}),
        (ItemMeaning.NOT_PAID, {"INVALID", "DEPOSIT_SUCCESS", "MASS_PAYOUT_CANCELED"}),
        (ItemMeaning.OUT, {"FAILED"}),
        (ItemMeaning.NEEDS_A_PERSON, {"DEPOSIT_FAIL"}),
        (ItemMeaning.UNDER_WAY, {"INIT", "QUEUED", "PROCESSING"}),
    ],
)
def test_each_documented_status_of_an_item_says_where_its_money_is(meaning, statuses):
    assert {status for status in ITEM_STATUSES if item_meaning(status) is meaning} == statuses


def test_each_documented_status_of_a_batch_has_a_meaning():
    assert {status: batch_meaning(status).value for status in BATCH_STATUSES} == {
        "INIT": "initiated",
        "IN_PROGRESS": "under way",
        "PUBLISHED_TO_QUEUE": "under way",
        "COMPLETED": "ended",
        "CANCELED": "cancelled",
        "FAIL": "stopped",
        "INSUFFICIENT_BALANCE": "stopped",
        "IYZICO_INSUFFICIENT_BALANCE": "stopped",
    }


@pytest.mark.parametrize("word", ["", "success", "PAID", "SUCCESS ", "1", "-1", "SUCCESSFUL", "REVERSED"])
def test_a_word_that_nobody_documented_never_means_paid(word):
    assert item_meaning(word) is ItemMeaning.UNKNOWN
    assert batch_meaning(word) is BatchMeaning.UNKNOWN


def test_a_batch_that_is_called_success_is_not_believed_to_be_paid():
    assert batch_meaning("SUCCESS") is BatchMeaning.UNKNOWN
