"""Secrets and recipients, and how they are kept out of texts that others write.

A server may quote a request in its answer: whole or in parts, in another case, percent-encoded, in base64 or in hex. So text from
a server is searched for pieces of our secrets, not for the secrets themselves.
"""

from __future__ import annotations

import re
import unicodedata
from base64 import b64encode
from collections.abc import Iterable, Iterator
from typing import Generic, NoReturn, TypeVar

T = TypeVar("T")

#: If a text shares this many letters and digits in a row with a secret, it quotes the secret.
PIECE = 8
BLOT = "***"
#: All keys of the sandbox begin with this. It is not secret, and servers may mention it.
_CONSTANT = re.compile(r"\Asandbox-")
_PLAIN = re.compile(r"[A-Za-z0-9]")
#: Letters and digits, also as URLs, JSON and HTML escape them.
_ESCAPED = re.compile(
    r"(?:%|\\x)(?P<byte>[0-9A-Fa-f]{2})|\\u(?P<json>[0-9A-Fa-f]{4})"
    r"|&#(?:x(?P<html>[0-9A-Fa-f]{1,6})|(?P<decimal>[0-9]{1,7}));|[A-Za-z0-9]"
)
_ESCAPE = re.compile(r"[%\\&]")
_WORD = re.compile(r"[^\W_]+")
#: An IBAN, whole or in groups of four, as many digits in a row as a phone or an identity number has at least, and a phone with
#: brackets, dots or hyphens: of any country after a plus, and a Turkish mobile without one.
_PERSONAL = re.compile(
    r"\b[A-Z]{2}[0-9]{2}(?:[A-Z0-9]{11,30}|(?:[ -][A-Z0-9]{4}){2,7}(?:[ -][A-Z0-9]{1,4})?)\b|\+?[0-9](?:\s?[0-9]){8,}"
    r"|\+[0-9](?:[\s().-]{0,2}[0-9]){8,}"
    r"|(?<![0-9])(?:\(?(?:0090|90|0)[\s().-]{0,3})?\(?5[0-9]{2}[\s().-]{0,3}[0-9]{3}(?:[\s.-]?[0-9]{2}){2}(?![0-9])",
    re.IGNORECASE,
)
#: How many characters of base64 also hold bits of the bytes before, by the number of these bytes.
_BLURRED = (0, 2, 3)


class Secret(Generic[T]):
    """A value that only ``reveal()`` shows. Logs, tracebacks, debuggers and pickles do not show it."""

    __slots__ = ("_value",)

    def __init__(self, value: T) -> None:
        self._value: T = value

    def reveal(self) -> T:
        return self._value

    def __repr__(self) -> str:
        return BLOT

    def __format__(self, format_spec: str) -> str:
        return BLOT

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __copy__(self) -> Secret[T]:
        return self

    def __deepcopy__(self, memo: object) -> Secret[T]:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled; read the Connection where it is needed")


class Redactor:
    """Removes from any text what it shares with the secrets.

    :param secrets: the keys, the token and the signature of one request
    """

    __slots__ = ("_known", "_secrets")

    def __init__(self, secrets: Iterable[Secret[str]]) -> None:
        self._secrets = tuple(secrets)
        self._known: Secret[set[str]] | None = None

    def __call__(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret.reveal(), BLOT)
        if self._known is None:  # an answer may hold thousands of texts
            self._known = Secret(
                {piece for secret in self._secrets for form in _forms(secret.reveal()) for piece in _pieces(form)}
            )
        pieces = self._known.reveal()
        ways = (_PLAIN, _ESCAPED) if _ESCAPE.search(text) else (_PLAIN,)
        shared = sorted(span for letters in ways for span in _shared(text, letters, pieces))
        return "".join(_blotted(text, shared))


class Unshown(bytes):
    """Bytes with personal data. Tracebacks and debuggers show a blot instead, also in the frames of libraries."""

    __slots__ = ()

    def __repr__(self) -> str:
        return BLOT


class Recipients:
    """Blots recipients out of a text: whatever looks like an IBAN, phone or identity number, and each word of known values.

    :param known: names, and ids of any kind
    """

    __slots__ = ("_words",)

    def __init__(self, known: Iterable[str] = ()) -> None:
        self._words = frozenset(_folded(word) for value in known for word in _WORD.findall(value) if len(word) > 1)

    def __call__(self, text: str) -> str:
        return _WORD.sub(self._shown, _PERSONAL.sub(BLOT, text))

    def _shown(self, word: re.Match[str]) -> str:
        return BLOT if _folded(word[0]) in self._words else word[0]


def _folded(word: str) -> str:
    """Return a word for comparison: small letters without accents and dots, because Turkish has an i with and without a dot."""
    letters = unicodedata.normalize("NFKD", word.lower().replace("\N{LATIN SMALL LETTER DOTLESS I}", "i"))
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def _forms(secret: str) -> Iterator[str]:
    """Write a secret raw, in hex, and in base64 with each of its three alignments, without the characters at its edges."""
    secret = _CONSTANT.sub("", secret)
    raw = secret.encode()
    yield secret
    yield raw.hex()
    for shift, blurred in enumerate(_BLURRED):
        yield b64encode(b"\0" * shift + raw).decode().rstrip("=")[blurred:-1]


def _pieces(text: str) -> Iterator[str]:
    letters = "".join(_PLAIN.findall(text)).lower()
    for start in range(len(letters) - PIECE + 1):
        yield letters[start : start + PIECE]


def _shared(text: str, letters: re.Pattern[str], pieces: set[str]) -> Iterator[tuple[int, int]]:
    """Yield where ``text`` shares a piece with a secret, whatever characters lie between its letters."""
    found = [(letter, match.span()) for match in letters.finditer(text) if (letter := _letter(match))]
    line = "".join(letter for letter, _ in found)
    for start in range(len(line) - PIECE + 1):
        if line[start : start + PIECE] in pieces:
            yield found[start][1][0], found[start + PIECE - 1][1][1]


def _letter(match: re.Match[str]) -> str:
    """Return the letter or digit in lower case, or nothing if it was something else."""
    groups = match.groupdict()
    code = groups.get("byte") or groups.get("json") or groups.get("html")
    number = int(code, 16) if code else int(groups.get("decimal") or 0)
    letter = chr(number) if 0 < number < 128 else "" if number else match[0]
    return letter.lower() if letter.isalnum() else ""


def _blotted(text: str, spans: Iterable[tuple[int, int]]) -> Iterator[str]:
    """Yield the text outside the spans, which are in order, and one mark for each stretch that they cover."""
    done = -1
    for start, end in spans:
        if start > done:
            yield text[max(done, 0) : start] + BLOT
        done = max(done, end)
    yield text[max(done, 0) :]
