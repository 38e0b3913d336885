"""The record that a gate keeps of itself, written by the worker and never by the trigger."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any, Protocol

from airflow.providers.common.compat.sdk import AirflowSensorTimeout, AirflowSkipException, TaskDeferred
from tenacity import Retrying, retry_if_exception, stop_after_attempt, stop_before_delay, wait_random_exponential

from airflow_provider_iyzico.bridge.versions import AirflowRescheduleException
from airflow_provider_iyzico.bridge.warehouse import task_instance, warehouse_engine
from airflow_provider_iyzico.domain.event import GateEvent
from airflow_provider_iyzico.domain.gate import Need, Outcome, Verdict
from airflow_provider_iyzico.errors import GateEventError, IyzicoError, is_safe_to_repeat
from airflow_provider_iyzico.hooks.iyzico import IyzicoHook
from airflow_provider_iyzico.warehouse.gate import Gate, Progress, polls_so_far, record

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

#: Longer than the database's own patience with locks, so that its words are heard where there are any.
PATIENCE_SECONDS = 25
#: What an ``execution_timeout`` or an exit leaves a record.
SHORT_PATIENCE_SECONDS = 5
#: A first record that failed is not tried again at every poll: a warehouse that hangs costs the whole patience each time.
PAUSE_SECONDS = 300


class Recorded(Protocol):
    """What a record reads of the sensor whose wait it keeps."""

    batch_total: Any
    headroom: Any
    currency: str
    iyzico_conn_id: str
    warehouse_conn_id: str | None
    warehouse_schema: str | None
    timeout: Any
    _hook: IyzicoHook | None

    @property
    def log(self) -> Any: ...


class GateRecord:
    """One gate's row in ``iyzico_payout_gate``: begun at the first poll of a try, and ended with the task.

    :param since: since when this try waits by Airflow's own count, if it was rescheduled
    :param resumed: what a deferred task is resumed with; ``None`` where the task begins, or polls again after a reschedule
    """

    def __init__(self, sensor: Recorded, context: Context, since: datetime | None, resumed: dict[str, Any] | None) -> None:
        self._sensor = sensor
        self._context = context
        # A deferral keeps the start of its task in some versions of Airflow only, so it also carries it along; a reschedule keeps
        # when the first poll was over (began, in Airflow 2). Only ``dag.test()`` of Airflow 2 knows neither.
        self.waiting_since = since or context["ti"].start_date or datetime.now(UTC)
        self._is_unseen = resumed is None and since is None
        #: The polls of earlier processes; ``None`` as long as only the row knows.
        self._earlier_polls: int | None = 0 if self._is_unseen else None
        self._own_polls = 0
        self._written_polls = 0
        self._pauses_until = 0.0
        self._newest = 0
        self._writing = Lock()
        #: Whose gate this is, as finance knows it: the label of an account may change while a gate waits.
        self._account: tuple[str, str] | None = None
        self._first_balance: Decimal | None = None
        self._balance: Decimal | None = None
        self._observed_at: datetime | None = None
        self._read(resumed or {})

    def carried(self) -> dict[str, Any]:
        """Return what a deferral carries for the record of the process that goes on."""
        known = self._earlier_polls is not None
        return {
            "waiting_since": self.waiting_since.isoformat(),
            "polls": (self._earlier_polls or 0) + self._own_polls if known else None,
            "account": list(self._account) if self._account else None,
        }

    def count_poll(self) -> None:
        """Count a poll that begins: what was asked is what is counted, whatever becomes of it."""
        self._own_polls += 1

    def keep_poll(self, verdict: Verdict) -> None:
        """Keep what a poll saw; the first of a wait is written at once, so that a waiting gate can be seen."""
        hook = self._sensor._hook
        if hook is not None and self._account is None and verdict.balance is not None:
            self._account = hook.settings.environment, hook.settings.account
        if verdict.balance is not None:
            self._balance, self._observed_at = verdict.balance.amount, verdict.balance.observed_at
        if self._is_unseen and self._own_polls == 1:
            self._first_balance = self._balance
        if self._is_unseen and self._own_polls and time.monotonic() >= self._pauses_until:
            self._write(Outcome.WAITING, attempts=1)  # the gate may be about to open
            self._pauses_until = time.monotonic() + PAUSE_SECONDS

    @contextmanager
    def keeping(self) -> Iterator[None]:
        """Write how the wait ended, or that it goes on."""
        try:
            yield
            self._write(Outcome.OPENED)
        except (AirflowSensorTimeout, AirflowSkipException) as error:
            self._write(Outcome.TIMED_OUT, str(error))
            raise
        except IyzicoError as error:
            self._write(Outcome.FAILED, f"{type(error).__name__}: {error}")
            raise
        except (TaskDeferred, AirflowRescheduleException):
            self._write(Outcome.WAITING)
            raise
        except BaseException as error:  # execution_timeout and exits are no Exceptions, and fail the task all the same
            self._write(Outcome.FAILED, type(error).__name__, seconds=SHORT_PATIENCE_SECONDS)
            raise

    def _write(
        self, outcome: Outcome, reason: str | None = None, *, attempts: int | None = None, seconds: float | None = None
    ) -> None:
        if outcome is Outcome.WAITING and self._own_polls == self._written_polls:
            return
        self._newest = number = self._newest + 1

        def act() -> None:
            with self._writing:  # one that was given up may still be at it
                if number == self._newest:  # what came later says more
                    self._write_row(outcome, reason)

        try:
            _within_patience(act, attempts, PATIENCE_SECONDS if seconds is None else seconds)
        except Exception:
            self._sensor.log.exception("THE RECORD OF THIS GATE COULD NOT BE WRITTEN: %s, %s polls", outcome, self._own_polls)
            return
        self._is_unseen, self._written_polls = False, self._own_polls

    def _write_row(self, outcome: Outcome, reason: str | None) -> None:
        """Write how many polls there were in all, not how many came: then a second write after a lost answer adds nothing."""
        sensor, schema = self._sensor, self._sensor.warehouse_schema
        if self._account is None:
            settings = (sensor._hook or IyzicoHook(sensor.iyzico_conn_id)).settings
            self._account = settings.environment, settings.account
        environment, account = self._account
        need = Need.read(sensor.batch_total, sensor.headroom, sensor.currency)
        gate = Gate(
            task_instance(self._context),
            account,
            environment,
            need.currency,
            need.batch_total,
            need.headroom,
            self.waiting_since,
            self.waiting_since + timedelta(seconds=sensor.timeout),
            self._first_balance,
        )
        with warehouse_engine(str(sensor.warehouse_conn_id)) as engine:
            if self._earlier_polls is None:
                self._earlier_polls = polls_so_far(engine, gate, schema=schema)
            polls = self._earlier_polls + self._own_polls
            progress = Progress(outcome.value, polls, self._balance, self._observed_at, reason, begins=self._is_unseen)
            record(engine, gate, progress, schema=schema)

    def _read(self, resumed: dict[str, Any]) -> None:
        """Take over what the worker saw at first, and the trigger since then; what cannot be read is the sensor's to refuse."""
        with suppress(TypeError, ValueError, ArithmeticError):
            if resumed.get("first_balance") is not None:
                self._first_balance = Decimal(resumed["first_balance"])
            if resumed.get("waiting_since") is not None:
                self.waiting_since = datetime.fromisoformat(resumed["waiting_since"])
            if resumed.get("polls") is not None:
                self._earlier_polls = max(int(resumed["polls"]), 0)
            if resumed.get("account") is not None:
                environment, account = resumed["account"]
                self._account = str(environment), str(account)
        with suppress(GateEventError):
            event = GateEvent.read(resumed.get("event"))
            self._own_polls, self._balance, self._observed_at = event.polls or 0, event.balance, event.observed_at


def _within_patience(act: Callable[[], None], attempts: int | None, seconds: float) -> None:
    """Act, again and again while the warehouse is away, but go on after a while: it must keep no gate from opening.

    :param attempts: how often at most
    :raises TimeoutError: it is not done yet; it may still be, or end with the process
    """
    done: Future[None] = Future()
    retrying = Retrying(
        retry=retry_if_exception(is_safe_to_repeat),
        stop=stop_after_attempt(attempts) if attempts else stop_before_delay(seconds),
        wait=wait_random_exponential(multiplier=0.5, max=4),
        reraise=True,
    )

    def run() -> None:
        try:
            retrying(act)
            done.set_result(None)
        except Exception as error:  # noqa: BLE001 - it is raised below
            done.set_exception(error)

    Thread(target=run, name="iyzico-gate-record", daemon=True).start()
    done.result(seconds)
