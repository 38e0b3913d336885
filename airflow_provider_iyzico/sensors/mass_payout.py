"""``MassPayoutBalanceSensor``: is the money there yet?"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast
from zoneinfo import ZoneInfo

from airflow.providers.common.compat.sdk import (
    AirflowSensorTimeout,
    AirflowSkipException,
    BaseSensorOperator,
    PokeReturnValue,
    conf,
)

from airflow_provider_iyzico.api.money import money_text
from airflow_provider_iyzico.bridge.fail_fast import fail_fast
from airflow_provider_iyzico.bridge.versions import TRIGGER_FAILED, is_end_of_deferral, is_mapped, rescheduled_at
from airflow_provider_iyzico.errors import GateEventError, IyzicoConfigurationError, IyzicoError, error_named
from airflow_provider_iyzico.hooks.iyzico import IyzicoHook
from airflow_provider_iyzico.links import PAGE_LINKS, account_and_day
from airflow_provider_iyzico.sensors.literals import check_conn_id, check_literals

if TYPE_CHECKING:
    from decimal import Decimal

    from airflow.providers.common.compat.sdk import Context, XComArg

    from airflow_provider_iyzico.api.balance import Balance
    from airflow_provider_iyzico.domain.event import GateEvent
    from airflow_provider_iyzico.domain.gate import Need, Verdict
    from airflow_provider_iyzico.domain.quiet import Quiet
    from airflow_provider_iyzico.sensors.record import GateRecord

#: However little is left of the wait, iyzico gets so long to answer a poll.
SHORTEST_POLL_SECONDS = 1.0
#: So long after the trigger should have fired Airflow ends the wait itself, for want of a triggerer.
BACKSTOP_SECONDS = 60.0
_SHORTEST_PAUSE_SECONDS = 0.1
_MOST_DOUBLINGS = 40


class MassPayoutBalanceSensor(BaseSensorOperator):
    """Waits until the mass payout balance covers a batch: is the money there yet?

    It opens only on an answer that iyzico documents, with a finite balance of at least ``batch_total + headroom``, asked for
    after the wait began. While iyzico cannot answer (time-outs, resets, HTTP 408, 425, 429 and 5xx, code 50000) it waits until
    ``timeout``. Everything else (refused keys, other 4xx, redirects, certificates, undocumented answers) fails at once, without
    retries. ``soft_fail`` skips only when ``timeout`` is over. ``timeout`` bounds the wait and the poll under way;
    ``execution_timeout`` bounds only the work on a worker (in Airflow 2 a deferred wait as well) and always fails the task.
    ``exponential_backoff`` and ``max_wait`` count in poke and reschedule mode, ``Retry-After`` in every mode.

    A deferred gate that gets a worker late asks again: what the trigger saw opens it only if that is not older than a minute, or
    than one ``poke_interval``, where that is longer. If the money is gone, it waits on until its original end.

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
    :raises IyzicoError: when the DAG file is parsed: an amount or a currency that is no template and cannot be one
    """

    template_fields: Sequence[str] = ("batch_total", "headroom")
    ui_color = "#d8ecff"
    operator_extra_links = PAGE_LINKS

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
        self._retry_after = 0.0
        self._ends_at: float | None = None
        self._was_there = False
        self._verdict: Verdict | None = None
        self._hook: IyzicoHook | None = None
        self._quiet: Quiet | None = None
        self._record: GateRecord | None = None
        if self.never_fail or self.silent_fail:
            raise IyzicoConfigurationError(
                f"task {self.task_id!r}: never_fail and silent_fail would let a payout past a gate that saw no balance; "
                "use soft_fail to skip on a timeout"
            )
        if not is_mapped(self):  # a mapped task says at its run what is wrong with its values
            check_literals(
                self.task_id,
                amounts={"batch_total": batch_total, "headroom": headroom},
                conn_ids={"iyzico_conn_id": iyzico_conn_id or "", "warehouse_conn_id": warehouse_conn_id},
                currency=currency,
                schema=warehouse_schema,
                timeout_seconds=self.timeout,
            )

    def execute(self, context: Context) -> Any:
        """Wait in the worker, or poll once and go on waiting in the triggerer."""
        since = rescheduled_at(context) if self.reschedule else None
        with self._waiting(context, since=since):
            if self.deferrable:
                return self._poll_or_defer(self.timeout, is_first=True)
            passed = (datetime.now(UTC) - since).total_seconds() if since else 0.0
            self._ends_at = time.monotonic() + max(self.timeout - passed, SHORTEST_POLL_SECONDS)
            return super().execute(context)

    def poke(self, context: Context) -> PokeReturnValue:
        """Poll once, if there is time left.

        :raises IyzicoError: the wait cannot succeed
        """
        seconds_left = None if self._ends_at is None else self._ends_at - time.monotonic()
        if seconds_left is not None and seconds_left <= 0:
            return PokeReturnValue(False)
        verdict = self._poll(seconds_left)
        self._retry_after = (verdict.error.retry_after if verdict.error else None) or 0.0
        return PokeReturnValue(verdict.is_open, verdict.result() if verdict.is_open else None)

    def execute_complete(
        self,
        context: Context,
        event: Any = None,
        first_balance: str | None = None,
        **_of_the_record: Any,
    ) -> dict[str, str]:
        """End the wait with what the trigger saw, judged once more; ask again where that is old.

        :param first_balance: what the first poll saw; only the gate's record reads it, and what else a deferral carries
        :raises AirflowSensorTimeout: time is up
        :raises GateEventError: the trigger saw that the wait cannot succeed, or wrote what it never writes
        """
        from airflow_provider_iyzico.domain.event import GateEvent
        from airflow_provider_iyzico.domain.gate import Outcome

        seen = GateEvent.read(event)
        if not seen.is_of(self.iyzico_conn_id, self.currency):
            first_balance, self._was_there = None, False
            why = f"is of {seen.iyzico_conn_id} in {seen.currency}, which this task no longer asks"
        elif seen.required is not None and (need := self._need_if_known()) is not None and seen.required != need.required:
            why = f"was for {money_text(seen.required)}, which the batch no longer needs"
        elif seen.outcome is Outcome.TIMED_OUT:
            if not seen.is_early():
                raise AirflowSensorTimeout(seen.message)
            why = "ended before its time"
        elif seen.outcome is Outcome.FAILED and seen.error is not None:
            raise error_named(seen.error, seen.message)
        elif seen.is_fresh(self.poke_interval):
            return self._opened_by(seen)
        else:
            why = f"saw the balance at {seen.observed_at}, which is too long ago"
        self.log.info("The trigger's wait %s; asking iyzico again", why)
        return self._poll_or_defer(self._seconds_left(seen, context), first_balance)

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """Let a timeout end the wait as in every mode; a crashed trigger fails the task, which may be retried."""
        from airflow_provider_iyzico.domain.event import GateEvent
        from airflow_provider_iyzico.domain.gate import Outcome

        with self._waiting(context, resumed=next_kwargs or {}):
            if next_method == TRIGGER_FAILED:
                error = (next_kwargs or {}).get("error")
                if not is_end_of_deferral(self, error, context):
                    return super(BaseSensorOperator, self).resume_execution(next_method, next_kwargs, context)
                # What Airflow raises then differs from version to version.
                event = GateEvent(Outcome.TIMED_OUT, f"Airflow ended the wait: {error}").written()
                next_method, next_kwargs = self.execute_complete.__name__, {"event": event}
            return super().resume_execution(next_method, next_kwargs, context)

    def shown_on_page(self) -> dict[str, str]:
        """Return what the link to the page asks for: the gate's account, and today as its reports count days.

        :raises IyzicoError: the Connection does not say it
        """
        settings = (self._hook or IyzicoHook(self.iyzico_conn_id)).settings
        today = datetime.now(ZoneInfo(settings.report_timezone)).date()
        return account_and_day(settings.environment, settings.account, self.currency, today)

    def _get_next_poke_interval(self, started_at: Any, run_duration: Callable[[], float], *count: int) -> float:
        """Pause at least as long as iyzico asked, but not past the end of the wait."""
        bounded = [min(each, _MOST_DOUBLINGS) for each in count]  # beyond, Airflow's arithmetic overflows
        interval = float(super()._get_next_poke_interval(started_at, run_duration, *bounded))
        seconds_left = max(float(self.timeout) - run_duration(), _SHORTEST_PAUSE_SECONDS)
        return min(max(interval, self._retry_after), seconds_left)

    @contextmanager
    def _waiting(
        self, context: Context, *, since: datetime | None = None, resumed: dict[str, Any] | None = None
    ) -> Iterator[None]:
        """Keep the record, close the session, and let nothing but our own timeout skip the task.

        :param since: since when this try waits by Airflow's own count, if it was rescheduled
        :param resumed: what a deferred task is resumed with
        """
        self._was_there = since is not None or resumed is not None  # the Connection, in an earlier process
        with ExitStack() as stack:
            stack.enter_context(fail_fast())
            stack.callback(self._close_hook)
            stack.enter_context(self._recording(context, since, resumed))
            soft_fail, self.soft_fail = self.soft_fail, False  # Airflow's own skips on errors, too
            try:
                yield
            except AirflowSensorTimeout as error:
                message = self._timed_out(error)
                self.log.error("%s", message)  # noqa: TRY400 - the traceback follows anyway
                raise (AirflowSkipException if soft_fail else AirflowSensorTimeout)(message) from error
            finally:
                self.soft_fail = soft_fail

    def _close_hook(self) -> None:
        if self._hook is not None:
            self._hook.close()

    def _timed_out(self, error: AirflowSensorTimeout) -> str:
        """Say the same in every mode: what was awaited for how long, and what was seen last."""
        seen = self._verdict.facts if self._verdict else str(error)
        return f"the money did not come within {self.timeout:.10g} s: {seen}"

    @contextmanager
    def _recording(self, context: Context, since: datetime | None, resumed: dict[str, Any] | None) -> Iterator[None]:
        """Keep the gate's row in the warehouse, where one is named."""
        if self.warehouse_conn_id is None:
            yield
            return
        try:
            from airflow_provider_iyzico.bridge.warehouse import task_instance
            from airflow_provider_iyzico.sensors.record import GateRecord, Wait

            wait = Wait(
                task=task_instance(context),
                iyzico_conn_id=self.iyzico_conn_id,
                conn_id=self.warehouse_conn_id,
                schema=self.warehouse_schema,
                # Not every version of Airflow keeps the start of a task over a deferral, so that carries it along; a reschedule
                # keeps when the first poll was over (began, in Airflow 2). Only ``dag.test()`` of Airflow 2 knows neither.
                since=since or context["ti"].start_date or datetime.now(UTC),
                timeout=timedelta(seconds=self.timeout),
                currency=self.currency,
                need=self._need_if_known(),
                begins=since is None and resumed is None,
            )
            self._record = GateRecord(wait, resumed or {}, self._whose, self.log)
        except Exception:  # whatever ails the record, the gate does its work
            self.log.exception("THIS GATE KEEPS NO RECORD")
            yield
            return
        with self._record.keeping():
            yield

    def _need(self) -> Need:
        from airflow_provider_iyzico.domain.gate import Need

        return Need.read(self.batch_total, self.headroom, self.currency)

    def _need_if_known(self) -> Need | None:
        """Return what is required, if the templates still say it: a task that goes on renders them again."""
        with suppress(IyzicoError):
            return self._need()
        return None

    def _whose(self) -> tuple[str, str]:
        """Return environment and account of the Connection."""
        settings = (self._hook or IyzicoHook(self.iyzico_conn_id)).settings
        return settings.environment, settings.account

    def _poll(self, seconds_left: float | None) -> Verdict:
        """Ask for the balance, log one line, and raise what cannot heal.

        :raises IyzicoError: the wait cannot succeed
        """
        from airflow_provider_iyzico.domain.gate import Outcome, judge
        from airflow_provider_iyzico.domain.quiet import Quiet, essence

        need = self._need()
        if self._hook is None:
            check_conn_id(self.iyzico_conn_id or "", "iyzico_conn_id", self.task_id)  # a mapped one comes from another task
            self._hook = IyzicoHook(self.iyzico_conn_id)
        seen = self._ask(self._hook, seconds_left)
        self._verdict = verdict = judge(seen, need, self._hook.account_name)
        if self._quiet is None:
            self._quiet = Quiet()
        if self._quiet.is_due(verdict, essence(seen), time.monotonic()):
            self.log.info("%s", verdict)
        if verdict.balance and verdict.balance.clock_warning:
            self.log.warning("%s", verdict.balance.clock_warning)
        if self._record is not None:
            self._record.keep_poll(verdict)
        if verdict.outcome is Outcome.FAILED and verdict.error is not None:
            raise verdict.error
        return verdict

    def _ask(self, hook: IyzicoHook, seconds_left: float | None) -> Balance | IyzicoError:
        """Read the Connection and ask once; return what was seen, or why nothing was."""
        try:
            hook.refresh(was_there=self._was_there)
        except IyzicoError as error:
            return error
        if self._record is not None:
            self._record.count_poll()
        return hook.poll(within_seconds=seconds_left and max(seconds_left, SHORTEST_POLL_SECONDS))

    def _poll_or_defer(self, seconds_left: float, first_balance: str | None = None, *, is_first: bool = False) -> dict[str, str]:
        """Poll once; where the money is not there, go on waiting in the triggerer.

        :param first_balance: what the first poll of the wait saw, where this is not it, and if it saw a balance
        :param is_first: whether this is the first poll of the wait
        :raises AirflowSensorTimeout: time is up
        """
        from airflow_provider_iyzico.triggers.mass_payout import MassPayoutBalanceTrigger

        ends_at = time.monotonic() + seconds_left  # of a clock that nobody sets meanwhile
        verdict = self._poll(max(seconds_left, SHORTEST_POLL_SECONDS))
        if verdict.is_open:
            return verdict.result()
        seconds_left = ends_at - time.monotonic()
        if seconds_left <= 0:
            raise AirflowSensorTimeout(verdict.facts)
        now = time.time()
        retry_after = verdict.error.retry_after if verdict.error else None
        if is_first and verdict.balance:
            first_balance = money_text(verdict.balance.amount)
        self.defer(
            trigger=MassPayoutBalanceTrigger(
                iyzico_conn_id=self.iyzico_conn_id,
                batch_total=money_text(verdict.need.batch_total),
                headroom=money_text(verdict.need.headroom),
                currency=verdict.need.currency,
                poll_seconds=self.poke_interval,
                ends_at=now + seconds_left,
                not_before=now + retry_after if retry_after else None,
            ),
            method_name=self.execute_complete.__name__,
            kwargs={"first_balance": first_balance, **(self._record.carried() if self._record else {})},
            timeout=timedelta(seconds=seconds_left + BACKSTOP_SECONDS),
        )

    def _seconds_left(self, seen: GateEvent, context: Context) -> float:
        """Return how long the wait may go on.

        :raises GateEventError: an older trigger does not tell, and neither does Airflow
        """
        started_at = getattr(context.get("ti"), "start_date", None)
        if seen.ends_at is not None:
            return min(seen.ends_at - time.time(), float(self.timeout))
        if started_at is not None:
            return float(self.timeout - (datetime.now(UTC) - started_at).total_seconds())
        raise GateEventError("the gate was resumed by an older version, which does not say when its wait ends; clear the task")

    def _opened_by(self, seen: GateEvent) -> dict[str, str]:
        """Return what an open gate tells its DAG, judged by this task's own batch.

        :raises GateEventError: the balance does not cover it
        """
        from airflow_provider_iyzico.api.balance import Balance
        from airflow_provider_iyzico.domain.gate import judge

        amount, observed_at = cast("Decimal", seen.balance), cast("datetime", seen.observed_at)
        balance = Balance(amount, str(amount), None, observed_at, observed_at, latency_ms=0)
        verdict = judge(balance, self._need(), self.iyzico_conn_id)
        self.log.info("%s", verdict)
        if not verdict.is_open:
            raise GateEventError(f"the trigger opened the gate, but its task sees {verdict}; did batch_total change?")
        return verdict.result()
