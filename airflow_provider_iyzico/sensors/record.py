"""The record that a gate keeps of itself, written by the worker and never by the trigger."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowSensorTimeout, AirflowSkipException, TaskDeferred
from tenacity import Retrying, retry_if_exception, stop_after_attempt, stop_before_delay, wait_random_exponential

from airflow_provider_iyzico.api.money import money_text
from airflow_provider_iyzico.bridge.versions import AirflowRescheduleException
from airflow_provider_iyzico.bridge.warehouse import task_instance, warehouse_engine
from airflow_provider_iyzico.domain.event import GateEvent
from airflow_provider_iyzico.domain.gate import Need, Outcome, Verdict
from airflow_provider_iyzico.errors import GateEventError, IyzicoConfigurationError, IyzicoError, is_safe_to_repeat
from airflow_provider_iyzico.warehouse.gate import Gate, Progress, record, waiting_row

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_iyzico.warehouse.task import TaskInstance

#: Seconds for the end of a record: longer than the database waits for a lock, so that its error still arrives.
PATIENCE_SECONDS = 25
#: Seconds for a record while the wait goes on. The end writes everything again, so a failure here costs little.
WAITING_PATIENCE_SECONDS = 10
#: Seconds for a record after an ``execution_timeout`` or while the process exits.
SHORT_PATIENCE_SECONDS = 5
#: Seconds until a failed first record is tried again. A warehouse that hangs would otherwise slow down every poll.
PAUSE_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Wait:
    """What a record says about a gate's wait.

    :param iyzico_conn_id: whose balance it waits for, in this ``currency``
    :param conn_id: the warehouse's Connection
    :param since: when this try began to wait
    :param need: what is required; ``None`` if the templates no longer say it
    :param begins: whether this process is the first one of the wait
    """

    task: TaskInstance
    iyzico_conn_id: str
    conn_id: str
    schema: str | None
    since: datetime
    timeout: timedelta
    currency: str
    need: Need | None
    begins: bool


class GateRecord:
    """One gate's row in ``iyzico_payout_gate``: begun at the first poll of a try, and ended with the task.

    :param resumed: what a deferred task is resumed with
    :param whose: tells environment and account of the gate, as its Connection says them now
    """

    def __init__(self, wait: Wait, resumed: dict[str, Any], whose: Callable[[], tuple[str, str]], log: Any) -> None:
        self._wait = wait
        self._whose = whose
        self.log = log
        self._since = wait.since
        self._need = wait.need
        self._is_unseen = wait.begins
        #: Whether the warehouse's Connection was read before: then a missing one may come back.
        self._was_there = not wait.begins
        #: The polls of earlier processes; ``None`` until they are read from the row.
        self._earlier_polls: int | None = 0 if wait.begins else None
        self._own_polls = 0
        self._written_polls = 0
        self._pauses_until = 0.0
        self._newest = 0
        self._writing = Lock()
        #: Environment and account, kept from the start: an account's label may change while its gate waits.
        self._account: tuple[str, str] | None = None
        self._first_balance: Decimal | None = None
        self._balance: Decimal | None = None
        self._observed_at: datetime | None = None
        self._read(resumed)

    def carried(self) -> dict[str, Any]:
        """Return what a deferral carries for the record of the process that goes on."""
        known = self._earlier_polls is not None
        return {
            "first_balance": None if self._first_balance is None else money_text(self._first_balance),
            "waiting_since": self._since.isoformat(),
            "polls": (self._earlier_polls or 0) + self._own_polls if known else None,
            "account": list(self._account) if self._account else None,
            "balance_of": [self._wait.iyzico_conn_id, self._wait.currency],
            "warehouse_was_there": self._was_there,
            "amounts": [money_text(self._need.batch_total), money_text(self._need.headroom)] if self._need else None,
        }

    def count_poll(self) -> None:
        """Count a poll that begins, whether or not it gets an answer."""
        self._own_polls += 1

    def keep_poll(self, verdict: Verdict) -> None:
        """Keep what a poll saw. The first one is written at once if the wait goes on, so that finance sees the waiting gate."""
        if verdict.balance is not None:
            self._balance, self._observed_at = verdict.balance.amount, verdict.balance.observed_at
            if self._account is None:
                self._account = self._whose()
        if not self._is_unseen or not self._own_polls:
            return
        if self._own_polls == 1:
            self._first_balance = self._balance
        if not verdict.is_open and time.monotonic() >= self._pauses_until:  # an open gate writes only its end
            self._write(Outcome.WAITING, attempts=1, seconds=WAITING_PATIENCE_SECONDS)
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
        except TaskDeferred:
            if not self._is_unseen:  # a first record that has just failed would take more of the wait
                self._write(Outcome.WAITING, attempts=1, seconds=WAITING_PATIENCE_SECONDS)
            raise
        except AirflowRescheduleException:  # it carries nothing to the next process
            self._write(Outcome.WAITING)
            raise
        except BaseException as error:  # execution_timeout and exits fail the task, but are no subclasses of Exception
            self._write(Outcome.FAILED, type(error).__name__, seconds=SHORT_PATIENCE_SECONDS)
            raise

    def _write(
        self, outcome: Outcome, reason: str | None = None, *, attempts: int | None = None, seconds: float | None = None
    ) -> None:
        if outcome is Outcome.WAITING and self._own_polls == self._written_polls:
            return
        self._newest = number = self._newest + 1

        def act() -> None:
            with self._writing:  # an earlier write that was given up may still run
                if number == self._newest:  # a later write says more
                    self._write_row(outcome, reason)

        try:
            _within_patience(act, attempts, PATIENCE_SECONDS if seconds is None else seconds)
        except Exception:
            self.log.exception("THE RECORD OF THIS GATE COULD NOT BE WRITTEN: %s, %s polls", outcome, self._own_polls)
            return
        self._is_unseen, self._written_polls = False, self._own_polls

    def _write_row(self, outcome: Outcome, reason: str | None) -> None:
        """Write the total number of polls, not the increase, so that a repeated write adds nothing."""
        wait = self._wait
        with warehouse_engine(wait.conn_id, was_there=self._was_there) as engine:
            self._was_there = True
            environment, account = self._account = self._account or self._whose()
            if self._earlier_polls is None:
                row = waiting_row(engine, wait.task, environment, account, wait.currency, schema=wait.schema)
                if row is not None and self._need is None:
                    self._need = Need(row.batch_total, row.headroom, wait.currency)
                self._earlier_polls = row.polls if row else 0
            if self._need is None:
                raise IyzicoConfigurationError(
                    "the record cannot say what the batch needs: batch_total or headroom cannot be read"
                )
            gate = Gate(
                wait.task,
                account,
                environment,
                wait.currency,
                self._need.batch_total,
                self._need.headroom,
                self._since,
                self._since + wait.timeout,
                self._first_balance,
            )
            polls = self._earlier_polls + self._own_polls
            progress = Progress(outcome.value, polls, self._balance, self._observed_at, reason, begins=self._is_unseen)
            record(engine, gate, progress, schema=wait.schema)

    def _read(self, resumed: dict[str, Any]) -> None:
        """Take over what earlier workers and the trigger saw. The sensor refuses what cannot be read."""
        wait = self._wait
        if resumed.get("balance_of") not in (None, [wait.iyzico_conn_id, wait.currency]):
            return  # the DAG now names another Connection, so this is another wait
        self._was_there = resumed.get("warehouse_was_there", self._was_there) is True
        with suppress(TypeError, ValueError, ArithmeticError):
            if resumed.get("first_balance") is not None:
                self._first_balance = Decimal(resumed["first_balance"])
            if resumed.get("waiting_since") is not None:
                self._since = datetime.fromisoformat(resumed["waiting_since"])
            if resumed.get("polls") is not None:
                self._earlier_polls = max(int(resumed["polls"]), 0)
            if resumed.get("account") is not None:
                environment, account = resumed["account"]
                self._account = str(environment), str(account)
            if resumed.get("amounts") is not None and self._need is None:
                batch_total, headroom = map(Decimal, resumed["amounts"])
                self._need = Need(batch_total, headroom, wait.currency)
        with suppress(GateEventError):
            event = GateEvent.read(resumed.get("event"))
            self._own_polls, self._balance, self._observed_at = event.polls or 0, event.balance, event.observed_at


def new_record(
    context: Context,
    since: datetime | None,
    resumed: dict[str, Any] | None,
    *,
    iyzico_conn_id: str,
    conn_id: str,
    schema: str | None,
    timeout: timedelta,
    currency: str,
    need: Need | None,
    whose: Callable[[], tuple[str, str]],
    log: Any,
) -> GateRecord | None:
    """Return a gate's record, or ``None`` if it cannot be made: the gate does its work without one, too.

    :param since: when this try began to wait, as Airflow counts, if it was rescheduled
    :param resumed: what a deferred task is resumed with
    """
    try:
        # A deferral carries the start itself, because not every version of Airflow keeps it. A rescheduled task counts from the
        # end of its first poll (in Airflow 2 from its start). Only dag.test() of Airflow 2 knows neither.
        began_at = since or context["ti"].start_date or datetime.now(UTC)
        begins = since is None and resumed is None
        wait = Wait(task_instance(context), iyzico_conn_id, conn_id, schema, began_at, timeout, currency, need, begins)
        return GateRecord(wait, resumed or {}, whose, log)
    except Exception:
        log.exception("THIS GATE KEEPS NO RECORD")
        return None


def _within_patience(act: Callable[[], None], attempts: int | None, seconds: float) -> None:
    """Act, and try again while the warehouse is away, but only for a while: a record must not keep a gate from opening.

    :param attempts: how often to try, at most
    :raises TimeoutError: it was not done in time; it may still happen until the process ends
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
