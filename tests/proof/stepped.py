"""Time and turns of a simulated world: one clock that only the stage moves, and players of whom one acts at a time.

A player is a greenlet. It gives up its turn wherever its process could be interrupted: before and after each transaction of the
ledger, before and after each request, and in every pause. There the stage may freeze it, kill it, or let another one go on. All
choices come from one seed, so that a run can be played again.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from greenlet import GreenletExit, getcurrent, greenlet

from airflow_provider_iyzico.simulator.world import World

#: Every run begins at this moment.
BEGINS_MS = round(datetime(2026, 11, 2, 6, tzinfo=UTC).timestamp() * 1000)
#: No run of ours takes so many turns; one that does goes round in circles.
MOST_TURNS = 15_000


class Killed(BaseException):
    """The process of a player was ended with ``kill -9``."""


class Stuck(AssertionError):  # noqa: N818 - it is a finding
    """A run does not end."""


@dataclass(slots=True, eq=False)
class Player:
    """One process.

    :ivar wake_at: when it may go on, in seconds of the stage's clock
    :ivar notes: what the referee remembers of it
    """

    name: str
    act: Callable[[], None]
    wake_at: float
    is_mortal: bool = True
    notes: dict[str, Any] = field(default_factory=dict)
    body: greenlet | None = None


class Stage:
    """The world's clock, and whose turn it is.

    :param after_turn: called after every turn; raises where something is that must not be
    :ivar reached: what has happened so far, by its name
    """

    def __init__(self, world: World, rng: random.Random, reached: Counter[Any], after_turn: Callable[[], None]) -> None:
        self.world, self.rng, self.reached, self.after_turn = world, rng, reached, after_turn
        world.set(clock="stepped")
        world.clock._base_ms = world.bank.now_ms = BEGINS_MS
        self.players: list[Player] = []
        self.turns = 0
        self.is_calm = False
        #: What a log, an XCom or an exception would show.
        self.said: list[str] = []
        #: What happens when somebody is first at a point.
        self.cues: dict[str, Callable[[], None]] = {}
        self.kill_share = self.freeze_share = 0.0
        self.longest_freeze = 0.0
        self._hub = getcurrent()

    def now(self) -> float:
        """The moment, in seconds that cannot be set back."""
        return self.world.clock.now_ms() / 1000

    def moment(self) -> datetime:
        return datetime.fromtimestamp(self.now(), UTC)

    def add(self, name: str, act: Callable[[], None], *, after: float = 0.0, is_mortal: bool = True) -> Player:
        """Let another process begin, so many seconds from now."""
        player = Player(name, act, self.now() + after, is_mortal)
        self.players.append(player)
        return player

    @property
    def playing(self) -> Player:
        current = getcurrent()
        return next(player for player in self.players if player.body is current)

    def pause(self, seconds: float) -> None:
        """Let a player wait."""
        self.playing.wake_at = self.now() + seconds
        self._hub.switch()

    def point(self, name: str, seconds: float = 0.0) -> None:
        """Let a player be interrupted here: frozen, killed, or only slow."""
        player, rng = self.playing, self.rng
        if not self.is_calm and (cue := self.cues.pop(name, None)) is not None:
            cue()
        if not self.is_calm and player.is_mortal:
            if rng.random() < self.kill_share:
                self.reached["kill", name] += 1
                raise Killed(name)
            if rng.random() < self.freeze_share:
                self.reached["freeze", name] += 1
                seconds += rng.uniform(0, self.longest_freeze)
        self.pause(seconds + rng.choice((0.0, 0.0, 0.001, 0.02, 0.3)))

    @contextmanager
    def unharmed(self) -> Iterator[None]:
        """Let nobody kill or freeze the player that acts now."""
        player = self.playing
        was_mortal, player.is_mortal = player.is_mortal, False
        try:
            yield
        finally:
            player.is_mortal = was_mortal

    def run(self) -> None:
        """Play until everybody is done."""
        while self.players:
            self.turns += 1
            if self.turns > MOST_TURNS:
                raise Stuck(f"{self.turns} turns, and still at work: {[player.name for player in self.players]}")
            self._go_on_to(min(player.wake_at for player in self.players))
            now = self.now()
            player = self.rng.choice([player for player in self.players if player.wake_at <= now])
            if player.body is None:
                player.body = greenlet(player.act)
            player.body.switch()
            if player.body.dead:
                self.players.remove(player)
            self.after_turn()

    def stop(self) -> None:
        """Let nobody go on."""
        for player in self.players:
            if player.body is not None:
                player.body.throw(GreenletExit)
        self.players.clear()

    def _go_on_to(self, moment: float) -> None:
        seconds = moment - self.now()
        if seconds > 0:
            self.world.clock.advance(seconds + 0.001)
        with self.world.turn():
            pass
