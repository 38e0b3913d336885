"""Every view, value by value, against the second computation in ``reference.py``."""

import os
import random
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import pytest
from books import small_month
from reports_reference import Reports, coverage
from sqlalchemy import create_engine, insert, text
from support import HAS_PSYCOPG

from airflow_provider_iyzico.ledger.accounts import Account
from airflow_provider_iyzico.ledger.ledger import Ledger
from airflow_provider_iyzico.warehouse import views
from airflow_provider_iyzico.warehouse.append import append
from airflow_provider_iyzico.warehouse.rollup.rebuild import rebuild
from airflow_provider_iyzico.warehouse.snapshot import Observation, snapshot_row
from airflow_provider_iyzico.warehouse.tables import report_tables, snapshot_table
from airflow_provider_iyzico.warehouse.task import TaskInstance

TABLE, TABLES = snapshot_table(), report_tables()
START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
#: A second before midnight in Istanbul, and midnight.
EDGES = [datetime(2026, 3, 3, 20, 59, 59, tzinfo=UTC), datetime(2026, 3, 3, 21, 0, 0, tzinfo=UTC)]


def observation(moment, balance, account="main", environment="production", currency="TRY"):
    return {
        "environment": environment,
        "account": account,
        "currency": currency,
        "balance": Decimal(balance),
        "observed_at": moment,
        "run_id": str(uuid4()),
    }


def history(seed):
    """Several accounts, gaps, silence, day edges, a single observation, money that comes and goes; in the order of time."""
    dice = random.Random(seed)
    rows = []
    for account, environment, currency, days in (
        ("main", "production", "TRY", 34),
        ("main", "sandbox", "TRY", 5),
        ("main", "production", "USD", 9),
        ("silent since", "production", "TRY", 3),
    ):
        moment, balance = START, Decimal(dice.randrange(10_000_000)) / 100
        while moment < START + timedelta(days=days):
            rows.append(observation(moment, balance, account, environment, currency))
            step = dice.choice(
                [timedelta(minutes=15)] * 3 + [timedelta(hours=7), timedelta(hours=11, microseconds=dice.randrange(10**6))]
            )
            moment += step if dice.random() > 0.05 else timedelta(hours=50)
            if dice.random() < 0.6:
                balance = max(balance + Decimal(dice.randrange(-900_000, 700_000)) / 100, Decimal(0))
    rows += [observation(moment, dice.randrange(10_000), "edges") for moment in EDGES]
    rows.append(observation(START + timedelta(days=2, seconds=1), "42.42", "only one"))
    rows.append(observation(START + timedelta(days=1), "12345.67", "flat"))
    rows.append(observation(START + timedelta(days=2), "12345.67", "flat"))
    return rows


def thresholds(dice):
    stated = []
    for account, currency in (("main", "TRY"), ("main", "USD"), ("flat", "TRY")):
        for days in sorted(dice.sample(range(20), 2)):
            stated.append(
                {
                    "environment": "production", "account": account, "currency": currency,
                    "valid_from": START + timedelta(days=days, hours=3, seconds=1),
                    "threshold": Decimal(dice.randrange(5_000_000)) / 100, "cadence_minutes": dice.choice([15, 60, 720]),
                }
            )  # fmt: skip
    return stated


def keep(engine, row):
    seen = Observation(
        row["account"], row["environment"], row["currency"], row["balance"], str(row["balance"]), row["observed_at"], None, 5,
        "Europe/Istanbul",
    )  # fmt: skip
    task = TaskInstance("dag", "task", row["run_id"], -1, 1, None, None, None)
    append(engine, TABLE, snapshot_row(seen, task), create_table=True)


@pytest.fixture(scope="module")
def warehouse(engine_and_seed):
    return filled(*engine_and_seed)


def filled(engine, seed):
    """A warehouse filled by the append, a third of the rows late, and the reports as they should be."""
    dice, rows = random.Random(seed), history(seed)
    late = [row for row in rows if dice.random() < 0.33]
    in_time = sorted((row for row in rows if row not in late), key=lambda row: row["observed_at"])
    dice.shuffle(late)
    for row in in_time + late:
        keep(engine, row)
    stated = thresholds(dice)
    with engine.begin() as connection:
        connection.execute(insert(TABLES.threshold), stated)
    return engine, Reports(rows, stated)


