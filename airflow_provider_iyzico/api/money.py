"""Amounts of money: exact, finite, and never a float.

One grammar serves the wire and the DAG author: an optional minus, ASCII digits, an optional fraction, an optional
exponent. iyzico prints ``100``, ``100.50``, ``20.00000000`` and ``0E-8``, as numbers and as strings
(https://docs.iyzico.com/en/products/mass-payout/mass-payout-integration/retrieve-mass-payout-balance).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Context, Decimal, Inexact, InvalidOperation
from functools import lru_cache, reduce

from airflow_provider_iyzico.errors import IyzicoMoneyError

MAX_DECIMALS = 8
MAX_INTEGER_DIGITS = 20
MAX_TEXT = 64

_GRAMMAR = re.compile(r"-?(?:0|[1-9][0-9]{0,39})(?:\.[0-9]{1,48})?(?:[eE][+-]?[0-9]{1,2})?\Z")
#: In Turkish and German this is 1500; it would count as 1.50.
_MAY_BE_THOUSANDS = re.compile(r"[1-9][0-9]{0,2}\.[0-9]{2}0\Z")
#: The same with three other digits. A program may have computed them, so only what stands in a DAG file is refused.
_LIKE_THOUSANDS = re.compile(r"[1-9][0-9]{0,2}\.[0-9]{3}\Z")
#: As spreadsheets write what they rounded to fit a column. A Decimal writes its exponent without a zero before it.
_ROUNDED = re.compile(r"[0-9.]+e\+[0-9]{2}\Z", re.IGNORECASE)
_FINEST = Decimal(f"1E-{MAX_DECIMALS}")
#: The sum of two valid amounts is exact in this context. A result that would be rounded is an error.
_EXACT = Context(prec=MAX_INTEGER_DIGITS + MAX_DECIMALS + 2, traps=[Inexact, InvalidOperation])


def money_from_text(text: str, name: str) -> Decimal:
    """Read one amount from its digits.

    :param text: the digits, for example ``"1500.75"`` or ``"0E-8"``
    :param name: what is being read, for the error message
    Zeros behind the last decimal do not count: a division in PostgreSQL writes ``4530.1000000000000000``.

    :raises IyzicoMoneyError: not finite, not ASCII, grouped, more than 8 decimals or more than 20 integer digits
    """
    try:
        return _amount(text)
    except IyzicoMoneyError as error:
        raise IyzicoMoneyError(f"{name} is {error}") from error.__cause__


@lru_cache(maxsize=4096)  # thousands of gates have the same headroom, and a batch is read again and again
def _amount(text: str) -> Decimal:
    """Read one amount. An error goes on after "... is"."""
    if len(text) > MAX_TEXT or not _GRAMMAR.match(text):
        raise IyzicoMoneyError(
            f"{text[:MAX_TEXT]!a}, which is not an amount of money; write plain digits with a dot, such as '1500.75'"
        )
    amount = Decimal(text)
    if not amount:
        return Decimal(0)
    if amount.adjusted() >= MAX_INTEGER_DIGITS:
        raise IyzicoMoneyError(f"{text}, which has more than {MAX_INTEGER_DIGITS} digits before the point; is it in lira?")
    try:
        return amount if _decimals(amount) <= MAX_DECIMALS else _EXACT.quantize(amount, _FINEST)
    except Inexact as error:
        raise IyzicoMoneyError(f"{text}, which has more than {MAX_DECIMALS} decimals; round it where you compute it") from error


def money_from_author(value: object, name: str) -> Decimal:
    """Read an amount that a DAG author gave: ``str``, ``int`` or ``Decimal``, zero or more.

    :raises IyzicoMoneyError: anything else, floats above all, negative amounts, and text that means another amount elsewhere
    """
    if isinstance(value, float):
        raise IyzicoMoneyError(
            f"{name} is the float {value!r}; a float is not exact. Pass the digits as a string, such as '1500.75' "
            "(with render_template_as_native_obj=True, pass a Decimal or quote the digits twice)"
        )
    if value is None or (isinstance(value, str) and value.strip() in ("", "None")):
        raise IyzicoMoneyError(
            f"{name} is {value!r}; did the upstream task return nothing, or is the name in a template misspelled?"
        )
    if isinstance(value, tuple) and len(value) > 1 and all(isinstance(each, (int, float)) for each in value):
        raise IyzicoMoneyError(
            f"{name} is {value!r}; render_template_as_native_obj=True makes such a tuple of digits with a comma. Write them with "
            "a dot and without groups, such as '1500.75', and quote them twice"
        )
    if isinstance(value, (list, tuple)):
        raise IyzicoMoneyError(
            f"{name} is a {type(value).__name__} of {len(value)}; a query returns rows of columns. Take the first value of the "
            f"first row with a template, such as \"{{{{ ti.xcom_pull(task_ids='total')[0][0] }}}}\""
        )
    if isinstance(value, bool) or not isinstance(value, (str, int, Decimal)):
        raise IyzicoMoneyError(f"{name} is a {type(value).__name__}; pass digits as str, int or Decimal")
    if isinstance(value, int) and abs(value) >= 10**MAX_INTEGER_DIGITS:  # Python may refuse to write the digits of such a number
        raise IyzicoMoneyError(f"{name} has more than {MAX_INTEGER_DIGITS} digits; is it in lira?")
    if isinstance(value, str):
        _refuse_ambiguous(_digits(value), name)
    amount = money_from_text(_digits(value), name)
    if amount < 0:
        raise IyzicoMoneyError(f"{name} is {value}, which is negative; amounts to be covered are zero or more")
    return amount


def _refuse_ambiguous(text: str, name: str) -> None:
    """Refuse digits that mean another amount elsewhere, or that a spreadsheet rounded.

    :raises IyzicoMoneyError: says what to write
    """
    if _MAY_BE_THOUSANDS.match(text):
        raise IyzicoMoneyError(
            f"{name} is {text!r}, which may mean {text.replace('.', '')}.00 or {text[:-1]}; write the one that you mean"
        )
    if _ROUNDED.match(text):
        raise IyzicoMoneyError(
            f"{name} is {text!r}, with an exponent: spreadsheets write this if they rounded to fit a column; give all digits, "
            "such as '1500.75'"
        )


def refuse_like_thousands(value: object, name: str) -> None:
    """Refuse text of a DAG file that may mean thousands, such as ``1.234``: on 1.24, a gate would open.

    :raises IyzicoMoneyError: says what to write
    """
    if isinstance(value, str) and _LIKE_THOUSANDS.match(value):
        raise IyzicoMoneyError(
            f"{name} is {value!r}, which may mean {value.replace('.', '')}.00 or {value}0; write the one that you mean"
        )


def add(left: Decimal, right: Decimal) -> Decimal:
    """Add exactly, whatever decimal context the caller's thread has."""
    return _EXACT.add(left, right)


def summed(amounts: Iterable[Decimal]) -> Decimal:
    """Add up exactly, whatever decimal context the caller's thread has. The sum of no amounts is zero."""
    return reduce(_EXACT.add, amounts, Decimal(0))


def subtract(left: Decimal, right: Decimal) -> Decimal:
    """Subtract exactly, whatever decimal context the caller's thread has."""
    return _EXACT.subtract(left, right)


def _digits(value: str | int | Decimal) -> str:
    """Return the value's own digits, also for subclasses that write themselves differently."""
    if isinstance(value, Decimal):
        return Decimal.__str__(value)
    return int.__repr__(value) if isinstance(value, int) else str.__str__(value)


def _decimals(amount: Decimal) -> int:
    exponent = amount.as_tuple().exponent
    return -exponent if isinstance(exponent, int) else 0


def money_text(amount: Decimal) -> str:
    """Write an amount in plain digits: no exponent, no needless zeros, at least two decimals, and nothing rounded."""
    digits = format(amount, "f")
    whole, _, fraction = digits.partition(".")
    return f"{whole}.{fraction.rstrip('0').ljust(2, '0')}"
