"""The operator that asks a person, and the one that pays: what counts, against a real simulator and a real ledger.

Airflow's context and its answers are written by hand here; ``tests/system/test_four_eyes.py`` has them from a real Airflow.
"""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pendulum
import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, TaskDeferred
from batches import IBAN, NAME
from sqlalchemy import create_engine
from support import AIRFLOW_VERSION, connect

from airflow_provider_iyzico.domain.payout import State
from airflow_provider_iyzico.errors import IyzicoConfigurationError, LedgerApprovalError, LedgerBatchError, PayoutRejectedError
from airflow_provider_iyzico.ledger.accounts import Account
from airflow_provider_iyzico.ledger.approvals import shown_digest, words_of
from airflow_provider_iyzico.ledger.batches import find
from airflow_provider_iyzico.ledger.ledger import Ledger
from airflow_provider_iyzico.operators.mass_payout import (
    MassPayoutApprovalOperator,
    MassPayoutAuthorizeOperator,
    MassPayoutInitOperator,
)
from airflow_provider_iyzico.simulator import Simulator

BATCH = "salaries-2026-11"
ASKS = AIRFLOW_VERSION >= (3, 1)
asks = pytest.mark.skipif(not ASKS, reason="Airflow asks people from 3.1 on")
pytestmark = pytest.mark.usefixtures("airflow_database")


def context(task_id="ask", run_id="scheduled__1", by=None, try_number=1):
    ti = SimpleNamespace(dag_id="salaries", task_id=task_id, run_id=run_id, map_index=-1, try_number=try_number)
    nothing = {"logical_date": None, "data_interval_start": None, "data_interval_end": None}
    return {"ti": ti, "dag_run": SimpleNamespace(**nothing, triggering_user_name=by), "outlet_events": {}}


class Payout:
    """A batch at iyzico, and the tasks that deal with it."""

    def __init__(self, bank, path):
        self.bank, self.ledger = bank, Ledger.open(create_engine(f"sqlite:///{path}"))

    def start(self, **run):
        item = {"recipient_type": "IBAN", "recipient_info": IBAN, "recipient_name": NAME, "description": "salary"}
        payments = [{**item, "item_external_id": f"item-{n}", "amount": "100.50"} for n in range(2)]
        task = MassPayoutInitOperator(task_id="start", external_id=BATCH, payments=payments, purpose="SALARY")
        return task.execute(context("start", **run))

    @property
    def batch(self):
        return find(self.ledger, Account("sandbox", "simulator", "TRY"), BATCH)

    @property
    def shown(self):
        return shown_digest(self.batch)

    def answer(self, option=None, name="fatma", *, age=timedelta(0), event=None, max_age=3600, **run):
        """What becomes of the task when a person has answered."""
        given = {
            "chosen_options": [option or f"Approve {self.shown}"],
            "params_input": {},
            "responded_at": datetime.now(UTC) - age,
            "responded_by_user": name and {"id": f"id of {name}", "name": name},
            "timedout": name is None,
        }
        task = MassPayoutApprovalOperator(task_id=run.get("task_id", "ask"), external_id=BATCH, max_age=max_age)
        return task.execute_complete(context(**run), event=event or given)

    def pay(self, approvals, **run):
        task = MassPayoutAuthorizeOperator(
            task_id="pay", external_id=BATCH, approvals=approvals, deferrable=True, grace_seconds=0
        )
        return task.execute(context("pay", **run))


@pytest.fixture
def payout(monkeypatch, tmp_path, sqlite_warehouse):
    with Simulator("1000.00", seed=7) as bank:
        bank.set(clock="stepped", commission="1.50")
        connect(monkeypatch, bank, can_pay=True, currency="TRY")
        payout = Payout(bank, sqlite_warehouse)
        payout.start()
        yield payout
        payout.ledger.engine.dispose()


def fails(kind, act, match):
    """The task fails without retries, for a reason that has a type."""
    with pytest.raises(AirflowFailException, match=match) as told:
        act()
    assert type(told.value.__cause__) is kind
    return told.value


@asks
def test_what_one_person_approved_is_paid(payout):
    told = payout.answer()
    assert (told["digest"], told["total"], told["required"], told["state"]) == (payout.shown, "201.00", "204.00", "initiated")
    with pytest.raises(TaskDeferred):
        payout.pay(1)
    assert payout.batch.state is State.AUTHORIZED


