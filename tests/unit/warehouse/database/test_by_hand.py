"""What somebody wrote by hand is named: the table, the column and the key of the row."""

import pytest
from snapshots import BARE, ask, put_after, run
from sqlalchemy import Column, Integer, MetaData, String, Table, create_engine, event, text
from support import HAS_PSYCOPG

from airflow_provider_iyzico.errors import WarehouseRowError
from airflow_provider_iyzico.warehouse.__main__ import main
from airflow_provider_iyzico.warehouse.database.by_hand import row_by_hand
from airflow_provider_iyzico.warehouse.database.types import Rule, ruled
from airflow_provider_iyzico.warehouse.rollup.rebuild import rebuild

SQLITE_VALUES = {
    "balance": ["'1.234,56'", "'NaN'", "9e999", "x'3132'", "'1 500'"],
    "observed_at": ["'yesterday'", "7.5", "'2026-13-45 00:00:00.000000'", "x'31'"],
}


@pytest.mark.parametrize(("column", "value"), [(column, value) for column in SQLITE_VALUES for value in SQLITE_VALUES[column]])
def test_a_snapshot_written_by_hand_is_named_to_the_snapshot_and_to_rebuild(sqlite_engine, monkeypatch, capsys, column, value):
    put_after(sqlite_engine, 0)
    put_after(sqlite_engine, 20)
    run(sqlite_engine, f"UPDATE iyzico_balance_snapshot SET {column} = {value} WHERE run_id = '0'")
    named = (
        rf"'iyzico_balance_snapshot' holds .* in column '{column}' of the row with snapshot_id .*; correct that row or delete it"
    )
    if column == "balance":
        with pytest.raises(WarehouseRowError, match=named):
            put_after(sqlite_engine, 10)
    monkeypatch.setenv("IYZICO_WAREHOUSE_URL", str(sqlite_engine.url))
    assert main(["rebuild"]) == 2
    assert f"in column '{column}' of the row with snapshot_id" in capsys.readouterr().err
    run(sqlite_engine, "DELETE FROM iyzico_balance_snapshot WHERE run_id = '0'")
    assert main(["rebuild"]) == 1
    put_after(sqlite_engine, 30)


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("iyzico_account", "report_timezone", "'Mars/Phobos'"),
        ("iyzico_account", "report_timezone", "'Europe'"),
        ("iyzico_account", "newest_at", "'yesterday'"),
        ("iyzico_balance_day", "closing", "'1.234,56'"),
        ("iyzico_balance_day", "inflow", "9e999"),
        ("iyzico_balance_day", "closing_at", "'soon'"),
    ],
)
def test_a_row_of_the_roll_up_written_by_hand_is_named(sqlite_engine, monkeypatch, capsys, table, column, value):
    put_after(sqlite_engine, 0)
    run(sqlite_engine, f"UPDATE {table} SET {column} = {value}")
    with pytest.raises(
        WarehouseRowError, match=f"'{table}' holds .* in column '{column}' of the row with environment production"
    ):
        put_after(sqlite_engine, 10)
    monkeypatch.setenv("IYZICO_WAREHOUSE_URL", str(sqlite_engine.url))
    assert main(["rebuild"]) == 2
    assert f"'{table}' holds" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("table", "column", "minutes"),
    [("iyzico_balance_snapshot", "balance", 5), ("iyzico_balance_day", "closing", 10), ("iyzico_balance_day", "inflow", 10)],
)
def test_postgresqls_number_that_is_none_is_named(postgres_engine, table, column, minutes):
    put_after(postgres_engine, 0)
    put_after(postgres_engine, 8)
    run(postgres_engine, f"UPDATE {table} SET {column} = 'NaN'")
    with pytest.raises(WarehouseRowError, match=f"'{table}' holds 'NaN' in column '{column}'"):
        put_after(postgres_engine, minutes)
    with postgres_engine.begin() as connection, pytest.raises(WarehouseRowError, match=f"'{table}' holds 'NaN'"):
        rebuild(connection)


@pytest.mark.skipif(not HAS_PSYCOPG, reason="psycopg 2 reads infinity as the last moment of the calendar")
def test_a_moment_of_postgresql_that_no_calendar_has_is_named(postgres_engine):
    put_after(postgres_engine, 0)
    run(postgres_engine, "UPDATE iyzico_account SET newest_at = 'infinity'")
    with pytest.raises(WarehouseRowError, match="'iyzico_account' holds 'infinity' in column 'newest_at'"):
        put_after(postgres_engine, 10)


