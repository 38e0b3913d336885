"""A columnar warehouse keeps nothing but the snapshots: accounts, calendar and days are views over them."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from snapshots import START, another, ask, dates, day, put, put_after, run
from sqlalchemy import inspect, text

from airflow_provider_iyzico.errors import WarehouseTableError
from airflow_provider_iyzico.warehouse.__main__ import main
from airflow_provider_iyzico.warehouse.local_day import start_and_end
from airflow_provider_iyzico.warehouse.tables import report_tables
from airflow_provider_iyzico.warehouse.views import ROLL_UP_VIEWS, view_names

#: Zones whose clocks are set at midnight, or by half an hour, or that are a day apart, and some that are none of this.
ZONES = [
    "Africa/Cairo",
    "America/Asuncion",
    "America/Havana",
    "America/Santiago",
    "America/Sao_Paulo",
    "Asia/Amman",
    "Asia/Beirut",
    "Asia/Kolkata",
    "Asia/Tehran",
    "Atlantic/Azores",
    "Australia/Lord_Howe",
    "Europe/Dublin",
    "Europe/Istanbul",
    "Pacific/Apia",
    "Pacific/Chatham",
    "Pacific/Kiritimati",
    "UTC",
]


@pytest.fixture
def engine(duckdb_engine):
    return duckdb_engine


def everything(engine):
    """What all views say, but for ages."""
    found = {}
    for name in view_names(engine.dialect.name):
        columns = [each["name"] for each in inspect(engine).get_columns(name) if each["name"] not in ("age_minutes", "is_stale")]
        with engine.connect() as connection:
            found[name] = sorted(map(str, connection.execute(text(f"SELECT {', '.join(columns)} FROM {name}")).all()))
    return found


@pytest.mark.parametrize("table", report_tables().rolled_up, ids=str)
def test_the_views_have_the_columns_of_the_tables_elsewhere(engine, table):
    put(engine, "a", day(1))
    assert table.name in ROLL_UP_VIEWS
    assert [each["name"] for each in inspect(engine).get_columns(table.name)] == table.columns.keys()


def test_a_local_day_begins_and_ends_as_in_python_also_where_clocks_are_set_at_midnight(engine):
    """Two years of days in each zone, and seven in Samoa, which left out a whole day in 2011. Python is the second computation."""
    first, newest = datetime(2017, 1, 5, 12, tzinfo=UTC), datetime(2019, 1, 2, 12, tzinfo=UTC)
    begun = dict.fromkeys(ZONES, first) | {"Pacific/Apia": datetime(2011, 12, 28, 12, tzinfo=UTC)}
    for zone, since in begun.items():
        for moment in (since, newest):
            put(engine, zone, moment, zone)
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT * FROM iyzico_report_day")).all()
    found = {(zone, each): (start.astimezone(UTC), end.astimezone(UTC)) for zone, each, start, end in rows}
    assert len(found) == len(rows)
    for zone, since in begun.items():
        mine = sorted(each for name, each in found if name == zone)
        assert mine[0] == since.astimezone(ZoneInfo(zone)).date()
        assert mine[-1] == newest.astimezone(ZoneInfo(zone)).date() + timedelta(days=2)
        assert len(mine) == (mine[-1] - mine[0]).days + 1
        differing = [(zone, each) for each in mine if found[zone, each] != start_and_end(each, zone)]
        assert differing == []


def test_rows_that_a_table_without_a_key_holds_twice_count_once(engine):
    for number in range(12):
        put(engine, "ab"[number % 2], START + timedelta(hours=7 * number), balance=str(100 + 13 * number % 40))
    before = everything(engine)
    assert all(before[name] for name in ("iyzico_balance_movement", "iyzico_balance_runway", "iyzico_snapshot_gap"))
    run(
        engine,
        "CREATE TABLE doubled AS SELECT * FROM iyzico_balance_snapshot",
        "DROP TABLE iyzico_balance_snapshot",
        "ALTER TABLE doubled RENAME TO iyzico_balance_snapshot",
        "INSERT INTO iyzico_balance_snapshot SELECT * FROM iyzico_balance_snapshot",
    )
    assert ask(engine, "SELECT count(*) FROM iyzico_balance_snapshot") == 24
    assert everything(engine) == before


def test_of_two_rows_with_one_key_the_first_that_was_written_counts(engine):
    put_after(engine, 0, balance="5")
    run(
        engine,
        "CREATE TABLE doubled AS SELECT * FROM iyzico_balance_snapshot",
        "DROP TABLE iyzico_balance_snapshot",
        "ALTER TABLE doubled RENAME TO iyzico_balance_snapshot",
        """INSERT INTO iyzico_balance_snapshot BY NAME
           SELECT * REPLACE (7 AS balance, inserted_at + INTERVAL 1 SECOND AS inserted_at) FROM iyzico_balance_snapshot""",
    )
    for view, column in (
        ("iyzico_balance_latest", "balance"),
        ("iyzico_balance_day", "closing"),
        ("iyzico_balance_day", "lowest"),
    ):
        assert ask(engine, f"SELECT {column} FROM {view}") == 5
    assert ask(engine, "SELECT observations FROM iyzico_balance_day") == 1


def test_a_gate_that_a_table_without_a_key_holds_twice_counts_once(engine):
    put_after(engine, 0)
    run(
        engine,
        "CREATE TABLE doubled AS SELECT * FROM iyzico_payout_gate",
        "DROP TABLE iyzico_payout_gate",
        "ALTER TABLE doubled RENAME TO iyzico_payout_gate",
        *[
            f"""INSERT INTO iyzico_payout_gate VALUES ('g', 'a', 'production', 'TRY', 'd', 't', 'r', -1, 1, 1, 0,
            '2026-03-01 08:00:00+00', NULL, NULL, NULL, NULL, {polls}, '{outcome}', NULL, NULL, '1')"""
            for polls, outcome in ((1, "waiting"), (2, "waiting"), (2, "opened"))
        ],
    )
    assert ask(engine, "SELECT count(*) FROM iyzico_payout_coverage") == 1
    assert ask(engine, "SELECT outcome FROM iyzico_payout_coverage") == "opened"


def test_a_table_without_its_key_keeps_no_second_row(engine):
    put_after(engine, 0)
    run(
        engine,
        "CREATE TABLE bare AS SELECT * FROM iyzico_balance_snapshot",
        "DROP TABLE iyzico_balance_snapshot",
        "ALTER TABLE bare RENAME TO iyzico_balance_snapshot",
    )
    with pytest.raises(WarehouseTableError, match="primary key"):
        put_after(engine, 0)
    assert ask(engine, "SELECT count(*) FROM iyzico_balance_snapshot") == 1


def test_a_row_of_the_past_changes_the_days_as_if_it_had_come_in_time(engine):
    for number, balance in ((0, "100"), (600, "60"), (1700, "90")):
        put_after(engine, number, balance)
    assert ask(engine, "SELECT sum(outflow) FROM iyzico_balance_day") == 40
    put_after(engine, 300, "20")
    assert ask(engine, "SELECT sum(outflow) FROM iyzico_balance_day") == 80
    assert ask(engine, "SELECT min(lowest) FROM iyzico_balance_day") == 20


def test_the_largest_amounts_are_summed_and_divided_to_the_last_digit(engine):
    """As PostgreSQL does; DuckDB itself divides in floating point."""
    balances = ["99999999999999999999.99999999", "0", "99999999999999999999.99999999", "0.00000001", "5"]
    for number, balance in enumerate(balances, start=1):
        put(engine, "a", day(number), balance=balance)
    put(engine, "a", day(6), balance="5")
    assert ask(engine, "SELECT sum(inflow) FROM iyzico_balance_day") == Decimal("100000000000000000004.99999998")
    assert ask(engine, "SELECT sum(outflow) FROM iyzico_balance_day") == Decimal("199999999999999999999.99999997")
    # Five days are over.
    assert ask(engine, "SELECT min(average_outflow) FROM iyzico_balance_runway") == Decimal("39999999999999999999.99999999")
    assert ask(engine, "SELECT max(average_outflow) FROM iyzico_balance_runway") == Decimal("39999999999999999999.99999999")


def test_a_rebuild_has_nothing_to_do_and_names_rows_by_hand(engine, monkeypatch, capsys):
    put_after(engine, 0)
    engine.dispose()
    monkeypatch.setenv("IYZICO_WAREHOUSE_URL", str(engine.url))
    assert main(["rebuild"]) == 0
    assert "views over the snapshots" in capsys.readouterr().out
    assert main(["rebuild", "--timezone", "UTC"]) == 2
    assert "leave out --timezone" in capsys.readouterr().err
    run(engine, "INSERT INTO iyzico_balance_threshold VALUES ('production', 'a', 'TRY', '2026-01-01 00:00:00+00', 5, 0)")
    engine.dispose()
    assert main(["rebuild"]) == 2
    assert "in column 'cadence_minutes' of the row with" in capsys.readouterr().err


def test_reports_live_in_the_schema_of_their_table(engine):
    from airflow_provider_iyzico.warehouse.tables import snapshot_table

    run(engine, 'CREATE SCHEMA "Finance"')
    put(engine, "a", day(1), table=snapshot_table(schema="Finance"))
    assert ask(engine, 'SELECT count(*) FROM "Finance".iyzico_balance_daily') == 1
    assert inspect(engine).get_table_names() == []


def test_the_reports_come_with_the_next_snapshot_where_only_the_table_was(engine):
    """As after an upgrade from a version that had no reports for this warehouse."""
    put(engine, "a", day(1))
    run(engine, *[f"DROP VIEW {name}" for name in view_names("duckdb")], "DROP TABLE iyzico_balance_threshold")
    put(another(engine), "a", day(3))
    assert dates(engine, "a") == [date(2026, 10, number) for number in (1, 2, 3)]
