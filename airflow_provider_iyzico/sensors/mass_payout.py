"""``MassPayoutBalanceSensor``: is the money there yet?"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from airflow.providers.common.compat.sdk import AirflowSensorTimeout, BaseSensorOperator, PokeReturnValue, conf

from airflow_provider_iyzico.bridge.fail_fast import fail_fast
from airflow_provider_iyzico.bridge.versions import (
    TRIGGER_FAILED,
    is_end_of_deferral,
    is_mapped,
    is_mapped_with,
    rescheduled_at,
    started_at,
)
from airflow_provider_iyzico.errors import IyzicoError
from airflow_provider_iyzico.get_provider_info import DEFAULT_WAREHOUSE_CONN_ID
from airflow_provider_iyzico.hooks.iyzico import IyzicoHook
from airflow_provider_iyzico.links import PAGE_LINKS, account_and_day
from airflow_provider_iyzico.sensors.fail_closed import FailClosedSensor
from airflow_provider_iyzico.sensors.literals import check_batch, check_conn_id, check_ledger, check_literals

if TYPE_CHECKING:
    from decimal import Decimal

    from airflow.providers.common.compat.sdk import Context, XComArg

    from airflow_provider_iyzico.domain.gate import Need, Verdict
    from airflow_provider_iyzico.sensors.record import GateRecord
    from airflow_provider_iyzico.sensors.worker_polls import WorkerPolls

#: A wait that is nearly over when it is rescheduled still gets one poll of this length.
SHORTEST_WAIT_SECONDS = 1.0
#: If no triggerer ends the wait in time, Airflow ends it this long after its end.
BACKSTOP_SECONDS = 60.0


class MassPayoutBalanceSensor(FailClosedSensor):
    """Waits until the mass payout balance covers a batch: is the money there yet?

    It opens only on an answer that iyzico documents, with a finite balance of at least ``batch_total + headroom``. The balance
    must have been asked for after the wait began. While iyzico cannot answer (time-outs, resets, HTTP 408, 425, 429 and 5xx,
    code 50000), the gate waits until ``timeout``. Everything else (refused keys, other 4xx, redirects, certificates,
    undocumented answers) fails at once, without retries. ``soft_fail`` skips only when ``timeout`` is over. ``timeout`` ends
    the wait, even during a poll. ``execution_timeout`` limits only the work on a worker (in Airflow 2 also a deferred wait),
    and always fails the task. ``exponential_backoff`` and ``max_wait`` have an effect in poke and reschedule mode,
    ``Retry-After`` in every mode.

    A deferred gate asks iyzico again if it gets a worker late: more than a minute after its trigger saw the money, or more than
    one ``poke_interval``, if that is longer. If the money is gone, it goes on waiting until its original end.

    Returns ``{"balance", "required", "surplus", "currency", "observed_at"}``, all strings.

    Without ``external_id``, two gates may open on the same money. With ``external_id``, the gate sets the money aside in a
    ledger, and opens only if the balance covers the batch beside what others set aside. Until its hold ends, no other such gate
    opens on that money. The result then also has ``external_id`` and ``available``, and ``surplus`` is what is left of the
    available money.

    :param iyzico_conn_id: id of the iyzico Connection
    :param batch_total: what the batch needs, commission included, as ``str``, ``int`` or ``Decimal`` (templated); leave it out if
        the ledger has a batch of that ``external_id``, which knows what it needs
    :param external_id: your own name for the payout: 1 to 64 letters, digits, and . _ : - (templated)
    :param headroom: what must be left on the balance afterwards (templated)
    :param currency: the balance's currency; iyzico names none, so this is a label; refused if its Connection names another
    :param warehouse_conn_id: keep a row per gate in ``iyzico_payout_gate`` of this SQL Connection. If the row cannot be
        written, the gate logs an error, and still opens when the money is there
    :param warehouse_schema: the schema of that table, if not the Connection's own
    :param ledger_conn_id: the SQL Connection of the ledger: PostgreSQL, MySQL, MariaDB or SQLite. While it cannot be asked, the
        gate stays shut
    :param ledger_schema: the schema of the ledger's tables, if not the Connection's own
    :param hold_for_seconds: after this time the hold ends, unless its batch may have been authorized; ``None``: never
    :param recheck_seconds: a deferred gate asks the ledger again after this time
    :param settling_seconds: if this gate reads another batch: for how long after it was paid an item still counts in the hold of
        that batch; give at least the value of that batch's ``MassPayoutAuthorizeOperator``
    :param deferrable: wait in the triggerer, where all gates with the same Connection and interval share one poll
    :raises AirflowFailException: the wait cannot succeed; the message names the error of
        :mod:`airflow_provider_iyzico.errors` and what to do
    :raises AirflowSensorTimeout: the money did not come within ``timeout`` seconds, in every mode
    :raises IyzicoError: when the DAG file is parsed: a parameter is not valid, and is not a template
    """

    template_fields: Sequence[str] = ("batch_total", "headroom", "external_id")
    ui_color = "#d8ecff"
    operator_extra_links = PAGE_LINKS

    def __init__(
        self,
        *,
        batch_total: str | int | Decimal | XComArg | None = None,
        external_id: str | XComArg | None = None,
        headroom: str | int | Decimal | XComArg = "0",
        iyzico_conn_id: str = IyzicoHook.default_conn_name,
        currency: str = "TRY",
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        warehouse_conn_id: str | None = None,
        warehouse_schema: str | None = None,
        ledger_conn_id: str = DEFAULT_WAREHOUSE_CONN_ID,
        ledger_schema: str | None = None,
        hold_for_seconds: float | None = None,
        recheck_seconds: float = 300,
        settling_seconds: float = 60,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.batch_total = batch_total
        self.external_id = external_id
        self.headroom = headroom
        self.iyzico_conn_id = iyzico_conn_id
        self.currency = currency
        self.deferrable = deferrable
        self.warehouse_conn_id = warehouse_conn_id
        self.warehouse_schema = warehouse_schema
        self.ledger_conn_id = ledger_conn_id
        self.ledger_schema = ledger_schema
        self.hold_for_seconds = hold_for_seconds
        self.recheck_seconds = recheck_seconds
        self.settling_seconds = settling_seconds
        # What a template renders to None was given all the same: such a gate does not open without a hold.
        self._names_total, self._names_batch = batch_total is not None, external_id is not None
        self._ends_at: float | None = None
        self._was_there = False
        self._record: GateRecord | None = None
        if not is_mapped(self):  # a mapped task checks its values when it runs
            check_literals(
                self.task_id,
                amounts={"headroom": headroom} if batch_total is None else {"batch_total": batch_total, "headroom": headroom},
                conn_ids={"iyzico_conn_id": iyzico_conn_id or "", "warehouse_conn_id": warehouse_conn_id},
                currency=currency,
                schemas={"warehouse_schema": warehouse_schema, "ledger_schema": ledger_schema},
                timeout_seconds=self.timeout,
            )
            check_batch(self.task_id, external_id, batch_total, hold_for_seconds)
            check_ledger(self.task_id, ledger_conn_id, hold_for_seconds, recheck_seconds, settling_seconds)

    def execute(self, context: Context) -> Any:
        """Wait in the worker, or poll once and go on waiting in the triggerer."""
        since = rescheduled_at(context) if self.reschedule else None
        with self._waiting(context, since=since):
            if self.deferrable:
                return self._poll_or_defer(context, self.timeout)
            passed = (datetime.now(UTC) - since).total_seconds() if since else 0.0
            self._ends_at = time.monotonic() + max(self.timeout - passed, SHORTEST_WAIT_SECONDS)
            return super().execute(context)

    def poke(self, context: Context) -> PokeReturnValue:
        """Poll once, if there is time left.

        :raises IyzicoError: the wait cannot succeed
        """
        seconds_left = None if self._ends_at is None else self._ends_at - time.monotonic()
        if seconds_left is not None and seconds_left <= 0:
            return PokeReturnValue(False)
        verdict = self._poll(context, seconds_left)
        return PokeReturnValue(verdict.is_open, verdict.result() if verdict.is_open else None)

    def execute_complete(self, context: Context, event: Any = None, **_of_the_record: Any) -> dict[str, str]:
        """Judge what the trigger saw: end the wait, or ask iyzico again if the event no longer fits.

        :raises AirflowSensorTimeout: time is up
        :raises IyzicoError: the trigger saw that the wait cannot succeed, or wrote an event that it never writes
        """
        from airflow_provider_iyzico.domain.event import GateEvent
        from airflow_provider_iyzico.sensors.deferral import ResumedGate, opened

        seen = GateEvent.read(event)
        gate = ResumedGate(
            iyzico_conn_id=self.iyzico_conn_id,
            currency=self.currency,
            need=self._need_if_known(),
            poll_seconds=self.poke_interval,
            timeout_seconds=float(self.timeout),
            started_at=started_at(context),
        )
        reason = gate.reason_to_ask(seen)
        if reason is None and not self._sets_aside:
            verdict = opened(seen, self._need(), self.iyzico_conn_id)
            self.log.info("%s", verdict)
            return verdict.result()
        self.log.info("Asking iyzico again: %s", reason or "the money is there, and must be set aside")
        if not seen.is_of(self.iyzico_conn_id, self.currency):
            self._was_there = False
        return self._poll_or_defer(context, gate.seconds_left(seen))

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """Let a timeout end the wait as in every mode; a crashed trigger fails the task, which may be retried."""
        with self._waiting(context, resumed=next_kwargs or {}):
            if next_method != TRIGGER_FAILED:
                return super().resume_execution(next_method, next_kwargs, context)
            error = (next_kwargs or {}).get("error")
            if is_end_of_deferral(error, self.execution_timeout, self.timeout, started_at(context)):
                raise AirflowSensorTimeout(f"Airflow ended the wait: {error}")  # each version of Airflow raises another error
            return super(BaseSensorOperator, self).resume_execution(next_method, next_kwargs, context)

    def shown_on_page(self) -> dict[str, str]:
        """Return what the link to the page asks for: the gate's account, and today as its reports count days.

        :raises IyzicoError: the Connection does not say it
        """
        settings = self._polls.hook.settings
        today = datetime.now(ZoneInfo(settings.report_timezone)).date()
        return account_and_day(settings.environment, settings.account, self.currency, today)

    @contextmanager
    def _waiting(
        self, context: Context, *, since: datetime | None = None, resumed: dict[str, Any] | None = None
    ) -> Iterator[None]:
        """Keep the record, close the session at the end, and let only our own timeout skip the task.

        :param since: when this try began to wait, as Airflow counts, if it was rescheduled
        :param resumed: what a deferred task is resumed with
        """
        self._was_there = since is not None or resumed is not None  # whether an earlier process read the Connection
        with ExitStack() as stack:
            stack.enter_context(fail_fast())
            stack.callback(self._polls.hook.close)
            self._record = self._new_record(context, since, resumed)
            if self._record is not None:
                stack.enter_context(self._record.keeping())
            stack.enter_context(self._only_a_timeout_skips())
            yield

    def _new_record(self, context: Context, since: datetime | None, resumed: dict[str, Any] | None) -> GateRecord | None:
        """Return the gate's record, if a warehouse is named."""
        if self.warehouse_conn_id is None:
            return None
        from airflow_provider_iyzico.sensors.record import new_record

        return new_record(
            context,
            since,
            resumed,
            iyzico_conn_id=self.iyzico_conn_id,
            conn_id=self.warehouse_conn_id,
            schema=self.warehouse_schema,
            timeout=timedelta(seconds=self.timeout),
            currency=self.currency,
            need=self._need_if_known(),
            whose=self._polls.whose,
            log=self.log,
        )

    def _need(self) -> Need:
        from airflow_provider_iyzico.domain.gate import Need

        return Need.read(self.batch_total, self.headroom, self.currency)

    def _need_if_known(self) -> Need | None:
        """Return what is required, if the templates still say it: a resumed task renders them again."""
        with suppress(IyzicoError):
            return self._need()
        return None

    @cached_property
    def _polls(self) -> WorkerPolls:
        from airflow_provider_iyzico.sensors.worker_polls import WorkerPolls

        return WorkerPolls(self.iyzico_conn_id, self.log)

    def _poll(self, context: Context, seconds_left: float | None) -> Verdict:
        """Poll once, and set the money aside if this gate does that.

        :raises IyzicoError: the wait cannot succeed
        """
        check_conn_id(self.iyzico_conn_id or "", "iyzico_conn_id", self.task_id)  # a mapped one comes from another task
        asked: dict[str, Any] = {"was_there": self._was_there, "record": self._record}
        if self._sets_aside:
            self._verdict = self._poll_and_place(context, seconds_left, asked)
        else:
            need = self._need()
            check_batch(self.task_id, None, self.batch_total, self.hold_for_seconds)
            self._verdict = self._polls.poll(need, seconds_left, **asked)
        return self._verdict

    @property
    def _sets_aside(self) -> bool:
        return self._names_batch or self.external_id is not None or is_mapped_with(self, "external_id")

    def _poll_and_place(self, context: Context, seconds_left: float | None, asked: dict[str, Any]) -> Verdict:
        from airflow_provider_iyzico.sensors.holding import Aside, poll_and_place, read_wanted

        times = (self.hold_for_seconds, self.recheck_seconds, self.settling_seconds)
        check_ledger(self.task_id, self.ledger_conn_id, *times)
        is_plain = self._names_total or self.batch_total is not None or is_mapped_with(self, "batch_total")
        wanted = read_wanted(self.external_id, self.headroom, self.batch_total, self.hold_for_seconds, is_plain=is_plain)
        ledger = self.ledger_conn_id, self.ledger_schema
        aside = Aside.of(context, wanted, self.currency, *ledger, self.poke_interval, self.settling_seconds)
        return poll_and_place(aside, self._polls, seconds_left, **asked)

    def _poll_or_defer(self, context: Context, seconds_left: float) -> dict[str, str]:
        """Poll once. If the money is not there, go on waiting in the triggerer.

        :raises AirflowSensorTimeout: time is up
        """
        from airflow_provider_iyzico.sensors.deferral import trigger_after

        ends_at = time.monotonic() + seconds_left  # by a clock that nobody sets in between
        verdict = self._poll(context, max(seconds_left, SHORTEST_WAIT_SECONDS))
        if verdict.is_open:
            return verdict.result()
        seconds_left = ends_at - time.monotonic()
        if seconds_left <= 0:
            raise AirflowSensorTimeout(verdict.facts)
        recheck_seconds = self.recheck_seconds if self._sets_aside else None
        self.defer(
            trigger=trigger_after(verdict, self.iyzico_conn_id, self.currency, self.poke_interval, seconds_left, recheck_seconds),
            method_name=self.execute_complete.__name__,
            kwargs=self._record.carried() if self._record else {},
            timeout=timedelta(seconds=seconds_left + BACKSTOP_SECONDS),
        )
