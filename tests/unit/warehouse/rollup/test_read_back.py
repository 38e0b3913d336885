"""A snapshot is kept only with the day that was computed for it."""

import pytest
from snapshots import ask, put_after, run

from airflow_provider_iyzico.errors import WarehouseExactnessError
from airflow_provider_iyzico.warehouse.rollup.rebuild import rebuild

BENDING_THE_DAY = {
    "rounds": ("BEFORE", "NEW.highest := round(NEW.highest); RETURN NEW;", "'highest' of table 'iyzico_balance_day'"),
    "deletes the day": ("AFTER", "DELETE FROM iyzico_balance_day; RETURN NULL;", "'iyzico_balance_day' took a row"),
    "deletes the snapshot": (
        "AFTER",
        "DELETE FROM iyzico_balance_snapshot; RETURN NULL;",
        "took a row, but a query does not find it",
    ),
}


@pytest.mark.parametrize(("moment", "act", "said"), BENDING_THE_DAY.values(), ids=list(BENDING_THE_DAY))
@pytest.mark.parametrize("minutes", [-10, 10, 24 * 60], ids=["late", "same day", "next day"])
def test_nothing_is_kept_if_the_roll_up_is_changed(postgres_engine, moment, act, said, minutes):
    put_after(postgres_engine, 0)
    run(
        postgres_engine,
        f"CREATE FUNCTION bend() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN {act} END$$",
        f"CREATE TRIGGER bend {moment} INSERT OR UPDATE ON iyzico_balance_day FOR EACH ROW EXECUTE FUNCTION bend()",
    )
    with pytest.raises(WarehouseExactnessError, match=f"{said}.*; nothing was kept"):
        put_after(postgres_engine, minutes, "100.60")
    assert ask(postgres_engine, "SELECT count(*) FROM iyzico_balance_snapshot") == 1
    assert ask(postgres_engine, "SELECT closing FROM iyzico_balance_day") == 5


def test_a_column_of_the_roll_up_that_is_too_narrow_keeps_nothing_and_fails_rebuild(postgres_engine):
    put_after(postgres_engine, 0)
    run(
        postgres_engine,
        "DROP VIEW iyzico_balance_daily CASCADE",
        "ALTER TABLE iyzico_balance_day ALTER inflow TYPE numeric(28, 2)",
    )
    with pytest.raises(WarehouseExactnessError, match="'inflow' of table 'iyzico_balance_day'"):
        put_after(postgres_engine, 10, "5.125")
    run(postgres_engine, "UPDATE iyzico_balance_snapshot SET balance = 5.125")
    run(postgres_engine, "ALTER TABLE iyzico_balance_day ALTER closing TYPE numeric(28, 2) USING round(closing, 2)")
    with postgres_engine.begin() as connection, pytest.raises(WarehouseExactnessError, match="'closing'"):
        rebuild(connection)
