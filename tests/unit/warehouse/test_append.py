import multiprocessing
import sqlite3
import threading
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from uuid import uuid4

import pytest
from emulators import EMULATED
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from snapshots import another
from sqlalchemy import create_engine, event, insert, inspect, select, text
from sqlalchemy.exc import OperationalError
from support import HAS_PSYCOPG, POSTGRESQL

from airflow_provider_iyzico.errors import (
    Retry,
    WarehouseError,
    WarehouseExactnessError,
    WarehouseTableError,
    WarehouseUnavailableError,
)
from airflow_provider_iyzico.warehouse.append import append
from airflow_provider_iyzico.warehouse.bounds import SNAPSHOT
from airflow_provider_iyzico.warehouse.database.engine import prepare
from airflow_provider_iyzico.warehouse.tables import snapshot_table

TABLE = snapshot_table()
#: A table of another name has no reports, and so no view that holds its columns fast.
BARE = snapshot_table("my_snapshots")


@pytest.fixture
def engine(any_engine):
    return any_engine


def rows(engine, table=TABLE):
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(select(table)).mappings()]


def test_what_comes_back_is_what_was_given_to_the_last_digit_and_microsecond(engine, make_row):
    row = make_row("99999999999.99")
    stored = append(engine, TABLE, row, create_table=True)
    assert stored == row
    assert rows(engine) == [row]
    assert isinstance(stored["balance"], Decimal)
    assert stored["observed_at"].tzinfo is not None


def test_a_second_try_adds_nothing_and_gets_the_first_row(engine, make_row):
    first = append(engine, TABLE, make_row("100.00"), create_table=True)
    second = append(engine, TABLE, make_row("200.00", try_number=2), create_table=True)
    assert second == first
    assert rows(engine) == [first]


def test_another_run_or_map_index_is_another_row(engine, make_row):
    for row in (make_row(), make_row(run_id="manual__2"), make_row(map_index=0), make_row(map_index=1)):
        append(engine, TABLE, row, create_table=True)
    assert len(rows(engine)) == 4


def test_a_commit_whose_acknowledgement_is_lost_leaves_one_row(engine, make_row):
    append(engine, TABLE, make_row(run_id="before"), create_table=True)

    @event.listens_for(engine, "commit")
    def lose_the_acknowledgement(connection):
        event.remove(engine, "commit", lose_the_acknowledgement)
        connection.connection.dbapi_connection.commit()
        raise ConnectionError("the line went dead after COMMIT")

    with pytest.raises(ConnectionError):
        append(engine, TABLE, make_row("100.00"), create_table=True)
    stored = append(engine, TABLE, make_row("200.00", try_number=2), create_table=True)
    assert stored["balance"] == Decimal("100.00")
    assert len(rows(engine)) == 2


def test_a_missing_table_is_made_with_its_index(engine, make_row):
    append(engine, TABLE, make_row(), create_table=True)
    indexes = [each["column_names"] for each in inspect(engine).get_indexes("iyzico_balance_snapshot")]
    has_indexes = engine.dialect.name not in ("duckdb", "snowflake")
    assert indexes == ([["environment", "account", "currency", "observed_at"]] if has_indexes else [])
    assert inspect(engine).get_pk_constraint("iyzico_balance_snapshot")["constrained_columns"] == ["snapshot_id"]


def test_without_create_table_the_error_carries_ddl_that_works(engine, make_row):
    with pytest.raises(WarehouseTableError, match="create_table is False") as caught:
        append(engine, TABLE, make_row(), create_table=False)
    script = str(caught.value).partition(":\n")[2]
    with engine.begin() as connection:
        for statement in script.split(";\n"):
            if statement.strip():
                connection.execute(text(statement))
    assert append(engine, TABLE, make_row(), create_table=False) == rows(engine)[0]


