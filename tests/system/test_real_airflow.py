"""The real processes, once: snapshot, a gate that defers to the real triggerer, top-up, release, and failures at DEBUG.

Airflow's own database is a PostgreSQL.
"""

from __future__ import annotations

import json
import re
import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime

import pytest
from cryptography.fernet import Fernet
from sandbox import ROOT, airflow_environment, for_this_airflow
from secrets_search import finds, secrets_of
from sqlalchemy import inspect, text
from stack import API, AirflowStack
from support import HAS_PAGES

from airflow_provider_iyzico.simulator import Simulator

GATE, SNAPSHOT = "iyzico_payout_gate", "iyzico_balance_snapshot"
#: The example DAGs with a gate that polls every second; nothing else differs.
POLL = ("poke_interval=60", "poke_interval=1")
#: A gate whose pool has one slot, and a task that holds it until its file is gone. What its trigger saw is old after one interval
#: of ten seconds, and not only after a minute.
LATE, HOLD = "late_gate", "hold_the_slot"
LATE_DAGS = """
import time
from pathlib import Path
import pendulum
from airflow.sdk import DAG, task
from airflow_provider_iyzico.domain import event
from airflow_provider_iyzico.sensors.mass_payout import MassPayoutBalanceSensor

event.FRESH_SECONDS = 1.0
STARTS = pendulum.datetime(2026, 1, 1, tz="UTC")
with DAG("late_gate", schedule=None, start_date=STARTS):
    MassPayoutBalanceSensor(
        task_id="gate", batch_total="5000", deferrable=True, poke_interval=10, timeout=600, pool="one_slot",
        warehouse_conn_id="iyzico_warehouse",
    )

with DAG("hold_the_slot", schedule=None, start_date=STARTS):
    @task(pool="one_slot")
    def hold(params):
        Path(params["here"]).touch()
        ends_at = time.monotonic() + 300
        while Path(params["until"]).exists() and time.monotonic() < ends_at:
            time.sleep(0.2)

    hold()
"""

#: Two payouts with money for one. Each pays until its file is gone.
PAYOUTS = ("pay_salaries", "pay_suppliers")
PAYOUT_DAGS = """
import time
from pathlib import Path
import pendulum
from airflow.sdk import DAG, task
from airflow_provider_iyzico.operators.mass_payout import MassPayoutHoldReleaseOperator
from airflow_provider_iyzico.sensors.mass_payout import MassPayoutBalanceSensor

for name in ("pay_salaries", "pay_suppliers"):
    with DAG(name, schedule=None, start_date=pendulum.datetime(2026, 1, 1, tz="UTC")):
        gate = MassPayoutBalanceSensor(
            task_id="gate", external_id=name + "-{{ params.month }}", batch_total="5000", deferrable=True, poke_interval=10,
            recheck_seconds=15, timeout=600, params={"month": "2026-11"}, warehouse_conn_id="iyzico_warehouse",
        )

        @task
        def pay(params):
            ends_at = time.monotonic() + 300
            while Path(params["until"]).exists() and time.monotonic() < ends_at:
                time.sleep(0.2)

        release = MassPayoutHoldReleaseOperator(task_id="release", external_id=name + "-2026-11")
        gate >> pay() >> release.as_teardown(setups=gate)
"""

pytestmark = pytest.mark.timeout(1500)


@pytest.fixture(scope="module")
def iyzico():
    with Simulator("3200.00") as simulator:
        yield simulator


@pytest.fixture(scope="module")
def airflow(folder, iyzico, database):
    dags = folder / "dags"
    dags.mkdir()
    for name in (GATE, SNAPSHOT):
        source = (ROOT / "dags" / f"{name}.py").read_text()
        (dags / f"{name}.py").write_text(for_this_airflow(source).replace(*POLL))
    (dags / "late.py").write_text(for_this_airflow(LATE_DAGS))
    (dags / "payouts.py").write_text(for_this_airflow(PAYOUT_DAGS))
    connection = json.loads(iyzico.connection)
    connection["extra"]["timeout"] = 30  # nothing here is silent, and a busy machine may be slow
    environment = airflow_environment(
        folder / "home", iyzico=json.dumps(connection), warehouse=folder / "warehouse.db", dags=dags
    )
    environment["AIRFLOW__LOGGING__LOGGING_LEVEL"] = "DEBUG"
    environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = database.url.render_as_string(hide_password=False)
    with AirflowStack(environment, folder / "processes") as stack:
        stack.wait_until_ready(GATE, SNAPSHOT, LATE, HOLD, *PAYOUTS)
        yield stack


