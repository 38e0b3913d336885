"""The items of a batch: without personal data, written in a few statements however many they are."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import cache
from operator import itemgetter
from typing import Any

from sqlalchemy import Table, insert
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.engine import Connection

from airflow_provider_iyzico.api.payout.batch import Batch
from airflow_provider_iyzico.domain.items import ItemState, Totals, totals_of
from airflow_provider_iyzico.errors import WarehouseExactnessError
from airflow_provider_iyzico.ledger.accounts import OF_BATCH
from airflow_provider_iyzico.ledger.batches import LedgerBatch
from airflow_provider_iyzico.ledger.digest import Digests, recipient_end
from airflow_provider_iyzico.ledger.events import Key
from airflow_provider_iyzico.ledger.ledger import Ledger
from airflow_provider_iyzico.ledger.tables import REASON_LENGTH, STATUS_LENGTH
from airflow_provider_iyzico.warehouse.database.rows import add_many
from airflow_provider_iyzico.warehouse.database.statements import Statement, quoted, statement

#: The columns of an item's state, in the order of its fields.
_STATE = ItemState._fields
_state = itemgetter(*_STATE)
_KEY = ("environment", "account", "external_id")
_FROM_IYZICO = ("commission", "status", "reference_code", "error", "status_at", "changed_at")


def add_items(ledger: Ledger, connection: Connection, key: Key, batch: Batch, digests: Digests, now: datetime) -> None:
    """Add the items of a batch that iyzico does not know yet.

    :raises WarehouseExactnessError: the database bends an amount; nothing is kept
    """
    item = ledger.tables.item
    rows = [
        {
            **key,
            "item_external_id": payment.item_external_id,
            "recipient_type": payment.recipient_type,
            "recipient_end": recipient_end(payment.recipient_info),
            "payment_digest": digests.of_items[payment.item_external_id],
            "amount": payment.amount,
            "status": "",
            "status_at": now,
            "changed_at": now,
        }
        for payment in batch.items
    ]
    add_many(connection, insert(item), rows)
    kept = {each.item_external_id: each.amount for each in read_states(ledger, connection, key)}
    bent = [payment.item_external_id for payment in batch.items if kept.get(payment.item_external_id) != payment.amount]
    if bent:
        raise WarehouseExactnessError(
            f"column 'amount' of table {item.fullname!r} does not hold the amount of item {bent[0]!r} as it was given (it should "
            "be NUMERIC(28, 8), and no trigger may change it; SQLite keeps numbers as REAL, which is exact to 15 digits)"
        )


def read_items(ledger: Ledger, connection: Connection, key: Key) -> list[dict[str, Any]]:
    """Return the rows of a batch's items, by id."""
    item = ledger.tables.item
    names = tuple(item.columns.keys())
    found = _reading(item, connection.dialect.name, names).run(connection, key).all()
    return [dict(zip(names, row, strict=True)) for row in found]


def read_states(ledger: Ledger, connection: Connection, key: Key) -> list[ItemState]:
    """Return how a batch's items stand, by id: all that decides about money."""
    found = _reading(ledger.tables.item, connection.dialect.name, _STATE).run(connection, key).all()
    return list(map(ItemState._make, found))


@cache
def _reading(item: Table, dialect: str, names: tuple[str, ...]) -> Statement:
    said = f"SELECT {', '.join(names)} FROM {quoted(item, dialect)} WHERE {OF_BATCH} ORDER BY item_external_id"
    return statement(said, dialect, (), [item.c[name] for name in names])


def write_items(ledger: Ledger, connection: Connection, rows: list[dict[str, Any]]) -> None:
    """Write what iyzico says of items of one batch, whose rows were read before.

    :raises WarehouseExactnessError: the database does not keep it as it is given
    """
    if not rows:
        return
    item, dialect = ledger.tables.item, connection.dialect.name
    adding: Any
    if dialect in ("mysql", "mariadb"):
        adding = mysql.insert(item)
        adding = adding.on_duplicate_key_update({name: adding.inserted[name] for name in _FROM_IYZICO})
    else:
        adding = postgresql.insert(item) if dialect == "postgresql" else sqlite.insert(item)
        new = {name: adding.excluded[name] for name in _FROM_IYZICO}
        adding = adding.on_conflict_do_update(index_elements=list(item.primary_key.columns), set_=new)
    add_many(connection, adding, rows)
    kept = {each.item_external_id: each for each in read_states(ledger, connection, {name: rows[0][name] for name in _KEY})}
    bent = [row["item_external_id"] for row in rows if kept.get(row["item_external_id"]) != state_of(row)]
    if bent:
        raise WarehouseExactnessError(
            f"table {item.fullname!r} does not hold item {bent[0]!r} as it was given; no trigger may change or swallow its rows"
        )


def state_of(row: dict[str, Any]) -> ItemState:
    return ItemState(*_state(row))


def batch_totals(ledger: Ledger, batch: LedgerBatch) -> Totals:
    """Return what the items of a batch come to."""
    return totals_of(item_states(ledger, batch), batch.commission_bound)


def item_states(ledger: Ledger, batch: LedgerBatch) -> list[ItemState]:
    """Return how a batch's items stand, by id."""
    return ledger.act(lambda connection: read_states(ledger, connection, batch.key))


def item_rows(ledger: Ledger, batch: LedgerBatch) -> list[dict[str, Any]]:
    """Return the rows of a batch's items, by id."""
    return ledger.act(lambda connection: read_items(ledger, connection, batch.key))


def fitting(status: str) -> str:
    """Return a status as its column holds it."""
    return status[:STATUS_LENGTH]


def joined(errors: Iterable[str]) -> str | None:
    """Return iyzico's words about an item as their column holds them."""
    return "; ".join(errors)[:REASON_LENGTH] or None
