"""What is asked of the ledger: which batches there are, which must be read at iyzico, and what happened to one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, exists, or_, select, true
from sqlalchemy.engine import Connection, RowMapping

from airflow_provider_iyzico.api.payout.statuses import INVALID
from airflow_provider_iyzico.domain.payout import PAST_THE_GATE, SENT, UNKNOWN, State
from airflow_provider_iyzico.domain.progress import LULL, SETTLED
from airflow_provider_iyzico.ledger.accounts import Account
from airflow_provider_iyzico.ledger.batches import LedgerBatch, batch_of, is_batch, same_batch
from airflow_provider_iyzico.ledger.events import EventKind, Key, last_version
from airflow_provider_iyzico.ledger.items import read_items
from airflow_provider_iyzico.ledger.ledger import Ledger
from airflow_provider_iyzico.ledger.twins import is_cancelled_unanswered, is_paid_late, is_twin, may_arrive

#: iyzico has such a batch, or may have it, and it may still change.
_CHANGING = (SENT | UNKNOWN | PAST_THE_GATE | {State.INITIATED}) - {State.ENDED}
#: Longer ago than any batch was changed. A database reckons with no day before the year 1.
_LONGEST_DAYS = 36_600


def to_read(ledger: Ledger, account: Account, *, days: float) -> list[LedgerBatch]:
    """Return the batches of an account that iyzico may still change, the longest unread first.

    :param days: batches that ended or were cancelled so lately are among them, and those that a person ended while items were
        out. So are those that iyzico refused, or was not told of: a restored ledger may have forgotten what became of them
    """

    def ask(connection: Connection) -> list[LedgerBatch]:
        payout = ledger.tables.payout
        since = _days_ago(ledger, connection, days)
        ended = and_(payout.c.state == State.ENDED.value, or_(payout.c.ended_at >= since, _has_items_out(ledger)))
        is_cancelled = and_(payout.c.state == State.CANCELLED.value, payout.c.request_id.isnot(None))
        cancelled = and_(is_cancelled, payout.c.changed_at >= since)
        not_there = and_(payout.c.state.in_([State.NEW.value, State.REFUSED.value]), payout.c.changed_at >= since)
        wanted = or_(payout.c.state.in_([state.value for state in _CHANGING]), ended, cancelled, not_there)
        return _batches(ledger, connection, and_(*_of(payout, account), wanted))

    return ledger.act(ask)


def has_payouts(ledger: Ledger, account: Account) -> bool:
    """Tell whether the ledger knows any batch of an account."""
    payout = ledger.tables.payout
    query = select(payout.c.external_id).where(*_of(payout, account)).limit(1)
    return ledger.act(lambda connection: connection.execute(query).first() is not None)


def unread_holders(ledger: Ledger, account: Account, *, seconds: float) -> list[LedgerBatch]:
    """Return the batches whose holds keep others waiting, and that nobody has read for so long; the longest unread first.

    Those that a person ended while items were out are among them: they hold nothing, and a top-up may set them off.
    """

    def ask(connection: Connection) -> list[LedgerBatch]:
        payout, hold, hold_end = ledger.tables.payout, ledger.tables.hold, ledger.tables.hold_end
        before = ledger.clock(connection) - timedelta(seconds=seconds)
        ends = exists().where(hold_end.c.hold_id == hold.c.hold_id)
        holds = exists().where(*same_batch(hold, payout), hold.c.is_plain.is_(False), ~ends)
        paying = and_(payout.c.state.in_([state.value for state in _CHANGING]), holds)
        set_aside_no_more = and_(payout.c.state == State.ENDED.value, _has_items_out(ledger))
        is_unread = or_(payout.c.read_at.is_(None), payout.c.read_at <= before)
        return _batches(ledger, connection, and_(*_of(payout, account), is_unread, or_(paying, set_aside_no_more)))

    return ledger.act(ask)


def may_be_set_off(ledger: Ledger, account: Account, before: LedgerBatch | None = None) -> list[LedgerBatch]:
    """Return the batches that hold nothing, and that iyzico may pay all the same.

    A top-up may set off one that a person ended while items were out. An authorization that went unanswered may arrive after its
    batch was cancelled; after ``LATE`` none does, so that a read after that is the last one.

    :param before: a batch of its payments, or of some of them, is among them also while money is held for its items that are
        out, until nothing of it has changed for ``LULL``
    """

    def ask(connection: Connection) -> list[LedgerBatch]:
        payout, now = ledger.tables.payout, ledger.clock(connection)
        ended = and_(payout.c.state == State.ENDED.value, _has_items_out(ledger))
        cancelled = is_cancelled_unanswered(payout, now)
        wanted = [ended, cancelled]
        if before is not None:
            recently, is_other = payout.c.changed_at >= now - LULL, payout.c.external_id != before.external_id
            wanted.append(and_(payout.c.state == State.AUTHORIZED.value, recently, is_other, _has_items_out(ledger)))
        found = _batches(ledger, connection, and_(*_of(payout, account), or_(*wanted)))
        if before is not None:
            found = [each for each in found if each.state is not State.AUTHORIZED or is_twin(ledger, connection, each, before)]
        return [batch for batch in found if batch.state is not State.CANCELLED or may_arrive(batch)]

    return ledger.act(ask)


def makes_payments_of(ledger: Ledger, batch: LedgerBatch, other: LedgerBatch) -> bool:
    """Tell whether a batch that pays or is over may make the payments of another one, or some of them."""
    return ledger.act(lambda connection: is_twin(ledger, connection, batch, other))


def was_handed_over_again(ledger: Ledger, batch: LedgerBatch) -> bool:
    """Tell whether a batch was handed over more than once: iyzico may have several of its name."""
    event = ledger.tables.event
    sent = event.c.kind == EventKind.STATE.value, event.c.after == State.INIT_SENT.value
    query = select(event.c.version).where(is_batch(event, batch.key), *sent).limit(2)
    return ledger.act(lambda connection: len(connection.execute(query).all())) > 1


def was_paid_late(ledger: Ledger, batch: LedgerBatch) -> bool:
    """Tell whether iyzico paid an item of a batch after that was cancelled or had ended."""
    payout = ledger.tables.payout
    query = select(payout.c.external_id).where(is_batch(payout, batch.key), is_paid_late(ledger))
    return ledger.act(lambda connection: connection.execute(query).first() is not None)


def named(
    ledger: Ledger,
    external_id: str | None = None,
    *,
    environment: str | None = None,
    account: str | None = None,
    days: float | None = None,
) -> list[LedgerBatch]:
    """Return the batches of a name, environment or account, or all; the last changed first.

    :param days: leave out those that ended or were cancelled before that
    """
    payout = ledger.tables.payout
    wanted = {"external_id": external_id, "environment": environment, "account": account}
    where = [payout.c[name] == value for name, value in wanted.items() if value is not None]

    def ask(connection: Connection) -> list[LedgerBatch]:
        if days is not None:
            since = _days_ago(ledger, connection, days)
            is_open = payout.c.state.notin_([State.ENDED.value, State.CANCELLED.value])
            where.append(or_(is_open, payout.c.changed_at >= since))
        return _batches(ledger, connection, and_(true(), *where), payout.c.changed_at.desc())

    return ledger.act(ask)


def plain_holds(
    ledger: Ledger,
    external_id: str | None = None,
    *,
    environment: str | None = None,
    account: str | None = None,
    only_open: bool = True,
) -> list[dict[str, Any]]:
    """Return the holds for payouts that other code makes, each with its end, oldest first.

    :param only_open: leave out those that ended; one whose time is over is open until something ends it
    """
    hold, hold_end = ledger.tables.hold, ledger.tables.hold_end
    wanted = {"external_id": external_id, "environment": environment, "account": account}
    where = [hold.c[name] == value for name, value in wanted.items() if value is not None]
    if only_open:
        where.append(hold_end.c.hold_id.is_(None))
    ends = hold_end.c.kind, hold_end.c.reason, hold_end.c.ended_at, hold_end.c.person.label("ended_by")
    joined = hold.outerjoin(hold_end, hold_end.c.hold_id == hold.c.hold_id)
    query = select(hold, *ends).select_from(joined).where(hold.c.is_plain.is_(True), *where).order_by(hold.c.placed_at)
    return ledger.act(lambda connection: [dict(row) for row in connection.execute(query).mappings()])


def events_of(ledger: Ledger, key: Key) -> list[dict[str, Any]]:
    """Return what happened to a batch and its items, in order."""
    event = ledger.tables.event
    query = select(event).where(is_batch(event, key)).order_by(event.c.version, event.c.item_external_id.isnot(None))
    return ledger.act(lambda connection: [dict(row) for row in connection.execute(query).mappings()])


def items_of(ledger: Ledger, key: Key) -> list[dict[str, Any]]:
    """Return the rows of a batch's items, by id."""
    return ledger.act(lambda connection: read_items(ledger, connection, key))


