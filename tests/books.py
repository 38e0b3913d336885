"""A small month in the warehouse and the ledger: a top-up, two batches, a return, two withdrawals, and days without a snapshot."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from batches import Walk, asked, batch_of_two, of_items, task
from payout_histories import Clock

from airflow_provider_iyzico.domain.payout import State
from airflow_provider_iyzico.ledger.placing import Placing, Wanted, place
from airflow_provider_iyzico.ledger.steps import send
from airflow_provider_iyzico.warehouse.append import append
from airflow_provider_iyzico.warehouse.snapshot import Observation, snapshot_row
from airflow_provider_iyzico.warehouse.tables import snapshot_table
from airflow_provider_iyzico.warehouse.task import TaskInstance


def at(month, day, hour=12, minute=0):
    """A moment of 2026 in Istanbul."""
    return datetime(2026, month, day, hour, minute, tzinfo=UTC) - timedelta(hours=3)


class Books:
    """One account in an opened ledger and its warehouse."""

    def __init__(self, ledger, account):
        self.clock = Clock(random.Random(0))
        self.ledger, self.account = replace(ledger, clock=self.clock), account

    def see(self, moment, balance):
        whose = self.account
        seen = Observation(
            whose.account, whose.environment, whose.currency, Decimal(balance), balance, moment, None, 5, "Europe/Istanbul"
        )
        run = TaskInstance("d", "t", f"{whose} {moment.isoformat()}", -1, 1, None, None, None)
        append(self.ledger.engine, snapshot_table(), snapshot_row(seen, run), create_table=True)

    def authorized(self, moment, external_id, balance, *amounts):
        """A batch that is sent to be paid, with a commission of 1.50 for each item."""
        self.clock.now = moment
        walk = Walk(self.ledger, self.account, batch_of_two(external_id, *amounts))
        walk.to(State.INIT_SENT, State.INITIATED)
        seen = asked(self.ledger, self.account, Decimal(balance))
        assert place(self.ledger, self.account, Wanted(external_id), seen, task()).outcome is Placing.PLACED
        walk.batch = send(self.ledger, walk.batch, State.AUTH_SENT, task(), timeout_seconds=30, asked=seen)
        return walk.to(State.AUTHORIZED)

    def became(self, walk, moment, *statuses):
        self.clock.now = moment
        walk.read("IN_PROGRESS", of_items(statuses))


#: What was seen on the days of January from noon on; nothing on the 9th, 21st and 22nd.
BALANCES = {5: "2697.00", 10: "2583.00", 12: "2645.25", 15: "2595.25", 23: "2585.25"}
UNSEEN = (9, 21, 22)


def small_month(ledger, account):
    books = Books(ledger, account)
    books.see(at(12, 31).replace(year=2025), "1000.00")
    balance = "1000.00"
    for day in range(1, 32):
        if day == 5:
            books.see(at(1, 5, 9), "3000.00")
            salaries = books.authorized(at(1, 5, 10), "salaries-2026-01", "3000.00", "100.00", "200.00")
            books.became(salaries, at(1, 5, 11), "SUCCESS", "SUCCESS")
        if day == 9:
            bonus = books.authorized(at(1, 9, 10), "bonus_2026_01:second", "2697.00", "50.25", "60.75")
            books.became(bonus, at(1, 9, 11), "SUCCESS", "FAILED")
        if day == 12:
            books.became(bonus, at(1, 12, 11), "SUCCESS", "DEPOSIT_SUCCESS")
        if day not in UNSEEN:
            balance = BALANCES.get(day, balance)
            books.see(at(1, day), balance)
    books.see(at(2, 1), "2585.25")
    return books
