"""The steps of a batch from state to state: intents before anything is sent, and what came of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sqlalchemy import and_, func, or_, select
from sqlalchemy.engine import Connection

from airflow_provider_iyzico.api.payout.initiated import Initiated, InvalidItem
from airflow_provider_iyzico.api.payout.statuses import FAILED, INIT, INVALID, BatchMeaning, batch_meaning
from airflow_provider_iyzico.domain.items import CANCELLED_ITEM, still_out, totals_of
from airflow_provider_iyzico.domain.payout import SENT, State, may_follow
from airflow_provider_iyzico.errors import LedgerBatchError
from airflow_provider_iyzico.ledger.accounts import Account, locked
from airflow_provider_iyzico.ledger.approvals import approval_digest, require_approvals
from airflow_provider_iyzico.ledger.batch_holds import end_own_hold, hold_what_pays, open_hold, secure
from airflow_provider_iyzico.ledger.batches import LedgerBatch, Turn, is_batch, take_turn
from airflow_provider_iyzico.ledger.events import EventKind, last_version
from airflow_provider_iyzico.ledger.holds import HoldEnd, expire
from airflow_provider_iyzico.ledger.items import read_items, read_states, state_of
from airflow_provider_iyzico.ledger.ledger import Ledger
from airflow_provider_iyzico.ledger.placing import Asked
from airflow_provider_iyzico.ledger.told import Told, write_told
from airflow_provider_iyzico.ledger.twins import refuse_cancelled_twin, refuse_twin
from airflow_provider_iyzico.ledger.who import Who


def send(
    ledger: Ledger,
    batch: LedgerBatch,
    after: State,
    who: Who,
    *,
    timeout_seconds: float,
    asked: Asked | None = None,
    approvals: int = 0,
) -> LedgerBatch:
    """Commit an intent, before the first byte leaves. Nothing may be sent after its ``deadline_at``, nor unless this returns.

    :param after: ``init_sent``, ``auth_sent`` or ``cancel_sent``
    :param timeout_seconds: of the Connection: until when the answer must be there
    :param asked: for ``auth_sent``: a fresh balance, and the version of the funds for which it was asked
    :param approvals: for ``auth_sent``: how many people must have approved the batch as it is
    :raises LedgerMovedError: somebody else changed the batch, or for ``auth_sent`` the holds of the account
    :raises LedgerBatchError: the state does not allow it; another batch may still make the same payments; the batch was given
        up, or would pay more items than was said; an authorization once went unanswered, and no person permitted another
    :raises LedgerApprovalError: for ``auth_sent``: approvals are missing, or a person rejected the batch
    :raises LedgerHoldError: for ``auth_sent``: what the batch needs is not held
    :raises LedgerFundsError: for ``auth_sent``: the balance no longer covers what is held
    """
    if after not in SENT or (asked is None) is (after is State.AUTH_SENT):
        raise ValueError(f"{after.value} is no intent, or asked does not fit it")
    _require_step(batch, after)
    if asked is not None:
        _end_what_is_over(ledger, batch.account, who)

    def act(turn: Turn) -> LedgerBatch:
        reason, digest = None, None
        if after in (State.INIT_SENT, State.AUTH_SENT):
            name, payments = batch.external_id, batch.payments_digest
            refuse_twin(ledger, turn.connection, batch.account, name, payments, now=turn.now, since=batch.created_at)
        if asked is not None:
            refuse_cancelled_twin(turn)
            if (why := _why_not_as_told(turn)) is not None:
                raise LedgerBatchError(
                    f"{why}. It is not authorized, because its payments may have been made under another name. Cancel it. "
                    "Or clear its MassPayoutInitOperator, which then goes on with the batch as it is; if items are invalid, only "
                    "with on_invalid='drop'"
                )
            reason = "; ".join(filter(None, (require_approvals(turn, approvals), _use_permit(turn)))) or None
            digest = approval_digest(turn.batch)
            secure(turn, asked)
        values = {"deadline_at": turn.now + timedelta(seconds=timeout_seconds)}
        return turn.advance(EventKind.STATE, values, state=after, reason=reason, approval_digest=digest)

    return take_turn(ledger, batch, who, act)


def step(
    ledger: Ledger, batch: LedgerBatch, after: State, who: Who, *, reason: str | None = None, settling_seconds: float = 60
) -> LedgerBatch:
    """Take a step that is no intent: an answer, what a read told, or what a person decided.

    ``cancelled`` and ``ended`` go by what :func:`~airflow_provider_iyzico.ledger.reading.record` wrote before. From ``auth_sent``
    back to ``initiated`` leads iyzico's refusal, which a task gives as the reason; without one, and if the batch was cancelled
    meanwhile, the authorization counts as unanswered, and another one needs a permission.

    :param reason: iyzico's words or a person's, without personal data
    :param settling_seconds: for ``authorized``: for how long a settled item still counts, since the balance may lag behind
    :raises LedgerMovedError: somebody else changed the batch; nothing was written
    :raises LedgerBatchError: the state does not allow it, or the items do not
    """
    if after in SENT:
        raise ValueError(f"{after.value} is an intent")
    _require_step(batch, after)

    def act(turn: Turn) -> LedgerBatch:
        values = _ON[after](turn) if after in _ON else {}
        if after is State.AUTHORIZED:
            values |= _to_authorized(turn, settling_seconds)
        is_refused = after is State.INITIATED and reason and who.task
        if turn.batch.state is State.AUTH_SENT and after is not State.AUTHORIZED and not is_refused:
            values |= _to_auth_unknown(turn)
        more = _not_sent(turn) if after is State.CANCELLED and who.person else ()
        return turn.advance(EventKind.STATE, {"deadline_at": None, **values}, state=after, more=more, reason=reason)

    return take_turn(ledger, batch, who, act)


def initiated(ledger: Ledger, batch: LedgerBatch, answer: Initiated, who: Who, *, reason: str | None = None) -> LedgerBatch:
    """Keep that iyzico knows the batch, by which id, and which items it would not pay.

    :raises LedgerMovedError: somebody else changed the batch; nothing was written
    :raises LedgerBatchError: the state does not allow it; or there is no id, or another one
    """
    _require_step(batch, State.INITIATED)

    def act(turn: Turn) -> LedgerBatch:
        values = {"request_id": _request_id(turn, answer.request_id), "deadline_at": None}
        figures, events = _invalid(turn, answer.invalid)
        return turn.advance(EventKind.STATE, {**values, **figures}, state=State.INITIATED, more=events, reason=reason)

    return take_turn(ledger, batch, who, act)


def give_up(ledger: Ledger, batch: LedgerBatch, who: Who, reason: str) -> LedgerBatch:
    """Keep that a batch is to pay nobody, whatever comes of its cancel: only :func:`take_up` allows to authorize it again.

    :raises LedgerMovedError: somebody else changed the batch; nothing was written
    """
    return take_turn(
        ledger,
        batch,
        who,
        lambda turn: turn.batch if _is_given_up(_told_of(turn)) else turn.advance(EventKind.GIVEN_UP, {}, reason=reason),
    )


def take_up(ledger: Ledger, batch: LedgerBatch, who: Who) -> LedgerBatch:
    """Go on with a batch as it is, if it was given up, or an item that iyzico called invalid no longer is.

    :raises LedgerMovedError: somebody else changed the batch; nothing was written
    """

    def act(turn: Turn) -> LedgerBatch:
        return turn.batch if _why_not_as_told(turn) is None else turn.advance(EventKind.TAKEN_UP, {})

    return take_turn(ledger, batch, who, act)


def _why_not_as_told(turn: Turn) -> str | None:
    """Return why a batch would pay others than the task said that began it, if it would."""
    told = _told_of(turn)
    if _is_given_up(told):
        return f"{turn.batch} was given up, because iyzico would not pay some of its items, and iyzico did not cancel it"
    if told.get(EventKind.ITEM.value, 0) > told.get(EventKind.TAKEN_UP.value, 0):
        return f"iyzico called items of {turn.batch} invalid, and would pay them now"
    return None


def _is_given_up(told: dict[str, int]) -> bool:
    return told.get(EventKind.GIVEN_UP.value, 0) > told.get(EventKind.TAKEN_UP.value, 0)


def _told_of(turn: Turn) -> dict[str, int]:
    """Return at which version a batch was last given up and taken up, and an item was invalid no more."""
    event = turn.ledger.tables.event
    no_more = and_(event.c.kind == EventKind.ITEM.value, event.c.before == INVALID, event.c.after != INVALID)
    kinds = event.c.kind.in_([EventKind.GIVEN_UP.value, EventKind.TAKEN_UP.value])
    query = select(event.c.kind, func.max(event.c.version)).where(is_batch(event, turn.batch.key), or_(kinds, no_more))
    return dict(map(tuple, turn.connection.execute(query.group_by(event.c.kind))))


def _require_step(batch: LedgerBatch, after: State) -> None:
    if not may_follow(batch.state, after):
        raise LedgerBatchError(f"{batch} is {batch.state}; from there it cannot become {after}; nothing was written")


def _end_what_is_over(ledger: Ledger, account: Account, who: Who) -> None:
    """End the holds whose time is over, in a transaction of its own: a balance that was asked for before no longer counts."""
    ledger.act(
        lambda connection: (
            locked(ledger, connection, account),
            expire(ledger, connection, account, ledger.clock(connection), who),
        )
    )


def _use_permit(turn: Turn) -> str | None:
    """Let a batch whose authorization once went unanswered go on only by a person's permission that nothing has used yet."""
    if turn.batch.auth_unanswered_at is None:
        return None
    if (permit := _permit(turn.ledger, turn.connection, turn.batch)) is None:
        raise LedgerBatchError(
            f"an authorization of {turn.batch} was not answered at {turn.batch.auth_unanswered_at:%Y-%m-%d %H:%M} UTC: a second "
            "one could pay twice. Look into iyzico's panel; if nothing was paid, permit one more: python -m "
            f"airflow_provider_iyzico.ledger permit {turn.batch.external_id} --because ... --version {turn.batch.version}"
        )
    return f"permitted at version {permit}"


