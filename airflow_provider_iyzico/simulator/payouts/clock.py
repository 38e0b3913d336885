"""The clock by which payouts move. It follows the machine's, or stands still until it is told to go on."""

from __future__ import annotations

import time

CLOCKS = {
    "real": "it follows the machine's clock",
    "stepped": "it stands still, and goes on when it is told to",
}


class Clock:
    """Milliseconds since the epoch, which never go back. ``advance`` works in both modes."""

    def __init__(self) -> None:
        self._base_ms = round(time.time() * 1000)
        self._since: float | None = time.monotonic()

    @property
    def mode(self) -> str:
        return "stepped" if self._since is None else "real"

    @mode.setter
    def mode(self, mode: str) -> None:
        self._base_ms = self.now_ms()
        self._since = None if mode == "stepped" else time.monotonic()

    def now_ms(self) -> int:
        return self._base_ms + (0 if self._since is None else int((time.monotonic() - self._since) * 1000))

    def advance(self, seconds: float) -> None:
        self._base_ms += round(seconds * 1000)
