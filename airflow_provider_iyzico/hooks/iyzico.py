"""``IyzicoHook``: from a Connection to signed requests."""

from __future__ import annotations

import itertools
import time
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar, cast

from airflow.providers.common.compat.sdk import AirflowNotFoundException, BaseHook, mask_secret

from airflow_provider_iyzico.errors import IyzicoConfigurationError, IyzicoError, IyzicoUnavailableError
from airflow_provider_iyzico.get_provider_info import CONNECTION_FIELDS, CONNECTION_FORM

if TYPE_CHECKING:
    from tenacity import RetryCallState

    from airflow_provider_iyzico.api.answers import Balance
    from airflow_provider_iyzico.api.calls import Call
    from airflow_provider_iyzico.hooks.settings import ConnectionFields, Settings
    from airflow_provider_iyzico.hooks.transport import Transport

T = TypeVar("T")

READ_ATTEMPTS = 3
#: Airflow's masker never forgets a pattern, compiles all of them anew for each, and tries all on every log line. So a process
#: that lives for weeks (the triggerer) registers the signatures of its first attempts only. After that the key's constant
#: base64 text still hides the key in a header, and nothing of ours prints headers.
MASKED_ATTEMPTS = 16
_attempts_masked = itertools.count()
#: Masking speaks to the task's supervisor, and before Airflow 3.2 two threads that do so at once take each other's answers.
_masking = Lock()


