"""What does placing a hold cost over connecting, one plain insert and a commit? And 16 processes at once, on one account?

Side by side, on a real PostgreSQL. Each placement makes an engine and a connection of its own, as a task does. Ours adds: the
keys of the tables are checked, the account is locked, its holds are summed, and the row is read back. BENCH_ROWS sets the rounds.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from datetime import UTC, datetime
from decimal import Decimal
from multiprocessing import get_context
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parent.parent / part) for part in ("tools", "tests")]

from postgres import postgres_server
from sqlalchemy import create_engine, insert, select, text

from airflow_provider_iyzico.ledger.accounts import Account
from airflow_provider_iyzico.ledger.ledger import Ledger
from airflow_provider_iyzico.ledger.placing import Asked, Placing, Wanted, funds_version, place
from airflow_provider_iyzico.ledger.tables import ledger_tables
from airflow_provider_iyzico.ledger.who import Who
from airflow_provider_iyzico.warehouse.task import TaskInstance

ROUNDS = int(os.environ.get("BENCH_ROWS", "300"))
PROMISED, PROCESSES, HOLDS, PROMISED_P99 = 2.0, 16, 1_000, 50
WHO = Who(TaskInstance("dag", "task", "run", -1, 1, None, None, None))
PLENTY = Decimal(1_000_000)


def ours(url: str, account: Account, name: str, *, reads_version: bool = False) -> float:
    started = time.perf_counter()
    engine = create_engine(url)
    ledger = Ledger.open(engine, create_table=False)
    version = funds_version(ledger, account) if reads_version else 0
    wanted = Wanted(name, batch_total=Decimal("0.01"))
    placement = place(ledger, account, wanted, Asked(PLENTY, datetime.now(UTC), version), WHO)
    engine.dispose()
    if placement.outcome is not Placing.PLACED:
        raise RuntimeError(f"{name}: {placement.outcome}")
    return time.perf_counter() - started


def plain(url: str, row: dict[str, Any]) -> float:
    started = time.perf_counter()
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(insert(ledger_tables().hold).values(row))
    engine.dispose()
    return time.perf_counter() - started


def first_row(url: str) -> dict[str, Any]:
    """Make the tables with a first hold, and return its row."""
    engine = create_engine(url)
    place(
        Ledger.open(engine), account("first"), Wanted("first", batch_total=Decimal(1)), Asked(PLENTY, datetime.now(UTC), 0), WHO
    )
    with engine.connect() as connection:
        row = dict(connection.execute(select(ledger_tables().hold)).mappings().one())
    engine.dispose()
    return row


def account(name: str) -> Account:
    return Account("production", name, "TRY")


def alone(url: str, row: dict[str, Any]) -> list[tuple[float, float, float]]:
    """Return the seconds of a hold, of a hold with reading the version before, and of a plain insert, in turns.

    Each account has nine other holds.
    """
    found = []
    for number in range(ROUNDS):
        mine = account(f"a{number // 5}")
        hold, gate = ours(url, mine, f"h{number}"), ours(url, mine, f"g{number}", reads_version=True)
        named = {"hold_id": f"p{number}", "external_id": f"p{number}", "account": "plain"}
        found.append((hold, gate, plain(url, {**row, **named})))
    return found[ROUNDS // 10 :]


def rush(url: str) -> list[float]:
    """Return the seconds of each hold that processes placed at once on one account."""
    context = get_context("fork")
    start, results = context.Barrier(PROCESSES), context.SimpleQueue()

    def take_part(process: int) -> None:
        start.wait()
        results.put([ours(url, account("rush"), f"r{process}-{n}") for n in range(process, HOLDS, PROCESSES)])

    processes = [context.Process(target=take_part, args=(number,)) for number in range(PROCESSES)]
    for process in processes:
        process.start()
    found = [seconds for _ in processes for seconds in results.get()]
    for process in processes:
        process.join()
    return found


def main() -> int:
    with postgres_server() as given:
        url = given.replace("postgresql://", "postgresql+psycopg://")
        row = first_row(url)
        pairs = alone(url, row)
        began = time.perf_counter()
        contended = rush(url)
        seconds = time.perf_counter() - began
        engine = create_engine(url)
        with engine.connect() as connection:
            kept = connection.execute(text("SELECT count(*) FROM iyzico_balance_hold WHERE account = 'rush'")).scalar()
        engine.dispose()
    hold, gate, insert_ = (statistics.median(each) for each in zip(*pairs, strict=True))
    ratio = statistics.median(mine / theirs for mine, _, theirs in pairs)
    p99 = statistics.quantiles(contended, n=100)[-1]
    print(f"placing a hold, {len(pairs)} pairs, each with its own connection (medians)")
    print(f"  place                           {hold * 1000:7.2f} ms")
    print(f"  read the version, then place    {gate * 1000:7.2f} ms")
    print(f"  connect, insert, commit         {insert_ * 1000:7.2f} ms")
    print(f"  ratio of place to insert        {ratio:7.2f}   promised: at most {PROMISED}")
    print(f"{PROCESSES} processes at once on one account: {kept} holds in {seconds:.1f} s")
    print(f"  median {statistics.median(contended) * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms")
    print(f"  p99 to the median alone         {p99 / hold:7.2f}   promised: below {PROMISED_P99}")
    return 0 if ratio <= PROMISED and p99 < PROMISED_P99 * hold and kept == HOLDS else 1


if __name__ == "__main__":
    sys.exit(main())
