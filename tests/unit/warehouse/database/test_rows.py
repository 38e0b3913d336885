"""A row is added once, whatever its key is made of, and is what was given."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from snapshots import run
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from airflow_provider_iyzico.errors import WarehouseExactnessError
from airflow_provider_iyzico.warehouse.database import rows
from airflow_provider_iyzico.warehouse.database.engine import prepare
from airflow_provider_iyzico.warehouse.database.transaction import transaction

ROW = {"book": "a", "number": 1, "amount": Decimal("1500.75"), "made_at": datetime(2026, 11, 22, 20, 59, 59, 999999, tzinfo=UTC)}


@pytest.fixture
def engine(any_engine, books):
    engine = prepare(any_engine)
    books.entry.create(engine)
    return engine


def add(engine, table, row):
    """Return whether the row is new; its key may be told by an error as well."""
    try:
        with engine.connect() as connection, transaction(connection):
            return rows.add(connection, table, row)
    except IntegrityError:
        return False


def read(engine, table, row):
    with engine.connect() as connection, transaction(connection):
        return rows.read(connection, table, row)


def test_the_first_row_with_a_key_stays(engine, books):
    assert add(engine, books.entry, ROW)
    assert not add(engine, books.entry, ROW | {"amount": Decimal(7)})
    assert read(engine, books.entry, ROW) == ROW


def test_each_column_of_a_key_counts(engine, books):
    others = [ROW, ROW | {"number": 2}, ROW | {"book": "b"}]
    assert [add(engine, books.entry, row) for row in others] == [True] * 3
    assert [read(engine, books.entry, row) for row in others] == others
    assert read(engine, books.entry, ROW | {"number": 3}) is None


def test_a_row_that_is_stored_otherwise_is_told_with_its_column(engine, books):
    add(engine, books.entry, ROW)
    run(engine, "UPDATE book_entry SET amount = 1500.5")
    stored = read(engine, books.entry, ROW)
    with engine.connect() as connection, pytest.raises(WarehouseExactnessError, match="column 'amount' of table 'book_entry'"):
        rows.as_given(connection, books.entry, ROW, stored)
    with engine.connect() as connection, pytest.raises(WarehouseExactnessError, match="a query does not find it"):
        rows.as_given(connection, books.entry, ROW, None)


def test_many_rows_that_are_sent_at_once_are_stored_as_they_were_given(engine, books):
    moments = [ROW["made_at"], datetime(2026, 11, 23, tzinfo=UTC)]
    given = [
        ROW | {"book": "şişe %(a)s :b ?", "number": number, "amount": Decimal(number) / 100, "made_at": moments[number % 2]}
        for number in range(2_500)
    ]
    with engine.connect() as connection, transaction(connection):
        rows.add_many(connection, insert(books.entry), given)
        stored = connection.execute(select(books.entry).order_by(books.entry.c.number)).mappings().all()
    assert [dict(row) for row in stored] == given


def test_no_rows_are_sent_for_nothing(engine, books):
    with engine.connect() as connection, transaction(connection):
        rows.add_many(connection, insert(books.entry), [])
        assert connection.execute(select(books.entry)).first() is None
