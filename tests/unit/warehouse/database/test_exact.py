"""Whatever a DAG file does to decimals, finance's sums are exact and no snapshot is lost."""

from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal, Inexact, Rounded, localcontext

import pytest
from sqlalchemy import text

from airflow_provider_iyzico.warehouse.append import append
from airflow_provider_iyzico.warehouse.database.types import Money
from airflow_provider_iyzico.warehouse.gate import Gate, Progress, record
from airflow_provider_iyzico.warehouse.rollup.rebuild import rebuild
from airflow_provider_iyzico.warehouse.snapshot import Observation, snapshot_row
from airflow_provider_iyzico.warehouse.tables import snapshot_table
from airflow_provider_iyzico.warehouse.task import TaskInstance

TABLE = snapshot_table()
START = datetime(2026, 3, 1, 8, tzinfo=UTC)


def put(engine, number, balance):
    seen = Observation("a", "production", "TRY", balance, "1", START + timedelta(minutes=number), None, 5, "Europe/Istanbul")
    row = snapshot_row(seen, TaskInstance("d", "t", str(number), -1, 1, None, None, None))
    return append(engine, TABLE, row, create_table=True)["balance"]


def test_daily_sums_are_exact_in_any_context_of_the_caller(engine, odd):
    balances = [Decimal(each) for each in ("1234567.89", "9876543.21", "1000000.01", "3000000.02")]
    with odd():
        kept = [put(engine, number, balance) for number, balance in zip((0, 10, 30, 20), balances, strict=True)]
    assert kept == balances
    with engine.begin() as connection:
        found = connection.execute(text("SELECT inflow, outflow, longest_gap_minutes FROM iyzico_balance_day")).one()
        assert [Decimal(str(each)) for each in found] == [Decimal("8641975.32"), Decimal("8876543.20"), Decimal(10)]
        if engine.dialect.name != "duckdb":  # which keeps no roll-up
            with odd():
                assert rebuild(connection) == []


def test_postgresql_sums_the_largest_amounts_to_the_last_digit(postgres_engine, odd):
    most = Decimal("99999999999999999999.99999999")
    with odd():
        for number, balance in enumerate([Decimal(0), most, Decimal(0), most]):
            put(postgres_engine, number, balance)
    with postgres_engine.connect() as connection:
        inflow = connection.execute(text("SELECT inflow FROM iyzico_balance_daily")).scalar()
    assert inflow == Decimal("199999999999999999999.99999998")


def test_a_gates_amounts_are_exact_in_any_context_of_the_caller(engine, odd):
    total = Decimal("1234567890.12")
    task = TaskInstance("d", "t", "r", -1, 1, None, None, None)
    with odd():
        record(engine, Gate(task, "a", "production", "TRY", total, Decimal(0), START), Progress("opened", 1, total))
    with engine.connect() as connection:
        kept = connection.execute(text("SELECT batch_total, last_balance FROM iyzico_payout_gate")).one()
    assert [Decimal(str(each)) for each in kept] == [total, total]


@pytest.mark.parametrize("parameters", [{"traps": [Rounded, Inexact]}, {"prec": 4, "traps": [Rounded]}, {"Emax": 9}], ids=str)
def test_columns_of_amounts_are_made_and_read_in_any_context_of_the_caller(parameters):
    amount = Decimal("-12345678901234567890.12345678")
    with localcontext(Context(**parameters)):
        for digits in (28, 38):
            assert Money(digits).amount(amount) is amount
        with pytest.raises(ValueError, match="too large an amount"):
            Money().amount(Decimal("1E21"))
