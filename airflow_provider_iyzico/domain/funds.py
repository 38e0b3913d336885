"""What the balance leaves after the holds of others: balance - holds = available."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from airflow_provider_iyzico.api.money import money_text, subtract, summed

#: So many holders are named in a message.
_NAMED = 3


@dataclass(frozen=True, slots=True)
class Hold:
    """Money set aside for one batch, or for a payout that other code makes.

    :param external_id: whose it is
    :param number: counts the holds of one ``external_id``, from 1
    :param amount: what was set aside
    :param counted: what of it counts now: less than ``amount`` once items are paid or came back
    :param placed_at: by the database's clock
    :param expires_at: when time ends it, if time may
    """

    external_id: str
    number: int
    amount: Decimal
    counted: Decimal
    placed_at: datetime
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Funds:
    """A balance, and the open holds of others on it.

    :param balance: what iyzico said
    :param others: the open holds of the account, without the one that asks
    """

    balance: Decimal
    others: tuple[Hold, ...]

    @property
    def held(self) -> Decimal:
        """What the holds of others count."""
        return counted(self.others)

    @property
    def available(self) -> Decimal:
        return subtract(self.balance, self.held)

    def covers(self, required: Decimal) -> bool:
        """Tell whether what others leave is enough."""
        return self.available >= required

    def facts(self, required: Decimal, currency: str) -> str:
        """Say in one line what is missing, and who holds what."""
        missing = subtract(required, self.available)
        said = f"balance {money_text(self.balance)}, available {money_text(self.available)}, required {money_text(required)}"
        said += f" {currency}" if missing <= 0 else f", missing {money_text(missing)} {currency}"
        return f"{said}; {self.held_by()}" if self.others else said

    def held_by(self) -> str:
        """Say who holds what, the largest first."""
        largest = sorted(self.others, key=lambda hold: (hold.counted.copy_negate(), hold.external_id))
        named = [f"{hold.external_id} holds {money_text(hold.counted)}" for hold in largest[:_NAMED]]
        rest = largest[_NAMED:]
        if rest:
            named.append(f"{len(rest)} more hold {money_text(counted(rest))}")
        return ", ".join(named)


def counted(holds: Iterable[Hold]) -> Decimal:
    """Return what holds count together, exactly."""
    return summed(hold.counted for hold in holds)
