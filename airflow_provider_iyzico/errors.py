"""The errors of this provider. Each docstring says what to do.

None of them derives from ``AirflowException``, because a sensor's ``soft_fail`` turns every ``AirflowException`` into a skip.
A skipped gate may let a payout run, so only a timeout may be skipped.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from traceback import extract_tb
from typing import TypeVar

E = TypeVar("E", bound="IyzicoError")


class Retry(StrEnum):
    """Whether a person or Airflow may try again after an error."""

    #: Nothing happened, or repeating adds nothing.
    SAFE = "safe"
    #: A retry cannot help: somebody must correct something.
    NEVER = "never"
    #: The request may have been carried out, and only reading iyzico tells. Neither this package nor Airflow repeats it.
    READ_BACK_FIRST = "read back first"


class IyzicoError(Exception):
    """Base of all errors of this provider.

    ``retry`` says whether you may try again. Airflow retries only what is safe. All other errors fail their task at once, without
    retries.

    :param retry: the answer of this error, if it differs from the answer of its class
    :param retry_after: seconds that iyzico asked us to wait, if it did
    :param code: iyzico's code, if it gave one
    :param http_status: the HTTP status of iyzico's answer, if there was one
    """

    retry = Retry.NEVER

    def __init__(
        self,
        message: str,
        *,
        retry: Retry | None = None,
        retry_after: float | None = None,
        code: str | None = None,
        http_status: int | None = None,
    ) -> None:
        super().__init__(message)
        self.retry = retry or type(self).retry
        self.retry_after = retry_after
        self.code = code
        self.http_status = http_status

    @property
    def is_transient(self) -> bool:
        """Whether a retry is safe; ``retry`` says more."""
        return self.retry is Retry.SAFE


class IyzicoConfigurationError(IyzicoError):
    """A Connection or a parameter is wrong. Correct what the message names; nothing was sent."""


class IyzicoMoneyError(IyzicoError, ValueError):
    """A value is not an exact amount of money. Pass digits as ``str``, ``int`` or ``Decimal``."""


class IyzicoUnavailableError(IyzicoError):
    """iyzico could not be reached, or asked to try again later. Wait; the package repeats reads by itself."""

    retry = Retry.SAFE


class IyzicoOutcomeUnknownError(IyzicoError):
    """A call that changes something was sent, and its answer did not arrive. Ask iyzico first what became of it."""

    retry = Retry.READ_BACK_FIRST


class IyzicoAuthenticationError(IyzicoError):
    """iyzico refused the keys or the signature. Check login, password and environment of the Connection."""


class IyzicoCertificateError(IyzicoError):
    """The server's TLS certificate could not be verified. Name your CA in ``ca_bundle``."""


class IyzicoRefusedError(IyzicoError):
    """iyzico refused the request. The message holds iyzico's code and text."""


class IyzicoNoSuchPayoutError(IyzicoRefusedError):
    """iyzico answered that it knows no batch or item by that id. Check the id and the account."""


class IyzicoAnswerError(IyzicoError):
    """The answer is not what iyzico documents, so it is not believed. Look for a proxy, a firewall or an API change."""


class ClockError(IyzicoError):
    """This machine's clock is too far from that of iyzico or of the ledger's database. Set the clock that is wrong."""


class GateEventError(IyzicoError):
    """A deferred gate was resumed with an event that no trigger of this version writes. Clear the task."""


class IyzicoUnexpectedError(IyzicoError):
    """This provider did not expect this error. Read the cause in the log; a retry adds no second row."""

    retry = Retry.SAFE


class IyzicoAccountsError(IyzicoError):
    """The balances of some or all accounts of a task could not be kept. The message names each account and says what to do.

    If a retry may help any account, it is safe: it adds no second row for the accounts that were kept.
    """


class WarehouseError(IyzicoError):
    """The warehouse refused a statement for its own reason. The message holds the driver's text."""


