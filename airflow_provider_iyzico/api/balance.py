"""The mass payout balance: its call and its answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from airflow_provider_iyzico.api.call import Call
from airflow_provider_iyzico.api.clocks import WARN_AFTER, clock_error, clock_warning
from airflow_provider_iyzico.api.envelope import Answer, read_age, read_amount, read_success, read_system_time
from airflow_provider_iyzico.errors import ClockError, IyzicoConfigurationError, IyzicoError, IyzicoUnavailableError


@dataclass(frozen=True, slots=True)
class Balance:
    """What the mass payout balance was at one moment.

    :param amount: the exact amount, in major units
    :param raw: the digits as iyzico wrote them
    :param system_time: iyzico's clock, if it gave one
    :param currency: as the Connection names it, if it does. iyzico names none
        (https://docs.iyzico.com/en/products/mass-payout/mass-payout-integration/retrieve-mass-payout-balance)
    :param age_seconds: for how long a cache kept it
    """

    amount: Decimal
    raw: str
    system_time: datetime | None
    asked_at: datetime
    observed_at: datetime
    latency_ms: int
    currency: str | None = None
    age_seconds: int = 0

    @property
    def clock_warning(self) -> str | None:
        """A warning, if this machine's clock differs from iyzico's."""
        return clock_warning(self.observed_at, self.system_time)

    @property
    def clock_error(self) -> ClockError | None:
        """An error, if the balance's date is not believed: then it opens no gate and is not kept."""
        return clock_error(self.observed_at, self.system_time)

    @property
    def cache_error(self) -> IyzicoUnavailableError | None:
        """An error, if a cache has it from before it was asked for: then money that was paid since may still be in it."""
        if self.age_seconds * 1000 <= self.latency_ms:
            return None
        return IyzicoUnavailableError(
            f"a cache answered with a balance that is {self.age_seconds} seconds old: no money is set aside or spent on it; look "
            "for a proxy that caches, and have it pass these requests on"
        )

    def error_in(self, currency: str) -> IyzicoError | None:
        """Return why it opens no gate in a currency, and is not kept in it: its date is not believed, or it is in another one."""
        if self.currency in (None, currency):
            return self.clock_error
        return IyzicoConfigurationError(
            f"the balance of the Connection is in {self.currency}, but the task's currency is {currency}; give "
            f"currency={self.currency!r}, or correct the Connection's extra"
        )


def balance_call(locale: str) -> Call[Balance]:
    """Ask for the mass payout balance: ``GET /v1/mass/payout/balance``.

    ``locale`` is required in the query, and no body is sent or signed
    (https://docs.iyzico.com/en/products/mass-payout/mass-payout-integration/retrieve-mass-payout-balance).
    """
    return Call("GET", "/v1/mass/payout/balance", f"locale={locale}", read_balance, is_read=True)


def read_balance(answer: Answer) -> Balance:
    """Read the answer of ``GET /v1/mass/payout/balance``.

    :raises IyzicoAnswerError: the answer is not what iyzico documents
    :raises IyzicoUnavailableError: this machine's clock was set in between, or what ``read_success`` raises
    :raises IyzicoError: what :func:`~airflow_provider_iyzico.api.envelope.read_success` raises
    """
    fields = read_success(answer)
    amount, raw = read_amount(answer, fields, "balance")
    system_time = read_system_time(fields)
    if abs(answer.answered_at - answer.asked_at - timedelta(milliseconds=answer.latency_ms)) > WARN_AFTER:
        raise IyzicoUnavailableError("this machine's clock was set while iyzico answered; wait for the next answer")
    return Balance(
        amount=amount,
        raw=raw,
        system_time=system_time,
        asked_at=answer.asked_at,
        observed_at=answer.answered_at,
        latency_ms=answer.latency_ms,
        age_seconds=read_age(answer),
    )
