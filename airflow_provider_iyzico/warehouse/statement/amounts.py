"""Amounts and accounts as the formats write them. What does not fit is refused, never rounded or cut."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal, Inexact

from airflow_provider_iyzico.errors import WarehouseStatementError
from airflow_provider_iyzico.warehouse.database.exact import EXACT
from airflow_provider_iyzico.warehouse.statement.entries import Statement
from airflow_provider_iyzico.warehouse.statement.figures import Whose

_HUNDREDTH = Decimal("0.01")
_CURRENCY = re.compile(r"[A-Z]{3}\Z")


def plain(amount: Decimal, decimal_sign: str = ".") -> str:
    """Return all digits of an amount, with at least two decimals."""
    whole, _, decimals = format(amount, "f").partition(".")
    return f"{whole}{decimal_sign}{decimals.rstrip('0').ljust(2, '0')}"


def check_format(statement: Statement, name: str, account: str, *, most_letters: int, most_digits: int) -> None:
    """Check that a format can hold a statement.

    :param name: of the format
    :param account: as the format names it
    :raises WarehouseStatementError: an amount has more than two decimals or too many digits, or a name does not fit
    """
    if len(account) > most_letters:
        raise WarehouseStatementError(
            f"{account!r} has {len(account)} letters, and {name} takes {most_letters} for an account; use --format csv"
        )
    if not _CURRENCY.match(statement.whose.currency):
        raise WarehouseStatementError(f"{statement.whose.currency!r} is no currency that {name} takes; use --format csv")
    for day, amount in _amounts(statement):
        try:
            written = amount.quantize(_HUNDREDTH, context=EXACT)
        except Inexact:
            raise WarehouseStatementError(
                f"an amount of {statement.whose} on {day} is {plain(amount)}; {name} has two decimals, and nothing is rounded. "
                "Use --format csv, and find out where the other decimals come from"
            ) from None
        if len(written.as_tuple().digits) > most_digits:
            raise WarehouseStatementError(f"{plain(amount)} on {day} has too many digits for {name}; use --format csv")


def _amounts(statement: Statement) -> Iterator[tuple[date, Decimal]]:
    yield statement.opening_date, statement.opening
    for entry in statement.entries:
        yield entry.local_date, entry.amount
    yield statement.closing_date, statement.closing


def account_name(whose: Whose) -> str:
    """Return by which name a statement knows the account, since the payout balance has no IBAN: its label.

    Another environment than production stands before it, so that no import takes play money for money.
    """
    return whose.account if whose.environment == "production" else f"{whose.environment}/{whose.account}"
