"""What happened in the tables of a ledger, in the order of its commits: kept by triggers, which know nothing of our code.

Who changes holds has locked their account, so that the numbers of one account's entries are in the order of their commits.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import text
from sqlalchemy.engine import Connection, Engine

_TABLE = """CREATE TABLE journal (seq {key}, account VARCHAR(64), kind VARCHAR(16), name VARCHAR(64),
    said VARCHAR(32), counted DECIMAL(28, 8), balance DECIMAL(28, 8))"""
_KEYS = {
    "postgresql": "BIGSERIAL PRIMARY KEY",
    "sqlite": "INTEGER PRIMARY KEY AUTOINCREMENT",
    "mysql": "BIGINT AUTO_INCREMENT PRIMARY KEY",
}
_INTO = "INSERT INTO journal (account, kind, name, said, counted, balance)"
#: When, on which table, and what goes into the journal.
_TRIGGERS = {
    "placed": (
        "INSERT",
        "iyzico_balance_hold",
        f"{_INTO} VALUES (NEW.account, 'placed', NEW.hold_id, '', NEW.counted, NEW.balance)",
    ),
    "shrank": ("UPDATE", "iyzico_balance_hold", f"{_INTO} VALUES (NEW.account, 'shrank', NEW.hold_id, '', NEW.counted, NULL)"),
    "ended": (
        "INSERT",
        "iyzico_balance_hold_end",
        f"{_INTO} SELECT account, 'ended', hold_id, NEW.kind, 0, NULL FROM iyzico_balance_hold WHERE hold_id = NEW.hold_id",
    ),
    "state": ("UPDATE", "iyzico_payout", f"{_INTO} VALUES (NEW.account, 'state', NEW.external_id, NEW.state, NULL, NULL)"),
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry.

    :param name: the hold, or the batch whose state changed
    :param said: why a hold ended, or the state
    """

    seq: int
    account: str
    kind: str
    name: str
    said: str
    counted: Decimal | None
    balance: Decimal | None


def keep_journal(engine: Engine) -> None:
    """Make the journal beside the tables of the ledger."""
    dialect = engine.dialect.name
    with engine.begin() as connection:
        connection.execute(text(_TABLE.format(key=_KEYS[dialect])))
        for name, (when, table, entry) in _TRIGGERS.items():
            if dialect == "postgresql":
                connection.execute(
                    text(
                        f"CREATE FUNCTION journal_{name}() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN {_quoted(entry)}; RETURN NEW; END'"
                    )
                )
                what = f"EXECUTE FUNCTION journal_{name}()"
            else:
                what = f"BEGIN {entry}; END"
            connection.execute(text(f"CREATE TRIGGER journal_{name} AFTER {when} ON {table} FOR EACH ROW {what}"))


def entries(engine: Engine) -> list[Entry]:
    """Read the journal."""
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT seq, account, kind, name, said, counted, balance FROM journal ORDER BY seq")).all()
    return [Entry(*row[:5], _money(row[5]), _money(row[6])) for row in rows]


def last_end(connection: Connection, account: str) -> int:
    """Return the number of the last end, or shrinking, of a hold of the account that is committed now."""
    query = text("SELECT max(seq) FROM journal WHERE account = :account AND kind IN ('shrank', 'ended')")
    return connection.execute(query, {"account": account}).scalar() or 0


def _money(value: object) -> Decimal | None:
    return None if value is None else Decimal(str(value))


def _quoted(entry: str) -> str:
    return entry.replace("'", "''")
