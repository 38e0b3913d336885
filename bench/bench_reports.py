"""Do the reports stay fast as history grows? Ours against the naive query, side by side, values compared, on a real PostgreSQL.

Two histories of 10 accounts with one row a minute: 0.5 and 5 million rows. The naive queries read a copy of the table without
indexes. Set BENCH_ROWS to measure other sizes.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parent.parent / part) for part in ("tools", "tests")]

from postgres import postgres_server
from sqlalchemy import create_engine, text
from sqlalchemy.engine import Engine

from airflow_provider_iyzico.ui.questions import Who
from airflow_provider_iyzico.ui.report import report
from airflow_provider_iyzico.warehouse.layouts import create_statements
from airflow_provider_iyzico.warehouse.rollup.rebuild import rebuild
from airflow_provider_iyzico.warehouse.tables import snapshot_table

SIZES = [int(size) for size in os.environ.get("BENCH_ROWS", "500000,5000000").split(",")]
ACCOUNTS = 10
#: In so much time the page's figures of a week, a month or a year are read.
MOST_MILLISECONDS = 60
#: History ends here; one account went silent after its first tenth.
END = datetime(2026, 11, 1, tzinfo=UTC)

FILL = """
INSERT INTO iyzico_balance_snapshot
SELECT gen_random_uuid()::text, 'account ' || a, 'production', 'TRY', b, b::text, t, NULL, 10, 'Europe/Istanbul',
       (t AT TIME ZONE 'Europe/Istanbul')::date, 'dag', 'task', 'run ' || n, -1, 1, NULL, NULL, NULL, 'bench', t
FROM generate_series(0, :accounts - 1) AS a,
     LATERAL (SELECT n, CAST(:end AS timestamptz) - make_interval(mins => :minutes - n) AS t,
                     round((100000 + 50000 * sin(n / 500.0 + a) + (n::bigint * 7919 + a) % 1000)::numeric, 2) AS b
              FROM generate_series(1, CASE WHEN a = 9 THEN :minutes / 10 ELSE :minutes END) AS n) AS s
"""
NAIVE_LATEST = """
SELECT account, balance FROM (
    SELECT account, balance, row_number() OVER (PARTITION BY environment, account, currency ORDER BY observed_at DESC) AS newest
    FROM naive) AS ranked
WHERE newest = 1 ORDER BY account
"""
OUR_LATEST = "SELECT account, balance FROM iyzico_balance_latest ORDER BY account"
OUR_SILENT = "SELECT account, balance FROM iyzico_balance_latest WHERE account = 'account 9'"
NAIVE_DAILY = """
SELECT account, local_date, min(opening) AS opening, min(closing) AS closing,
       min(balance) AS lowest, max(balance) AS highest, count(*)
FROM (
    SELECT account, local_date, balance,
           first_value(previous) OVER (PARTITION BY environment, account, currency, local_date ORDER BY observed_at) AS opening,
           first_value(balance) OVER (
               PARTITION BY environment, account, currency, local_date ORDER BY observed_at DESC) AS closing
    FROM (
        SELECT *, lag(balance) OVER (PARTITION BY environment, account, currency ORDER BY observed_at) AS previous
        FROM naive) AS p
    ) AS day
WHERE local_date >= :first AND local_date < :last
GROUP BY account, local_date ORDER BY account, local_date
"""
OUR_DAILY = """
SELECT account, local_date, opening, closing, lowest, highest, observations
FROM iyzico_balance_daily
WHERE local_date >= :first AND local_date < :last AND observations > 0 ORDER BY account, local_date
"""


def fill(engine: Engine, rows: int) -> None:
    table = snapshot_table()
    with engine.begin() as connection:
        for _, statement in create_statements(table, engine.dialect):
            connection.execute(statement)
        minutes = round(rows / (ACCOUNTS - 0.9))
        connection.execute(text(FILL), {"accounts": ACCOUNTS, "minutes": minutes, "end": END})
        connection.execute(text("CREATE TABLE naive AS SELECT * FROM iyzico_balance_snapshot"))
        started = time.perf_counter()
        rebuild(connection)
        count = connection.execute(text("SELECT count(*) FROM naive")).scalar()
        print(f"  {count:,} rows; the roll-up was rebuilt in {time.perf_counter() - started:.0f} s", flush=True)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))


def timed(engine: Engine, query: str, runs: int, **parameters: Any) -> tuple[float, list[Any]]:
    """Return the median of ``runs`` in milliseconds, after one run to warm up, and the rows."""
    with engine.connect() as connection:
        rows = connection.execute(text(query), parameters).all()
        times = []
        for _ in range(runs):
            started = time.perf_counter()
            connection.execute(text(query), parameters).all()
            times.append((time.perf_counter() - started) * 1000)
    return statistics.median(times), rows


def page(engine: Engine, days: int) -> float:
    """Return the median of milliseconds in which the page's figures of so many days are there."""
    times = []
    for _ in range(7):
        started = time.perf_counter()
        with engine.connect() as connection:
            found = report(
                connection, None, Who("production", "account 0", "TRY"), (END - timedelta(days=days)).date(), END.date()
            )
        assert found["days"]
        times.append((time.perf_counter() - started) * 1000)
    return statistics.median(times)