def test_a_table_of_another_shape_is_refused_with_what_it_lacks(engine, make_row):
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE iyzico_balance_snapshot (snapshot_id VARCHAR(36), balance INTEGER)"))
    with pytest.raises(WarehouseTableError, match="account.*observed_at"):
        append(engine, TABLE, make_row(), create_table=True)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM iyzico_balance_snapshot")).scalar() == 0


def test_a_table_without_its_key_keeps_no_second_row(postgres_engine, make_row):
    append(postgres_engine, TABLE, make_row(), create_table=True)
    with postgres_engine.begin() as connection:
        connection.execute(text("ALTER TABLE iyzico_balance_snapshot DROP CONSTRAINT iyzico_balance_snapshot_pkey"))
    with pytest.raises(WarehouseTableError, match="primary key"):
        append(postgres_engine, TABLE, make_row(try_number=2), create_table=True)
    assert len(rows(postgres_engine)) == 1


@pytest.mark.parametrize("kind", ["double precision", "numeric(28, 1)", "real"])
def test_a_column_that_changes_a_digit_keeps_nothing(postgres_engine, make_row, kind):
    append(postgres_engine, BARE, make_row(run_id="before"), create_table=True)
    with postgres_engine.begin() as connection:
        connection.execute(text(f"ALTER TABLE my_snapshots ALTER balance TYPE {kind}"))
    with pytest.raises(WarehouseExactnessError, match="balance"):
        append(postgres_engine, BARE, make_row("12345678901234567.89"), create_table=True)
    assert len(rows(postgres_engine, BARE)) == 1


def test_a_moment_that_loses_its_microseconds_keeps_nothing(postgres_engine, make_row):
    append(postgres_engine, BARE, make_row(run_id="before"), create_table=True)
    with postgres_engine.begin() as connection:
        connection.execute(text("ALTER TABLE my_snapshots ALTER observed_at TYPE timestamptz(0)"))
    with pytest.raises(WarehouseExactnessError, match="observed_at"):
        append(postgres_engine, BARE, make_row(), create_table=True)
    assert len(rows(postgres_engine, BARE)) == 1


@pytest.mark.parametrize("balance", ["90071992547409.93", "12345678901234567.89", "99999999999999999999.99999999"])
def test_sqlite_refuses_what_its_numbers_cannot_hold(sqlite_engine, make_row, balance):
    append(sqlite_engine, TABLE, make_row(run_id="before"), create_table=True)
    with pytest.raises(WarehouseExactnessError, match="15 digits"):
        append(sqlite_engine, TABLE, make_row(balance), create_table=True)
    assert len(rows(sqlite_engine)) == 1


def test_postgresql_keeps_the_largest_and_the_smallest_amount(postgres_engine, make_row):
    for number, balance in enumerate(["99999999999999999999.99999999", "0.00000001", "-0.01", "0E-8"]):
        row = make_row(balance, run_id=f"run {number}")
        assert append(postgres_engine, TABLE, row, create_table=True)["balance"] == Decimal(balance)


def on_insert(engine, body):
    """Let every insert into the bare table go through a trigger."""
    with engine.begin() as connection:
        connection.execute(text(f"CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN {body} END'"))
        connection.execute(
            text("CREATE TRIGGER meddle BEFORE INSERT ON my_snapshots FOR EACH ROW EXECUTE FUNCTION meddle()"),
        )


def test_a_trigger_that_changes_a_digit_keeps_nothing(postgres_engine, make_row):
    append(postgres_engine, BARE, make_row(run_id="before"), create_table=True)
    on_insert(postgres_engine, "NEW.balance := NEW.balance + 0.01; RETURN NEW;")
    with pytest.raises(WarehouseExactnessError, match="balance"):
        append(postgres_engine, BARE, make_row("100.00"), create_table=True)
    assert len(rows(postgres_engine, BARE)) == 1


