"""An account has one row per currency, made by the first that comes, and one transaction at a time holds it."""

import threading
from dataclasses import replace

import pytest
from ledgers import ACCOUNT, DOLLARS, another_ledger, enter_batch, put, rows
from mariadb import mariadb_database
from postgres import postgres_schema
from support import POSTGRESQL

from airflow_provider_iyzico.errors import IyzicoConfigurationError, WarehouseConfigurationError, WarehouseRowError
from airflow_provider_iyzico.ledger.accounts import locked
from airflow_provider_iyzico.ledger.ledger import Ledger
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


@pytest.fixture(params=["postgresql", "mariadb"])
def two_schemas(request):
    """A ledger as the tasks of one DAG open it, and as those do that name no schema."""
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_url")
        with postgres_schema(url, POSTGRESQL) as one, postgres_schema(url, POSTGRESQL) as other:
            yield one, other
    else:
        url = request.getfixturevalue("mariadb_url")
        with mariadb_database(url) as one, mariadb_database(url) as other:
            yield one, other


def test_a_task_that_names_another_schema_spends_no_balance_a_second_time(two_schemas):
    one, other = map(Ledger.open, two_schemas)
    real = replace(ACCOUNT, environment="production")
    assert put(one, "march", "60", account=real).outcome is Placing.PLACED
    with pytest.raises(WarehouseConfigurationError, match=r"has another ledger with şube \(production, TRY\), in schema 'test_"):
        put(other, "april", "60", account=real)
    assert rows(other, "account", "account") == []
    for another in (ACCOUNT, replace(real, account="depo")):
        assert put(other, "april", "60", account=another).outcome is Placing.PLACED
    assert put(one, "may", "40", account=real).outcome is Placing.PLACED


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