def ask(engine, query):
    with engine.connect() as connection:
        return connection.execute(text(query)).all()


def moment(value):
    """SQLite gives moments as text, without saying that they are in UTC."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def same(found, expected, is_sqlite):
    """Equal to the last digit on PostgreSQL and MariaDB; on SQLite equal after its binary fractions, to eight decimals, and times to 20 ms."""
    if expected is None or found is None:
        return found is expected
    if isinstance(expected, datetime):
        return moment(found) == expected
    if isinstance(expected, Decimal):
        if is_sqlite:
            return abs(Decimal(repr(found)) - expected) <= Decimal("0.0003")
        return Decimal(found) == expected
    return found == expected


def compare(engine, query, expected, key_size, day_at=None, moment_at=None):
    is_sqlite = engine.dialect.name == "sqlite"
    found = {}
    for row in ask(engine, query):
        key = list(row[:key_size])
        if moment_at is not None:
            key[moment_at] = moment(key[moment_at])
        if day_at is not None:
            key[day_at] = datetime.fromisoformat(str(key[day_at])).date()
        found[tuple(key)] = tuple(row[key_size:])
    assert found.keys() == expected.keys()
    for key, figures in expected.items():
        pairs = list(zip(found[key], figures, strict=True))
        assert all(same(mine, theirs, is_sqlite) for mine, theirs in pairs), (key, pairs)


def test_latest(warehouse):
    engine, reports = warehouse
    query = "SELECT environment, account, currency, balance, is_stale FROM iyzico_balance_latest"
    stale = reports.stale(datetime.now(UTC))
    compare(engine, query, {key: (value, stale[key]) for key, value in reports.latest().items()}, 3)


def test_a_fresh_figure_is_not_stale_and_tells_its_age(engine):
    keep(engine, observation(datetime.now(UTC) - timedelta(minutes=10), "1"))
    ((age, is_stale),) = ask(engine, "SELECT age_minutes, is_stale FROM iyzico_balance_latest")
    assert float(age) == pytest.approx(10, abs=0.5)
    assert is_stale == 0


def test_interval(warehouse):
    engine, reports = warehouse
    columns = "environment, account, currency, valid_from, balance, valid_to, gap_minutes, previous_balance, i.change"
    compare(engine, f"SELECT {columns} FROM iyzico_balance_interval AS i", reports.interval(), 4, moment_at=3)


def test_observed(warehouse):
    engine, reports = warehouse
    columns = "environment, account, currency, observed_at, balance"
    expected = {where: figures[:1] for where, figures in reports.interval().items()}
    compare(engine, f"SELECT {columns} FROM iyzico_balance_observed", expected, 4, moment_at=3)


def test_movement(warehouse):
    engine, reports = warehouse
    columns = "environment, account, currency, seen_at, direction, m.change"
    compare(engine, f"SELECT {columns} FROM iyzico_balance_movement AS m", reports.movement(), 4, moment_at=3)


def test_daily(warehouse):
    engine, reports = warehouse
    columns = (
        "environment, account, currency, local_date, opening, opening_age_minutes, closing, lowest, lowest_at, highest, highest_at, "
        "net_change, inflow, outflow, observations, longest_gap_minutes, is_complete, threshold"
    )
    expected = reports.daily()
    assert any(figures[10] == 0 for figures in expected.values())
    compare(engine, f"SELECT {columns} FROM iyzico_balance_daily", expected, 4, day_at=3)


def test_below(warehouse):
    engine, reports = warehouse
    columns = "environment, account, currency, local_date, threshold, minutes_below, minutes_known"
    is_sqlite = engine.dialect.name == "sqlite"
    found = {
        (*row[:3], datetime.fromisoformat(str(row[3])).date(), Decimal(str(row[4])).quantize(Decimal("0.01"))): row[5:]
        for row in ask(engine, f"SELECT {columns} FROM iyzico_balance_below")
    }
    expected = {(*key[:4], key[4].quantize(Decimal("0.01"))): figures for key, figures in reports.below().items()}
    assert found.keys() == expected.keys()
    for key, figures in expected.items():
        for mine, theirs in zip(found[key], figures, strict=True):
            assert abs(Decimal(repr(mine) if is_sqlite else mine) - theirs) <= (Decimal("0.02") if is_sqlite else 0), key


def test_runway(warehouse):
    engine, reports = warehouse
    columns = (
        "environment, account, currency, window_days, days_in_window, days_observed, average_outflow, p90_outflow, balance, "
        "days_at_average, days_at_p90"
    )
    expected = reports.runway()
    observed = {(figures[1] == 0, figures[0] > figures[1] > 0) for figures in expected.values()}
    assert {(True, False), (False, True)} <= observed
    compare(engine, f"SELECT {columns} FROM iyzico_balance_runway", expected, 4)


def test_a_weekend_without_snapshots_does_not_shorten_the_runway(engine):
    """Ten a day go out; on Monday those of three days are seen."""
    for day, balance in ((2, "1000"), (3, "990"), (4, "980"), (5, "970"), (6, "960"), (9, "930"), (10, "920")):
        keep(engine, observation(datetime(2026, 3, day, 9, tzinfo=UTC), balance))
    query = "SELECT days_in_window, days_observed, average_outflow, p90_outflow, days_at_average FROM iyzico_balance_runway"
    week, month = ask(engine, f"{query} ORDER BY window_days")
    assert [float(figure) for figure in week] == [7, 5, 10, 30, 92]
    assert [float(figure) for figure in month] == [8, 6, 8.75, 30, 105.14]


def test_a_balance_of_zero_or_less_lasts_for_no_days(engine):
    for day, balance in enumerate(("100", "60", "20", "-5", "-15"), start=2):
        keep(engine, observation(datetime(2026, 3, day, 9, tzinfo=UTC), balance))
    query = "SELECT days_at_average, days_at_p90 FROM iyzico_balance_runway"
    assert [(float(row[0]), float(row[1])) for row in ask(engine, query)] == [(0, 0), (0, 0)]


def test_an_account_that_went_silent_keeps_its_balance_in_the_runway_and_claims_no_outflow(engine):
    keep(engine, observation(START, "500", "silent"))
    for day in range(9):
        keep(engine, observation(START + timedelta(days=day), "7"))
    query = "SELECT * FROM iyzico_balance_runway WHERE account = 'silent' AND window_days = 7"
    (row,) = ask(engine, query)
    assert (row.days_in_window, row.days_observed, float(row.balance)) == (7, 0, 500)
    assert (row.average_outflow, row.p90_outflow, row.days_at_average, row.days_at_p90) == (None,) * 4


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("123456789.12", "123456789.11"),
        ("1234567890.12", "1234567890.13"),
        ("9999999999999.99", "9999999999999.98"),
        ("0.02", "5"),
    ],
)
def test_differences_of_large_balances_are_exact(engine, before, after):
    """To the digits that are shown: SQLite subtracts binary fractions."""
    for number, balance in enumerate((before, after)):
        keep(engine, observation(START + timedelta(days=number), balance))
    shown = Decimal(after) - Decimal(before)
    for query in (
        "SELECT i.change FROM iyzico_balance_interval AS i WHERE i.change IS NOT NULL",
        "SELECT m.change FROM iyzico_balance_movement AS m",
        "SELECT net_change FROM iyzico_balance_daily WHERE opening IS NOT NULL",
    ):
        assert [Decimal(str(row[0])) for row in ask(engine, query)] == [shown], query


def test_what_a_large_batch_lacks_is_exact(engine):
    given = next(gates(random.Random(5), START)) | {"batch_total": Decimal("123456789.11"), "headroom": Decimal("0.01")}
    keep(engine, observation(START, "1"))
    with engine.begin() as connection:
        connection.execute(insert(TABLES.gate), [given | {"first_balance": Decimal("123456789.11")}])
    ((shortfall,),) = ask(engine, "SELECT shortfall_at_start FROM iyzico_payout_coverage")
    assert Decimal(str(shortfall)) == Decimal("0.01")


def test_what_a_large_batch_requires_is_exact(engine):
    given = next(gates(random.Random(5), START)) | {
        "batch_total": Decimal("37027644482.78"),
        "headroom": Decimal("5329790685.57"),
    }
    keep(engine, observation(START, "1"))
    with engine.begin() as connection:
        connection.execute(insert(TABLES.gate), [given])
    ((required,),) = ask(engine, "SELECT required FROM iyzico_payout_coverage")
    assert Decimal(str(required)) == Decimal("42357435168.35")


def gates(dice, now):
    """Gates that begin, end and fall silent around now, none within a minute of the moment at which it counts as lost."""
    for number in range(60):
        waits_until = now + timedelta(minutes=dice.choice([-300, -8, -7, -4, -3, 0, 90]), seconds=dice.randrange(59))
        outcome = dice.choice(["waiting", "waiting", "opened", "timed_out", "failed"])
        since = waits_until - timedelta(minutes=dice.randrange(400), microseconds=dice.randrange(10**6))
        yield {
            "gate_id": str(uuid4()), "account": "main", "environment": "production", "currency": "TRY", "dag_id": "d",
            "task_id": "t", "run_id": str(number), "map_index": -1, "try_number": 1, "polls": 1, "provider_version": "0",
            "batch_total": Decimal(dice.randrange(9_000_000)) / 100, "headroom": Decimal(dice.randrange(900)) / 100,
            "first_balance": dice.choice([None, Decimal(dice.randrange(9_000_000)) / 100]),
            "waiting_since": since, "waits_until": dice.choice([None, waits_until, waits_until]), "outcome": outcome,
            "ended_at": None if outcome == "waiting" else since + timedelta(seconds=dice.randrange(9000)),
        }  # fmt: skip


def test_coverage(engine):
    now = datetime.now(UTC)
    given = list(gates(random.Random(5), now))
    keep(engine, observation(START, "1"))
    with engine.begin() as connection:
        connection.execute(insert(TABLES.gate), given)
    expected = coverage(given, now)
    assert {figures[-1] for figures in expected.values()} == {"waiting", "lost", "opened", "timed_out", "failed"}
    columns = "gate_id, required, first_balance, shortfall_at_start, waits_until, minutes_waited, outcome"
    compare(engine, f"SELECT {columns} FROM iyzico_payout_coverage", expected, 1)


def test_gaps(warehouse):
    engine, reports = warehouse
    columns = (
        "environment, account, currency, local_date, cadence_minutes, expected, seen, missing, longest_gap_minutes, freshness"
    )
    compare(engine, f"SELECT {columns} FROM iyzico_snapshot_gap", reports.gaps(), 4, day_at=3)


@pytest.mark.parametrize("seed", [1, 2])
def test_every_report_in_redshifts_words_is_the_one_of_the_second_computation(postgres_engine, seed, monkeypatch):
    """Redshift is what PostgreSQL 8 became. PostgreSQL runs its words in its place, all but two that it does not know."""
    own = {"micros": "CAST(1000000 * extract(epoch FROM ({1}) - ({0})) AS bigint)", "now": "CURRENT_TIMESTAMP"}
    monkeypatch.setattr("airflow_provider_iyzico.warehouse.tables.KEPT", ())
    monkeypatch.setattr(views, "COLUMNAR", ("postgresql",))
    monkeypatch.setitem(views.WORDS, "postgresql", views.WORDS["redshift"] | own)
    warehouse = filled(postgres_engine, seed)
    for compared in (test_latest, test_interval, test_observed, test_movement, test_daily, test_below, test_runway, test_gaps):
        compared(warehouse)


#: Trino's functions, for DuckDB.
TRINO_ON_DUCKDB = (
    "at_timezone(moment, zone) AS timezone(zone, moment)",
    "with_timezone(local, zone) AS timezone(zone, local)",
    "date_add(unit, number, day) AS CAST(day + to_days(CAST(number AS integer)) AS date)",
)


@pytest.mark.parametrize("seed", [1, 2])
def test_every_report_in_trinos_words_is_the_one_of_the_second_computation(duckdb_engine, seed, monkeypatch):
    """DuckDB runs Trino's words in its place, all but those for which it has another syntax, and for its own division."""
    own = {word: views.WORDS["duckdb"][word] for word in ("quotient", "units", "forever")}
    own["fraction"] = "(microsecond({0}) % 1000000)"
    monkeypatch.setitem(views.WORDS, "duckdb", views.WORDS["trino"] | own)
    with duckdb_engine.begin() as connection:
        for macro in TRINO_ON_DUCKDB:
            connection.execute(text(f"CREATE MACRO {macro}"))
    warehouse = filled(duckdb_engine, seed)
    for compared in (test_latest, test_interval, test_observed, test_movement, test_daily, test_below, test_runway, test_gaps):
        compared(warehouse)


