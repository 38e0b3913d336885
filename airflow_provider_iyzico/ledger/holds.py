"""Holds: money of an account that is set aside, counted, and given back. Every change locks the row of the account first."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import uuid4

from sqlalchemy import func, insert, select, update
from sqlalchemy.engine import Connection, RowMapping

from airflow_provider_iyzico import __version__
from airflow_provider_iyzico.domain.funds import Hold
from airflow_provider_iyzico.errors import LedgerHoldError
from airflow_provider_iyzico.ledger.accounts import Account, is_of, locked
from airflow_provider_iyzico.ledger.ledger import Ledger
from airflow_provider_iyzico.ledger.tables import REASON_LENGTH
from airflow_provider_iyzico.ledger.who import Who
from airflow_provider_iyzico.warehouse.database.rows import as_given, read


class HoldEnd(StrEnum):
    """Why a hold ended."""

    #: Every item is accounted for.
    ACCOUNTED = "accounted"
    CANCELLED = "cancelled"
    #: A task or a person gave it back.
    RELEASED = "released"
    #: ``hold_for_seconds`` were over.
    EXPIRED = "expired"


def open_holds(ledger: Ledger, connection: Connection, account: Account, *, now: datetime) -> list[RowMapping]:
    """Return the open holds of an account, those whose time is over left out."""
    hold = ledger.tables.hold
    in_time = hold.c.expires_at.is_(None) | (hold.c.expires_at > now)
    query = _open(ledger).where(is_of(hold, account), in_time).order_by(hold.c.placed_at, hold.c.hold_id)
    return list(connection.execute(query).mappings())


def add_hold(
    ledger: Ledger,
    connection: Connection,
    account: Account,
    external_id: str,
    who: Who,
    *,
    is_plain: bool,
    amount: Decimal,
    placed_at: datetime,
    expires_at: datetime | None = None,
    balance: Decimal | None = None,
) -> int:
    """Set money aside in a transaction that has locked the account, and return the number of the hold.

    :raises WarehouseExactnessError: the database bends a digit; it sets nothing aside
    """
    hold = ledger.tables.hold
    name = {"environment": account.environment, "account": account.account, "external_id": external_id}
    of_this_name = [hold.c[column] == value for column, value in name.items()]
    last = connection.execute(select(func.coalesce(func.max(hold.c.number), 0)).where(*of_this_name)).scalar_one()
    row = {
        "hold_id": str(uuid4()),
        **name,
        "currency": account.currency,
        "number": int(last) + 1,
        "is_plain": is_plain,
        "amount": amount,
        "counted": amount,
        "placed_at": placed_at,
        "expires_at": expires_at,
        "balance": balance,
        **who.columns(),
        "provider_version": __version__,
    }
    connection.execute(insert(hold).values(row))
    as_given(connection, hold, row, read(connection, hold, row))
    return int(last) + 1


def end_hold(
    ledger: Ledger, connection: Connection, hold: RowMapping, kind: HoldEnd, who: Who, reason: str | None = None
) -> None:
    """End an open hold whose account this transaction has locked, and let everybody ask for the balance again."""
    ended = {
        "hold_id": hold["hold_id"],
        "kind": kind.value,
        "reason": reason and reason[:REASON_LENGTH],
        **who.columns(),
        "ended_at": ledger.clock(connection),
        "provider_version": __version__,
    }
    connection.execute(insert(ledger.tables.hold_end).values(ended))
    moved(ledger, connection, Account(hold["environment"], hold["account"], hold["currency"]))


def moved(ledger: Ledger, connection: Connection, account: Account) -> None:
    """Note that a hold of the account ended or shrank: balances that were asked for before no longer count."""
    table = ledger.tables.account
    raised = update(table).where(is_of(table, account)).values(funds_version=table.c.funds_version + 1)
    connection.execute(raised)


def release_plain(ledger: Ledger, account: Account, external_id: str, who: Who, reason: str | None = None) -> Hold | None:
    """End the open plain hold of a name; return it, or nothing where none is open.

    :raises LedgerHoldError: the hold belongs to a batch of the ledger, which ends it by itself
    """

    def release(connection: Connection) -> Hold | None:
        locked(ledger, connection, account)
        own = own_hold(ledger, connection, account, external_id)
        if own is None:
            return None
        if not own["is_plain"]:
            raise LedgerHoldError(
                f"the hold of {external_id!r} belongs to a batch of the ledger; it ends when the batch does, or is cancelled"
            )
        end_hold(ledger, connection, own, HoldEnd.RELEASED, who, reason)
        return hold_of(own)

    return ledger.act(release)


def hold_of(row: RowMapping) -> Hold:
    """Return a row of the table as a value."""
    return Hold(row["external_id"], row["number"], row["amount"], row["counted"], row["placed_at"], row["expires_at"])


def expire(ledger: Ledger, connection: Connection, account: Account, now: datetime, who: Who) -> bool:
    """End the holds of the account whose time is over, and tell whether there were any."""
    hold = ledger.tables.hold
    over = list(connection.execute(_open(ledger).where(is_of(hold, account), hold.c.expires_at <= now)).mappings())
    for each in over:
        end_hold(ledger, connection, each, HoldEnd.EXPIRED, who)
    return bool(over)


def _open(ledger: Ledger) -> Any:
    """Return the query for holds that have no end, those included whose time is over."""
    hold, hold_end = ledger.tables.hold, ledger.tables.hold_end
    joined = hold.outerjoin(hold_end, hold_end.c.hold_id == hold.c.hold_id)
    return select(hold).select_from(joined).where(hold_end.c.hold_id.is_(None))


def own_hold(ledger: Ledger, connection: Connection, account: Account, external_id: str) -> RowMapping | None:
    """Return the open hold of a name, in whatever currency."""
    hold = ledger.tables.hold
    query = _open(ledger).where(
        hold.c.environment == account.environment, hold.c.account == account.account, hold.c.external_id == external_id
    )
    return connection.execute(query).mappings().first()
