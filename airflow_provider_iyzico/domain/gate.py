"""Does this balance cover this batch? The one judge for poke, reschedule and trigger. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING

from airflow_provider_iyzico.api import money
from airflow_provider_iyzico.errors import IyzicoConfigurationError, IyzicoError, is_safe_to_repeat

if TYPE_CHECKING:
    from airflow_provider_iyzico.api.balance import Balance


class Outcome(StrEnum):
    """How a gate stands. The same words are used from the judge to the column ``outcome`` of ``iyzico_payout_gate``."""

    WAITING = "waiting"
    OPENED = "opened"
    #: The time of the wait is over. A poll cannot tell that, so the judge never returns it.
    TIMED_OUT = "timed_out"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Need:
    """What the balance must cover before a payout may run, in major units of one currency."""

    batch_total: Decimal
    headroom: Decimal
    currency: str

    @classmethod
    def read(cls, batch_total: object, headroom: object, currency: object) -> Need:
        """Read what a DAG author gave, after templates were rendered.

        :raises IyzicoMoneyError: an amount is empty, negative, not finite or a float
        :raises IyzicoConfigurationError: the currency is not three capital letters
        """
        return cls(
            money.money_from_author(batch_total, "batch_total"),
            money.money_from_author(headroom, "headroom"),
            read_currency(currency),
        )

    @property
    def required(self) -> Decimal:
        return money.add(self.batch_total, self.headroom)

    def __str__(self) -> str:
        parts = f"batch {money.money_text(self.batch_total)} + headroom {money.money_text(self.headroom)}"
        return f"required {money.money_text(self.required)} {self.currency} ({parts})"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the judge decided, and why. Exactly one of ``balance`` and ``error`` is set.

    :param account: whose balance it is, for people
    """

    outcome: Outcome
    need: Need
    account: str
    balance: Balance | None = None
    error: IyzicoError | None = None
    waits_for: str = ""

    @property
    def is_open(self) -> bool:
        return self.outcome is Outcome.OPENED

    @property
    def retry_after(self) -> float:
        """How many seconds iyzico asked us to wait before the next poll; 0 if it did not ask."""
        return (self.error.retry_after if self.error else None) or 0.0

    def __str__(self) -> str:
        """Return one line: the balance, what is required, what is missing or left, and what happens next."""
        follows = {
            Outcome.OPENED: "the gate opens",
            Outcome.WAITING: f"waiting for {self.waits_for}",
            Outcome.FAILED: "the gate fails",
        }
        return f"{self.facts}; {follows[self.outcome]}"

    @property
    def facts(self) -> str:
        """The same line without what happens next."""
        if self.balance is None:
            return f"{self.account}: balance unknown, {self.need}: {self.error}"
        amount, required = self.balance.amount, self.need.required
        if amount >= required:
            rest = f"surplus {money.money_text(money.subtract(amount, required))}"
        else:
            rest = f"missing {money.money_text(money.subtract(required, amount))}"
        return f"{self.account}: balance {money.money_text(amount)} {self.need.currency}, {self.need}, {rest}"

    def result(self) -> dict[str, str]:
        """Return what an open gate tells its DAG. The values are strings, because XCom changes decimals."""
        if not self.is_open or self.balance is None:
            raise ValueError("only an open gate has a result")
        return {
            "balance": money.money_text(self.balance.amount),
            "required": money.money_text(self.need.required),
            "surplus": money.money_text(money.subtract(self.balance.amount, self.need.required)),
            "currency": self.need.currency,
            "observed_at": self.balance.observed_at.isoformat(),
        }


def judge(seen: Balance | IyzicoError, need: Need, account: str, *, is_current: bool = True) -> Verdict:
    """Judge one poll.

    The gate opens only on a balance of at least ``batch_total + headroom``. It must have been asked for after the wait began,
    and its date must be believable.

    :param seen: the balance, or the error that came instead
    :param account: whose balance it is, for people
    :param is_current: whether iyzico was asked after the wait began; an earlier refusal, perhaps of other keys, ends no wait
    """
    if not isinstance(seen, IyzicoError) and (error := seen.clock_error) is not None:
        seen = error
    if isinstance(seen, IyzicoError):
        if is_safe_to_repeat(seen) or not is_current:
            return Verdict(Outcome.WAITING, need, account, error=seen, waits_for="iyzico to answer")
        return Verdict(Outcome.FAILED, need, account, error=seen)
    if not is_current:
        return Verdict(Outcome.WAITING, need, account, balance=seen, waits_for="a balance asked for after the wait began")
    if seen.amount >= need.required:
        return Verdict(Outcome.OPENED, need, account, balance=seen)
    return Verdict(Outcome.WAITING, need, account, balance=seen, waits_for="the balance to cover the batch")


def read_currency(value: object) -> str:
    """Read an ISO 4217 code, such as ``TRY``.

    :raises IyzicoConfigurationError: not three capital ASCII letters
    """
    if isinstance(value, str) and len(value) == 3 and value.isascii() and value.isalpha() and value.isupper():
        return value
    raise IyzicoConfigurationError(f"currency is {value!r}; give its ISO 4217 code in capitals, such as 'TRY'")