class IyzicoHook(BaseHook):
    """Asks iyzico, with the keys of an Airflow Connection.

    Every attempt is signed anew (IYZWSv2). Reads are repeated with backoff and jitter while iyzico cannot answer, within one
    total deadline; a call that moves money is never repeated. Redirects are refused, netrc is not read, proxies of the
    environment are honoured, certificates are always verified.

    :param iyzico_conn_id: id of a Connection of type ``iyzico``: login = API key, password = secret key
    """

    conn_name_attr = "iyzico_conn_id"
    default_conn_name = "iyzico_default"
    conn_type = "iyzico"
    hook_name = "iyzico"

    def __init__(self, iyzico_conn_id: str = default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.iyzico_conn_id = iyzico_conn_id
        self._settings: Settings | None = None

    @property
    def settings(self) -> Settings:
        """The Connection, read once and checked.

        :raises IyzicoConfigurationError: the Connection is missing or cannot be used; nothing was sent
        """
        if self._settings is None:
            self.refresh()
        return cast("Settings", self._settings)

    @property
    def account_name(self) -> str:
        """Whose balance this is, for people: the Connection, and what is known of its account."""
        known = self._settings
        return f"{self.iyzico_conn_id} ({known.account}, {known.environment})" if known else self.iyzico_conn_id

    def refresh(self) -> None:
        """Read the Connection anew, so that new keys count from now on.

        Airflow cannot tell a Connection that is gone from a secrets backend that is down, so one that was there stays in use.

        :raises IyzicoConfigurationError: the Connection was never there, or cannot be used
        """
        try:
            self.use(self.get_connection(self.iyzico_conn_id))
        except AirflowNotFoundException:
            self.lost_connection()

    def lost_connection(self) -> None:
        """Go on with the Connection as it was last seen, if it ever was."""
        if self._settings is None:
            raise unknown_connection(self.iyzico_conn_id) from None
        self.log.warning("Connection %r cannot be read now; going on with what it was", self.iyzico_conn_id)

    def use(self, connection: ConnectionFields) -> None:
        """Go on with a Connection that somebody else fetched, such as a trigger, which must await it.

        The session is kept as long as the Connection stays the same.

        :raises IyzicoConfigurationError: the Connection cannot be used
        """
        from airflow_provider_iyzico.hooks.settings import Settings

        settings = Settings.read(connection)
        if settings != self._settings:
            self.close()
            self._settings = settings

    def get_balance(self, *, attempts: int = READ_ATTEMPTS, within_seconds: float | None = None) -> Balance:
        """Return the mass payout balance.

        :param attempts: how often to ask while iyzico cannot answer, all within the Connection's ``timeout``
        :param within_seconds: a shorter bound than the Connection's ``timeout``, such as what is left of a gate's
        :raises IyzicoConfigurationError: the Connection cannot be used; nothing was sent
        :raises IyzicoUnavailableError: no answer in time, HTTP 429 or 5xx, or code 50000
        :raises IyzicoAuthenticationError: the keys were refused
        :raises IyzicoCertificateError: the server's certificate could not be verified
        :raises IyzicoRefusedError: iyzico said no
        :raises IyzicoAnswerError: the answer is not what iyzico documents
        """
        from airflow_provider_iyzico.api import calls

        return self.run(calls.balance(self.settings.locale), attempts=attempts, within_seconds=within_seconds)

    def look(self, within_seconds: float | None = None) -> Balance | IyzicoError:
        """Ask once and return what was seen, the reason for seeing nothing included, for the judge of a gate.

        :param within_seconds: a shorter bound than the Connection's ``timeout``, such as what is left of a gate's
        """
        try:
            return self.get_balance(attempts=1, within_seconds=within_seconds)
        except IyzicoError as error:
            return error

    def run(self, call: Call[T], *, attempts: int = READ_ATTEMPTS, within_seconds: float | None = None) -> T:
        """Make one call of :mod:`airflow_provider_iyzico.api.calls`; only reads are attempted more than once."""
        seconds = self.settings.timeout_seconds
        if within_seconds is not None:
            seconds = max(min(seconds, within_seconds), 0.001)
        ends_at = time.monotonic() + seconds
        if attempts == 1 or not call.is_read:
            return self._attempt(call, ends_at)
        from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, stop_before_delay

        retrying = Retrying(
            retry=retry_if_exception_type(IyzicoUnavailableError),
            stop=stop_after_attempt(attempts) | stop_before_delay(seconds),
            wait=_pause_seconds,
            before_sleep=self._log_pause,
            reraise=True,
        )
        answer: T = retrying(self._attempt, call, ends_at)
        return answer

    def test_connection(self) -> tuple[bool, str]:
        """Read the balance, and say "ok" or what to do; never the balance, never a key."""
        try:
            self.get_balance(attempts=1)
        except IyzicoError as error:
            return False, str(error)
        return True, f"ok: {self.settings.environment} answered and accepted the keys"

    def close(self) -> None:
        """Close the session; the next call opens another."""
        if transport := self.__dict__.pop("_transport", None):
            transport.close()

    @cached_property
    def _transport(self) -> Transport:
        from airflow_provider_iyzico.api import signing
        from airflow_provider_iyzico.hooks.transport import Transport

        settings = self.settings
        _mask([settings.secret_key, settings.api_key, signing.authorization_prefix(settings.api_key)])
        return Transport(settings, on_secrets=_mask_attempt)

    def _attempt(self, call: Call[T], ends_at: float) -> T:
        try:
            return call.read(self._transport.send(call, max(ends_at - time.monotonic(), 0.001)))
        except IyzicoError as error:
            error.args = (f"Connection {self.iyzico_conn_id!r}: {self._transport.redact(str(error))}",)
            raise

    def _log_pause(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        self.log.warning("%s; asking again in %.2f s (attempt %d)", error, state.upcoming_sleep, state.attempt_number)

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """Describe the Connection form to Airflow before 3.2, which does not read it from the provider's metadata."""
        return {
            "hidden_fields": CONNECTION_FORM["hidden-fields"],
            "relabeling": CONNECTION_FORM["relabeling"],
            "placeholders": CONNECTION_FORM["placeholders"],
        }

    @classmethod
    def get_connection_form_widgets(cls) -> dict[str, Any]:
        """Describe the extra fields of the Connection form to Airflow before 3.2."""
        from wtforms import BooleanField, IntegerField, StringField

        kinds = {"boolean": BooleanField, "integer": IntegerField, "string": StringField}
        return {
            name: kinds[spec["schema"]["type"][0]](spec["label"], description=spec["description"])
            for name, spec in CONNECTION_FIELDS.items()
        }


def unknown_connection(conn_id: str) -> IyzicoConfigurationError:
    """Say that there is no such Connection, and how to make one."""
    return IyzicoConfigurationError(
        f"there is no Connection {conn_id!r} that can be read; add one of type 'iyzico' with the API key as login and the secret "
        "key as password, or name another in iyzico_conn_id"
    )


def _mask_attempt(secrets: list[str]) -> None:
    if next(_attempts_masked) < MASKED_ATTEMPTS:
        _mask(secrets)


def _mask(secrets: list[str]) -> None:
    with _masking:
        for secret in secrets:
            mask_secret(secret)


def _pause_seconds(state: RetryCallState) -> float:
    """Back off with jitter, and at least as long as iyzico asked."""
    from tenacity import wait_random_exponential

    error = state.outcome.exception() if state.outcome else None
    wish = error.retry_after if isinstance(error, IyzicoError) else None
    return max(wait_random_exponential(multiplier=0.5, max=10)(state), wish or 0.0)
