"""One row per account and currency: who locks it may change its holds."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Table, and_, select
from sqlalchemy.dialects import mysql
from sqlalchemy.engine import Connection, RowMapping

from airflow_provider_iyzico.domain.approval import names_of
from airflow_provider_iyzico.errors import (
    IyzicoConfigurationError,
    WarehouseConfigurationError,
    WarehouseError,
    WarehouseRowError,
)
from airflow_provider_iyzico.ledger.ledger import Ledger
from airflow_provider_iyzico.ledger.shape import other_ledgers
from airflow_provider_iyzico.warehouse.database.rows import add
from airflow_provider_iyzico.warehouse.database.statements import Statement, quoted, statement

#: What makes a row that of an account and currency, or that of a batch, for statements that are written out.
OF_ACCOUNT = "environment = :environment AND account = :account AND currency = :currency"
OF_BATCH = "environment = :environment AND account = :account AND external_id = :external_id"


@dataclass(frozen=True, slots=True)
class Account:
    """Whose balance it is: one merchant account, in one environment and currency."""

    environment: str
    account: str
    currency: str

    def key(self) -> dict[str, str]:
        return {"environment": self.environment, "account": self.account, "currency": self.currency}

    def __str__(self) -> str:
        return f"{self.account} ({self.environment}, {self.currency})"


def is_of(table: Table, account: Account) -> Any:
    """Return the condition that a row is of that account and currency."""
    return and_(*[table.c[name] == value for name, value in account.key().items()])


def require_one_currency(ledger: Ledger, account: Account) -> None:
    """Refuse an account that the ledger has in another currency, too, where nothing says which one its balance is in.

    :raises IyzicoConfigurationError: the Connection must name it
    """
    table = ledger.tables.account
    mine = [table.c[name] == value for name, value in account.key().items() if name != "currency"]
    query = select(table.c.currency).where(*mine, table.c.currency != account.currency).limit(1)
    if (other := ledger.act(lambda connection: connection.execute(query).scalar())) is not None:
        raise IyzicoConfigurationError(
            f"the ledger has {account.account} ({account.environment}) in {other}, and this task says {account.currency}: if it "
            "is one balance, it would be spent twice. Write its currency into the extra of the Connection"
        )


def locked(ledger: Ledger, connection: Connection, account: Account) -> RowMapping:
    """Return the row of an account, which nobody else may change before this transaction ends; make it where it is missing.

    :raises WarehouseRowError: it was there, and is lost
    :raises IyzicoConfigurationError: another account's label differs from its label only in capitals
    :raises WarehouseConfigurationError: another ledger in the same database has it
    """
    table = ledger.tables.account
    locking = _locking(table, connection.dialect.name)
    row, digest_key = locking.run(connection, account.key()).mappings().first(), None
    if row is None:
        _refuse_alike(ledger, connection, account)
        _refuse_second_ledger(ledger, connection, account)
        digest_key = _enter(ledger, connection, account)
        row = locking.run(connection, account.key()).mappings().first()
    if row is None:
        raise WarehouseError(f"table {table.fullname!r} took the row of {account}, but a query does not find it")
    if row["digest_key"] == digest_key:  # nobody was faster
        _refuse_lost(ledger, connection, account)
    return row


@cache
def _locking(table: Table, dialect: str) -> Statement:
    lock = "" if dialect == "sqlite" else "FOR UPDATE"  # SQLite's one lock for writers is taken when the transaction begins
    said = f"SELECT {', '.join(table.columns.keys())} FROM {quoted(table, dialect)} WHERE {OF_ACCOUNT} {lock}"
    return statement(said, dialect, (), table.columns)


def _refuse_alike(ledger: Ledger, connection: Connection, account: Account) -> None:
    """Refuse a new account whose label people would read as that of another one: somebody has misspelled it."""
    table = ledger.tables.account
    query = select(table.c.account).where(table.c.environment == account.environment, table.c.account != account.account)
    for label in connection.execute(query).scalars():
        if names_of(label) & names_of(account.account):
            raise IyzicoConfigurationError(
                f"the ledger has an account {label!r}, and this Connection's account is {account.account!r}: two labels would "
                "spend one balance twice; write the label alike in the extra of all Connections of a merchant"
            )


def _refuse_second_ledger(ledger: Ledger, connection: Connection, account: Account) -> None:
    """Refuse a new account that another ledger in the same database has: some task names another schema, or none.

    In the sandbox, where no money is lost, every developer may have a ledger.
    """
    if account.environment != "production":
        return
    for table in other_ledgers(connection, ledger.tables):
        if connection.execute(select(table.c.account).where(is_of(table, account)).limit(1)).first() is not None:
            raise WarehouseConfigurationError(
                f"the database has another ledger with {account}, in schema {table.schema!r}: neither sees what the other sets "
                "aside, so money could be spent twice. Give all tasks one ledger_schema, and their Connections one schema; if "
                f"that ledger is an old copy, drop its table {table.name!r}"
            )


def _refuse_lost(ledger: Ledger, connection: Connection, account: Account) -> None:
    """Refuse to make the row of an account again, which was lost."""
    for table in (ledger.tables.payout, ledger.tables.hold):
        if connection.execute(select(table.c.external_id).where(is_of(table, account)).limit(1)).first() is not None:
            raise WarehouseRowError(
                f"table {ledger.tables.account.fullname!r} has lost the row of {account}, without which payments that were made "
                "before are not recognised; restore it from a backup"
            )


def _enter(ledger: Ledger, connection: Connection, account: Account) -> str:
    """Make the row of an account, unless somebody else is faster, and return the key that it would have."""
    row: dict[str, Any] = {
        **account.key(),
        "funds_version": 0,
        "balance": None,
        "balance_asked_at": None,
        "merchant_id": None,
        "digest_key": secrets.token_hex(32),
        "created_at": ledger.clock(connection),
    }
    table = ledger.tables.account
    if connection.dialect.name in ("mysql", "mariadb"):  # a plain INSERT that is too late holds a lock on which others deadlock
        connection.execute(mysql.insert(table).values(row).on_duplicate_key_update(account=table.c.account))
    else:
        add(connection, table, row)
    return str(row["digest_key"])
