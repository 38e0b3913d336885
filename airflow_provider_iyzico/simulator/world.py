"""What the simulator knows: the money, how it is written, what goes wrong next, and what it has seen."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from decimal import Decimal, InvalidOperation
from threading import Event, Lock
from typing import Any

API_KEY = "sandbox-simulatedApiKey000000000000000"
SECRET_KEY = "sandbox-simulatedSecretKey00000000000"  # noqa: S105 - opens nothing but the simulator

#: How the balance may be written. iyzico's documentation shows all but ``verbatim``.
FORMS = {
    "number": "a JSON number with the digits as set: 1500.75",
    "string": 'the same digits in quotes: "1500.75"',
    "scale8": "a number with eight decimals, zero as 0E-8, as Java prints it: 1500.75000000",
    "scale8_string": 'the same in quotes: "1500.75000000"',
    "verbatim": "whatever text was set, as it is, be it JSON or not",
}

#: In what iyzico may differ from what UNVERIFIED.md assumes; the number is that of the assumption. Any number of them at once.
HABITS = {
    "signs_query": "1: the query is part of the signature",
    "signs_empty_object": "2: a GET without a body is signed as if it had sent {}",
    "locale_optional": "3, 15: a request without locale is answered",
    "locale_any_case": "3: TR is as good as tr",
    "names_currency": "5: the answer names the balance's currency",
    "seconds": "6: systemTime is in seconds, 10 digits",
    "hour_behind": "6: the clock is an hour behind",
    "no_clock": "6: there is no systemTime",
    "refuses_reuse": "14: a random key that was used before is refused",
    "content_type_optional": "15: a request without Content-Type is answered",
    "refuses_with_200": "15: an invalid request is refused with HTTP 200",
    "signs_answers": "16: answers carry a signature, as a field and as a header",
    "byte_order_mark": "17: answers begin with one",
    "latin5": "17: answers are in ISO-8859-9",
    "text_type": "17: answers are of type text/json",
    "gzip": "17: answers are compressed, whatever was asked for",
}

#: What may go wrong, besides any HTTP status from 400 to 599 by its number.
FAULTS = {
    "timeout": "accept the request and never answer",
    "reset": "reset the connection instead of answering",
    "cut": "close the connection in the middle of the body",
    "failure": "HTTP 200 with status failure; options code, message",
    "html": "HTTP 200 with a web page, as a firewall answers; option status",
    "truncated": "a whole HTTP answer with half of the JSON",
    "drip": "one byte at a time, headers too; option seconds between bytes",
    "redirect": "send the client elsewhere; options status, location",
    "huge": "a body without end (64 MiB)",
    "echo": "refuse, and quote the request's headers in the message; option escaped writes them as JSON may",
}
#: Which options a fault takes; a status takes the last.
_OPTIONS = {
    "failure": {"code", "message"},
    "html": {"status"},
    "drip": {"seconds"},
    "redirect": {"status", "location"},
    "echo": {"escaped"},
}
_STATUS_OPTIONS = {"code", "message", "retry_after"}
_STATUS = re.compile(r"[45][0-9][0-9]\Z")


class ControlError(ValueError):
    """The simulator was asked for something that it does not do. The message says what it does."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong, for how many more requests (``None``: until it is healed), and how."""

    kind: str
    times: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Seen:
    """One request of the API, as it came in. ``headers`` stay in this process; the control door leaves them out."""

    method: str
    path: str
    query: str
    body: str
    random_key: str
    refusal: str | None
    fault: str | None
    received_at: float
    headers: Mapping[str, str]

    def public(self) -> dict[str, Any]:
        """Return what may leave the process."""
        return {name: value for name, value in asdict(self).items() if name != "headers"}


