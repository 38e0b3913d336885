"""An account has one row per currency, made by the first that comes, and one transaction at a time holds it."""

import threading
from dataclasses import replace

import pytest
from ledgers import ACCOUNT, DOLLARS, another_ledger, enter_batch, put, rows

from airflow_provider_iyzico.errors import IyzicoConfigurationError, WarehouseRowError
from airflow_provider_iyzico.ledger.accounts import locked
from airflow_provider_iyzico.ledger.placing import Placing, funds_version


def test_the_row_of_an_account_is_made_once_with_a_key_of_its_own(ledger):
    first = ledger.act(lambda connection: dict(locked(ledger, connection, ACCOUNT)))
    again = ledger.act(lambda connection: dict(locked(ledger, connection, ACCOUNT)))
    other = ledger.act(lambda connection: dict(locked(ledger, connection, DOLLARS)))
    assert first == again
    assert first["funds_version"] == 0
    assert len(first["digest_key"]) == 64
    assert first["digest_key"] != other["digest_key"]
    assert rows(ledger, "account", "account", "currency") == [("şube", "TRY"), ("şube", "USD")]


def test_the_version_of_an_account_that_nobody_used_is_zero_and_reading_it_makes_no_row(ledger):
    assert funds_version(ledger, ACCOUNT) == 0
    assert rows(ledger, "account", "account") == []


@pytest.mark.parametrize("label", ["ŞUBE", "Şube"])
def test_a_label_that_differs_from_another_one_only_in_capitals_spends_no_balance_twice(ledger, label):
    assert put(ledger, "march", "60").outcome is Placing.PLACED
    misspelled = replace(ACCOUNT, account=label)
    with pytest.raises(IyzicoConfigurationError, match=f"has an account 'şube', and this Connection's account is '{label}'"):
        put(ledger, "april", "60", account=misspelled)
    assert rows(ledger, "account", "account") == [("şube",)]
    for another in (replace(misspelled, environment="production"), replace(ACCOUNT, account="şube 2"), DOLLARS):
        assert put(ledger, "april", "60", account=another).outcome is Placing.PLACED


def test_the_row_of_an_account_that_is_lost_is_not_made_again_with_another_key(ledger):
    enter_batch(ledger, "march")
    ledger.act(lambda connection: connection.execute(ledger.tables.account.delete()))
    with pytest.raises(WarehouseRowError, match="has lost the row of şube"):
        ledger.act(lambda connection: locked(ledger, connection, ACCOUNT))


@pytest.mark.parametrize("others", [7])
def test_many_that_come_at_once_all_get_the_row_in_turn(ledger, others):
    start, inside, overlaps, failed = threading.Barrier(others), [], [], []

    def enter():
        mine = another_ledger(ledger)

        def act(connection):
            locked(mine, connection, ACCOUNT)
            overlaps.extend(inside)
            inside.append(1)
            connection.exec_driver_sql("SELECT count(*) FROM iyzico_balance_hold")
            inside.pop()

        try:
            start.wait(60)
            mine.act(act)
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=enter) for _ in range(others)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(200)
    assert (failed, overlaps) == ([], [])
    assert rows(ledger, "account", "funds_version") == [(0,)]
