"""Reads what the simulator is asked to be: each reader returns a value that makes sense, or says what would."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

Read = Callable[[str, Any], Any]


class ControlError(ValueError):
    """The simulator was asked for something that it does not do. The message says what it does."""


def read_object(body: bytes) -> dict[str, Any]:
    """Return the wishes in the body of a request of the control door; numbers with a fraction stay text."""
    try:
        wishes = json.loads(body, parse_float=str)
    except ValueError:
        wishes = None
    if not isinstance(wishes, dict):
        raise ControlError('send a JSON object, such as {"balance": "1500.75"}')
    return wishes


def read_amount(name: str, wish: Any, *, may_be_negative: bool = False) -> Decimal:
    """Return money from its digits; an exponent may not make it longer than anyone would write."""
    text = str(wish)
    try:
        amount = Decimal(text if text.isascii() and "_" not in text and not isinstance(wish, bool) else "NaN")
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or abs(amount.adjusted()) > 100 or len(text) > 100 or (amount < 0 and not may_be_negative):
        raise ControlError(f"{name} is {text!r}; give digits such as 1500.75")
    return amount


def seconds(longest: float) -> Read:
    """Return a reader of a time from 0 to ``longest`` seconds."""

    def read(name: str, wish: Any) -> float:
        try:
            found = float("nan") if isinstance(wish, bool) else float(wish)
        except (TypeError, ValueError):
            found = float("nan")
        if not 0 <= found <= longest:
            raise ControlError(f"{name} is {wish!r}; give 0 to {longest:g}")
        return found

    return read


def choice(choices: Mapping[str, str]) -> Read:
    """Return a reader of one word out of ``choices``."""

    def read(name: str, wish: Any) -> str:
        if str(wish) not in choices:
            raise ControlError(f"{name} is {wish!r}; choose one of {sorted(choices)}")
        return str(wish)

    return read


def some_of(choices: Mapping[str, str]) -> Read:
    """Return a reader of any number of words out of ``choices``."""

    def read(name: str, wish: Any) -> frozenset[str]:
        found = frozenset(map(str, wish)) if isinstance(wish, (list, tuple, set, frozenset)) else frozenset([str(wish)])
        if unknown := found - set(choices):
            raise ControlError(f"{name} are {sorted(unknown)}; give a list of some of {sorted(choices)}")
        return found

    return read


def bound(name: str, wish: Any) -> int | None:
    """Read a whole number from 1, or nothing: no bound."""
    if wish is not None and (isinstance(wish, bool) or not isinstance(wish, int) or wish < 1):
        raise ControlError(f"{name} is {wish!r}; give a whole number from 1, or null for no bound")
    return wish


def amount_bound(name: str, wish: Any) -> Decimal | None:
    """Read an amount, or nothing: no bound."""
    return None if wish is None else read_amount(name, wish)


def commission(name: str, wish: Any) -> str:
    """Read an amount for each item, or a percentage of its amount, such as ``1.5%``."""
    text = str(wish)
    amount = read_amount(name, text.removesuffix("%"))
    if not text.endswith("%") and amount != round(amount, 2):
        raise ControlError(f"{name} is {text!r}; give at most two decimals, such as 2.50, or a percentage, such as 1.5%")
    return text


def mapping(read_value: Read, names: Collection[str] | None = None, defaults: Mapping[str, Any] | None = None) -> Read:
    """Return a reader of a JSON object; ``names`` are those that it may have, and ``defaults`` fill in the others."""

    def read(name: str, wish: Any) -> dict[str, Any]:
        if not isinstance(wish, Mapping):
            raise ControlError(f"{name} is {wish!r}; give a JSON object")
        if names is not None and (unknown := set(wish) - set(names)):
            raise ControlError(f"{name} knows no {sorted(unknown)}; it takes {sorted(names)}")
        return {**(defaults or {}), **{str(key): read_value(f"{name}[{key}]", value) for key, value in wish.items()}}

    return read


def word(name: str, wish: Any) -> str:
    """Read a text that is not empty."""
    if not isinstance(wish, str) or not wish:
        raise ControlError(f"{name} is {wish!r}; give a text")
    return wish
