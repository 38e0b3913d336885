"""What the processes of tasks do, by the real operators. Airflow's part is played by hand: its context, and what it keeps."""

from __future__ import annotations

import asyncio
import gc
import importlib
import json
import os
import signal
from collections.abc import Callable
from contextlib import ExitStack, aclosing, suppress
from typing import Any
from unittest import mock

from airflow.providers.common.compat.module_loading import import_string
from airflow.providers.common.compat.sdk import AirflowFailException, TaskDeferred
from payers import BATCH, payments
from payout_tasks import authorizing, context, init, reconcile
from points import FREEZES, GRACE_SECONDS, KILLS
from seed_mutants import MUTANTS

from airflow_provider_iyzico.errors import IyzicoError
from airflow_provider_iyzico.hooks.connections import Connection
from airflow_provider_iyzico.ledger import command
from airflow_provider_iyzico.operators.mass_payout import MassPayoutAuthorizeOperator
from airflow_provider_iyzico.payouts.means import Means
from airflow_provider_iyzico.sensors.mass_payout import MassPayoutBalanceSensor
from airflow_provider_iyzico.triggers import payout as triggers

#: What a task, Airflow and their libraries import only when they need it, where it is there. No process is to do that again.
for _name in (
    "airflow.providers.postgres.hooks.postgres",
    "airflow.providers.sqlite.hooks.sqlite",
    "airflow.sdk._shared.logging.structlog",
    "airflow.sdk.execution_time.cache",
    "airflow.sdk.execution_time.schema.migrator",
    "airflow.sdk.execution_time.supervisor",
    "airflow_provider_iyzico.api.payout.pages",
    "airflow_provider_iyzico.bridge.warehouse",
    "airflow_provider_iyzico.hooks.transport",
    "airflow_provider_iyzico.operators.payment_rows",
    "airflow_provider_iyzico.payments.checking",
    "airflow_provider_iyzico.payouts.reconcile",
    "airflow_provider_iyzico.sensors.worker_polls",
    "airflow_provider_iyzico.warehouse.lineage",
    "psycopg",
    "stdnum.iban",
    "stdnum.tr.tckimlik",
    "tenacity",
):
    with suppress(ImportError):
        importlib.import_module(_name)
gc.freeze()
GRACE = {"grace_seconds": GRACE_SECONDS}
#: How long Airflow wants a deferred task to be away, which is not here.
triggers.SETTLING_SECONDS = 0.0


def run(
    line: Any,
    task: str,
    number: int,
    *,
    kill: tuple[str, int] | None = None,
    mutant: str | None = None,
    left: str = "{}",
    event: Any = None,
) -> None:
    """Run one process of a payout, and say what came of it.

    :param number: of the try
    :param kill: the point of ``KILLS`` where this process is killed, and which of its places
    :param mutant: the fault of the package, by its name in ``seed_mutants``
    :param left: what an earlier process left to a trigger
    :param event: of the trigger
    """
    kept = json.loads(left)
    acts: dict[str, Callable[[], object]] = {
        "start": lambda: init(context("start", try_number=number), commission_bound="2.50", **GRACE),
        "gate": lambda: _gate().execute(context("gate", try_number=number)),
        "pay": lambda: _paying(BATCH).execute(context(try_number=number)),
        "trigger": lambda: asyncio.run(_event(*kept["trigger"])),
        "resume": lambda: _paying(BATCH).resume_execution(
            kept["method"], {**kept["kwargs"], "event": event}, context(try_number=number)
        ),
        "reconcile": lambda: reconcile(context("reconcile", dag_id="daily", try_number=number), **GRACE),
    }
    with ExitStack() as stack:
        if mutant is not None:
            stack.enter_context(MUTANTS[mutant].make())
        if kill is not None:
            stack.enter_context(KILLS[kill[0]][kill[1]].happening(lambda: os.kill(os.getpid(), signal.SIGKILL)))
        line.send(_outcome(acts[task]))


def serve(line: Any, mutant: str | None = None) -> None:
    """Do one act after the other, as our side of the line tells by name, until it hangs up."""
    with ExitStack() as stack:
        if mutant is not None:
            stack.enter_context(MUTANTS[mutant].make())
        while True:
            try:
                act, *given = line.recv()
            except EOFError:
                return
            globals()[act](line, *given)


def start(line: Any, external_id: str) -> None:
    """Hand a batch of that name over, whose payments no other batch has."""
    rows = [{**row, "item_external_id": f"{external_id}-{number}"} for number, row in enumerate(payments())]
    given = {"external_id": external_id, "payments": rows, "commission_bound": "2.50"}
    line.send(_outcome(lambda: init(context("start"), **given, **GRACE)))


def copy(line: Any, external_id: str, number: int, freeze: str | None) -> None:
    """Be one of several copies of the task that pays. Say how it ended, how often it sent an authorization, and how often it waited.

    :param number: of the copy
    :param freeze: the point of ``FREEZES`` where this process is stopped, after it said so
    """

    def stop() -> None:
        line.send("frozen")
        os.kill(os.getpid(), signal.SIGSTOP)

    request, sent = Connection.request, []

    def count(self: Connection, *given: Any, **more: Any) -> None:
        request(self, *given, **more)
        sent.append("/auth" in str(given))

    with ExitStack() as stack:
        stack.enter_context(mock.patch.object(Connection, "request", count))
        waited = stack.enter_context(mock.patch.object(Means, "await_sender", autospec=True, side_effect=Means.await_sender))
        if freeze is not None:
            stack.enter_context(FREEZES[freeze].happening(stop))
        how, told = _outcome(lambda: _paying(external_id).execute(context(try_number=number)))
    line.send((how, told, sum(sent), waited.call_count))


def person(line: Any, *arguments: str) -> None:
    """Type a command of the ledger."""
    line.send(command.main([*arguments, "--by", "fatma"]))


def _gate() -> MassPayoutBalanceSensor:
    return MassPayoutBalanceSensor(task_id="gate", external_id=BATCH, timeout=60, poke_interval=0.1)


def _paying(external_id: str) -> MassPayoutAuthorizeOperator:
    return authorizing(external_id=external_id, deferrable=True, **GRACE | {"timeout": 600})


async def _event(path: str, arguments: dict[str, Any]) -> Any:
    """Make a trigger again from what Airflow kept of it, and wait for its event."""
    async with aclosing(import_string(path)(**arguments).run()) as events:
        return (await anext(events)).payload


def _outcome(act: Callable[[], object]) -> tuple[str, Any]:
    """Return how a process ends: with a result, with what it leaves to a trigger, as JSON, or with an error."""
    try:
        return "done", act()
    except TaskDeferred as deferred:
        left = {"trigger": deferred.trigger.serialize(), "method": deferred.method_name, "kwargs": deferred.kwargs}
        return "deferred", json.dumps(left)
    except AirflowFailException as error:
        return "failed", (type(error.__cause__).__name__, str(error))
    except IyzicoError as error:
        return "retried", (type(error).__name__, str(error))