@pytest.mark.parametrize(
    "engine_and_seed", [("sqlite", 1), ("sqlite", 2), ("postgresql", 1), ("postgresql", 2)], indirect=True, ids=str
)
def test_the_roll_up_that_appends_kept_is_the_one_that_a_rebuild_computes(warehouse):
    engine, reports = warehouse
    with engine.begin() as connection:
        assert rebuild(connection) == []
        connection.execute(text("UPDATE iyzico_balance_day SET closing = closing + 1 WHERE account = 'only one'"))
        connection.execute(text("DELETE FROM iyzico_balance_day WHERE account = 'flat'"))
        assert len(rebuild(connection)) == 3
        assert rebuild(connection) == []
    test_daily((engine, reports))


def test_every_view_has_a_header_that_says_its_grain_and_its_question():
    sources = {path.stem: path.read_text(encoding="utf-8") for path in Path(views.__file__).parent.glob("*.sql")}
    assert set(sources) == {*views.VIEWS, *views.ROLL_UP_VIEWS}
    for source in sources.values():
        assert source.startswith("-- grain: ")
        assert "\n-- question: " in source


def test_reports_live_in_the_schema_of_their_table(postgres_engine):
    with postgres_engine.begin() as connection:
        connection.execute(text('CREATE SCHEMA "Finance"'))
    try:
        table = snapshot_table(schema="Finance")
        seen = Observation("a", "production", "TRY", Decimal(5), "5", START, None, 5, "Europe/Istanbul")
        append(
            postgres_engine, table, snapshot_row(seen, TaskInstance("d", "t", "r", -1, 1, None, None, None)), create_table=True
        )
        assert [row.balance for row in ask(postgres_engine, 'SELECT balance FROM "Finance".iyzico_balance_latest')] == [5]
        assert len(ask(postgres_engine, 'SELECT * FROM "Finance".iyzico_balance_daily')) == 1
    finally:
        with postgres_engine.begin() as connection:
            connection.execute(text('DROP SCHEMA "Finance" CASCADE'))