def test_a_row_that_vanishes_on_its_way_is_missed(postgres_engine, make_row):
    append(postgres_engine, BARE, make_row(run_id="before"), create_table=True)
    on_insert(postgres_engine, "RETURN NULL;")
    with pytest.raises(WarehouseExactnessError, match="a query does not find it"):
        append(postgres_engine, BARE, make_row("100.00"), create_table=True)
    assert len(rows(postgres_engine, BARE)) == 1


def test_moments_come_back_in_utc_whatever_the_zone_of_the_session(postgres_engine, make_row):
    with postgres_engine.connect() as connection:
        schema = connection.execute(text("SELECT current_schema()")).scalar()
    abroad = create_engine(postgres_engine.url, connect_args={"options": f"-csearch_path={schema} -ctimezone=Asia/Tokyo"})
    stored = append(abroad, TABLE, make_row(), create_table=True)
    again = append(abroad, TABLE, make_row(), create_table=True)
    abroad.dispose()
    assert stored["observed_at"].isoformat() == again["observed_at"].isoformat() == "2026-11-22T20:59:59.999999+00:00"


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(balance=st.decimals(min_value=0, max_value=Decimal(10) ** 15, places=2))
def test_every_kurus_up_to_ten_to_the_fifteenth_survives_postgresql(postgres_engine, make_row, balance):
    stored = append(postgres_engine, TABLE, make_row(str(balance), run_id=str(uuid4())), create_table=True)
    assert stored["balance"] == balance


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(balance=st.decimals(min_value=0, max_value=Decimal("9999999999999.99"), places=2))
def test_sqlite_is_exact_to_fifteen_digits(sqlite_engine, make_row, balance):
    stored = append(sqlite_engine, TABLE, make_row(str(balance), run_id=str(uuid4())), create_table=True)
    assert stored["balance"] == balance


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(balance=st.decimals(min_value=0, max_value=Decimal("99999999999999999999"), places=8))
def test_sqlite_keeps_a_value_exactly_or_not_at_all(sqlite_engine, make_row, balance):
    row = make_row(format(balance, "f"), run_id=str(uuid4()))
    try:
        stored = append(sqlite_engine, TABLE, row, create_table=True)
    except WarehouseExactnessError:
        assert row["snapshot_id"] not in {kept["snapshot_id"] for kept in rows(sqlite_engine)}
    else:
        assert stored["balance"] == balance


def test_a_warehouse_that_is_down_is_named_so_and_may_be_retried(make_row):
    from stack import free_port

    engine = create_engine(f"{POSTGRESQL}://u@127.0.0.1:{free_port()}/d")
    with pytest.raises(WarehouseUnavailableError) as caught:
        append(engine, TABLE, make_row(), create_table=True)
    engine.dispose()
    assert caught.value.retry is Retry.SAFE


def test_a_role_without_rights_gets_the_ddl_or_the_drivers_words(postgres_engine, make_row):
    with postgres_engine.begin() as connection:
        schema = connection.execute(text("SELECT current_schema()")).scalar()
        role = f"role_{schema}"
        connection.execute(text(f"CREATE ROLE {role} LOGIN"))
        connection.execute(text(f"GRANT USAGE ON SCHEMA {schema} TO {role}"))
    weak = create_engine(postgres_engine.url.set(username=role), connect_args={"options": f"-csearch_path={schema}"})
    try:
        with pytest.raises(WarehouseTableError, match="could not be made(?s:.*)CREATE TABLE"):
            append(weak, TABLE, make_row(), create_table=True)
        append(postgres_engine, TABLE, make_row(run_id="before"), create_table=True)
        with pytest.raises(WarehouseError, match="permission denied") as caught:
            append(weak, TABLE, make_row(), create_table=True)
        assert caught.value.retry is Retry.NEVER
        with postgres_engine.begin() as connection:
            connection.execute(text(f"GRANT INSERT, SELECT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role}"))
        append(weak, TABLE, make_row(), create_table=True)
    finally:
        weak.dispose()
        with postgres_engine.begin() as connection:
            connection.execute(text(f"DROP OWNED BY {role}"))
            connection.execute(text(f"DROP ROLE {role}"))
    assert len(rows(postgres_engine)) == 2


