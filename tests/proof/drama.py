"""One seeded run: real operators against the simulator and a ledger, with all that its plan brings, under the referee's eyes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import staging
from inprocess import Wire
from ledgers import empty
from person import Person
from plans import GRACE, PERSONAL, Order, Plan
from referee import Referee, Violation
from stepped import Killed, Stage
from tasks import Runner, StagedLedger, retry_jitter

from airflow_provider_iyzico.domain.payout import State
from airflow_provider_iyzico.ledger.ledger import Ledger
from airflow_provider_iyzico.simulator import Simulator
from airflow_provider_iyzico.simulator.switches import SWITCHES
from airflow_provider_iyzico.simulator.wire import Raw, to_json

#: So often everything is tried again in the end, a few hours apart.
ROUNDS = 12
#: These fates leave money out for good, so that only a person ends their batch.
_SENT = "SELECT external_id FROM iyzico_payout WHERE state = 'auth_sent'"
LASTING = {"waits", "unheard_of", "never_returned", "return_fails"}


@dataclass(slots=True)
class Outcome:
    """What one run came to."""

    seed: int
    reached: Counter[Any]
    states: Counter[str]
    turns: int
    judged: int
    paid: Decimal
    unfinished: dict[str, str] = field(default_factory=dict)


class Drama:
    """A run of one plan.

    :param engine: of an empty database, or of one that an earlier run has left
    """

    def __init__(self, plan: Plan, engine: Any) -> None:
        self.plan, self.engine, self.rng = plan, engine, plan.rng
        self.reached: Counter[Any] = Counter()
        self.simulator = Simulator(str(plan.balance), seed=plan.seed)
        self.stage = Stage(self.simulator.world, plan.rng, self.reached, lambda: self.referee.look())
        staging.current[:] = [self.stage]
        empty(engine)
        self.contents = {order.name: order.amounts for order in plan.orders}
        self.referee = Referee(engine, self.stage, self.contents, GRACE)
        self.referee.recipients = {order.name: order.recipients for order in plan.orders}
        wire = Wire(self.stage, self.referee.before, self.referee.after, is_real=plan.is_real)
        self.ledger = StagedLedger.on(self.stage, engine, plan.ledger_share)
        self.runner = Runner(self.stage, self.ledger, wire, "http://127.0.0.1:1")
        self.person = Person(self.runner, self.simulator, self.reached)
        self.person.ended_early = self._ended_early
        self.done: set[str] = set()
        self.last: dict[str, str] = {}
        #: What the last reconciliation said.
        self.problems = ""
        retry_jitter(plan.rng)

    def play(self) -> Outcome:
        """Play the storm, then the calm, and judge what is left."""
        if self.plan.is_real:
            with self.simulator:
                self.runner.host = self.simulator.url
                return self._play()
        return self._play()

    def _play(self) -> Outcome:
        plan, stage = self.plan, self.stage
        self.simulator.set(**plan.settings)
        self.reached.update(("switch", name, plan.settings[name]) for name in SWITCHES)
        stage.kill_share, stage.freeze_share, stage.longest_freeze = plan.kill_share, plan.freeze_share, 4 * GRACE
        for order in plan.orders:
            for copy in range(order.copies):
                stage.add(f"{order.name} {copy}", lambda order=order: self._live(order), after=order.begins_after + copy * 2)
            if order.is_cancelled:
                stage.add(
                    f"cancel {order.name}",
                    lambda order=order: self._cancel(order),
                    after=self.rng.uniform(0, 120) + 150 * (not order.is_paid),
                )
        self._add_others()
        try:
            stage.run()
            self._calm()
        finally:
            stage.stop()
        return self._judged()

    def _add_others(self) -> None:
        plan, stage, others = self.plan, self.stage, {"is_mortal": False}
        for at, fault in plan.faults:
            stage.add("weather", lambda fault=fault: self._fail(fault), after=at, **others)
        for at, act in plan.panel:
            stage.add("panel", lambda act=act: self.person.in_the_panel(act, plan.orders), after=at, **others)
        for at, act in plan.impatient:
            stage.add("impatient", lambda act=act: self.person.be_impatient(act, plan.orders), after=at, **others)
        stage.add("reconcile", self.runner.reconcile, after=self.rng.uniform(60, 900))
        if plan.cue is not None:
            point, cue = self._cue()
            stage.cues[point] = cue
        if plan.has_stranger:
            self._let_a_stranger_begin(plan.orders[-1])
        if self.rng.random() < 0.15:
            stage.add("twin", self._twin, after=self.rng.uniform(5, 300))
        if self.rng.random() < 0.15:
            stage.add("changed", self._changed, after=self.rng.uniform(5, 300))

    def _cue(self) -> tuple[str, Callable[[], None]]:
        """Return the wrong moment, and what happens then."""
        order, panel = self.plan.orders[0], self.simulator.panel

        def cancelled() -> None:
            """The sender dies, and somebody cancels the batch, and tells the ledger so."""
            batch = self.simulator.world.desk.named(self.referee.rows(_SENT)[0]["external_id"])
            self.person.in_the_panel("cancel", [order for order in self.plan.orders if order.name == batch.external_id])
            self.stage.add("clerk", lambda: self.person.tell(batch.external_id, State.CANCELLED), after=68, is_mortal=False)
            raise Killed("after send auth_sent")

        def drained() -> None:
            panel.withdraw(self.simulator.balance)

        match self.plan.cue:
            case "cancelled while it is authorized":
                return "after send auth_sent", cancelled
            case "authorized while it is cancelled":
                return "after send cancel_sent", lambda: self.person.in_the_panel("authorize", [order])
        return "after step authorized", drained

    def _let_a_stranger_begin(self, order: Order) -> None:
        """Let other code hand over a batch of that name, with the same amounts for others.

        They are of another type where iyzico shows nothing else: nobody could tell the two batches apart otherwise.
        """
        hides = self.plan.settings["recipients"] == "absent"
        items = [
            {
                "itemExternalId": row["item_external_id"],
                **_other(hides and row["recipient_type"] == "MEMBER_ID"),
                "description": "-",
                "amount": {"value": Decimal(row["amount"]), "currency": "TRY"},
            }
            for row in order.rows
        ]
        body = to_json({"externalId": order.name, "conversationId": "-", "items": _with_digits(items)})
        with self.simulator.world.turn():
            self.simulator.world.desk.init(body.encode())

    def _fail(self, fault: dict[str, Any]) -> None:
        self.simulator.world.set(fault=fault)

    # what tasks and people do

    def _live(self, order: Order) -> None:
        """Live through the DAG of one batch, with a person who looks after what fails."""
        for task in ("init", *(["gate"] if order.has_gate else []), *(["pay"] if order.is_paid else [])):
            if not self._until_done(order, task):
                return

    def _until_done(self, order: Order, task: str, clears: int = 4) -> bool:
        for _ in range(clears):
            error = getattr(self.runner, task)(order)
            self.last[order.name] = "" if error is None else f"{task}: {type(error).__name__}: {error}"
            if error is None:
                return True
            self.stage.pause(self.rng.choice((10, 120, 600)))
            match self.person.heed(order, error):
                case "cancel":
                    self._cancel(order)
                    return False
                case "correct":
                    self._correct(order)
                case "init":
                    self.runner.init(order)
                case "nothing":
                    if self.stage.is_calm:
                        self.done.add(order.name)
                    return False
        return False

    def _cancel(self, order: Order) -> None:
        for _ in range(2):
            error = self.runner.cancel(order)
            if error is None:
                return
            self.last[order.name] = f"cancel: {type(error).__name__}: {error}"
            self.stage.pause(120)
            self.person.heed_refused_cancel(order, error)

    def _correct(self, order: Order) -> None:
        """Correct what iyzico refused: nothing of it is there. A copy that began before may still hand over what it read then."""
        fates = self.plan.settings["fates"]
        before = [dict(row) for row in order.rows]

        def undo() -> None:
            order.rows[:] = before
            self.contents[order.name], self.referee.recipients[order.name] = order.amounts, order.recipients

        self.referee.uncorrected[order.name] = order.amounts, undo
        for row in order.rows:
            row["description"] = "corrected"
        order.rows[:] = [row for row in order.rows if fates[row["item_external_id"]] != "invalid"] or order.rows
        order.on_invalid = "drop"
        self.contents[order.name], self.referee.recipients[order.name] = order.amounts, order.recipients

    def _twin(self) -> None:
        """Let somebody give the same payments another name."""
        first = self.plan.orders[0]
        twin = replace(first, name=f"{first.name}-again", rows=[dict(row) for row in first.rows], is_cancelled=True)
        self.contents[twin.name], self.referee.recipients[twin.name] = twin.amounts, twin.recipients
        error = self.runner.init(twin)
        if twin.name in self._states():  # whichever came first, the other one is to be settled
            self.plan.orders.append(twin)
        self.reached["twin", "refused" if error is not None else "taken"] += 1

    def _changed(self) -> None:
        """Let somebody give other payments the same name."""
        order = self.plan.orders[0]
        if self._states().get(order.name) in (None, "refused"):  # other payments may be given then
            return
        rows = [{**row, "amount": "77.77"} for row in order.rows]
        error = self.runner.init(Order(order.name, rows, "drop", order.bound, False, None, 1, False, 0, False), "by hand")
        query = "SELECT 1 FROM iyzico_payout_event WHERE kind = 'corrected' AND run_id = 'by hand'"
        if self.referee.rows(query):
            order.rows[:] = rows
            self.contents[order.name] = order.amounts
        elif error is None:
            raise Violation(f"INV-05 content: {order.name} was taken with other payments")
        self.reached["changed", "refused"] += 1

    def _ended_early(self, batch: Any) -> None:
        self.referee.disturbed += batch.needs

    # the end

    def _calm(self) -> None:
        """Let nothing go wrong any more, try everything again, and let time pass, until every batch has come to its end."""
        self.stage.is_calm = True
        self.simulator.heal()
        lags = ("auth_lag_seconds", "read_lag_seconds", "batch_lag_seconds", "balance_lag_seconds")
        self.simulator.set(**dict.fromkeys(lags, 0), max_requests_per_minute=None)
        seen: list[Any] = []
        for _ in range(3 if self.plan.is_blocked else ROUNDS):
            for order in self._open():
                self.stage.add(f"calm {order.name}", lambda order=order: self._go_on(order))
                self.stage.run()
            self.stage.add("time", lambda: self.stage.pause(4 * 3600))
            self.stage.run()
            self.stage.add("reconcile", self._reconcile)
            self.stage.run()
            rows = self.referee.rows("SELECT external_id, version FROM iyzico_payout")
            seen.append(sorted(tuple(row.values()) for row in rows))
            if not self._open() or seen[-3:-2] == seen[-1:]:
                break

    def _reconcile(self) -> None:
        self.problems = str(self.runner.reconcile() or "")

    def _open(self) -> list[Order]:
        states = self._states()
        names = [order for order in self.plan.orders if states.get(order.name) not in ("ended", "cancelled")]
        return [order for order in names if order.name not in self.done]

    def _states(self) -> dict[str, str]:
        return {row["external_id"]: row["state"] for row in self.referee.rows("SELECT external_id, state FROM iyzico_payout")}

    def _go_on(self, order: Order) -> None:
        state = self._states().get(order.name)
        if state in (None, "new", "init_sent", "init_unknown", "refused") and not self._until_done(order, "init", 2):
            return
        state = self._states().get(order.name)
        if order.is_cancelled and state in ("initiated", "auth_unknown", "cancel_sent", "cancel_unknown"):
            self._cancel(order)
        else:
            self._until_done(order, "pay", 2)

    def _judged(self) -> Outcome:
        plan, states = self.plan, self._states()
        counts = self.referee.check_end()
        unfinished = {}
        for order in plan.orders:
            state = states.get(order.name)
            if state in ("ended", "cancelled") and (state == "cancelled" or not self.referee.differing(order.name)):
                continue
            if (why := self._excuse(order, state)) is None:
                raise Violation(
                    f"INV-20 not ended: {order.name} is {state}, differs in {self.referee.differing(order.name) if state else None}; the last error was {self.last.get(order.name)}"
                )
            unfinished[order.name] = why
        self._search()
        paid = sum(
            (
                Decimal(item["amount"])
                for batch in self.simulator.payouts
                for item in batch["items"]
                if item["status"] == "SUCCESS"
            ),
            Decimal(0),
        )
        return Outcome(plan.seed, self.reached, counts, self.stage.turns, self.referee.turns, paid, unfinished)

    def _excuse(self, order: Order, state: str | None) -> str | None:
        """Say why a batch may be unfinished: iyzico does not let it end, and a person was told so."""
        said = self.last.get(order.name, "")
        fates = {self.plan.settings["fates"][name] for name in order.amounts}
        excuses = (
            (state == "init_unknown" and not self.person.is_ours(order), "iyzico has another batch of that name"),
            (
                state == "init_unknown" and "somebody else dealt with it" in said and self._names_no_id(),
                "it was authorized in the panel, and iyzico does not say under which id it has it",
            ),
            (state == "authorized" and (bool(fates & LASTING) or "are not paid" in said), "money is out for good"),
            (state == "refused" and (fates == {"invalid"} or "used before" in said), "iyzico refuses all of it"),
            (state in (None, "new", "refused") and "under the name" in said, "its twin is not settled"),
        )
        if said and (why := next((why for is_so, why in excuses if is_so), None)):
            return why
        if self.plan.is_blocked and (said or repr(order.name) in self.problems):
            return "iyzico speaks in a way that we cannot use"
        return None

    def _names_no_id(self) -> bool:
        return bool(self.plan.settings["item_request_id"] == "absent")

    def _search(self) -> None:
        """Look for personal data wherever it must not be."""
        told = self.stage.said + [
            str(row) for table in _tables(self.ledger) for row in self.referee.rows(f"SELECT * FROM {table}")
        ]
        everything = "\n".join(told)
        if found := [part for part in PERSONAL if part in everything]:
            raise Violation(f"personal data: {found}")


def _other(is_number: bool) -> dict[str, str]:
    kind, recipient = ("IDENTITY_NUMBER", "10000000146") if is_number else ("MEMBER_ID", "99")
    return {"recipientType": kind, "recipientInfo": recipient}


def _with_digits(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**item, "amount": {**item["amount"], "value": Raw(item["amount"]["value"])}} for item in items]


def _tables(ledger: Ledger) -> list[str]:
    return [table.fullname for table in ledger.tables]


def play(seed: int, engine: Any) -> Outcome:
    """Play one seed."""
    return Drama(Plan.of(seed), engine).play()
