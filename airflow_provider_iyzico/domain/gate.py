"""Does this balance cover this batch? The one judge for poke, reschedule and trigger. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING

from airflow_provider_iyzico.api import money
from airflow_provider_iyzico.errors import IyzicoConfigurationError, IyzicoError, WarehouseError, is_safe_to_repeat

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
    """What the balance must cover before a payout may run, in major units of one currency.

    :param held: what others hold of the balance, where the gate sets money aside
    :param held_by: who holds it, for people
    """

    batch_total: Decimal
    headroom: Decimal
    currency: str
    held: Decimal = Decimal(0)
    held_by: str = ""

    @classmethod
    def read(cls, batch_total: object, headroom: object, currency: object, held: object = 0, held_by: str = "") -> Need:
        """Read what a DAG author gave, after templates were rendered.

        :raises IyzicoMoneyError: an amount is empty, negative, not finite or a float
        :raises IyzicoConfigurationError: the currency is not three capital letters
        """
        return cls(
            money.money_from_author(batch_total, "batch_total"),
            money.money_from_author(headroom, "headroom"),
            read_currency(currency),
            money.money_from_author(held, "held"),
            held_by,
        )

    @property
    def required(self) -> Decimal:
        """What has to be available for this batch."""
        return money.add(self.batch_total, self.headroom)

    @property
    def awaited(self) -> Decimal:
        """The balance at which so much is available."""
        return money.add(self.required, self.held)

    def __str__(self) -> str:
        parts = f"batch {money.money_text(self.batch_total)} + headroom {money.money_text(self.headroom)}"
        return f"required {money.money_text(self.required)} {self.currency} ({parts})"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the judge decided, and why. Exactly one of ``balance`` and ``error`` is set.

    :param need: what is required; ``None`` where the ledger knows it and could not be asked
    :param account: whose balance it is, for people
    :param external_id: for whom money is set aside, if the gate does that
    :param because: what else makes an open gate open
    """

    outcome: Outcome
    need: Need | None
    account: str
    balance: Balance | None = None
    error: IyzicoError | None = None
    waits_for: str = ""
    external_id: str | None = None
    because: str = ""

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
            Outcome.OPENED: f"{self.because}; the gate opens" if self.because else "the gate opens",
            Outcome.WAITING: f"waiting for {self.waits_for}",
            Outcome.FAILED: "the gate fails",
        }
        return f"{self.facts}; {follows[self.outcome]}"

    @property
    def facts(self) -> str:
        """The same line without what happens next."""
        if self.balance is None or self.need is None:
            unknown = "no money set aside" if isinstance(self.error, WarehouseError) else "balance unknown"
            need = f", {self.need}" if self.need else ""
            return f"{self.account}: {unknown}{need}: {self.error}"
        amount = self.balance.amount
        available = f", available {money.money_text(money.subtract(amount, self.need.held))}" if self.need.held else ""
        if amount >= self.need.awaited:
            rest = f"surplus {money.money_text(money.subtract(amount, self.need.awaited))}"
        else:
            rest = f"missing {money.money_text(money.subtract(self.need.awaited, amount))}"
        held_by = f"; {self.need.held_by}" if self.need.held_by else ""
        return f"{self.account}: balance {money.money_text(amount)} {self.need.currency}{available}, {self.need}, {rest}{held_by}"

    def result(self) -> dict[str, str]:
        """Return what an open gate tells its DAG. The values are strings, because XCom changes decimals."""
        if not self.is_open or self.balance is None or self.need is None:
            raise ValueError("only an open gate has a result")
        result = {
            "balance": money.money_text(self.balance.amount),
            "required": money.money_text(self.need.required),
            "surplus": money.money_text(money.subtract(self.balance.amount, self.need.awaited)),
            "currency": self.need.currency,
            "observed_at": self.balance.observed_at.isoformat(),
        }
        if self.external_id is not None:
            result["external_id"] = self.external_id
            result["available"] = money.money_text(money.subtract(self.balance.amount, self.need.held))
        return result


def judge(seen: Balance | IyzicoError, need: Need, account: str, *, is_current: bool = True) -> Verdict:
    """Judge one poll.

    The gate opens only on a balance of at least ``batch_total + headroom``. It must have been asked for after the wait began,
    its date must be believable, and its Connection names no other currency.

    :param seen: the balance, or the error that came instead
    :param account: whose balance it is, for people
    :param is_current: whether iyzico was asked after the wait began; an earlier refusal, perhaps of other keys, ends no wait
    """
    if not isinstance(seen, IyzicoError) and (error := seen.error_in(need.currency)) is not None:
        seen = error
    if isinstance(seen, IyzicoError):
        return judge_error(seen, need, account, is_current=is_current)
    if not is_current:
        return Verdict(Outcome.WAITING, need, account, balance=seen, waits_for="a balance from after the wait began")
    if seen.amount >= need.awaited:
        return Verdict(Outcome.OPENED, need, account, balance=seen)
    waits_for = "the balance to cover the batch" + (" beside what others hold" if need.held else "")
    return Verdict(Outcome.WAITING, need, account, balance=seen, waits_for=waits_for)


def judge_error(error: IyzicoError, need: Need | None, account: str, *, is_current: bool = True) -> Verdict:
    """Judge a poll that saw no balance, or a ledger that could not be asked: what may heal by itself is waited out."""
    if is_safe_to_repeat(error) or not is_current:
        waits_for = "the ledger to answer" if isinstance(error, WarehouseError) else "iyzico to answer"
        return Verdict(Outcome.WAITING, need, account, error=error, waits_for=waits_for)
    return Verdict(Outcome.FAILED, need, account, error=error)


def read_currency(value: object) -> str:
    """Read an ISO 4217 code, such as ``TRY``.

    :raises IyzicoConfigurationError: not three capital ASCII letters
    """
    if isinstance(value, str) and len(value) == 3 and value.isascii() and value.isalpha() and value.isupper():
        return value
    raise IyzicoConfigurationError(f"currency is {value!r}; give its ISO 4217 code in capitals, such as 'TRY'")