def finish(airflow, dag_id, run_id):
    def state():
        ended = airflow.run_state(dag_id, run_id)
        return ended if ended in ("success", "failed") else None

    ended = airflow.wait_until(f"{dag_id} ends", state)
    if ended == "failed":
        print(airflow.complaints(run_id))  # pytest shows it where a test did not expect that
    return ended


def until_deferred(airflow, folder, run_id, dag_id=GATE, task_id="wait_for_money"):
    """Wait until the gate waits in the triggerer, and the scheduler has heard of it.

    Airflow 3 fails a task that goes on earlier. Gates whose ``poke_interval`` is not as short as here wait for that by themselves.
    """
    airflow.wait_until("the gate is deferred", lambda: airflow.task(dag_id, run_id, task_id)["state"] == "deferred")
    heard = re.compile(f"Received executor event with state success for .*'{task_id}'.*{run_id}")
    airflow.wait_until("the scheduler heard of it", lambda: heard.search((folder / "processes" / "scheduler.log").read_text()))


def the_trigger(airflow, database):
    """Return class and arguments of the only trigger there is, as they stand in Airflow's database (Airflow 2 encrypts them)."""
    with database.connect() as connection:
        ((classpath, arguments),) = connection.execute(text("SELECT classpath, kwargs FROM trigger")).fetchall()
    if not arguments.startswith("{"):
        arguments = Fernet(airflow.environment["AIRFLOW__CORE__FERNET_KEY"]).decrypt(arguments.encode()).decode()
    return classpath, arguments


def write_out(database, path):
    """Write all rows of all tables into a file."""
    with database.connect() as connection, path.open("w") as output:
        for table in inspect(database).get_table_names():
            rows = connection.execute(text(f'SELECT CAST(each AS text) FROM "{table}" AS each')).scalars().all()
            output.writelines(f"{table} {row}\n" for row in rows)


def task_log(folder, dag_id, run_id, task_id):
    paths = (folder / "home" / "logs" / f"dag_id={dag_id}" / f"run_id={run_id}" / f"task_id={task_id}").glob("*")
    return "".join(path.read_text() for path in sorted(paths))


def check_link(airflow, dag_id, run_id, task_id):
    """See that Airflow leads from the task to its account on the page, where it has one."""
    if HAS_PAGES:
        found = airflow.call("GET", f"{API}/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/links")["extra_links"]
        assert found["iyzico balance"].startswith("/iyzico/?environment=sandbox&account=simulator&currency=TRY&range=day&last=20")


def test_a_snapshot_is_kept(airflow, folder, iyzico):
    run_id = airflow.trigger(SNAPSHOT)
    assert finish(airflow, SNAPSHOT, run_id) == "success"
    with closing(sqlite3.connect(folder / "warehouse.db")) as connection:
        rows = connection.execute("SELECT balance, run_id FROM iyzico_balance_snapshot WHERE run_id = ?", [run_id]).fetchall()
    assert rows == [(3200, run_id)]
    assert airflow.xcom(SNAPSHOT, run_id, "snapshot")["balance"] == "3200.00"
    check_link(airflow, SNAPSHOT, run_id, "snapshot")


def test_a_gate_defers_to_the_triggerer_and_opens_when_the_money_comes(airflow, folder, iyzico, database):
    run_id = airflow.trigger(GATE)
    until_deferred(airflow, folder, run_id)
    asked = len(iyzico.seen)
    airflow.wait_until("the triggerer polls", lambda: len(iyzico.seen) >= asked + 3)
    assert airflow.task(GATE, run_id, "wait_for_money")["state"] == "deferred"
    assert airflow.task(GATE, run_id, "pay")["state"] is None
    classpath, arguments = the_trigger(airflow, database)
    assert classpath.endswith("MassPayoutBalanceTrigger")
    assert '"4530.00"' in arguments

    iyzico.balance = "8000.00"
    assert finish(airflow, GATE, run_id) == "success"
    seen = airflow.xcom(GATE, run_id, "wait_for_money")
    assert (seen["balance"], seen["required"], seen["surplus"]) == ("8000.00", "5030.00", "2970.00")
    assert "paying out of 8000.00 TRY" in airflow.xcom(GATE, run_id, "pay")
    log = task_log(folder, GATE, run_id, "wait_for_money")
    # However many polls saw the same: one line of the worker, and one of the triggerer.
    assert log.count("missing 1830.00; waiting for the balance to cover the batch") == 2
    assert "the gate opens" in log
    check_link(airflow, GATE, run_id, "wait_for_money")


