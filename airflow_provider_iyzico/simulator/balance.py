"""The money: exact books that check themselves, and how an amount is written."""

from __future__ import annotations

from bisect import bisect_right
from decimal import Context, Decimal, Inexact, InvalidOperation

#: How an amount may be written. iyzico's documentation shows all but ``verbatim``.
FORMS = {
    "number": "a JSON number with the digits as set: 1500.75",
    "string": 'the same digits in quotes: "1500.75"',
    "scale8": "a number with eight decimals, zero as 0E-8, as Java prints it: 1500.75000000",
    "scale8_string": 'the same in quotes: "1500.75000000"',
    "verbatim": "whatever text was set, as it is, be it JSON or not",
}
#: Of money in payouts, which has two decimals.
MONEY_FORMS = {
    "number": "a JSON number with two decimals: 100.50",
    "shortest": "a JSON number without zeros at its end: 100.5",
    **{form: FORMS[form] for form in ("string", "scale8", "scale8_string")},
}
#: Whatever the caller's context is: exact, or an error.
EXACT = Context(prec=400, traps=[Inexact, InvalidOperation])


def written(amount: str, form: str) -> str:
    """Return an amount as it stands in JSON."""
    if form.startswith("scale8"):
        amount = str(Decimal(amount).quantize(Decimal("1E-8"), context=Context(prec=400)))
    elif form == "shortest":
        amount = f"{Decimal(amount).normalize(EXACT):f}"
    return f'"{amount}"' if form in ("string", "scale8_string") else amount


class Books:
    """Where every kuruş went: top-ups - withdrawals - taken - commission + returned = balance.

    The money at the start is a top-up. ``text`` is how the balance was set by hand, digit by digit, until it changes.

    :raises AssertionError: the simulator has lost money; this is a bug of its own
    """

    def __init__(self) -> None:
        self.balance = self.topped_up = self.withdrawn = Decimal(0)
        self.taken = self.commission = self.returned = self.kept = Decimal(0)
        self.text: str | None = None
        self._history: list[tuple[int, Decimal]] = []

    def top_up(self, amount: Decimal, at_ms: int) -> None:
        self.topped_up = EXACT.add(self.topped_up, amount)
        self._change(amount, at_ms)

    def withdraw(self, amount: Decimal, at_ms: int) -> None:
        self.withdrawn = EXACT.add(self.withdrawn, amount)
        self._change(-amount, at_ms)

    def take(self, amount: Decimal, commission: Decimal, at_ms: int) -> None:
        self.taken, self.commission = EXACT.add(self.taken, amount), EXACT.add(self.commission, commission)
        self._change(-EXACT.add(amount, commission), at_ms)

    def give_back(self, amount: Decimal, commission: Decimal, at_ms: int, *, kept: Decimal) -> None:
        """Return the money of an item.

        :param kept: the part of its commission that iyzico keeps
        """
        both = EXACT.subtract(EXACT.add(amount, commission), kept)
        self.kept = EXACT.add(self.kept, kept)
        self.returned = EXACT.add(self.returned, both)
        self._change(both, at_ms)

    @property
    def shown(self) -> str:
        return str(self.balance) if self.text is None else self.text

    def at(self, at_ms: int) -> Decimal:
        """Return the balance of an earlier moment."""
        if not self._history:
            return self.balance
        place = bisect_right(self._history, at_ms, key=lambda change: change[0])
        return self._history[place - 1][1] if place else self._history[0][1]

    def check(self, out: Decimal) -> None:
        """Compare the books with what is out by the items themselves."""
        if out != total([self.taken, self.commission, -self.returned, -self.kept]):
            raise AssertionError(
                f"items say that {out} is out, and the books {self.taken} + {self.commission} - {self.returned} - {self.kept}"
            )
        if self.balance != total([self.topped_up, self.returned, -self.withdrawn, -self.taken, -self.commission]):
            raise AssertionError(f"the books of the simulator do not add up to {self.balance}")

    def _change(self, amount: Decimal, at_ms: int) -> None:
        self.balance, self.text = EXACT.add(self.balance, amount), None
        self._history.append((at_ms, self.balance))


def total(amounts: list[Decimal]) -> Decimal:
    """Return an exact sum."""
    found = Decimal(0)
    for amount in amounts:
        found = EXACT.add(found, amount)
    return found


def rate_of(commission: str, amount: Decimal) -> Decimal:
    """Return the commission of one amount: so much for each item, or a percentage, to the kuruş (half up)."""
    if not commission.endswith("%"):
        return Decimal(commission)
    share = EXACT.multiply(amount, EXACT.scaleb(Decimal(commission[:-1]), -2))
    return share.quantize(Decimal("0.01"), "ROUND_HALF_UP", Context(prec=400))
