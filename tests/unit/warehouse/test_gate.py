"""The gate's record, where a DAG cannot show it."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.exc import ProgrammingError

from airflow_provider_iyzico.errors import WarehouseError, WarehouseRowError, WarehouseUnavailableError
from airflow_provider_iyzico.warehouse.append import append
from airflow_provider_iyzico.warehouse.database.layout import ensure
from airflow_provider_iyzico.warehouse.gate import Gate, Progress, record, waiting_row
from airflow_provider_iyzico.warehouse.layouts import layout_of
from airflow_provider_iyzico.warehouse.tables import report_tables, snapshot_table
from airflow_provider_iyzico.warehouse.task import TaskInstance
from airflow_provider_iyzico.warehouse.views import VIEWS

TASK = TaskInstance("dag", "gate", "run", -1, 1, None, None, None)
GATE = Gate(
    TASK, "payroll", "production", "TRY", Decimal(100), Decimal(0), datetime(2026, 11, 22, tzinfo=UTC), first_balance=Decimal(40)
)


@pytest.fixture
def engine(any_engine):
    return any_engine


def rows(engine):
    with engine.connect() as connection:
        query = "SELECT environment, outcome, polls, batch_total + headroom - first_balance FROM iyzico_payout_gate ORDER BY 1"
        return [tuple(row) for row in connection.execute(text(query))]


def test_an_end_that_is_written_twice_counts_once(engine):
    record(engine, GATE, Progress("waiting", 1, Decimal(40)))
    for _ in range(2):
        record(engine, GATE, Progress("opened", 5, Decimal(140)))
    assert rows(engine) == [("production", "opened", 5, 60)]


def test_polls_that_are_written_twice_count_once(engine):
    """As after a commit whose answer was lost."""
    for polls in (1, 3, 3):
        record(engine, GATE, Progress("waiting", polls, Decimal(40)))
    assert rows(engine) == [("production", "waiting", 3, 60)]
    assert waits(engine).polls == 3


def test_the_polls_of_another_try_or_of_no_row_are_none(engine):
    assert waits(engine) is None
    record(engine, in_try(1, Decimal(40)), Progress("waiting", 3, Decimal(40)))
    assert waits(engine, replace(TASK, try_number=2)) is None


def test_a_wait_goes_on_in_its_own_row_and_in_that_of_no_other_account(engine):
    """Two Airflows may share a warehouse, and the ids of their runs."""
    record(engine, GATE, Progress("waiting", 3, Decimal(40)))
    found = waits(engine)
    assert (found.batch_total, found.headroom, found.polls) == (GATE.batch_total, GATE.headroom, 3)
    assert waits(engine, label="salaries") is None
    assert waits(engine, replace(TASK, run_id="another")) is None


def waits(engine, task=TASK, label=GATE.account):
    return waiting_row(engine, task, GATE.environment, label, GATE.currency)


def in_try(number, first_balance):
    return replace(GATE, task=replace(TASK, try_number=number), first_balance=first_balance)


@pytest.mark.parametrize("outcome", ["waiting", "opened"])
def test_a_new_try_resets_the_row_even_if_its_first_record_is_its_last(engine, outcome):
    record(engine, in_try(1, Decimal(40)), Progress("failed", 3, Decimal(40), reason="x"))
    record(engine, in_try(2, Decimal(70)), Progress(outcome, 1, Decimal(170)))
    assert rows(engine) == [("production", outcome, 1, 30)]


def test_a_try_that_was_given_up_no_longer_speaks_for_its_gate(engine):
    record(engine, in_try(2, Decimal(70)), Progress("waiting", 1, Decimal(70)))
    record(engine, in_try(1, Decimal(40)), Progress("failed", 3, Decimal(40), reason="killed late"))
    assert rows(engine) == [("production", "waiting", 1, 30)]


def test_a_balance_that_comes_after_the_first_poll_is_not_the_first_balance(engine):
    record(engine, replace(GATE, first_balance=None), Progress("waiting", 1))
    record(engine, replace(GATE, first_balance=None), Progress("opened", 5, Decimal(140)))
    assert rows(engine) == [("production", "opened", 5, None)]


def test_a_run_that_was_deleted_while_its_gate_waited_and_made_again_has_its_own_wait(engine):
    for number in (1, 2):
        record(engine, in_try(number, Decimal(40)), Progress("waiting", 3, Decimal(40)))
        later = replace(GATE, waiting_since=GATE.waiting_since + timedelta(hours=number), first_balance=Decimal(70))
        record(engine, later, Progress("waiting", 1, Decimal(70), begins=True))
        assert rows(engine) == [("production", "waiting", 1, 30)]
        record(engine, later, Progress("opened", 2, Decimal(170)))
        assert rows(engine) == [("production", "opened", 2, 30)]


def test_the_row_tells_what_the_batch_needed_when_its_gate_ended(engine):
    record(engine, GATE, Progress("waiting", 1, Decimal(40)))
    record(engine, replace(GATE, batch_total=Decimal(60)), Progress("opened", 2, Decimal(140)))
    assert rows(engine) == [("production", "opened", 2, 20)]


def test_sandbox_and_production_keep_a_row_each_for_the_same_run(engine):
    for environment in ("sandbox", "production"):
        record(engine, replace(GATE, environment=environment), Progress("opened", 1, Decimal(100)))
    assert [row[0] for row in rows(engine)] == ["production", "sandbox"]


def test_the_gates_of_an_account_are_found_by_time_through_an_index(sqlite_engine):
    record(sqlite_engine, GATE, Progress("opened", 1))
    query = (
        "EXPLAIN QUERY PLAN SELECT * FROM iyzico_payout_coverage WHERE environment = 'production' AND account = 'payroll' "
        "AND currency = 'TRY' AND waiting_since >= '2026-11-01' ORDER BY waiting_since"
    )
    with sqlite_engine.connect() as connection:
        (plan,) = [row.detail for row in connection.execute(text(query))]
    assert "ix_iyzico_payout_gate_waiting (environment=? AND account=? AND currency=? AND waiting_since>?)" in plan


def test_a_gate_that_never_saw_a_balance_claims_no_shortfall(engine):
    record(engine, replace(GATE, first_balance=None), Progress("failed", 1, reason="401"))
    assert rows(engine) == [("production", "failed", 1, None)]


def test_gates_that_begin_at_the_same_time_each_keep_their_record(mariadb_engine):
    """They also make the table at the same time, where unlike on PostgreSQL and SQLite they could deadlock."""
    gates = [replace(GATE, task=replace(TASK, map_index=number)) for number in range(10)]

    def keep(gate):
        engine = create_engine(mariadb_engine.url)
        for progress in (Progress("waiting", 1, Decimal(40)), Progress("opened", 2, Decimal(140))):
            record(engine, gate, progress)
        engine.dispose()

    with ThreadPoolExecutor(len(gates)) as pool:
        list(pool.map(keep, gates))
    assert rows(mariadb_engine) == [("production", "opened", 2, 60)] * len(gates)


@pytest.mark.parametrize(
    ("any_engine", "lock"), [("postgresql", "LOCK TABLE {}"), ("mariadb", "LOCK TABLES {} WRITE")], indirect=["any_engine"]
)
def test_a_record_does_not_wait_long_for_a_lock(engine, lock):
    record(engine, GATE, Progress("waiting", 1))
    held, ended = threading.Event(), threading.Event()

    def hold():
        with engine.begin() as connection:
            connection.execute(text(lock.format("iyzico_payout_gate")))
            held.set()
            ended.wait(200)

    holder = threading.Thread(target=hold)
    holder.start()
    assert held.wait(60)
    try:
        started = time.monotonic()
        with pytest.raises(WarehouseError):
            record(engine, GATE, Progress("opened", 1))
        assert time.monotonic() - started < 100
    finally:
        ended.set()
        holder.join()


def run(engine, *statements):
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


def made(engine):
    inspector = inspect(engine)
    return {*inspector.get_table_names(), *inspector.get_view_names()}


EVERYTHING = {snapshot_table().name, *[table.name for table in report_tables()], *VIEWS}


def test_a_gate_makes_its_own_table_and_view_and_a_snapshot_everything_else(engine, make_row):
    record(engine, GATE, Progress("opened", 1, Decimal(100)))
    assert made(engine) == {"iyzico_payout_gate", "iyzico_payout_coverage"}
    append(engine, snapshot_table(), make_row(), create_table=True)
    assert made(engine) == EVERYTHING
    assert rows(engine) == [("production", "opened", 1, 60)]


def by_a_gate(engine):
    record(engine, GATE, Progress("opened", 1, Decimal(100)))


def by_a_snapshot(engine):
    ensure(engine, layout_of(snapshot_table()), ProgrammingError("SELECT 1", None, Exception("no such view")))


@pytest.mark.parametrize("make", [by_a_gate, by_a_snapshot])
def test_what_a_gate_lacks_is_made_without_computing_the_roll_up_again(kept_engine, make_row, make):
    """A roll-up that is wrong stays wrong; with many snapshots a rebuild takes minutes."""
    engine = kept_engine
    append(engine, snapshot_table(), make_row(), create_table=True)
    run(engine, "DROP VIEW iyzico_payout_coverage", "DROP TABLE iyzico_payout_gate", "UPDATE iyzico_balance_day SET outflow = 7")
    make(engine)
    assert made(engine) == EVERYTHING
    with engine.connect() as connection:
        assert connection.execute(text("SELECT outflow FROM iyzico_balance_day")).scalar() == 7


def test_a_role_that_may_select_insert_and_update_gates_keeps_a_record(postgres_engine):
    role = f"gate_{uuid4().hex[:12]}"
    record(postgres_engine, replace(GATE, account="other"), Progress("opened", 1))
    with postgres_engine.begin() as connection:
        schema = connection.execute(text("SELECT current_schema()")).scalar()
        for statement in (f"CREATE ROLE {role}", f"GRANT USAGE ON SCHEMA {schema} TO {role}"):
            connection.execute(text(statement))
        connection.execute(text(f"GRANT SELECT, INSERT, UPDATE ON iyzico_payout_gate TO {role}"))
    of_the_gate = create_engine(postgres_engine.url, connect_args={"options": f"-csearch_path={schema} -crole={role}"})
    try:
        for number, outcome in ((1, "waiting"), (1, "failed"), (2, "opened")):
            record(of_the_gate, in_try(number, Decimal(40)), Progress(outcome, 1))
        with of_the_gate.connect() as connection:
            outcomes = (
                connection.execute(text("SELECT outcome FROM iyzico_payout_gate WHERE account = 'payroll'")).scalars().all()
            )
        assert outcomes == ["opened"]
    finally:
        of_the_gate.dispose()
        run(postgres_engine, f"DROP OWNED BY {role}", f"DROP ROLE {role}")


def test_a_gate_does_not_wait_for_tables_that_somebody_is_just_making(postgres_engine):
    with postgres_engine.begin() as connection:
        connection.execute(text("CREATE TABLE iyzico_payout_gate (gate_id text)"))
        started = time.monotonic()
        with pytest.raises(WarehouseUnavailableError, match="iyzico_payout_gate could not be made now"):
            record(postgres_engine, GATE, Progress("opened", 1))
        assert time.monotonic() - started < 60


def test_a_run_that_was_deleted_and_made_again_has_a_row_of_its_own_wait(engine):
    record(engine, GATE, Progress("opened", 1, Decimal(140)))
    later = replace(GATE, batch_total=Decimal(999), waiting_since=datetime.now(UTC) + timedelta(days=1), first_balance=Decimal(7))
    record(engine, later, Progress("waiting", 1, Decimal(7)))
    assert rows(engine) == [("production", "waiting", 1, 992)]


def test_a_second_copy_of_a_task_that_comes_late_does_not_open_an_ended_gate_again(engine):
    record(engine, GATE, Progress("waiting", 1, Decimal(40)))
    record(engine, GATE, Progress("opened", 2, Decimal(140)))
    record(engine, GATE, Progress("waiting", 1, Decimal(40)))
    assert rows(engine) == [("production", "opened", 2, 60)]


def test_a_constraint_that_somebody_added_is_not_taken_for_another_copy(postgres_engine):
    record(postgres_engine, GATE, Progress("waiting", 1))
    with postgres_engine.begin() as connection:
        connection.execute(text("DELETE FROM iyzico_payout_gate"))
        connection.execute(text("ALTER TABLE iyzico_payout_gate ADD CHECK (polls > 100)"))
    with pytest.raises(WarehouseError, match="CheckViolation"):
        record(postgres_engine, GATE, Progress("waiting", 1))


def test_polls_that_somebody_wrote_by_hand_are_named(sqlite_engine):
    record(sqlite_engine, GATE, Progress("waiting", 1, Decimal(40)))
    with sqlite_engine.begin() as connection:
        connection.execute(text("UPDATE iyzico_payout_gate SET polls = 'many'"))
    with pytest.raises(WarehouseRowError, match="'iyzico_payout_gate' holds 'many' in column 'polls' of the row with gate_id"):
        waits(sqlite_engine)
