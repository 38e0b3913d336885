"""One row of ``iyzico_balance_snapshot``."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

from airflow_provider_iyzico import __version__
from airflow_provider_iyzico.warehouse.local_day import local_date
from airflow_provider_iyzico.warehouse.task import TaskInstance

_NAMESPACE = UUID("6f1f5f0e-6d3e-5c0b-9d55-1f0a3c1f7f11")


@dataclass(frozen=True, slots=True)
class Observation:
    """What was seen: the balance of one account at one moment.

    :param observed_at: our UTC clock when the answer arrived, and the only time axis of reports
    :param system_time: iyzico's clock
    """

    account: str
    environment: str
    currency: str
    balance: Decimal
    balance_raw: str
    observed_at: datetime
    system_time: datetime | None
    latency_ms: int
    report_timezone: str


def snapshot_row(seen: Observation, task: TaskInstance) -> dict[str, Any]:
    """Return a value for every column of the snapshot table."""
    return {
        "snapshot_id": snapshot_id(seen, task),
        **_fields(seen),
        "local_date": local_date(seen.observed_at, seen.report_timezone),
        **_fields(task),
        "provider_version": __version__,
        "inserted_at": datetime.now(UTC),
    }


def snapshot_id(seen: Observation, task: TaskInstance) -> str:
    """Return the key of a task instance's one snapshot of a balance. It stays the same in every try.

    Environment and currency are part of it, because two Airflows that write into one warehouse may have the same runs and labels.
    """
    balance = [seen.environment, seen.account, seen.currency]
    identity = [*balance, task.dag_id, task.task_id, task.run_id, task.map_index]
    return str(uuid5(_NAMESPACE, json.dumps(identity)))


def _fields(value: Observation | TaskInstance) -> dict[str, Any]:
    return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}


def _plain(value: Any) -> Any:
    """Return a plain UTC ``datetime``, because drivers may not know subclasses of it."""
    if isinstance(value, datetime):
        moment = value.astimezone(UTC)
        return datetime.combine(moment.date(), moment.time(), UTC)
    return value