def invalid_since_init(ledger: Ledger, batch: LedgerBatch) -> frozenset[str]:
    """Return the ids of the items that iyzico called INVALID only after the batch was handed over, so that nobody chose that."""
    event = ledger.tables.event
    began = [event.c[name] == getattr(batch, name) for name in ("dag_id", "task_id", "run_id", "map_index")]
    later = or_(event.c.dag_id.is_(None), ~and_(*began))
    becomes = and_(event.c.before != INVALID, event.c.after == INVALID)
    query = select(event.c.item_external_id).where(is_batch(event, batch.key), becomes, later)
    return ledger.act(lambda connection: frozenset(connection.execute(query).scalars()))


def valid_since_told(ledger: Ledger, batch: LedgerBatch) -> frozenset[str]:
    """Return the ids of the items that iyzico had called INVALID, and no longer does since a task last told what it pays."""
    event = ledger.tables.event

    def ask(connection: Connection) -> frozenset[str]:
        told = last_version(ledger, connection, batch.key, EventKind.TAKEN_UP)
        no_more = event.c.before == INVALID, event.c.after != INVALID, event.c.version > told
        return frozenset(
            connection.execute(select(event.c.item_external_id).where(is_batch(event, batch.key), *no_more)).scalars()
        )

    return ledger.act(ask)


