"""Batches for tests, and a walk of one to any state by the ledger's own functions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from unicodedata import normalize

from sqlalchemy import select

from airflow_provider_iyzico.api.payout import Batch, Initiated, Item, MassPayout, Payment
from airflow_provider_iyzico.domain.payout import State
from airflow_provider_iyzico.ledger.accounts import Account
from airflow_provider_iyzico.ledger.batches import LedgerBatch
from airflow_provider_iyzico.ledger.ledger import Ledger
from airflow_provider_iyzico.ledger.persons import permit
from airflow_provider_iyzico.ledger.placing import Asked, Placing, Wanted, funds_version, place
from airflow_provider_iyzico.ledger.reading import record
from airflow_provider_iyzico.ledger.register import register
from airflow_provider_iyzico.ledger.steps import initiated, send, step
from airflow_provider_iyzico.ledger.who import Who
from airflow_provider_iyzico.warehouse.task import TaskInstance

IBAN = "TR920086402100005482986178"
NAME = "Ayşe Yılmaz"
BALANCE = Decimal(10_000_000)


def task(run_id: str = "manual__1", **other: Any) -> Who:
    """A task instance in its first try."""
    names = {"dag_id": "salaries", "task_id": "pay", "run_id": run_id, "map_index": -1, "try_number": 1} | other
    return Who(task=TaskInstance(**names, logical_date=None, data_interval_start=None, data_interval_end=None))


PERSON = Who(person="fatma")


def payment(number: int, amount: str = "100.50", **other: Any) -> Payment:
    names = {"recipient_type": "IBAN", "recipient_info": IBAN, "recipient_name": NAME, "description": "salary"} | other
    return Payment(item_external_id=f"item-{number}", amount=Decimal(amount), **names)


def batch_of_two(external_id: str, *amounts: str, **other: Any) -> Batch:
    """A batch of items with these amounts, by default of two."""
    items = tuple(payment(number, amount) for number, amount in enumerate(amounts or ("100.50", "200.00"), 1))
    return Batch(**{"external_id": external_id, "currency": "TRY", "items": items, "purpose": "SALARY"} | other)


def decomposed(batch: Batch) -> Batch:
    """The batch as earlier versions handed it over and kept it, where its ids came in Unicode's decomposed form (NFD)."""
    batch = replace(batch, items=tuple(map(replace, batch.items)))
    for item in batch.items:
        object.__setattr__(item, "item_external_id", normalize("NFD", item.item_external_id))
    return batch


def found(
    batch: LedgerBatch, sent: Batch, status: str = "INIT", items: str | dict[str, str] = "INIT", **other: Any
) -> MassPayout:
    """What iyzico shows of a batch.

    :param items: the status of all items, or of each by its id
    :param other: fields of the batch, or of all items where these have such a field
    """
    of_items = {name: other.pop(name) for name in list(other) if name in Item.__dataclass_fields__ and name != "request_id"}
    return MassPayout(
        **{
            "external_id": sent.external_id,
            "request_id": batch.request_id,
            "merchant_id": batch.account.account,
            "status": status,
            "currency": "TRY",
            "total_amount": sent.total,
            "successful_amount": None,
            "commission_amount": None,
            "received_date": None,
            "completed_date": None,
            "canceled_date": None,
            "items": tuple(
                _item(each, items if isinstance(items, str) else items[each.item_external_id], of_items) for each in sent.items
            ),
        }
        | other
    )


def _item(sent: Payment, status: str, other: dict[str, Any]) -> Item:
    return Item(
        **{
            "item_external_id": sent.item_external_id,
            "reference_code": f"ref-{sent.item_external_id}",
            "recipient_type": sent.recipient_type,
            "recipient_info": sent.recipient_info,
            "recipient_name": sent.recipient_name,
            "description": sent.description,
            "status": status,
            "errors": (),
            "total_amount": sent.amount,
            "commission_amount": Decimal("1.50"),
            "currency": "TRY",
            "request_id": None,
        }
        | other
    )


def asked(ledger: Ledger, account: Account, balance: Decimal = BALANCE) -> Asked:
    """A balance that was asked for just now."""
    version = funds_version(ledger, account)
    return Asked(balance, datetime.now(UTC), version)


def set_aside(ledger: Ledger, batch: LedgerBatch, **wanted: Any) -> None:
    placed = place(ledger, batch.account, Wanted(batch.external_id, **wanted), asked(ledger, batch.account), task(task_id="gate"))
    assert placed.outcome is Placing.PLACED


