"""What differs between versions of Airflow, and the private names that we need: they stand here and nowhere else."""

from __future__ import annotations

import os
from contextlib import AbstractAsyncContextManager, nullcontext
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from airflow import __version__
from asgiref.sync import ThreadSensitiveContext

try:
    from airflow.sdk.exceptions import AirflowRescheduleException as AirflowRescheduleException
except ImportError:  # before Airflow 3.2
    from airflow.exceptions import AirflowRescheduleException as AirflowRescheduleException

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import BaseOperator, Context

AIRFLOW_VERSION = tuple(map(int, __version__.split(".")[:2]))
#: The method that Airflow resumes a task with where its trigger failed.
TRIGGER_FAILED = "__fail__"
#: Airflow's words for a trigger that did not fire in time, since 3.0 and before; in Airflow 2 ``execution_timeout`` also ends a
#: deferred wait, and the words are the same.
_TRIGGER_TIMEOUT, _TRIGGER_OR_EXECUTION_TIMEOUT = "Trigger timeout", "Trigger/execution timeout"


def thread_of_its_own() -> AbstractAsyncContextManager[object]:
    """Let a secrets backend that hangs for one Connection hinder no other: Airflow asks all of them in one thread.

    Before 3.2 two threads that speak to the supervisor at once take each other's answers, so there it stays one thread.
    """
    return ThreadSensitiveContext() if AIRFLOW_VERSION >= (3, 2) else nullcontext()


def read_connections_by_hand() -> None:
    """Let a command find the Connections in Airflow's own database, as its scheduler does."""
    os.environ.setdefault("_AIRFLOW_PROCESS_CONTEXT", "server")


def is_mapped(operator: BaseOperator) -> bool:
    """Tell whether a worker makes this operator out of a mapped one, long after its DAG file was parsed."""
    return bool(getattr(operator, "_BaseOperator__from_mapped", False))


def started_at(context: Context) -> datetime | None:
    """Return when Airflow started this try, if it tells."""
    return getattr(context.get("ti"), "start_date", None)


def is_end_of_deferral(
    error: object, execution_timeout: timedelta | None, timeout_seconds: float, started_at: datetime | None
) -> bool:
    """Tell whether Airflow ended a deferred wait because the sensor's ``timeout`` was over.

    :param error: the text that Airflow resumes the task with
    """
    if error != _TRIGGER_OR_EXECUTION_TIMEOUT or execution_timeout is None:
        return error in (_TRIGGER_TIMEOUT, _TRIGGER_OR_EXECUTION_TIMEOUT)
    return started_at is not None and datetime.now(UTC) - started_at >= timedelta(seconds=timeout_seconds)


def asset_state_stores(given: Any) -> list[Any]:
    """Return the store of each watched asset; Airflow's collection of them speaks for itself only where there is one."""
    if given is None:
        return []
    every = [store for kind in ("_by_name", "_by_uri") for store in getattr(given, kind, {}).values()]
    return every or [given]


def rescheduled_at(context: Context) -> datetime | None:
    """Return since when this try waits by Airflow's own count, if it was rescheduled."""
    task: Any = context["ti"]
    if hasattr(task, "get_first_reschedule_date"):
        return cast("datetime | None", task.get_first_reschedule_date(context))
    from airflow.models.taskreschedule import TaskReschedule  # Airflow 2, where workers read Airflow's own database
    from airflow.utils.session import create_session

    with create_session() as session:
        first = session.scalar(TaskReschedule.stmt_for_task_instance(task).limit(1))
        return None if first is None else datetime.fromisoformat(first.start_date.isoformat())
