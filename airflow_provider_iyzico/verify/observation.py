"""The requests that are made, and what came back."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from airflow_provider_iyzico.api.balance import balance_call, read_balance
from airflow_provider_iyzico.api.call import Call
from airflow_provider_iyzico.api.envelope import Answer
from airflow_provider_iyzico.api.signing import new_random_key
from airflow_provider_iyzico.errors import (
    IyzicoAnswerError,
    IyzicoAuthenticationError,
    IyzicoError,
    IyzicoRefusedError,
    IyzicoUnavailableError,
    restated,
)
from airflow_provider_iyzico.hooks.iyzico import IyzicoHook

PAUSE_SECONDS = 1.0
#: Names that may be shown: a field, a code, a type, a charset.
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_/+-]{0,31}\Z|[0-9]{1,6}\Z")


class Probe(StrEnum):
    """A request, named by its difference from the hook's own."""

    USUAL = "the usual request"
    NO_LOCALE = "without locale"
    UPPER_CASE_LOCALE = "with the locale in upper case"
    NO_CONTENT_TYPE = "without Content-Type"
    SAME_HEADER = "with the first request's Authorization header"


class Number(str):
    """A JSON number, kept as it was written."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Observation:
    """One answer. It is read more leniently than for a balance, because odd answers are what we look for.

    :param fields: its JSON object, or nothing
    :param error: the package's error, if it cannot read the answer
    :param value: what it reads, if it can
    """

    answer: Answer
    fields: dict[str, Any]
    error: IyzicoError | None
    value: Any = None

    @property
    def is_iyzicos(self) -> bool:
        """Whether it is probably iyzico's own, and not a proxy's or firewall's."""
        return any(name in self.fields for name in ("status", "errorCode")) or "json" in self.answer.header("content-type")

    @property
    def is_accepted(self) -> bool:
        """Whether iyzico itself accepted the request. A cache's answer does not count."""
        is_success = self.fields.get("status") == "success" and self.fields.get("errorCode") is None
        return self.answer.http_status == 200 and is_success and not self.answer.header("age")

    @property
    def is_refused(self) -> bool:
        return isinstance(self.error, (IyzicoRefusedError, IyzicoAuthenticationError))

    @property
    def is_unwelcome(self) -> bool:
        """Whether to ask no more."""
        return isinstance(self.error, (IyzicoAuthenticationError, IyzicoUnavailableError))

    @property
    def refusal(self) -> tuple[int, str]:
        """The HTTP status and iyzico's code."""
        code = self.fields.get("errorCode")
        return self.answer.http_status, "" if code is None else self.name(code)

    @property
    def said(self) -> str:
        if self.is_accepted:
            return "accepted"
        status, code = self.refusal
        return f"{'refused' if self.is_refused else 'not answered'} with HTTP {status}{code and f', code {code}'}"

    def name(self, value: object) -> str:
        """Return a name that the server gave, if it is no more than that."""
        word = self.answer.word(value)
        return word if _NAME.match(word) else "one that is not shown"


def pause(seconds: float = PAUSE_SECONDS) -> None:
    """Leave iyzico in peace for so long."""
    time.sleep(seconds)


def observe(answer: Answer, read: Callable[[Answer], Any] = read_balance) -> Observation:
    """Read an answer, and keep the package's error if there is one.

    :param read: how the package reads it
    """
    error: IyzicoError | None = None
    value = None
    try:
        value = read(answer)
        if answer.header("age"):
            error = IyzicoAnswerError("a cache answered in iyzico's place; have the proxy pass these requests on")
    except IyzicoError as problem:
        error = restated(problem)
    try:
        text = answer.body.decode("utf-8-sig", errors="replace")
        fields = json.loads(text, parse_float=Number, parse_int=Number, parse_constant=Number)
    except (ValueError, RecursionError):
        fields = None
    return Observation(answer, fields if isinstance(fields, dict) else {}, error, None if error else value)


def ask(hook: IyzicoHook, *, reuse_header: bool) -> tuple[dict[Probe, Observation], IyzicoError | None]:
    """Make the requests one after the other. Return the answers, and why no more requests were made."""
    seen: dict[Probe, Observation] = {}
    for probe, call in _calls(hook.settings.locale, reuse_header=reuse_header):
        if seen:
            pause()
        try:
            seen[probe] = one = hook.run(call, attempts=1)
        except IyzicoError as error:
            return seen, error
        if one.is_unwelcome or not seen[Probe.USUAL].is_accepted:
            return seen, one.error
    return seen, None


def _calls(locale: str, *, reuse_header: bool) -> Iterator[tuple[Probe, Call[Observation]]]:
    asked = balance_call(locale)
    usual = Call(asked.method, asked.path, asked.query, observe, is_read=True)
    first = replace(usual, random_key=new_random_key())
    yield Probe.USUAL, first
    yield Probe.NO_LOCALE, replace(usual, query="")
    yield Probe.UPPER_CASE_LOCALE, replace(usual, query=f"locale={locale.upper()}")
    yield Probe.NO_CONTENT_TYPE, replace(usual, without=frozenset({"Content-Type"}))
    if reuse_header:
        yield Probe.SAME_HEADER, first
