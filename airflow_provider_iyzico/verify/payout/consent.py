"""The person who decides about each step, at the terminal or beforehand by a flag."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from enum import StrEnum

from airflow_provider_iyzico.errors import IyzicoConfigurationError
from airflow_provider_iyzico.hooks.payouts import paying
from airflow_provider_iyzico.hooks.settings import Settings
from airflow_provider_iyzico.printing import complain


class Leave(StrEnum):
    """What a person may agree to; its value is the flag that agrees beforehand."""

    #: Hand batches over, cancel one, and pay the other.
    PAY = "--yes-pay"
    #: Ask for what iyzico should refuse, and may carry out.
    RISK = "--yes-risk"
    REAL_MONEY = "--yes-real-money"

    @property
    def word(self) -> str:
        """What a person types."""
        return "real money" if self is Leave.REAL_MONEY else "yes"


@dataclass(frozen=True, slots=True)
class Person:
    """Who agrees to a step, or leaves it out.

    :param given: what flags agree to
    :param is_there: whether somebody at a terminal can be asked
    """

    given: frozenset[Leave]
    is_there: bool

    def check(self, settings: Settings) -> None:
        """Refuse to begin where nobody may pay, or nobody can agree to it.

        :raises IyzicoConfigurationError: says what to do; nothing was sent
        """
        paying(settings)
        if not self.is_there and Leave.PAY not in self.given:
            raise IyzicoConfigurationError(
                "nobody can answer questions here, because the input is not a terminal; nothing was sent. Use a terminal, or add "
                f"{Leave.PAY}"
            )
        real = "These keys are for production: every payment below uses real money."
        if settings.environment == "production" and not self.lets(Leave.REAL_MONEY, real):
            raise IyzicoConfigurationError(
                f"Connection {settings.conn_id!r} has keys for production, and nobody agreed to use them; nothing was sent. Use "
                f"keys of the sandbox, type {Leave.REAL_MONEY.word!r} when you are asked, or add {Leave.REAL_MONEY}"
            )

    def lets(self, leave: Leave, what: str) -> bool:
        """Show a step, and tell whether the person agrees to it."""
        self.tell(f"\n{what}")
        if leave in self.given:
            self.tell(f"  agreed to with {leave}")
            return True
        if not self.is_there:
            self.tell(f"  left out: it needs {leave}")
            return False
        self.tell(f"  Type {leave.word!r} to go on; anything else leaves this step out.")
        return sys.stdin.readline().strip() == leave.word

    def tell(self, line: str) -> None:
        complain(line)
