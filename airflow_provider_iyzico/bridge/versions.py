"""What differs between versions of Airflow, and the private names of Airflow that we use. No other module knows them."""

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
#: The method name with which Airflow resumes a task whose trigger failed.
TRIGGER_FAILED = "__fail__"
#: How Airflow says that a trigger did not fire in time, since 3.0 and before. Airflow 2 says the same when ``execution_timeout``
#: ends a deferred wait.
_TRIGGER_TIMEOUT, _TRIGGER_OR_EXECUTION_TIMEOUT = "Trigger timeout", "Trigger/execution timeout"


def thread_of_its_own() -> AbstractAsyncContextManager[object]:
    """Fetch Connections in separate threads, so that a secrets backend that hangs for one of them blocks no other.

    Airflow itself uses one thread for all. Before 3.2 it stays so: two threads that speak to the supervisor at the same time get
    each other's answers.
    """
    return ThreadSensitiveContext() if AIRFLOW_VERSION >= (3, 2) else nullcontext()


def object_storage_path(path: str) -> Any:
    """Return a path that Airflow's object storage reads."""
    try:
        from airflow.sdk import ObjectStoragePath
    except ImportError:  # Airflow 2
        from airflow.io.path import ObjectStoragePath  # type: ignore[no-redef]
    return ObjectStoragePath(path)


def read_connections_by_hand() -> None:
    """Let a command read the Connections in Airflow's own database, as the scheduler does."""
    os.environ.setdefault("_AIRFLOW_PROCESS_CONTEXT", "server")


def is_mapped(operator: BaseOperator) -> bool:
    """Tell whether a worker made this operator from a mapped one, after the DAG file was parsed."""
    return bool(getattr(operator, "_BaseOperator__from_mapped", False))


def is_mapped_with(operator: BaseOperator, name: str) -> bool:
    """Tell whether a mapped operator was given a parameter, be it the ``None`` of a task that returned nothing."""
    return is_mapped(operator) and name in getattr(operator, "_BaseOperator__init_kwargs", {})


def triggering_user(context: Context) -> str | None:
    """Return the name of the user who triggered the run, if Airflow tells; before 3.1 it does not."""
    return getattr(context["dag_run"], "triggering_user_name", None)


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
    """Return the store of each watched asset. Airflow's collection of stores works by itself only if it has a single one."""
    if given is None:
        return []
    every = [store for kind in ("_by_name", "_by_uri") for store in getattr(given, kind, {}).values()]
    return every or [given]


def rescheduled_at(context: Context) -> datetime | None:
    """Return when this try began to wait, as Airflow counts, if it was rescheduled."""
    task: Any = context["ti"]
    if hasattr(task, "get_first_reschedule_date"):
        return cast("datetime | None", task.get_first_reschedule_date(context))
    from airflow.models.taskreschedule import TaskReschedule  # in Airflow 2, workers read Airflow's own database
    from airflow.utils.session import create_session

    with create_session() as session:
        first = session.scalar(TaskReschedule.stmt_for_task_instance(task).limit(1))
        return None if first is None else datetime.fromisoformat(first.start_date.isoformat())