def test_a_user_without_rights_gets_the_ddl_or_the_drivers_words_from_mariadb_as_well(mariadb_engine, make_row):
    name = mariadb_engine.url.database
    with mariadb_engine.begin() as connection:
        connection.execute(text(f"CREATE USER {name}@'%'"))
        connection.execute(text(f"GRANT SELECT ON {name}.* TO {name}@'%'"))
    weak = create_engine(mariadb_engine.url.set(username=name))
    with pytest.raises(WarehouseTableError, match="could not be made(?s:.*)CREATE TABLE"):
        append(weak, TABLE, make_row(), create_table=True)
    append(mariadb_engine, TABLE, make_row(run_id="before"), create_table=True)
    with pytest.raises(WarehouseError, match="INSERT, UPDATE command denied") as caught:
        append(weak, TABLE, make_row(), create_table=True)
    assert caught.value.retry is Retry.NEVER
    weak.dispose()
    with mariadb_engine.begin() as connection:
        connection.execute(text(f"DROP USER {name}@'%'"))
    assert len(rows(mariadb_engine)) == 1


def test_text_that_does_not_fit_is_the_warehouses_refusal(postgres_engine, make_row):
    append(postgres_engine, TABLE, make_row(run_id="before"), create_table=True)
    with pytest.raises(WarehouseError, match="too long"):
        append(postgres_engine, TABLE, make_row(run_id="x" * 251), create_table=True)


def test_a_schema_and_a_reserved_word_are_quoted(postgres_engine, make_row):
    with postgres_engine.begin() as connection:
        connection.execute(text('CREATE SCHEMA "Finance Dept"'.replace(" Dept", "")))
    table = snapshot_table("select", "Finance")
    try:
        assert append(postgres_engine, table, make_row(), create_table=True) == rows(postgres_engine, table)[0]
    finally:
        with postgres_engine.begin() as connection:
            connection.execute(text('DROP SCHEMA "Finance" CASCADE'))


def test_where_keys_are_not_enforced_the_insert_is_conditional_on_absence(postgres_engine, make_row, monkeypatch):
    """PostgreSQL stands in for a warehouse that enforces no keys, so that the other statement runs for real."""
    monkeypatch.setattr("airflow_provider_iyzico.warehouse.database.rows.ENFORCES_KEYS", frozenset())
    statements = []
    event.listen(postgres_engine, "before_cursor_execute", lambda *arguments: statements.append(arguments[2]))
    first = append(postgres_engine, TABLE, make_row("100.00"), create_table=True)
    with postgres_engine.begin() as connection:
        connection.execute(text("ALTER TABLE iyzico_balance_snapshot DROP CONSTRAINT iyzico_balance_snapshot_pkey"))
    assert append(postgres_engine, TABLE, make_row("200.00", try_number=2), create_table=True) == first
    assert rows(postgres_engine) == [first]
    assert any("NOT (EXISTS" in statement or "NOT EXISTS" in statement for statement in statements)


def test_of_two_copies_that_were_written_at_once_where_no_key_is_enforced_a_retry_gets_the_first(
    postgres_engine, make_row, monkeypatch
):
    monkeypatch.setattr("airflow_provider_iyzico.warehouse.database.rows.ENFORCES_KEYS", frozenset())
    first = append(postgres_engine, BARE, make_row("100.00"), create_table=True)
    with postgres_engine.begin() as connection:
        connection.execute(text("ALTER TABLE my_snapshots DROP CONSTRAINT my_snapshots_pkey"))
        connection.execute(insert(BARE), [{**make_row("200.00"), "inserted_at": datetime.now(UTC)}])
    assert len(rows(postgres_engine, BARE)) == 2
    assert append(postgres_engine, BARE, make_row("300.00", try_number=2), create_table=True) == first
    assert len(rows(postgres_engine, BARE)) == 2


