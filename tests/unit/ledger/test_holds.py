"""A hold ends once, by whom and why is kept, and from then on every balance is asked for again."""

from decimal import Decimal

import pytest
from ledgers import ACCOUNT, DOLLARS, ME, enter_batch, holds, put, put_batch, release, rows, task
from snapshots import run

from airflow_provider_iyzico.errors import LedgerHoldError, WarehouseError, WarehouseExactnessError
from airflow_provider_iyzico.ledger.accounts import locked
from airflow_provider_iyzico.ledger.holds import HoldEnd, counting_holds, end_hold, own_hold, release_plain
from airflow_provider_iyzico.ledger.placing import Placing, funds_version
from airflow_provider_iyzico.ledger.who import Who


def test_a_released_hold_is_given_back_and_moves_the_version(ledger):
    put(ledger, "a", "70")
    before = funds_version(ledger, ACCOUNT)
    released = release(ledger, "a", who=task("r2"))
    assert (released.external_id, released.number, released.amount) == ("a", 1, Decimal(70))
    assert funds_version(ledger, ACCOUNT) == before + 1
    assert holds(ledger, "external_id", "counted") == [("a", Decimal(0), "released")]
    assert rows(ledger, "hold_end", "kind", "run_id", "person") == [("released", "r2", None)]


def test_releasing_what_is_not_held_changes_nothing(ledger):
    assert release(ledger, "a") is None
    put(ledger, "a", "70")
    assert release(ledger, "a") is not None
    version = funds_version(ledger, ACCOUNT)
    assert release(ledger, "a") is None
    assert funds_version(ledger, ACCOUNT) == version


def test_a_person_releases_with_a_reason_that_is_kept(ledger):
    put(ledger, "a", "70")
    release_plain(ledger, ACCOUNT, "a", Who(person="ayşe"), "the payroll was wrong " * 40)
    ((kind, person, reason, dag_id),) = rows(ledger, "hold_end", "kind", "person", "reason", "dag_id")
    assert (kind, person, dag_id, len(reason)) == ("released", "ayşe", None, 500)


def test_the_hold_of_a_batch_is_not_released_as_a_plain_one(ledger):
    enter_batch(ledger, "march")
    put_batch(ledger, "march")
    with pytest.raises(LedgerHoldError, match="belongs to a batch of the ledger"):
        release(ledger, "march")
    assert holds(ledger) == [("march", 1, Decimal(40), None)]


def test_a_hold_is_released_only_in_its_own_currency(ledger):
    put(ledger, "a", "70", account=DOLLARS)
    with pytest.raises(LedgerHoldError, match="is in USD, and the task releases TRY"):
        release(ledger, "a")
    assert holds(ledger) == [("a", 1, Decimal(70), None)]
    assert release(ledger, "a", account=DOLLARS) is not None


@pytest.mark.parametrize("kind", list(HoldEnd))
def test_a_hold_ends_once(ledger, kind):
    put(ledger, "a", "70")

    def end(connection, hold=None):
        locked(ledger, connection, ACCOUNT)
        hold = hold or own_hold(ledger, connection, ACCOUNT, "a")
        end_hold(ledger, connection, hold, kind, ME)
        return hold

    ended = ledger.act(end)
    version = funds_version(ledger, ACCOUNT)
    with pytest.raises(WarehouseError):
        ledger.act(lambda connection: end(connection, ended))
    assert holds(ledger) == [("a", 1, Decimal(70), kind.value)]
    assert funds_version(ledger, ACCOUNT) == version


def test_what_is_held_is_that_of_the_account_in_its_currency_that_nobody_gave_back(ledger):
    def names(connection):
        return [row["external_id"] for row in counting_holds(ledger, connection, ACCOUNT)]

    put(ledger, "dollars", "1", account=DOLLARS)
    assert ledger.act(names) == []
    put(ledger, "a", "1")
    put(ledger, "a", "1")
    put(ledger, "b", "1", who=task("r2"))
    release(ledger, "a")
    assert ledger.act(names) == ["b"]


def test_what_is_given_back_can_be_held_by_another(ledger):
    put(ledger, "a", "70")
    assert put(ledger, "b", "70", who=task("r2")).outcome is Placing.SHORT
    release(ledger, "a")
    assert put(ledger, "b", "70", who=task("r2")).outcome is Placing.PLACED


@pytest.mark.parametrize("swallowed", ["INSERT ON iyzico_balance_hold_end", "UPDATE ON iyzico_payout_account"])
def test_a_hold_does_not_end_where_the_database_swallows_what_says_so(ledger, swallowed):
    put(ledger, "a", "70")
    swallow(ledger.engine, swallowed)
    with pytest.raises(WarehouseExactnessError):
        release(ledger, "a")
    assert holds(ledger, "external_id", "counted") == [("a", Decimal(70), None)]
    assert put(ledger, "b", "40", who=task("r2")).outcome is Placing.SHORT


def swallow(engine, what):
    """Let a trigger make nothing of a statement, as those of old partitions do."""
    if engine.dialect.name == "sqlite":
        run(engine, f"CREATE TRIGGER swallow BEFORE {what} BEGIN SELECT RAISE(IGNORE); END")
    elif engine.dialect.name == "postgresql":
        function = "CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'"
        run(engine, function, f"CREATE TRIGGER swallow BEFORE {what} FOR EACH ROW EXECUTE FUNCTION swallow()")
    else:
        pytest.skip("a trigger of MariaDB can refuse a row, and cannot swallow it")
