"""What is called kept is what the table holds, also after triggers; what somebody wrote by hand is named."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import create_engine, event, text
from support import HAS_PSYCOPG

from airflow_provider_iyzico.errors import WarehouseExactnessError, WarehouseRowError
from airflow_provider_iyzico.warehouse.__main__ import main
from airflow_provider_iyzico.warehouse.append import append
from airflow_provider_iyzico.warehouse.rollup.rebuild import rebuild
from airflow_provider_iyzico.warehouse.snapshot import Observation, snapshot_row
from airflow_provider_iyzico.warehouse.tables import snapshot_table
from airflow_provider_iyzico.warehouse.task import TaskInstance

TABLE, BARE = snapshot_table(), snapshot_table("my_snapshots")
START = datetime(2026, 3, 1, 8, tzinfo=UTC)


def run(engine, *statements):
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


def ask(engine, query):
    with engine.connect() as connection:
        return connection.execute(text(query)).scalar()


def put(engine, minutes, balance="5", table=TABLE):
    moment = START + timedelta(minutes=minutes)
    seen = Observation("a", "production", "TRY", Decimal(balance), balance, moment, None, 5, "Europe/Istanbul")
    row = snapshot_row(seen, TaskInstance("d", "t", str(minutes), -1, 1, None, None, None))
    return append(engine, table, row, create_table=True)


BENDING = {
    "bends": "UPDATE {} SET balance = round(balance, 1) WHERE snapshot_id = NEW.snapshot_id",
    "changes a label": "UPDATE {} SET run_id = 'other' WHERE snapshot_id = NEW.snapshot_id",
    "deletes": "DELETE FROM {} WHERE snapshot_id = NEW.snapshot_id",
}


@pytest.mark.parametrize("table", [TABLE, BARE], ids=str)
@pytest.mark.parametrize("act", BENDING.values(), ids=list(BENDING))
@pytest.mark.parametrize("is_deferred", [False, True], ids=["at once", "deferred"])
def test_a_trigger_after_the_insert_keeps_nothing_where_it_changes_the_row(reporting_engine, table, act, is_deferred):
    engine, name = reporting_engine, table.name
    put(engine, 0, table=table)
    act = act.format(name)
    if engine.dialect.name == "sqlite":
        if is_deferred:
            pytest.skip("SQLite has no triggers that wait")
        run(engine, f"CREATE TRIGGER meddle AFTER INSERT ON {name} BEGIN {act}; END")
    else:
        kind = (
            "CONSTRAINT TRIGGER meddle AFTER INSERT ON {} DEFERRABLE INITIALLY DEFERRED"
            if is_deferred
            else "TRIGGER meddle AFTER INSERT ON {}"
        )
        body = f"BEGIN {act}; RETURN NULL; END"
        run(
            engine,
            f"CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS $${body}$$",
            f"CREATE {kind.format(name)} FOR EACH ROW EXECUTE FUNCTION meddle()",
        )
    with pytest.raises(WarehouseExactnessError, match="nothing was kept"):
        put(engine, 10, "1500.75", table)
    assert ask(engine, f"SELECT count(*) FROM {name}") == 1
    if table is TABLE:
        with engine.begin() as connection:
            assert rebuild(connection) == []


def test_a_trigger_of_mariadb_that_bends_the_row_keeps_nothing(mariadb_engine):
    put(mariadb_engine, 0, table=BARE)
    run(
        mariadb_engine, "CREATE TRIGGER meddle BEFORE INSERT ON my_snapshots FOR EACH ROW SET NEW.balance = round(NEW.balance, 1)"
    )
    with pytest.raises(WarehouseExactnessError, match="balance"):
        put(mariadb_engine, 10, "1500.75", BARE)
    assert ask(mariadb_engine, "SELECT count(*) FROM my_snapshots") == 1


def test_a_trigger_that_writes_elsewhere_hinders_nothing(sqlite_engine):
    put(sqlite_engine, 0)
    log = "CREATE TRIGGER log AFTER INSERT ON iyzico_balance_snapshot BEGIN INSERT INTO log VALUES (NEW.balance); END"
    run(sqlite_engine, "CREATE TABLE log (balance)", log)
    assert put(sqlite_engine, 10, "1500.75")["balance"] == Decimal("1500.75")


SQLITE_VALUES = {
    "balance": ["'1.234,56'", "'NaN'", "9e999", "x'3132'", "'1 500'"],
    "observed_at": ["'yesterday'", "7.5", "'2026-13-45 00:00:00.000000'", "x'31'"],
}


@pytest.mark.parametrize(("column", "value"), [(column, value) for column in SQLITE_VALUES for value in SQLITE_VALUES[column]])
def test_a_snapshot_written_by_hand_is_named_to_the_snapshot_and_to_rebuild(sqlite_engine, monkeypatch, capsys, column, value):
    put(sqlite_engine, 0)
    put(sqlite_engine, 20)
    run(sqlite_engine, f"UPDATE iyzico_balance_snapshot SET {column} = {value} WHERE run_id = '0'")
    named = (
        rf"'iyzico_balance_snapshot' holds .* in column '{column}' of the row with snapshot_id .*; correct that row or delete it"
    )
    if column == "balance":
        with pytest.raises(WarehouseRowError, match=named):
            put(sqlite_engine, 10)
    monkeypatch.setenv("IYZICO_WAREHOUSE_URL", str(sqlite_engine.url))
    assert main(["rebuild"]) == 2
    assert f"in column '{column}' of the row with snapshot_id" in capsys.readouterr().err
    run(sqlite_engine, "DELETE FROM iyzico_balance_snapshot WHERE run_id = '0'")
    assert main(["rebuild"]) == 1
    put(sqlite_engine, 30)


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
    put(sqlite_engine, 0)
    run(sqlite_engine, f"UPDATE {table} SET {column} = {value}")
    with pytest.raises(
        WarehouseRowError, match=f"'{table}' holds .* in column '{column}' of the row with environment production"
    ):
        put(sqlite_engine, 10)
    monkeypatch.setenv("IYZICO_WAREHOUSE_URL", str(sqlite_engine.url))
    assert main(["rebuild"]) == 2
    assert f"'{table}' holds" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("table", "column", "minutes"),
    [("iyzico_balance_snapshot", "balance", 5), ("iyzico_balance_day", "closing", 10), ("iyzico_balance_day", "inflow", 10)],
)
def test_postgresqls_number_that_is_none_is_named(postgres_engine, table, column, minutes):
    put(postgres_engine, 0)
    put(postgres_engine, 8)
    run(postgres_engine, f"UPDATE {table} SET {column} = 'NaN'")
    with pytest.raises(WarehouseRowError, match=f"'{table}' holds 'NaN' in column '{column}'"):
        put(postgres_engine, minutes)
    with postgres_engine.begin() as connection, pytest.raises(WarehouseRowError, match=f"'{table}' holds 'NaN'"):
        rebuild(connection)


@pytest.mark.skipif(not HAS_PSYCOPG, reason="psycopg 2 reads infinity as the last moment of the calendar")
def test_a_moment_of_postgresql_that_no_calendar_has_is_named(postgres_engine):
    put(postgres_engine, 0)
    run(postgres_engine, "UPDATE iyzico_account SET newest_at = 'infinity'")
    with pytest.raises(WarehouseRowError, match="'iyzico_account' holds 'infinity' in column 'newest_at'"):
        put(postgres_engine, 10)


def test_what_was_written_by_hand_for_one_account_hinders_no_other(sqlite_engine):
    put(sqlite_engine, 0)
    run(
        sqlite_engine,
        "INSERT INTO iyzico_account SELECT environment, 'other', currency, 'Mars/Phobos', first_date, newest_at FROM iyzico_account",
    )
    assert put(sqlite_engine, 24 * 60)["balance"] == 5


def test_a_healthy_row_is_never_named_whatever_dates_the_database_writes(postgres_engine):
    """With a date style that is not ours, texts of healthy moments would look like something by hand."""
    put(postgres_engine, 0)
    put(postgres_engine, 8)
    run(postgres_engine, "UPDATE iyzico_balance_day SET closing = 'NaN'")
    options = f"-csearch_path={ask(postgres_engine, 'SELECT current_schema()')} -cDateStyle=German"
    german = create_engine(postgres_engine.url, connect_args={"options": options})
    with pytest.raises(WarehouseRowError, match="'iyzico_balance_day' holds 'NaN' in column 'closing'"):
        put(german, 10)
    german.dispose()


BENDING_THE_DAY = {
    "rounds": ("BEFORE", "NEW.highest := round(NEW.highest); RETURN NEW;", "'highest' of table 'iyzico_balance_day'"),
    "deletes the day": ("AFTER", "DELETE FROM iyzico_balance_day; RETURN NULL;", "'iyzico_balance_day' took a row"),
    "deletes the snapshot": (
        "AFTER",
        "DELETE FROM iyzico_balance_snapshot; RETURN NULL;",
        "took a row and does not show it",
    ),
}


@pytest.mark.parametrize(("moment", "act", "said"), BENDING_THE_DAY.values(), ids=list(BENDING_THE_DAY))
@pytest.mark.parametrize("minutes", [-10, 10, 24 * 60], ids=["late", "same day", "next day"])
def test_nothing_is_kept_where_the_roll_up_is_bent(postgres_engine, moment, act, said, minutes):
    put(postgres_engine, 0)
    run(
        postgres_engine,
        f"CREATE FUNCTION bend() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN {act} END$$",
        f"CREATE TRIGGER bend {moment} INSERT OR UPDATE ON iyzico_balance_day FOR EACH ROW EXECUTE FUNCTION bend()",
    )
    with pytest.raises(WarehouseExactnessError, match=f"{said}.*; nothing was kept"):
        put(postgres_engine, minutes, "100.60")
    assert ask(postgres_engine, "SELECT count(*) FROM iyzico_balance_snapshot") == 1
    assert ask(postgres_engine, "SELECT closing FROM iyzico_balance_day") == 5


def test_a_column_of_the_roll_up_that_is_too_narrow_keeps_nothing_and_fails_rebuild(postgres_engine):
    put(postgres_engine, 0)
    run(
        postgres_engine,
        "DROP VIEW iyzico_balance_daily CASCADE",
        "ALTER TABLE iyzico_balance_day ALTER inflow TYPE numeric(28, 2)",
    )
    with pytest.raises(WarehouseExactnessError, match="'inflow' of table 'iyzico_balance_day'"):
        put(postgres_engine, 10, "5.125")
    run(postgres_engine, "UPDATE iyzico_balance_snapshot SET balance = 5.125")
    run(postgres_engine, "ALTER TABLE iyzico_balance_day ALTER closing TYPE numeric(28, 2) USING round(closing, 2)")
    with postgres_engine.begin() as connection, pytest.raises(WarehouseExactnessError, match="'closing'"):
        rebuild(connection)


def test_a_table_without_transactions_never_passes_a_bent_row_off_as_kept(mariadb_engine):
    put(mariadb_engine, 0, table=BARE)
    texts = ", ".join(f"MODIFY {name} VARCHAR(200) NOT NULL" for name in ("dag_id", "task_id", "run_id"))
    run(mariadb_engine, f"ALTER TABLE my_snapshots {texts}, MODIFY balance NUMERIC(28, 2) NOT NULL, ENGINE = MyISAM")
    with pytest.raises(WarehouseExactnessError, match="the row is there nevertheless.*make the table InnoDB") as first:
        put(mariadb_engine, 10, "100.005", BARE)
    assert "nothing was kept" not in str(first.value)
    with pytest.raises(WarehouseExactnessError, match=r"balance 100\.0[01] and balance_raw '100\.005'.*delete the row"):
        put(mariadb_engine, 10, "100.005", BARE)


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
    put(sqlite_engine, 0)
    run(sqlite_engine, f"UPDATE {table} SET {column} = {value}")
    with sqlite_engine.begin() as connection, pytest.raises(WarehouseRowError, match=f"'{table}' holds .* in column '{column}'"):
        rebuild(connection)


@pytest.mark.parametrize("change", ["closing = 1e300", "inflow = 1e300", "closing_at = '9999-12-31 23:59:59.000000'"])
def test_a_day_that_cannot_be_computed_with_is_named_to_the_snapshot_or_mended(sqlite_engine, change):
    put(sqlite_engine, 0)
    run(sqlite_engine, f"UPDATE iyzico_balance_day SET {change}")
    if "1e300" in change:
        with pytest.raises(WarehouseRowError, match="'iyzico_balance_day' holds"):
            put(sqlite_engine, 10)
    with sqlite_engine.begin() as connection:
        if "1e300" in change:
            with pytest.raises(WarehouseRowError, match="'iyzico_balance_day' holds"):
                rebuild(connection)
        else:
            assert rebuild(connection) == ["production/a/TRY 2026-03-01"]


def test_rebuild_sorts_and_mends_a_key_of_the_roll_up_that_is_no_text(sqlite_engine):
    put(sqlite_engine, 0)
    put(sqlite_engine, 24 * 60)
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
    put(sqlite_engine, 0)
    put(sqlite_engine, 60)
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
    put(sqlite_engine, 0)
    run(sqlite_engine, f"INSERT INTO iyzico_balance_threshold VALUES ('production', 'a', 'TRY', '{valid_from}', 9, 15)")
    monkeypatch.setenv("IYZICO_WAREHOUSE_URL", str(sqlite_engine.url))
    assert main(["rebuild"]) == status
    assert ("iyzico_balance_threshold" in capsys.readouterr().err) is (status == 2)


def test_provenance_that_nothing_compares_may_be_spelled_in_any_way(sqlite_engine):
    put(sqlite_engine, 0)
    run(sqlite_engine, "UPDATE iyzico_balance_snapshot SET inserted_at = CURRENT_TIMESTAMP, system_time = '2026-03-01T08:00:00Z'")
    with sqlite_engine.begin() as connection:
        assert rebuild(connection) == []


@pytest.mark.parametrize("value", ["1.500,75", "", "sNaN", "bilinmiyor"])
def test_a_task_that_is_tried_again_over_digits_by_hand_names_the_row(any_engine, value):
    put(any_engine, 0, table=BARE)
    run(any_engine, f"UPDATE my_snapshots SET balance_raw = '{value}'")
    with pytest.raises(WarehouseRowError, match=f"holds '{value}' in column 'balance_raw' of the row .* which is no amount"):
        put(any_engine, 0, table=BARE)


def test_letters_that_are_no_utf_8_are_named_and_never_tried_again(sqlite_engine, monkeypatch, capsys):
    put(sqlite_engine, 0)
    run(sqlite_engine, "UPDATE iyzico_balance_snapshot SET dag_id = CAST(X'6d61e7' AS TEXT)")
    with pytest.raises(WarehouseRowError, match="in column 'dag_id' of the row with snapshot_id .* which is no text"):
        put(sqlite_engine, 0)
    run(sqlite_engine, "UPDATE iyzico_balance_day SET account = CAST(X'6d61e7' AS TEXT)")
    monkeypatch.setenv("IYZICO_WAREHOUSE_URL", str(sqlite_engine.url))
    assert main(["rebuild"]) == 2
    assert "in column 'dag_id'" in capsys.readouterr().err
    assert put(sqlite_engine, 10)["dag_id"] == "d"


def test_looking_for_the_row_by_hand_does_not_hold_the_history_in_memory(postgres_engine):
    put(postgres_engine, 0)
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


def test_a_column_of_another_type_is_told_in_the_words_of_the_database(postgres_engine):
    put(postgres_engine, 0)
    run(
        postgres_engine,
        "DROP VIEW iyzico_balance_latest, iyzico_balance_observed, iyzico_balance_interval CASCADE",
        "ALTER TABLE iyzico_balance_snapshot ALTER observed_at TYPE TIMESTAMP",
    )
    with pytest.raises(WarehouseExactnessError, match="it should be TIMESTAMP WITH TIME ZONE"):
        put(postgres_engine, 10)
