"""``BalanceMessage``: the balance of an account, and whether it is below the threshold of finance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from airflow_provider_iyzico.api.money import money_from_author, money_from_text, refuse_like_thousands, subtract
from airflow_provider_iyzico.errors import IyzicoConfigurationError
from airflow_provider_iyzico.messages.language import body, moment, money, read_language, said

#: By whether the amount is low, and whether it is what is available or the balance.
_TITLES = {
    (True, False): ("Balance below the threshold: {account}", "Bakiye eşiğin altında: {account}"),
    (True, True): ("Available balance below the threshold: {account}", "Kullanılabilir bakiye eşiğin altında: {account}"),
    (False, False): ("Balance not below the threshold: {account}", "Bakiye eşiğin altında değil: {account}"),
    (False, True): (
        "Available balance not below the threshold: {account}",
        "Kullanılabilir bakiye eşiğin altında değil: {account}",
    ),
}
_COLUMNS = {"environment", "account", "currency", "balance", "observed_at", "report_timezone"}


@dataclass(frozen=True, slots=True)
class BalanceMessage:
    """Says how much there is, and whether that is too little. It names the account, and no person.

    Any notifier can send it: ``str(message)`` is the title with the text below it.

    :param threshold: in major units of the currency; below it, the message ``is_low``
    :param observed_at: when iyzico said so
    :param held: what is set aside, if it is known. The message then judges what is available, not the balance
    :param report_timezone: the time zone in which the moment is written, an IANA name
    :param language: ``tr`` or ``en``
    """

    environment: str
    account: str
    currency: str
    balance: Decimal
    observed_at: datetime
    threshold: Decimal
    held: Decimal | None = None
    report_timezone: str = "Europe/Istanbul"
    language: str = "tr"

    @classmethod
    def of(
        cls,
        snapshot: Mapping[str, Any],
        *,
        threshold: str | int | Decimal,
        held: str | int | Decimal | None = None,
        language: str = "tr",
    ) -> BalanceMessage:
        """Return the message about what ``MassPayoutBalanceOperator`` returned for one account.

        A row of ``iyzico_balance_latest``, by the names of its columns, will do as well.

        :raises IyzicoMoneyError: an amount is not exact or not valid
        :raises IyzicoConfigurationError: the language is not known, there are several accounts, or it is no such row
        """
        if not isinstance(snapshot, Mapping):
            raise IyzicoConfigurationError(
                f"snapshot is a {type(snapshot).__name__}; a task with a list of Connections returns a row for each, so make a "
                "message for each. A query returns rows without the names of their columns; give such a row as a dict"
            )
        if missing := sorted(_COLUMNS - set(snapshot)):
            raise IyzicoConfigurationError(
                f"snapshot lacks {', '.join(missing)}; give what MassPayoutBalanceOperator returned, or a row of the view "
                "iyzico_balance_latest"
            )
        refuse_like_thousands(threshold, "threshold")
        return cls(
            environment=snapshot["environment"],
            account=snapshot["account"],
            currency=snapshot["currency"],
            balance=money_from_text(str(snapshot["balance"]), "balance"),
            observed_at=_observed_at(snapshot["observed_at"]),
            threshold=money_from_author(threshold, "threshold"),
            held=None if held is None else money_from_author(held, "held"),
            report_timezone=snapshot["report_timezone"],
            language=read_language(language),
        )

    @property
    def available(self) -> Decimal | None:
        """The balance less what is set aside, if that is known."""
        return None if self.held is None else subtract(self.balance, self.held)

    @property
    def is_low(self) -> bool:
        """Whether what is available, or the balance if that is not known, is below the threshold."""
        return (self.balance if self.available is None else self.available) < self.threshold

    @property
    def title(self) -> str:
        is_about_available = self.available is not None and self.is_low is not (self.balance < self.threshold)
        return said(_TITLES[self.is_low, is_about_available], self.language, account=self.account)

    @property
    def text(self) -> str:
        """The figures and their moment, one a line."""

        def amount(value: Decimal) -> str:
            return money(value, self.currency, self.language)

        named = [(("Balance", "Bakiye"), amount(self.balance))]
        if self.held is not None and self.available is not None:
            named += [(("Set aside", "Bloke"), amount(self.held))]
            named += [(("Available", "Kullanılabilir bakiye"), amount(self.available))]
        named += [(("Threshold", "Eşik"), amount(self.threshold))]
        named += [(("Observed at", "Gözlem zamanı"), moment(self.observed_at, self.report_timezone, self.language))]
        return body(named, self.environment, self.language)

    def __str__(self) -> str:
        return f"{self.title}\n{self.text}"


def _observed_at(value: object) -> datetime:
    """Read a moment. Databases that keep no time zone with it have it in UTC."""
    try:
        at = datetime.fromisoformat(str(value))
    except ValueError:
        raise IyzicoConfigurationError(f"observed_at is {value!r}, which is no moment; give it as the warehouse has it") from None
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)
