"""Placing a hold: in one transaction, under the lock of the account, on a balance that is new enough.

The balance that counts was asked for after a hold of the account last ended or shrank. So a caller reads the version, asks
iyzico, and places the hold for that version. Where the version moved, it asks again. Placing a hold moves no version.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import cache

from sqlalchemy import Table
from sqlalchemy.engine import Connection, RowMapping

from airflow_provider_iyzico.api.money import money_from_text, money_text
from airflow_provider_iyzico.domain.funds import Funds
from airflow_provider_iyzico.domain.payout import CAN_BE_HELD_FOR, PAST_THE_GATE, State
from airflow_provider_iyzico.errors import IyzicoConfigurationError, IyzicoMoneyError, LedgerBatchError, LedgerHoldError
from airflow_provider_iyzico.ledger.accounts import OF_ACCOUNT, OF_BATCH, Account, locked
from airflow_provider_iyzico.ledger.holds import (
    HoldEnd,
    add_hold,
    after_all,
    change_hold,
    counting_holds,
    end_hold,
    hold_of,
    is_over,
    latest_hold,
)
from airflow_provider_iyzico.ledger.ledger import Ledger
from airflow_provider_iyzico.ledger.who import Who
from airflow_provider_iyzico.warehouse.database.statements import Statement, quoted, statement

_VERSION = f"SELECT funds_version FROM {{table}} WHERE {OF_ACCOUNT}"
_SEE = f"UPDATE {{table}} SET balance = :balance, balance_asked_at = :balance_asked_at WHERE {OF_ACCOUNT}"
_BATCH = f"SELECT state, currency, required FROM {{table}} WHERE {OF_BATCH}"
#: Ten years; what a database can add to a moment.
LONGEST_HOLD_SECONDS = 315_360_000


class Placing(StrEnum):
    """What came of placing a hold."""

    PLACED = "placed"
    #: The balance does not cover it, or others hold too much.
    SHORT = "short"
    #: A hold ended or shrank since the version was read: ask iyzico again.
    MOVED = "moved"
    #: The payout went on before, so it needs no hold.
    PAST = "past"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be set aside.

    :param external_id: whose it is
    :param headroom: what must be left over beside it
    :param batch_total: the amount of a payout that other code makes; ``None``: what the ledger's batch of that name requires
    :param hold_for_seconds: after which time ends it, unless the batch was sent
    """

    external_id: str
    headroom: Decimal = Decimal(0)
    batch_total: Decimal | None = None
    hold_for_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """A balance, and for which version of the account's funds it was asked.

    :param version: what :func:`funds_version` returned before iyzico was asked
    """

    balance: Decimal
    asked_at: datetime
    version: int


@dataclass(frozen=True, slots=True)
class Placement:
    """What came of placing a hold.

    :param amount: what is, or was to be, set aside
    :param required: with the headroom
    :param number: of the hold, where there is one
    """

    outcome: Placing
    funds: Funds
    amount: Decimal
    required: Decimal
    number: int | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """How things stand before iyzico is asked.

    :param version: of the account's funds
    :param amount: what is to be set aside
    """

    version: int
    amount: Decimal


def standing(ledger: Ledger, account: Account, wanted: Wanted) -> Standing:
    """Return the version of an account's funds, and what is to be set aside. Read it before iyzico is asked for the balance.

    :raises LedgerBatchError: there is no such batch, or there is one beside ``batch_total``, or its state allows no hold
    :raises WarehouseError: the ledger could not be read
    """

    def read_both(connection: Connection) -> Standing:
        version = _version(ledger, connection, account)
        return Standing(version, _amount(account, wanted, _batch(ledger, connection, account, wanted.external_id)))

    return ledger.act(read_both)


def funds_version(ledger: Ledger, account: Account) -> int:
    """Return the version of an account's funds. Read it before iyzico is asked for the balance."""
    return ledger.act(lambda connection: _version(ledger, connection, account))