def test_reports_that_come_later_know_the_snapshots_that_were_there_before(kept_engine):
    engine, rows = kept_engine, history(3)[:60]
    for row in rows:
        keep(engine, row)
    with engine.begin() as connection:
        for view in ("iyzico_snapshot_gap", "iyzico_balance_runway", "iyzico_balance_below", "iyzico_balance_daily"):
            connection.execute(text(f"DROP VIEW {view}"))
        connection.execute(text("DROP TABLE iyzico_balance_day"))
        connection.execute(text("DELETE FROM iyzico_report_day"))
    keep(engine, observation(START + timedelta(days=40), "7.00"))
    with engine.begin() as connection:
        assert rebuild(connection) == []
    assert {row.observations for row in ask(engine, "SELECT observations FROM iyzico_balance_daily")} > {0, 1}


def _keep_in_another_process(url, options, rows, barrier):
    from sqlalchemy import create_engine

    engine = create_engine(url, connect_args=options)
    barrier.wait(120)
    for row in rows:
        keep(engine, row)
    engine.dispose()


def test_tasks_that_write_at_the_same_time_keep_the_roll_up_right(kept_engine):
    """Four processes, one account, interleaved and out of order, across midnight."""
    import multiprocessing

    engine = kept_engine
    keep(engine, observation(START, "1.00"))
    rows = [observation(EDGES[1] + timedelta(seconds=number - 60), number) for number in range(120)]
    options = {}
    if engine.dialect.name == "postgresql":
        options = {"options": f"-csearch_path={ask(engine, 'SELECT current_schema()')[0][0]}"}
    context = multiprocessing.get_context("fork")
    barrier, url = context.Barrier(4), engine.url.render_as_string(hide_password=False)
    engine.dispose()
    writers = [
        context.Process(target=_keep_in_another_process, args=(url, options, rows[number::4], barrier)) for number in range(4)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(200)
        assert writer.exitcode == 0
    with engine.begin() as connection:
        assert rebuild(connection) == []


def test_rebuild_on_the_command_line_says_what_differed(sqlite_engine, monkeypatch, capsys):
    from airflow_provider_iyzico.warehouse.__main__ import main

    monkeypatch.delenv("IYZICO_WAREHOUSE_URL", raising=False)
    assert main(["rebuild"]) == 2
    assert "IYZICO_WAREHOUSE_URL" in capsys.readouterr().err
    keep(sqlite_engine, observation(START, "1.00"))
    monkeypatch.setenv("IYZICO_WAREHOUSE_URL", str(sqlite_engine.url))
    assert main(["rebuild"]) == 0
    with sqlite_engine.begin() as connection:
        connection.execute(text("UPDATE iyzico_balance_day SET outflow = 5"))
    assert main(["rebuild"]) == 1
    assert "differed: production/main/TRY 2026-03-01" in capsys.readouterr().out
    monkeypatch.setenv("IYZICO_WAREHOUSE_URL", "sqlite:////no/such/folder/w.db")
    assert main(["rebuild"]) == 2


def test_rebuild_of_a_mistyped_file_makes_none(tmp_path, monkeypatch, capsys):
    from airflow_provider_iyzico.warehouse.__main__ import main

    monkeypatch.setenv("IYZICO_WAREHOUSE_URL", f"sqlite:///{tmp_path}/mistyped.db")
    assert main(["rebuild"]) == 2
    assert "there is no database file" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("driver", ["psycopg", "psycopg2"])
@pytest.mark.parametrize(
    "password", ["hun@ter2secret", "hun@ter2secret/x", "hun@ter2secret?x", "hun@ter2secret:1/x", "hun/x@ter2secret"]
)
def test_rebuild_quotes_no_part_of_a_password_with_an_at_sign(monkeypatch, capsys, driver, password):
    """What stands behind that sign, up to a slash, is a host to SQLAlchemy."""
    from airflow_provider_iyzico.warehouse.__main__ import main

    pytest.importorskip(driver)
    monkeypatch.setenv("IYZICO_WAREHOUSE_URL", f"postgresql+{driver}://u:{password}@nowhere.invalid/db")
    assert main(["rebuild"]) == 2
    said = capsys.readouterr()
    assert "%40" in said.err
    assert "ter2secret" not in said.out + said.err


def test_an_at_sign_in_the_path_of_a_file_is_one(monkeypatch, capsys, tmp_path):
    from airflow_provider_iyzico.warehouse.__main__ import main

    monkeypatch.setenv("IYZICO_WAREHOUSE_URL", f"sqlite:///{tmp_path}/a@b@c.db")
    assert main(["rebuild"]) == 2
    assert f"there is no database file '{tmp_path}/a@b@c.db'" in capsys.readouterr().err


def test_a_url_whose_dialect_cannot_begin_is_refused_in_a_sentence(monkeypatch, capsys, tmp_path):
    """BigQuery's looks for the keys of this machine when an engine is made."""
    from airflow_provider_iyzico.warehouse.__main__ import main

    pytest.importorskip("sqlalchemy_bigquery")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", f"{tmp_path}/none.json")
    monkeypatch.setenv("IYZICO_WAREHOUSE_URL", "bigquery://project/dataset")
    assert main(["rebuild"]) == 2
    assert "is not a SQLAlchemy URL that works here (DefaultCredentialsError)" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [("ddl",), ("rebuild",), ("statement", "--account", "payroll", "--month", "2026-01", "--format", "csv")],
    ids=" ".join,
)
def test_what_was_done_is_not_called_different_if_nobody_reads_what_is_printed(tmp_path, arguments):
    """As with `| head` or `| true`: 1 would say that rows differed."""
    engine = create_engine(f"sqlite:///{tmp_path}/warehouse.db")
    small_month(Ledger.open(engine), Account("production", "payroll", "TRY"))
    Ledger.open(engine).act(lambda connection: None)
    engine.dispose()
    environment = {**os.environ, "IYZICO_WAREHOUSE_URL": f"sqlite:///{tmp_path}/warehouse.db"}
    command = [sys.executable, "-m", "airflow_provider_iyzico.warehouse", *arguments]
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, timeout=300, env=environment)
    os.close(writer)
    assert (done.returncode, "Broken pipe" in done.stderr) == (0, False), done.stderr


