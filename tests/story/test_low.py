"""The examples that tell finance when money runs low, run by Airflow; ``unit/triggers`` has the watcher of the first."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from sandbox import IS_AIRFLOW_2, ROOT
from sqlalchemy import create_engine

from airflow_provider_iyzico.ledger.accounts import Account
from airflow_provider_iyzico.ledger.ledger import Ledger
from airflow_provider_iyzico.ledger.placing import Asked, Wanted, place
from airflow_provider_iyzico.ledger.who import Who

try:
    from airflow.sdk import BaseNotifier
except ImportError:
    from airflow.notifications.basenotifier import BaseNotifier

needs_watchers = pytest.mark.skipif(IS_AIRFLOW_2, reason="Airflow 2 has no watchers")


class Notifier(BaseNotifier):
    """Any notifier: what it sends is a template to Airflow."""

    template_fields = ("text",)
    sent = ()

    def __init__(self, text):
        super().__init__()
        self.text = text

    def notify(self, context):
        assert context["ti"].task_id == "tell"
        type(self).sent = (*self.sent, self.text)


@pytest.fixture
def dag(dags, monkeypatch):
    return with_notifier(dags["iyzico_balance_low"], monkeypatch)


def with_notifier(dag, monkeypatch):
    for task in dag.tasks:
        task.retries = 0
    monkeypatch.setattr(Notifier, "sent", ())
    its_file = dag.get_task("tell").python_callable.__globals__
    monkeypatch.setitem(its_file, "send", lambda message, context: Notifier(text=str(message)).notify(context))
    return dag


def states(run):
    return {task.task_id: str(task.state) for task in run.get_task_instances()}


def set_aside(path, amount):
    engine = create_engine(f"sqlite:///{path}")
    asked = Asked(Decimal(60000), datetime.now(UTC), 0)
    wanted = Wanted("salaries-2026-11", batch_total=Decimal(amount))
    place(Ledger.open(engine), Account("sandbox", "simulator", "TRY"), wanted, asked, Who(person="test"))
    engine.dispose()


@needs_watchers
def test_any_notifier_sends_what_is_left_and_what_is_set_aside(dag, iyzico, sqlite_warehouse):
    set_aside(sqlite_warehouse, "4530.00")
    iyzico.balance = "49999.99"
    assert set(states(dag.test()).values()) == {"success"}
    ((title, *lines),) = [sent.splitlines() for sent in Notifier.sent]
    assert title == "Bakiye eşiğin altında: simulator"
    assert lines[:4] == [
        "Bakiye: 49.999,99 TL",
        "Bloke: 4.530,00 TL",
        "Kullanılabilir bakiye: 45.469,99 TL",
        "Eşik: 50.000,00 TL",
    ]


@needs_watchers
def test_it_is_quiet_if_the_money_is_there_again(dag, iyzico, sqlite_warehouse):
    set_aside(sqlite_warehouse, "1.00")
    iyzico.balance = "50001.00"
    assert set(states(dag.test()).values()) == {"success"}
    assert Notifier.sent == ()


@needs_watchers
def test_finance_learns_the_balance_even_if_there_is_no_ledger(dag, iyzico, sqlite_warehouse):
    iyzico.balance = "1.00"
    assert states(dag.test()) == {"now": "success", "held": "failed", "tell": "success"}
    assert "Bakiye: 1,00 TL\nEşik: 50.000,00 TL" in Notifier.sent[0]
    assert "Kullanılabilir" not in Notifier.sent[0]


def test_it_is_told_once_each_time_that_what_is_available_falls(dags, monkeypatch, iyzico, sqlite_warehouse):
    dag = with_notifier(dags["iyzico_available_low"], monkeypatch)
    set_aside(sqlite_warehouse, "8000.00")

    def told(balance):
        iyzico.balance, before = balance, len(Notifier.sent)
        assert set(states(dag.test()).values()) == {"success"}
        return [sent.splitlines()[:4] for sent in Notifier.sent[before:]]

    fell = [
        "Kullanılabilir bakiye eşiğin altında: simulator",
        "Bakiye: 57.999,99 TL",
        "Bloke: 8.000,00 TL",
        "Kullanılabilir bakiye: 49.999,99 TL",
    ]
    assert [told(balance) for balance in ("58000.00", "57999.99", "57000.00")] == [[], [fell], []]
    assert [told(balance) for balance in ("58000.00", "57999.99")] == [[], [fell]]


def test_what_could_not_be_sent_is_told_by_the_next_run(dags, monkeypatch, iyzico, sqlite_warehouse):
    dag = with_notifier(dags["iyzico_available_low"], monkeypatch)
    set_aside(sqlite_warehouse, "1.00")
    iyzico.balance = "50001.00"
    assert states(dag.test())["tell"] == "success"  # enough, whatever an earlier test has found
    iyzico.balance = "50000.00"
    with monkeypatch.context() as broken:
        broken.setattr(Notifier, "notify", lambda *_: 1 / 0)
        assert states(dag.test())["tell"] == "failed"
    assert states(dag.test())["tell"] == "success"
    assert len(Notifier.sent) == 1


@pytest.mark.parametrize("name", ["iyzico_balance_low", "iyzico_available_low"])
def test_the_example_is_short_enough_to_be_read(name):
    assert len((ROOT / "dags" / f"{name}.py").read_text(encoding="utf-8").splitlines()) <= 48
