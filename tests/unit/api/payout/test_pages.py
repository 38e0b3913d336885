"""When pages are one batch."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from payout_answers import answer, item, page

from airflow_provider_iyzico.api.payout.batch import MAX_ITEMS
from airflow_provider_iyzico.api.payout.pages import MAX_STILL, merged, read_pages
from airflow_provider_iyzico.api.payout.retrieved import read_page
from airflow_provider_iyzico.errors import IyzicoAnswerError


def wire(names, total, number=0, of="payout-2026-11-0001", **fields):
    body = page([item(name, **fields) for name in names], total, number, externalId=of)
    return read_page(answer(body), request_id=None, external_id=None, page=number)


def book(*pages, total):
    """Return what answers with these pages, then with empty ones, and a count of what was asked."""
    asked = Counter()

    def ask(number):
        asked[number] += 1
        return wire(pages[number] if number < len(pages) else [], total, number)

    return ask, asked


def names(reading):
    return [one.item_external_id for one in reading.payout().items]


@given(st.integers(0, 90), st.integers(1, 41))
def test_each_page_is_asked_for_once_and_no_item_is_lost(count, size):
    all_names = [f"line-{number}" for number in range(count)]
    pages = [all_names[start : start + size] for start in range(0, count, size)]
    ask, asked = book(*pages, total=count)
    reading = read_pages(ask)
    assert reading.is_exact
    assert names(reading) == all_names
    assert set(asked.values()) == {1}
    assert len(asked) == max(1, len(pages))


@given(st.lists(st.lists(st.sampled_from("abcdefgh"), max_size=4), max_size=6), st.integers(0, 10))
def test_a_reading_is_exact_only_if_every_item_came_once_and_their_number_is_what_iyzico_says(pages, total):
    ask, _ = book(*pages, total=total)
    reading = read_pages(ask)
    if reading.is_exact:
        assert len(names(reading)) == len(set(names(reading))) == total


def test_an_item_that_comes_twice_makes_a_reading_inexact():
    ask, _ = book(["a", "b"], ["b", "c"], total=3)
    reading = read_pages(ask)
    assert names(reading) == ["a", "b", "c"]
    assert not reading.is_exact


def test_a_total_that_changes_makes_a_reading_inexact():
    reading = read_pages(lambda number: wire(["ab", "cd"][number], [4, 3][number], number))
    assert not reading.is_exact


def test_fewer_items_than_the_total_make_a_reading_inexact():
    ask, asked = book(["a"], total=3)
    assert not read_pages(ask).is_exact
    assert asked == {0: 1, 1: 1}


def test_two_readings_agree_on_items_and_amounts_in_any_order_and_whatever_else_changes():
    def ask_for(pages, **fields):
        return read_pages(lambda number: wire(pages[number] if number < len(pages) else [], 9, number, **fields))

    first = ask_for(["ab", "c"])
    assert first.agrees_with(ask_for(["c", "ab"], itemStatus="SUCCESS", commissionAmount=5))
    assert not first.agrees_with(ask_for(["ab", "d"]))
    assert not first.agrees_with(ask_for(["ab"]))
    assert not first.agrees_with(ask_for(["ab", "c"], totalAmount="7"))


def test_a_server_that_does_not_turn_pages_is_not_asked_without_end_and_agrees_with_nothing():
    asked = []

    def ask(number):
        asked.append(number)
        return wire("ab", 9, number)

    reading = read_pages(ask)
    assert len(asked) == 1 + MAX_STILL
    assert not reading.is_exact
    assert not reading.agrees_with(reading)


def test_a_server_whose_pages_begin_at_1_is_read_whole():
    pages = ["ab", "ab", "cd", "e"]
    readings = [read_pages(lambda number: wire(pages[number], 5, number)) for _ in range(2)]
    assert names(readings[0]) == list("abcde")
    assert readings[0].agrees_with(readings[1])


def test_two_items_of_one_id_at_iyzico_are_two_items():
    reading = read_pages(lambda number: wire("a", 2, number, referenceCode=f"ref-{number}"))
    assert names(reading) == ["a", "a"]
    assert reading.is_exact


@pytest.mark.parametrize("total", [2, 3])
def test_an_item_that_stands_twice_on_one_page_is_two_items_also_where_iyzico_gives_no_ids_of_its_own(total):
    """If iyzico pays it twice, that must not look like one payment."""
    readings = [read_pages(lambda number: wire([["a", "a", "b"], []][number], total, number, referenceCode=None)) for _ in "12"]
    assert names(readings[0]) == ["a", "a", "b"]
    assert readings[0].agrees_with(readings[1])
    assert Counter(one.item_external_id for one in merged([readings[0].payout(), readings[1].payout()]).items)["a"] == 2


def test_an_item_that_moves_to_the_next_page_is_one_item_also_where_iyzico_gives_no_ids_of_its_own():
    assert names(read_pages(lambda number: wire(["ab", "bc"][number], 3, number, referenceCode=None))) == ["a", "b", "c"]


def test_pages_of_several_batches_are_not_mixed():
    with pytest.raises(IyzicoAnswerError, match="several batches"):
        read_pages(lambda number: wire("ab"[number], 2, number, of=f"batch-{number}"))
    with pytest.raises(IyzicoAnswerError, match="several batches"):
        read_pages(lambda number: wire("ab"[number], 2, number, massPayoutRequestId=f"r{number}"))


def test_more_items_than_can_be_kept_are_refused():
    with pytest.raises(IyzicoAnswerError, match="more than this package reads"):
        read_pages(lambda number: wire("a", MAX_ITEMS + 1, number))
