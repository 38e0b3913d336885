"""Where a task is killed or frozen: at a function of the package, or while iyzico has its request."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import Any
from unittest import mock

from airflow_provider_iyzico.domain.payout import State
from airflow_provider_iyzico.hooks.connections import Connection
from airflow_provider_iyzico.hooks.iyzico import IyzicoHook
from airflow_provider_iyzico.ledger.batches import Turn
from airflow_provider_iyzico.operators.mass_payout import MassPayoutAuthorizeOperator
from airflow_provider_iyzico.payouts import authorize, follow, initiate
from airflow_provider_iyzico.sensors import holding
from airflow_provider_iyzico.triggers.mass_payout import MassPayoutTrigger

#: Between two reads of a task, and after the deadline of a request.
GRACE_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Point:
    """One place.

    :param task: whose process comes there
    :param owner: the module or class of a function
    :param name: of that function
    :param is_before: before it is called, not after it returned
    :param about: only a call that is given this, or a text with this in it
    :param request: instead of a function: when this request of the process has reached iyzico, before iyzico does anything
    """

    task: str
    owner: Any = None
    name: str = ""
    is_before: bool = False
    about: str = ""
    request: str | None = None

    @contextmanager
    def happening(self, act: Callable[[], object]) -> Iterator[None]:
        """Let something happen when this process first comes here."""
        function, waiting = getattr(self.owner, self.name), [act]

        @wraps(function)
        def passed(*given: Any, **more: Any) -> Any:
            is_here = not self.about or any(isinstance(each, str) and self.about in each for each in (*given, *more.values()))
            if is_here and self.is_before and waiting:
                waiting.pop()()
            done = function(*given, **more)
            if is_here and waiting:
                waiting.pop()()
            return done

        with mock.patch.object(self.owner, self.name, passed):
            yield


#: The points of the project's list, each with the places that it means. What a turn has written is not committed yet.
KILLS: dict[str, tuple[Point, ...]] = {
    "K0": (Point("start", Turn, "advance", about=State.INIT_SENT), Point("start", initiate, "register")),
    "K1": (Point("start", initiate, "send", about=State.INIT_SENT),),
    "K2": (Point("start", request="init"),),
    "K3": (Point("start", IyzicoHook, "init_mass_payout"),),
    "K4": (Point("start", initiate, "initiated"), Point("gate", holding, "place", is_before=True)),
    "K5": (Point("gate", holding, "place"), Point("pay", Turn, "advance", about=State.AUTH_SENT)),
    "K6": (Point("pay", authorize, "send", about=State.AUTH_SENT),),
    "K7": (Point("pay", request="auth"),),
    "K8": (Point("pay", IyzicoHook, "authorize_mass_payout"),),
    "K9": (Point("pay", authorize, "step", about=State.AUTHORIZED), Point("pay", follow, "record")),
    "K10": (Point("pay", MassPayoutTrigger, "serialize"),),
    "K11": (Point("trigger", request="retrieve"),),
    "K12": (Point("resume", MassPayoutAuthorizeOperator, "execute_complete", is_before=True),),
    "K13": (Point("reconcile", Turn, "advance"),),
}
#: Where a copy of a task is frozen, if it comes there.
FREEZES: dict[str, Point] = {
    "before the intent": Point("pay", authorize, "send", is_before=True),
    "after the intent": Point("pay", authorize, "send"),
    "before the request": Point("pay", Connection, "request", is_before=True, about="/auth"),
    "after the answer": Point("pay", IyzicoHook, "authorize_mass_payout"),
}
