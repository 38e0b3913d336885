"""When a wait says something: at its first poll, at its last, when what was seen changes, and every quarter of an hour."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING

from airflow_provider_iyzico.domain.gate import Outcome
from airflow_provider_iyzico.errors import IyzicoError

if TYPE_CHECKING:
    from airflow_provider_iyzico.api.balance import Balance
    from airflow_provider_iyzico.domain.gate import Verdict

#: A wait in which nothing changes says so this often.
QUIET_SECONDS = 900.0


def essence(seen: Balance | IyzicoError) -> Hashable:
    """Return what makes one poll say something else than another."""
    return (type(seen), str(seen)) if isinstance(seen, IyzicoError) else (seen.amount, seen.clock_error is None)


class Quiet:
    """What one wait said last."""

    __slots__ = ("_said", "_said_at")

    def __init__(self) -> None:
        self._said: Hashable = None
        self._said_at = 0.0

    def is_due(self, verdict: Verdict, seen: Hashable, at: float) -> bool:
        """Tell whether this poll is worth a line, and take it for said.

        :param seen: the essence of what was seen
        :param at: the moment, by a clock that nobody can set
        """
        if verdict.outcome is Outcome.WAITING and seen == self._said and at - self._said_at < QUIET_SECONDS:
            return False
        self._said, self._said_at = seen, at
        return True
