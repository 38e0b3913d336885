"""The record that a gate keeps of itself, written by the worker and never by the trigger."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from threading import Thread
from typing import TYPE_CHECKING, Any, cast

from airflow.providers.common.compat.sdk import AirflowSensorTimeout, AirflowSkipException, TaskDeferred

from airflow_provider_iyzico.coverage import Need, Verdict
from airflow_provider_iyzico.errors import IyzicoError
from airflow_provider_iyzico.hooks.iyzico import IyzicoHook
from airflow_provider_iyzico.warehouse.gate import Gate, Progress, record
from airflow_provider_iyzico.warehouse_connection import task_instance, warehouse_engine

try:
    from airflow.sdk.exceptions import AirflowRescheduleException
except ImportError:  # before Airflow 3.2
    from airflow.exceptions import AirflowRescheduleException

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_iyzico.sensors.mass_payout import MassPayoutBalanceSensor

#: Longer than the database's own patience with locks, so that its words are heard where there are any.
PATIENCE_SECONDS = 25


class GateRecord:
    """One gate's row in ``iyzico_payout_gate``: begun at the first look of a try, and ended with the task.

    :param resumed: what a deferred task is resumed with; ``None`` where the task begins, or looks again after a reschedule
    """

    def __init__(self, sensor: MassPayoutBalanceSensor, context: Context, resumed: dict[str, Any] | None) -> None:
        task = context["ti"]
        rescheduled_at = _rescheduled_at(context) if sensor.reschedule else None
        self._sensor = sensor
        self._context = context
        # A deferral keeps the start of its task in some versions of Airflow only, so it also carries it along; a reschedule keeps
        # when the first look was over (began, in Airflow 2). Only ``dag.test()`` of Airflow 2 knows neither.
        self.waiting_since = rescheduled_at or task.start_date or datetime.now(UTC)
        self._is_unseen = resumed is None and rescheduled_at is None
        self._polls = 0
        self._first_balance: Decimal | None = None
        self._balance: Decimal | None = None
        self._observed_at: datetime | None = None
        self._read(resumed or {})

    def look(self, verdict: Verdict) -> None:
        """Count a look; the first of a wait is written at once, or as soon as it can be, so that a waiting gate can be seen."""
        self._polls += 1
        if verdict.balance is not None:
            self._balance, self._observed_at = verdict.balance.amount, verdict.balance.observed_at
        if self._is_unseen:
            if self._polls == 1:
                self._first_balance = self._balance
            self._write("waiting")

    @contextmanager
    def keeping(self) -> Iterator[None]:
        """Write how the wait ended, or that it goes on."""
        try:
            yield
            self._write("opened")
        except (AirflowSensorTimeout, AirflowSkipException) as error:
            self._write("timed_out", str(error.__cause__ or error))  # soft_fail wraps what it skips
            raise
        except IyzicoError as error:
            self._write("failed", f"{type(error).__name__}: {error}")
            raise
        except (TaskDeferred, AirflowRescheduleException):
            self._write("waiting")
            raise
        except BaseException as error:  # execution_timeout and exits are no Exceptions, and fail the task all the same
            self._write("failed", type(error).__name__)
            raise

    def _write(self, outcome: str, reason: str | None = None) -> None:
        if outcome == "waiting" and not self._polls:
            return
        progress = Progress(outcome, self._polls, self._balance, self._observed_at, reason)
        sensor = self._sensor
        try:
            settings = (sensor._hook or IyzicoHook(sensor.iyzico_conn_id)).settings
            need = Need.read(sensor.batch_total, sensor.headroom, sensor.currency)
            gate = Gate(
                task_instance(self._context),
                settings.account,
                settings.environment,
                need.currency,
                need.batch_total,
                need.headroom,
                self.waiting_since,
                self._waits_until(),
                self._first_balance,
            )
            with warehouse_engine(str(sensor.warehouse_conn_id)) as engine:
                _within_patience(lambda: record(engine, gate, progress, schema=sensor.warehouse_schema))
        except Exception:
            sensor.log.exception("THE RECORD OF THIS GATE COULD NOT BE WRITTEN: %s", progress)
            return
        self._is_unseen, self._polls = False, 0

    def _waits_until(self) -> datetime:
        """Return when the wait ends at the latest: a sensor on a worker looks at the clock only after a look."""
        sensor = self._sensor
        return self.waiting_since + timedelta(seconds=sensor.timeout + (0 if sensor.deferrable else sensor.poke_interval))

    def _read(self, resumed: dict[str, Any]) -> None:
        """Take over what the worker saw at first, and the trigger since then; what cannot be read is the sensor's to refuse."""
        event = resumed.get("event")
        try:
            if resumed.get("first_balance") is not None:
                self._first_balance = Decimal(resumed["first_balance"])
            if resumed.get("waiting_since") is not None:
                self.waiting_since = datetime.fromisoformat(resumed["waiting_since"])
            if isinstance(event, dict):
                self._polls = int(event.get("polls", 0))
                if "balance" in event:
                    self._balance, self._observed_at = Decimal(event["balance"]), datetime.fromisoformat(event["observed_at"])
        except (TypeError, ValueError, ArithmeticError, KeyError):
            self._polls = 0


def _rescheduled_at(context: Context) -> datetime | None:
    """Return since when this try waits by Airflow's own count, if it was rescheduled."""
    task: Any = context["ti"]
    if hasattr(task, "get_first_reschedule_date"):
        return cast("datetime | None", task.get_first_reschedule_date(context))
    from airflow.models.taskreschedule import TaskReschedule  # Airflow 2, where workers read Airflow's own database
    from airflow.utils.session import create_session

    with create_session() as session:
        first = session.scalar(TaskReschedule.stmt_for_task_instance(task).limit(1))
        return None if first is None else datetime.fromisoformat(first.start_date.isoformat())


def _within_patience(act: Callable[[], None]) -> None:
    """Act, but go on after a while: a warehouse that takes the call and never answers must keep no gate from opening.

    :raises TimeoutError: it is not done yet; it may still be, or end with the process
    """
    done: Future[None] = Future()

    def run() -> None:
        try:
            act()
            done.set_result(None)
        except Exception as error:  # noqa: BLE001 - it is raised below
            done.set_exception(error)

    Thread(target=run, name="iyzico-gate-record", daemon=True).start()
    done.result(PATIENCE_SECONDS)