def holds_of(ledger: Ledger, key: Key) -> list[dict[str, Any]]:
    """Return the holds of a batch with their ends, in order."""
    hold, hold_end = ledger.tables.hold, ledger.tables.hold_end
    joined = hold.outerjoin(hold_end, hold_end.c.hold_id == hold.c.hold_id)
    query = select(hold, hold_end.c.kind, hold_end.c.ended_at).select_from(joined).where(is_batch(hold, key))
    return ledger.act(lambda connection: [dict(row) for row in connection.execute(query.order_by(hold.c.number)).mappings()])


def _has_items_out(ledger: Ledger) -> Any:
    item, payout = ledger.tables.item, ledger.tables.payout
    return exists().where(*same_batch(item, payout), item.c.status.notin_(SETTLED))


def _days_ago(ledger: Ledger, connection: Connection, days: float) -> datetime:
    return ledger.clock(connection) - timedelta(days=min(days, _LONGEST_DAYS))


def _of(payout: Any, account: Account) -> Sequence[Any]:
    return [payout.c[name] == value for name, value in account.key().items()]


def _batches(ledger: Ledger, connection: Connection, where: Any, order: Any = None) -> list[LedgerBatch]:
    payout = ledger.tables.payout
    query = select(payout).where(where)
    query = query.order_by(order) if order is not None else query.order_by(payout.c.read_at.isnot(None), payout.c.read_at)
    rows: list[RowMapping] = list(connection.execute(query).mappings())
    now = ledger.clock(connection)
    return [batch_of(row, now) for row in rows]
