"""The hold of a batch: enough before it is authorized, endless from then on, and counting down as its items are accounted for."""

from __future__ import annotations

from decimal import Decimal

from sqlalchemy import and_, select
from sqlalchemy.engine import RowMapping

from airflow_provider_iyzico.api.money import money_text, subtract, summed
from airflow_provider_iyzico.domain.payout import MAY_BE_PAYING
from airflow_provider_iyzico.errors import LedgerBatchError, LedgerFundsError, LedgerHoldError, LedgerMovedError
from airflow_provider_iyzico.ledger.accounts import is_of
from airflow_provider_iyzico.ledger.batches import Turn
from airflow_provider_iyzico.ledger.holds import (
    HoldEnd,
    add_hold,
    after_all,
    change_hold,
    counting_holds,
    end_hold,
    expire,
    is_over,
    moved,
    own_hold,
)
from airflow_provider_iyzico.ledger.placing import Asked

#: What the holds of such batches count may have left the balance already.
_MAY_HAVE_LEFT = {state.value for state in MAY_BE_PAYING}


def secure(turn: Turn, asked: Asked) -> None:
    """Let a batch go to be authorized: its money is held, and still on the balance. Time never ends its hold from then on.

    :raises LedgerHoldError: its hold is missing, over, or too small
    :raises LedgerMovedError: the balance was asked for before a hold of the account ended or shrank
    :raises LedgerFundsError: the balance no longer covers the holds of all batches that are not sent, and of those that pay
        and were held for, whatever the balance was, after this one
    """
    batch = turn.batch
    if batch.required is None:
        raise LedgerBatchError(
            f"iyzico does not say what {batch} costs; give MassPayoutInitOperator a commission_bound, which may be '0'"
        )
    own = open_hold(turn)
    if own is None or own["currency"] != batch.account.currency or own["counted"] < batch.required:
        held = "nothing is held" if own is None else f"{money_text(own['counted'])} {own['currency']} is held"
        raise LedgerHoldError(
            f"{batch} needs {money_text(batch.required)} {batch.account.currency}, and {held}; set it aside first"
        )
    if turn.funds["funds_version"] != asked.version:
        raise LedgerMovedError(f"a hold of {batch.account} ended or shrank after the balance was asked for; ask again")
    needed = _held_on_this_balance(turn, own)
    if asked.balance < needed:
        raise LedgerFundsError(
            f"balance {money_text(asked.balance)}, held for payouts that may still take it {money_text(needed)}, missing "
            f"{money_text(subtract(needed, asked.balance))} {batch.account.currency}. After the money was set aside, it left "
            f"the balance, or iyzico started another payout, so {batch} is not authorized. Top up the balance; a retry is safe"
        )
    change_hold(turn.ledger, turn.connection, own, expires_at=None)


def hold_what_pays(turn: Turn, counted: Decimal, *, is_taken_again: bool = False) -> None:
    """Let the hold of a batch that iyzico pays count so much; make it where there is none, whatever the balance is.

    :param is_taken_again: iyzico goes on with items whose money was back on the balance. Others may have set it aside meanwhile.
        So a hold that would grow by it ends, and a new one is placed on no balance
    """
    own = open_hold(turn)
    if own is not None and is_taken_again and counted > own["counted"]:
        end_hold(turn.ledger, turn.connection, own, HoldEnd.REPLACED, turn.who, "iyzico goes on with items that had come back")
        own = None
    if own is None:
        if counted:
            batch = turn.batch
            expire(turn.ledger, turn.connection, batch.account, turn.now, turn.who)  # one of this batch whose time was over
            add_hold(
                turn.ledger,
                turn.connection,
                batch.account,
                batch.external_id,
                turn.who,
                is_plain=False,
                amount=counted,
                placed_at=after_all(counting_holds(turn.ledger, turn.connection, batch.account), turn.now),
            )
        return
    change_hold(turn.ledger, turn.connection, own, counted=counted, expires_at=None)
    if counted < own["counted"]:
        moved(turn.ledger, turn.connection, turn.batch.account)


def end_own_hold(turn: Turn, kind: HoldEnd, reason: str | None = None) -> RowMapping | None:
    """End the hold of the batch, and return it, if it has one open."""
    own = own_hold(turn.ledger, turn.connection, turn.batch.account, turn.batch.external_id)
    if own is None or own["is_plain"]:
        return None
    end_hold(turn.ledger, turn.connection, own, kind, turn.who, reason)
    return own


def open_hold(turn: Turn) -> RowMapping | None:
    """Return the hold of the batch that is open, and whose time is not over."""
    own = own_hold(turn.ledger, turn.connection, turn.batch.account, turn.batch.external_id)
    return None if own is None or own["is_plain"] or is_over(own, turn.now) else own


def _held_on_this_balance(turn: Turn, own: RowMapping) -> Decimal:
    """Return what the holds count that the balance has to cover, those included whose time is just over.

    Money of a batch that was sent may have left it already. A hold that was placed on no balance, because its batch was found
    to be paying after the own one was placed, was never covered beside it: a top-up set that batch off, and takes the money. Nor
    was one whose batch costs more than its amount, because iyzico's commission went up.
    """
    hold, hold_end, payout = turn.ledger.tables.hold, turn.ledger.tables.hold_end, turn.ledger.tables.payout
    names = ("environment", "account", "external_id")
    batch = and_(*[payout.c[name] == hold.c[name] for name in names], hold.c.is_plain.is_(False))
    joined = hold.outerjoin(hold_end, hold_end.c.hold_id == hold.c.hold_id).outerjoin(payout, batch)
    asked = (hold.c.counted, hold.c.amount, hold.c.balance, hold.c.placed_at, payout.c.state, payout.c.required)
    query = select(*asked).select_from(joined)
    rows = turn.connection.execute(query.where(is_of(hold, turn.batch.account), hold.c.counted > 0, hold_end.c.hold_id.is_(None)))
    return summed(
        row.counted
        for row in rows
        if row.state not in _MAY_HAVE_LEFT
        or (row.placed_at >= own["placed_at"] if row.balance is None else max(row.counted, row.required or 0) > row.amount)
    )
