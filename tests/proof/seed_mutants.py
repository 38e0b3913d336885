"""Faults that the seeded runs must find: each replaces one function of the package with a careless one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from typing import Any
from unittest import mock
from uuid import uuid4

from airflow_provider_iyzico.api import envelope
from airflow_provider_iyzico.api.payout import calls
from airflow_provider_iyzico.domain.items import Totals
from airflow_provider_iyzico.domain.reads import Says
from airflow_provider_iyzico.errors import IyzicoOutcomeUnknownError
from airflow_provider_iyzico.hooks.iyzico import IyzicoHook
from airflow_provider_iyzico.ledger import batch_holds, batches, reading, steps
from airflow_provider_iyzico.payouts import authorize, initiate
from airflow_provider_iyzico.payouts.reads import seen


@dataclass(frozen=True, slots=True)
class Mutant:
    """One fault.

    :param make: brings it in, for as long as the context lasts
    :param found_as: what the referee must say
    :param seeds: which are known to find it; when the package changes, others may
    """

    make: Callable[[], AbstractContextManager[Any]]
    found_as: str
    seeds: tuple[int, ...] = ()


def _retried(self: Any, call: Any, deadline: Any, once: Any = IyzicoHook._attempt) -> Any:
    try:
        return once(self, call, deadline)
    except IyzicoOutcomeUnknownError:
        return once(self, call, deadline)


def _another_name(batch: Any, locale: str, named: Any = calls.init_call) -> Any:
    return named(replace(batch, external_id=str(uuid4())), locale)


def _until_its_time(ledger: Any, connection: Any, hold: Any, change: Any = batch_holds.change_hold, **values: Any) -> None:
    values.pop("expires_at", None)
    change(ledger, connection, hold, **values)


def _as_it_is(ledger: Any, batch: Any, who: Any, act: Any, take: Any = batches.take_turn) -> Any:
    return take(ledger, batches.find(ledger, batch.account, batch.external_id), who, act)


@contextmanager
def _adopting_by_sum() -> Iterator[None]:
    with (
        mock.patch.object(initiate, "differing_items", return_value=[]),
        mock.patch.object(reading, "is_another_recipient", return_value=False),
    ):
        yield


MUTANTS = {
    "no version check": Mutant(lambda: mock.patch.object(steps, "take_turn", _as_it_is), "INV-08 transition", (5, 7)),
    "retried POST": Mutant(lambda: mock.patch.object(IyzicoHook, "_attempt", _retried), "INV-0", (2, 3)),
    "no intent": Mutant(
        lambda: mock.patch.object(authorize, "send", lambda ledger, batch, *_, **__: batch), "INV-04 no intent", (1, 4)
    ),
    "no read before auth": Mutant(
        lambda: mock.patch.object(authorize, "seen_twice", lambda means, batch: (batch, Says.INIT)), "INV-06 no read", (1, 6)
    ),
    "one read before auth": Mutant(lambda: mock.patch.object(authorize, "seen_twice", seen), "INV-06 no read", (1, 6)),
    "status ignored": Mutant(lambda: mock.patch.object(envelope, "_is_success", return_value=True), "INV-", (10, 70)),
    "uuid4 identity": Mutant(lambda: mock.patch.object(calls, "init_call", _another_name), "INV-03 name", (1, 2)),
    "adoption by sum only": Mutant(_adopting_by_sum, "INV-07 adopted", (27, 38)),
    "other recipients ignored": Mutant(
        lambda: mock.patch.object(reading, "is_another_recipient", return_value=False), "INV-07 adopted", (7275, 9567)
    ),
    "commission left out": Mutant(lambda: mock.patch.object(Totals, "required", property(lambda self: self.total)), "INV-01"),
    "hold ended by time": Mutant(lambda: mock.patch.object(batch_holds, "change_hold", _until_its_time), "INV-01", (61, 1001)),
}
