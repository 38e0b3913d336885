"""Ledgers for tests: an account, tasks, batches put into the tables by hand, and rows as they are in the database."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from snapshots import another
from sqlalchemy import insert, select, update

from airflow_provider_iyzico.ledger.accounts import Account, locked
from airflow_provider_iyzico.ledger.holds import release_plain
from airflow_provider_iyzico.ledger.ledger import Ledger
from airflow_provider_iyzico.ledger.placing import Asked, Wanted, funds_version, place
from airflow_provider_iyzico.ledger.who import Who
from airflow_provider_iyzico.warehouse.task import TaskInstance

ACCOUNT = Account("sandbox", "şube", "TRY")
DOLLARS = replace(ACCOUNT, currency="USD")
NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)


def task(run_id="r1", try_number=1, **more):
    parts = {"dag_id": "d", "task_id": "t", "map_index": -1} | more
    return Who(
        TaskInstance(
            run_id=run_id, try_number=try_number, **parts, logical_date=None, data_interval_start=None, data_interval_end=None
        )
    )


ME = task()


def asked(ledger, balance, account=ACCOUNT):
    """What a gate knows when it comes to place: the version was read, and then the balance."""
    version = funds_version(ledger, account)
    return Asked(Decimal(balance), NOON, version)


def put(ledger, name, amount, balance="100", *, who=ME, account=ACCOUNT, headroom="0", seconds=None):
    """Read the version, ask, and place a plain hold."""
    wanted = Wanted(name, Decimal(headroom), Decimal(amount), seconds)
    return place(ledger, account, wanted, asked(ledger, balance, account), who)


def put_batch(ledger, name, balance="100", *, who=ME, account=ACCOUNT, headroom="0", seconds=None):
    """The same for a batch of the ledger."""
    return place(ledger, account, Wanted(name, Decimal(headroom), None, seconds), asked(ledger, balance, account), who)


def release(ledger, name, *, who=ME, account=ACCOUNT):
    return release_plain(ledger, account, name, who)


def enter_batch(ledger, name, total="40", commission="0", *, state="initiated", account=ACCOUNT, required=...):
    """Put a batch into the tables by hand."""
    total, commission = Decimal(total), Decimal(commission)
    row = {
        "environment": account.environment,
        "account": account.account,
        "external_id": name,
        "currency": account.currency,
        "state": state,
        "version": 1,
        "content_digest": "-",
        "payments_digest": name,
        "items": 1,
        "total": total,
        "invalid_items": 0,
        "commission": commission,
        "required": total + commission if required is ... else required,
        "dag_id": "d",
        "task_id": "t",
        "run_id": "r1",
        "map_index": -1,
        "try_number": 1,
        "created_at": NOON,
        "changed_at": NOON,
        "provider_version": "0",
    }

    def enter(connection):
        locked(ledger, connection, account)
        connection.execute(insert(ledger.tables.payout).values(row))

    ledger.act(enter)


def set_state(ledger, name, state):
    table = ledger.tables.payout
    ledger.act(lambda connection: connection.execute(update(table).where(table.c.external_id == name).values(state=state)))


def empty(engine):
    """Make the tables of a ledger, or take out what an earlier test has left in them."""
    ledger = Ledger.open(engine)
    ledger.act(lambda connection: [connection.execute(table.delete()) for table in reversed(ledger.tables)])


def rows(ledger, table, *columns):
    """The rows of a table in the order of its key, as plain tuples."""
    table = getattr(ledger.tables, table)
    query = select(*[table.c[name] for name in columns] or [table]).order_by(*table.primary_key.columns)
    return [tuple(row) for row in ledger.act(lambda connection: connection.execute(query).all())]


def holds(ledger, *columns):
    """The holds by name and number, with the kind of their end."""
    hold, hold_end = ledger.tables.hold, ledger.tables.hold_end
    chosen = [hold.c[name] for name in columns or ("external_id", "number", "amount")]
    query = select(*chosen, hold_end.c.kind).select_from(hold.outerjoin(hold_end, hold_end.c.hold_id == hold.c.hold_id))
    query = query.order_by(hold.c.external_id, hold.c.number)
    return [tuple(row) for row in ledger.act(lambda connection: connection.execute(query).all())]


def another_ledger(ledger, **options):
    """The same ledger, as another process opens it."""
    return Ledger.open(another(ledger.engine), **options)