def test_a_copy_that_another_task_commits_in_between_where_no_key_is_enforced_is_the_one_that_stays(
    postgres_engine, make_row, monkeypatch
):
    """It comes after the condition was looked at, and before the row is read back."""
    monkeypatch.setattr("airflow_provider_iyzico.warehouse.database.rows.ENFORCES_KEYS", frozenset())
    append(postgres_engine, BARE, make_row(run_id="before"), create_table=True)
    with postgres_engine.begin() as connection:
        connection.execute(text("ALTER TABLE my_snapshots DROP CONSTRAINT my_snapshots_pkey"))
    other, mine, inserted = make_row("100.00"), make_row("200.00", try_number=2), []

    @event.listens_for(postgres_engine, "after_cursor_execute")
    def commit_the_other(connection, cursor, statement, *_):
        if statement.lstrip().startswith("INSERT") and not inserted:
            inserted.append(statement)
            with another(postgres_engine).begin() as second:
                second.execute(insert(BARE), [other])

    assert append(postgres_engine, BARE, mine, create_table=True) == other
    assert [row["balance"] for row in rows(postgres_engine, BARE) if row["run_id"] == other["run_id"]] == [other["balance"]]


@pytest.fixture
def another_dialect(engine, monkeypatch):
    """Each database stands in for one whose words we do not know, as MariaDB's, so that SQLAlchemy's run for real."""
    monkeypatch.setattr("airflow_provider_iyzico.warehouse.database.rows.WRITTEN_DIALECTS", ())
    return engine


def test_on_a_dialect_without_statements_of_ours_a_second_try_gets_the_first_row(another_dialect, make_row):
    first = append(another_dialect, BARE, make_row("100.00"), create_table=True)
    assert first == make_row("100.00") | {"inserted_at": first["inserted_at"]}
    assert append(another_dialect, BARE, make_row("200.00", try_number=2), create_table=True) == first
    assert rows(another_dialect, BARE) == [first]


def test_on_a_dialect_without_statements_of_ours_a_changed_digit_keeps_nothing(another_dialect, make_row):
    append(another_dialect, BARE, make_row(run_id="before"), create_table=True)
    with pytest.raises(WarehouseExactnessError, match="balance"):
        append(another_dialect, BARE, make_row("0.123456789012345678"), create_table=True)
    assert len(rows(another_dialect, BARE)) == 1


def _append_in_another_process(url, options, row, barrier, answers):
    engine = create_engine(url, connect_args=options)
    barrier.wait(120)
    try:
        answers.put(append(engine, TABLE, row, create_table=True)["balance"])
    except Exception as error:
        answers.put(repr(error))
    finally:
        engine.dispose()


@pytest.mark.parametrize("attempt", range(3))
def test_processes_that_race_to_make_the_table_and_write_one_snapshot_leave_one_row(engine, make_row, attempt):
    if engine.dialect.name in EMULATED:
        pytest.skip("the emulator is in one process")
    url = engine.url.render_as_string(hide_password=False)
    options = {}
    if engine.dialect.name == "postgresql":
        with engine.connect() as connection:
            schema = connection.execute(text("SELECT current_schema()")).scalar()
        options = {"options": f"-csearch_path={schema}"}
    context = multiprocessing.get_context("fork")
    barrier, answers = context.Barrier(4), context.Queue()
    engine.dispose()
    writers = [
        context.Process(target=_append_in_another_process, args=(url, options, make_row(f"{number}.00"), barrier, answers))
        for number in range(4)
    ]
    for writer in writers:
        writer.start()
    seen = [answers.get(timeout=200) for _ in writers]
    for writer in writers:
        writer.join(200)
    (kept,) = rows(engine)
    assert seen == [kept["balance"]] * 4