@asks
@pytest.mark.parametrize("zone", ["UTC", "Europe/Istanbul", None])
def test_an_answer_counts_whose_moment_is_that_of_pendulum(payout, zone):
    """As Airflow 3.1 gives it: it loses a time zone that is not pendulum's own as soon as something is added to it."""
    at = pendulum.now("UTC").naive() if zone is None else pendulum.now(zone)
    given = {"chosen_options": [f"Approve {payout.shown}"], "responded_at": at, "responded_by_user": {"id": "7", "name": "fatma"}}
    assert payout.answer(event=given)["digest"] == payout.shown


@asks
def test_what_two_people_approved_is_paid(payout):
    payout.answer()
    fails(LedgerApprovalError, lambda: payout.pay(2), "lacks 1 of 2 approvals, and nothing was sent")
    payout.answer(name="mehmet", task_id="ask_again")
    with pytest.raises(TaskDeferred):
        payout.pay(2)
    assert payout.batch.state is State.AUTHORIZED


def test_what_nobody_approved_is_not_paid_and_sets_no_money_aside(payout):
    fails(LedgerApprovalError, lambda: payout.pay(1), f"ledger approve {BATCH} --digest {payout.shown} --because")
    assert payout.batch.state is State.INITIATED
    assert (
        payout.ledger.act(lambda connection: connection.exec_driver_sql("SELECT count(*) FROM iyzico_balance_hold").scalar()) == 0
    )
    assert [seen for seen in payout.bank.seen if "auth" in seen.path] == []


