"""The package as it runs on the stage: its own operators, and its own ledger, whose transactions may fail, or only seem to."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

from airflow.providers.common.compat.sdk import AirflowFailException, TaskDeferred
from inprocess import HEARD, TIMEOUT_SECONDS, Wire, hook_over
from plans import DEPOSIT_GRACE, GRACE, SETTLING, Order
from referee import Violation
from stepped import Killed, Stage

from airflow_provider_iyzico.bridge.fail_fast import fail_fast
from airflow_provider_iyzico.bridge.warehouse import task_instance
from airflow_provider_iyzico.domain.progress import Progress
from airflow_provider_iyzico.errors import IyzicoError, LedgerFundsError, Retry, WarehouseUnavailableError, is_safe_to_repeat
from airflow_provider_iyzico.ledger.accounts import Account
from airflow_provider_iyzico.ledger.ledger import Ledger
from airflow_provider_iyzico.ledger.placing import Asked, Placing, Wanted, place, standing
from airflow_provider_iyzico.ledger.who import Who
from airflow_provider_iyzico.operators import payout_authorize, payout_cancel, payout_init, payout_reconcile
from airflow_provider_iyzico.payouts.means import Means

ACCOUNT = Account("sandbox", "şube", "TRY")
TRIES = 3


class StagedLedger(Ledger):
    """A ledger whose transactions are turns on the stage.

    ``fault_share``: how often the database is down before a transaction, or its commit is not acknowledged.
    """

    stage: Stage
    fault_share: float

    @classmethod
    def on(cls, stage: Stage, engine: Any, fault_share: float) -> StagedLedger:
        ledger = cls.open(engine)
        for name, value in {"stage": stage, "fault_share": fault_share, "clock": lambda connection: stage.moment()}.items():
            object.__setattr__(ledger, name, value)
        return ledger

    def act(self, idempotent_act: Callable[[Any], Any]) -> Any:
        stage, name = self.stage, name_of(idempotent_act)
        stage.point(f"before {name}")
        fails = (
            None if stage.is_calm or stage.rng.random() >= self.fault_share else stage.rng.choice(("down", "lost", "lost twice"))
        )
        if fails is not None:
            stage.reached["ledger", fails] += 1
        if fails == "down":
            raise WarehouseUnavailableError("the ledger is down; a retry is safe")
        kept = super().act(idempotent_act)
        if fails == "lost":  # as `persist` does after a commit whose acknowledgement was lost
            kept = super().act(idempotent_act)
        if fails == "lost twice":
            raise WarehouseUnavailableError("the ledger did not answer; a retry is safe")
        stage.point(f"after {name}")
        return kept


def name_of(act: Callable[..., Any]) -> str:
    """Name a transaction by the function of the package that makes it, such as ``send auth_sent``."""
    inside = _inside(act)
    if act.__qualname__.startswith("take_turn."):
        act = inside["act"]
        inside = _inside(act)
    name = act.__qualname__.partition(".")[0]
    return f"{name} {inside['after'].value}" if name in ("send", "step") and "after" in inside else name


def _inside(act: Callable[..., Any]) -> dict[str, Any]:
    return dict(zip(act.__code__.co_freevars, (cell.cell_contents for cell in act.__closure__ or ()), strict=True))


class _Staged:
    """An operator whose means are those of the stage."""

    log = HEARD

    @contextmanager
    def _means(self, context: Any, *, settling_seconds: float = SETTLING, create_table: bool = True):
        with fail_fast():
            yield context["means"]


class StagedInit(_Staged, payout_init.MassPayoutInitOperator):
    pass


class StagedAuthorize(_Staged, payout_authorize.MassPayoutAuthorizeOperator):
    pass


class StagedCancel(_Staged, payout_cancel.MassPayoutCancelOperator):
    pass


class StagedReconcile(_Staged, payout_reconcile.MassPayoutReconcileOperator):
    pass


class Runner:
    """Runs tasks as Airflow does: tries, deferrals, and what they leave behind."""

    def __init__(self, stage: Stage, ledger: StagedLedger, wire: Wire, host: str) -> None:
        self.stage, self.ledger, self.wire, self.host = stage, ledger, wire, host

    def means(self, who: Who, **more: Any) -> Means:
        """What a process of ours has: a hook and a ledger of its own."""
        hook = hook_over(self.wire, self.host, ACCOUNT.account)
        return Means(
            iyzico=hook,
            ledger=self.ledger,
            account=ACCOUNT,
            who=who,
            timeout_seconds=TIMEOUT_SECONDS,
            grace_seconds=GRACE,
            settling_seconds=SETTLING,
            pause=self.stage.pause,
            clock=self.stage.now,
            **more,
        )

    def run(self, task_id: str, run_id: str, make: Callable[[], Any]) -> IyzicoError | None:
        """Run a task to its end: nothing where it succeeds, else the error with which it fails."""
        number, error = 1, None
        while number <= TRIES:
            ti = SimpleNamespace(dag_id="salaries", task_id=task_id, run_id=run_id, map_index=-1, try_number=number)
            run = SimpleNamespace(logical_date=None, data_interval_start=None, data_interval_end=None)
            context: dict[str, Any] = {"ti": ti, "dag_run": run}
            context["means"] = self.means(Who(task=task_instance(context)))
            try:
                self.stage.said.append(str(self._execute(make, context)))
                return None
            except Killed as killed:
                self.stage.reached["killed task", task_id, str(killed)] += 1
                self.stage.pause(self.stage.rng.uniform(1, 200))
                number += self.stage.rng.random() < 0.5
                continue
            except AirflowFailException as failed:
                error = failed.__cause__
                assert isinstance(error, IyzicoError)
                assert error.retry is not Retry.SAFE
                self._hear(error)
                return error
            except IyzicoError as passing:
                if passing.retry is not Retry.SAFE:
                    raise Violation(
                        f"{task_id} failed with {passing!r}, which is not safe to repeat, and Airflow repeats it"
                    ) from passing
                error = passing
                self._hear(error)
            number += 1
            self.stage.pause(self.stage.rng.choice((5, 60, 300)))
        return error

    def _execute(self, make: Callable[[], Any], context: dict[str, Any]) -> Any:
        """Execute, and after each deferral go on in another process."""
        act = lambda: make().execute(context)  # noqa: E731
        while True:
            try:
                return act()
            except TaskDeferred as deferred:
                self.stage.point("deferred")
                message = self._triggered(deferred, context)
                self.stage.point("resumed")
                context["means"] = self.means(context["means"].who)
                act = _resumed(make, deferred, context, {"why": "decided", "message": message})

    def _triggered(self, deferred: TaskDeferred, context: dict[str, Any]) -> str:
        """Poll as the trigger does. A triggerer that dies begins again, and nobody notices."""
        trigger, hook = deferred.trigger, context["means"].iyzico
        while True:
            self.stage.pause(max(min(trigger.poll_seconds, trigger.wake_at - self.stage.now()), 10.0))
            if self.stage.now() >= trigger.wake_at:
                break
            try:
                seen = Progress.of(hook.retrieve_mass_payout(request_id=trigger.request_id))
                self.stage.said.append(str(seen))
                if seen.is_decided:
                    break
            except IyzicoError as error:
                self._hear(error)
                if not is_safe_to_repeat(error):
                    break
            except Killed:
                self.stage.reached["kill", "triggerer"] += 1
        return f"{trigger.external_id}: time to read it again"

    def _hear(self, error: BaseException | None) -> None:
        while error is not None:
            self.stage.said.append(f"{error!r} {error}")
            error = error.__cause__ or error.__context__

    # tasks

    def init(self, order: Order, run_id: str = "monthly") -> IyzicoError | None:
        def make() -> StagedInit:
            bound = {} if order.bound is None else {"commission_bound": order.bound}
            return StagedInit(
                task_id="start",
                external_id=order.name,
                payments=order.rows,
                on_invalid=order.on_invalid,
                grace_seconds=GRACE,
                purpose="SALARY",
                **bound,
            )

        return self.run("start", run_id, make)

    def pay(self, order: Order) -> IyzicoError | None:
        calm = self.stage.is_calm

        def make() -> StagedAuthorize:
            return StagedAuthorize(
                task_id="pay",
                external_id=order.name,
                deferrable=order.is_deferrable,
                grace_seconds=GRACE,
                timeout=7200 if calm else 1800,
                settling_seconds=SETTLING,
                deposit_grace_seconds=DEPOSIT_GRACE,
                poll_interval=1800 if calm else 180,
            )

        return self.run("pay", "monthly", make)

    def cancel(self, order: Order) -> IyzicoError | None:
        return self.run("cancel", "monthly", lambda: StagedCancel(task_id="cancel", external_id=order.name, grace_seconds=GRACE))

    def reconcile(self) -> IyzicoError | None:
        return self.run(
            "reconcile",
            f"daily {self.stage.now()}",
            lambda: StagedReconcile(task_id="reconcile", grace_seconds=GRACE, deposit_grace_seconds=DEPOSIT_GRACE),
        )

    def gate(self, order: Order) -> IyzicoError | None:
        """Wait for the money and set it aside, in the steps of the sensor's worker."""
        return self.run("gate", "monthly", lambda: SimpleNamespace(execute=lambda context: self._gate(order, context["means"])))

    def _gate(self, order: Order, means: Means) -> str:
        wanted = Wanted(order.name, hold_for_seconds=order.hold_for_seconds)
        for _ in range(20):
            with fail_fast():
                before = standing(means.ledger, ACCOUNT, wanted)
                try:
                    balance = means.iyzico.get_balance()
                except IyzicoError as error:
                    if not is_safe_to_repeat(error):
                        raise
                else:
                    asked = Asked(balance.amount, balance.observed_at, before.version)
                    placed = place(means.ledger, ACCOUNT, wanted, asked, means.who)
                    if placed.outcome in (Placing.PLACED, Placing.PAST):
                        return placed.outcome.value
            self.stage.pause(60)
        with fail_fast():
            raise LedgerFundsError("the gate waited for twenty polls")


def _resumed(
    make: Callable[[], Any], deferred: TaskDeferred, context: dict[str, Any], event: dict[str, str]
) -> Callable[[], Any]:
    return lambda: getattr(make(), deferred.method_name)(context, event=event, **(deferred.kwargs or {}))


def retry_jitter(rng: random.Random) -> None:
    """Make the package's own jitter repeatable."""
    random.seed(rng.random())
