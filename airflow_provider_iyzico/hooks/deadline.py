"""When a call must be over."""

from __future__ import annotations

import time


class Deadline:
    """One time limit for everything that a call does, by a clock that cannot be set.

    :param seconds: from now on
    """

    __slots__ = ("_ends_at",)

    def __init__(self, seconds: float) -> None:
        self._ends_at = time.monotonic() + seconds

    def left(self) -> float:
        """Return how many seconds are left.

        :raises TimeoutError: none are left
        """
        seconds = self._ends_at - time.monotonic()
        if not seconds > 0:
            raise TimeoutError("the time for this call is over")
        return seconds