class World:
    """The simulated account. Safe to use from several threads."""

    def __init__(self, balance: str, api_key: str, secret_key: str, refusal_status: int) -> None:
        self.api_key = api_key
        self.secret_key = secret_key
        self.refusal_status = refusal_status
        self.stopping = Event()
        self._lock = Lock()
        self._balance = "0"
        self._form = "number"
        self._latency_seconds = 0.0
        self._fault: Fault | None = None
        self._habits: frozenset[str] = frozenset()
        self._seen: list[Seen] = []
        self.set(balance=balance)

    def set(self, **wishes: Any) -> None:
        """Change balance, form, latency_seconds, fault or habits, all or none.

        :raises ControlError: a wish is unknown or makes no sense
        """
        unknown = set(wishes) - {"balance", "form", "latency_seconds", "fault", "habits"}
        if unknown:
            raise ControlError(f"unknown: {sorted(unknown)}; known are balance, form, latency_seconds, fault and habits")
        form = wishes.get("form", self._form)
        if form not in FORMS:
            raise ControlError(f"form is {form!r}; choose one of {sorted(FORMS)}")
        balance = str(wishes.get("balance", self._balance))
        if form != "verbatim":
            _check_amount(balance)
        latency = _read_seconds(wishes.get("latency_seconds", self._latency_seconds))
        fault = _read_fault(wishes["fault"]) if "fault" in wishes else self._fault
        habits = _read_habits(wishes["habits"]) if "habits" in wishes else self._habits
        with self._lock:
            self._balance, self._form, self._latency_seconds = balance, form, latency
            self._fault, self._habits = fault, habits

    def state(self) -> dict[str, Any]:
        """Return what may be seen through the control door."""
        with self._lock:
            fault = self._fault and {"kind": self._fault.kind, "times": self._fault.times, **self._fault.options}
            return {
                "balance": self._balance,
                "form": self._form,
                "latency_seconds": self._latency_seconds,
                "fault": fault,
                "habits": sorted(self._habits),
                "requests": len(self._seen),
            }

    @property
    def latency_seconds(self) -> float:
        return self._latency_seconds

    def has(self, habit: str) -> bool:
        return habit in self._habits

    def was_used(self, random_key: str) -> bool:
        """Tell whether an earlier request was signed with this random key."""
        return any(seen.random_key == random_key for seen in self.seen())

    def balance_json(self) -> str:
        """Return the balance as it stands in the answer's JSON."""
        with self._lock:
            text, form = self._balance, self._form
        if form.startswith("scale8"):
            text = str(Decimal(text).quantize(Decimal("1E-8")))
        return f'"{text}"' if form in ("string", "scale8_string") else text

    def take_fault(self) -> Fault | None:
        """Return what goes wrong with this request, and count it."""
        with self._lock:
            fault = self._fault
            if fault is not None and fault.times is not None:
                self._fault = replace(fault, times=fault.times - 1) if fault.times > 1 else None
            return fault

    def remember(self, seen: Seen) -> None:
        with self._lock:
            self._seen.append(seen)

    def seen(self) -> list[Seen]:
        with self._lock:
            return list(self._seen)

    def forget(self) -> None:
        with self._lock:
            self._seen.clear()


def _check_amount(text: str) -> None:
    try:
        is_amount = text.isascii() and "_" not in text and Decimal(text).is_finite()
    except InvalidOperation:
        is_amount = False
    if not is_amount:
        raise ControlError(f"balance is {text!r}; give digits such as 1500.75, or choose form verbatim first")


def _read_seconds(wish: Any) -> float:
    try:
        seconds = float("nan") if isinstance(wish, bool) else float(wish)
    except (TypeError, ValueError):
        seconds = float("nan")
    if not 0 <= seconds <= 60:
        raise ControlError(f"latency_seconds is {wish!r}; give 0 to 60")
    return seconds


def _read_habits(wish: Any) -> frozenset[str]:
    habits = frozenset(map(str, wish)) if isinstance(wish, (list, tuple, set, frozenset)) else frozenset([str(wish)])
    if unknown := habits - set(HABITS):
        raise ControlError(f"habits are {sorted(unknown)}; give a list of some of {sorted(HABITS)}")
    return habits


def _read_fault(wish: Any) -> Fault | None:
    if wish is None:
        return None
    if not isinstance(wish, Mapping):
        wish = {"kind": wish}
    options = dict(wish)
    kind, times = str(options.pop("kind", "")), options.pop("times", None)
    if kind not in FAULTS and not _STATUS.match(kind):
        raise ControlError(f"fault is {kind!r}; choose an HTTP status from 400 to 599 or one of {sorted(FAULTS)}")
    if times is not None and (isinstance(times, bool) or not isinstance(times, int) or times < 1):
        raise ControlError(f"times is {times!r}; give a whole number from 1, or leave it out")
    known = _OPTIONS.get(kind, set()) if kind in FAULTS else _STATUS_OPTIONS
    if unknown := set(options) - known:
        raise ControlError(f"fault {kind} knows no {sorted(unknown)}; it takes times and {sorted(known)}")
    return Fault(kind, times, options)
