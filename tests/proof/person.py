"""A person who does what the errors say, and looks into iyzico's panel first. The panel shows what is, without lag."""

from __future__ import annotations

from typing import Any

from plans import COMMISSION, Order
from tasks import ACCOUNT, Runner

from airflow_provider_iyzico.domain.payout import State
from airflow_provider_iyzico.errors import (
    IyzicoError,
    IyzicoNoSuchPayoutError,
    IyzicoRefusedError,
    LedgerBatchError,
    LedgerFundsError,
    PaymentsError,
    PayoutUnknownError,
    PayoutUnpaidError,
)
from airflow_provider_iyzico.ledger import persons
from airflow_provider_iyzico.ledger.batches import LedgerBatch, find
from airflow_provider_iyzico.ledger.resolve import check_step, resolve
from airflow_provider_iyzico.ledger.who import Who
from airflow_provider_iyzico.simulator import Simulator
from airflow_provider_iyzico.simulator.wishes import ControlError

FATMA = Who(person="fatma")


class Person:
    """Decides what the machine leaves to people."""

    def __init__(self, runner: Runner, simulator: Simulator, reached: Any) -> None:
        self.runner, self.simulator, self.reached = runner, simulator, reached
        self.stage, self.ledger, self.rng = runner.stage, runner.ledger, runner.stage.rng
        #: Called with what a person ends early, whose money may still be taken.
        self.ended_early: Any = None

    def heed(self, order: Order, error: IyzicoError) -> str:
        """Do what an error asks for, and return what the task is to do then: run again, cancel, or nothing."""
        with self.stage.unharmed():
            return self._heed(order, error)

    def heed_refused_cancel(self, order: Order, error: IyzicoError) -> None:
        """Cancel in the panel what the package will not cancel."""
        with self.stage.unharmed():
            if (batch := self._batch(order)) is not None and self._has_another_batch(error):
                self._cancel_in_the_panel(batch)

    def _cancel_in_the_panel(self, batch: LedgerBatch) -> None:
        self._do("cancel", lambda: self.simulator.panel.cancel(batch.request_id))

    @staticmethod
    def _has_another_batch(error: IyzicoError) -> bool:
        return "it has another batch of that name" in str(error)

    def _heed(self, order: Order, error: IyzicoError) -> str:
        batch = self._batch(order)
        match error:
            case PayoutUnknownError() if batch is not None:
                return self._settle_unknown(batch)
            case LedgerFundsError():
                self._do("top up", lambda: self.simulator.panel.top_up("2000.00"))
                return "again"
            case PaymentsError():
                return "cancel" if "could not be cancelled" in str(error) else "nothing"
            case PayoutUnpaidError() if "has stopped" in str(error) and batch is not None:
                return self._settle_stopped(batch)
            case PayoutUnpaidError():
                return "again" if "did not end within" in str(error) else "nothing"
            case IyzicoRefusedError() if batch is not None and batch.state is State.REFUSED:
                return "correct"
            case LedgerBatchError() if "commission_bound" in str(error):
                order.bound = str(COMMISSION)
                return "again" if batch is None or batch.state is not State.INITIATED else "init"
            case LedgerBatchError() if self._has_another_batch(error) and batch is not None:
                self._cancel_in_the_panel(batch)
                return "again"
            case LedgerBatchError() if "request_id: it can be neither" in str(error) and batch is not None:
                self.in_the_panel("cancel", [order])
                self.resolve(batch, State.CANCELLED)
                return "again"
            case LedgerBatchError() if "somebody else dealt with it" in str(error) and batch is not None:
                if self.is_ours(order):
                    truth = self.simulator.world.desk.named(order.name)
                    self.resolve(batch, State.CANCELLED if truth.status == "CANCELED" else State.AUTHORIZED)
                return "again"
            case LedgerBatchError() if "--as initiated" in str(error) and batch is not None:
                if self.is_ours(order):
                    self.resolve(batch, State.INITIATED)
                return "again"
            case LedgerBatchError() if "would pay none" in str(error):
                return "cancel"
            case LedgerBatchError() if "was given up" in str(error):
                return self.rng.choice(("cancel", "init"))
            case LedgerBatchError() if "was cancelled" in str(error):
                return "nothing"
            case LedgerBatchError() if "permit" in str(error) and batch is not None:
                return self._settle_unknown(batch)
        return "again"

    def is_ours(self, order: Order) -> bool:
        """Compare the batch in the panel with the payments, which no machine may where iyzico masks recipients."""
        theirs = self.simulator.world.desk.named(order.name)
        return theirs is not None and {item.external_id: item.recipient_info for item in theirs.shown} == order.recipients

    def _settle_unknown(self, batch: LedgerBatch) -> str:
        truth = self.simulator.world.desk.find(batch.request_id)
        if truth.authorized_ms is not None or truth.status == "CANCELED":
            return "again"
        choice = self.rng.choice(("permit", "cancel", "wait"))
        if choice == "permit":
            self._do("permit", lambda: persons.permit(self.ledger, batch, FATMA, "the panel shows nothing"))
        return "cancel" if choice == "cancel" else "again"

    def _settle_stopped(self, batch: LedgerBatch) -> str:
        if self.rng.random() < 0.6:
            self._do("top up", lambda: self.simulator.panel.top_up("2000.00"))
            return "again"
        self.resolve(batch, State.ENDED)
        return "nothing"

    def resolve(self, batch: LedgerBatch, after: State) -> None:
        """Do as ``ledger resolve`` does."""

        def act() -> None:
            check_step(batch, after)
            hook = self.runner.means(FATMA).iyzico
            name = {"request_id": batch.request_id} if batch.request_id else {"external_id": batch.external_id}
            try:
                found = hook.retrieve_mass_payout(**name)
            except IyzicoNoSuchPayoutError:
                found = None
            kept = resolve(self.ledger, batch, after, found, FATMA, "seen in the panel")
            if kept.state is State.ENDED and batch.request_id:
                self.ended_early(self.simulator.world.desk.find(batch.request_id))

        self._do(f"resolve {after}", act)

    def tell(self, name: str, after: State) -> None:
        """Tell the ledger what was done in the panel."""
        if (batch := self._found(name)) is not None:
            self.resolve(batch, after)

    def be_impatient(self, act: str, orders: list[Order]) -> None:
        """Settle something by hand before anybody asked for it."""
        order = self.rng.choice(orders)
        batch = self._batch(order)
        if batch is None:
            return
        if act == "release":
            self._do("release", lambda: persons.release(self.ledger, batch, FATMA, "not this month"))
            return
        truth = self.simulator.world.desk.named(order.name)
        if truth is not None and not self.is_ours(order):
            return
        if truth is None:
            after = State.NEW
        elif truth.authorized_ms is not None:
            after = State.AUTHORIZED
        else:
            after = State.CANCELLED if truth.status == "CANCELED" else State.INITIATED
        self.resolve(batch, after)

    def in_the_panel(self, act: str, orders: list[Order]) -> None:
        """Do something behind the package's back."""
        name = self.rng.choice(orders).name
        given = {"withdraw": "150.00", "top_up": "150.00"}.get(act, name)
        try:
            getattr(self.simulator.panel, act)(given)
        except ControlError:
            return
        self.reached["panel", act] += 1

    def _batch(self, order: Order) -> LedgerBatch | None:
        return self._found(order.name)

    def _found(self, name: str) -> LedgerBatch | None:
        try:
            return find(self.ledger, ACCOUNT, name)
        except IyzicoError:
            return None

    def _do(self, what: str, act: Any) -> None:
        try:
            act()
        except (IyzicoError, ControlError) as error:
            self.runner._hear(error)
            self.reached["person was refused", what] += 1
        else:
            self.reached["person", what] += 1