class Walk:
    """One batch, and the way to any state.

    :ivar batch: as the ledger has it
    """

    def __init__(self, ledger: Ledger, account: Account, sent: Batch, who: Who | None = None, **registered: Any) -> None:
        self.ledger, self.sent = ledger, sent
        self.batch = register(ledger, account, sent, who or task(), **registered)

    def to(self, *states: State) -> Walk:
        """Take steps one after the other, each with what it needs."""
        for state in states:
            self.batch = self._step(state)
            assert self.batch.state is state
        return self

    def read(self, status: str, items: str | dict[str, str], settling_seconds: float = 0, **other: Any) -> Walk:
        """Keep what iyzico says."""
        said = found(self.batch, self.sent, status, items, **other)
        self.batch = record(self.ledger, self.batch, said, task(), settling_seconds=settling_seconds)
        return self

    def _step(self, state: State) -> LedgerBatch:
        ledger, batch = self.ledger, self.batch
        if state is State.AUTH_SENT:
            set_aside(ledger, batch)
            if batch.auth_unanswered_at is not None:
                batch = permit(ledger, batch, PERSON, "iyzico's panel shows nothing")
            return send(ledger, batch, state, task(), timeout_seconds=30, asked=asked(ledger, batch.account))
        if state in (State.INIT_SENT, State.CANCEL_SENT):
            return send(ledger, batch, state, task(), timeout_seconds=30)
        if state is State.INITIATED and batch.request_id is None:
            batch = initiated(ledger, batch, Initiated(f"req-{batch.account.account}-{batch.external_id}", ()), task())
            return record(ledger, batch, found(batch, self.sent), task())
        if state is State.CANCELLED:
            batch = record(ledger, batch, found(batch, self.sent, "CANCELED", "MASS_PAYOUT_CANCELED"), task())
        if state is State.ENDED:
            return record(ledger, batch, found(batch, self.sent, "COMPLETED", "SUCCESS"), task(), settling_seconds=0)
        if state is State.AUTHORIZED and batch.state is State.ENDED:
            return record(ledger, batch, found(batch, self.sent, "COMPLETED", "FAILED"), task())
        return step(ledger, batch, state, task())


#: A way to each state from its registering.
WAYS: dict[State, tuple[State, ...]] = {State.NEW: ()}
WAYS[State.INIT_SENT] = (State.INIT_SENT,)
for _before, _after in (
    (State.INIT_SENT, State.INIT_UNKNOWN),
    (State.INIT_SENT, State.REFUSED),
    (State.INIT_SENT, State.INITIATED),
    (State.INITIATED, State.AUTH_SENT),
    (State.AUTH_SENT, State.AUTH_UNKNOWN),
    (State.AUTH_SENT, State.AUTHORIZED),
    (State.AUTHORIZED, State.ENDED),
    (State.INITIATED, State.CANCEL_SENT),
    (State.CANCEL_SENT, State.CANCEL_UNKNOWN),
    (State.CANCEL_SENT, State.CANCELLED),
):
    WAYS[_after] = (*WAYS[_before], _after)


def rows(ledger: Ledger, table: str, key: dict[str, str]) -> list[dict[str, Any]]:
    """Return the rows of a table that belong to a batch, as they are stored."""
    of = getattr(ledger.tables, table)
    query = select(of).where(*[of.c[name] == value for name, value in key.items()])
    return ledger.act(lambda connection: [dict(row) for row in connection.execute(query).mappings()])


def hold_of(ledger: Ledger, batch: LedgerBatch) -> tuple[Decimal, str | None] | None:
    """Return what the newest hold of a batch counts, and how it ended."""
    holds = sorted(rows(ledger, "hold", batch.key), key=lambda row: row["number"])
    if not holds:
        return None
    ends = ledger.act(
        lambda connection: dict(connection.execute(select(ledger.tables.hold_end.c.hold_id, ledger.tables.hold_end.c.kind)).all())
    )
    return holds[-1]["counted"], ends.get(holds[-1]["hold_id"])


def of_items(statuses: Iterable[str]) -> dict[str, str]:
    return {f"item-{number}": status for number, status in enumerate(statuses, 1)}


def stale(batch: LedgerBatch) -> LedgerBatch:
    """The batch as somebody saw it who is one version behind."""
    return replace(batch, version=batch.version - 1)
