"""``IyzicoHook``: from a Connection to signed requests."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar, cast

from airflow.providers.common.compat.sdk import AirflowNotFoundException, BaseHook

from airflow_provider_iyzico.errors import (
    IyzicoError,
    IyzicoOutcomeUnknownError,
    IyzicoUnavailableError,
    is_safe_to_repeat,
    restated,
    unexpected,
)
from airflow_provider_iyzico.get_provider_info import CONN_TYPE
from airflow_provider_iyzico.hooks import form
from airflow_provider_iyzico.hooks.airflow_connection import broken_connection, checked, unknown_connection, unreadable_connection
from airflow_provider_iyzico.hooks.deadline import Deadline
from airflow_provider_iyzico.hooks.masking import mask, mask_attempt
from airflow_provider_iyzico.hooks.payouts import PayoutMethods

if TYPE_CHECKING:
    from tenacity import RetryCallState

    from airflow_provider_iyzico.api.balance import Balance
    from airflow_provider_iyzico.api.call import Call
    from airflow_provider_iyzico.api.secrecy import Secret
    from airflow_provider_iyzico.hooks.settings import ConnectionFields, Settings
    from airflow_provider_iyzico.hooks.transport import Transport

T = TypeVar("T")

READ_ATTEMPTS = 3


class IyzicoHook(PayoutMethods, BaseHook):
    """Asks iyzico, with the keys of an Airflow Connection.

    Every attempt has its own signature (IYZWSv2). While iyzico cannot answer, the hook repeats reads with backoff and jitter,
    within one total deadline. It never repeats a call that moves money. It refuses redirects, does not read netrc, uses the
    proxies of the environment, and always verifies certificates.

    :param iyzico_conn_id: id of a Connection of type ``iyzico``: login = API key, password = secret key
    """

    conn_name_attr = "iyzico_conn_id"
    default_conn_name = "iyzico_default"
    conn_type = CONN_TYPE
    hook_name = "iyzico"

    def __init__(self, iyzico_conn_id: str = default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.iyzico_conn_id = iyzico_conn_id
        self._settings: Settings | IyzicoError | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Leave keys and network connections out of a copy. The copy reads the Connection itself."""
        kept = {name: value for name, value in self.__dict__.items() if name != "_transport"}
        return {**kept, "_settings": None}

    @property
    def settings(self) -> Settings:
        """The Connection, read once and checked.

        :raises IyzicoConfigurationError: the Connection is missing or cannot be used; nothing was sent
        :raises IyzicoUnavailableError: a secrets backend does not answer
        """
        if self._settings is None:
            self.refresh()
        if isinstance(self._settings, IyzicoError):
            raise restated(self._settings)
        return cast("Settings", self._settings)

    @property
    def account_name(self) -> str:
        """Whose balance this is, for people: the Connection and, if known, its account and environment."""
        known = self._settings
        if known is None or isinstance(known, IyzicoError):
            return self.iyzico_conn_id
        return f"{self.iyzico_conn_id} ({known.account}, {known.environment})"

    def refresh(self, *, was_there: bool = False) -> None:
        """Read the Connection again, so that new keys count from now on.

        A Connection that was read before stays in use if it is missing now: Airflow says the same of a secrets backend that is
        down.

        :param was_there: whether another process has read it before: then it may come back
        :raises IyzicoConfigurationError: the Connection was never there, or cannot be used
        :raises IyzicoUnavailableError: a secrets backend does not answer, and the Connection was never there
        """
        if problem := self._refreshed(was_there):
            raise problem

    def lost_connection(self) -> None:
        """Go on with the Connection as it was last seen, if it ever was."""
        if problem := self._lost(unknown_connection(self.iyzico_conn_id)):
            raise problem

    def use(self, connection: ConnectionFields) -> None:
        """Go on with a Connection that the caller fetched, such as a trigger, which must await it.

        The session is kept as long as the Connection stays the same. If it cannot be used, the next call raises the error.
        """
        from airflow_provider_iyzico.api.secrecy import Secret

        hidden = Secret(connection)
        del connection  # if a task is stopped, its frames are shown
        self._go_on_with(checked(hidden))

    def get_balance(self, *, attempts: int = READ_ATTEMPTS, within_seconds: float | None = None) -> Balance:
        """Return the mass payout balance.

        :param attempts: how often to ask while iyzico cannot answer, all within the Connection's ``timeout``
        :param within_seconds: a shorter bound than the Connection's ``timeout``, such as the rest of a gate's wait
        :raises IyzicoConfigurationError: the Connection cannot be used; nothing was sent
        :raises IyzicoUnavailableError: no answer in time, HTTP 408, 425, 429 or 5xx, or code 50000
        :raises IyzicoAuthenticationError: the keys were refused
        :raises IyzicoCertificateError: the server's certificate could not be verified
        :raises IyzicoRefusedError: iyzico refused the request
        :raises IyzicoAnswerError: the answer is not what iyzico documents
        """
        from airflow_provider_iyzico.api.balance import balance_call

        began_at = time.monotonic()
        locale = self.settings.locale  # this may take time, if a secrets backend is slow
        if within_seconds is not None:
            within_seconds -= time.monotonic() - began_at
        balance = self.run(balance_call(locale), attempts=attempts, within_seconds=within_seconds)
        return replace(balance, currency=self.settings.currency)

    def poll(self, within_seconds: float | None = None) -> Balance | IyzicoError:
        """Ask once, for the judge of a gate. Return the balance, or the error instead of raising it.

        :param within_seconds: a shorter bound than the Connection's ``timeout``, such as the rest of a gate's wait
        """
        try:
            return self.get_balance(attempts=1, within_seconds=within_seconds)
        except IyzicoError as error:
            return error
        except Exception as error:  # noqa: BLE001 - all gates of the account depend on this, and the next poll may do better
            return restated(unexpected(error))

    #: The earlier name of ``poll``, for code that calls it.
    look = poll

    def run(self, call: Call[T], *, attempts: int = READ_ATTEMPTS, within_seconds: float | None = None) -> T:
        """Make one :class:`~airflow_provider_iyzico.api.call.Call`; only reads are attempted more than once.

        :raises IyzicoOutcomeUnknownError: the call changes something, and it is unknown whether it did: read back, then decide
        """
        seconds = self.settings.timeout_seconds
        if within_seconds is not None:
            seconds = min(seconds, within_seconds)
        deadline = Deadline(seconds)
        if attempts == 1 or not call.is_read:
            return self._attempt(call, deadline)
        from tenacity import Retrying, retry_if_exception, stop_after_attempt, stop_before_delay

        retrying = Retrying(
            retry=retry_if_exception(is_safe_to_repeat),
            stop=stop_after_attempt(attempts) | stop_before_delay(seconds),
            wait=_pause_seconds,
            before_sleep=self._log_pause,
            reraise=True,
        )
        answer: T = retrying(self._attempt, call, deadline)
        return answer

    def test_connection(self) -> tuple[bool, str]:
        """Read the balance, and return "ok" or what to do. The balance and the keys are never shown."""
        try:
            self.get_balance(attempts=1)
        except IyzicoError as error:
            return False, str(error)
        return True, f"ok: {self.settings.environment} answered and accepted the keys"

    def close(self) -> None:
        """Close the session; the next call opens another. A failure to close it is only logged."""
        if transport := self.__dict__.pop("_transport", None):
            try:
                transport.close()
            except Exception as error:  # noqa: BLE001 - as the docstring says
                self.log.warning("The session could not be closed: %s", type(error).__name__)

    @cached_property
    def _transport(self) -> Transport:
        from airflow_provider_iyzico.api import signing
        from airflow_provider_iyzico.api.secrecy import Secret
        from airflow_provider_iyzico.hooks.transport import Transport

        settings = self.settings
        prefix = Secret(signing.authorization_prefix(settings.api_key.reveal()))
        mask([settings.secret_key, settings.api_key, prefix])
        return Transport(settings, on_secrets=mask_attempt)

    def _attempt(self, call: Call[T], deadline: Deadline) -> T:
        outcome = self._outcome(call, deadline)
        if isinstance(outcome, IyzicoError):
            raise outcome
        return outcome

    def _outcome(self, call: Call[T], deadline: Deadline) -> T | IyzicoError:
        """Return an error instead of raising it, because its frames hold the server's text and the request."""
        from airflow_provider_iyzico.api.envelope import has_refused
        from airflow_provider_iyzico.hooks.attempt import Attempt

        attempt = Attempt(deadline, call.max_body_bytes)
        try:
            value = call.read(self._transport.send(call, attempt))
            deadline.left()
        except IyzicoError as error:
            problem = error
        except TimeoutError:
            problem = IyzicoUnavailableError("reading the answer took too long, so it is not believed; wait")
        except Exception as error:
            if call.is_read:
                raise
            problem = unexpected(error)
        else:
            return value
        message = f"Connection {self.iyzico_conn_id!r}: {problem}"
        if call.is_read or not attempt.has_begun or has_refused(problem):
            return restated(problem, message)
        return IyzicoOutcomeUnknownError(
            f"{message}; nobody knows whether iyzico carried out the request, so ask iyzico first",
            retry_after=problem.retry_after,
            code=problem.code,
            http_status=problem.http_status,
        )

    def _refreshed(self, was_there: bool) -> IyzicoError | None:
        """Read the Connection again. Return an error instead of raising it, because its frames hold the password."""
        from airflow_provider_iyzico.api.secrecy import Secret

        try:
            connection: Secret[ConnectionFields] = Secret(self.get_connection(self.iyzico_conn_id))
        except AirflowNotFoundException:
            return self._lost(unknown_connection(self.iyzico_conn_id, was_there=was_there))
        except Exception as error:  # noqa: BLE001 - a secrets backend may raise anything
            if isinstance(error, (ValueError, TypeError, AttributeError)) and not isinstance(error, OSError):
                return broken_connection(self.iyzico_conn_id)
            return self._lost(unreadable_connection(self.iyzico_conn_id, type(error).__name__))
        settings = checked(connection)
        if isinstance(settings, IyzicoError):
            return settings
        self._go_on_with(settings)
        return None

    def _lost(self, reason: IyzicoError) -> IyzicoError | None:
        if self._settings is None:
            return reason
        self.log.warning("Connection %r cannot be read now; going on with its last known values", self.iyzico_conn_id)
        return None

    def _go_on_with(self, settings: Settings | IyzicoError) -> None:
        if settings != self._settings:
            self.close()
            self._settings = settings

    def _log_pause(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        self.log.warning("%s; asking again in %.2f s (attempt %d)", error, state.upcoming_sleep, state.attempt_number)

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """Describe the Connection form to Airflow before 3.2, which does not read it from the provider's metadata."""
        return form.field_behaviour()

    @classmethod
    def get_connection_form_widgets(cls) -> dict[str, Any]:
        """Describe the extra fields of the Connection form to Airflow before 3.2."""
        return form.widgets()


def _pause_seconds(state: RetryCallState) -> float:
    """Back off with jitter, at least for as long as iyzico asked."""
    from tenacity import wait_random_exponential

    error = state.outcome.exception() if state.outcome else None
    retry_after = error.retry_after if isinstance(error, IyzicoError) else None
    return max(wait_random_exponential(multiplier=0.5, max=10)(state), retry_after or 0.0)
