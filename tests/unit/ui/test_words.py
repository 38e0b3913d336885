"""The page speaks the language of Airflow or of the browser, completely."""

import re
from importlib.resources import files

import pytest

from airflow_provider_iyzico.domain.payout import State
from airflow_provider_iyzico.ledger import views
from airflow_provider_iyzico.ledger.events import EventKind
from airflow_provider_iyzico.ui import words as spoken
from airflow_provider_iyzico.ui.downloads import COLUMNS
from airflow_provider_iyzico.ui.notices import BY_STATUS, STATUS
from airflow_provider_iyzico.ui.reasons import EVENT_CODES
from airflow_provider_iyzico.ui.words import WORDS, preferred, words


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("tr-TR,tr;q=0.9,en-US;q=0.8,en;q=0.7", "tr"),
        ("en-GB,en;q=0.9,tr;q=0.8", "en"),
        ("tr", "tr"),
        ("TR", "tr"),
        ("de-DE,de;q=0.9,tr;q=0.5", "tr"),
        ("de-DE,de;q=0.9", "en"),
        ("tr;q=0, en;q=0.1", "en"),
        ("tr;q=0", "en"),
        ("", "en"),
        ("*", "en"),
        ("tr;q=nonsense, en", "en"),
        ("<script>", "en"),
    ],
)
def test_the_language_is_the_one_that_the_browser_likes_best(accepted, language):
    assert preferred(accepted) == language


def test_the_language_that_the_pages_script_asks_for_is_spoken_if_it_can_be():
    assert [preferred("de, tr;q=0.5", asked) for asked in ("en", "tr", "de", "<script>", None)] == ["en", "tr", "tr", "tr", "tr"]


def test_both_languages_fill_in_the_same_values():
    for name, (english, turkish) in WORDS.items():
        assert english.strip(), name
        assert turkish.strip(), name
        assert set(re.findall(r"\{(\w+)\}", english)) == set(re.findall(r"\{(\w+)\}", turkish)), name


def test_every_notice_and_every_column_has_its_words():
    for notice in {*STATUS, *BY_STATUS.values()}:
        assert {f"{notice}_title", f"{notice}_advice"} <= set(WORDS)
    assert {f"column_{name}" for names in COLUMNS.values() for name in names} <= set(WORDS)


def test_every_word_that_the_page_asks_for_is_there_and_no_other():
    from pathlib import Path

    folder = Path(spoken.__file__).parent
    sources = "".join(path.read_text() for path in [*folder.glob("static/*.js"), *folder.glob("templates/*.html")])
    asked = set(re.findall(r"words\.(\w+)", sources)) | set(re.findall(r"\"(line_\w+|column_\w+|[a-z]\w*)\"", sources))
    dynamic = re.compile(
        r"(advice|told|environment|environment_short|outcome|column|reason|part|state|meaning|event|exception|recipient|verdict|lack|step"
        r"|separator|decimal)_|_title$|_advice$|_empty$"
    )
    asked |= set(re.findall(r"table_card\(\"(\w+)\"\)", sources)) | set(re.findall(r"words\[\"(\w+)\"\]", sources))
    unused = {name for name in WORDS if name not in asked and not dynamic.search(name)}
    assert unused - {"gates", "days", "day", "week", "month", "year"} == set()
    missing = {name for name in re.findall(r"say\(\"(\w+)\"", sources) if name not in WORDS}
    assert missing == set()


def test_every_word_of_the_ledger_that_the_page_may_show_is_said():
    header = (files(views) / "iyzico_payout_exception.sql").read_text().partition("SELECT")[0]
    kinds = re.findall(r"^--     (\w+)  ", header, re.MULTILINE)
    assert len(kinds) == 10
    said = {f"event_{kind.replace(' ', '_')}" for kind in EventKind} | {f"state_{state}" for state in State}
    said |= {f"told_{code}" for code in EVENT_CODES.values()}
    assert said | {f"{prefix}_{kind}" for kind in kinds for prefix in ("exception", "advice")} <= set(WORDS)


def test_a_language_that_it_does_not_speak_is_an_error_of_ours():
    with pytest.raises(ValueError):
        words("de")
