"""A large batch costs the ledger a few statements, and memory that is bounded."""

import tracemalloc

import pytest
from batches import WAYS, Walk, batch_of_two
from sqlalchemy import event

from airflow_provider_iyzico.domain.payout import State
from airflow_provider_iyzico.ledger.ledger import Ledger

ITEMS = 10_000
STATEMENTS, MIB = 40, 50


@pytest.fixture
def walk(sqlite_engine, account):
    large = batch_of_two("large", *[f"{1 + number % 900}.50" for number in range(ITEMS)])
    return Walk(Ledger.open(sqlite_engine), account, large).to(*WAYS[State.AUTHORIZED])


def test_ten_thousand_items_are_kept_in_a_few_statements_and_bounded_memory(walk):
    sent = []
    event.listen(walk.ledger.engine, "before_cursor_execute", lambda *given: sent.append(given[2]))
    tracemalloc.start()
    try:
        walk.read("PUBLISHED_TO_QUEUE", "PROCESSING")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    print(f"{ITEMS} items: {len(sent)} statements, peak {peak / 2**20:.1f} MiB")
    assert len(sent) < STATEMENTS
    assert peak < MIB * 2**20
