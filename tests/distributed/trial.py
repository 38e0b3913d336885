"""A hundred payouts, gates and snapshots, while machines are killed, PostgreSQL crashes, and Celery delivers tasks twice."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest import mock

from deployment import SCHEDULERS, TRIGGERERS, WORKERS, Deployment
from journal import keep_journal
from payroll import PEOPLE
from postgres import Server, freezing_link, own_server
from redelivery import Redelivery, redis_server
from sandbox import airflow_environment, connection_of
from sqlalchemy import NullPool, create_engine, text
from sqlalchemy.engine import Engine, make_url
from stack import API
from support import POSTGRESQL

from airflow_provider_iyzico.ledger.accounts import Account
from airflow_provider_iyzico.ledger.ledger import Ledger
from airflow_provider_iyzico.ledger.placing import funds_version
from airflow_provider_iyzico.simulator import Simulator

DAGS = Path(__file__).parent / "dags"
#: TRIAL_PAYOUTS gives another number, 15 or more; the others follow it.
PAYOUTS = int(os.environ.get("TRIAL_PAYOUTS") or 100)
SNAPSHOT_RUNS = PAYOUTS // 2
#: How long a gate pauses between two polls, as the DAGs have it.
POLL_SECONDS = 10
#: What each plain gate waits for, and the balances that open them, one step after the other.
PLAIN = [Decimal("1000.01") * number for number in range(1, PAYOUTS // 5 + 1)]
STEPS = [PLAIN[len(PLAIN) * part // 3 - 1] + 1 for part in (1, 2, 3)]
COMMISSION = Decimal("2.50")
#: One item of every so many-th batch fails at the bank, and its money comes back.
RETURNED = 9
#: So many messages of each task are delivered twice, before there is money and again when there is some.
AGAIN = 3
#: A worker dies in the middle of this authorization, counted from the first.
FATAL_AUTHORIZATION = 5
PATIENCE_SECONDS = 600
ACCOUNTS = {"payouts": "AIRFLOW_CONN_IYZICO_DEFAULT", "treasury": "AIRFLOW_CONN_IYZICO_TREASURY"}


def items_of(number: int) -> dict[str, Decimal]:
    """Return the items of a payout and what each pays. No two payouts need the same."""
    amounts = [Decimal(100 + number) + Decimal("0.37"), Decimal(250) + Decimal(number) / 100]
    return {f"{number}-{place}": amount for place, amount in enumerate(amounts)}


def needed_by(number: int) -> Decimal:
    return sum((amount + COMMISSION for amount in items_of(number).values()), Decimal())


NEEDED = {f"payout-{number}": needed_by(number) for number in range(PAYOUTS)}
ALL_MONEY = sum(NEEDED.values(), Decimal())
FIRST_MONEY = (ALL_MONEY * 3 / 4).quantize(COMMISSION)


class Trial:
    """What was done, and what can be asked afterwards.

    :param links: by account and machine, the port over which that machine alone asks the simulator
    :ivar figures: for the table at the end
    """

    def __init__(
        self,
        folder: Path,
        airflow: Deployment,
        redelivery: Redelivery,
        server: Server,
        warehouse: Engine,
        simulators: dict[str, Simulator],
        links: dict[tuple[str, str], int],
    ) -> None:
        self.folder, self.airflow, self.redelivery, self.server, self.warehouse = folder, airflow, redelivery, server, warehouse
        self.simulators, self.links = simulators, links
        self.payouts, self.treasury = simulators["payouts"], simulators["treasury"]
        self.figures: dict[str, Any] = {}
        self.fallen: list[str] = []
        self._began = time.monotonic()

    def run(self) -> None:
        """Live through all of it."""
        self._began = time.monotonic()
        self.airflow.wait_until_ready("payout", "plain", "snapshot")
        self._note("seconds until Airflow was up", time.monotonic() - self._began)
        self._begin()
        self._wait_for_money()
        self._lose_a_triggerer()
        with self._losing_a_worker():
            self._pay_most()
        self._pay_the_rest()
        self._keep_the_last_balance()
        self._note("seconds in all", time.monotonic() - self._began)
        self._note("task executions", self._executions())
        self._note("tasks tried again", self.airflow.ask("SELECT sum(try_number - 1) FROM task_instance")[0][0])
        self._note("messages delivered twice", dict(self.redelivery.again))
        polls = sum(len(life) for account in ACCOUNTS for name in TRIGGERERS for life in self.polls(account, name))
        self._note("requests to iyzico", sum(len(each.seen) for each in self.simulators.values()))
        self._note("of them polls of the triggerers, for all gates", polls)
        self._note("revived by the service manager", dict(self.airflow.revived))

    def _begin(self) -> None:
        """Start all runs. A scheduler that has given tasks to Celery dies in between; it comes back when the other has gone on."""
        victim = SCHEDULERS[0]
        given = """
            SELECT 1 FROM task_instance JOIN job ON job.id = queued_by_job_id
            WHERE task_instance.state IN ('queued', 'running') AND job.hostname = :name"""
        self._start(range(PAYOUTS // 4))
        self._until("a scheduler has given tasks to Celery", lambda: self.airflow.ask(given, name=victim))
        self.airflow.kill(victim)
        done = self._executions()
        self._start(range(PAYOUTS // 4, PAYOUTS))
        for amount in PLAIN:
            self.airflow.trigger("plain", amount=str(amount))
        self._snapshots(SNAPSHOT_RUNS // 2)
        self._until("the other scheduler goes on", lambda: self._executions() >= done + 20)
        self.airflow.start(victim)

    def _start(self, numbers: range) -> None:
        for number in numbers:
            self.airflow.trigger("payout", number=number)

    def _wait_for_money(self) -> None:
        """Wait until every gate waits in a triggerer."""

        def all_wait() -> bool:
            tasks = self.airflow.tasks()
            return (tasks["gate", "deferred"], tasks["wait", "deferred"]) == (PAYOUTS, len(PLAIN))

        self._until("all gates wait", all_wait)
        self._note("gates that waited", PAYOUTS + len(PLAIN))

    def _lose_a_triggerer(self) -> None:
        """Kill the triggerer that has the most gates, and start it again when the other one has them."""
        self._until("every gate has a triggerer", lambda: self.airflow.triggers().keys() <= set(TRIGGERERS))
        (victim, count), *_ = self.airflow.triggers().most_common()
        (other,) = set(TRIGGERERS) - {victim}
        self.airflow.kill(victim)
        began = time.monotonic()
        self._until("its gates have moved", lambda: set(self.airflow.triggers()) == {other})
        self._note(f"seconds until {count} gates of a dead triggerer had moved", time.monotonic() - began)
        self.airflow.start(victim)

    @contextmanager
    def _losing_a_worker(self) -> Iterator[None]:
        """Kill a worker when its authorization has reached iyzico, which carries it out all the same."""
        world, seen_before = self.payouts.world, []
        remember = world.remember

        def remember_and_kill(seen: Any) -> None:
            remember(seen)
            if seen.call == "auth":
                seen_before.append(seen)
                if len(seen_before) == FATAL_AUTHORIZATION:
                    victim = self._machine_of(seen)
                    self.airflow.kill(victim)
                    self.fallen.append(victim)

        with mock.patch.object(world, "remember", remember_and_kill):
            yield

    def _pay_most(self) -> None:
        """Bring money for most of the payouts, and for the plain gates step by step. A worker dies, and the database crashes."""
        self.redelivery.renew()
        self._snapshots(SNAPSHOT_RUNS - SNAPSHOT_RUNS // 2)
        self.payouts.panel.top_up(str(FIRST_MONEY))
        self._until("a worker died in an authorization", lambda: self.fallen)
        self._step(STEPS[0])
        self.airflow.start(self.fallen[0])
        self._until("a third is authorized", lambda: len(self.authorizations()) >= PAYOUTS // 3)
        self.server.stop("immediate")
        self.server.start()
        self._step(STEPS[1])

        def are_short() -> bool:
            tasks = self.airflow.tasks()
            return tasks["pay", "success"] == tasks["gate", "success"] == PAYOUTS - tasks["gate", "deferred"] > 0

        self._until("the first money is paid out, and the other gates wait", are_short)
        self._note("payouts that the first money paid", len(self.authorizations()))

    def _pay_the_rest(self) -> None:
        """Bring more than enough money, and wait until every run has ended. A person decides where only a person may."""
        self.payouts.panel.top_up(str(ALL_MONEY))
        self._step(STEPS[2])
        permitted = 0
        while True:
            self._until("every run has ended", self._have_all_ended)
            unknown = self.kept("SELECT external_id, version, run_id FROM iyzico_payout WHERE state = 'auth_unknown'")
            if not unknown:
                break
            for external_id, version, run_id in unknown:
                assert external_id not in self.authorizations(), "the panel shows that it was authorized"
                permitted += 1
                self.airflow.permit(external_id, version, self.warehouse.url)
                clear = {"dry_run": False, "dag_run_id": run_id, "task_ids": ["pay"], "only_failed": True, "reset_dag_runs": True}
                self.airflow.call("POST", f"{API}/dags/payout/clearTaskInstances", clear)
        self._note("authorizations that a person had to permit", permitted)

    def _keep_the_last_balance(self) -> None:
        self._snapshots(1)
        self._until("the last balance is kept", self._have_all_ended)

    def _snapshots(self, runs: int) -> None:
        for _ in range(runs):
            self.airflow.trigger("snapshot")

    def _step(self, balance: Decimal) -> None:
        """Bring the plain gates' balance to a step, and wait until those that it covers have opened."""
        self.treasury.balance = str(balance)
        covered = sum(amount <= balance for amount in PLAIN)
        self._until(f"{covered} plain gates are open", lambda: self.airflow.tasks()["wait", "success"] >= covered)

    def _have_all_ended(self) -> bool:
        states = self.airflow.runs().values()
        return bool(states) and {"success", "failed"} >= set(states)

    def _until(self, what: str, is_so: Callable[[], Any]) -> None:
        self.airflow.wait_until(what, is_so, PATIENCE_SECONDS)
        print(f"{time.monotonic() - self._began:4.0f} s  {what}", flush=True)

    def _note(self, what: str, figure: object) -> None:
        self.figures[what] = round(figure) if isinstance(figure, float) else figure

    def _executions(self) -> int:
        """Return how often a task was begun or resumed on a worker."""
        return sum(count for (count,) in self.airflow.ask("SELECT count(*) FROM log WHERE event = 'running'"))

    def _machine_of(self, seen: Any) -> str:
        port = int(seen.headers["Host"].rpartition(":")[2])
        return next(machine for (_, machine), link in self.links.items() if link == port)

    def kept(self, query: str) -> list[Any]:
        """Ask the warehouse, which is also the ledger."""
        with self.warehouse.connect() as connection:
            return list(connection.execute(text(query)))

    def authorizations(self) -> list[str]:
        """Return the names of the batches that iyzico was told to pay, each as often as it was told."""
        return [str(effect.external_id) for effect in self.payouts.journal if effect.what == "auth"]

    def polls(self, account: str, triggerer: str) -> list[list[float]]:
        """Return when a triggerer asked for an account's balance: a list for each of its lives."""
        seen = [each for each in self.simulators[account].seen if each.call == "balance"]
        port = f":{self.links[account, triggerer]}"
        asked = [each.received_at for each in seen if each.headers["Host"].endswith(port)]
        begun = [*self.airflow.begun[triggerer], float("inf")]
        return [[at for at in asked if first <= at < then] for first, then in zip(begun, begun[1:], strict=False)]