@pytest.fixture
def locks(sqlite_engine):
    """What the next connections meet."""
    locks = []

    @event.listens_for(sqlite_engine, "connect")
    def meet(*_):
        if locks:
            raise locks.pop()

    return locks


LOCKED = sqlite3.OperationalError("database is locked")


@pytest.mark.parametrize("create_table", [True, False])
def test_an_append_that_first_meets_a_lock_still_finds_out_which_tables_are_missing(sqlite_engine, make_row, create_table, locks):
    locks.append(LOCKED)
    if create_table:
        append(sqlite_engine, TABLE, make_row(), create_table=True)
        assert len(rows(sqlite_engine)) == 1
    else:
        with pytest.raises(WarehouseTableError, match="iyzico_balance_snapshot, .* not there"):
            append(sqlite_engine, TABLE, make_row(), create_table=False)
    assert locks == []


def test_a_lock_that_passes_does_not_ask_for_what_the_append_does_not_need(sqlite_engine, make_row, locks):
    append(sqlite_engine, TABLE, make_row(run_id="before"), create_table=True)
    with sqlite_engine.begin() as connection:
        connection.execute(text("DROP VIEW iyzico_payout_coverage"))
    sqlite_engine.dispose()
    locks.append(LOCKED)
    append(sqlite_engine, TABLE, make_row(), create_table=False)
    assert (locks, len(rows(sqlite_engine))) == ([], 2)


def test_a_lock_that_does_not_pass_may_be_retried(sqlite_engine, make_row, locks):
    locks += [LOCKED] * 3
    with pytest.raises(WarehouseUnavailableError, match="locked"):
        append(sqlite_engine, TABLE, make_row(), create_table=True)


def test_an_append_goes_on_where_somebody_keeps_sqlite_from_changing_its_journal(sqlite_engine, make_row):
    with closing(sqlite3.connect(sqlite_engine.url.database)) as reader:
        reader.execute("CREATE TABLE another (x)")
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM another").fetchall()
        with prepare(sqlite_engine).connect() as connection:
            assert connection.execute(text("PRAGMA journal_mode")).scalar() == "delete"
        reader.rollback()
        sqlite_engine.dispose()
    append(sqlite_engine, TABLE, make_row(), create_table=True)
    with sqlite_engine.connect() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"


def test_sqlite_lets_readers_read_while_somebody_writes(sqlite_engine, make_row):
    append(sqlite_engine, TABLE, make_row(), create_table=True)
    with sqlite_engine.connect() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(text("PRAGMA busy_timeout")).scalar() == SNAPSHOT.lock_seconds * 1000


def test_the_day_of_a_snapshot_is_that_of_istanbul():
    from airflow_provider_iyzico.warehouse.local_day import local_date

    assert str(local_date(datetime(2026, 11, 22, 20, 59, 59, tzinfo=UTC), "Europe/Istanbul")) == "2026-11-22"
    assert str(local_date(datetime(2026, 11, 22, 21, 0, 0, tzinfo=UTC), "Europe/Istanbul")) == "2026-11-23"
    assert str(local_date(datetime(2016, 1, 1, 21, 30, tzinfo=UTC), "Europe/Istanbul")) == "2016-01-01"


def test_a_lock_while_tables_are_missing_may_be_retried(tmp_path, make_row, monkeypatch):
    monkeypatch.setattr("airflow_provider_iyzico.warehouse.append.SNAPSHOT", replace(SNAPSHOT, lock_seconds=1))
    path = tmp_path / "warehouse.db"
    engine, other = create_engine(f"sqlite:///{path}"), sqlite3.connect(path)
    other.execute("PRAGMA journal_mode = WAL")
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(WarehouseUnavailableError, match="locked"):
        append(engine, TABLE, make_row(), create_table=True)
    other.rollback()
    other.close()
    append(engine, TABLE, make_row(), create_table=True)
    engine.dispose()


