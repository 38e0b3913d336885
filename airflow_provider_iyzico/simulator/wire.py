"""Answers, and JSON that keeps the digits of money as they are to be written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

JSON = "application/json;charset=UTF-8"
HTML = "text/html"
PAGE = b"<!DOCTYPE html><html><body><h1>Request blocked</h1></body></html>"


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back to a client."""

    status: int
    body: bytes
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Request:
    """What a client sent. ``path`` is without the query, as it came in."""

    method: str
    path: str
    query: str
    body: bytes
    headers: Mapping[str, str]

    def header(self, name: str) -> str | None:
        """Return the value of a header. Names of headers are the same in small and in capital letters."""
        return next((value for known, value in self.headers.items() if known.lower() == name.lower()), None)


class Raw(str):
    """A text that stands in JSON as it is, such as ``0E-8``."""

    __slots__ = ()


def to_json(value: Any) -> str:
    """Return JSON, with :class:`Raw` texts as they are."""
    match value:
        case Raw():
            return str(value)
        case Mapping():
            return "{" + ",".join(f"{json.dumps(name)}:{to_json(each)}" for name, each in value.items()) + "}"
        case list():
            return "[" + ",".join(map(to_json, value)) + "]"
        case _:
            return json.dumps(value, ensure_ascii=False)
