"""When a wait logs a line: at its first poll, at its last, when what was seen changes, and every quarter of an hour."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING

from airflow_provider_iyzico.domain.gate import Outcome
from airflow_provider_iyzico.errors import IyzicoError

if TYPE_CHECKING:
    from airflow_provider_iyzico.api.balance import Balance
    from airflow_provider_iyzico.domain.gate import Verdict

#: A wait in which nothing changes logs a line this often.
QUIET_SECONDS = 900.0


def essence(seen: Balance | IyzicoError) -> Hashable:
    """Return a value that differs if two polls saw different things."""
    return (type(seen), str(seen)) if isinstance(seen, IyzicoError) else (seen.amount, seen.clock_error is None)


class Quiet:
    """What one wait logged last."""

    __slots__ = ("_said", "_said_at")

    def __init__(self) -> None:
        self._said: Hashable = None
        self._said_at = 0.0

    def is_due(self, verdict: Verdict, seen: Hashable, at: float) -> bool:
        """Tell whether this poll deserves a line, and count it as logged.

        :param seen: the essence of what was seen
        :param at: the moment, by a clock that cannot be set
        """
        if verdict.outcome is Outcome.WAITING and seen == self._said and at - self._said_at < QUIET_SECONDS:
            return False
        self._said, self._said_at = seen, at
        return True
