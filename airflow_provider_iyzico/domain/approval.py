"""Four eyes: what people said of a batch, and whose word counts when it is to be paid. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

#: How many hexadecimal digits of an approval digest are kept, and how many a person sees and gives.
DIGEST_LENGTH, SHOWN_LENGTH = 12, 6
#: What Airflow calls a user whom it does not know: everybody, where its login is turned off.
_NOBODY = frozenset({"anonymous"})
#: Turkish has an i with a dot and one without. For names both are one: the second, and the dot that casefold() leaves.
_ONE_I = str.maketrans({"\N{LATIN SMALL LETTER DOTLESS I}": "i", "\N{COMBINING DOT ABOVE}": ""})


@dataclass(frozen=True, slots=True)
class Word:
    """What a person said of a batch.

    :param person: the name by which Airflow or a command knows them
    :param person_id: Airflow's id of them, if it told
    :param digest: of the batch as it was shown to them
    :param is_approval: otherwise they rejected it
    :param counts_until: of an approval
    """

    person: str
    person_id: str | None
    digest: str
    is_approval: bool
    said_at: datetime
    counts_until: datetime | None

    @property
    def names(self) -> frozenset[str]:
        return names_of(self.person, self.person_id)


def names_of(*names: str | None) -> frozenset[str]:
    """Return the names of a person as they are compared: capitals, blanks around them and Turkish dots do not count.

    Names of nobody are left out.
    """
    return frozenset(filter(None, (_compared(name) for name in names if name))) - _NOBODY


def _compared(name: str) -> str:
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return plain.translate(_ONE_I).strip()


def last_words(words: Iterable[Word]) -> list[Word]:
    """Return what each person said last.

    :param words: the oldest first
    """
    last: list[Word] = []
    for word in reversed(list(words)):
        if not any(word.names & later.names for later in last):
            last.append(word)
    return last[::-1]


def is_rejected(word: Word, digest: str) -> bool:
    """Tell whether a last word stands against the batch as it is; time does not end it."""
    return not word.is_approval and word.digest == digest


def why_not(word: Word, digest: str, *, now: datetime, triggered_by: frozenset[str]) -> str | None:
    """Say why a last word is no approval that counts; nothing, if it counts.

    :param digest: of the batch as it is
    :param triggered_by: who triggered runs in which the batch was begun, changed or is to be paid
    """
    if is_rejected(word, digest):
        return "rejected it"
    if word.digest != digest:
        return f"saw the older digest {word.digest[:SHOWN_LENGTH]}"
    if not word.names:
        return "is not a named user"
    if word.names & triggered_by:
        return "triggered the run"
    if word.counts_until is None or word.counts_until <= now:
        return "approved it too long ago"
    return None
