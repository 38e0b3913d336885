"""Events: what happened to a batch and its items, when, and by whom. Rows are only added; nothing changes or deletes one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import uuid4

from sqlalchemy import insert, select
from sqlalchemy.engine import Connection

from airflow_provider_iyzico import __version__
from airflow_provider_iyzico.errors import WarehouseExactnessError
from airflow_provider_iyzico.ledger.ledger import Ledger
from airflow_provider_iyzico.ledger.tables import PERSON_LENGTH, REASON_LENGTH
from airflow_provider_iyzico.ledger.who import Who
from airflow_provider_iyzico.warehouse.database.rows import add_many

#: Environment, account and ``external_id`` of a batch.
Key = Mapping[str, str]


class EventKind(StrEnum):
    """What an event tells."""

    #: The batch came into the ledger.
    REGISTERED = "registered"
    #: iyzico had refused it, or not heard of it, and its content was corrected.
    CORRECTED = "corrected"
    #: The author said what an item costs at least.
    BOUND = "commission bound"
    #: The batch went from one state to another.
    STATE = "state"
    #: A read of iyzico told something new about the batch.
    READ = "read"
    #: An item went from one status to another.
    ITEM = "item"
    #: A task said that the batch pays nobody, because iyzico would not pay some items, and asked iyzico to cancel it.
    GIVEN_UP = "given up"
    #: A task goes on with the batch all the same, or with items that were invalid and no longer are.
    TAKEN_UP = "taken up"
    #: A person permitted to authorize the batch once more.
    PERMIT = "permit"
    #: A person gave back what was set aside for the batch.
    RELEASED = "hold released"
    #: A person approved the batch as they saw it, until a moment.
    APPROVED = "approved"
    #: A person rejected the batch as they saw it.
    REJECTED = "rejected"


def event_row(
    key: Key,
    version: int,
    kind: EventKind,
    who: Who,
    happened_at: datetime,
    *,
    event_id: str | None = None,
    counts_until: datetime | None = None,
    **more: str | None,
) -> dict[str, Any]:
    """Return a row.

    :param version: of the batch after this
    :param counts_until: of an approval
    :param more: ``item_external_id``, ``before``, ``after``, ``reason`` and ``approval_digest``, without personal data
    """
    reason = more.pop("reason", None)
    return {
        "event_id": event_id or str(uuid4()),
        **key,
        "version": version,
        "kind": kind.value,
        "item_external_id": None,
        "before": None,
        "after": None,
        "approval_digest": None,
        **more,
        "reason": reason and reason[:REASON_LENGTH],
        "counts_until": counts_until,
        **who.columns(),
        "person_id": who.person_id and who.person_id[:PERSON_LENGTH],
        "triggered_by": who.triggered_by and who.triggered_by[:PERSON_LENGTH],
        "happened_at": happened_at,
        "provider_version": __version__,
    }


def add_events(ledger: Ledger, connection: Connection, rows: list[dict[str, Any]]) -> None:
    """Add the events of one change of a batch.

    :raises WarehouseExactnessError: the database does not keep them as they are given
    """
    event, first = ledger.tables.event, rows[0]
    add_many(connection, insert(event), rows)
    names = ("event_id", "kind", "before", "after")
    of_change = [event.c[name] == first[name] for name in ("environment", "account", "external_id", "version")]
    kinds = event.c.kind.in_({row["kind"] for row in rows})
    kept = set(map(tuple, connection.execute(select(*[event.c[name] for name in names]).where(*of_change, kinds))))
    if not {tuple(row[name] for name in names) for row in rows} <= kept:
        raise WarehouseExactnessError(
            f"table {event.fullname!r} took {len(rows)} rows, and does not hold them as they were given; no trigger may change "
            "or swallow them, because a payout is authorized by what they say"
        )


def is_there(ledger: Ledger, connection: Connection, event_id: str) -> bool:
    event = ledger.tables.event
    return connection.execute(select(event.c.event_id).where(event.c.event_id == event_id)).first() is not None


def last_version(ledger: Ledger, connection: Connection, key: Key, kind: EventKind, after: str | None = None) -> int:
    """Return the version of the last event of a kind; zero if there is none."""
    event = ledger.tables.event
    query = select(event.c.version).where(*[event.c[name] == value for name, value in key.items()], event.c.kind == kind.value)
    if after is not None:
        query = query.where(event.c.after == after)
    found = connection.execute(query.order_by(event.c.version.desc()).limit(1)).scalar()
    return 0 if found is None else int(found)
