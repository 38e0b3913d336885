"""What is called kept is what the table holds, also after triggers."""

from decimal import Decimal

import pytest
from snapshots import BARE, TABLE, ask, put_after, run

from airflow_provider_iyzico.errors import WarehouseExactnessError
from airflow_provider_iyzico.warehouse.rollup.rebuild import rebuild

BENDING = {
    "bends": "UPDATE {} SET balance = round(balance, 1) WHERE snapshot_id = NEW.snapshot_id",
    "changes a label": "UPDATE {} SET run_id = 'other' WHERE snapshot_id = NEW.snapshot_id",
    "deletes": "DELETE FROM {} WHERE snapshot_id = NEW.snapshot_id",
}


@pytest.fixture(params=["sqlite", "postgres"])
def engine_with_triggers(request):
    """Those databases whose triggers may write to the table that fires them."""
    return request.getfixturevalue(f"{request.param}_engine")


@pytest.mark.parametrize("table", [TABLE, BARE], ids=str)
@pytest.mark.parametrize("act", BENDING.values(), ids=list(BENDING))
@pytest.mark.parametrize("is_deferred", [False, True], ids=["at once", "deferred"])
def test_a_trigger_after_the_insert_keeps_nothing_where_it_changes_the_row(engine_with_triggers, table, act, is_deferred):
    engine, name = engine_with_triggers, table.name
    put_after(engine, 0, table=table)
    act = act.format(name)
    if engine.dialect.name == "sqlite":
        if is_deferred:
            pytest.skip("SQLite has no triggers that wait")
        run(engine, f"CREATE TRIGGER meddle AFTER INSERT ON {name} BEGIN {act}; END")
    else:
        kind = (
            "CONSTRAINT TRIGGER meddle AFTER INSERT ON {} DEFERRABLE INITIALLY DEFERRED"
            if is_deferred
            else "TRIGGER meddle AFTER INSERT ON {}"
        )
        body = f"BEGIN {act}; RETURN NULL; END"
        run(
            engine,
            f"CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS $${body}$$",
            f"CREATE {kind.format(name)} FOR EACH ROW EXECUTE FUNCTION meddle()",
        )
    with pytest.raises(WarehouseExactnessError, match="nothing was kept"):
        put_after(engine, 10, "1500.75", table)
    assert ask(engine, f"SELECT count(*) FROM {name}") == 1
    if table is TABLE:
        with engine.begin() as connection:
            assert rebuild(connection) == []


def test_a_trigger_of_mariadb_that_changes_the_row_keeps_nothing(mariadb_engine):
    put_after(mariadb_engine, 0, table=BARE)
    run(
        mariadb_engine, "CREATE TRIGGER meddle BEFORE INSERT ON my_snapshots FOR EACH ROW SET NEW.balance = round(NEW.balance, 1)"
    )
    with pytest.raises(WarehouseExactnessError, match="balance"):
        put_after(mariadb_engine, 10, "1500.75", BARE)
    assert ask(mariadb_engine, "SELECT count(*) FROM my_snapshots") == 1


def test_a_trigger_that_writes_elsewhere_hinders_nothing(sqlite_engine):
    put_after(sqlite_engine, 0)
    log = "CREATE TRIGGER log AFTER INSERT ON iyzico_balance_snapshot BEGIN INSERT INTO log VALUES (NEW.balance); END"
    run(sqlite_engine, "CREATE TABLE log (balance)", log)
    assert put_after(sqlite_engine, 10, "1500.75")["balance"] == Decimal("1500.75")


def test_a_table_without_transactions_never_reports_a_changed_row_as_kept(mariadb_engine):
    put_after(mariadb_engine, 0, table=BARE)
    texts = ", ".join(f"MODIFY {name} VARCHAR(200) NOT NULL" for name in ("dag_id", "task_id", "run_id"))
    run(mariadb_engine, f"ALTER TABLE my_snapshots {texts}, MODIFY balance NUMERIC(28, 2) NOT NULL, ENGINE = MyISAM")
    with pytest.raises(WarehouseExactnessError, match="the row was kept in spite of this.*make the table InnoDB") as first:
        put_after(mariadb_engine, 10, "100.005", BARE)
    assert "nothing was kept" not in str(first.value)
    with pytest.raises(WarehouseExactnessError, match=r"balance 100\.0[01] and balance_raw '100\.005'.*delete the row"):
        put_after(mariadb_engine, 10, "100.005", BARE)


def test_a_column_of_another_type_is_told_in_the_words_of_the_database(postgres_engine):
    put_after(postgres_engine, 0)
    run(
        postgres_engine,
        "DROP VIEW iyzico_balance_latest, iyzico_balance_observed, iyzico_balance_interval CASCADE",
        "ALTER TABLE iyzico_balance_snapshot ALTER observed_at TYPE TIMESTAMP",
    )
    with pytest.raises(WarehouseExactnessError, match="it should be TIMESTAMP WITH TIME ZONE"):
        put_after(postgres_engine, 10)
