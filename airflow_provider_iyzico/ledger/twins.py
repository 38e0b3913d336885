"""Two batches of an account with the same payments, or some of them: both must not be paid."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Table, and_, case, exists, or_, select
from sqlalchemy.engine import Connection

from airflow_provider_iyzico.api.payout.statuses import INVALID
from airflow_provider_iyzico.domain.payout import MAY_STILL_PAY, State
from airflow_provider_iyzico.domain.progress import DECIDED, PAID, SETTLED, UNPAID
from airflow_provider_iyzico.errors import LedgerBatchError, Retry
from airflow_provider_iyzico.ledger.accounts import Account
from airflow_provider_iyzico.ledger.batches import LedgerBatch, Turn, batch_of, is_batch, same_batch
from airflow_provider_iyzico.ledger.events import EventKind, Key
from airflow_provider_iyzico.ledger.ledger import Ledger
from airflow_provider_iyzico.ledger.who import Who

#: For so long, a person who makes the payments of a cancelled or ended batch again may not know that iyzico paid it later.
_UNAWARE = timedelta(days=7)
#: Statuses of an item that is surely not paid; the first is that of one that iyzico does not know yet.
_SURELY_UNPAID = ["", *UNPAID]
#: Of an item that iyzico has not heard of, or whose money is where it stays.
_SURELY_OVER = ["", *SETTLED]
#: So many ids stand in one query.
_AT_ONCE = 500
#: So long after a cancel an authorization may still arrive.
LATE = timedelta(days=1)
#: So long such a batch is read, if no read succeeds after that.
_TRIED = timedelta(days=30)


def refuse_twin(
    ledger: Ledger,
    connection: Connection,
    account: Account,
    external_id: str,
    payments_digest: str,
    *,
    now: datetime,
    since: datetime | None = None,
    older: Mapping[str, str] | None = None,
) -> None:
    """Refuse a batch whose payments, or some of them, another batch of the account makes or may still make, or made meanwhile.

    So it does, for some days, where iyzico paid the other batch after that was cancelled or a person had ended it.

    :param external_id: of the batch, whose items are in the ledger
    :param since: when the batch came into the ledger, if it was there before
    :param older: the digests of its items as earlier versions kept them, see :func:`sharing`
    :raises LedgerBatchError: names that batch
    """
    table, item, lately = ledger.tables.payout, ledger.tables.item, now - _UNAWARE
    under_way = exists().where(*same_batch(item, table), item.c.status.notin_(DECIDED))
    late = is_paid_late(ledger, since=lately)
    refused = [_is(table, MAY_STILL_PAY), and_(_is(table, {State.AUTHORIZED}), under_way), late]
    if since is not None:
        refused.append(_may_be_paid(ledger).where(ledger.tables.event.c.happened_at >= since))
    is_same = table.c.payments_digest == payments_digest
    may_share = or_(_is(table, MAY_STILL_PAY | {State.AUTHORIZED}), table.c.changed_at >= min(since or lately, lately))
    names = ("external_id", "state", "is_late", "is_same")
    query = select(*[table.c[name] for name in names[:2]], case((late, 1), else_=0), case((is_same, 1), else_=0)).where(
        table.c.environment == account.environment,
        table.c.account == account.account,
        table.c.external_id != external_id,
        or_(and_(is_same, or_(*refused)), and_(~is_same, may_share)),
    )
    twins = [dict(zip(names, row, strict=True)) for row in connection.execute(query)]

    def may_be_paid(item: Any) -> Any:
        may_pay = [each["external_id"] for each in twins if each["state"] in MAY_STILL_PAY]
        pays = [each["external_id"] for each in twins if each["state"] == State.AUTHORIZED]
        is_late = [each["external_id"] for each in twins if each["is_late"]]
        return or_(
            and_(item.c.external_id.in_(may_pay), item.c.status != INVALID),
            and_(item.c.external_id.in_(pays), item.c.status.notin_(DECIDED)),
            and_(item.c.external_id.in_(is_late), item.c.status.in_(PAID), item.c.status_at >= lately),
            and_(item.c.status.notin_(_SURELY_UNPAID), item.c.status_at >= (since or now)),
        )

    key = {"environment": account.environment, "account": account.account, "external_id": external_id}
    others = [each["external_id"] for each in twins if not each["is_same"]]
    shared = sharing(ledger, connection, key, others, may_be_paid, older=older)
    twin = next((each for each in twins if each["is_same"] or each["external_id"] in shared), None)
    if twin is None:
        return
    said = (
        f"batch {twin['external_id']!r} of {account} has {'' if twin['is_same'] else 'some of '}the same items, recipients and "
        f"amounts, and is {twin['state']}: under the name {external_id!r} they could be paid twice"
    )
    if twin["state"] in MAY_STILL_PAY:
        raise LedgerBatchError(f"{said}; settle or cancel that batch first")
    if twin["is_late"]:
        raise LedgerBatchError(
            f"{said}. It was cancelled, or a person had ended it, and then iyzico paid it anyway. If you want to pay them "
            f"once more, wait until that is {_UNAWARE.days} days ago, or give the items another item_external_id"
        )
    if twin["state"] == State.AUTHORIZED:
        said += ". Wait until every item of that batch is paid or has come back"
    raise LedgerBatchError(f"{said}. If you want to pay them once more, use another external_id")


def sharing(
    ledger: Ledger,
    connection: Connection,
    key: Key,
    names: Iterable[str],
    which: Callable[[Any], Any],
    *,
    older: Mapping[str, str] | None = None,
) -> frozenset[str]:
    """Return those of an account's batches that have an item with id, recipient and amount of one that a batch would pay.

    :param key: of that batch, whose items are in the ledger
    :param names: of the others; asking all of an account would read its whole history
    :param which: returns the condition that an item of theirs counts
    :param older: the digests of its items, by their ids in Unicode's decomposed form (NFD), in which earlier versions kept them.
        Only who has the payments can tell them, so there every item counts that is not surely over
    """
    if not (names := list(names)):
        return frozenset()
    mine, theirs = ledger.tables.item.alias("my_item"), ledger.tables.item.alias("their_item")
    is_same = [mine.c[name] == theirs.c[name] for name in ("environment", "account", "item_external_id", "payment_digest")]
    query = select(theirs.c.external_id).distinct().where(is_batch(mine, key), mine.c.status != INVALID, *is_same)
    found = set(connection.execute(query.where(theirs.c.external_id.in_(names), which(theirs))).scalars())
    of_account = [theirs.c[name] == key[name] for name in ("environment", "account")]
    counts = or_(which(theirs), theirs.c.status.notin_(_SURELY_OVER))
    digests = dict(older or {})
    ids = list(digests)
    for first in range(0, len(ids), _AT_ONCE):
        alike = select(theirs.c.external_id, theirs.c.item_external_id, theirs.c.payment_digest).where(
            *of_account, theirs.c.external_id.in_(names), theirs.c.item_external_id.in_(ids[first : first + _AT_ONCE]), counts
        )
        found |= {row.external_id for row in connection.execute(alike) if digests.get(row.item_external_id) == row.payment_digest}
    return frozenset(found)


def is_twin(ledger: Ledger, connection: Connection, batch: LedgerBatch, other: LedgerBatch) -> bool:
    """Tell whether a batch that pays or is over has the payments of another one, or some of them that it may still make."""
    if batch.payments_digest == other.payments_digest:
        return True
    is_cancelled = batch.state is State.CANCELLED
    return bool(
        sharing(
            *(ledger, connection, other.key, [batch.external_id]),
            lambda item: item.c.status != INVALID if is_cancelled else item.c.status.notin_(SETTLED),
        )
    )


def refuse_cancelled_twin(turn: Turn) -> None:
    """Refuse to authorize a batch whose payments were also those of a cancelled one, while an authorization of that may arrive.

    :raises LedgerBatchError: names that batch and the time from which a read of it lets the batch go on
    """
    batch, table = turn.batch, turn.ledger.tables.payout
    of = [table.c[name] == value for name, value in batch.account.key().items()]
    query = select(table).where(*of, table.c.external_id != batch.external_id, is_cancelled_unanswered(table, turn.now))
    for row in turn.connection.execute(query).mappings().all():
        if may_arrive(twin := batch_of(row, turn.now)) and is_twin(turn.ledger, turn.connection, twin, batch):
            raise LedgerBatchError(
                f"{twin} has items, recipients and amounts of {batch}. It is cancelled, but one authorization of it was "
                f"not answered, and may still arrive until {twin.changed_at + LATE:%Y-%m-%d %H:%M} UTC: they could be paid "
                "twice, so nothing was sent. Let this task run again after that: it reads the cancelled batch once more, and "
                "goes on if iyzico has not paid it",
                retry=Retry.SAFE,
            )


def is_cancelled_unanswered(table: Table, now: datetime) -> Any:
    """Return the condition that a row of ``iyzico_payout`` is cancelled, not long ago, and an authorization went unanswered."""
    lately = table.c.auth_unanswered_at.isnot(None), table.c.changed_at >= now - _TRIED
    return and_(table.c.state == State.CANCELLED.value, *lately)


def may_arrive(batch: LedgerBatch) -> bool:
    """Tell whether an unanswered authorization of a cancelled batch may have arrived since that was read."""
    return batch.read_at is None or batch.read_at < batch.changed_at + LATE


def refuse_renamed(
    ledger: Ledger,
    connection: Connection,
    account: Account,
    external_id: str,
    payments_digest: str,
    who: Who,
    *,
    older: Mapping[str, str] | None = None,
) -> None:
    """Refuse payments that this task has had paid in this run: its name changes from one try or clear to the next.

    The instances of a mapped task count as one: what it is mapped over may come in another order.

    :param older: as :func:`sharing` has it
    """
    table = ledger.tables.payout
    run = {name: value for name, value in who.columns().items() if name in ("dag_id", "task_id", "run_id")}
    same = [table.c[name] == value for name, value in {**account.key(), **run}.items()]
    same += [table.c.external_id != external_id]
    paid = select(table.c.external_id).where(*same, table.c.payments_digest == payments_digest, _may_be_paid(ledger)).limit(1)
    earlier = connection.execute(paid).scalar()
    if earlier is None:
        key = {"environment": account.environment, "account": account.account, "external_id": external_id}
        others = connection.execute(select(table.c.external_id).where(*same)).scalars()
        shared = sharing(ledger, connection, key, others, lambda item: item.c.status.notin_(_SURELY_UNPAID), older=older)
        earlier = min(shared, default=None)
    if earlier is not None:
        raise LedgerBatchError(
            f"this task of this run had items, recipients and amounts of these paid as {earlier!r}: its external_id changes from "
            f"one try or clear to the next, and under the name {external_id!r} they would be paid twice. Give it a name without "
            "the time of day. If you want to pay them once more, use another run, or give the items another item_external_id"
        )


def _may_be_paid(ledger: Ledger) -> Any:
    """Return the condition that iyzico gave an item of a row of ``iyzico_payout`` a status that does not say it is unpaid."""
    table, event = ledger.tables.payout, ledger.tables.event
    is_change = event.c.kind == EventKind.ITEM.value, event.c.before != event.c.after
    return exists().where(*same_batch(event, table), *is_change, event.c.after.notin_(UNPAID)).correlate(table)


def is_paid_late(ledger: Ledger, *, since: datetime | None = None) -> Any:
    """Return the condition that iyzico paid an item of a row of ``iyzico_payout`` after the batch was cancelled or had ended.

    :param since: then or later
    """
    table, paid, over = ledger.tables.payout, ledger.tables.event.alias("paid_event"), ledger.tables.event.alias("over_event")
    states = [State.ENDED.value, State.CANCELLED.value]
    is_over = over.c.kind == EventKind.STATE.value, over.c.after.in_(states), over.c.version < paid.c.version
    was_over = exists().where(*same_batch(over, table), *is_over).correlate(table, paid)
    is_paid = paid.c.kind == EventKind.ITEM.value, paid.c.before != paid.c.after, paid.c.after.in_(PAID)
    lately = () if since is None else (paid.c.happened_at >= since,)
    return exists().where(*same_batch(paid, table), *is_paid, *lately, was_over).correlate(table)


def _is(table: Table, states: Iterable[State]) -> Any:
    return table.c.state.in_([state.value for state in states])