@pytest.mark.parametrize(
    "zone", ["localtime", "posix/Europe/Istanbul", "right/Europe/Istanbul", "Factory", "Europe", "Mars/Base"]
)
def test_rebuild_takes_no_time_zone_that_is_another_one_on_the_next_machine(sqlite_engine, monkeypatch, capsys, zone):
    """A Connection's `report_timezone` cannot be one either."""
    from airflow_provider_iyzico.warehouse.__main__ import main

    monkeypatch.setenv("IYZICO_WAREHOUSE_URL", str(sqlite_engine.url))
    assert main(["rebuild", "--timezone", zone]) == 2
    assert f"timezone is {zone!r}; name an IANA time zone" in capsys.readouterr().err


def test_rebuild_says_where_the_reports_run(monkeypatch, capsys):
    from airflow_provider_iyzico.warehouse.__main__ import main

    monkeypatch.setattr(views, "DIALECTS", ("postgresql", "sqlite"))
    monkeypatch.setenv("IYZICO_WAREHOUSE_URL", "mysql+pymysql://someone@127.0.0.1/w")
    assert main(["rebuild"]) == 2
    assert "the reports run on postgresql, sqlite" in capsys.readouterr().err


GATE_BY_HAND = """INSERT INTO iyzico_payout_gate VALUES ('g', 'main', 'production', 'TRY', 'd', 't', 'r', -1, 1, {}, 0,
    '2026-03-01 08:00:00.000000', NULL, NULL, NULL, NULL, 1, 'opened', NULL, NULL, '1')"""
