"""Holds: money of an account that is set aside, counted, and given back. Every change locks the row of the account first."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import cache
from uuid import uuid4

from sqlalchemy import insert, update
from sqlalchemy.engine import Connection, RowMapping

from airflow_provider_iyzico import __version__
from airflow_provider_iyzico.domain.funds import Hold
from airflow_provider_iyzico.errors import LedgerHoldError
from airflow_provider_iyzico.ledger.accounts import Account, is_of, locked
from airflow_provider_iyzico.ledger.ledger import Ledger
from airflow_provider_iyzico.ledger.tables import REASON_LENGTH, LedgerTables
from airflow_provider_iyzico.ledger.who import Who
from airflow_provider_iyzico.warehouse.database.rows import add, as_given, read
from airflow_provider_iyzico.warehouse.database.statements import Statement, quoted, statement
from airflow_provider_iyzico.warehouse.task import TaskInstance

_HOLDS = """
    SELECT {columns}, hold_end.hold_id IS NULL AS is_open
    FROM {hold} AS hold LEFT JOIN {hold_end} AS hold_end ON hold_end.hold_id = hold.hold_id
    WHERE hold.environment = :environment AND hold.account = :account"""
_COUNTING = """ AND hold.currency = :currency AND hold.counted > 0 AND hold_end.hold_id IS NULL
    ORDER BY hold.placed_at, hold.hold_id"""
_LATEST = """ AND hold.external_id = :external_id ORDER BY hold.number DESC LIMIT 1"""


class HoldEnd(StrEnum):
    """Why a hold ended."""

    #: Every item is accounted for.
    ACCOUNTED = "accounted"
    CANCELLED = "cancelled"
    #: A task or a person gave it back.
    RELEASED = "released"
    #: Another hold took its place, because its batch needs another amount by now.
    REPLACED = "replaced"
    #: ``hold_for_seconds`` were over.
    EXPIRED = "expired"


def counting_holds(ledger: Ledger, connection: Connection, account: Account) -> list[RowMapping]:
    """Return the holds of an account in its currency that count and have no end, the oldest first, overdue ones included.

    A hold that has ended counts nothing, so the index leads past those of the years before.
    """
    said = _statement(ledger.tables, connection.dialect.name, _COUNTING)
    return list(said.run(connection, account.key()).mappings())


def latest_hold(ledger: Ledger, connection: Connection, account: Account, external_id: str) -> RowMapping | None:
    """Return the newest hold of a name, in whatever currency, with ``is_open``; a name has one open at most."""
    said = _statement(ledger.tables, connection.dialect.name, _LATEST)
    mine = {"environment": account.environment, "account": account.account, "external_id": external_id}
    return said.run(connection, mine).mappings().first()


def own_hold(ledger: Ledger, connection: Connection, account: Account, external_id: str) -> RowMapping | None:
    """Return the hold of a name that has no end, in whatever currency."""
    latest = latest_hold(ledger, connection, account, external_id)
    return latest if latest is not None and latest["is_open"] else None


@cache
def _statement(tables: LedgerTables, dialect: str, which: str) -> Statement:
    hold, names = tables.hold, [f"hold.{column.name}" for column in tables.hold.columns]
    said = _HOLDS.format(columns=", ".join(names), hold=quoted(hold, dialect), hold_end=quoted(tables.hold_end, dialect))
    return statement(said + which, dialect, (), hold.columns)


def is_over(row: RowMapping, now: datetime) -> bool:
    """Tell whether time ends a hold; one without ``expires_at`` is never ended by time."""
    return row["expires_at"] is not None and bool(row["expires_at"] <= now)


def after_all(holds: Iterable[RowMapping], now: datetime) -> datetime:
    """Return when a new hold is placed: after all that are open, even if somebody has set the database's clock back since.

    Which of two holds was placed first tells whether the balance of the one covered the other, too.
    """
    later: list[datetime] = [hold["placed_at"] + timedelta(microseconds=1) for hold in holds]
    return max([now, *later])


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
    latest = latest_hold(ledger, connection, account, external_id)
    row = {
        "hold_id": str(uuid4()),
        **account.key(),
        "external_id": external_id,
        "number": 1 if latest is None else latest["number"] + 1,
        "is_plain": is_plain,
        "amount": amount,
        "counted": amount,
        "placed_at": placed_at,
        "expires_at": expires_at,
        "balance": balance,
        **who.columns(),
        "provider_version": __version__,
    }
    add(connection, ledger.tables.hold, row)
    stored = latest_hold(ledger, connection, account, external_id)
    as_given(connection, ledger.tables.hold, row, None if stored is None else dict(stored))
    return int(row["number"])


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
    table = ledger.tables.hold_end
    connection.execute(insert(table).values(ended))
    as_given(connection, table, ended, read(connection, table, ended))
    change_hold(ledger, connection, hold, counted=Decimal(0))
    moved(ledger, connection, Account(hold["environment"], hold["account"], hold["currency"]))


def change_hold(ledger: Ledger, connection: Connection, hold: RowMapping, **values: object) -> None:
    """Change columns of a hold whose account this transaction has locked."""
    changed = {name: value for name, value in values.items() if hold[name] != value}
    if not changed:
        return
    table = ledger.tables.hold
    connection.execute(update(table).where(table.c.hold_id == hold["hold_id"]).values(changed))
    given = {"hold_id": hold["hold_id"], **changed}
    as_given(connection, table, given, read(connection, table, given))


def moved(ledger: Ledger, connection: Connection, account: Account) -> None:
    """Note that a hold of the account ended or shrank: balances that were asked for before no longer count."""
    table = ledger.tables.account
    raised = {**account.key(), "funds_version": locked(ledger, connection, account)["funds_version"] + 1}
    connection.execute(update(table).where(is_of(table, account)).values(funds_version=raised["funds_version"]))
    as_given(connection, table, raised, read(connection, table, raised))


def expire(ledger: Ledger, connection: Connection, account: Account, now: datetime, who: Who) -> bool:
    """End the holds of the account whose time is over, and tell whether there were any."""
    over = [each for each in counting_holds(ledger, connection, account) if is_over(each, now)]
    for each in over:
        end_hold(ledger, connection, each, HoldEnd.EXPIRED, who)
    return bool(over)


def release_plain(
    ledger: Ledger,
    account: Account,
    external_id: str,
    who: Who,
    reason: str | None = None,
    *,
    of_other_runs: bool = True,
    of_other_dags: bool = True,
) -> Hold | None:
    """End the open plain hold of a name; return it, or nothing where none is open.

    :param of_other_runs: also one that another run of the same DAG placed, or another instance of a mapped task
    :param of_other_dags: also one that another DAG placed
    :raises LedgerHoldError: the hold belongs to a batch of the ledger, which ends it by itself, is in another currency, or is
        another run's, instance's or DAG's
    """

    def release(connection: Connection) -> Hold | None:
        locked(ledger, connection, account)
        own = own_hold(ledger, connection, account, external_id)
        if own is None:
            return None
        if not own["is_plain"]:
            raise LedgerHoldError(
                f"the hold of {external_id!r} belongs to a batch of the ledger; it ends when the batch ends or is cancelled"
            )
        if own["currency"] != account.currency:
            raise LedgerHoldError(
                f"the hold of {external_id!r} is in {own['currency']}, and the task releases {account.currency}; give the task "
                f"currency={own['currency']!r}"
            )
        if not of_other_dags and who.task is not None and own["dag_id"] not in (None, who.task.dag_id):
            raise LedgerHoldError(
                f"the hold of {external_id!r} was placed in DAG {own['dag_id']!r}, whose payout may not be over, and not by the "
                "gate before this task; use another external_id here, or, if that payout is over: python -m "
                f"airflow_provider_iyzico.ledger release {external_id} --because ..."
            )
        if not of_other_runs and who.task is not None and (place := _another_place(own, who.task)) is not None:
            raise LedgerHoldError(
                f"the hold of {external_id!r} was placed in {place} of this DAG, whose payout may not be over; put the run, and "
                "what the task is mapped over, into external_id, or, if that payout is over: python -m "
                f"airflow_provider_iyzico.ledger release {external_id} --because ..."
            )
        end_hold(ledger, connection, own, HoldEnd.RELEASED, who, reason)
        return hold_of(own)

    return ledger.act(release)


def _another_place(hold: RowMapping, task: TaskInstance) -> str | None:
    """Say in which other run of a task's DAG a hold was placed, or in which other instance of a mapped task, if it was."""
    if hold["dag_id"] != task.dag_id:
        return None
    if hold["run_id"] != task.run_id:
        return f"run {hold['run_id']!r}"
    are_mapped = hold["map_index"] >= 0 and task.map_index >= 0
    return f"map index {hold['map_index']}" if are_mapped and hold["map_index"] != task.map_index else None


def hold_of(row: RowMapping) -> Hold:
    """Return a row of the table as a value."""
    return Hold(row["external_id"], row["number"], row["amount"], row["counted"], row["placed_at"], row["expires_at"])
