"""What a watcher remembers across restarts of the triggerer."""

from __future__ import annotations

from typing import Any

from airflow_provider_iyzico.api.money import money_text
from airflow_provider_iyzico.bridge.versions import asset_state_stores
from airflow_provider_iyzico.domain.gate import Need


class CrossingMemory:
    """Whether the balance was too low when it was last seen. On Airflow 3.3 this survives restarts of the triggerer.

    Airflow merges equal triggers, so one may watch several assets: the same is stored for each of them.
    """

    def __init__(self, asset_state_store: Any, iyzico_conn_id: str, need: Need, log: Any) -> None:
        self._stores = asset_state_stores(asset_state_store)
        self._key = f"iyzico_is_short:{iyzico_conn_id}:{money_text(need.required)}:{need.currency}"
        self.log = log
        #: Whether the stored value has been read. Until then nothing may overwrite it.
        self.is_read = False

    async def was_short(self) -> bool | None:
        """Return what was stored, or ``None``: then the watcher fires only after it has seen a balance that is too low."""
        try:
            kept = [await store.aget(self._key) for store in self._stores]
        except Exception:
            self.log.exception("Airflow does not tell what this watcher saw before; trying again with the next poll")
            return None
        self.is_read = True
        known = [was_short for was_short in kept if isinstance(was_short, bool)]
        return all(known) if known else None

    async def keep(self, is_short: bool) -> bool:
        """Store it, and return whether that worked. If not, the next poll tries again."""
        try:
            for store in self._stores:
                await store.aset(self._key, is_short)
        except Exception:
            self.log.exception("Airflow does not store what this watcher saw; trying again with the next poll")
            return False
        return True
