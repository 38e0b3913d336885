"""What needs a person, as the check reads it, on every database of a ledger."""

from datetime import timedelta

import pytest
from ledgers import ACCOUNT, DOLLARS, enter_batch
from sqlalchemy import text, update

from airflow_provider_iyzico.errors import WarehouseTableError
from airflow_provider_iyzico.ledger.exceptions import NAMED, open_exceptions
from airflow_provider_iyzico.ledger.ledger import Ledger


def read(ledger, account=ACCOUNT):
    return open_exceptions(ledger, account.environment, account.account)


def sent(ledger, name, hours, account=ACCOUNT):
    """A batch whose authorization is under way, and whose deadline was over so long ago."""
    enter_batch(ledger, name, state="auth_sent", account=account)
    table = ledger.tables.payout

    def age(connection):
        deadline = ledger.clock(connection) - timedelta(hours=hours)
        connection.execute(update(table).where(table.c.external_id == name).values(deadline_at=deadline))

    ledger.act(age)


def test_a_ledger_in_which_nothing_needs_a_person(ledger):
    enter_batch(ledger, "a")
    assert read(ledger).total == 0


def test_every_exception_of_the_account_counts_and_those_of_others_do_not(ledger):
    sent(ledger, "lira", 30)
    sent(ledger, "dollars", 2, DOLLARS)
    enter_batch(ledger, "unknown", state="auth_unknown")
    assert read(ledger).counts == {"batch_overdue": 2, "batch_unknown": 1}
    named = {each.external_id: (each.kind, each.detail, each.currency) for each in read(ledger).longest}
    assert named["lira"] == ("batch_overdue", "auth_sent", "TRY")
    assert named["dollars"] == ("batch_overdue", "auth_sent", "USD")
    assert named["unknown"] == ("batch_unknown", "auth_unknown", "TRY")
    assert open_exceptions(ledger, ACCOUNT.environment, "other").total == 0
    assert open_exceptions(ledger, "production", ACCOUNT.account).total == 0


def test_those_that_are_open_longest_are_named_and_all_are_counted(sqlite_ledger):
    for number in range(NAMED + 2):
        sent(sqlite_ledger, f"batch-{number:02}", 100 - number)
    found = read(sqlite_ledger)
    assert [each.external_id for each in found.longest] == [f"batch-{number:02}" for number in range(NAMED)]
    assert found.total == NAMED + 2
    first, *named, last = str(found).splitlines()
    assert first == "12 need a person: 12 batch_overdue"
    assert named[0] == "- batch_overdue: 'batch-00' (auth_sent), for 100 hours"
    assert last == "- and 2 more"


def test_a_view_that_is_missing_is_made_and_a_table_is_not(sqlite_engine):
    with pytest.raises(WarehouseTableError, match="not there"):
        read(Ledger.open(sqlite_engine))
    ledger = Ledger.open(sqlite_engine)
    ledger.act(lambda connection: connection.execute(text("DROP VIEW IF EXISTS iyzico_payout_summary")))
    ledger.act(lambda connection: connection.execute(text("DROP VIEW IF EXISTS iyzico_payout_exception")))
    assert read(Ledger.open(sqlite_engine)).total == 0
