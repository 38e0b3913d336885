"""Whose word counts when a batch is to be paid."""

from datetime import UTC, datetime, timedelta

import pytest

from airflow_provider_iyzico.domain.approval import Word, is_rejected, last_words, names_of, why_not

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
NOBODY = frozenset()


def word(person="fatma", digest="3fa9c1aaaaaa", *, approves=True, person_id=None, hours=1.0):
    return Word(person, person_id, digest, approves, NOW, NOW + timedelta(hours=hours) if approves else None)


def why(said, triggered_by=NOBODY):
    return why_not(said, "3fa9c1aaaaaa", now=NOW, triggered_by=triggered_by)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("fatma", "Fatma"),
        ("fatma", " fatma "),
        ("YILDIZ", "yıldız"),
        ("İPEK", "ipek"),
        ("ipek", "IPEK"),
        ("ayşe", "ays\u0327e"),
        ("fatma", "ｆａｔｍａ"),
    ],
)
def test_a_name_is_the_same_however_it_is_typed(one, other):
    assert names_of(one) == names_of(other)


def test_two_names_are_two_people():
    assert names_of("ayşe") != names_of("ayse")
    assert not names_of("fatma", "7") & names_of("mehmet", "8")


@pytest.mark.parametrize("name", [None, "", "  ", "Anonymous", "anonymous "])
def test_a_user_whom_airflow_does_not_know_is_nobody(name):
    assert names_of(name) == NOBODY


def test_an_approval_of_the_batch_as_it_is_counts():
    assert why(word()) is None
    assert why(word(), names_of("mehmet")) is None


@pytest.mark.parametrize(
    ("said", "triggered_by", "because"),
    [
        (word(digest="000000aaaaaa"), NOBODY, "saw the older digest 000000"),
        (word(digest="3fa9c1bbbbbb"), NOBODY, "saw the older digest 3fa9c1"),
        (word(hours=0), NOBODY, "approved it too long ago"),
        (word(approves=False), NOBODY, "rejected it"),
        (word("Anonymous"), NOBODY, "is not a named user"),
        (word("FATMA"), names_of("fatma"), "triggered the run"),
        (word("Fatma Yılmaz", person_id="fatma"), names_of("fatma"), "triggered the run"),
    ],
)
def test_every_other_word_says_why_it_does_not_count(said, triggered_by, because):
    assert why(said, triggered_by) == because


def test_each_person_has_one_word_and_it_is_the_last():
    first, second = word("fatma"), word("mehmet")
    taken_back, by_id = word("Fatma", approves=False), word("m.kaya", person_id="Mehmet")
    assert last_words([first, second]) == [first, second]
    assert last_words([first, second, taken_back]) == [second, taken_back]
    assert last_words([first, second, by_id]) == [first, by_id]


def test_a_rejection_stands_against_what_was_rejected_and_time_does_not_end_it():
    assert is_rejected(word(approves=False), "3fa9c1aaaaaa")
    assert not is_rejected(word(approves=False), "000000aaaaaa")
    assert not is_rejected(word(), "3fa9c1aaaaaa")
