"""What belongs to the snapshots is made where it is missing, and hinders no snapshot where it cannot be made."""

import pytest
from snapshots import day, put, run
from sqlalchemy import create_engine, event, inspect, text
from sqlalchemy.pool import NullPool

from airflow_provider_iyzico.warehouse.views import view_names


def views(engine):
    return set(inspect(engine).get_view_names())


@pytest.mark.parametrize("view", ["iyzico_balance_runway", "iyzico_payout_coverage", "iyzico_balance_below"])
def test_a_view_that_is_missing_is_made_again_by_the_next_snapshot(engine, view):
    put(engine, "a", day(1))
    run(engine, f"DROP VIEW {view}")
    put(engine, "a", day(1, 10), create_table=False)
    assert view not in views(engine)
    put(engine, "a", day(1, 11))
    assert views(engine) == set(view_names(engine.dialect.name))


def test_a_view_that_a_dba_made_a_materialized_one_hinders_no_other(postgres_engine, caplog):
    put(postgres_engine, "a", day(1))
    with postgres_engine.begin() as connection:
        query = connection.execute(text("SELECT pg_get_viewdef('iyzico_balance_interval')")).scalar()
        connection.execute(text("DROP VIEW iyzico_balance_interval CASCADE"))
        connection.execute(text(f"CREATE MATERIALIZED VIEW iyzico_balance_interval AS {query}"))
    put(postgres_engine, "a", day(2))
    assert {"iyzico_balance_movement", "iyzico_balance_below"} <= views(postgres_engine)
    assert caplog.records == []


def test_tables_that_a_search_path_finds_are_never_made_again_in_its_first_schema(postgres_engine):
    put(postgres_engine, "a", day(1))
    with postgres_engine.begin() as connection:
        theirs = connection.execute(text("SELECT current_schema()")).scalar()
        connection.execute(text(f"CREATE SCHEMA {theirs}_own"))
    options = {"options": f"-csearch_path={theirs}_own,{theirs}"}
    engine = create_engine(postgres_engine.url, connect_args=options, poolclass=NullPool)
    run(postgres_engine, "DROP VIEW iyzico_snapshot_gap")
    put(engine, "a", day(2))
    put(engine, "a", day(3))
    with postgres_engine.begin() as connection:
        assert connection.execute(text("SELECT count(*) FROM iyzico_balance_snapshot")).scalar() == 3
        schemas = "SELECT DISTINCT schemaname FROM pg_tables WHERE tablename = 'iyzico_account' AND schemaname LIKE :like"
        assert connection.execute(text(schemas), {"like": f"{theirs}%"}).scalars().all() == [theirs]
        connection.execute(text(f"DROP SCHEMA {theirs}_own CASCADE"))


def test_a_table_of_finance_that_is_missing_is_made_again(sqlite_engine):
    put(sqlite_engine, "a", day(1))
    run(sqlite_engine, "DROP TABLE iyzico_balance_threshold")
    put(sqlite_engine, "a", day(2))
    assert "iyzico_balance_threshold" in inspect(sqlite_engine).get_table_names()


def test_a_view_that_cannot_be_made_costs_no_snapshot_and_is_logged_with_the_command(sqlite_engine, caplog):
    put(sqlite_engine, "a", day(1))
    run(
        sqlite_engine,
        "DROP VIEW iyzico_balance_runway",
        "CREATE TABLE taken (x)",
        "CREATE INDEX iyzico_balance_runway ON taken (x)",
    )
    assert put(sqlite_engine, "a", day(2))["balance"] == 5
    (line,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert "iyzico_balance_runway could not be made" in line
    assert "python -m airflow_provider_iyzico.warehouse ddl --dialect sqlite" in line


def test_looking_for_missing_views_costs_no_statement(kept_engine):
    engine = kept_engine
    put(engine, "a", day(1))
    said = []
    event.listen(engine, "before_cursor_execute", lambda *arguments: said.append(arguments[2]))
    put(engine, "a", day(1, 10))
    # Settings, account, row, reading back, day, reading back. MariaDB gives back what it wrote only to another question.
    assert len(said) == (7 if engine.dialect.name == "mysql" else 6), said