def has_permit(ledger: Ledger, batch: LedgerBatch) -> bool:
    """Tell whether a person permitted one more authorization, which nothing has used yet."""
    return ledger.act(lambda connection: _permit(ledger, connection, batch)) is not None


def _permit(ledger: Ledger, connection: Connection, batch: LedgerBatch) -> int | None:
    """Return the version of a permission that nothing has used yet."""
    permit = last_version(ledger, connection, batch.key, EventKind.PERMIT)
    return permit if permit > last_version(ledger, connection, batch.key, EventKind.STATE, State.AUTH_SENT.value) else None


def _request_id(turn: Turn, given: str | None) -> str:
    """Return the id, if the batch has no other one, and no other batch has it."""
    batch, table = turn.batch, turn.ledger.tables.payout
    if given is None:
        raise LedgerBatchError(f"iyzico does not say the request_id of {batch}: it can be neither paid nor cancelled here")
    if batch.request_id not in (None, given):
        raise LedgerBatchError(f"{batch} has the request_id {batch.request_id!r}, but iyzico answered {given!r}")
    with_it = select(table.c.external_id).where(table.c.environment == batch.account.environment, table.c.request_id == given)
    others = [name for name in turn.connection.execute(with_it).scalars() if name != batch.external_id]
    if others and batch.request_id is None:
        raise LedgerBatchError(f"iyzico's request_id {given!r} belongs to batch {others[0]!r}; it cannot be that of {batch}, too")
    return given


