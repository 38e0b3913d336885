"""What the page asks of the ledger: what is set aside, what needs a person, and what became of batches and their items."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import BigInteger, Integer, case, cast, func, select
from sqlalchemy.engine import Connection
from sqlalchemy.sql.expression import ColumnElement, Select

from airflow_provider_iyzico.ui.columns import view
from airflow_provider_iyzico.ui.parts import lack
from airflow_provider_iyzico.ui.questions import Period, Who, digits, of, plain
from airflow_provider_iyzico.ui.reasons import EVENT_CODES

#: At most so many rows are listed: the newest batches, the oldest exceptions, the first items, the newest events.
MOST_BATCHES = 200
MOST_EXCEPTIONS = 200
MOST_ITEMS = 500
MOST_EVENTS = 300
#: At most so many batches are named that hold money.
MOST_HOLDERS = 20
_SUMS = ("requested", "invalid", "valid", "cancelled", "paid", "returned", "outstanding", "waiting", "out", "unknown")
_TOTALS = [
    *[f"{part}_{unit}" for part in _SUMS for unit in ("items", "total")],
    "paid_commission",
    "returned_commission",
    "unpaid_items",
    "needs_person",
]


def available(connection: Connection, schema: str | None, who: Who, latest: dict[str, Any], zone: ZoneInfo) -> dict[str, Any]:
    """Return what is set aside of an account and what is available, with the moment of that balance, or what is lacking.

    :param latest: the newest balance, as the page shows it
    """
    if lacking := lack(connection, schema, "iyzico_balance_available"):
        return {"lack": lacking._asdict(), "funds": None}
    row = connection.execute(of(view("iyzico_balance_available", schema), who)).first()
    if row is None:
        return {"lack": None, "funds": None}
    held_by = holders(row.held_by)
    funds = plain(row, zone) | {"held_by": held_by, "failed": _failed(connection, schema, who, [name for name, _ in held_by])}
    asked_at, seen_at = funds["balance_asked_at"], latest["observed_at"]
    if is_newer(seen_at, asked_at):
        left = digits(Decimal(latest["balance"]) - row.held)
        funds |= {"balance": latest["balance"], "balance_asked_at": seen_at, "available": left}
    return {"lack": None, "funds": funds}


def is_newer(seen_at: Any, asked_at: Any) -> bool:
    """Tell whether a balance was seen after the ledger last asked for one: then holds leave something of that one."""
    return None not in (seen_at, asked_at) and bool(seen_at > asked_at)


def _failed(connection: Connection, schema: str | None, who: Who, names: list[str]) -> dict[str, str]:
    """Return by batch what its failed payments took from the balance. They stay set aside until their money is back."""
    if lack(connection, schema, "iyzico_payout_summary") or not names:
        return {}
    source = view("iyzico_payout_summary", schema)
    query = of(source, who, ("external_id", "out_total")).where(source.c.external_id.in_(names), source.c.out_items > 0)
    return {row.external_id: digits(row.out_total) for row in connection.execute(query)}


def holders(held_by: str | None) -> list[list[str]]:
    """Return who holds money, and how much, the largest amounts first, from the view's list of both; names have no blanks."""
    parts = [each.rpartition(" ") for each in (held_by or "").split(", ") if each]
    by_amount = sorted(((Decimal(amount), name) for name, _, amount in parts), key=lambda each: (-each[0], each[1]))
    return [[name, digits(amount)] for amount, name in by_amount[:MOST_HOLDERS]]


def payouts(connection: Connection, schema: str | None, who: Who, period: Period, zone: ZoneInfo) -> dict[str, Any]:
    """Return what needs a person, the batches that began in a period, and their sums."""
    if lacking := lack(connection, schema, "iyzico_payout_exception", "iyzico_payout_summary"):
        return {"lack": lacking._asdict()}
    open_ones = list(connection.execute(exceptions(schema, who).limit(MOST_EXCEPTIONS)))
    found = list(connection.execute(batches(schema, who, period).limit(MOST_BATCHES)))
    return {
        "lack": None,
        "exceptions": [plain(row, zone) for row in open_ones],
        "exceptions_in_all": open_ones[0].in_all if open_ones else 0,
        "batches": [plain(row, zone) for row in found],
        "sums": plain(connection.execute(_sums(schema, who, period)).one()),
    }


