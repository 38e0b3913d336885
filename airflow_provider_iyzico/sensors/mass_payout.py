"""``MassPayoutBalanceSensor``: is the money there yet?"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import (
    AirflowSensorTimeout,
    BaseSensorOperator,
    PokeReturnValue,
    conf,
)

from airflow_provider_iyzico.api.money import money_from_text, money_text
from airflow_provider_iyzico.errors import GateEventError, IyzicoConfigurationError, error_named
from airflow_provider_iyzico.fail_fast import fail_fast
from airflow_provider_iyzico.hooks.iyzico import IyzicoHook

if TYPE_CHECKING:
    from decimal import Decimal

    from airflow.providers.common.compat.sdk import Context, XComArg

    from airflow_provider_iyzico.api.answers import Balance
    from airflow_provider_iyzico.coverage import Need, Verdict
    from airflow_provider_iyzico.sensors.record import GateRecord

_TRIGGER_FAILED = "__fail__"
#: Airflow's words for a trigger that did not fire in time, since 3.0 and before.
_TRIGGER_TIMEOUTS = ("Trigger timeout", "Trigger/execution timeout")


class MassPayoutBalanceSensor(BaseSensorOperator):
    """Waits until the mass payout balance covers a batch: is the money there yet?

    It opens only on an answer that iyzico documents, with a finite balance of at least ``batch_total + headroom``, asked for
    after the wait began. While iyzico cannot answer (time-outs, resets, HTTP 429 and 5xx, code 50000) it waits until
    ``timeout``. Everything else (refused keys, other 4xx, redirects, certificates, undocumented answers) fails at once, without
    retries. ``soft_fail`` turns only a timeout into a skip. ``timeout`` bounds the wait, and ``execution_timeout`` only the
    work on a worker (in Airflow 2 a deferred wait as well); ``exponential_backoff`` and ``max_wait`` count in poke and reschedule
    mode, ``Retry-After`` in every mode.

    Returns ``{"balance", "required", "surplus", "currency", "observed_at"}``, all strings.

    It is advice, not a reservation: two gates may open on the same money.

    :param iyzico_conn_id: id of the iyzico Connection
    :param batch_total: what the batch needs, commission included, as ``str``, ``int`` or ``Decimal`` (templated)
    :param headroom: what must be left over (templated)
    :param currency: the balance's currency; iyzico names none, so this is a label
    :param warehouse_conn_id: keep a row per gate in ``iyzico_payout_gate`` of this SQL Connection; a record that cannot be
        written is logged loudly and never keeps a gate from opening
    :param warehouse_schema: the schema of that table, if not the connection's own
    :param deferrable: wait in the triggerer, where all gates of an account share one poll
    :raises AirflowFailException: the wait cannot succeed; the message names the error of
        :mod:`airflow_provider_iyzico.errors` and what to do
    :raises AirflowSensorTimeout: the money did not come within ``timeout`` seconds, in every mode
    """

    template_fields: Sequence[str] = ("batch_total", "headroom")
    ui_color = "#d8ecff"

    def __init__(
        self,
        *,
        batch_total: str | int | Decimal | XComArg,
        headroom: str | int | Decimal | XComArg = "0",
        iyzico_conn_id: str = IyzicoHook.default_conn_name,
        currency: str = "TRY",
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        warehouse_conn_id: str | None = None,
        warehouse_schema: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.batch_total = batch_total
        self.headroom = headroom
        self.iyzico_conn_id = iyzico_conn_id
        self.currency = currency
        self.deferrable = deferrable
        self.warehouse_conn_id = warehouse_conn_id
        self.warehouse_schema = warehouse_schema
        self._wish_seconds = 0.0
        self._hook: IyzicoHook | None = None
        self._record: GateRecord | None = None
        if self.never_fail or self.silent_fail:
            raise IyzicoConfigurationError(
                f"task {self.task_id!r}: never_fail and silent_fail would let a payout past a gate that could not look; "
                "use soft_fail to skip on a timeout"
            )

    def execute(self, context: Context) -> Any:
        """Wait in the worker, or look once and go on waiting in the triggerer."""
        with fail_fast(), self._closing_hook(), self._recording(context, None):
            if not self.deferrable:
                return super().execute(context)
            ends_at = time.time() + self.timeout
            verdict = self._look()
            if verdict.is_open:
                return verdict.result()
            from airflow_provider_iyzico.triggers.mass_payout import MassPayoutBalanceTrigger

            wish = verdict.error.retry_after if verdict.error else None
            self.defer(
                trigger=MassPayoutBalanceTrigger(
                    iyzico_conn_id=self.iyzico_conn_id,
                    batch_total=money_text(verdict.need.batch_total),
                    headroom=money_text(verdict.need.headroom),
                    currency=verdict.need.currency,
                    poll_seconds=self.poke_interval,
                    ends_at=ends_at,
                    not_before=time.time() + wish if wish else None,
                ),
                method_name=self.execute_complete.__name__,
                kwargs={
                    "first_balance": money_text(verdict.balance.amount) if verdict.balance else None,
                    "waiting_since": self._record.waiting_since.isoformat() if self._record else None,
                },
                timeout=timedelta(seconds=self.timeout),
            )

    def poke(self, context: Context) -> PokeReturnValue:
        """Look once.

        :raises IyzicoError: the wait cannot succeed
        """
        verdict = self._look()
        self._wish_seconds = (verdict.error.retry_after if verdict.error else None) or 0.0
        return PokeReturnValue(verdict.is_open, verdict.result() if verdict.is_open else None)

    def execute_complete(
        self, context: Context, event: Any = None, first_balance: str | None = None, waiting_since: str | None = None
    ) -> dict[str, str]:
        """End the wait with what the trigger saw, judged once more against this task's own batch.

        :param first_balance: what the worker saw at first; only the gate's record reads it, and ``waiting_since``
        :raises AirflowSensorTimeout: time is up
        :raises GateEventError: the trigger saw that the wait cannot succeed, or wrote what it never writes
        """
        from airflow_provider_iyzico.coverage import TIMEOUT, Outcome, judge

        status, message = _words(event, "status", "message")
        if status == TIMEOUT:
            raise AirflowSensorTimeout(f"the money did not come in time (timeout: {self.timeout:.0f} s): {message}")
        if status == Outcome.FAIL.value:
            raise error_named(_words(event, "error")[0], message)
        if status != Outcome.OPEN.value:
            raise GateEventError(f"task {self.task_id!r} was resumed with the unknown status {status!r}")
        balance = _balance(*_words(event, "balance", "observed_at"))
        verdict = judge(balance, self._need(), waiting_since=balance.asked_at)
        self.log.info("%s", verdict)
        if not verdict.is_open:
            raise GateEventError(f"the trigger opened the gate, but its task sees {verdict}; did batch_total change?")
        return verdict.result()

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """Let ``soft_fail`` skip on a timeout only: a crashed trigger fails the task, which may be retried."""
        from airflow_provider_iyzico.coverage import TIMEOUT

        with fail_fast(), self._recording(context, next_kwargs or {}):
            if next_method == _TRIGGER_FAILED:
                error = (next_kwargs or {}).get("error")
                if error not in _TRIGGER_TIMEOUTS:
                    return super(BaseSensorOperator, self).resume_execution(next_method, next_kwargs, context)
                # What Airflow raises then differs from version to version.
                event = {"status": TIMEOUT, "message": f"Airflow ended the wait: {error}"}
                next_method, next_kwargs = self.execute_complete.__name__, {"event": event}
            return super().resume_execution(next_method, next_kwargs, context)

    def _get_next_poke_interval(self, started_at: Any, run_duration: Callable[[], float], *count: int) -> float:
        """Wait at least as long as iyzico asked, but not past the end of the wait."""
        interval: float = super()._get_next_poke_interval(started_at, run_duration, *count)
        return max(interval, min(self._wish_seconds, self.timeout - run_duration()))

    @contextmanager
    def _recording(self, context: Context, resumed: dict[str, Any] | None) -> Iterator[None]:
        """Keep the gate's row in the warehouse, where one is named."""
        if self.warehouse_conn_id is None:
            yield
            return
        try:
            from airflow_provider_iyzico.sensors.record import GateRecord

            self._record = GateRecord(self, context, resumed)
        except Exception:  # whatever ails the record, the gate does its work
            self.log.exception("THIS GATE KEEPS NO RECORD")
            yield
            return
        with self._record.keeping():
            yield

    @contextmanager
    def _closing_hook(self) -> Iterator[None]:
        """Keep one session for all looks of a task, and close it in the end."""
        try:
            yield
        finally:
            if self._hook is not None:
                self._hook.close()

    def _need(self) -> Need:
        from airflow_provider_iyzico.coverage import Need

        return Need.read(self.batch_total, self.headroom, self.currency)

    def _look(self) -> Verdict:
        """Look at the balance, log one line, and raise what cannot heal.

        :raises IyzicoError: the wait cannot succeed
        """
        from airflow_provider_iyzico.coverage import Outcome, judge

        need = self._need()
        if self._hook is None:
            self._hook = IyzicoHook(self.iyzico_conn_id)
        waiting_since = datetime.now(UTC)
        self._hook.refresh()
        verdict = judge(self._hook.look(), need, waiting_since)
        self.log.info("%s", verdict)
        if self._record is not None:
            self._record.look(verdict)
        if verdict.outcome is Outcome.FAIL and verdict.error is not None:
            raise verdict.error
        return verdict


def _balance(amount: str, observed_at: str) -> Balance:
    """Return the balance that the trigger wrote into its event.

    :raises GateEventError: the words are not an amount and an instant
    """
    from airflow_provider_iyzico.api.answers import Balance

    try:
        moment = datetime.fromisoformat(observed_at)
        return Balance(money_from_text(amount, "balance"), amount, None, moment, moment, latency_ms=0)
    except ValueError as error:
        raise GateEventError(f"the gate was resumed with an event that cannot be read: {error}") from error


def _words(event: Any, *names: str) -> list[str]:
    """Return fields of a trigger's event.

    :raises GateEventError: the event is not a dict, or a field is missing or no text
    """
    words = [event.get(name) if isinstance(event, dict) else None for name in names]
    if not all(isinstance(word, str) for word in words):
        raise GateEventError(f"the gate was resumed with an event that lacks {names}")
    return [str(word) for word in words]