def _invalid(turn: Turn, invalid: tuple[InvalidItem, ...]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Mark the items that iyzico would not pay, and return the figures of the batch without them, and the events of that."""
    if not invalid:
        return {}, []
    said = {each.item_external_id: Told(INVALID, errors=(each.message,)) for each in invalid}
    kept = read_items(turn.ledger, turn.connection, turn.batch.key)
    events = write_told(turn, kept, said)
    totals = totals_of(map(state_of, kept), turn.batch.commission_bound)
    return {"total": totals.total, "invalid_items": totals.invalid_items}, events


def _to_initiated(turn: Turn) -> dict[str, Any]:
    return {"request_id": _request_id(turn, turn.batch.request_id)}


def _to_auth_unknown(turn: Turn) -> dict[str, Any]:
    return {"auth_unanswered_at": turn.batch.auth_unanswered_at or turn.now}


def _to_authorized(turn: Turn, settling_seconds: float) -> dict[str, Any]:
    """What iyzico pays is held, also where somebody authorized the batch in iyzico's panel, or it costs more than was known."""
    own, items = open_hold(turn), read_states(turn.ledger, turn.connection, turn.batch.key)
    out = still_out(items, turn.batch.commission_bound, now=turn.now, settling_seconds=settling_seconds, held_since=None)
    hold_what_pays(turn, out if own is None else max(out, own["counted"]))
    return {"ended_at": None}


def _to_cancelled(turn: Turn) -> dict[str, Any]:
    items = read_states(turn.ledger, turn.connection, turn.batch.key)
    paying = [item.item_external_id for item in items if not item.was_never_sent]
    says_so = batch_meaning(turn.batch.iyzico_status or "") is BatchMeaning.CANCELLED
    if (paying or not says_so) and turn.who.person is None:  # a person may say so of a batch that iyzico has forgotten
        if says_so and all(item.status == FAILED for item in items if not item.was_never_sent):
            raise LedgerBatchError(
                f"iyzico says that {turn.batch} is cancelled, but {len(paying)} items failed, such as {paying[0]!r}. If iyzico's "
                "panel shows that nobody authorized it: python -m airflow_provider_iyzico.ledger resolve "
                f"{turn.batch.external_id} --as cancelled --because ..."
            )
        raise LedgerBatchError(
            f"iyzico does not say that {turn.batch} is cancelled: its status was {turn.batch.iyzico_status!r} when it was last "
            f"read, and {len(paying)} items are neither cancelled nor invalid; read it again"
        )
    end_own_hold(turn, HoldEnd.CANCELLED)
    return {}


def _not_sent(turn: Turn) -> list[dict[str, Any]]:
    """Mark the items of a batch that nobody authorized as cancelled, and return the events of that."""
    if turn.batch.state is State.AUTH_SENT or turn.batch.auth_unanswered_at is not None:
        return []
    kept = read_items(turn.ledger, turn.connection, turn.batch.key)
    waiting = [row for row in kept if row["status"] in ("", INIT, FAILED)]
    told = {row["item_external_id"]: Told(CANCELLED_ITEM, errors=tuple(filter(None, [row["error"]]))) for row in waiting}
    return write_told(turn, kept, told)


def _to_ended(turn: Turn) -> dict[str, Any]:
    """A batch ends by itself once nothing of it is out; before that, only a person ends it."""
    items = read_states(turn.ledger, turn.connection, turn.batch.key)
    out = [item.item_external_id for item in items if not item.is_settled]
    if out and turn.who.person is None:
        raise LedgerBatchError(f"{len(out)} items of {turn.batch} are outstanding, such as {out[0]!r}; the batch has not ended")
    end_own_hold(turn, HoldEnd.RELEASED if out else HoldEnd.ACCOUNTED)
    return {"ended_at": turn.now}


#: What else a step writes, by the state that it leads to: columns of the batch, and its hold.
_ON: dict[State, Callable[[Turn], dict[str, Any]]] = {
    State.INITIATED: _to_initiated,
    State.AUTH_UNKNOWN: _to_auth_unknown,
    State.CANCELLED: _to_cancelled,
    State.ENDED: _to_ended,
}
