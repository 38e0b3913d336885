"""What happens to batches and money, and when. What happens later is an event of the simulator's clock, in the order of time."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import partial
from heapq import heappop, heappush
from typing import Any

from airflow_provider_iyzico.simulator import lifecycle
from airflow_provider_iyzico.simulator.balance import Books, total
from airflow_provider_iyzico.simulator.journal import Journal
from airflow_provider_iyzico.simulator.payouts.batch import Batch, Item
from airflow_provider_iyzico.simulator.payouts.clock import Clock
from airflow_provider_iyzico.simulator.settings import Settings

#: What the journal calls it when an item reaches a status.
_EFFECTS = {lifecycle.SUCCESS: "paid", lifecycle.FAILED: "failed", lifecycle.DEPOSIT_SUCCESS: "returned"}


class Bank:
    """The batches of the account. Its caller holds the lock."""

    def __init__(self, settings: Settings, clock: Clock, books: Books, journal: Journal) -> None:
        self.settings, self.clock, self.books, self.journal = settings, clock, books, journal
        self.batches: list[Batch] = []
        self.now_ms = clock.now_ms()
        self._events: list[tuple[int, int, Callable[[], object]]] = []
        self._event_number = self._checked = 0

    def catch_up(self) -> None:
        """Let everything happen that is due by now."""
        until_ms = max(self.clock.now_ms(), self.now_ms)
        while self._events and self._events[0][0] <= until_ms:
            due_ms, _, act = heappop(self._events)
            self.now_ms = max(self.now_ms, due_ms)
            act()
        self.now_ms = until_ms

    def later(self, seconds: float, act: Callable[[], object], since_ms: int | None = None) -> None:
        """Let something happen so long after ``since_ms``, which is now unless given."""
        self._event_number += 1
        due_ms = (self.now_ms if since_ms is None else since_ms) + round(seconds * 1000)
        heappush(self._events, (due_ms, self._event_number, act))

    def check(self) -> None:
        """Compare the books with the items, if either changed since the last time.

        :raises AssertionError: they disagree
        """
        if self._checked != len(self.journal):
            self.books.check(total([item.needs for batch in self.batches for item in batch.items if item.is_out]))
            self._checked = len(self.journal)

    # what iyzico or a person does

    def store(self, batch: Batch) -> None:
        for item in batch.items:
            batch.enter(item, lifecycle.INVALID if item.error else lifecycle.INIT, self.now_ms)
        batch.say(lifecycle.INIT, self.now_ms)
        self.batches.append(batch)
        self._write("init", "api", batch, needed=str(batch.needs))

    def authorize(self, batch: Batch, by: str) -> None:
        """Start paying, or pay again, or set off what stopped: whether that may be, the caller decides."""
        if self.now_ms == batch.history[-1][0]:  # a moment later, so that a read of the moment before still says INIT
            self.clock.advance(0.001)
            self.now_ms += 1
        if batch.is_cancelled:
            again = batch.valid
        elif batch.authorized_ms is not None and not batch.is_stopped:
            again = [item.again() for item in batch.shown if not item.error]
            batch.items += again
        else:
            again = []
        for item in again:
            batch.enter(item, lifecycle.INIT, self.now_ms)
        promised = total([each.needs for each in self.batches if each.authorized_ms is not None and each is not batch])
        batch.authorizations += 1
        batch.authorized_ms, batch.is_stopped = batch.authorized_ms or self.now_ms, False
        self._write("auth", by, batch, needed=str(batch.needs), promised=str(promised))
        self._set_off(batch)

    def cancel(self, batch: Batch, by: str) -> None:
        """Cancel what is not at the bank yet."""
        concerned = [item for item in batch.items if item.status in (lifecycle.INIT, lifecycle.QUEUED)]
        for item in concerned:
            if item.is_out:
                self._give_back(batch, item)
            item.ticket += 1
            batch.enter(item, lifecycle.ITEM_CANCELED, self.now_ms)
        if batch.is_cancelled:
            batch.say(lifecycle.CANCELED, self.now_ms)
        else:
            self._refresh(batch)
        if concerned or batch.is_cancelled:
            self._write("cancel", by, batch)

    def top_up(self, amount: Decimal, by: str) -> None:
        self.books.top_up(amount, self.now_ms)
        self._write("top_up", by, amount=str(amount))
        if self.settings["stopped_batch"] == "resumes":
            for batch in [batch for batch in self.batches if batch.is_stopped]:
                if self._covers(batch) and batch.waiting:
                    batch.is_stopped = False
                    self._write("resumed", "bank", batch)
                    self._set_off(batch)

    def withdraw(self, amount: Decimal, by: str) -> None:
        self.books.withdraw(amount, self.now_ms)
        self._write("withdraw", by, amount=str(amount))

    def reschedule(self) -> None:
        """Think again about what comes next, since fates or durations are others."""
        for batch in self.batches:
            for item in batch.items if batch.authorized_ms is not None else ():
                if item.status not in (lifecycle.INIT, lifecycle.INVALID, lifecycle.ITEM_CANCELED) and not item.is_stopped:
                    self._schedule(batch, item)

    # what follows

    def _set_off(self, batch: Batch) -> None:
        """Say what the batch is now, and set its money aside when it is time."""
        self._refresh(batch)
        self.later(self.settings["durations"]["RESERVED"], partial(self._reserve, batch))

    def _reserve(self, batch: Batch) -> None:
        """Take the money, or see that it is there; then let the items go on, or stop them."""
        is_covered = self._covers(batch)
        for item in batch.waiting:
            item.is_stopped = not is_covered or (self.settings["balance_drops"] == "at_auth" and not self._take(batch, item))
            if not item.is_stopped:
                self._schedule(batch, item)
        if stopped := [item for item in batch.waiting if item.is_stopped]:
            self._stop(batch, stopped)
        self._refresh(batch)

    def _covers(self, batch: Batch) -> bool:
        """Tell whether there is enough on the balance to begin with."""
        if self.settings["short_batch"] == "as_far_as_it_goes":
            return any(item.needs <= self.books.balance for item in batch.waiting)
        return batch.needs <= self.books.balance

    def _stop(self, batch: Batch, items: list[Item]) -> None:
        for item in items:
            item.is_stopped = True
            item.ticket += 1
            if self.settings["short_items"] == "fail":
                batch.enter(item, lifecycle.FAILED, self.now_ms)
        if not batch.is_stopped:
            batch.is_stopped = True
            self._write("stopped", "bank", batch)

    def _schedule(self, batch: Batch, item: Item) -> None:
        """Let an item reach its next status in its time. An older plan for it no longer counts."""
        item.ticket += 1
        status = lifecycle.next_status(item.status, self._fate_of(item), self.settings["queue"])
        if status is not None:
            since_ms = self.now_ms if item.status == lifecycle.INIT else item.history[-1][0]
            self.later(self.settings["durations"][status], partial(self._move, batch, item, status, item.ticket), since_ms)

    def _move(self, batch: Batch, item: Item, status: str, ticket: int) -> None:
        if ticket != item.ticket:
            return
        if status == lifecycle.PROCESSING and not item.is_out and not self._take(batch, item):
            self._stop(batch, [item])
            self._refresh(batch)
            return
        batch.enter(item, status, self.now_ms)
        if status == lifecycle.DEPOSIT_SUCCESS and item.is_out:
            self._give_back(batch, item)
        elif status in _EFFECTS:
            self._write(_EFFECTS[status], "bank", batch, item)
        self._refresh(batch)
        self._schedule(batch, item)

    def _fate_of(self, item: Item) -> str:
        fates: dict[str, str] = self.settings["fates"]
        return fates.get(item.external_id) or ("returned" if item.has_wrong_iban else fates.get("*", "paid"))

    def _take(self, batch: Batch, item: Item) -> bool:
        """Take the money of an item from the balance, and tell whether it was there."""
        if item.needs > self.books.balance:
            return False
        item.is_out = True
        self.books.take(item.amount, item.charge, self.now_ms)
        self._write("taken", "bank", batch, item)
        return True

    def _give_back(self, batch: Batch, item: Item) -> None:
        item.is_out = False
        is_kept = item.status == lifecycle.DEPOSIT_SUCCESS and self.settings["commission_returned"] == "kept"
        kept = item.charge if is_kept else Decimal(0)
        self.books.give_back(item.amount, item.charge, self.now_ms, kept=kept)
        self._write("returned", "bank", batch, item, commission=str(item.charge - kept))

    def _refresh(self, batch: Batch) -> None:
        """Let the batch's word follow from its items; a final one stays."""
        if batch.status not in lifecycle.FINAL and (not batch.is_cancelled or not batch.valid):
            mixed = self.settings["mixed_batch"]
            batch.say(lifecycle.batch_status(batch.counts, is_stopped=batch.is_stopped, mixed=mixed), self.now_ms)

    def _write(self, what: str, by: str, batch: Batch | None = None, item: Item | None = None, **more: Any) -> None:
        if batch is not None:
            more |= {"external_id": batch.external_id, "request_id": batch.request_id}
        if item is not None:
            of_item = {"item_external_id": item.external_id, "amount": str(item.amount), "commission": str(item.charge)}
            more = of_item | more
        self.journal.add(what, at=self.now_ms / 1000, by=by, balance=str(self.books.balance), **more)
