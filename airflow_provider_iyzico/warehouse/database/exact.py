"""The decimal context in which this room computes: exact, or an error. The caller's context is never used."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Context, DivisionByZero, FloatOperation, Inexact, InvalidOperation, Overflow, localcontext
from functools import wraps
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

#: NUMERIC(38, 8) has 38 digits; sums and differences of many of them have a few more.
EXACT = Context(prec=60, traps=[DivisionByZero, FloatOperation, Inexact, InvalidOperation, Overflow])


def exactly(act: Callable[P, R]) -> Callable[P, R]:
    """Run a function in the exact context. A DAG file may have set precision, rounding or traps for its own sums."""

    @wraps(act)
    def run(*arguments: P.args, **named: P.kwargs) -> R:
        with localcontext(EXACT):
            return act(*arguments, **named)

    return run
