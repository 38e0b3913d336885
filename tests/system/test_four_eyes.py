"""Two people are asked by a real Airflow, answer over its REST API, and only then is anybody paid."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from decimal import Decimal

import pytest
from postgres import database_of_its_own
from sandbox import airflow_environment, connection_of
from sqlalchemy import create_engine
from stack import API, AirflowStack
from support import AIRFLOW_VERSION

from airflow_provider_iyzico.ledger.accounts import Account
from airflow_provider_iyzico.ledger.approvals import shown_digest, words_of
from airflow_provider_iyzico.ledger.batches import find
from airflow_provider_iyzico.ledger.ledger import Ledger
from airflow_provider_iyzico.simulator import Simulator

pytestmark = [
    pytest.mark.timeout(900),
    pytest.mark.skipif(AIRFLOW_VERSION < (3, 1), reason="Airflow asks people from 3.1 on"),
]
IBAN, NAME = "TR920086402100005482986178", "Ayşe Yılmaz"
#: Two questions, and one that nobody has long to answer. Retries are allowed, so that a task that used none fails by itself.
DAGS = f"""
from datetime import timedelta
import pendulum
from airflow.sdk import DAG
from airflow_provider_iyzico.operators.mass_payout import (
    MassPayoutApprovalOperator, MassPayoutAuthorizeOperator, MassPayoutInitOperator
)

def payments():
    return [
        {{"item_external_id": f"{{{{{{{{ params.batch }}}}}}}}-{{n}}", "recipient_type": "IBAN", "recipient_info": "{IBAN}",
          "recipient_name": "{NAME}", "amount": "100.50", "description": "salary"}}
        for n in range(2)
    ]

for dag_id, seconds in (("four_eyes", 600), ("hurried", 30)):
    with DAG(
        dag_id, schedule=None, start_date=pendulum.datetime(2026, 1, 1, tz="UTC"), params={{"batch": "none"}},
        default_args={{"retries": 2, "retry_delay": timedelta(seconds=1)}},
    ):
        BATCH = "{{{{ params.batch }}}}"
        start = MassPayoutInitOperator(task_id="start", external_id=BATCH, payments=payments(), purpose="SALARY")
        ask = MassPayoutApprovalOperator(task_id="ask", external_id=BATCH, response_timeout=timedelta(seconds=seconds))
        again = MassPayoutApprovalOperator(task_id="ask_again", external_id=BATCH)
        quick = {{"poll_interval": 1, "grace_seconds": 1}}
        pay = MassPayoutAuthorizeOperator(task_id="pay", external_id=BATCH, approvals=2, deferrable=True, **quick)
        start >> ask >> again >> pay