@contextmanager
def deployed(folder: Path) -> Iterator[Trial]:
    """Start everything, and end everything. What is kept can be asked for as long as this lasts, and so can the simulators."""
    with ExitStack() as stack:
        server = stack.enter_context(own_server(is_durable=True, connections=300))
        broker = stack.enter_context(redis_server(folder))
        simulators = {account: stack.enter_context(Simulator("0", seed=1)) for account in ACCOUNTS}
        returned = {next(iter(items_of(number))): "returned" for number in range(0, PAYOUTS, RETURNED)}
        simulators["payouts"].set(commission=str(COMMISSION), auth_twice="pay_again", item_request_id="present", fates=returned)
        links = {
            (account, machine): stack.enter_context(freezing_link("127.0.0.1", simulator.port))[0]
            for account, simulator in simulators.items()
            for machine in (*TRIGGERERS, *WORKERS)
        }
        connections = {account: connection_of(simulators[account], account, timeout=15) for account in ACCOUNTS}
        of_machine: dict[str, dict[str, str]] = {}
        for (account, machine), port in links.items():
            own = json.dumps({**json.loads(connections[account]), "host": f"http://127.0.0.1:{port}"})
            of_machine.setdefault(machine, {})[ACCOUNTS[account]] = own
        url = make_url(server.url)
        admin = create_engine(url.set(drivername=POSTGRESQL), isolation_level="AUTOCOMMIT", poolclass=NullPool)
        with admin.connect() as connection:
            for name in ("airflow", "warehouse"):
                connection.execute(text(f"CREATE DATABASE {name}"))
        warehouse = create_engine(url.set(drivername=POSTGRESQL, database="warehouse"), poolclass=NullPool)
        _make_payroll(warehouse)
        funds_version(Ledger.open(warehouse), Account("sandbox", "payouts", "TRY"))  # makes the tables of the ledger
        keep_journal(warehouse)
        where = {"conn_type": "postgres", "host": url.host, "port": url.port, "login": url.username, "schema": "warehouse"}
        environment = airflow_environment(folder / "home", iyzico=connections["payouts"], warehouse=json.dumps(where), dags=DAGS)
        environment[ACCOUNTS["treasury"]] = connections["treasury"]
        airflow = Deployment(
            environment,
            folder / "processes",
            database=url.set(drivername="postgresql+psycopg2", database="airflow"),
            broker=broker,
            of_machine=of_machine,
        )
        trial = Trial(folder, airflow, Redelivery(broker, AGAIN), server, warehouse, simulators, links)
        with airflow, trial.redelivery:
            trial.run()
        yield trial


def _make_payroll(warehouse: Engine) -> None:
    """Write what each payout pays, and to whom. The recipients are nobody's."""
    people = list(PEOPLE.values())
    with warehouse.begin() as connection:
        connection.execute(
            text(
                "CREATE TABLE payroll (payout integer, item_external_id text, recipient_type text, recipient_info text, "
                "recipient_name text, amount numeric(12, 2), description text)"
            )
        )
        rows = [
            {"payout": number, "item": item, "type": kind, "info": info, "name": name, "amount": amount}
            for number in range(PAYOUTS)
            for (item, amount), (kind, info, name, _) in zip(items_of(number).items(), people, strict=False)
        ]
        connection.execute(text("INSERT INTO payroll VALUES (:payout, :item, :type, :info, :name, :amount, 'salary')"), rows)
