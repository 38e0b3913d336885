"""Lets every clock of the package be the stage's, for as long as runs are played."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from types import SimpleNamespace
from unittest import mock

import tenacity.nap

from airflow_provider_iyzico.hooks import deadline
from airflow_provider_iyzico.ledger import ledger
from airflow_provider_iyzico.operators import payout_authorize

#: The stage that is played on.
current: list = []


@contextmanager
def staged() -> Iterator[None]:
    clock = SimpleNamespace(
        time=lambda: current[-1].now(),
        monotonic=lambda: current[-1].now(),
        clock_gettime=lambda _: current[-1].now(),
        sleep=lambda seconds: current[-1].pause(seconds),
    )
    # A database that falls silent is not part of these runs, and a thread for each transaction takes a third of their time.
    patches = [mock.patch.object(ledger, "Watch", nullcontext)]
    modules = (deadline, payout_authorize, tenacity.nap)
    patches += [mock.patch.object(module, "time", clock) for module in modules]
    with ExitStack() as started:
        for patch in patches:
            started.enter_context(patch)
        yield
