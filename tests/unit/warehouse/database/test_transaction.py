"""What is written in one transaction is kept together or not at all, and no writer overwrites what it did not see."""

import threading
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from snapshots import another, ask
from sqlalchemy import insert, select, update

from airflow_provider_iyzico.warehouse.database import rows
from airflow_provider_iyzico.warehouse.database.engine import prepare
from airflow_provider_iyzico.warehouse.database.transaction import transaction

WRITERS, ENTRIES = 4, 10


@pytest.fixture
def engine(locking_engine, books):
    engine = prepare(locking_engine)
    books.entry.create(engine)
    books.book.create(engine)
    with engine.connect() as connection, transaction(connection):
        connection.execute(insert(books.book).values(book="a", total=Decimal(0), version=0))
    return engine


def enter(connection, books, amount):
    """Lock the book, read it, change it if it is still of that version, and add an entry in the same transaction."""
    book = books.book
    total, version = connection.execute(select(book.c.total, book.c.version).with_for_update()).one()
    is_same = update(book).where(book.c.version == version)
    assert connection.execute(is_same.values(total=total + amount, version=version + 1)).rowcount == 1
    entry = {"book": "a", "number": version + 1, "amount": amount, "made_at": datetime(2026, 11, 29, tzinfo=UTC)}
    assert rows.add(connection, books.entry, entry)


def test_writers_that_lock_what_they_read_lose_no_change(engine, locking_engine, books):
    failed = []

    def write():
        mine = prepare(another(locking_engine))
        try:
            for _ in range(ENTRIES):
                with mine.connect() as connection, transaction(connection, writes_at_once=True):
                    enter(connection, books, Decimal("0.1"))
        except Exception as error:
            failed.append(error)

    writers = [threading.Thread(target=write) for _ in range(WRITERS)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(200)
    assert failed == []
    with engine.connect() as connection, transaction(connection):
        totals = connection.execute(select(books.book.c.total, books.book.c.version)).all()
    assert totals == [(Decimal("0.1") * WRITERS * ENTRIES, WRITERS * ENTRIES)]
    assert ask(engine, "SELECT count(*) FROM book_entry") == WRITERS * ENTRIES


def test_a_transaction_that_fails_keeps_neither_the_change_nor_its_entry(engine, books):
    def fail_after_writing():
        with engine.connect() as connection, transaction(connection, writes_at_once=True):
            enter(connection, books, Decimal(5))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_after_writing()
    assert ask(engine, "SELECT version FROM book") == 0
    assert ask(engine, "SELECT count(*) FROM book_entry") == 0


def test_a_transaction_that_was_rolled_back_on_purpose_ends_quietly(engine, books):
    with engine.connect() as connection:
        with transaction(connection) as begun:
            enter(connection, books, Decimal(5))
            begun.rollback()
        with transaction(connection):
            assert rows.read(connection, books.book, {"book": "a"})["version"] == 0