@pytest.mark.parametrize("level", ["serializable", "repeatable read"])
def test_a_database_that_isolates_more_by_default_fails_no_append(postgres_engine, make_row, level):
    with postgres_engine.begin() as connection:
        schema = connection.execute(text("SELECT current_schema()")).scalar()
    append(postgres_engine, TABLE, make_row(run_id="first"), create_table=True)
    options = f"-csearch_path={schema} -cdefault_transaction_isolation={level.replace(' ', chr(92) + ' ')}"
    engine = create_engine(postgres_engine.url, connect_args={"options": options})
    failed = []

    def write(writer):
        for number in range(15):
            try:
                append(engine, TABLE, make_row(run_id=f"{writer} {number}"), create_table=False)
            except WarehouseError as error:
                failed.append(error)

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(200)
    engine.dispose()
    assert failed == []
    assert len(rows(postgres_engine)) == 61


@pytest.mark.skipif(not HAS_PSYCOPG, reason="psycopg2 takes no such setting")
def test_a_connection_that_commits_by_itself_keeps_no_changed_row(postgres_engine, make_row):
    append(postgres_engine, BARE, make_row(run_id="first"), create_table=True)
    with postgres_engine.begin() as connection:
        connection.execute(text("ALTER TABLE my_snapshots ALTER balance TYPE NUMERIC(28, 1)"))
        schema = connection.execute(text("SELECT current_schema()")).scalar()
    engine = create_engine(postgres_engine.url, connect_args={"options": f"-csearch_path={schema}", "autocommit": True})
    with pytest.raises(WarehouseExactnessError):
        append(engine, BARE, make_row("1.25", run_id="second"), create_table=False)
    engine.dispose()
    assert len(rows(postgres_engine, BARE)) == 1


def test_mariadb_that_commits_by_itself_keeps_no_changed_row(mariadb_engine, make_row):
    append(mariadb_engine, BARE, make_row(run_id="first"), create_table=True)
    with mariadb_engine.begin() as connection:
        connection.execute(text("ALTER TABLE my_snapshots MODIFY balance NUMERIC(28, 1) NOT NULL"))
    engine = create_engine(mariadb_engine.url.set(query={"autocommit": "true"}))
    with pytest.raises(WarehouseExactnessError):
        append(engine, BARE, make_row("1.25", run_id="second"), create_table=False)
    engine.dispose()
    assert len(rows(mariadb_engine, BARE)) == 1


def test_an_append_leaves_no_prepared_statement_for_a_pooler_to_hand_on(postgres_engine, make_row):
    left = []

    @event.listens_for(postgres_engine, "commit")
    def look(connection):
        left.extend(connection.exec_driver_sql("SELECT statement FROM pg_prepared_statements").scalars())

    append(postgres_engine, TABLE, make_row(), create_table=True)
    event.remove(postgres_engine, "commit", look)
    assert left == []


def test_sqlite_makes_late_tables_and_their_contents_together_or_not_at_all(sqlite_engine, make_row, monkeypatch):
    append(sqlite_engine, TABLE, make_row(run_id="old"), create_table=True)
    with sqlite_engine.begin() as connection:
        connection.execute(text("DROP VIEW iyzico_balance_daily"))
        connection.execute(text("DROP TABLE iyzico_balance_day"))

    def fail(*_):
        raise OperationalError("rebuild", None, Exception("the machine went away"))

    monkeypatch.setattr("airflow_provider_iyzico.warehouse.layouts.rebuild", fail)
    with pytest.raises(WarehouseUnavailableError):
        append(sqlite_engine, TABLE, make_row(run_id="new"), create_table=True)
    assert "iyzico_balance_day" not in inspect(sqlite_engine).get_table_names()
    monkeypatch.undo()
    append(sqlite_engine, TABLE, make_row(run_id="new"), create_table=True)
    with sqlite_engine.connect() as connection:
        assert connection.execute(text("SELECT sum(observations) FROM iyzico_balance_day")).scalar() == 2
