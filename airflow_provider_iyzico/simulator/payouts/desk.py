"""The five calls of mass payouts: may it be done, do it, and what is answered. Its caller holds the lock."""

from __future__ import annotations

import random
import uuid
from typing import Any

from airflow_provider_iyzico.simulator import lifecycle
from airflow_provider_iyzico.simulator.payouts.answers import Answers
from airflow_provider_iyzico.simulator.payouts.bank import Bank
from airflow_provider_iyzico.simulator.payouts.batch import Batch, Item, status_at
from airflow_provider_iyzico.simulator.payouts.forms import Refused, read_batch, read_json, read_query, read_text
from airflow_provider_iyzico.simulator.settings import Settings

Fields = dict[str, Any]


class Desk:
    """Carries out calls on the batches of the account.

    :param seed: makes request ids and reference codes repeatable; without it no two simulators share one
    """

    def __init__(self, settings: Settings, bank: Bank, seed: int | None = None) -> None:
        self.settings, self.bank, self.answers = settings, bank, Answers(settings)
        self._random = random.Random(seed)  # noqa: S311 - names, not secrets
        self._by_request_id: dict[str, Batch] = {}
        self._by_name: dict[str, list[Batch]] = {}
        self._by_reference: dict[str, tuple[Batch, Item]] = {}

    def init(self, body: bytes) -> tuple[int, Fields]:
        """Store a batch, and return the HTTP status and the fields of the answer."""
        fields = read_json(body)
        used = {item.external_id for batch in self.bank.batches for item in batch.items}
        batch = read_batch(fields, self.settings, used, self._new_id)
        if earlier := self._by_name.get(batch.external_id):
            if self.settings["duplicate_external_id"] == "refuse":
                raise Refused("duplicate")
            if self.settings["duplicate_external_id"] == "same_id":
                return 200, {"status": "success", **self.answers.initiated(earlier[0])}
        answer = self.answers.initiated(batch)
        form = self.settings["invalid_items"] if any(item.error for item in batch.items) else "listed"
        if form == "refused":
            del answer["requestId"]
        else:
            self._keep(batch)
        return (200, {"status": "success", **answer}) if form == "listed" else (400, {"status": "failure", **answer})

    def auth(self, body: bytes, by: str = "api") -> Fields:
        """Authorize a batch."""
        batch = self.find(str(read_text(read_json(body), "requestId")))
        if not batch.valid and self.settings["auth_of_nothing"] == "refuse":
            raise Refused("wrong_state", "it has no valid items")
        if batch.status == lifecycle.CANCELED:
            if self.settings["auth_after_cancel"] == "refuse":
                raise Refused("wrong_state", "it is cancelled")
        elif batch.is_stopped and self.settings["stopped_batch"] == "auth_again":
            pass  # it sets off what was stopped
        elif batch.authorized_ms is not None and self._may_skip("auth_twice", "it is authorized already"):
            return {}
        self._require_cover(batch)
        self.bank.authorize(batch, by)
        return {}

    def cancel(self, request_id: str, body: bytes, by: str = "api") -> Fields:
        """Cancel a batch."""
        form = self.settings["cancel_body"]
        if (form == "none" and body) or (form == "object" and body != b"{}"):
            raise Refused("invalid", "the body must be {}" if form == "object" else "there must be no body")
        batch = self.find(request_id)
        if batch.status == lifecycle.CANCELED:
            if self._may_skip("cancel_twice", "it is cancelled already"):
                return {}
        elif batch.authorized_ms is not None and self._may_skip("cancel_after_auth", "it is authorized"):
            return {}
        self.bank.cancel(batch, by)
        return {}

    def retrieve(self, body: bytes) -> Fields:
        """Return a batch with a page of its items, as it stood when reads lag."""
        query = read_query(read_json(body), self.settings)
        named = self._by_name.get(query.external_id or "", [])
        if self.settings["same_name"] == "newest":
            named = named[::-1]
        batches = named if query.request_id is None else [self._by_request_id.get(query.request_id)]
        for batch in batches:
            if batch is not None and query.external_id in (None, batch.external_id):
                at_ms = self._read_at(batch)
                if status_at(batch.history, at_ms) is not None:
                    return self.answers.page(batch, query, at_ms)
        return self._nothing("massPayout", "massPayoutItems")

    def item(self, reference_code: str) -> Fields:
        """Return one item."""
        if reference_code in self._by_reference:
            batch, item = self._by_reference[reference_code]
            if (status := status_at(item.history, self._read_at(batch))) is not None:
                return {"item": self.answers.item(batch, item, status)}
        return self._nothing("item")

    def find(self, request_id: str) -> Batch:
        """Return a batch by its request id.

        :raises Refused: there is none
        """
        if request_id not in self._by_request_id:
            raise Refused("not_found")
        return self._by_request_id[request_id]

    def named(self, name: str) -> Batch | None:
        """Return a batch by its request id or its external id, the newest one first."""
        return self._by_request_id.get(name) or next(reversed(self._by_name.get(name, [])), None)

    def _keep(self, batch: Batch) -> None:
        self.bank.store(batch)
        self._by_request_id[batch.request_id] = batch
        self._by_name.setdefault(batch.external_id, []).append(batch)
        self._by_reference |= {item.reference_code: (batch, item) for item in batch.items}

    def _may_skip(self, switch: str, why: str) -> bool:
        """Tell whether this is answered with success and does nothing.

        :raises Refused: the switch says ``refuse``
        """
        if self.settings[switch] == "refuse":
            raise Refused("wrong_state", why)
        return bool(self.settings[switch] == "ignore")

    def _require_cover(self, batch: Batch) -> None:
        if self.settings["short_balance"] == "at_once" and batch.needs > self.bank.books.balance:
            raise Refused("short_balance")

    def _read_at(self, batch: Batch) -> int:
        """Return the moment that reads tell of."""
        at_ms: int = self.bank.now_ms - round(self.settings["read_lag_seconds"] * 1000)
        lag_ms = round(self.settings["auth_lag_seconds"] * 1000)
        if batch.authorized_ms is not None and self.bank.now_ms < batch.authorized_ms + lag_ms:
            at_ms = min(at_ms, batch.authorized_ms - 1)
        return at_ms

    def _nothing(self, *names: str) -> Fields:
        match self.settings["nothing_found"]:
            case "refused":
                raise Refused("not_found")
            case "null":
                return dict.fromkeys(names)
        return {}

    def _new_id(self) -> str:
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))
