"""A lock that is open after a fork."""

from __future__ import annotations

import os
from threading import Lock


def forkable_lock() -> Lock:
    """Return a lock that is open in a forked child: the thread that held it does not run there."""
    lock = Lock()
    os.register_at_fork(after_in_child=lock._at_fork_reinit)  # type: ignore[attr-defined] # as the standard library's own locks
    return lock
