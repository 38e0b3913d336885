"""What a database, a role or a session says by default changes no row."""

import sqlite3
from contextlib import contextmanager

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool
from support import HAS_PSYCOPG

from airflow_provider_iyzico.warehouse.append import append
from airflow_provider_iyzico.warehouse.database.engine import prepare
from airflow_provider_iyzico.warehouse.rollup.rebuild import rebuild
from airflow_provider_iyzico.warehouse.tables import snapshot_table

TABLE, BARE = snapshot_table(), snapshot_table("my_snapshots")
DRIVERS = [pytest.param("psycopg", marks=pytest.mark.skipif(not HAS_PSYCOPG, reason="psycopg is not here")), "psycopg2"]


@contextmanager
def with_defaults(engine, driver, **settings):
    with engine.connect() as connection:
        schema = connection.execute(text("SELECT current_schema()")).scalar()
    options = " ".join(f"-c{name}={value}" for name, value in {"search_path": schema, **settings}.items())
    odd = create_engine(engine.url.set(drivername=f"postgresql+{driver}"), connect_args={"options": options})
    yield odd
    odd.dispose()


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize(
    "settings",
    [
        {"datestyle": "German"},
        {"datestyle": "SQL,DMY", "intervalstyle": "iso_8601"},
        {"datestyle": "Postgres,MDY", "timezone": "Asia/Kathmandu"},
        {"timezone": "<+03>-03", "standard_conforming_strings": "off"},
        {"client_encoding": "SQL_ASCII"},
        {"client_encoding": "LATIN1", "bytea_output": "escape", "extra_float_digits": "-15"},
    ],
    ids=str,
)
def test_postgresql_keeps_and_gives_the_same_row_whatever_it_says_by_default(postgres_engine, make_row, driver, settings):
    with with_defaults(postgres_engine, driver, **settings) as engine:
        first = append(engine, TABLE, make_row(), create_table=True)
        assert first == make_row() | {"inserted_at": first["inserted_at"]}
        assert first["observed_at"].isoformat() == "2026-11-22T20:59:59.999999+00:00"
        late = append(engine, TABLE, make_row("7.5", run_id="2"), create_table=True)
        again = append(engine, TABLE, make_row("9", run_id="2"), create_table=True)
        assert late == again
    with postgres_engine.begin() as connection:
        assert rebuild(connection) == []


def test_our_settings_end_with_the_transaction_for_a_pooler_hands_the_session_on(postgres_engine, make_row):
    names = ("datestyle", "timezone", "jit", "lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout")
    ask = text("SELECT name, setting FROM pg_settings WHERE name IN :names ORDER BY 1").bindparams(names=names)

    def said():
        with postgres_engine.connect() as connection:
            return connection.execute(text(str(ask).replace(":names", str(names)))).all()

    before = said()
    append(postgres_engine, TABLE, make_row(), create_table=True)
    assert said() == before


def test_no_statement_stays_prepared_however_often_a_connection_is_used(postgres_engine, make_row):
    for number in range(8):
        append(postgres_engine, TABLE, make_row(run_id=str(number)), create_table=True)
    with postgres_engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM pg_prepared_statements").scalar() == 0


@pytest.mark.parametrize("mode", ["ANSI_QUOTES,PIPES_AS_CONCAT", "", "NO_BACKSLASH_ESCAPES", "ORACLE"])
def test_mariadb_keeps_the_same_row_whatever_its_mode_zone_and_letters(mariadb_engine, make_row, mode):
    odd = f"SET SESSION sql_mode = '{mode}', time_zone = '-11:00'"
    engine = create_engine(mariadb_engine.url.set(query={"charset": "latin5"}), connect_args={"init_command": odd})
    row = make_row("12345678901234567890.12345678", run_id='it\'s \\ "quoted"')
    assert append(engine, BARE, row, create_table=True) == row
    assert append(engine, BARE, row, create_table=True) == row
    engine.dispose()


def test_sqlite_rows_and_commits_are_ours_whatever_was_set_for_the_connection(tmp_path, make_row):
    def connect():
        connection = sqlite3.connect(tmp_path / "w.db")
        connection.row_factory, connection.text_factory = sqlite3.Row, bytes
        return connection

    engine = create_engine("sqlite://", creator=connect, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    row = make_row()
    assert append(engine, TABLE, row, create_table=True) == row
    prepared = prepare(engine)
    with prepared.connect() as connection:
        transaction = connection.begin()
        connection.exec_driver_sql("DELETE FROM iyzico_balance_snapshot")
        transaction.rollback()
        assert connection.exec_driver_sql("SELECT count(*) FROM iyzico_balance_snapshot").scalar() == 1
    engine.dispose()
