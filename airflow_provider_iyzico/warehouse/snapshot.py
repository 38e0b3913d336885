"""One row of ``iyzico_balance_snapshot``."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from airflow_provider_iyzico import __version__

_NAMESPACE = UUID("6f1f5f0e-6d3e-5c0b-9d55-1f0a3c1f7f11")


@dataclass(frozen=True, slots=True)
class TaskInstance:
    """Who looks: one task instance, across its tries."""

    dag_id: str
    task_id: str
    run_id: str
    map_index: int
    try_number: int
    logical_date: datetime | None
    data_interval_start: datetime | None
    data_interval_end: datetime | None


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
    """Return the key of a task instance's one snapshot of a balance; it does not change from try to try.

    Environment and currency are part of it, because two Airflows that write into one warehouse may have the same runs and labels.
    """
    balance = [seen.environment, seen.account, seen.currency]
    identity = [*balance, task.dag_id, task.task_id, task.run_id, task.map_index]
    return str(uuid5(_NAMESPACE, json.dumps(identity)))


def local_date(moment: datetime, zone: str) -> date:
    """Return the day that ``moment`` belongs to in ``zone``."""
    return moment.astimezone(time_zone(zone)).date()


def time_zone(name: str) -> ZoneInfo:
    """Return the IANA time zone of that name.

    :raises ValueError: this machine knows none
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, TypeError, OSError) as error:  # such as a folder of zones
        raise ValueError(f"there is no time zone {name!r} on this machine") from error


def _fields(value: Observation | TaskInstance) -> dict[str, Any]:
    return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}


def _plain(value: Any) -> Any:
    """Return a plain UTC ``datetime`` for every subclass of it, which drivers may not know."""
    if isinstance(value, datetime):
        moment = value.astimezone(UTC)
        return datetime.combine(moment.date(), moment.time(), UTC)
    return value