def test_a_gate_that_could_not_record_its_beginning_still_tells_of_it_at_its_end(airflow, folder, iyzico):
    iyzico.balance = "3200.00"
    started = datetime.now(UTC)
    with closing(sqlite3.connect(folder / "warehouse.db")) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        run_id = airflow.trigger(GATE)
        until_deferred(airflow, folder, run_id)
        deferred = datetime.now(UTC)
    iyzico.balance = "8000.00"
    assert finish(airflow, GATE, run_id) == "success"
    assert "THE RECORD OF THIS GATE COULD NOT BE WRITTEN" in task_log(folder, GATE, run_id, "wait_for_money")
    with closing(sqlite3.connect(folder / "warehouse.db")) as connection:
        query = "SELECT first_balance, last_balance, outcome, waiting_since FROM iyzico_payout_gate WHERE run_id = ?"
        ((*figures, since),) = connection.execute(query, [run_id]).fetchall()
    assert figures == [3200, 8000, "opened"]
    assert started < datetime.fromisoformat(since).replace(tzinfo=UTC) < deferred


def test_three_gates_of_one_account_share_one_poll(airflow, folder, iyzico):
    iyzico.balance = "0"
    runs = [airflow.trigger(GATE) for _ in range(3)]
    for run_id in runs:
        until_deferred(airflow, folder, run_id)
    first = len(iyzico.seen)
    airflow.wait_until("some polls", lambda: len(iyzico.seen) >= first + 5)
    asked = [seen.received_at for seen in iyzico.seen[first:]]
    assert (asked[-1] - asked[0]) / (len(asked) - 1) > 0.9
    iyzico.balance = "8000.00"
    assert {finish(airflow, GATE, run_id) for run_id in runs} == {"success"}


def test_a_gate_survives_the_end_of_its_triggerer(airflow, folder, iyzico):
    iyzico.balance = "0"
    run_id = airflow.trigger(GATE)
    until_deferred(airflow, folder, run_id)
    airflow.stop("triggerer")
    iyzico.balance = "8000.00"
    airflow.start("triggerer")
    assert finish(airflow, GATE, run_id) == "success"
    assert {seen.method for seen in iyzico.seen} == {"GET"}


def test_a_gate_whose_worker_comes_late_asks_again_and_waits_on_where_the_money_is_gone(airflow, folder, iyzico):
    """Its trigger saw 8000.00; its pool has no free slot for longer than an interval; by then somebody else has been paid."""
    airflow.call("POST", f"{API}/pools", {"name": "one_slot", "slots": 1})
    iyzico.balance = "3200.00"
    run_id = airflow.trigger(LATE)
    until_deferred(airflow, folder, run_id, LATE, "gate")
    until, here = folder / "hold.until", folder / "hold.here"
    until.touch()
    holder = airflow.trigger(HOLD, until=str(until), here=str(here))
    try:
        airflow.wait_until("the slot is taken", here.exists)
        iyzico.balance = "8000.00"
        airflow.wait_until("the trigger fired", lambda: airflow.task(LATE, run_id, "gate")["state"] in ("scheduled", "queued"))
        fired = time.monotonic()
        iyzico.balance = "10.00"
        airflow.wait_until("what the trigger saw is old", lambda: time.monotonic() - fired > 12)
    finally:
        until.unlink()
    assert finish(airflow, HOLD, holder) == "success"
    airflow.wait_until("the gate asked again", lambda: "Asking iyzico again" in task_log(folder, LATE, run_id, "gate"))
    until_deferred(airflow, folder, run_id, LATE, "gate")
    with closing(sqlite3.connect(folder / "warehouse.db")) as connection:
        query = "SELECT outcome, first_balance, last_balance FROM iyzico_payout_gate WHERE dag_id = ?"
        assert connection.execute(query, [LATE]).fetchall() == [("waiting", 3200, 10)]
    iyzico.balance = "9000.00"
    assert finish(airflow, LATE, run_id) == "success"
    assert airflow.xcom(LATE, run_id, "gate")["balance"] == "9000.00"
    with closing(sqlite3.connect(folder / "warehouse.db")) as connection:
        query = "SELECT outcome, first_balance, last_balance FROM iyzico_payout_gate WHERE dag_id = ?"
        assert connection.execute(query, [LATE]).fetchall() == [("opened", 3200, 9000)]