def test_what_was_written_by_hand_for_one_account_hinders_no_other(sqlite_engine):
    put_after(sqlite_engine, 0)
    run(
        sqlite_engine,
        "INSERT INTO iyzico_account SELECT environment, 'other', currency, 'Mars/Phobos', first_date, newest_at FROM iyzico_account",
    )
    assert put_after(sqlite_engine, 24 * 60)["balance"] == 5


def test_a_healthy_row_is_never_named_whatever_dates_the_database_writes(postgres_engine):
    """With a date style that is not ours, texts of healthy moments would look like something by hand."""
    put_after(postgres_engine, 0)
    put_after(postgres_engine, 8)
    run(postgres_engine, "UPDATE iyzico_balance_day SET closing = 'NaN'")
    options = f"-csearch_path={ask(postgres_engine, 'SELECT current_schema()')} -cDateStyle=German"
    german = create_engine(postgres_engine.url, connect_args={"options": options})
    with pytest.raises(WarehouseRowError, match="'iyzico_balance_day' holds 'NaN' in column 'closing'"):
        put_after(german, 10)
    german.dispose()


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("iyzico_balance_snapshot", "balance", "1e300"),
        ("iyzico_balance_snapshot", "observed_at", "'9999-12-31 23:59:59.000000'"),
        ("iyzico_balance_snapshot", "observed_at", "'9000-01-01 00:00:00.000000'"),
        ("iyzico_balance_snapshot", "observed_at", "'0001-01-01 00:00:00.000000'"),
        ("iyzico_balance_snapshot", "account", "x'61'"),
    ],
)
def test_a_value_that_cannot_be_computed_with_is_named_by_rebuild(sqlite_engine, table, column, value):
    put_after(sqlite_engine, 0)
    run(sqlite_engine, f"UPDATE {table} SET {column} = {value}")
    with sqlite_engine.begin() as connection, pytest.raises(WarehouseRowError, match=f"'{table}' holds .* in column '{column}'"):
        rebuild(connection)


@pytest.mark.parametrize("change", ["closing = 1e300", "inflow = 1e300", "closing_at = '9999-12-31 23:59:59.000000'"])
def test_a_day_that_cannot_be_computed_with_is_named_to_the_snapshot_or_mended(sqlite_engine, change):
    put_after(sqlite_engine, 0)
    run(sqlite_engine, f"UPDATE iyzico_balance_day SET {change}")
    if "1e300" in change:
        with pytest.raises(WarehouseRowError, match="'iyzico_balance_day' holds"):
            put_after(sqlite_engine, 10)
    with sqlite_engine.begin() as connection:
        if "1e300" in change:
            with pytest.raises(WarehouseRowError, match="'iyzico_balance_day' holds"):
                rebuild(connection)
        else:
            assert rebuild(connection) == ["production/a/TRY 2026-03-01"]


def test_rebuild_sorts_and_mends_a_key_of_the_roll_up_that_is_no_text(sqlite_engine):
    put_after(sqlite_engine, 0)
    put_after(sqlite_engine, 24 * 60)
    run(sqlite_engine, "UPDATE iyzico_balance_day SET account = x'61' WHERE local_date = '2026-03-01'")
    with sqlite_engine.begin() as connection:
        assert len(rebuild(connection)) == 2
        assert rebuild(connection) == []


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("observed_at", "2026-03-01T08:00:00+00:00"),
        ("observed_at", "2026-03-01T08:00:00"),
        ("observed_at", "2026-03-01 11:00:00+03:00"),
        ("observed_at", "2026-03-01 08:00:00"),  # which sorts before the first moment of that second
        ("observed_at", "20260301 080000"),
        ("balance", "100_000"),
        ("balance", "\uff11\uff10\uff10"),
        ("latency_ms", "\uff11"),
    ],
)
def test_rebuild_refuses_what_python_reads_and_sqlite_sorts_or_computes_otherwise(
    sqlite_engine, monkeypatch, capsys, column, value
):
    put_after(sqlite_engine, 0)
    put_after(sqlite_engine, 60)
    with sqlite_engine.begin() as connection:
        connection.execute(text(f"UPDATE iyzico_balance_snapshot SET {column} = :value WHERE run_id = '0'"), {"value": value})
    monkeypatch.setenv("IYZICO_WAREHOUSE_URL", str(sqlite_engine.url))
    assert main(["rebuild"]) == 2
    assert f"holds '{value}' in column '{column}' of the row with snapshot_id" in capsys.readouterr().err
    assert ask(sqlite_engine, "SELECT observations FROM iyzico_balance_day") == 2


