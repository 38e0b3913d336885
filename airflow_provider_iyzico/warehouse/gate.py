"""The record of a payout gate: one row per gate, from its first poll to its end."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import Table, and_, func, insert, or_, select, update
from sqlalchemy.engine import Engine
from sqlalchemy.exc import IntegrityError

from airflow_provider_iyzico import __version__
from airflow_provider_iyzico.warehouse.bounds import RECORD
from airflow_provider_iyzico.warehouse.database.by_hand import naming_rows_by_hand
from airflow_provider_iyzico.warehouse.database.engine import prepare
from airflow_provider_iyzico.warehouse.database.exact import exactly
from airflow_provider_iyzico.warehouse.database.patience import Watch
from airflow_provider_iyzico.warehouse.database.retry import persist
from airflow_provider_iyzico.warehouse.database.transaction import transaction
from airflow_provider_iyzico.warehouse.layouts import layout_of
from airflow_provider_iyzico.warehouse.tables import report_tables
from airflow_provider_iyzico.warehouse.task import TaskInstance

_NAMESPACE = UUID("2b0c7c62-3f0e-5a38-8c3e-6a4f3f0a9d21")
REASON_LENGTH = 500
#: The one outcome that is not an end.
WAITING = "waiting"


@dataclass(frozen=True, slots=True)
class Gate:
    """Which task waits for how much on which account, and how the wait began. Nothing here changes within a try of the task.

    :param waits_until: when the sensor's timeout ends the wait at the latest
    :param first_balance: the balance of the first poll, if it saw one and it is still known
    """

    task: TaskInstance
    account: str
    environment: str
    currency: str
    batch_total: Decimal
    headroom: Decimal
    waiting_since: datetime
    waits_until: datetime | None = None
    first_balance: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a wait has come: its polls, the newest balance, and its end if it has ended.

    :param outcome: ``waiting``, ``opened``, ``timed_out`` or ``failed``
    :param polls: the total number of polls since the wait began
    :param begins: whether this is the first write of a try: an older waiting row then belongs to a run that was deleted
    """

    outcome: str
    polls: int
    balance: Decimal | None = None
    observed_at: datetime | None = None
    reason: str | None = None
    begins: bool = False


@exactly
def record(engine: Engine, gate: Gate, progress: Progress, *, schema: str | None = None) -> None:
    """Write or update a gate's row. A missing table is made, with the view that reads it and nothing else.

    Each try of the task resets the row; late writes from earlier tries are ignored.

    :param schema: where the table is, if not in the connection's own schema
    :raises WarehouseError: the record could not be written
    """
    table, engine = report_tables(schema).gate, prepare(engine)
    with Watch(RECORD):
        persist(engine, layout_of(table), lambda: _record(engine, table, gate, progress))


@dataclass(frozen=True, slots=True)
class WaitingRow:
    """What the row of an unfinished wait says."""

    batch_total: Decimal
    headroom: Decimal
    polls: int


def waiting_row(
    engine: Engine, task: TaskInstance, environment: str, account: str, currency: str, *, schema: str | None = None
) -> WaitingRow | None:
    """Return the row of this try and wait, if there is one. A rescheduled task remembers nothing, so it reads the row.

    :raises WarehouseRowError: a row of the account cannot be read
    :raises WarehouseError: the row could not be read
    """
    table, engine = report_tables(schema).gate, prepare(engine)
    mine = and_(
        table.c.gate_id == gate_id(task, environment, account, currency),
        table.c.try_number == task.try_number,
        table.c.outcome == WAITING,
    )
    whose = {"environment": environment, "account": account, "currency": currency}

    def read() -> WaitingRow | None:
        with engine.connect() as connection, naming_rows_by_hand(connection, [table], whose), transaction(connection):
            query = select(table.c.batch_total, table.c.headroom, table.c.polls).where(mine)
            row = connection.execute(query).mappings().first()
            return None if row is None else WaitingRow(row["batch_total"], row["headroom"], int(row["polls"]))

    with Watch(RECORD):
        return persist(engine, layout_of(table), read)


def gate_id(task: TaskInstance, environment: str, account: str, currency: str) -> str:
    """Return the key of a gate. It stays the same in every try. As with snapshots, the account is part of it."""
    identity = [environment, account, currency, task.dag_id, task.task_id, task.run_id, task.map_index]
    return str(uuid5(_NAMESPACE, json.dumps(identity)))


def _record(engine: Engine, table: Table, gate: Gate, progress: Progress) -> None:
    try:
        _write(engine, table, gate, progress)
    except IntegrityError:  # another copy of this task was faster, so its row is there now; any other error comes again
        _write(engine, table, gate, progress)


def _write(engine: Engine, table: Table, gate: Gate, progress: Progress) -> None:
    """Begin the row, update it, or reset it: for a later try, or for a run that was deleted and made again."""
    key = gate_id(gate.task, gate.environment, gate.account, gate.currency)
    row, mine = table.c.gate_id == key, table.c.try_number == gate.task.try_number
    is_older = or_(table.c.try_number < gate.task.try_number, table.c.ended_at < gate.waiting_since)
    if progress.begins:
        is_older = or_(is_older, and_(table.c.outcome == WAITING, table.c.waiting_since < gate.waiting_since))
    goes_on = mine if progress.outcome != WAITING else and_(mine, table.c.outcome == WAITING)
    whole = _whole(gate, progress)
    reset = update(table).where(row, is_older).values(**whole)
    go_on = update(table).where(row, goes_on).values(**_changes(table, gate, progress))
    with engine.connect() as connection, transaction(connection):
        if connection.execute(reset).rowcount or connection.execute(go_on).rowcount:
            return
        if connection.execute(select(table.c.gate_id).where(row)).first() is None:
            connection.execute(insert(table).values(gate_id=key, **whole))


def _whole(gate: Gate, progress: Progress) -> dict[str, Any]:
    task = gate.task
    return {
        "account": gate.account,
        "environment": gate.environment,
        "currency": gate.currency,
        "dag_id": task.dag_id,
        "task_id": task.task_id,
        "run_id": task.run_id,
        "map_index": task.map_index,
        "try_number": task.try_number,
        "batch_total": gate.batch_total,
        "headroom": gate.headroom,
        "waiting_since": gate.waiting_since,
        "waits_until": gate.waits_until,
        "first_balance": gate.first_balance,
        "last_balance": progress.balance,
        "last_observed_at": progress.observed_at,
        "polls": progress.polls,
        "provider_version": __version__,
        **_end(progress),
    }


def _changes(table: Table, gate: Gate, progress: Progress) -> dict[str, Any]:
    return {
        "batch_total": gate.batch_total,
        "headroom": gate.headroom,
        "waits_until": gate.waits_until,
        "last_balance": func.coalesce(progress.balance, table.c.last_balance),
        "last_observed_at": func.coalesce(progress.observed_at, table.c.last_observed_at),
        "polls": progress.polls,
        **_end(progress),
    }


def _end(progress: Progress) -> dict[str, Any]:
    return {
        "outcome": progress.outcome,
        "reason": progress.reason and progress.reason[:REASON_LENGTH],
        "ended_at": None if progress.outcome == WAITING else datetime.now(UTC),
    }
