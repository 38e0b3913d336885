"""Two months of one account whose balances and payouts agree, made by the ledger's own functions: for the pictures of the docs.

Nearly all is paid. One payment came back, one is on its way back, and a batch holds money and waits for its hour.
"""

from __future__ import annotations

import random
import sys
from dataclasses import replace
from datetime import datetime, time, timedelta
from decimal import Decimal
from pathlib import Path

sys.path.append(str(Path(__file__).parent.parent / "tests"))

from batches import Walk, batch_of_two, of_items, task
from history import ISTANBUL
from sqlalchemy import insert
from sqlalchemy.engine import Engine

from airflow_provider_iyzico.domain.payout import State
from airflow_provider_iyzico.ledger.accounts import Account
from airflow_provider_iyzico.ledger.approvals import approve, shown_digest
from airflow_provider_iyzico.ledger.ledger import Ledger
from airflow_provider_iyzico.ledger.placing import Asked, Wanted, funds_version, place
from airflow_provider_iyzico.ledger.steps import send
from airflow_provider_iyzico.ledger.who import Who
from airflow_provider_iyzico.warehouse.rollup.rebuild import rebuild
from airflow_provider_iyzico.warehouse.snapshot import Observation, snapshot_row
from airflow_provider_iyzico.warehouse.tables import report_tables, snapshot_table
from airflow_provider_iyzico.warehouse.task import TaskInstance

ACCOUNT = Account("production", "suppliers", "TRY")
EVERY = timedelta(minutes=30)
COMMISSION = Decimal("1.50")


def tell(engine: Engine, until: datetime, seed: int = 13) -> None:
    """Write the story that ends at ``until``; the warehouse's tables are there already."""
    story = _Story(engine, until, random.Random(seed))
    story.tell()
    key = {"environment": ACCOUNT.environment, "account": ACCOUNT.account, "currency": ACCOUNT.currency}
    stated = {**key, "valid_from": story.begins_at, "threshold": Decimal(150_000), "cadence_minutes": 30}
    with engine.begin() as connection:
        connection.execute(insert(snapshot_table()), story.snapshots)
        connection.execute(insert(report_tables().threshold), [stated])
        rebuild(connection)


class _Story:
    def __init__(self, engine: Engine, until: datetime, dice: random.Random) -> None:
        self.until, self.dice, self.now = until, dice, until
        first = until.astimezone(ISTANBUL).date().replace(day=1)
        self.begins_at = datetime.combine((first - timedelta(1)).replace(day=1), time(0, 10), ISTANBUL)
        self.ledger = replace(Ledger.open(engine), clock=lambda _connection: self.now)
        self.balance, self.snapshots = Decimal(420_000), []
        self.late: list[tuple[datetime, Walk, dict[str, str]]] = []

    def tell(self) -> None:
        moment = self.begins_at
        while moment < self.until:
            self.now = moment
            local = moment.astimezone(ISTANBUL)
            if local.time().replace(second=0) == time(9, 40) and self.balance < 260_000:
                self.balance += self.dice.randrange(250, 420) * 1000
            if local.weekday() in (0, 3) and local.time() == time(10, 10):
                self.pay(local, is_last=moment > self.until - timedelta(days=4))
            for each in [each for each in self.late if each[0] <= moment]:
                self.late.remove(each)
                self.come_back(*each[1:])
            self.now = moment + timedelta(seconds=50)
            self.look()
            moment += EVERY

    def pay(self, local: datetime, *, is_last: bool) -> None:
        name = f"suppliers-{local:%Y-%m-%d}"
        amounts = [f"{self.dice.randrange(700_000, 2_600_000) / 100:.2f}" for _ in range(self.dice.randint(4, 8))]
        walk = Walk(self.ledger, ACCOUNT, batch_of_two(name, *amounts))
        walk.to(State.INIT_SENT, State.INITIATED)
        person = Who(person="fatma")
        walk.batch = approve(self.ledger, walk.batch, person, digest=shown_digest(walk.batch), max_age=timedelta(days=3))
        self.now += timedelta(seconds=5)
        place(self.ledger, ACCOUNT, Wanted(name), self.asked(), task(name, task_id="gate"))
        if is_last:
            return
        walk.batch = send(self.ledger, walk.batch, State.AUTH_SENT, task(name), timeout_seconds=30, asked=self.asked())
        walk.to(State.AUTHORIZED)
        self.balance -= walk.sent.total + COMMISSION * len(walk.sent.items)
        self.now += timedelta(seconds=20)
        statuses = ["SUCCESS"] * len(amounts)
        days = (self.until - self.now).days
        if 4 <= days <= 7 or 11 <= days <= 14:
            statuses[1] = "FAILED"
        walk.read("COMPLETED", of_items(statuses))
        if days >= 11 and "FAILED" in statuses:
            statuses[1] = "DEPOSIT_SUCCESS"
            self.late.append((self.now + timedelta(days=1, hours=2), walk, of_items(statuses)))

    def come_back(self, walk: Walk, statuses: dict[str, str]) -> None:
        self.balance += walk.sent.items[1].amount + COMMISSION
        walk.read("COMPLETED", statuses)

    def asked(self) -> Asked:
        return Asked(self.balance, self.now, funds_version(self.ledger, ACCOUNT))

    def look(self) -> None:
        seen = Observation(
            account=ACCOUNT.account,
            environment=ACCOUNT.environment,
            currency=ACCOUNT.currency,
            balance=self.balance,
            balance_raw=str(self.balance),
            observed_at=self.now,
            system_time=None,
            latency_ms=self.dice.randrange(90, 400),
            report_timezone="Europe/Istanbul",
        )
        run = TaskInstance(
            "iyzico_balance_snapshot", "snapshot", f"scheduled__{self.now:%Y-%m-%dT%H:%M}", -1, 1, None, None, None
        )
        self.snapshots.append(snapshot_row(seen, run))
