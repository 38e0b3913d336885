"""A batch as the ledger has it, and the one way to change it: in turn, under the lock of its account, with an event.

Who changes a batch says which version it saw. Of two that saw the same version, one goes on, and the other is told to read it
and to follow.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

from sqlalchemy import and_, select, update
from sqlalchemy.engine import Connection, RowMapping

from airflow_provider_iyzico.domain.payout import State
from airflow_provider_iyzico.errors import LedgerBatchError, LedgerMovedError
from airflow_provider_iyzico.ledger.accounts import Account, locked
from airflow_provider_iyzico.ledger.events import EventKind, Key, add_events, event_row, is_there
from airflow_provider_iyzico.ledger.ledger import Ledger
from airflow_provider_iyzico.ledger.who import Who
from airflow_provider_iyzico.warehouse.database.rows import as_given, read


@dataclass(frozen=True, slots=True)
class LedgerBatch:
    """A batch as it was when it was read. The columns of ``iyzico_payout`` say what each field means.

    :param version: what the next change must find
    :param seen_at: when it was read, by the database's clock
    """

    account: Account
    external_id: str
    state: State
    version: int
    purpose: str | None
    content_digest: str
    payments_digest: str
    request_id: str | None
    items: int
    total: Decimal
    invalid_items: int
    commission: Decimal | None
    commission_bound: Decimal | None
    required: Decimal | None
    deadline_at: datetime | None
    auth_unanswered_at: datetime | None
    iyzico_status: str | None
    read_at: datetime | None
    dag_id: str
    task_id: str
    run_id: str
    map_index: int
    try_number: int
    created_at: datetime
    changed_at: datetime
    ended_at: datetime | None
    seen_at: datetime

    @property
    def key(self) -> dict[str, str]:
        return {"environment": self.account.environment, "account": self.account.account, "external_id": self.external_id}

    def is_overdue(self, grace_seconds: float) -> bool:
        """Tell whether the request under way is unknown to everybody but its sender: its deadline and the grace are over."""
        return self.deadline_at is not None and self.seen_at >= self.deadline_at + timedelta(seconds=grace_seconds)

    def __str__(self) -> str:
        return f"batch {self.external_id!r} of {self.account}"


_OF_THE_ROW = [field.name for field in fields(LedgerBatch) if field.name not in ("account", "state", "seen_at")]


def batch_of(row: RowMapping, seen_at: datetime) -> LedgerBatch:
    account = Account(row["environment"], row["account"], row["currency"])
    return LedgerBatch(account, state=State(row["state"]), seen_at=seen_at, **{name: row[name] for name in _OF_THE_ROW})


def find(ledger: Ledger, account: Account, external_id: str) -> LedgerBatch | None:
    """Return the batch of that name, in whatever currency, if the ledger has it."""
    key = {"environment": account.environment, "account": account.account, "external_id": external_id}
    return ledger.act(lambda connection: read_batch(ledger, connection, key))


def read_batch(ledger: Ledger, connection: Connection, key: Key) -> LedgerBatch | None:
    """Return the batch with that key as it is now, if there is one."""
    table = ledger.tables.payout
    row = connection.execute(select(table).where(is_batch(table, key))).mappings().first()
    return None if row is None else batch_of(row, ledger.clock(connection))


def require_currency(batch: LedgerBatch, account: Account) -> None:
    """Refuse a batch of a name in another currency: its money is on another balance.

    :raises LedgerBatchError: it is in another one
    """
    if batch.account != account:
        raise LedgerBatchError(f"{batch} is not in {account.currency}; use the Connection of the run that began it")


def is_batch(table: Any, key: Key) -> Any:
    """Return the condition that a row belongs to that batch."""
    return and_(*[table.c[name] == value for name, value in key.items()])


def same_batch(table: Any, payout: Any) -> list[Any]:
    """Return the conditions that a row belongs to the batch of a row of ``iyzico_payout``."""
    return [table.c[name] == payout.c[name] for name in ("environment", "account", "external_id")]


@dataclass(frozen=True, slots=True)
class Turn:
    """One change of one batch, in a transaction that has locked its account.

    :param batch: as it is
    :param funds: the row of its account
    :param now: by the database's clock
    :param event_id: of the event that this change leaves
    """

    ledger: Ledger
    connection: Connection
    batch: LedgerBatch
    funds: RowMapping
    who: Who
    now: datetime
    event_id: str

    def advance(
        self,
        kind: EventKind,
        values: dict[str, Any],
        *,
        state: State | None = None,
        more: Any = (),
        counts_until: datetime | None = None,
        **told: str | None,
    ) -> LedgerBatch:
        """Write the change and its event, and return the batch as it is then.

        :param values: columns of the batch
        :param more: rows of further events
        :param counts_until: of an approval
        :param told: ``reason``, ``approval_digest``, and ``before`` and ``after`` where the event is not about the state
        :raises LedgerMovedError: the batch has another version by now
        """
        batch, table = self.batch, self.ledger.tables.payout
        after = state or batch.state
        written = {**values, "state": after.value, "version": batch.version + 1, "changed_at": self.now}
        seen = (table.c.version == batch.version, table.c.state == batch.state.value)
        if self.connection.execute(update(table).where(is_batch(table, batch.key), *seen).values(written)).rowcount != 1:
            raise moved(batch)
        if kind is EventKind.STATE:
            told = {"before": batch.state.value, "after": after.value, **told}
        told |= {"event_id": self.event_id}
        event = event_row(batch.key, batch.version + 1, kind, self.who, self.now, counts_until=counts_until, **told)
        add_events(self.ledger, self.connection, [event, *more])
        given = {**batch.key, **written}
        as_given(self.connection, table, given, read(self.connection, table, given))
        return replace(batch, **{**written, "state": after}, seen_at=self.now)


def take_turn(ledger: Ledger, batch: LedgerBatch, who: Who, act: Callable[[Turn], LedgerBatch]) -> LedgerBatch:
    """Change a batch in one transaction, under the lock of its account, if it is still as it was seen.

    Where the acknowledgement of a commit was lost, the change finds its own event and is not made twice.

    :raises LedgerMovedError: somebody else changed it; nothing was written
    """
    event_id = str(uuid4())

    def run(connection: Connection) -> LedgerBatch:
        funds = locked(ledger, connection, batch.account)
        kept = read_batch(ledger, connection, batch.key)
        if kept is None:
            raise LedgerBatchError(f"the ledger no longer has {batch}; was it restored from an older copy?")
        if (kept.version, kept.state) == (batch.version, batch.state):
            return act(Turn(ledger, connection, kept, funds, who, kept.seen_at, event_id))
        if kept.version == batch.version + 1 and is_there(ledger, connection, event_id):
            return kept
        raise moved(batch)

    return ledger.act(run)


def moved(batch: LedgerBatch) -> LedgerMovedError:
    return LedgerMovedError(
        f"somebody else changed {batch} after it was read ({batch.state}, version {batch.version}); a retry reads it again"
    )