def test_an_approval_by_hand_is_taken_on_every_airflow(payout, monkeypatch):
    url = payout.ledger.engine.url.render_as_string(hide_password=False)
    command = [sys.executable, "-m", "airflow_provider_iyzico.ledger", "approve", BATCH, "--digest", payout.shown]
    monkeypatch.setenv("IYZICO_WAREHOUSE_URL", url)
    ended = subprocess.run([*command, "--because", "as agreed", "--by", "fatma"], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert f"is approved by fatma as {payout.shown}" in ended.stdout
    with pytest.raises(TaskDeferred):
        payout.pay(1)
    assert payout.batch.state is State.AUTHORIZED


@asks
def test_a_rejection_fails_the_task_and_stays_in_the_ledger(payout):
    payout.answer(name="mehmet")
    fails(PayoutRejectedError, lambda: payout.answer(f"Reject {payout.shown}"), "fatma rejected batch .*, so it is not paid")
    fails(LedgerApprovalError, lambda: payout.pay(0), "fatma rejected batch")
    assert payout.batch.state is State.INITIATED


@asks
@pytest.mark.parametrize("event", [None, {"error": "The timeout has passed", "error_type": "timeout"}], ids=["default", "none"])
def test_an_answer_by_nobody_does_not_count(payout, event):
    fails(LedgerApprovalError, lambda: payout.answer(name=None, event=event), "names no user|nobody")
    assert words_of(payout.ledger, payout.batch) == []


@asks
@pytest.mark.parametrize("by", ["fatma", "FATMA", "id of fatma"])
def test_an_answer_of_who_triggered_the_run_does_not_count(payout, by):
    fails(LedgerApprovalError, lambda: payout.answer(by=by), "fatma triggered the run")
    assert words_of(payout.ledger, payout.batch) == []


@asks
def test_who_triggered_the_run_that_began_the_batch_approves_it_in_no_run(monkeypatch, sqlite_warehouse):
    with Simulator("1000.00", seed=7) as bank:
        bank.set(clock="stepped", commission="1.50")
        connect(monkeypatch, bank, can_pay=True, currency="TRY")
        payout = Payout(bank, sqlite_warehouse)
        payout.start(by="fatma")
        fails(LedgerApprovalError, lambda: payout.answer(run_id="scheduled__2"), "fatma triggered the run")
        payout.answer(name="mehmet", run_id="scheduled__2")
        fails(LedgerApprovalError, lambda: payout.pay(1, by="mehmet", run_id="manual__3"), "mehmet triggered the run")
        payout.ledger.engine.dispose()


@asks
def test_a_second_answer_of_the_same_person_does_not_count(payout):
    payout.answer()
    fails(LedgerApprovalError, lambda: payout.answer(task_id="ask_again"), "fatma has approved .* already")


@asks
def test_an_answer_that_a_killed_task_had_kept_is_kept_once(payout):
    payout.answer()
    assert payout.answer(try_number=2)["digest"] == payout.shown
    assert MassPayoutApprovalOperator(task_id="ask", external_id=BATCH).execute(context())["digest"] == payout.shown
    assert [word.person for word, _ in words_of(payout.ledger, payout.batch)] == ["fatma"]


@asks
@pytest.mark.parametrize("option", ["Approve 000000", "Reject 000000", "Approve ", "Approve", "Reject"])
def test_an_answer_about_another_digest_does_not_count(payout, option):
    fails(LedgerApprovalError, lambda: payout.answer(option), f"is {payout.shown} now, and the answer names")


@asks
@pytest.mark.parametrize("option", ["Yes", "approve 3fa9c1", ""])
def test_what_was_no_option_does_not_count(payout, option):
    event = {"chosen_options": [option], "responded_at": datetime.now(UTC), "responded_by_user": {"id": "7", "name": "fatma"}}
    fails(LedgerApprovalError, lambda: payout.answer(event=event), "is neither approve nor reject")


@asks
def test_an_answer_older_than_max_age_does_not_count(payout):
    fails(LedgerApprovalError, lambda: payout.answer(age=timedelta(hours=1), max_age=3600), "longer ago than max_age")
    payout.answer(age=timedelta(minutes=50), max_age=timedelta(hours=1))


@asks
def test_a_batch_that_is_not_initiated_is_not_asked_about(payout):
    fails(LedgerBatchError, lambda: ask("unknown"), "the ledger has no batch 'unknown'")
    payout.answer()
    with pytest.raises(TaskDeferred):
        payout.pay(1)
    assert ask(BATCH)["state"] == "authorized"


def ask(external_id):
    return MassPayoutApprovalOperator(task_id="ask", external_id=external_id).execute(context())


@asks
@pytest.mark.parametrize("max_age", [0, -1, True, timedelta(0), timedelta(days=367), "1d", None, 1e15, float("nan"), [1]])
def test_a_max_age_that_is_none_is_refused_when_the_dag_is_parsed(max_age):
    with pytest.raises(IyzicoConfigurationError, match="max_age"):
        MassPayoutApprovalOperator(task_id="ask", external_id=BATCH, max_age=max_age)


@asks
@pytest.mark.parametrize(
    "users", [{"id": "7", "name": "fatma"}, [{"id": "7", "name": "fatma"}, {"id": "8", "name": "ali"}], None]
)
def test_people_may_be_named_who_answer(users):
    assert MassPayoutApprovalOperator(task_id="ask", external_id=BATCH, assigned_users=users)


@asks
@pytest.mark.parametrize(
    ("users", "is_mapped"),
    [
        ([], False),
        ((), False),
        ([], True),
        (None, True),
        (["fatma"], False),
        ("fatma", True),
        ([{"id": 7, "name": "fatma"}], False),
    ],
)
def test_a_list_that_names_nobody_does_not_let_everybody_answer(payout, users, is_mapped):
    payout.start()
    given = {"external_id": BATCH, "assigned_users": users, "_airflow_from_mapped": is_mapped}
    with pytest.raises(AirflowFailException if is_mapped else IyzicoConfigurationError, match="would let everybody answer"):
        MassPayoutApprovalOperator(task_id="ask", **given).execute(context())


@pytest.mark.parametrize("response_timeout", [60, "1h", timedelta(0), timedelta(days=-1)])
def test_a_response_timeout_that_is_none_is_refused_when_the_dag_is_parsed(response_timeout):
    with pytest.raises(IyzicoConfigurationError, match="response_timeout is .*give a timedelta"):
        MassPayoutApprovalOperator(task_id="ask", external_id=BATCH, response_timeout=response_timeout)


@asks
@pytest.mark.parametrize("given", ["defaults", "options", "multiple", "subject", "body"])
def test_what_airflow_would_ask_or_answer_by_itself_cannot_be_given(given):
    with pytest.raises(TypeError, match=given):
        MassPayoutApprovalOperator(task_id="ask", external_id=BATCH, **{given: ["Approve"]})


@asks
def test_a_dag_may_have_params_and_defaults_for_its_tasks():
    from airflow.sdk import DAG

    with DAG("salaries", schedule=None, params={"month": "2026-11"}, default_args={"defaults": ["Approve"], "retries": 3}):
        task = MassPayoutApprovalOperator(task_id="ask", external_id="salaries-{{ params.month }}")
    assert (task.defaults, task.options) == (None, ["Approve", "Reject"])


@pytest.mark.parametrize("approvals", [3, -1, True, "1", None])
def test_nobody_can_ask_for_another_number_of_approvals(approvals):
    with pytest.raises(IyzicoConfigurationError, match="approvals is .*; use one of 0, 1, 2"):
        MassPayoutAuthorizeOperator(task_id="pay", external_id=BATCH, approvals=approvals)


@pytest.mark.skipif(ASKS, reason="this Airflow asks people")
def test_an_older_airflow_says_what_to_do_instead():
    with pytest.raises(IyzicoConfigurationError, match="from version 3.1 on.*airflow_provider_iyzico.ledger approve"):
        MassPayoutApprovalOperator(task_id="ask", external_id=BATCH)
