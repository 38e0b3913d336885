"""Peers' ``response_check``, in a module of its own: ``HttpEventTrigger`` reloads the module at every poll."""

from __future__ import annotations

from typing import Any


async def is_open(response: Any) -> bool:
    return bool(response.json()["is_open"])
