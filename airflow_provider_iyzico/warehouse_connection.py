"""From an Airflow Connection and context to what the warehouse needs. Imported only where a task writes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from airflow.providers.common.compat.sdk import (
    AirflowException,
    AirflowNotFoundException,
    AirflowOptionalProviderFeatureException,
    BaseHook,
)
from airflow.providers.common.sql.hooks.sql import DbApiHook
from sqlalchemy.exc import SQLAlchemyError

from airflow_provider_iyzico.errors import WarehouseConfigurationError, WarehouseError
from airflow_provider_iyzico.warehouse.snapshot import TaskInstance

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context
    from sqlalchemy.engine import Engine


@contextmanager
def warehouse_engine(conn_id: str) -> Iterator[Engine]:
    """Open the warehouse of a Connection.

    :raises WarehouseConfigurationError: there is no such Connection, or it is not SQL
    """
    try:
        hook = BaseHook.get_hook(conn_id)
    except AirflowNotFoundException:
        raise WarehouseConfigurationError(
            f"there is no Connection {conn_id!r} that can be read; add one to your warehouse, or name another in "
            "warehouse_conn_id"
        ) from None
    except AirflowException as error:
        raise WarehouseConfigurationError(
            f"Connection {conn_id!r}: {error}; if it is SQL, install the provider of its type, otherwise name a SQL "
            "connection in warehouse_conn_id"
        ) from None
    if not isinstance(hook, DbApiHook):
        raise WarehouseConfigurationError(
            f"Connection {conn_id!r} is of type {hook.conn_type!r}, which is not SQL; name a SQL connection in warehouse_conn_id"
        )
    try:
        engine = hook.get_sqlalchemy_engine()
    except (ImportError, NotImplementedError, SQLAlchemyError, AirflowOptionalProviderFeatureException) as error:
        raise WarehouseConfigurationError(
            f"Connection {conn_id!r} gives no SQLAlchemy engine ({type(error).__name__}); install its SQLAlchemy dialect"
        ) from error
    try:
        if engine.dialect.name == "sqlite" and engine.url.database in (None, "", ":memory:"):
            raise WarehouseConfigurationError("SQLite without a file forgets everything; name a database file as its host")
        yield engine
    except WarehouseError as error:
        error.args = (f"Connection {conn_id!r}: {error}",)
        raise
    finally:
        engine.dispose()


def task_instance(context: Context) -> TaskInstance:
    """Return who is at work, from Airflow's context."""
    task, run = context["ti"], context["dag_run"]
    return TaskInstance(
        dag_id=task.dag_id,
        task_id=task.task_id,
        run_id=task.run_id,
        map_index=-1 if task.map_index is None else task.map_index,
        try_number=task.try_number,
        logical_date=run.logical_date,
        data_interval_start=run.data_interval_start,
        data_interval_end=run.data_interval_end,
    )