def place(ledger: Ledger, account: Account, wanted: Wanted, asked: Asked, who: Who) -> Placement:
    """Set money aside, if the balance leaves it: in one transaction, under the lock of the account.

    A hold that the same batch has open is kept, or replaced where the batch needs another amount by now. A plain hold is kept for
    the same task instance only. Nothing is set aside for an amount of zero, which is placed whenever the headroom is covered.

    :raises LedgerBatchError: there is no such batch, or there is one beside ``batch_total``, or its state allows no hold
    :raises IyzicoMoneyError: an amount is no Decimal, not finite, too long, or negative
    :raises IyzicoConfigurationError: ``hold_for_seconds`` is not a number above 0
    :raises LedgerHoldError: the name holds another amount, in another currency, or for another task
    :raises WarehouseError: the ledger could not be read or written; nothing was set aside
    """
    _check(wanted, asked)
    return ledger.act(lambda connection: _place(ledger, connection, account, wanted, asked, who))


def _check(wanted: Wanted, asked: Asked) -> None:
    """Refuse what is no money and no time before anything rests on it."""
    amounts = {"headroom": wanted.headroom, "balance": asked.balance}
    if wanted.batch_total is not None:
        amounts["batch_total"] = wanted.batch_total
    for name, amount in amounts.items():
        if not isinstance(amount, Decimal):
            raise IyzicoMoneyError(f"{name} is a {type(amount).__name__}; the ledger takes Decimals only")
        money_from_text(Decimal.__str__(amount), name)
        if amount < 0 and name != "balance":
            raise IyzicoMoneyError(f"{name} is {amount}, which is negative; what is set aside is zero or more")
    seconds = wanted.hold_for_seconds
    if seconds is not None and not 0 < seconds <= LONGEST_HOLD_SECONDS:
        raise IyzicoConfigurationError(
            f"hold_for_seconds is {seconds!r}; give a number above 0, up to {LONGEST_HOLD_SECONDS} (ten years), or leave it out"
        )


def _place(ledger: Ledger, connection: Connection, account: Account, wanted: Wanted, asked: Asked, who: Who) -> Placement:
    version = locked(ledger, connection, account)["funds_version"]
    now = ledger.clock(connection)
    batch = _batch(ledger, connection, account, wanted.external_id)
    amount = _amount(account, wanted, batch)
    required = amount + wanted.headroom
    if batch is not None and State(batch["state"]) in PAST_THE_GATE:
        return Placement(Placing.PAST, Funds(asked.balance, ()), amount, required)
    latest = latest_hold(ledger, connection, account, wanted.external_id)
    own = latest if latest is not None and latest["is_open"] and not is_over(latest, now) else None
    if own is not None:
        _check_own(own, account, wanted, amount, who)
    holds = counting_holds(ledger, connection, account)
    over = [each for each in holds if is_over(each, now)]
    others = (each for each in holds if not is_over(each, now) and each["external_id"] != wanted.external_id)
    funds = Funds(asked.balance, tuple(map(hold_of, others)))
    for each in over:
        end_hold(ledger, connection, each, HoldEnd.EXPIRED, who)
    if over or version != asked.version:
        return Placement(Placing.MOVED, funds, amount, required)
    _see(ledger, connection, account, asked)
    if not funds.covers(required):
        return Placement(Placing.SHORT, funds, amount, required, None if own is None else own["number"])
    expires_at = _expires_at(wanted, own, now)
    if own is not None and own["amount"] == amount:
        change_hold(ledger, connection, own, expires_at=expires_at)
        return Placement(Placing.PLACED, funds, amount, required, own["number"])
    if own is not None:
        reason = f"the batch needs {money_text(amount)} now"
        end_hold(ledger, connection, own, HoldEnd.REPLACED, who, reason)
    if not amount:
        return Placement(Placing.PLACED, funds, amount, required)
    number = add_hold(
        ledger,
        connection,
        account,
        wanted.external_id,
        who,
        is_plain=wanted.batch_total is not None,
        amount=amount,
        placed_at=after_all(holds, now),
        expires_at=expires_at,
        balance=asked.balance,
    )
    return Placement(Placing.PLACED, funds, amount, required, number)