def exceptions_in_all(connection: Connection, schema: str | None, who: Who) -> dict[str, Any]:
    """Return how many exceptions an account has, or what is lacking."""
    if lacking := lack(connection, schema, "iyzico_payout_exception"):
        return {"lack": lacking._asdict()}
    counted = of(view("iyzico_payout_exception", schema), who).with_only_columns(func.count())
    return {"lack": None, "exceptions_in_all": connection.execute(counted).scalar()}


def exceptions(schema: str | None, who: Who) -> Select[Any]:
    """Ask for all that needs a person, the oldest first, whatever period the page shows."""
    source = view("iyzico_payout_exception", schema)
    return of(source, who).add_columns(func.count().over().label("in_all")).order_by(source.c.since, source.c.external_id)


def batches(schema: str | None, who: Who, period: Period) -> Select[Any]:
    """Ask for the batches that began in a period, the newest first."""
    source = view("iyzico_payout_summary", schema)
    within = source.c.created_at >= period.starts_at, source.c.created_at < period.ends_at
    return of(source, who).where(*within).order_by(source.c.created_at.desc(), source.c.external_id)


def batch(connection: Connection, schema: str | None, who: Who, external_id: str, zone: ZoneInfo) -> dict[str, Any]:
    """Return one batch with its items and its events, or what is lacking. A plain hold has no batch."""
    names = ("iyzico_payout_summary", "iyzico_payout_item_report", "iyzico_payout_event")
    if lacking := lack(connection, schema, *names):
        return {"lack": lacking._asdict(), "name": external_id, "batch": None}
    source = view("iyzico_payout_summary", schema)
    if (row := connection.execute(of(source, who).where(source.c.external_id == external_id)).first()) is None:
        return {"lack": None, "name": external_id, "batch": None}
    item_rows = list(connection.execute(items(schema, who, external_id).limit(MOST_ITEMS)))
    return {
        "lack": None,
        "name": external_id,
        "batch": plain(row, zone),
        "items": [plain(each, zone) for each in item_rows],
        "events": [
            plain(each, zone) | {"reason_code": EVENT_CODES.get(each.reason)}
            for each in connection.execute(_timeline(schema, who, external_id))
        ],
        "most_events": MOST_EVENTS,
    }


def items(schema: str | None, who: Who, external_id: str) -> Select[Any]:
    """Ask for the items of a batch: first those that are not paid."""
    source = view("iyzico_payout_item_report", schema)
    is_paid = case((source.c.meaning == "paid", 1), else_=0)
    return of(source, who).where(source.c.external_id == external_id).order_by(is_paid, source.c.item_external_id)


def events(schema: str | None, who: Who, external_id: str) -> Select[Any]:
    """Ask for the events of a batch, the newest first."""
    source = view("iyzico_payout_event", schema)
    conditions = _of_batch(source, who, external_id)
    return select(*source.c).where(*conditions).order_by(source.c.version.desc(), source.c.happened_at.desc(), source.c.kind)


def _timeline(schema: str | None, who: Who, external_id: str) -> Select[Any]:
    """Ask for the newest events. Items that took the same step at the same time are one event."""
    source = view("iyzico_payout_event", schema)
    same = [source.c[name] for name in ("version", "happened_at", "kind", "before", "after", "reason", "person")]
    of_run = [source.c[name] for name in ("dag_id", "task_id", "run_id", "map_index")]
    counted: list[ColumnElement[Any]] = [
        func.count().label("count"),
        func.min(source.c.item_external_id).label("item_external_id"),
    ]
    order = source.c.version.desc(), source.c.happened_at.desc(), source.c.kind
    query = select(*same, *of_run, *counted).where(*_of_batch(source, who, external_id))
    return query.group_by(*same, *of_run).order_by(*order).limit(MOST_EVENTS)


def _of_batch(source: Any, who: Who, external_id: str) -> list[ColumnElement[bool]]:
    key = {"environment": who.environment, "account": who.account, "external_id": external_id}
    return [source.c[name] == value for name, value in key.items()]


def _sums(schema: str | None, who: Who, period: Period) -> Select[Any]:
    source = batches(schema, who, period).order_by(None).subquery()
    whole = view("iyzico_payout_summary", None).c
    sums = [
        cast(func.coalesce(func.sum(source.c[name]), 0), BigInteger).label(name)
        if isinstance(whole[name].type, Integer)
        else func.coalesce(func.sum(source.c[name]), 0, type_=whole[name].type).label(name)
        for name in _TOTALS
    ]
    return select(func.count().label("batches"), *sums)