THRESHOLD_BY_HAND = "INSERT INTO iyzico_balance_threshold VALUES ('production', 'main', 'TRY', '{}', {}, 15)"


@pytest.mark.parametrize(
    ("statement", "column"),
    [
        (THRESHOLD_BY_HAND.format("soon", 5), "valid_from"),
        (THRESHOLD_BY_HAND.format("2026-01-01 00:00:00.000000", "'five'"), "threshold"),
        (THRESHOLD_BY_HAND.format("2026-01-01 00:00:00.000000", 5).replace("15)", "0)"), "cadence_minutes"),
        (THRESHOLD_BY_HAND.format("2026-01-01 00:00:00.000000", 5).replace("15)", "-15)"), "cadence_minutes"),
        (GATE_BY_HAND.format("'5.000,00'"), "batch_total"),
    ],
)
def test_rebuild_names_what_somebody_wrote_by_hand_into_tables_that_it_only_reads(
    sqlite_engine, monkeypatch, capsys, statement, column
):
    from airflow_provider_iyzico.warehouse.__main__ import main

    keep(sqlite_engine, observation(START, "1.00"))
    monkeypatch.setenv("IYZICO_WAREHOUSE_URL", str(sqlite_engine.url))
    with sqlite_engine.begin() as connection:
        connection.execute(text(statement))
    assert main(["rebuild"]) == 2
    said = capsys.readouterr()
    assert "0 rows differed" in said.out
    assert f"in column '{column}' of the row with" in said.err