def show(name: str, ours: float, naive: float) -> None:
    print(f"  {name:34} ours {ours:9.2f} ms   naive {naive:10.1f} ms   {naive / ours:9.0f} times faster", flush=True)


def grown(engines: list[Engine]) -> list[float]:
    """Return how many times as long ``latest`` takes on the larger history: in turns, so that what else happens hits both."""
    ratios = []
    for _ in range(30):
        small, large = (timed(engine, OUR_LATEST, 40)[0] for engine in (engines[0], engines[-1]))
        ratios.append(large / small)
    return statistics.quantiles(ratios, n=20)


def main() -> int:
    missed = []

    def promise(what: str, kept: bool) -> None:
        if not kept:
            missed.append(what)

    engines = []
    with postgres_server() as url:
        for size in SIZES:
            admin = create_engine(url.replace("postgresql://", "postgresql+psycopg://"), isolation_level="AUTOCOMMIT")
            with admin.connect() as connection:
                connection.execute(text(f"CREATE DATABASE bench_{size}"))
            admin.dispose()
            engine = create_engine(admin.url.set(database=f"bench_{size}"))
            print(f"{size:,} rows asked for", flush=True)
            fill(engine, size)
            naive, expected = timed(engine, NAIVE_LATEST, 2)
            ours, found = timed(engine, OUR_LATEST, 200)
            assert found == expected, "latest differs from the naive query"
            show("latest, all accounts", ours, naive)
            promise("latest, 1,000 times faster", naive >= 1000 * ours)
            silent, found = timed(engine, OUR_SILENT, 200)
            assert found == [row for row in expected if row.account == "account 9"]
            show("latest, silent for nine tenths", silent, naive)
            promise("latest of a silent account, 1,000 times faster", naive >= 1000 * silent)
            for name, days, times in (("daily, one month", 30, 50), ("daily, one year", 365, 100)):
                period = {"first": (END - timedelta(days=days)).date(), "last": END.date()}
                naive, expected = timed(engine, NAIVE_DAILY, 1, **period)
                ours, found = timed(engine, OUR_DAILY, 10, **period)
                assert found == expected, "daily differs from the naive query"
                show(f"{name} ({len(found)} rows)", ours, naive)
                promise(f"{name}, {times} times faster", naive >= times * ours)
            for name, days in (("week", 6), ("month", 30), ("year", 365)):
                milliseconds = page(engine, days)
                print(f"  the page's figures of a {name:14} {milliseconds:9.1f} ms", flush=True)
                promise(f"the page's {name} in {MOST_MILLISECONDS} ms", milliseconds <= MOST_MILLISECONDS)
            engines.append(engine)
        if len(engines) > 1:
            low, *_, high = ratios = grown(engines)
            ratio = statistics.median(ratios)
            print(
                f"latest with {SIZES[-1] / SIZES[0]:.0f} times the rows takes {ratio:.2f} times as long ({low:.2f} to {high:.2f})"
            )
            promise("latest, at most 1.3 times as long", ratio <= 1.3)
        for engine in engines:
            engine.dispose()
    print(f"promised and missed: {'; '.join(missed) or 'nothing'}")
    return bool(missed)


if __name__ == "__main__":
    sys.exit(main())
