"""The hook's methods for payouts: hand a batch over, have it paid, cancel it, and read it back."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from airflow_provider_iyzico.errors import IyzicoConfigurationError, IyzicoNoSuchPayoutError, IyzicoUnavailableError
from airflow_provider_iyzico.hooks.deadline import seconds_passed

if TYPE_CHECKING:
    from airflow_provider_iyzico.api.call import Call
    from airflow_provider_iyzico.api.payout import Batch, Initiated, Item, MassPayout
    from airflow_provider_iyzico.api.payout.retrieved import Page
    from airflow_provider_iyzico.hooks.settings import Settings

T = TypeVar("T")

#: A batch whose pages shift is read this often.
READINGS = 5


class Asks(Protocol):
    """What the methods below need from the hook."""

    @property
    def settings(self) -> Settings: ...
    @property
    def log(self) -> Any: ...
    def run(self, call: Call[T], *, within_seconds: float | None = None) -> T: ...


class PayoutMethods:
    """Init, auth and cancel send one request per call, never repeat it, and need a Connection that may pay.

    Such a Connection has ``can_pay``, ``account`` and ``currency`` in its extra. All three raise:

    - ``IyzicoOutcomeUnknownError``: the request may have been carried out. Ask iyzico what became of it, then decide.
    - ``IyzicoRefusedError``, ``IyzicoAuthenticationError``: iyzico refused with a code that it documents; nothing happened.
    - ``IyzicoConfigurationError``: the Connection or a parameter is wrong; nothing was sent.
    - ``IyzicoUnavailableError``, ``IyzicoCertificateError``: iyzico was not reached; nothing was sent.

    With them, ``within_seconds`` is a shorter bound than the Connection's ``timeout``. It counts from the first line on: a
    process that is frozen before it sends, and woken later, sends nothing.
    """

    def init_mass_payout(self: Asks, batch: Batch, *, within_seconds: float | None = None) -> Initiated:
        """Hand a batch over. No money moves before it is authorized.

        :raises IyzicoConfigurationError: also if the batch is in another currency than the Connection
        """
        began_at = seconds_passed()
        from airflow_provider_iyzico.api.payout.calls import init_call

        settings = paying(self.settings)
        if batch.currency != settings.currency:
            raise IyzicoConfigurationError(
                f"batch {batch.external_id!r} is in {batch.currency}, but the balance of Connection {settings.conn_id!r} is in "
                f"{settings.currency}; nothing was sent. Correct the batch, or use the Connection of the other balance"
            )
        call = init_call(batch, settings.locale)
        return self.run(call, within_seconds=_left(within_seconds, began_at))

    def authorize_mass_payout(self: Asks, request_id: str, *, within_seconds: float | None = None) -> None:
        """Authorize a batch, so that iyzico pays it. This moves money.

        :param request_id: what ``init_mass_payout`` returned
        """
        began_at = seconds_passed()
        from airflow_provider_iyzico.api.payout.calls import auth_call

        call = auth_call(request_id, paying(self.settings).locale)
        self.run(call, within_seconds=_left(within_seconds, began_at))

    def cancel_mass_payout(self: Asks, request_id: str, *, within_seconds: float | None = None) -> None:
        """Cancel a batch that is not authorized."""
        began_at = seconds_passed()
        from airflow_provider_iyzico.api.payout.calls import cancel_call

        call = cancel_call(request_id, paying(self.settings).locale)
        self.run(call, within_seconds=_left(within_seconds, began_at))

    def retrieve_mass_payout(
        self: Asks,
        request_id: str | None = None,
        external_id: str | None = None,
        item_type: str | None = None,
        *,
        within_seconds: float | None = None,
    ) -> MassPayout:
        """Read a batch with all its items. This changes nothing, so each page is tried again while iyzico cannot answer.

        If pages shift, they are read again until two readings agree on items and amounts. The Connection's ``timeout`` limits
        each page. When that much time has passed since the first reading, no other one begins.

        :param request_id: iyzico's id of the batch
        :param external_id: your own id of it; give exactly one of the two
        :param item_type: VALID or INVALID; None reads both
        :param within_seconds: a bound for all pages and readings together, such as the rest of a gate's wait
        :raises IyzicoNoSuchPayoutError: iyzico answered that it knows no such batch
        :raises IyzicoUnavailableError: iyzico cannot answer now, or the pages kept shifting
        :raises IyzicoAnswerError: the answer is not what iyzico documents, or of another batch
        :raises IyzicoError: what ``get_balance`` raises
        """
        began_at = seconds_passed()
        from airflow_provider_iyzico.api.payout.calls import ITEM_TYPES, page_call
        from airflow_provider_iyzico.api.payout.pages import merged

        locale = self.settings.locale

        def ask(kind: str, page: int) -> Page:
            call = page_call(locale, item_type=kind, page=page, request_id=request_id, external_id=external_id)
            return self.run(call, within_seconds=_left(within_seconds, began_at))

        parts: list[MassPayout] = []
        for kind in ITEM_TYPES if item_type is None else (item_type,):
            try:
                parts.append(_settled(self, partial(ask, kind)))
            except IyzicoNoSuchPayoutError as error:
                nothing = error
        if not parts:
            raise nothing
        return merged(parts)

    def retrieve_mass_payout_item(self: Asks, reference_code: str, *, within_seconds: float | None = None) -> Item:
        """Read one item. This changes nothing.

        :param reference_code: iyzico's id of it, as in the items of ``retrieve_mass_payout``
        :param within_seconds: a shorter bound than the Connection's ``timeout``
        :raises IyzicoNoSuchPayoutError: iyzico answered that it knows no such item
        :raises IyzicoError: what ``get_balance`` raises
        """
        began_at = seconds_passed()
        from airflow_provider_iyzico.api.payout.calls import item_call

        call = item_call(reference_code, self.settings.locale)
        return self.run(call, within_seconds=_left(within_seconds, began_at))


def _left(within_seconds: float | None, began_at: float) -> float | None:
    """Return what is left of a bound. Reading the Connection and writing the call took time, and the process may have slept."""
    return None if within_seconds is None else within_seconds - (seconds_passed() - began_at)


def _settled(hook: Asks, ask: Callable[[int], Page]) -> MassPayout:
    """Read the pages until their items add up, or two readings agree."""
    from airflow_provider_iyzico.api.payout.pages import read_pages

    reading, began_at, readings = read_pages(ask), seconds_passed(), 1
    is_settled = reading.is_exact
    while not is_settled and readings < READINGS and seconds_passed() - began_at < hook.settings.timeout_seconds:
        hook.log.warning("The pages of a batch shifted while they were read; reading them again (reading %d)", readings + 1)
        last, reading, readings = reading, read_pages(ask), readings + 1
        is_settled = reading.is_exact or reading.agrees_with(last)
    if is_settled:
        return reading.payout()
    raise IyzicoUnavailableError(
        f"Connection {hook.settings.conn_id!r}: the pages of the batch shifted in {readings} readings; wait, and read it again"
    )


def paying(settings: Settings) -> Settings:
    """Return the settings of a Connection that may pay.

    :raises IyzicoConfigurationError: it may not; the message names what its extra lacks
    """
    wanted = {"can_pay": settings.can_pay, "account": settings.has_label, "currency": settings.currency}
    if missing := [name for name, value in wanted.items() if not value]:
        raise IyzicoConfigurationError(
            f"Connection {settings.conn_id!r} may not pay: its extra lacks {', '.join(missing)}; nothing was sent. Set can_pay "
            "to true, account to a label, and currency to that of the balance, such as 'TRY'"
        )
    return settings
