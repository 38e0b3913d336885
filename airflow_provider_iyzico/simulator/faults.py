"""What may go wrong between the simulator and its clients."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from airflow_provider_iyzico.simulator import wishes
from airflow_provider_iyzico.simulator.wire import HTML, PAGE, Answer
from airflow_provider_iyzico.simulator.wishes import ControlError

#: The calls that a fault may name. Any other request fails only with a fault for all calls.
CALLS = ("balance", "init", "auth", "cancel", "retrieve", "item")
HUGE_BYTES = 64 * 1024 * 1024

#: What may go wrong, besides any HTTP status from 400 to 599 by its number.
FAULTS = {
    "timeout": "accept the request and never answer",
    "reset": "reset the connection instead of answering",
    "failure": "HTTP 200 with status failure; options code, message",
    "html": "HTTP 200 with a web page, as a firewall answers; option status",
    "redirect": "send the client elsewhere; options status, location",
    "huge": "a body without end (64 MiB)",
    "echo": "refuse, and quote the request's headers in the message; option escaped writes them as JSON may",
    "cut": "do it, then close the connection in the middle of the body",
    "truncated": "do it, then send a whole HTTP answer with half of the JSON",
    "drip": "do it, then send one byte at a time, headers too; option seconds between bytes",
    "done_then_reset": "do it, then reset the connection instead of answering",
    "done_then_status": "do it, then answer with an error; options status, code, message, retry_after",
    "done_then_html": "do it, then answer with a web page; option status",
    "done_then_late": "do it, then answer after the client has given up, or after some seconds; option seconds",
    "reset_then_done": "reset the connection, and do it later, by the simulator's clock; option seconds",
}
#: Those that carry the request out first.
DONE = frozenset(["cut", "truncated", "drip", *(kind for kind in FAULTS if kind.startswith("done_then"))])
_REFUSAL_OPTIONS = {"code", "message", "retry_after"}
#: Which options a fault takes; a status takes those of a refusal.
_OPTIONS = {
    "failure": {"code", "message"},
    "html": {"status"},
    "redirect": {"status", "location"},
    "echo": {"escaped"},
    "drip": {"seconds"},
    "done_then_status": {"status", *_REFUSAL_OPTIONS},
    "done_then_html": {"status"},
    "done_then_late": {"seconds"},
    "reset_then_done": {"seconds"},
}
_STATUS = re.compile(r"[45][0-9][0-9]\Z")


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong, for how many more requests (``None``: until it is healed), with which call (``None``: all), and how."""

    kind: str
    times: int | None = None
    on: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    def public(self) -> dict[str, Any]:
        return {"kind": self.kind, "times": self.times, **({"on": self.on} if self.on else {}), **self.options}


class Faults:
    """What goes wrong from now on: at most one fault for each call, and one for all the others."""

    def __init__(self) -> None:
        self._by_call: dict[str | None, Fault] = {}

    def change(self, fault: Fault | None) -> None:
        """Let something go wrong, or nothing any more."""
        if fault is None:
            self._by_call.clear()
        else:
            self._by_call[fault.on] = fault

    def take(self, call: str | None) -> Fault | None:
        """Return what goes wrong with this request, and count it."""
        fault = self._by_call.get(call) or self._by_call.get(None)
        if fault is not None and fault.times is not None:
            if fault.times > 1:
                self._by_call[fault.on] = replace(fault, times=fault.times - 1)
            else:
                del self._by_call[fault.on]
        return fault

    def public(self) -> dict[str, Any]:
        """Return the fault for all calls, and those for one, as the control door shows them."""
        general = self._by_call.get(None)
        return {
            "fault": general and general.public(),
            "faults_on": {call: fault.public() for call, fault in sorted(self._by_call.items(), key=str) if call is not None},
        }


