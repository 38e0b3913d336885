"""The judge: goes by the rows of the database and by what the source said, with arithmetic of its own, and uses none of our code."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal

from journal import Entry
from source import NUMBER, Answer
from sqlalchemy import text
from sqlalchemy.engine import Engine

#: A batch in such a state may have been paid.
SENT = {"auth_sent", "auth_unknown", "authorized"}


def violations(entries: Iterable[Entry], answers: dict[str, list[Answer]] | None = None) -> list[str]:
    """Return what must never happen and did: by its name, with the account and the number of the entry.

    :param answers: by account, what was said of the balance, each answer by its number; ``None``: iyzico said it
    """
    found: list[str] = []
    held: dict[str, dict[str, Decimal]] = defaultdict(dict)
    last_end: dict[str, int] = defaultdict(int)
    for entry in entries:
        where, mine = f"{entry.account}, entry {entry.seq}", held[entry.account]
        if entry.kind == "placed":
            mine[entry.name] = entry.counted
            total = sum(mine.values())
            if total > entry.balance:
                found.append(f"over-committed: {where}: {total} is held on {entry.balance}")
            if answers is None:
                continue
            answer = answers[entry.account][int(entry.balance / NUMBER % 10_000)]
            if answer.balance != entry.balance:
                found.append(f"bent: {where}: {answer.balance} was said, and {entry.balance} is kept")
            if answer.last_end < last_end[entry.account]:
                found.append(f"stale: {where}: asked before entry {last_end[entry.account]}, which ended a hold")
        elif entry.kind == "shrank" and entry.name in mine and entry.counted != mine[entry.name]:
            mine[entry.name], last_end[entry.account] = entry.counted, entry.seq
        elif entry.kind == "ended":
            mine.pop(entry.name, None)
            last_end[entry.account] = entry.seq
    return found


def wrong_batches(engine: Engine) -> list[str]:
    """Return which batches were held for too little, and which lost their hold to time after they had been sent."""
    query = text("""
        SELECT payout.account, payout.external_id, payout.state, payout.total, payout.commission, hold.amount, hold_end.kind
        FROM iyzico_balance_hold AS hold
        JOIN iyzico_payout AS payout ON payout.account = hold.account AND payout.external_id = hold.external_id
        LEFT JOIN iyzico_balance_hold_end AS hold_end ON hold_end.hold_id = hold.hold_id""")
    with engine.connect() as connection:
        rows = connection.execute(query).all()
        sent = {
            (account, name)
            for account, name, said in connection.execute(text("SELECT account, name, said FROM journal WHERE kind = 'state'"))
            if said in SENT
        }
    found = []
    for account, name, _state, total, commission, amount, kind in rows:
        needed = Decimal(str(total)) + Decimal(str(commission))
        if Decimal(str(amount)) != needed:
            found.append(f"commission left out: {account} {name}: {amount} is held, and {needed} is needed")
        if kind == "expired" and (account, name) in sent:
            found.append(f"ended by time although sent: {account} {name}")
    return found
