"""What a person may do in iyzico's panel, behind the back of the client."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from airflow_provider_iyzico.simulator.payouts.forms import Refused
from airflow_provider_iyzico.simulator.wishes import ControlError, read_amount
from airflow_provider_iyzico.simulator.world import World

#: The acts of a person, with what each is given.
ACTS = {
    "authorize": "a batch by its request id or external id",
    "cancel": "a batch by its request id or external id",
    "top_up": "an amount",
    "withdraw": "an amount, at most the balance",
}


class Panel:
    """A person at iyzico's panel. Name a batch by its request id or its external id, which means the newest one of that name."""

    def __init__(self, world: World) -> None:
        self._world = world

    def authorize(self, batch: str) -> None:
        """Authorize a batch.

        :raises ControlError: there is none, or iyzico refuses
        """
        with self._world.turn():
            body = json.dumps({"requestId": self._request_id(batch)}).encode()
            self._ask(lambda: self._world.desk.auth(body, "panel"))

    def cancel(self, batch: str) -> None:
        """Cancel a batch.

        :raises ControlError: there is none, or iyzico refuses
        """
        with self._world.turn():
            request_id = self._request_id(batch)
            body = b"{}" if self._world.settings["cancel_body"] == "object" else b""
            self._ask(lambda: self._world.desk.cancel(request_id, body, "panel"))

    def top_up(self, amount: str) -> None:
        """Let money come in."""
        with self._world.turn():
            self._world.bank.top_up(read_amount("top_up", amount), "panel")

    def withdraw(self, amount: str) -> None:
        """Take money out.

        :raises ControlError: the balance is lower
        """
        with self._world.turn():
            wanted = read_amount("withdraw", amount)
            if wanted > self._world.books.balance:
                raise ControlError(f"withdraw is {amount}; the balance is {self._world.books.balance}")
            self._world.bank.withdraw(wanted, "panel")

    def do(self, wishes: Mapping[str, Any]) -> None:
        """Do one act by its name, as the control door has it."""
        if len(wishes) != 1 or not set(wishes) <= set(ACTS):
            raise ControlError(f'the panel takes one of {sorted(ACTS)}, such as {{"top_up": "100.00"}}')
        ((act, given),) = wishes.items()
        getattr(self, act)(str(given))

    def _request_id(self, batch: str) -> str:
        if (found := self._world.desk.named(batch)) is None:
            raise ControlError(f"there is no batch {batch!r}")
        return found.request_id

    def _ask(self, act: Any) -> None:
        try:
            act()
        except Refused as refused:
            raise ControlError(f"iyzico refuses that: {refused.reason} {refused.detail}".rstrip()) from refused
