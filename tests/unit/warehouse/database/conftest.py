"""Tables of somebody else, on which the database layer must stand as well as on ours."""

from types import SimpleNamespace

import pytest
from sqlalchemy import Column, Integer, MetaData, String, Table
from sqlalchemy.schema import DDL, CreateTable

from airflow_provider_iyzico.warehouse.database.layout import Layout
from airflow_provider_iyzico.warehouse.database.types import TABLE_OPTIONS, Instant, Money


@pytest.fixture
def books():
    """A table of entries with a key of two columns, a table of sums beside it, and a view; ``filled`` notes each filling."""
    metadata = MetaData()
    entry = Table(
        "book_entry",
        metadata,
        Column("book", String(16), primary_key=True),
        Column("number", Integer, primary_key=True),
        Column("amount", Money(), nullable=False),
        Column("made_at", Instant(), nullable=False),
        **TABLE_OPTIONS,
    )
    book = Table(
        "book",
        metadata,
        Column("book", String(16), primary_key=True),
        Column("total", Money(38), nullable=False),
        Column("version", Integer, nullable=False),
        **TABLE_OPTIONS,
    )
    view = DDL("CREATE VIEW book_large AS SELECT book, number FROM book_entry WHERE amount > 100")
    filled = []
    layout = Layout(
        entry,
        statements=lambda _: [(entry.name, CreateTable(entry)), (book.name, CreateTable(book)), ("book_large", view)],
        fill=lambda _, made: filled.append(made),
        printed_by="python -m books ddl",
    )
    return SimpleNamespace(entry=entry, book=book, layout=layout, filled=filled)
