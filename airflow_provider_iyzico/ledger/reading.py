"""What a read of iyzico tells about a batch: items, figures and hold are brought up to date, in one transaction."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sqlalchemy import func, select, update

from airflow_provider_iyzico.api.money import money_text, summed
from airflow_provider_iyzico.api.payout.retrieved import Item, MassPayout
from airflow_provider_iyzico.api.payout.statuses import FAILED, BatchMeaning, ItemMeaning, batch_meaning, item_meaning
from airflow_provider_iyzico.domain.items import CANCELLED_ITEM, ItemState, commission_of, still_out, totals_of
from airflow_provider_iyzico.domain.payout import PAST_THE_GATE, State
from airflow_provider_iyzico.domain.progress import UNPAID, goes_on
from airflow_provider_iyzico.domain.reads import Says, says
from airflow_provider_iyzico.errors import IyzicoNoSuchPayoutError, IyzicoUnavailableError, LedgerBatchError
from airflow_provider_iyzico.ledger.accounts import is_of
from airflow_provider_iyzico.ledger.batch_holds import end_own_hold, hold_what_pays, open_hold
from airflow_provider_iyzico.ledger.batches import LedgerBatch, Turn, is_batch, take_turn
from airflow_provider_iyzico.ledger.digest import differing, is_another_recipient
from airflow_provider_iyzico.ledger.events import EventKind
from airflow_provider_iyzico.ledger.holds import HoldEnd
from airflow_provider_iyzico.ledger.items import fitting, item_rows, read_items, state_of
from airflow_provider_iyzico.ledger.ledger import Ledger
from airflow_provider_iyzico.ledger.told import Told, write_told
from airflow_provider_iyzico.ledger.who import Who
from airflow_provider_iyzico.warehouse.database.rows import as_given
from airflow_provider_iyzico.warehouse.database.rows import read as stored

#: So many items are named in a message.
_NAMED = 10
#: What iyzico may do with items of ours.
_TWICE, _NOWHERE, _OTHERWISE = "shows more than once", "does not show", "shows with other amounts"
#: The money of such an item is out.
_FAILED = (ItemMeaning.OUT, ItemMeaning.NEEDS_A_PERSON)
log = logging.getLogger(__name__)


def record(ledger: Ledger, batch: LedgerBatch, found: MassPayout, who: Who, *, settling_seconds: float = 60) -> LedgerBatch:
    """Keep what iyzico says of a batch, and do what follows from its items alone.

    An authorized batch ends when nothing of it is out, and its hold with it; an ended one whose items change is authorized
    again, and held for. Every other step is the caller's.

    :param batch: as it was before iyzico was asked: a read that came late is not taken for the truth
    :param settling_seconds: for how long a settled item still counts, since the balance may lag behind
    :raises LedgerMovedError: somebody else changed the batch in the meantime; read iyzico again
    :raises LedgerBatchError: iyzico shows another batch, other items or amounts, or another merchant; nothing was written
    """
    _refuse_another(batch, found)
    kept = take_turn(ledger, batch, who, lambda turn: _record(turn, found, settling_seconds))
    if batch.state is State.ENDED and kept.state is State.AUTHORIZED:
        log.error(
            "%s had ended, but its items changed at iyzico; it is authorized again, and its money is held",
            kept,
        )
    return kept


def note_nothing(ledger: Ledger, batch: LedgerBatch, who: Who) -> LedgerBatch:
    """Keep that a read found nothing of a batch.

    :raises LedgerMovedError: somebody else changed the batch in the meantime
    """
    return take_turn(ledger, batch, who, _note_read)


def with_items_left_out(
    ledger: Ledger, batch: LedgerBatch, found: MassPayout, read_item: Callable[[str], Item], *, most: int | None = None
) -> MassPayout:
    """Return what iyzico shows of a batch, with the items that it lists neither as valid nor as invalid.

    Nobody has published whether an item that failed, came back or was cancelled is still among the valid ones. One whose money is
    known to be back, or never left, is taken as it was; any other is read by itself. A cancelled one may have been sent after
    all, where iyzico no longer calls its batch cancelled.

    :param read_item: reads the item with that ``reference_code``
    :param most: so many are read by themselves at most, because others wait for this read. Those that are left are taken as they
        were, since iyzico lists what it pays; so are those that failed, unless money is held for them
    :raises IyzicoError: one cannot be read; with ``most``, only where a retry would not help
    """
    if len(found.items) >= batch.items:
        return found
    shown = {item.item_external_id for item in found.items}
    left_out = [row for row in item_rows(ledger, batch) if row["item_external_id"] not in shown and state_of(row).is_valid]
    items: list[Item | None] = []
    stay = _FAILED if most is not None and batch.state is not State.AUTHORIZED else ()
    for row in left_out:
        if most == 0 or _is_back(row, found) or item_meaning(row["status"]) in stay:
            items.append(_as_it_was(row))
            continue
        try:
            items.append(_by_itself(batch, row, read_item))
            most = None if most is None else most - 1
        except IyzicoUnavailableError as error:
            if most is None:
                raise
            log.warning("items of %s cannot be read by themselves now: %s", batch, error)
            items.append(_as_it_was(row))
            most = 0
    return replace(found, items=(*found.items, *filter(None, items)))


def differing_items(ledger: Ledger, batch: LedgerBatch, found: MassPayout) -> list[str]:
    """Return the ids of the items that only the ledger or only iyzico has, or whose recipient or amount differ.

    A batch whose init went unanswered may be adopted only where there are none. Where iyzico masks recipients, all differ; an
    item that iyzico shows twice differs, too.
    """
    table = ledger.tables.account
    theirs = [
        (item.item_external_id, item.recipient_type or "", item.recipient_info or "", item.total_amount) for item in found.items
    ]

    def compare(connection: Any) -> list[str]:
        key = connection.execute(select(table.c.digest_key).where(is_of(table, batch.account))).scalar_one()
        ours = {row["item_external_id"]: row["payment_digest"] for row in read_items(ledger, connection, batch.key)}
        return differing(key, ours, theirs)

    return ledger.act(compare)


def without_unclear_items(ledger: Ledger, batch: LedgerBatch, found: MassPayout) -> tuple[MassPayout, str | None]:
    """Return what iyzico shows, with those items as the ledger has them that it shows more than once, or nowhere.

    :return: also which items these are, in words; an item that it shows with another amount is none of them
    """
    rows = item_rows(ledger, batch)
    unlike = _unlike(rows, found)
    otherwise = set(unlike[_OTHERWISE])
    unclear = {what: [name for name in unlike[what] if name not in otherwise] for what in (_TWICE, _NOWHERE)}
    names = {*unclear[_TWICE], *unclear[_NOWHERE]}
    clear = [item for item in found.items if item.item_external_id not in names]
    as_they_were = [_as_it_was(row) for row in rows if row["item_external_id"] in names]
    said = "; ".join(f"iyzico {what} {_some(which, batch)}" for what, which in unclear.items() if which)
    return replace(found, items=(*clear, *as_they_were)), said or None


def refuse_other_items(ledger: Ledger, batch: LedgerBatch, found: MassPayout) -> None:
    """Refuse what iyzico shows, if it has other items than the ledger, or other amounts.

    :raises LedgerBatchError: names some of them
    """
    _refuse_other_items(batch, ledger.act(lambda connection: read_items(ledger, connection, batch.key)), found)


def _is_back(row: dict[str, Any], found: MassPayout) -> bool:
    if row["status"] == CANCELLED_ITEM:
        return batch_meaning(found.status) is BatchMeaning.CANCELLED and says(found) is not Says.PAYING
    return item_meaning(row["status"]) is ItemMeaning.NOT_PAID


def _by_itself(batch: LedgerBatch, row: dict[str, Any], read_item: Callable[[str], Item]) -> Item | None:
    if row["reference_code"] is None:
        return None
    try:
        item = read_item(row["reference_code"])
    except IyzicoNoSuchPayoutError:
        return None
    is_ours = item.item_external_id == row["item_external_id"] and item.request_id in (None, batch.request_id)
    return item if is_ours else None


def _as_it_was(row: dict[str, Any]) -> Item:
    told = {name: row[name] for name in ("item_external_id", "reference_code", "recipient_type", "status")}
    amounts = {"total_amount": row["amount"], "commission_amount": row["commission"], "currency": None, "request_id": None}
    errors = tuple(filter(None, [row["error"]]))
    return Item(**told, **amounts, errors=errors, recipient_info=None, recipient_name=None, description=None)


def _record(turn: Turn, found: MassPayout, settling_seconds: float) -> LedgerBatch:
    rows = read_items(turn.ledger, turn.connection, turn.batch.key)
    _refuse_other_items(turn.batch, rows, found)
    if turn.batch.state is State.INITIATED and says(found) is Says.INIT:
        _refuse_other_recipients(turn, rows, found)
        _refuse_larger_total(turn, rows, found)
    _keep_merchant(turn, found)
    was_never_sent = _is_cancelled(turn.batch, found)
    events = write_told(
        _after_those_that_wait(turn, rows, found),
        rows,
        {item.item_external_id: _told(item, was_never_sent) for item in found.items},
    )
    items = [state_of(row) for row in rows]
    has_changed = any(event["before"] != event["after"] for event in events) or goes_on(turn.batch.iyzico_status, found.status)
    is_taken_again = any(map(_is_taken_again, events))
    state = _state_after(turn, items, settling_seconds, has_changed=has_changed, is_taken_again=is_taken_again)
    values = {**_figures(turn.batch, items), "iyzico_status": fitting(found.status)}
    if state is not turn.batch.state:
        values["ended_at"] = turn.now if state is State.ENDED else None
    new = {name: value for name, value in values.items() if getattr(turn.batch, name) != value}
    if not (new or events) and state is turn.batch.state:
        return _note_read(turn)
    told = {} if state is not turn.batch.state else {"before": turn.batch.iyzico_status, "after": values["iyzico_status"]}
    kind = EventKind.READ if state is turn.batch.state else EventKind.STATE
    return turn.advance(kind, {**values, "read_at": turn.now}, state=state, more=events, **told)


def _after_those_that_wait(turn: Turn, rows: list[dict[str, Any]], found: MassPayout) -> Turn:
    """Return the turn at the moment to keep with what is paid: after each batch that waits came into the ledger.

    So it is, but not by the clock of a database that was set back. A batch that waits is refused if its payments were made since.
    """
    before = {row["item_external_id"]: row["status"] for row in rows}
    may_be_paid = {(item.item_external_id, fitting(item.status)) for item in found.items if item.status not in UNPAID}
    if may_be_paid <= before.items():
        return turn
    table, waiting = turn.ledger.tables.payout, [state.value for state in State if state not in PAST_THE_GATE | {State.CANCELLED}]
    of = [table.c[name] == turn.batch.key[name] for name in ("environment", "account")]
    newest = turn.connection.execute(select(func.max(table.c.created_at)).where(*of, table.c.state.in_(waiting))).scalar()
    return turn if newest is None or newest <= turn.now else replace(turn, now=newest)


def _is_taken_again(event: dict[str, Any]) -> bool:
    """Tell whether iyzico goes on with an item whose money was on the balance."""
    return item_meaning(event["before"]) is ItemMeaning.NOT_PAID is not item_meaning(event["after"])


def _state_after(
    turn: Turn, items: list[ItemState], settling_seconds: float, *, has_changed: bool, is_taken_again: bool
) -> State:
    """Return the state that follows from the items, and let the hold follow, too."""
    state = turn.batch.state
    if state is State.ENDED and has_changed:
        state = State.AUTHORIZED
    if state is State.AUTHORIZED:
        own = open_hold(turn)
        since = own["placed_at"] if own is not None else None
        bound = turn.batch.commission_bound
        out = still_out(items, bound, now=turn.now, settling_seconds=settling_seconds, held_since=since)
        if out or not all(item.is_settled for item in items):
            hold_what_pays(turn, out, is_taken_again=is_taken_again)
        else:
            end_own_hold(turn, HoldEnd.ACCOUNTED)
            state = State.ENDED
    return state


def _figures(batch: LedgerBatch, items: list[ItemState]) -> dict[str, Any]:
    totals = totals_of(items, batch.commission_bound)
    names = ("total", "invalid_items", "commission", "required")
    return {name: getattr(totals, name) for name in names}


def _note_read(turn: Turn) -> LedgerBatch:
    """Nothing is new but that it was read: that is no change that others must follow."""
    table = turn.ledger.tables.payout
    turn.connection.execute(update(table).where(is_batch(table, turn.batch.key)).values(read_at=turn.now))
    return replace(turn.batch, read_at=turn.now)


def _is_cancelled(batch: LedgerBatch, found: MassPayout) -> bool:
    """Tell whether a batch was cancelled and nobody has authorized it, so that what failed of it was never sent."""
    return batch.state is State.CANCELLED and batch.auth_unanswered_at is None and says(found) is Says.CANCELLED


def _told(item: Item, was_never_sent: bool) -> Told:
    status = CANCELLED_ITEM if was_never_sent and item.status == FAILED else item.status
    return Told(status, item.commission_amount, item.reference_code, item.errors)


def _refuse_another(batch: LedgerBatch, found: MassPayout) -> None:
    if batch.request_id is None and (found.request_id is not None or found.external_id != batch.external_id):
        raise LedgerBatchError(f"{batch} has no request_id yet, so nobody knows whether iyzico's batch is this one")
    theirs = {found.currency, *(item.currency for item in found.items)} - {None, batch.account.currency}
    for name, ours, other in (
        ("external_id", batch.external_id, found.external_id),
        ("request_id", batch.request_id, found.request_id),
        ("currency", batch.account.currency, theirs.pop() if theirs else None),
    ):
        if other not in (None, ours):
            raise LedgerBatchError(f"{batch} has {name} {ours!r}, and iyzico shows {other!r}; nothing was written")


def _unlike(rows: list[dict[str, Any]], found: MassPayout) -> dict[str, list[str]]:
    """Return the ids of the items that iyzico shows otherwise than the ledger has them, by what it does.

    It may leave out the items that it would not pay from the first.
    """
    ours, shown = {row["item_external_id"]: row for row in rows}, Counter(item.item_external_id for item in found.items)
    amounts = [(item.item_external_id, item.total_amount) for item in found.items]
    return {
        _TWICE: [name for name, count in shown.items() if count > 1],
        _NOWHERE: [name for name, row in ours.items() if name not in shown and state_of(row).is_valid],
        "shows, but was not sent,": [name for name in shown if name not in ours],
        _OTHERWISE: list(dict.fromkeys(name for name, amount in amounts if name in ours and ours[name]["amount"] != amount)),
    }


def _refuse_other_items(batch: LedgerBatch, rows: list[dict[str, Any]], found: MassPayout) -> None:
    for what, names in _unlike(rows, found).items():
        if names:
            said = f"iyzico {what} {_some(names, batch)}; nothing was written"
            if what in (_TWICE, _NOWHERE) and batch.state is State.AUTHORIZED:
                said += (
                    ". Ask iyzico what it paid; if it stays so: python -m airflow_provider_iyzico.ledger resolve "
                    f"{batch.external_id} --as ended --because ..."
                )
            raise LedgerBatchError(said)


def _some(names: list[str], batch: LedgerBatch) -> str:
    return f"{len(names)} items of {batch}, such as {', '.join(repr(name) for name in names[:_NAMED])}"


def _refuse_other_recipients(turn: Turn, rows: list[dict[str, Any]], found: MassPayout) -> None:
    """Refuse a batch that would pay others: iyzico may answer an init with the id of another batch of that name."""
    key, ours = turn.funds["digest_key"], {row["item_external_id"]: row for row in rows}
    others = [
        item.item_external_id
        for item in found.items
        if is_another_recipient(key, ours[item.item_external_id], item.recipient_type, item.recipient_info, item.total_amount)
    ]
    if others:
        raise LedgerBatchError(
            f"iyzico shows other recipients in {len(others)} items of {turn.batch}, such as {others[0]!r}: it has another batch "
            "of that name, and would pay other people. Nothing was written. Cancel it in iyzico's panel, and hand your payments "
            "over with another external_id"
        )


def _refuse_larger_total(turn: Turn, rows: list[dict[str, Any]], found: MassPayout) -> None:
    """Refuse a batch that would pay more than its items come to: iyzico does not show all, or reads their amounts otherwise.

    Nobody has seen which items iyzico counts, and whether with their commission. So only more than all of that is refused.
    """
    stated = {item.item_external_id: item.commission_amount for item in found.items}
    costs = [commission_of(stated.get(row["item_external_id"]) or row["commission"], turn.batch.commission_bound) for row in rows]
    most = summed([*(row["amount"] for row in rows), *filter(None, costs)])
    if found.total_amount > most:
        raise LedgerBatchError(
            f"iyzico says that {turn.batch} comes to {money_text(found.total_amount)} {turn.batch.account.currency}, and all its "
            f"items with their commission come to {money_text(most)}: it would pay more than was handed over. Nothing was "
            "written. Cancel it in iyzico's panel, and ask iyzico"
        )


def _keep_merchant(turn: Turn, found: MassPayout) -> None:
    theirs, ours, table = found.merchant_id, turn.funds["merchant_id"], turn.ledger.tables.account
    if theirs is None or theirs == ours:
        return
    if ours is not None:
        raise LedgerBatchError(
            f"the keys of {turn.batch.account} belong to merchant {theirs!r}, and its earlier keys to {ours!r}: two merchants "
            "cannot be one account; give the Connection the account label of its own merchant"
        )
    of = turn.batch.account
    with_it = select(table.c.account).where(table.c.environment == of.environment, table.c.merchant_id == theirs)
    if others := set(turn.connection.execute(with_it).scalars()) - {of.account}:
        raise LedgerBatchError(
            f"the keys of {of} belong to merchant {theirs!r}, whose account is {others.pop()!r} in this ledger: two labels would "
            "spend one balance twice; give all Connections of this merchant one account label"
        )
    turn.connection.execute(update(table).where(is_of(table, of)).values(merchant_id=theirs))
    given = {**of.key(), "merchant_id": theirs}
    as_given(turn.connection, table, given, stored(turn.connection, table, given))
