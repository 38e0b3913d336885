"""What the views say of one account's month, as plain values. Money is in major units."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Whose:
    """Whose balance it is."""

    environment: str
    account: str
    currency: str

    def __str__(self) -> str:
        return f"{self.environment}/{self.account}/{self.currency}"


@dataclass(frozen=True, slots=True)
class Sums:
    """The money of a day or of a month. Without an observation, what is seen of the balance is ``None``."""

    opening: Decimal
    came_in: Decimal | None
    left_total: Decimal
    left_commission: Decimal
    returned_total: Decimal
    returned_commission: Decimal
    closing: Decimal | None
    unexplained: Decimal | None


@dataclass(frozen=True, slots=True)
class Day(Sums):
    """A row of ``iyzico_balance_rollforward``."""

    local_date: date
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Movement:
    """A row of ``iyzico_payout_booking``: an item left the balance or came back.

    :param local_date: the day on which it counts, which has a snapshot
    :param happened_at: when the ledger saw it
    :param direction: ``left`` or ``returned``
    :param amount: positive, as the commission is
    """

    local_date: date
    happened_at: datetime
    direction: str
    external_id: str
    amount: Decimal
    commission: Decimal


@dataclass(frozen=True, slots=True)
class Totals(Sums):
    """A row of ``iyzico_balance_rollforward_month``."""

    under_way: Decimal
    days: int
    complete_days: int


@dataclass(frozen=True, slots=True)
class Figures:
    """One account's month, which is over.

    :param month: such as ``2026-11``
    :param days: every day of the month, or from the account's first day on
    :param is_first: the account begins in this month, so that no day before it has a balance
    :param others: the other accounts of the warehouse
    """

    whose: Whose
    month: str
    report_timezone: str
    days: tuple[Day, ...]
    movements: tuple[Movement, ...]
    totals: Totals
    is_first: bool
    others: tuple[Whose, ...] = ()
