"""A year of a company's balances, as its warehouse would hold them: salaries, daily payouts, top-ups, weekends, and an outage."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import NAMESPACE_URL, uuid5
from zoneinfo import ZoneInfo

from sqlalchemy import insert
from sqlalchemy.engine import Engine

from airflow_provider_iyzico import __version__
from airflow_provider_iyzico.warehouse.append import append
from airflow_provider_iyzico.warehouse.rollup.rebuild import rebuild
from airflow_provider_iyzico.warehouse.snapshot import Observation, snapshot_row
from airflow_provider_iyzico.warehouse.tables import report_tables, snapshot_table
from airflow_provider_iyzico.warehouse.task import TaskInstance

ISTANBUL = ZoneInfo("Europe/Istanbul")
EVERY = timedelta(minutes=15)
PATIENCE = timedelta(hours=6)


class Account(NamedTuple):
    """One account: how much comes in at a time, what finance wants to be warned about, and how many days it has been there."""

    account: str
    environment: str
    currency: str
    top_up: Decimal
    threshold: Decimal | None
    days: int = 366

    @property
    def key(self) -> dict[str, str]:
        return {"environment": self.environment, "account": self.account, "currency": self.currency}


ACCOUNTS = (
    Account("payroll", "production", "TRY", Decimal(4_000_000), Decimal(500_000)),
    Account("marketplace", "production", "TRY", Decimal(900_000), Decimal(150_000)),
    Account("marketplace", "production", "EUR", Decimal(60_000), None),
    Account("payroll", "sandbox", "TRY", Decimal(10_000), None, days=20),
)


def fill(engine: Engine, until: datetime, seed: int = 34) -> None:
    """Write a history that ends just before ``until``, with its gates and thresholds."""
    snapshots, gates, stated = [], [], []
    for place, account in enumerate(ACCOUNTS):
        life = _Life(random.Random(seed + place), account, until)
        snapshots += life.snapshots
        gates += life.gates
        if account.threshold:
            stated += [
                {**account.key, "valid_from": until - timedelta(days=since), "threshold": threshold, "cadence_minutes": 15}
                for since, threshold in ((account.days, account.threshold), (account.days // 3, account.threshold * 2))
            ]
    append(engine, snapshot_table(), snapshots[0], create_table=True)
    tables = report_tables()
    with engine.begin() as connection:
        connection.execute(insert(snapshot_table()), snapshots[1:])
        connection.execute(insert(tables.threshold), stated)
        connection.execute(insert(tables.gate), gates)
        rebuild(connection)


class _Life:
    """A year of one account, lived quarter of an hour by quarter of an hour."""

    def __init__(self, dice: random.Random, account: Account, until: datetime) -> None:
        self._dice = dice
        self._account = account
        self._balance = account.top_up * 8 / 10
        self._waiting: dict[str, Any] | None = None
        self.snapshots: list[dict[str, Any]] = []
        self.gates: list[dict[str, Any]] = []
        moment = until - timedelta(days=account.days)
        outage = until - timedelta(days=account.days * 2 / 100, hours=8)
        while moment < until - timedelta(minutes=3):
            self._move_money(moment.astimezone(ISTANBUL))
            if not outage < moment < outage + timedelta(hours=19) and dice.random() > 0.004:
                self._look(moment)
            self._pay(moment)
            moment += EVERY

    def _move_money(self, local: datetime) -> None:
        share = self._account.top_up
        if local.weekday() < 5 and 9 <= local.hour < 18 and self._dice.random() < 0.3:
            self._balance -= min(self._balance, self._amount(share * 4 / 1000, share * 12 / 1000))
        is_wanted = self._waiting is not None or self._balance < share / 4
        if local.weekday() < 5 and 11 <= local.hour < 17 and is_wanted and self._dice.random() < 0.08:
            self._balance += self._amount(share * 7 / 10, share)

    def _pay(self, moment: datetime) -> None:
        local, gate = moment.astimezone(ISTANBUL), self._waiting
        days = 3 if local.weekday() == 4 else 1  # what is due on a weekend is paid on the Friday before
        is_payday = any((local + timedelta(ahead)).day in (1, 15) for ahead in range(days))
        is_ten = local.weekday() < 5 and local.hour == 10 and local.minute < 15
        if gate is None and is_ten and (is_payday or self._dice.random() < 0.15):
            self._waiting = gate = self._gate(moment, "salaries" if is_payday else "supplier_payout")
        if gate is None:
            return
        gate |= {"last_balance": self._balance, "last_observed_at": moment}
        gate["polls"] = 1 + (moment - gate["waiting_since"]) // timedelta(minutes=1)
        if self._balance >= gate["batch_total"]:
            gate |= {"outcome": "opened", "ended_at": moment}
            self._balance -= gate["batch_total"]
        elif moment - gate["waiting_since"] > PATIENCE:
            gate |= {"outcome": "timed_out", "ended_at": moment, "reason": "the balance did not cover the batch in time"}
        if gate["ended_at"]:
            self._waiting = None

    def _gate(self, moment: datetime, dag_id: str) -> dict[str, Any]:
        share = self._account.top_up
        gate = {
            **self._account.key,
            "gate_id": str(uuid5(NAMESPACE_URL, f"{self._account}{moment}")),
            "dag_id": dag_id,
            "task_id": "wait_for_money",
            "run_id": f"scheduled__{moment:%Y-%m-%dT%H:%M}",
            "map_index": -1,
            "try_number": 1,
            "batch_total": self._amount(share * 25 / 100, share * 6 / 10),
            "headroom": Decimal(0),
            "waiting_since": moment,
            "waits_until": moment + PATIENCE,
            "first_balance": self._balance,
            "outcome": "waiting",
            "reason": None,
            "ended_at": None,
            "provider_version": __version__,
        }
        self.gates.append(gate)
        return gate

    def _look(self, moment: datetime) -> None:
        name, environment, currency = self._account[:3]
        seen = Observation(
            account=name,
            environment=environment,
            currency=currency,
            balance=self._balance,
            balance_raw=str(self._balance),
            observed_at=moment + timedelta(milliseconds=self._dice.randrange(2000)),
            system_time=moment,
            latency_ms=self._dice.randrange(90, 400),
            report_timezone="Europe/Istanbul",
        )
        run_id = f"scheduled__{moment:%Y-%m-%dT%H:%M}"
        run = TaskInstance("iyzico_balance_snapshot", "snapshot", run_id, -1, 1, moment, moment, moment)
        self.snapshots.append(snapshot_row(seen, run))

    def _amount(self, low: Decimal, high: Decimal) -> Decimal:
        return (low + (high - low) * Decimal(self._dice.random())).quantize(Decimal("0.01"))
