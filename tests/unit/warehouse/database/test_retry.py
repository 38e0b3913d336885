"""An act that adds nothing twice is tried again where that may help; otherwise the error says what to do."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from snapshots import ask, run
from sqlalchemy.exc import OperationalError

from airflow_provider_iyzico.errors import Retry, WarehouseError, WarehouseTableError, WarehouseUnavailableError
from airflow_provider_iyzico.warehouse.database import rows
from airflow_provider_iyzico.warehouse.database.engine import prepare
from airflow_provider_iyzico.warehouse.database.retry import persist
from airflow_provider_iyzico.warehouse.database.transaction import transaction

ROW = {"book": "a", "number": 1, "amount": Decimal(5), "made_at": datetime(2026, 11, 29, tzinfo=UTC)}


@pytest.fixture
def engine(any_engine):
    return prepare(any_engine)


class Adding:
    """Adds the row unless it is there; may fail before or after its commits as if the line had gone dead."""

    def __init__(self, engine, table, dies_before=0, dies_after=0):
        self.engine, self.table, self.dies_before, self.dies_after, self.runs = engine, table, dies_before, dies_after, 0

    def __call__(self):
        self.runs += 1
        if self.runs <= self.dies_before:
            raise OperationalError("INSERT", None, Exception("the line went dead"))
        with self.engine.connect() as connection, transaction(connection):
            if rows.read(connection, self.table, ROW) is None:
                rows.add(connection, self.table, ROW)
        if self.runs <= self.dies_after:
            raise OperationalError("COMMIT", None, Exception("the line went dead"))
        return "kept"


def count(engine):
    return ask(engine, "SELECT count(*) FROM book_entry")


def test_a_missing_table_is_made_and_the_act_runs_again(engine, books):
    act = Adding(engine, books.entry)
    assert persist(engine, books.layout, act) == "kept"
    assert (act.runs, count(engine)) == (2, 1)


def test_a_table_that_may_not_be_made_is_asked_for(engine, books):
    with pytest.raises(WarehouseTableError, match="create_table is False"):
        persist(engine, books.layout, Adding(engine, books.entry), create_table=False)


@pytest.mark.parametrize("moment", ["dies_before", "dies_after"])
def test_a_line_that_goes_dead_once_leaves_one_row(engine, books, moment):
    books.entry.create(engine)
    act = Adding(engine, books.entry, **{moment: 1})
    assert persist(engine, books.layout, act) == "kept"
    assert (act.runs, count(engine)) == (2, 1)


def test_a_line_that_stays_dead_may_be_tried_again_later(engine, books):
    books.entry.create(engine)
    act = Adding(engine, books.entry, dies_before=9)
    with pytest.raises(WarehouseUnavailableError, match="the line went dead") as caught:
        persist(engine, books.layout, act)
    assert (act.runs, caught.value.retry) == (2, Retry.SAFE)


def test_a_column_that_is_missing_is_named_with_the_ddl(engine, books):
    run(engine, "CREATE TABLE book_entry (book VARCHAR(16), number INTEGER, PRIMARY KEY (book, number))")
    with pytest.raises(WarehouseTableError, match=r"it lacks \['amount', 'made_at'\](?s:.*)CREATE TABLE"):
        persist(engine, books.layout, Adding(engine, books.entry))


def test_a_key_that_is_missing_is_named_with_all_its_columns(postgres_engine, books):
    engine = prepare(postgres_engine)
    books.entry.create(engine)
    run(engine, "ALTER TABLE book_entry DROP CONSTRAINT book_entry_pkey")
    with pytest.raises(WarehouseTableError, match="lacks its primary key, book, number"):
        persist(engine, books.layout, Adding(engine, books.entry))


def test_a_row_that_the_database_refuses_is_never_tried_again(postgres_engine, books):
    engine = prepare(postgres_engine)
    books.entry.create(engine)
    run(engine, "ALTER TABLE book_entry ADD CHECK (amount > 10)")
    with pytest.raises(WarehouseError, match="refused the row: CheckViolation") as caught:
        persist(engine, books.layout, Adding(engine, books.entry))
    assert caught.value.retry is Retry.NEVER
