"""Tables that belong together: the first process that needs them makes those that are missing, and leaves the rest alone."""

import logging
import threading

import pytest
from snapshots import another, run
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.exc import ProgrammingError

from airflow_provider_iyzico.errors import WarehouseTableError
from airflow_provider_iyzico.warehouse.database.engine import prepare
from airflow_provider_iyzico.warehouse.database.layout import absent, complete, ddl, ensure

MISSING = ProgrammingError("SELECT 1", None, Exception("no such table"))
EVERYTHING = ["book_entry", "book", "book_large"]


def test_what_is_missing_is_made_and_then_nothing_is_absent(any_engine, books):
    engine = prepare(any_engine)
    assert absent(engine, EVERYTHING, None) == EVERYTHING
    ensure(engine, books.layout, MISSING)
    assert absent(engine, EVERYTHING, None) == []
    ensure(engine, books.layout, MISSING)


def test_a_table_that_comes_late_is_filled_in_the_transaction_that_makes_it(any_engine, books):
    engine = prepare(any_engine)
    ensure(engine, books.layout, MISSING)
    books.filled.clear()
    run(engine, "DROP TABLE book")
    ensure(engine, books.layout, MISSING)
    assert books.filled == [{"book"}]


def test_tables_that_many_make_at_the_same_time_are_made_once_and_nobody_fails(any_engine, books):
    start, failed = threading.Barrier(8), []

    def make():
        engine = prepare(another(any_engine))
        start.wait(60)
        try:
            ensure(engine, books.layout, MISSING)
        except Exception as error:
            failed.append(error)

    makers = [threading.Thread(target=make) for _ in range(8)]
    for maker in makers:
        maker.start()
    for maker in makers:
        maker.join(200)
    assert failed == []
    assert absent(any_engine, EVERYTHING, None) == []


def test_where_nothing_may_be_made_the_error_carries_ddl_that_makes_it(any_engine, books):
    engine = prepare(any_engine)
    with pytest.raises(WarehouseTableError, match="book_entry, book, book_large not there") as caught:
        ensure(engine, books.layout, MISSING, create_table=False)
    assert str(caught.value).endswith(ddl(books.layout, engine.dialect))
    run(engine, *[each for each in ddl(books.layout, engine.dialect).split(";\n") if each.strip()])
    assert absent(engine, EVERYTHING, None) == []


def test_a_view_that_cannot_be_made_is_logged_with_the_command_that_prints_it(sqlite_engine, books, caplog):
    engine = prepare(sqlite_engine)
    ensure(engine, books.layout, MISSING)
    run(engine, "DROP VIEW book_large", "CREATE TABLE taken (x)", "CREATE INDEX book_large ON taken (x)")
    with caplog.at_level(logging.WARNING):
        ensure(engine, books.layout, MISSING)
    (record,) = caplog.records
    assert "book_large could not be made" in record.getMessage()
    assert "python -m books ddl --dialect sqlite" in record.getMessage()


def test_sqlite_makes_all_or_nothing(tmp_path, books):
    engine = prepare(create_engine(f"sqlite:///{tmp_path}/w.db"))
    run(engine, "CREATE TABLE taken (x)", "CREATE INDEX book ON taken (x)")
    with pytest.raises(WarehouseTableError, match="book_entry, book could not be made"):
        ensure(engine, books.layout, MISSING)
    assert inspect(engine).get_table_names() == ["taken"]
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM taken")).scalar() == 0
    engine.dispose()


def test_a_warehouse_that_is_away_when_views_are_looked_up_is_not_called_incomplete(books, caplog):
    """The rows are kept by then; nobody knows that a view is missing."""
    away = create_engine("sqlite:////nowhere/warehouse.db")
    with caplog.at_level(logging.WARNING):
        complete(away, books.layout)
    (record,) = caplog.records
    assert "the rows are kept. With the next rows, missing views are looked for again" in record.getMessage()
    assert "prints the statements that make them" not in record.getMessage()
    away.dispose()
