"""What does keeping a snapshot cost over connecting, one plain insert and a commit? Side by side, on a real PostgreSQL.

Ours adds: locking the account, reading the row back and comparing it, and the daily roll-up. Each of the two makes its own engine
and connection, as a task does. Set BENCH_ROWS for more rounds.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parent.parent / part) for part in ("tools", "tests")]

from postgres import postgres_server
from sqlalchemy import create_engine, insert, text

from airflow_provider_iyzico.warehouse.append import append
from airflow_provider_iyzico.warehouse.snapshot import Observation, snapshot_row
from airflow_provider_iyzico.warehouse.tables import snapshot_table
from airflow_provider_iyzico.warehouse.task import TaskInstance

ROUNDS = int(os.environ.get("BENCH_ROWS", "300"))
PROMISED = 1.2


def row(number: int, account: str) -> dict[str, Any]:
    moment = datetime(2026, 11, 1, tzinfo=UTC) + timedelta(minutes=number)
    seen = Observation(account, "production", "TRY", Decimal(number) / 100, "1", moment, None, 5, "Europe/Istanbul")
    return snapshot_row(seen, TaskInstance("dag", "task", str(number), -1, 1, None, None, None))


def plain(url: str, number: int) -> float:
    started = time.perf_counter()
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(insert(snapshot_table("plain")).values(row(number, "plain")))
    engine.dispose()
    return time.perf_counter() - started


def ours(url: str, number: int) -> float:
    started = time.perf_counter()
    engine = create_engine(url)
    append(engine, snapshot_table(), row(number, "ours"), create_table=False)
    engine.dispose()
    return time.perf_counter() - started


def main() -> int:
    with postgres_server() as given:
        url = given.replace("postgresql://", "postgresql+psycopg://")
        engine = create_engine(url)
        append(engine, snapshot_table(), row(-1, "first"), create_table=True)
        with engine.begin() as connection:
            connection.execute(text("CREATE TABLE plain (LIKE iyzico_balance_snapshot INCLUDING ALL)"))
        engine.dispose()
        pairs = [(ours(url, number), plain(url, number)) for number in range(ROUNDS)][ROUNDS // 10 :]
    ratios = [mine / theirs for mine, theirs in pairs]
    low, high = statistics.quantiles(ratios, n=20)[0], statistics.quantiles(ratios, n=20)[-1]
    print(f"keeping a snapshot, {len(pairs)} pairs, each with its own connection (medians)")
    print(f"  append                    {statistics.median(mine for mine, _ in pairs) * 1000:7.2f} ms")
    print(f"  connect, insert, commit   {statistics.median(theirs for _, theirs in pairs) * 1000:7.2f} ms")
    print(f"  ratio                     {statistics.median(ratios):7.2f}  (5th to 95th percentile {low:.2f} to {high:.2f})")
    print(f"  promised: at most {PROMISED}")
    return 0 if statistics.median(ratios) <= PROMISED else 1


if __name__ == "__main__":
    sys.exit(main())
