"""What the simulator knows: its keys, its settings, the money and the batches, what goes wrong next, and what it has seen."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from decimal import Context, localcontext
from os import PathLike
from threading import Event, RLock
from typing import Any

from airflow_provider_iyzico.simulator import wishes
from airflow_provider_iyzico.simulator.balance import EXACT, Books, written
from airflow_provider_iyzico.simulator.faults import Fault, Faults, read_fault
from airflow_provider_iyzico.simulator.journal import Effect, Journal
from airflow_provider_iyzico.simulator.payouts.bank import Bank
from airflow_provider_iyzico.simulator.payouts.clock import CLOCKS, Clock
from airflow_provider_iyzico.simulator.payouts.desk import Desk
from airflow_provider_iyzico.simulator.settings import Settings

API_KEY = "sandbox-simulatedApiKey000000000000000"
SECRET_KEY = "sandbox-simulatedSecretKey00000000000"  # noqa: S105 - opens nothing but the simulator
#: What may be wished for besides settings.
_ACTS = ("balance", "fault", "clock", "advance_seconds")
_YEAR = 365 * 24 * 60 * 60.0


@dataclass(frozen=True, slots=True)
class Seen:
    """One request of the API, as it came in. ``call`` is its name (such as ``auth``), or ``None`` if there is no such call.

    ``headers`` stay in this process; the HTTP interface leaves them out.
    """

    method: str
    path: str
    query: str
    body: str
    call: str | None
    random_key: str
    refusal: str | None
    fault: str | None
    received_at: float
    headers: Mapping[str, str]

    def public(self) -> dict[str, Any]:
        """Return the request without its headers."""
        return {name: value for name, value in asdict(self).items() if name != "headers"}


class World:
    """The simulated account. Safe to use from several threads."""

    def __init__(
        self,
        balance: str,
        api_key: str,
        secret_key: str,
        refusal_status: int,
        journal_path: str | PathLike[str] | None = None,
        seed: int | None = None,
    ) -> None:
        self.api_key, self.secret_key, self.refusal_status = api_key, secret_key, refusal_status
        self.stopping = Event()
        self.settings, self.clock, self.books, self.journal = Settings(), Clock(), Books(), Journal(journal_path)
        self.bank = Bank(self.settings, self.clock, self.books, self.journal)
        self.desk = Desk(self.settings, self.bank, seed)
        self._lock = RLock()
        self._is_in_turn = False
        self._faults = Faults()
        self._seen: list[Seen] = []
        self._recent_ms: deque[int] = deque()
        self.set(balance=balance)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Let one act happen at a time, with all that is due before and after it, and keep its effects.

        :raises AssertionError: the books did not add up, now or earlier
        """
        with self._lock, localcontext(Context(prec=400)):  # a test may run in a context that rounds
            if self._is_in_turn:
                yield
                return
            self._is_in_turn = True
            try:
                self.bank.catch_up()
                yield
                self.bank.catch_up()
            finally:
                self._is_in_turn = False
                self.bank.check()
                self.journal.flush()

    def set(self, **wished: Any) -> None:
        """Change settings, balance, fault or clock, all or none; time goes on last.

        :raises ControlError: a wish is unknown or makes no sense
        """
        with self.turn():
            values = self.settings.read({name: wish for name, wish in wished.items() if name not in _ACTS}, _ACTS)
            balance = str(wished.get("balance", self.books.shown))
            amount = self.books.balance
            if values["form"] != "verbatim":
                amount = wishes.read_amount("balance", balance, may_be_negative=True)
            fault = read_fault(wished.get("fault"))
            clock = wishes.choice(CLOCKS)("clock", wished.get("clock", self.clock.mode))
            seconds = wishes.seconds(_YEAR)("advance_seconds", wished.get("advance_seconds", 0))

            self.settings.change(values)
            if clock != self.clock.mode:
                self.clock.mode = clock
            if "fault" in wished:
                self._faults.change(fault)
            self._set_balance(balance, amount)
            if {"durations", "fates", "queue"} & set(wished):
                self.bank.reschedule()
            self.clock.advance(seconds)

    def state(self) -> dict[str, Any]:
        """Return what may be seen through the control door."""
        with self.turn():
            return {
                "balance": self.books.shown,
                "form": self.settings["form"],
                "latency_seconds": self.latency_seconds,
                **self._faults.public(),
                "habits": sorted(self.settings["habits"]),
                "settings": self.settings.unlike_default(),
                "clock": self.clock.mode,
                "now": self.bank.now_ms / 1000,
                "requests": len(self._seen),
                "payouts": len(self.bank.batches),
                "effects": len(self.journal),
            }

    @property
    def latency_seconds(self) -> float:
        return float(self.settings["latency_seconds"])

    def was_used(self, random_key: str) -> bool:
        """Tell whether an earlier request was signed with this random key."""
        return any(seen.random_key == random_key for seen in self.seen())

    def is_one_too_many(self) -> bool:
        """Count a request, and tell whether it exceeds the limit of a minute by the simulator's clock."""
        with self.turn():
            self._recent_ms.append(self.bank.now_ms)
            while self._recent_ms[0] <= self.bank.now_ms - 60_000:
                self._recent_ms.popleft()
            limit = self.settings["max_requests_per_minute"]
            return limit is not None and len(self._recent_ms) > limit

    def later(self, seconds: float, act: Callable[[], object]) -> None:
        """Let something happen so many seconds from now by the simulator's clock."""
        with self.turn():
            self.bank.later(seconds, act)

    def balance_json(self) -> str:
        """Return the balance as it stands in the answer's JSON."""
        with self.turn():
            lag_ms = round(self.settings["balance_lag_seconds"] * 1000)
            shown = str(self.books.at(self.bank.now_ms - lag_ms)) if lag_ms else self.books.shown
            return written(shown, self.settings["form"])

    def take_fault(self, call: str | None) -> Fault | None:
        """Return what goes wrong with this request, and count it."""
        with self._lock:
            return self._faults.take(call)

    def remember(self, seen: Seen) -> None:
        with self._lock:
            self._seen.append(seen)

    def seen(self) -> list[Seen]:
        with self._lock:
            return list(self._seen)

    def forget(self) -> None:
        with self._lock:
            self._seen.clear()

    def effects(self) -> list[Effect]:
        with self.turn():
            return self.journal.effects()

    def payouts(self) -> list[dict[str, Any]]:
        """Return every batch with its items, without recipients."""
        with self.turn():
            return [batch.public() for batch in self.bank.batches]

    def _set_balance(self, text: str, amount: Any) -> None:
        change = EXACT.subtract(amount, self.books.balance)
        if change > 0:
            self.bank.top_up(change, "panel")
        elif change < 0:
            self.bank.withdraw(-change, "panel")
        self.books.text = text if text != str(self.books.balance) else self.books.text