@pytest.mark.parametrize(
    ("valid_from", "status"),
    [
        *[(spelling, 0) for spelling in ("2026-01-01", "2026-01-01 00:00", "2026-01-01 00:00:00", "2026-01-01 00:00:00+00:00")],
        *[(spelling, 2) for spelling in ("2026-01-01T00:00:00", "2026-01-01 00:00:00+03:00", "01.01.2026")],
    ],
)
def test_a_threshold_begins_when_it_says_or_is_named(sqlite_engine, monkeypatch, capsys, valid_from, status):
    put_after(sqlite_engine, 0)
    run(sqlite_engine, f"INSERT INTO iyzico_balance_threshold VALUES ('production', 'a', 'TRY', '{valid_from}', 9, 15)")
    monkeypatch.setenv("IYZICO_WAREHOUSE_URL", str(sqlite_engine.url))
    assert main(["rebuild"]) == status
    assert ("iyzico_balance_threshold" in capsys.readouterr().err) is (status == 2)


def test_provenance_that_nothing_compares_may_be_spelled_in_any_way(sqlite_engine):
    put_after(sqlite_engine, 0)
    run(sqlite_engine, "UPDATE iyzico_balance_snapshot SET inserted_at = CURRENT_TIMESTAMP, system_time = '2026-03-01T08:00:00Z'")
    with sqlite_engine.begin() as connection:
        assert rebuild(connection) == []


@pytest.mark.parametrize("value", ["1.500,75", "", "sNaN", "bilinmiyor"])
def test_a_task_that_is_tried_again_over_digits_by_hand_names_the_row(any_engine, value):
    put_after(any_engine, 0, table=BARE)
    run(any_engine, f"UPDATE my_snapshots SET balance_raw = '{value}'")
    with pytest.raises(WarehouseRowError, match=f"holds '{value}' in column 'balance_raw' of the row .* which is no amount"):
        put_after(any_engine, 0, table=BARE)


def test_letters_that_are_no_utf_8_are_named_and_never_tried_again(sqlite_engine, monkeypatch, capsys):
    put_after(sqlite_engine, 0)
    run(sqlite_engine, "UPDATE iyzico_balance_snapshot SET dag_id = CAST(X'6d61e7' AS TEXT)")
    with pytest.raises(WarehouseRowError, match="in column 'dag_id' of the row with snapshot_id .* which is no text"):
        put_after(sqlite_engine, 0)
    run(sqlite_engine, "UPDATE iyzico_balance_day SET account = CAST(X'6d61e7' AS TEXT)")
    monkeypatch.setenv("IYZICO_WAREHOUSE_URL", str(sqlite_engine.url))
    assert main(["rebuild"]) == 2
    assert "in column 'dag_id'" in capsys.readouterr().err
    assert put_after(sqlite_engine, 10)["dag_id"] == "d"


def test_looking_for_the_row_by_hand_does_not_hold_the_history_in_memory(postgres_engine):
    put_after(postgres_engine, 0)
    run(postgres_engine, "UPDATE iyzico_balance_snapshot SET balance = 'NaN'")
    streamed = []

    @event.listens_for(postgres_engine, "before_cursor_execute")
    def note(_connection, cursor, statement, *_):
        if "CAST(iyzico_balance_snapshot.dag_id" in statement:
            streamed.append(getattr(cursor, "name", None))

    with postgres_engine.begin() as connection, pytest.raises(WarehouseRowError, match="'NaN'"):
        rebuild(connection)
    assert len(streamed) == 1
    assert streamed[0] is not None  # a cursor of the server, from which rows come in pieces


def test_a_column_of_any_table_is_held_to_the_rule_that_it_carries(sqlite_engine):
    def check(value):
        if value not in ("new", "ended"):
            raise ValueError(value)

    rule = ruled(Rule(noun="state", check=check))
    table = Table("batch", MetaData(), Column("batch", Integer, primary_key=True), Column("state", String(9), info=rule))
    table.create(sqlite_engine)
    run(sqlite_engine, "INSERT INTO batch VALUES (1, 'new'), (2, NULL), (3, 'odd'), (4, 'odder')")
    with sqlite_engine.begin() as connection:
        said = row_by_hand(connection, [table])
        assert said == (
            "table 'batch' holds 'odd' in column 'state' of the row with batch 3, which is no state; correct that row or delete it"
        )
        assert "'odder'" in row_by_hand(connection, [table], {"batch": 4})
        assert row_by_hand(connection, [table], {"batch": 2}) is None
