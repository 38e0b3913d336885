"""Where balances come from: a server on loopback that says them, pays from them, and refuses what is not there.

It keeps what it was asked: each balance that it says has the number of its question in its last four decimals, so that the row of
a hold tells by which answer it was placed.
"""

from __future__ import annotations

import json
import random
import socketserver
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from threading import Lock, Thread

from journal import last_end
from sqlalchemy.engine import Engine

NUMBER = Decimal("1E-8")


def opening(seed: int, account: str) -> Decimal:
    """Return what is on an account at first, to the kuruş."""
    return Decimal(random.Random(f"{seed} {account}").randrange(5_000, 30_000)) / 100


@dataclass(frozen=True, slots=True)
class Answer:
    """A balance that was said.

    :param last_end: the newest entry of the journal, for an end, that was committed when the question came
    """

    balance: Decimal
    last_end: int


@dataclass
class Source:
    """Balances, and what became of them."""

    engine: Engine
    seed: int
    port: int = 0
    balances: dict[str, Decimal] = field(default_factory=dict)
    answers: dict[str, list[Answer]] = field(default_factory=dict)
    paid: dict[str, list[Decimal]] = field(default_factory=dict)
    overdrawn: list[str] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def answer(self, connection: object, asked: dict[str, str]) -> str:
        account = asked["account"]
        seen = last_end(connection, account) if asked["do"] == "ask" else 0
        with self._lock:
            balance = self.balances.setdefault(account, opening(self.seed, account))
            if asked["do"] == "ask":
                said = self.answers.setdefault(account, [])
                said.append(Answer(balance + NUMBER * len(said), seen))
                return str(said[-1].balance)
            amount = Decimal(asked["amount"])
            if asked["do"] == "move":
                self.balances[account] = max(balance + amount, Decimal(0))
            elif amount > balance:
                self.overdrawn.append(f"{account}: overdrawn: {balance} is there, and {amount} was to be paid")
            else:
                self.balances[account] = balance - amount
                self.paid.setdefault(account, []).append(amount)
        return ""


@contextmanager
def serving(engine: Engine, seed: int):
    """Serve until the block ends."""
    source = Source(engine, seed)

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                for line in self.rfile:
                    self.wfile.write(source.answer(connection, json.loads(line)).encode() + b"\n")

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as server:
        source.port = server.server_address[1]
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield source
        server.shutdown()
        thread.join()
