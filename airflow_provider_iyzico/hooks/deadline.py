"""When a call must be over."""

from __future__ import annotations

import time

#: On Linux, ``time.monotonic`` stands still while the machine sleeps, and others do not wait for it.
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def seconds_passed() -> float:
    """Return seconds by a clock that nobody can set, and that goes on while the machine sleeps, where the system has one."""
    return time.clock_gettime(_CLOCK)


class Deadline:
    """One time limit for everything that a call does, by :func:`seconds_passed`.

    :param seconds: from now on
    """

    __slots__ = ("_ends_at",)

    def __init__(self, seconds: float) -> None:
        self._ends_at = seconds_passed() + seconds

    def left(self) -> float:
        """Return how many seconds are left.

        :raises TimeoutError: none are left
        """
        seconds = self._ends_at - seconds_passed()
        if not seconds > 0:
            raise TimeoutError("the time for this call is over")
        return seconds