def test_a_threshold_from_ever_is_nothing_to_correct(postgres_engine, monkeypatch):
    from airflow_provider_iyzico.warehouse.__main__ import main

    keep(postgres_engine, observation(START, "1.00"))
    with postgres_engine.begin() as connection:
        connection.execute(text(THRESHOLD_BY_HAND.format("-infinity", 5)))
        schema = connection.execute(text("SELECT current_schema()")).scalar()
    monkeypatch.setenv("IYZICO_WAREHOUSE_URL", postgres_engine.url.render_as_string(hide_password=False))
    assert main(["rebuild", "--schema", schema]) == 0


def keep_in(engine, zone, moment, balance):
    seen = Observation("main", "production", "TRY", Decimal(balance), balance, moment, None, 5, zone)
    task = TaskInstance("dag", "task", str(uuid4()), -1, 1, None, None, None)
    append(engine, TABLE, snapshot_row(seen, task), create_table=True)


def days(engine):
    query = "SELECT local_date, observations, opening, closing, outflow FROM iyzico_balance_daily ORDER BY local_date"
    return [
        (str(row[0])[:10], row[1], row[2] and float(row[2]), row[3] and float(row[3]), float(row[4] or 0))
        for row in ask(engine, query)
    ]


def test_another_time_zone_in_the_connection_leaves_the_accounts_days_as_they_were_cut(engine):
    day = datetime(2026, 3, 2, tzinfo=UTC)
    for hour, balance in ((8, "100"), (20, "90"), (22, "60")):
        keep_in(engine, "Europe/Istanbul", day + timedelta(hours=hour), balance)
    keep_in(engine, "UTC", day + timedelta(hours=23), "50")
    keep_in(engine, "UTC", day + timedelta(hours=9), "95")
    expected = [("2026-03-02", 3, None, 90.0, 10.0), ("2026-03-03", 2, 90.0, 50.0, 40.0)]
    assert days(engine) == expected