class WarehouseConfigurationError(WarehouseError):
    """The warehouse Connection or a table name cannot be used. Correct what the message names."""


class WarehouseUnavailableError(WarehouseError):
    """The warehouse could not be reached or did not finish. Nothing was kept; a retry is safe."""

    retry = Retry.SAFE


class WarehouseTableError(WarehouseError):
    """The table is missing or has another shape. Give the DDL in the message to the owner of the schema."""


class WarehouseRowError(WarehouseError):
    """A row that was written by hand holds an invalid amount, moment, day or time zone. Correct or delete the named row."""


class WarehouseExactnessError(WarehouseError):
    """The warehouse gave back another value than it was given. Widen the column. Nothing was kept, unless the message says so."""


class WarehouseStatementError(WarehouseError):
    """A month cannot be printed as a statement. Nothing was printed; the message says why, and what to do."""


class PaymentsError(IyzicoError):
    """Some payments cannot be made. Correct each one that the message names. It also says whether anything was sent or paid."""


class PayoutUnknownError(IyzicoError):
    """A batch may have been authorized, and reading iyzico does not tell. A person must decide; the message says how."""


class PayoutUnpaidError(IyzicoError):
    """Items are not paid, a batch did not end in time, or reconciled batches need a person. The message names them."""


class PayoutExceptionsError(IyzicoError):
    """The ledger has exceptions, which need a person. The message counts all of them, and names those that are open longest."""


class LedgerError(IyzicoError):
    """The ledger of payouts refused. Nothing was written; the message says why, and what to do."""


class LedgerBatchError(LedgerError):
    """The ledger has no such batch, has one where none may be, or its state does not allow this. Look at ``ledger list``."""


class LedgerHoldError(LedgerError):
    """A hold of that name is open for another amount or another task. Use another ``external_id``, or release that hold."""


class LedgerApprovalError(LedgerError):
    """A batch lacks approvals, or an approval does not count. Nothing was sent; the message says who must do what."""


class PayoutRejectedError(IyzicoError):
    """A person rejected a batch, so it is not paid. Cancel it, or let the same person approve it after all."""


class LedgerMovedError(LedgerError):
    """Somebody else changed the batch or the account's holds in the meantime. Nothing was written; a retry reads them again."""

    retry = Retry.SAFE


class LedgerFundsError(LedgerError):
    """The balance no longer covers what is set aside, so nothing is sent. Top up the balance; a retry is safe."""

    retry = Retry.SAFE


def is_safe_to_repeat(error: BaseException) -> bool:
    """Tell whether trying again may help and cannot do the same thing twice."""
    return isinstance(error, IyzicoError) and error.retry is Retry.SAFE


def error_named(name: str, message: str, *, code: str | None = None, http_status: int | None = None) -> IyzicoError:
    """Return the error whose name a trigger wrote into its event. An unknown name gives a ``GateEventError``."""
    kind = {kind.__name__: kind for kind in _kinds_of(IyzicoError)}.get(name)
    return GateEventError(f"{name}: {message}") if kind is None else kind(message, code=code, http_status=http_status)


def unexpected(error: Exception) -> IyzicoUnexpectedError:
    """Return an error that names the class and the place of another, but not its message, which may hold a password."""
    place = extract_tb(error.__traceback__)[-1]
    return IyzicoUnexpectedError(f"{type(error).__name__} in {Path(place.filename).name}, line {place.lineno}")


def restated(error: E, message: str | None = None) -> E:
    """Return the same error without frames and causes, which may hold keys and headers.

    :param message: a new message for it
    """
    return type(error)(
        str(error) if message is None else message,
        retry=error.retry,
        retry_after=error.retry_after,
        code=error.code,
        http_status=error.http_status,
    )


def _kinds_of(kind: type[IyzicoError]) -> Iterator[type[IyzicoError]]:
    yield kind
    for each in kind.__subclasses__():
        yield from _kinds_of(each)