def test_of_two_payouts_with_money_for_one_exactly_one_opens_and_the_other_opens_when_that_one_has_ended(airflow, folder, iyzico):
    iyzico.balance = "8000.00"
    until = folder / "payout.until"
    until.touch()
    runs = {dag_id: airflow.trigger(dag_id, until=str(until)) for dag_id in PAYOUTS}

    def gates(state):
        return [dag_id for dag_id in PAYOUTS if airflow.task(dag_id, runs[dag_id], "gate")["state"] == state]

    def lines(dag_id):
        return task_log(folder, dag_id, runs[dag_id], "gate")

    airflow.wait_until("one gate opened, and one waits", lambda: len(gates("success")) == len(gates("deferred")) == 1)
    (first,), (second,) = gates("success"), gates("deferred")
    missing = "balance 8000.00 TRY, available 3000.00, required 5000.00 TRY (batch 5000.00 + headroom 0.00), missing 2000.00; "
    assert f"{missing}{first}-2026-11 holds 5000.00; waiting" in lines(second)
    assert f"5000.00 set aside for {first}-2026-11; the gate opens" in lines(first)
    asked = len(iyzico.seen)
    airflow.wait_until("the second asked the ledger again", lambda: "the holds of others may have changed" in lines(second))
    airflow.wait_until("and waits on", lambda: second in gates("deferred"))
    assert airflow.task(second, runs[second], "pay")["state"] is None
    assert len(iyzico.seen) - asked < 20, "a gate that others keep shut asks no more often than any other"

    until.unlink()
    assert finish(airflow, first, runs[first]) == "success"
    assert airflow.xcom(first, runs[first], "release")["released"] == "5000.00"
    assert finish(airflow, second, runs[second]) == "success"
    assert f"5000.00 set aside for {second}-2026-11; the gate opens" in lines(second)
    with closing(sqlite3.connect(folder / "warehouse.db")) as connection:
        held = connection.execute("SELECT placed_at, external_id FROM iyzico_balance_hold ORDER BY placed_at").fetchall()
        ended = connection.execute("SELECT ended_at, kind FROM iyzico_balance_hold_end ORDER BY ended_at").fetchall()
        gate_rows = connection.execute(
            "SELECT dag_id, outcome, first_balance FROM iyzico_payout_gate WHERE dag_id LIKE 'pay_%' ORDER BY dag_id"
        ).fetchall()
    assert [name for _, name in held] == [f"{first}-2026-11", f"{second}-2026-11"]
    assert [kind for _, kind in ended] == ["released", "released"]
    assert ended[0][0] <= held[1][0], "the second hold was placed after the first had ended"
    assert gate_rows == [(dag_id, "opened", 8000) for dag_id in PAYOUTS]


@pytest.mark.parametrize("fault", ["401", "echo"])
def test_a_gate_that_is_refused_while_it_waits_fails_at_once(airflow, folder, iyzico, fault):
    iyzico.balance = "0"
    run_id = airflow.trigger(GATE)
    until_deferred(airflow, folder, run_id)
    iyzico.fail(fault)
    try:
        assert finish(airflow, GATE, run_id) == "failed"
        assert airflow.task(GATE, run_id, "wait_for_money")["try_number"] == 1
        assert airflow.task(GATE, run_id, "pay")["state"] == "upstream_failed"
        snapshot = airflow.trigger(SNAPSHOT)
        assert finish(airflow, SNAPSHOT, snapshot) == "failed"
    finally:
        iyzico.heal()


def test_no_secret_is_in_any_log_row_xcom_or_trigger(airflow, folder, iyzico, database):
    """Runs last: everything above has been written by now. One more gate waits, so that there is a trigger's row to read."""
    iyzico.balance = "0"
    run_id = airflow.trigger(GATE)
    until_deferred(airflow, folder, run_id)
    rows, arguments = folder / "rows.txt", folder / "trigger.txt"
    write_out(database, rows)
    assert run_id in rows.read_text()
    arguments.write_text(the_trigger(airflow, database)[1])
    assert "iyzico_default" in arguments.read_text()
    assert len(secrets_of(iyzico)) > 50
    written = [folder / "home", folder / "processes", rows, arguments, *folder.glob("warehouse.db*")]
    assert "debug" in (folder / "processes" / "triggerer.log").read_text().lower()
    assert finds(iyzico, written) == []
    iyzico.balance = "8000.00"
    assert finish(airflow, GATE, run_id) == "success"
