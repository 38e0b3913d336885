"""What a watcher remembers across restarts of the triggerer."""

from __future__ import annotations

from typing import Any

from airflow_provider_iyzico.api.money import money_text
from airflow_provider_iyzico.bridge.versions import asset_state_stores
from airflow_provider_iyzico.domain.crossing import Direction
from airflow_provider_iyzico.domain.gate import Need


class CrossingMemory:
    """Whether the balance was already where the watcher fires when it was last seen. On Airflow 3.3 this survives restarts.

    Airflow merges equal triggers, so one may watch several assets: the same is stored for each of them.
    """

    def __init__(self, asset_state_store: Any, iyzico_conn_id: str, need: Need, direction: Direction, log: Any) -> None:
        self._stores = asset_state_stores(asset_state_store)
        # One asset may have a watcher of each direction. They must not share a key: what one has fired for, the other has not.
        # Both store whether the balance is too low, since earlier versions stored that for the one direction that they had.
        kind = "iyzico_is_below" if direction is Direction.BELOW else "iyzico_is_short"
        self._key = f"{kind}:{iyzico_conn_id}:{money_text(need.required)}:{need.currency}"
        self._is_met_when_short = direction is Direction.BELOW
        self.log = log
        #: Whether the stored value has been read. Until then nothing may overwrite it.
        self.is_read = False

    async def was_met(self) -> bool | None:
        """Return what was stored, or ``None``: then the watcher fires only after it has seen a balance on the other side."""
        try:
            kept = [await store.aget(self._key) for store in self._stores]
        except Exception:
            self.log.exception("Airflow does not tell what this watcher saw before; trying again with the next poll")
            return None
        self.is_read = True
        known = [was_short is self._is_met_when_short for was_short in kept if isinstance(was_short, bool)]
        return any(known) if known else None

    async def keep(self, is_met: bool) -> bool:
        """Store it, and return whether that worked. If not, the next poll tries again."""
        try:
            for store in self._stores:
                await store.aset(self._key, is_met is self._is_met_when_short)
        except Exception:
            self.log.exception("Airflow does not store what this watcher saw; trying again with the next poll")
            return False
        return True