def read_fault(wish: Any) -> Fault | None:
    """Return the fault that is wished for.

    :raises ControlError: it is none
    """
    if wish is None:
        return None
    options = dict(wish) if isinstance(wish, Mapping) else {"kind": wish}
    kind, times, on = str(options.pop("kind", "")), options.pop("times", None), options.pop("on", None)
    if kind not in FAULTS and not _STATUS.match(kind):
        raise ControlError(f"fault is {kind!r}; choose an HTTP status from 400 to 599 or one of {sorted(FAULTS)}")
    if times is not None and (isinstance(times, bool) or not isinstance(times, int) or times < 1):
        raise ControlError(f"times is {times!r}; give a whole number from 1, or leave it out")
    if on is not None and on not in CALLS:
        raise ControlError(f"on is {on!r}; choose one of {sorted(CALLS)}, or leave it out")
    known = _OPTIONS.get(kind, set()) if kind in FAULTS else _REFUSAL_OPTIONS
    if unknown := set(options) - known:
        raise ControlError(f"fault {kind} knows no {sorted(unknown)}; it takes times, on and {sorted(known)}")
    if "seconds" in options:
        options["seconds"] = wishes.seconds(24 * 60 * 60)("seconds", options["seconds"])
    if "status" in options and not str(options["status"]).isdecimal():
        raise ControlError(f"status is {options['status']!r}; give an HTTP status")
    return Fault(kind, times, on, options)


class Exchange(Protocol):
    """One request on its socket, as a fault plays with it."""

    def headers_of_request(self) -> Mapping[str, str]: ...
    def send(self, answer: Answer) -> None: ...
    def send_cut(self, answer: Answer, missing_bytes: int) -> None: ...
    def send_slowly(self, answer: Answer, seconds: float) -> None: ...
    def send_blanks(self, size: int) -> None: ...
    def reset(self) -> None: ...
    def wait(self, seconds: float) -> None: ...
    def wait_for_hang_up(self, seconds: float) -> None: ...
    def do_later(self, seconds: float) -> None: ...


def play(fault: Fault, exchange: Exchange, do: Callable[[], Answer]) -> None:
    """Let a request go wrong.

    :param do: carries the request out, and returns the answer that it would have had
    """
    if fault.kind in DONE:
        _spoil(fault, exchange, do())
    else:
        _do_nothing(fault, exchange)


def _do_nothing(fault: Fault, exchange: Exchange) -> None:
    """Answer, or do not, without carrying the request out."""
    options = fault.options
    match fault.kind:
        case "timeout":
            exchange.wait(120)
            exchange.reset()
        case "reset":
            exchange.reset()
        case "reset_then_done":
            exchange.do_later(float(options.get("seconds", 60)))
            exchange.reset()
        case "failure":
            exchange.send(_refusal(200, {"code": "1", "message": "System error", **options}))
        case "html":
            exchange.send(Answer(int(options.get("status", 200)), PAGE, HTML))
        case "redirect":
            location = str(options.get("location", "/v1/mass/payout/balance?locale=tr"))
            exchange.send(Answer(int(options.get("status", 302)), b"", HTML, {"Location": location}))
        case "huge":
            exchange.send_blanks(HUGE_BYTES)
        case "echo":
            exchange.send(_echo(exchange.headers_of_request(), is_escaped=bool(options.get("escaped"))))
        case status:
            exchange.send(_refusal(int(status), options))


def _spoil(fault: Fault, exchange: Exchange, answer: Answer) -> None:
    """Let the answer of a request that was carried out go wrong."""
    options = fault.options
    match fault.kind:
        case "cut":
            exchange.send_cut(answer, 10)
        case "truncated":
            exchange.send(replace(answer, body=answer.body[:-10]))
        case "drip":
            exchange.send_slowly(answer, float(options.get("seconds", 0.2)))
        case "done_then_reset":
            exchange.reset()
        case "done_then_status":
            exchange.send(_refusal(int(options.get("status", 502)), options))
        case "done_then_html":
            exchange.send(Answer(int(options.get("status", 200)), PAGE, HTML))
        case "done_then_late":
            exchange.wait_for_hang_up(float(options.get("seconds", 60)))
            exchange.send(answer)


def _refusal(status: int, options: Mapping[str, Any]) -> Answer:
    fields = {"status": "failure", "errorCode": options.get("code"), "errorMessage": options.get("message")}
    headers = {"Retry-After": str(options["retry_after"])} if options.get("retry_after") is not None else {}
    return Answer(status, f"{json.dumps(fields)}\n".encode(), headers=headers)


def _echo(headers: Mapping[str, str], *, is_escaped: bool) -> Answer:
    quoted = " ".join(f"{name}={value}" for name, value in headers.items())
    body = json.dumps({"status": "failure", "errorCode": "1000", "errorMessage": f"Invalid signature {quoted}"})
    if is_escaped:
        body = body.replace("/", "\\/").replace("Y", "\\u0059")
    return Answer(401, body.encode())
