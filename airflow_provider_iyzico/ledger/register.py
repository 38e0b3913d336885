"""A batch comes into the ledger, before iyzico hears of it; or it is found there, and is the same."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

from sqlalchemy import delete, insert, update
from sqlalchemy.engine import Connection

from airflow_provider_iyzico import __version__
from airflow_provider_iyzico.api.payout.batch import Batch
from airflow_provider_iyzico.domain.items import totals_of
from airflow_provider_iyzico.domain.payout import PAST_THE_GATE, State
from airflow_provider_iyzico.domain.progress import is_under_way
from airflow_provider_iyzico.errors import LedgerBatchError, LedgerError, LedgerHoldError
from airflow_provider_iyzico.ledger.accounts import Account, locked
from airflow_provider_iyzico.ledger.batches import (
    LedgerBatch,
    Turn,
    is_batch,
    read_batch,
    require_currency,
)
from airflow_provider_iyzico.ledger.digest import Digests, digests_of, older_digests_of
from airflow_provider_iyzico.ledger.events import EventKind, add_events, event_row
from airflow_provider_iyzico.ledger.holds import expire, own_hold
from airflow_provider_iyzico.ledger.items import add_items, read_states
from airflow_provider_iyzico.ledger.ledger import Ledger
from airflow_provider_iyzico.ledger.twins import refuse_renamed, refuse_twin
from airflow_provider_iyzico.ledger.who import Who
from airflow_provider_iyzico.warehouse.database.rows import as_given, read

#: In these, what an item costs at least may still be said: no hold counts on it.
_NOT_SENT = frozenset({State.NEW, State.REFUSED, State.INIT_UNKNOWN, State.INITIATED})
#: In these, iyzico has nothing of it, and no request is under way: its content may still be replaced.
_NOT_HANDED_OVER = frozenset({State.NEW, State.REFUSED})


def register(ledger: Ledger, account: Account, batch: Batch, who: Who, *, commission_bound: Decimal | None = None) -> LedgerBatch:
    """Put a batch into the ledger, or find it there.

    :param who: a task: the one that begins the batch
    :param commission_bound: what one item costs at least
    :raises LedgerBatchError: the ledger has other content under that name; or the same payments, which may still be paid, under
        another; or it was cancelled, or ended in another run
    """
    if batch.currency != account.currency:
        raise LedgerBatchError(f"batch {batch.external_id!r} is in {batch.currency}, but {account} pays in {account.currency}")
    if who.task is None:
        raise LedgerError("only a task begins a batch")
    return ledger.act(lambda connection: _register(ledger, connection, account, batch, who, commission_bound))


def _register(
    ledger: Ledger, connection: Connection, account: Account, batch: Batch, who: Who, bound: Decimal | None
) -> LedgerBatch:
    funds = locked(ledger, connection, account)
    digests = digests_of(batch, funds["digest_key"])
    older = digests
    older_items: dict[str, str] = {}
    if not all(item.item_external_id.isascii() for item in batch.items):
        older = older_digests_of(batch, funds["digest_key"])
        older_items = {name: digest for name, digest in older.of_items.items() if name not in digests.of_items}
        _note_same_payments(ledger, connection, account, digests, older)
    key = {"environment": account.environment, "account": account.account, "external_id": batch.external_id}
    twin = (ledger, connection, account, batch.external_id, digests.payments)
    kept = read_batch(ledger, connection, key)
    if kept is None:
        now = ledger.clock(connection)
        added = _add(ledger, connection, account, batch, digests, who, bound, now)  # if it is refused, nothing of it is kept
        refuse_twin(*twin, now=now, older=older_items)
        refuse_renamed(*twin, who, older=older_items)
        _refuse_plain_hold(ledger, connection, account, batch.external_id, who, now)
        return added
    require_currency(kept, account)
    turn = Turn(ledger, connection, kept, funds, who, kept.seen_at, str(uuid4()))
    is_older = kept.content_digest == older.content
    is_same = kept.content_digest == digests.content or (is_older and kept.state not in _NOT_HANDED_OVER)
    if not is_same:
        if not is_older:
            _refuse_other_content(kept)
        corrected = _correct(turn, batch, digests, bound)
        refuse_twin(*twin, now=turn.now, since=kept.created_at, older=older_items)
        return corrected
    _refuse_over(turn, who)
    if kept.state not in PAST_THE_GATE:
        refuse_twin(*twin, now=turn.now, since=kept.created_at, older=older_items)
    return _bound(turn, bound)


def _note_same_payments(ledger: Ledger, connection: Connection, account: Account, digests: Digests, older: Digests) -> None:
    """Let every batch that an earlier version kept of the same payments be known as that, from now on."""
    table = ledger.tables.payout
    of = table.c.environment == account.environment, table.c.account == account.account
    same = update(table).where(*of, table.c.payments_digest == older.payments)
    connection.execute(same.values(payments_digest=digests.payments))


def _refuse_other_content(kept: LedgerBatch) -> None:
    if kept.state is not State.REFUSED:
        raise LedgerBatchError(
            f"the ledger has {kept} with other payments or another purpose, and it is {kept.state}. One external_id "
            "is one batch for good: use another external_id for these payments, or give the batch as it was"
        )


def _refuse_plain_hold(
    ledger: Ledger, connection: Connection, account: Account, external_id: str, who: Who, now: datetime
) -> None:
    expire(ledger, connection, account, now, who)
    if own_hold(ledger, connection, account, external_id) is not None:
        raise LedgerHoldError(
            f"{external_id!r} has a hold for a payout that other code makes; release it, or use another external_id"
        )


def _refuse_over(turn: Turn, who: Who) -> None:
    """Refuse a batch of which nothing will be paid any more, where this run would take it for its own."""
    kept, task = turn.batch, who.task
    if kept.state is State.CANCELLED:
        raise LedgerBatchError(f"{kept} was cancelled at {kept.changed_at:%Y-%m-%d %H:%M} UTC; use another external_id")
    if task is None or (task.dag_id, task.run_id) == (kept.dag_id, kept.run_id):
        return
    if kept.ended_at is not None:
        over = f"ended at {kept.ended_at:%Y-%m-%d %H:%M} UTC"
    elif kept.state is State.AUTHORIZED and not is_under_way(_statuses(turn)):
        over = "was paid as far as iyzico can pay it"
    else:
        return
    raise LedgerBatchError(
        f"{kept} {over}, in run {kept.run_id!r} of DAG {kept.dag_id!r}: this run would pay nobody. Put the day "
        "or the month, with the year, into external_id"
    )


def _statuses(turn: Turn) -> set[str]:
    return {item.status for item in read_states(turn.ledger, turn.connection, turn.batch.key)}


def _add(
    ledger: Ledger,
    connection: Connection,
    account: Account,
    batch: Batch,
    digests: Digests,
    who: Who,
    bound: Decimal | None,
    now: datetime,
) -> LedgerBatch:
    table, key = ledger.tables.payout, _key(account, batch)
    row = {
        **key,
        "currency": account.currency,
        "state": State.NEW.value,
        "version": 1,
        **_content(batch, digests),
        "commission_bound": bound,
        **_begun_by(who),
        "created_at": now,
        "changed_at": now,
        "provider_version": __version__,
    }
    connection.execute(insert(table).values(row))
    as_given(connection, table, row, read(connection, table, row))
    add_items(ledger, connection, key, batch, digests, now)
    add_events(ledger, connection, [event_row(key, 1, EventKind.REGISTERED, who, now, before=None, after=State.NEW.value)])
    kept = read_batch(ledger, connection, key)
    if kept is None:
        raise LedgerError(f"table {table.fullname!r} took batch {batch.external_id!r}, but a query does not find it")
    return kept


def _correct(turn: Turn, batch: Batch, digests: Digests, bound: Decimal | None) -> LedgerBatch:
    """Replace the content of a batch of which iyzico has nothing. It is that task's from then on."""
    item = turn.ledger.tables.item
    turn.connection.execute(delete(item).where(is_batch(item, turn.batch.key)))
    add_items(turn.ledger, turn.connection, turn.batch.key, batch, digests, turn.now)
    return turn.advance(EventKind.CORRECTED, {**_content(batch, digests), "commission_bound": bound, **_begun_by(turn.who)})


def _bound(turn: Turn, bound: Decimal | None) -> LedgerBatch:
    """Note what an item costs at least, where the author says so later than at first."""
    batch = turn.batch
    if bound is None or bound == batch.commission_bound or batch.state not in _NOT_SENT:
        return batch
    totals = totals_of(read_states(turn.ledger, turn.connection, batch.key), bound)
    values: dict[str, Any] = {"commission_bound": bound}
    if batch.state is State.INITIATED:
        values |= {"commission": totals.commission, "required": totals.required}
    return turn.advance(EventKind.BOUND, values)


def _begun_by(who: Who) -> dict[str, Any]:
    """Return the task that begins a batch: what becomes of it is that run's."""
    return {name: value for name, value in who.columns().items() if name != "person"}


def _key(account: Account, batch: Batch) -> dict[str, str]:
    return {"environment": account.environment, "account": account.account, "external_id": batch.external_id}


def _content(batch: Batch, digests: Digests) -> dict[str, Any]:
    return {
        "purpose": batch.purpose,
        "content_digest": digests.content,
        "payments_digest": digests.payments,
        "items": len(batch.items),
        "total": batch.total,
        "invalid_items": 0,
        "commission": None,
        "required": None,
    }
