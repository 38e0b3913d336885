"""What a watcher waits for: that the balance comes to cover an amount, or that it falls below it. Pure."""

from __future__ import annotations

from enum import StrEnum

from airflow_provider_iyzico.api.balance import Balance
from airflow_provider_iyzico.api.money import money_text
from airflow_provider_iyzico.domain.event import GateEvent
from airflow_provider_iyzico.domain.gate import Need, Outcome, Verdict
from airflow_provider_iyzico.errors import IyzicoConfigurationError


class Direction(StrEnum):
    """On which side of the amount a watcher fires."""

    #: The balance is the amount or more.
    COVERS = "covers"
    #: The balance is less than the amount.
    BELOW = "below"

    @classmethod
    def read(cls, value: object) -> Direction:
        """Read what a DAG author gave.

        :raises IyzicoConfigurationError: it is no direction
        """
        if isinstance(value, str) and value in tuple(cls):
            return cls(value)
        raise IyzicoConfigurationError(f"direction is {value!r}; give {' or '.join(repr(str(each)) for each in cls)}")

    def is_met_by(self, balance: Balance, need: Need) -> bool:
        """Tell whether a balance is on this side of the amount."""
        return (balance.amount < need.awaited) is (self is Direction.BELOW)


def below_line(verdict: Verdict) -> str:
    """Say in one line what a watcher for a low balance saw. It opens no gate, so a verdict's own line would mislead."""
    if verdict.balance is None or verdict.need is None:
        return verdict.facts
    need, amount = verdict.need, verdict.balance.amount
    side = "below" if Direction.BELOW.is_met_by(verdict.balance, need) else "not below"
    return f"{verdict.account}: balance {money_text(amount)} {need.currency}, {side} {money_text(need.required)}"


def below_event(verdict: Verdict, balance: Balance, need: Need, iyzico_conn_id: str) -> dict[str, str]:
    """Return the event of a balance that fell below the amount. Its ``status`` is one that no gate accepts."""
    seen = GateEvent(
        Outcome.WAITING,
        below_line(verdict),
        balance=balance.amount,
        observed_at=balance.observed_at,
        iyzico_conn_id=iyzico_conn_id,
        currency=need.currency,
        system_time=balance.system_time,
    )
    return seen.written() | {"status": Direction.BELOW.value, "amount": money_text(need.required)}
