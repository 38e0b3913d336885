"""What does placing a hold cost over connecting, one plain insert and a commit? And 16 processes at once, on one account?

Side by side, on a real PostgreSQL. Each placement makes an engine and a connection of its own, as a task does.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent.parent / part) for part in ("tools", "tests")]

from postgres import postgres_server
from sqlalchemy import create_engine, insert, select

from airflow_provider_iyzico.ledger.accounts import Account
from airflow_provider_iyzico.ledger.ledger import Ledger
from airflow_provider_iyzico.ledger.placing import Asked, Placing, Wanted, funds_version, place
from airflow_provider_iyzico.ledger.who import Who
from airflow_provider_iyzico.warehouse.task import TaskInstance

ROUNDS = int(os.environ.get("BENCH_ROWS", "200"))
WHO = Who(TaskInstance("d", "t", "r", -1, 1, None, None, None))
ACC = Account("sandbox", "a", "TRY")


def ours(url, n, whole):
    s = time.perf_counter()
    engine = create_engine(url)
    ledger = Ledger.open(engine, create_table=False)
    v = funds_version(ledger, ACC) if whole else 0
    p = place(ledger, ACC, Wanted(f"x{n}", batch_total=Decimal("0.01")), Asked(Decimal(1000000), datetime.now(UTC), v), WHO)
    engine.dispose()
    assert p.outcome is Placing.PLACED
    return time.perf_counter() - s


def plain(url, n, table, row):
    s = time.perf_counter()
    engine = create_engine(url)
    with engine.begin() as c:
        c.execute(insert(table).values({**row, "hold_id": f"p{n}", "external_id": f"p{n}", "account": "other"}))
    engine.dispose()
    return time.perf_counter() - s


with postgres_server() as given:
    url = given.replace("postgresql://", "postgresql+psycopg://")
    engine = create_engine(url)
    ledger = Ledger.open(engine)
    place(ledger, ACC, Wanted("first", batch_total=Decimal(1)), Asked(Decimal(100), datetime.now(UTC), 0), WHO)
    table = ledger.tables.hold
    with engine.begin() as c:
        row = dict(c.execute(select(table)).mappings().first())
    res = [(ours(url, f"a{n}", False), ours(url, f"b{n}", True), plain(url, n, table, row)) for n in range(ROUNDS)][20:]
    for i, name in enumerate(("place", "version+place", "plain")):
        print(name, statistics.median(r[i] for r in res) * 1000)
    print(statistics.median(r[0] / r[2] for r in res), statistics.median(r[1] / r[2] for r in res))