"""


@pytest.fixture(scope="module")
def bank():
    with Simulator("10000.00", seed=7) as simulator:
        simulator.set(commission="1.50")
        yield simulator


@pytest.fixture(scope="module")
def airflow(folder, bank, postgres_url):
    dags = folder / "dags"
    dags.mkdir()
    (dags / "four_eyes.py").write_text(DAGS)
    connection = connection_of(bank, "simulator", can_pay=True, currency="TRY", timeout=5)
    environment = airflow_environment(folder / "home", iyzico=connection, warehouse=folder / "warehouse.db", dags=dags)
    with database_of_its_own(postgres_url, "postgresql+psycopg2") as database:
        environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = database.url.render_as_string(hide_password=False)
        with AirflowStack(environment, folder / "processes", users=("cron", "fatma", "mehmet")) as stack:
            stack.wait_until_ready("four_eyes", "hurried")
            yield stack


@pytest.fixture
def ledger(folder):
    engine = create_engine(f"sqlite:///{folder}/warehouse.db")
    yield Ledger.open(engine)
    engine.dispose()


class Run:
    """One run of a DAG, and its batch."""

    def __init__(self, airflow, ledger, folder, batch, user, dag_id="four_eyes"):
        self.airflow, self.ledger, self.folder, self.name, self.dag_id = airflow, ledger, folder, batch, dag_id
        self.answers = Counter()
        self.run_id = airflow.trigger(dag_id, user=user, batch=batch)

    @property
    def batch(self):
        return find(self.ledger, Account("sandbox", "simulator", "TRY"), self.name)

    def until(self, task_id, *states):
        task = self.airflow.wait_until(
            f"{task_id} is {states}",
            lambda: (task := self.airflow.task(self.dag_id, self.run_id, task_id))["state"] in states and task,
        )
        return task["try_number"]

    def asked(self, task_id="ask"):
        """What Airflow shows to people, once it asks, and its scheduler has heard that the task waits.

        Airflow fails a task that goes on earlier; no person is so fast.
        """
        self.until(task_id, "awaiting_input", "deferred")
        log, parts = self.folder / "processes" / "scheduler.log", 2 * self.answers[task_id] + 1
        heard = re.compile(f"Received executor event with state .*'{task_id}'.*{self.run_id}")
        self.airflow.wait_until("the scheduler heard of it", lambda: len(heard.findall(log.read_text())) >= parts)
        return self.airflow.call("GET", self._detail(task_id))

    def answer(self, user, word="Approve", task_id="ask"):
        shown = self.asked(task_id)
        (option,) = [each for each in shown["options"] if each.startswith(word)]
        self.airflow.call("PATCH", self._detail(task_id), {"chosen_options": [option], "params_input": {}}, user)
        self.answers[task_id] += 1
        return option

    def clear(self, task_id="ask"):
        """Clear a task, once its run has ended: a scheduler that is about to end the run does not see a clear, and ends it."""
        self.airflow.wait_until("the run failed", lambda: self.airflow.run_state(self.dag_id, self.run_id) == "failed")
        body = {
            "task_ids": [task_id],
            "dag_run_id": self.run_id,
            "dry_run": False,
            "only_failed": False,
            "include_downstream": True,
        }
        self.airflow.call("POST", f"{API}/dags/{self.dag_id}/clearTaskInstances", body)

    def said(self):
        return [(word.person, word.person_id, why) for word, why in words_of(self.ledger, self.batch)]

    def log(self, task_id):
        try_number = self.airflow.task(self.dag_id, self.run_id, task_id)["try_number"]
        path = f"{API}/dags/{self.dag_id}/dagRuns/{self.run_id}/taskInstances/{task_id}/logs/{try_number}?full_content=true"
        return json.dumps(self.airflow.call("GET", path))

    def _detail(self, task_id):
        return f"{API}/dags/{self.dag_id}/dagRuns/{self.run_id}/taskInstances/{task_id}/-1/hitlDetails"


def test_two_people_see_what_they_approve_and_then_it_is_paid(airflow, ledger, folder):
    run = Run(airflow, ledger, folder, "salaries-1", "cron")
    shown = run.asked()
    digest = shown_digest(run.batch)
    assert shown["options"] == [f"Approve {digest}", f"Reject {digest}"]
    assert (shown["defaults"], shown["multiple"]) == (None, False)
    assert shown["subject"] == "Pay salaries-1: 201.00 TRY in 2 payments?"
    for line in (
        "- **items**: 2",
        "- **total**: 201.00 TRY",
        "- **commission**: 3.00 TRY",
        "- **required**: 204.00 TRY",
        "- **purpose**: SALARY",
        f"- **digest**: `{digest}`",
        "- **run triggered by**: `cron`, who may not approve it",
    ):
        assert line in shown["body"].splitlines()
    assert not any(secret in json.dumps(shown, ensure_ascii=False) for secret in (IBAN, IBAN[-4:], NAME, "Yılmaz"))
    run.answer("fatma")
    run.answer("mehmet", task_id="ask_again")
    run.until("pay", "deferred", "success")
    assert run.said() == [("fatma", "fatma", None), ("mehmet", "mehmet", None)]
    assert run.batch.state in ("authorized", "ended")
    assert airflow.xcom("four_eyes", run.run_id, "ask")["digest"] == digest


def test_neither_who_triggered_the_run_nor_the_same_person_twice_counts_and_a_cleared_task_asks_again(airflow, ledger, folder):
    run = Run(airflow, ledger, folder, "salaries-2", "fatma")
    run.answer("fatma")
    assert run.until("ask", "failed") == 1
    assert "LedgerApprovalError: fatma triggered the run" in run.log("ask")
    run.clear()
    run.answer("mehmet")
    run.until("ask", "success")
    run.answer("mehmet", task_id="ask_again")
    assert run.until("ask_again", "failed") == 1
    assert "LedgerApprovalError: mehmet has approved" in run.log("ask_again")
    run.clear("ask_again")
    run.answer("cron", task_id="ask_again")
    run.until("pay", "deferred", "success")
    assert [person for person, *_ in run.said()] == ["mehmet", "cron"]


def test_who_rejects_a_batch_stops_it(airflow, ledger, folder):
    run = Run(airflow, ledger, folder, "salaries-3", "cron")
    run.answer("mehmet", "Reject")
    assert run.until("ask", "failed") == 1
    assert "PayoutRejectedError: mehmet rejected batch" in run.log("ask")
    run.until("pay", "upstream_failed")
    assert run.said() == [("mehmet", "mehmet", "rejected it")]


def test_time_approves_nothing(airflow, ledger, folder):
    run = Run(airflow, ledger, folder, "salaries-4", "cron", "hurried")
    assert run.until("ask", "failed") == 1
    assert "LedgerApprovalError: nobody answered within response_timeout" in run.log("ask")
    assert run.said() == []


def test_an_answer_to_an_old_text_does_not_count_and_the_command_approves_instead(airflow, ledger, folder):
    run = Run(airflow, ledger, folder, "salaries-5", "cron")
    old = run.asked()["options"]
    payout = ledger.tables.payout
    dearer = {"commission": Decimal("5.00"), "required": Decimal("206.00")}
    ledger.act(lambda connection: connection.execute(payout.update().where(payout.c.external_id == run.name).values(dearer)))
    digest = shown_digest(run.batch)
    assert old[0] != f"Approve {digest}"
    run.answer("fatma")
    assert run.until("ask", "failed") == 1
    assert f"is {digest} now, and the answer names" in run.log("ask")
    run.clear()
    assert run.asked()["options"] == old  # Airflow keeps the text of a task that is cleared
    run.answer("fatma")
    run.until("ask", "failed")
    assert run.said() == []
    command = [sys.executable, "-m", "airflow_provider_iyzico.ledger", "approve", run.name, "--digest", digest]
    environment = {**os.environ, "IYZICO_WAREHOUSE_URL": f"sqlite:///{folder}/warehouse.db"}
    subprocess.run([*command, "--because", "the text was old", "--by", "fatma"], env=environment, check=True, timeout=120)
    assert run.said() == [("fatma", None, None)]
