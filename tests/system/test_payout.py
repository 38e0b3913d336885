"""A whole payout through the real processes: three people are paid, one payment comes back, and the ledger balances.

Airflow's own database is a PostgreSQL. Nothing of a recipient is in it, in any log, or in the ledger.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from decimal import Decimal

import pytest
from payroll import MONTHS, PEOPLE, make_payroll
from sandbox import ROOT, airflow_environment, for_this_airflow
from secrets_search import finds, finds_personal, personal_forms
from sqlalchemy import inspect, text
from stack import AirflowStack

from airflow_provider_iyzico.simulator import Simulator

PAYOUT, DAILY = "iyzico_payout", "iyzico_payout_reconcile"
#: The example with tasks that poll more often; nothing else differs.
QUICK = (
    ("deferrable=True, timeout=6 * 60 * 60", "deferrable=True, timeout=600, poke_interval=10"),
    ('task_id="pay", ', 'task_id="pay", poll_interval=2, grace_seconds=5, settling_seconds=2, timeout=600, '),
    ('task_id="reconcile"', 'task_id="reconcile", settling_seconds=2'),
)
RECIPIENTS = [(info, name) for _, info, name, _ in PEOPLE.values()]

pytestmark = pytest.mark.timeout(1500)


@pytest.fixture(scope="module")
def iyzico():
    with Simulator("10000.00") as simulator:
        simulator.set(commission="2.50", durations={"SUCCESS": 30.0, "FAILED": 20.0})
        yield simulator


@pytest.fixture(scope="module")
def airflow(folder, iyzico, database):
    dags = folder / "dags"
    dags.mkdir()
    source = for_this_airflow((ROOT / "dags" / "iyzico_payout.py").read_text())
    for before, after in QUICK:
        assert before in source
        source = source.replace(before, after)
    (dags / "iyzico_payout.py").write_text(source)
    connection = json.loads(iyzico.connection)
    connection["extra"]["timeout"] = 30
    environment = airflow_environment(
        folder / "home", iyzico=json.dumps(connection), warehouse=folder / "warehouse.db", dags=dags
    )
    (folder / "hr").mkdir()
    environment["AIRFLOW_CONN_HR"] = make_payroll(folder / "hr" / "payroll.db")
    environment["AIRFLOW__LOGGING__LOGGING_LEVEL"] = "DEBUG"
    environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = database.url.render_as_string(hide_password=False)
    with AirflowStack(environment, folder / "processes") as stack:
        stack.wait_until_ready(PAYOUT, DAILY)
        yield stack


def finish(airflow, dag_id, run_id):
    def state():
        ended = airflow.run_state(dag_id, run_id)
        return ended if ended in ("success", "failed") else None

    ended = airflow.wait_until(f"{dag_id} ends", state, 600)
    if ended == "failed":
        print(airflow.complaints(run_id))
    return ended


def task_log(folder, run_id, task_id):
    paths = (folder / "home" / "logs" / f"dag_id={PAYOUT}" / f"run_id={run_id}" / f"task_id={task_id}").rglob("*.log*")
    return "".join(path.read_text() for path in sorted(paths) if path.is_file())


def kept(folder, query, *values):
    with closing(sqlite3.connect(folder / "warehouse.db")) as connection:
        return connection.execute(query, values).fetchall()


def effects(iyzico, what):
    return sum(effect.what == what for effect in iyzico.journal)


def test_three_people_are_paid_one_payment_comes_back_and_the_task_says_so(airflow, folder, iyzico):
    month = MONTHS[0]
    iyzico.set(fates={f"veli-{month}": "returned"})
    before = Decimal(iyzico.balance)
    run_id = airflow.trigger(PAYOUT, month=month)
    airflow.wait_until(
        "the batch is followed in the triggerer", lambda: airflow.task(PAYOUT, run_id, "pay")["state"] == "deferred", 600
    )
    assert finish(airflow, PAYOUT, run_id) == "failed"
    states = {task: airflow.task(PAYOUT, run_id, task) for task in ("start", "wait_for_money", "pay")}
    assert {task: told["state"] for task, told in states.items()} == {
        "start": "success",
        "wait_for_money": "success",
        "pay": "failed",
    }
    assert states["pay"]["try_number"] == 1, "a retry would not help, so there was none"
    said = f"'veli-{month}' (DEPOSIT_SUCCESS); returned 980.50, outstanding 0.00 TRY"
    assert said in task_log(folder, run_id, "pay")
    assert airflow.xcom(PAYOUT, run_id, "start")["required"] == "4507.50"
    items = kept(folder, "SELECT status, amount, commission FROM iyzico_payout_item WHERE external_id = ?", f"salaries-{month}")
    assert sorted(status for status, _, _ in items) == ["DEPOSIT_SUCCESS", "SUCCESS", "SUCCESS"]
    paid = sum(Decimal(str(amount)) + Decimal(str(cost)) for status, amount, cost in items if status == "SUCCESS")
    assert before - Decimal(iyzico.balance) == paid == Decimal("3524.50")
    assert kept(folder, "SELECT state FROM iyzico_payout WHERE external_id = ?", f"salaries-{month}") == [("ended",)]
    assert kept(folder, "SELECT sum(counted) FROM iyzico_balance_hold") == [(0,)]
    assert (effects(iyzico, "init"), effects(iyzico, "auth")) == (1, 1)


def test_a_payout_survives_the_end_of_its_triggerer(airflow, folder, iyzico):
    month = MONTHS[1]
    iyzico.set(fates={})
    run_id = airflow.trigger(PAYOUT, month=month)
    airflow.wait_until("it is followed", lambda: airflow.task(PAYOUT, run_id, "pay")["state"] == "deferred", 600)
    airflow.stop("triggerer")
    airflow.wait_until("everybody is paid", lambda: effects(iyzico, "paid") == 5)
    airflow.start("triggerer")
    assert finish(airflow, PAYOUT, run_id) == "success"
    told = airflow.xcom(PAYOUT, run_id, "pay")
    assert (told["state"], told["paid_items"], told["paid_total"]) == ("ended", 3, "4500.00")
    assert effects(iyzico, "auth") == 2


def test_the_same_month_again_pays_nobody_and_is_not_green(airflow, iyzico):
    run_id = airflow.trigger(PAYOUT, month=MONTHS[1])
    assert finish(airflow, PAYOUT, run_id) == "failed"
    assert airflow.task(PAYOUT, run_id, "pay")["state"] == "upstream_failed"
    assert effects(iyzico, "auth") == 2


def test_the_reconciliation_reads_both_and_needs_nobody(airflow):
    run_id = airflow.trigger(DAILY)
    assert finish(airflow, DAILY, run_id) == "success"
    told = airflow.xcom(DAILY, run_id, "reconcile")
    assert (told["read"], told["needs_person"]) == (2, 0)


def test_nothing_of_a_recipient_and_no_key_is_in_any_log_row_xcom_or_table(airflow, folder, iyzico, database):
    """Runs last: everything above has been written by now."""
    rows = folder / "rows.txt"
    with database.connect() as connection, rows.open("w") as output:
        for table in inspect(database).get_table_names():
            found = connection.execute(text(f'SELECT CAST(each AS text) FROM "{table}" AS each')).scalars().all()
            output.writelines(f"{table} {row}\n" for row in found)
    assert "salaries-2026-11" in rows.read_text()
    written = [folder / "home", folder / "processes", rows, *folder.glob("warehouse.db*")]
    assert "salaries-2026-11" in (folder / "processes" / "triggerer.log").read_text() + rows.read_text()
    assert finds_personal(RECIPIENTS, written) == []
    assert finds(iyzico, written) == []
    payroll = folder / "hr" / "payroll.db"
    for info, name in RECIPIENTS:
        assert any(form in payroll.read_bytes() for form in personal_forms(info, name)), "the search finds what is there"
