"""What a watcher remembers across restarts of the triggerer."""

from __future__ import annotations

from typing import Any

from airflow_provider_iyzico.api.money import money_text
from airflow_provider_iyzico.bridge.versions import asset_state_stores
from airflow_provider_iyzico.domain.gate import Need


class CrossingMemory:
    """Whether the balance was short when it was last seen, across restarts of the triggerer where Airflow can keep it (3.3).

    Airflow makes one trigger of equal ones, so that several assets may be watched: each remembers the same.
    """

    def __init__(self, asset_state_store: Any, iyzico_conn_id: str, need: Need, log: Any) -> None:
        self._stores = asset_state_stores(asset_state_store)
        self._key = f"iyzico_is_short:{iyzico_conn_id}:{money_text(need.required)}:{need.currency}"
        self.log = log
        #: Whether what was kept is known; until then nothing may be kept over it.
        self.is_read = False

    async def was_short(self) -> bool | None:
        """Return what was kept, ``None`` if nothing was: then nothing fires before the balance was seen to be short."""
        try:
            kept = [await store.aget(self._key) for store in self._stores]
        except Exception:
            self.log.exception("what was seen before cannot be read from Airflow; trying again with the next poll")
            return None
        self.is_read = True
        known = [was_short for was_short in kept if isinstance(was_short, bool)]
        return all(known) if known else None

    async def keep(self, is_short: bool) -> bool:
        """Remember; return whether that worked, and where it did not, the next poll tries again."""
        try:
            for store in self._stores:
                await store.aset(self._key, is_short)
        except Exception:
            self.log.exception("what was seen cannot be kept in Airflow; trying again with the next poll")
            return False
        return True