def _version(ledger: Ledger, connection: Connection, account: Account) -> int:
    said = _statement(ledger.tables.account, connection.dialect.name, _VERSION)
    found = said.run(connection, account.key()).scalar()
    return 0 if found is None else int(found)


def _batch(ledger: Ledger, connection: Connection, account: Account, external_id: str) -> RowMapping | None:
    said = _statement(ledger.tables.payout, connection.dialect.name, _BATCH, "required")
    key = {"environment": account.environment, "account": account.account, "external_id": external_id}
    return said.run(connection, key).mappings().first()


@cache
def _statement(table: Table, dialect: str, said: str, *returned: str) -> Statement:
    """Write a statement on one table, whose values have the names of columns."""
    named = [table.c[name] for name in re.findall(r":(\w+)", said)]
    return statement(said.format(table=quoted(table, dialect)), dialect, named, [table.c[name] for name in returned])


def _amount(account: Account, wanted: Wanted, batch: RowMapping | None) -> Decimal:
    """Return what the hold sets aside."""
    name = wanted.external_id
    if wanted.batch_total is not None:
        if batch is not None:
            raise LedgerBatchError(
                f"the ledger has a batch {name!r} and knows what it needs; leave batch_total out, or use another external_id"
            )
        return wanted.batch_total
    if batch is None:
        raise LedgerBatchError(
            f"the ledger has no batch {name!r} of {account}; run MassPayoutInitOperator with that external_id first, or give "
            "batch_total for a payout that other code makes"
        )
    state = State(batch["state"])
    if batch["currency"] != account.currency:
        raise LedgerBatchError(f"batch {name!r} is in {batch['currency']}, and the gate in {account.currency}")
    if state not in CAN_BE_HELD_FOR | PAST_THE_GATE:
        raise LedgerBatchError(f"batch {name!r} is {state.value}; money is set aside only for a batch that is initiated")
    if batch["required"] is None:
        raise LedgerBatchError(
            f"iyzico does not say what batch {name!r} costs; give its MassPayoutInitOperator a commission_bound ('0' says that "
            "there is no commission), and clear that task"
        )
    required: Decimal = batch["required"]
    return required


def _check_own(own: RowMapping, account: Account, wanted: Wanted, amount: Decimal, who: Who) -> None:
    """Refuse to take an open hold of that name for this one's."""
    name, held = wanted.external_id, f"{money_text(own['amount'])} {own['currency']}"
    if own["is_plain"] and wanted.batch_total is None:
        raise LedgerHoldError(
            f"{name!r} holds {held} for a payout that other code makes, and the ledger has a batch of that name; use another "
            f"external_id, or release that hold: python -m airflow_provider_iyzico.ledger release {name} --because ..."
        )
    if own["currency"] != account.currency or (own["is_plain"] and own["amount"] != amount):
        raise LedgerHoldError(
            f"{name!r} already holds {held}, and this gate needs {money_text(amount)} {account.currency}; use another "
            f"external_id, or release that hold: python -m airflow_provider_iyzico.ledger release {name} --because ..."
        )
    if own["is_plain"] and not who.is_task_of(own):
        raise LedgerHoldError(
            f"{name!r} holds {held} for task {own['task_id']!r} of DAG {own['dag_id']!r}, run {own['run_id']!r}; two payouts "
            "cannot share one hold: put the run into external_id, or release that hold first"
        )


def _see(ledger: Ledger, connection: Connection, account: Account, asked: Asked) -> None:
    """Keep the balance for people to read. Every placing writes this row, so that a cluster of databases notices two at once."""
    seen = {"balance": asked.balance, "balance_asked_at": asked.asked_at}
    _statement(ledger.tables.account, connection.dialect.name, _SEE).run(connection, {**account.key(), **seen})


def _expires_at(wanted: Wanted, own: RowMapping | None, now: datetime) -> datetime | None:
    """Return when time ends a hold: never sooner than the one that it keeps or replaces, whose batch may have been sent."""
    if wanted.hold_for_seconds is None or (own is not None and own["expires_at"] is None):
        return None
    expires_at = now + timedelta(seconds=wanted.hold_for_seconds)
    return expires_at if own is None else max(expires_at, own["expires_at"])