def test_a_rebuild_keeps_the_zone_of_an_account_unless_it_names_another(kept_engine):
    engine, day = kept_engine, datetime(2026, 3, 2, tzinfo=UTC)
    for hour, balance, zone in (
        (8, "100", "Europe/Istanbul"),
        (20, "90", "Europe/Istanbul"),
        (22, "60", "Europe/Istanbul"),
        (23, "50", "UTC"),
        (9, "95", "UTC"),
    ):
        keep_in(engine, zone, day + timedelta(hours=hour), balance)
    with engine.begin() as connection:
        assert rebuild(connection) == []
    assert len(days(engine)) == 2
    with engine.begin() as connection:
        assert rebuild(connection, timezone="UTC")
    assert days(engine) == [("2026-03-02", 5, None, 50.0, 50.0)]
    keep_in(engine, "Europe/Istanbul", day + timedelta(hours=23, minutes=30), "40")
    assert days(engine) == [("2026-03-02", 6, None, 40.0, 60.0)]


def test_a_retry_brings_its_account_nothing_newer(engine):
    """What a retry saw is not kept, so that the account's newest observation is still the one before."""
    task = TaskInstance("dag", "task", "run", -1, 1, None, None, None)
    for minutes in (0, 5):
        seen = Observation(
            "main", "production", "TRY", Decimal(1), "1", START + timedelta(minutes=minutes), None, 5, "Europe/Istanbul"
        )
        append(engine, TABLE, snapshot_row(seen, task), create_table=True)
    ((newest_at,),) = ask(engine, "SELECT newest_at FROM iyzico_account")
    assert moment(newest_at) == START


@pytest.mark.parametrize(
    "driver",
    [
        pytest.param("psycopg", marks=pytest.mark.skipif(not HAS_PSYCOPG, reason="psycopg is not here")),
        "psycopg2",
    ],
)
def test_the_roll_up_is_right_whatever_driver_and_zone_the_session_has(postgres_engine, driver):
    """In a zone that sets its clock back, while it does so, with every third row late."""
    from sqlalchemy import create_engine

    schema = ask(postgres_engine, "SELECT current_schema()")[0][0]
    url = postgres_engine.url.set(drivername=f"postgresql+{driver}")
    engine = create_engine(url, connect_args={"options": f"-csearch_path={schema} -ctimezone=Europe/Berlin"})
    back = datetime(2026, 10, 24, 23, 30, tzinfo=UTC)
    rows = [observation(back + timedelta(minutes=10 * number), number % 5 * 10) for number in range(18)]
    for row in [*rows[::3], *rows[1::3], *rows[2::3], *[observation(back + timedelta(hours=4), "3.21")]]:
        keep(engine, row)
    engine.dispose()
    with postgres_engine.begin() as connection:
        assert rebuild(connection) == []


def test_a_silent_account_has_a_row_for_the_newest_day_in_its_own_zone(engine):
    """Another account goes on in another zone, where that day has not begun."""
    keep_in(engine, "Europe/Istanbul", datetime(2026, 3, 1, 12, tzinfo=UTC), "1")
    for day, hour in ((1, 13), (2, 13), (3, 5)):
        seen = Observation(
            "far", "production", "TRY", Decimal(1), "1", datetime(2026, 3, day, hour, tzinfo=UTC), None, 5, "America/Los_Angeles"
        )
        task = TaskInstance("dag", "task", str(uuid4()), -1, 1, None, None, None)
        append(engine, TABLE, snapshot_row(seen, task), create_table=True)
    found = ask(engine, "SELECT local_date FROM iyzico_balance_daily WHERE account = 'main' ORDER BY local_date")
    assert [str(row[0])[:10] for row in found] == ["2026-03-01", "2026-03-02", "2026-03-03"]


@pytest.mark.parametrize("newest", [datetime(2026, 3, 31, 22, 0, 30, tzinfo=UTC), datetime(2026, 10, 31, 22, 30, tzinfo=UTC)])
def test_a_week_has_seven_days_also_when_the_clocks_change(engine, newest):
    for days in range(40):
        keep_in(engine, "Europe/Berlin", newest - timedelta(days=days), "5")
    windows = ask(engine, "SELECT window_days, days_in_window FROM iyzico_balance_runway ORDER BY 1")
    assert [tuple(row) for row in windows] == [(7, 7), (28, 28)]
