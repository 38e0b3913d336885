"""A Redis of the trial's own, and what delivers Celery's messages twice."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from base64 import b64decode
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from uuid import uuid4

import redis
from needs import PLACES, REDIS, command
from stack import free_port, kill_session

QUEUE = "default"
START_SECONDS = 30


@contextmanager
def redis_server(folder: Path) -> Iterator[str]:
    """Yield the URL of a Redis on loopback that keeps nothing on disk.

    :raises RuntimeError: there is no Redis on this machine
    """
    program = shutil.which("redis-server", path=PLACES)
    if program is None:
        raise RuntimeError(f"{REDIS}; {command([REDIS])}")
    port = free_port()
    options = ["--bind", "127.0.0.1", "--port", str(port), "--save", "", "--dir", str(folder)]
    with (folder / "redis.log").open("w") as log:
        process = subprocess.Popen([program, *options], stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        deadline = time.monotonic() + START_SECONDS
        with redis.Redis("127.0.0.1", port) as client:
            while True:
                try:
                    client.ping()
                    break
                except redis.ConnectionError:
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(0.1)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        kill_session(process)


class Redelivery:
    """Puts a copy of some messages into the queue, as a broker does that believes its first delivery lost.

    :param most: so many messages of each task, until it is renewed
    :ivar again: how many messages of each task were delivered twice
    """

    def __init__(self, broker: str, most: int) -> None:
        self.again: Counter[str] = Counter()
        self._given: Counter[str] = Counter()
        self._redis, self._most = redis.Redis.from_url(broker), most
        self._known: set[str] = set()
        self._over = Event()
        self._thread = Thread(target=self._run, name="redelivery", daemon=True)

    def __enter__(self) -> Redelivery:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._redis.close()

    def renew(self) -> None:
        """Do it to as many messages of each task once more."""
        self._given.clear()

    def _run(self) -> None:
        while not self._over.wait(0.05):
            for raw in self._redis.lrange(QUEUE, 0, -1):
                self._deliver_again(json.loads(raw))

    def _deliver_again(self, message: dict) -> None:
        name = message["headers"]["id"]
        arguments, _, _ = json.loads(b64decode(message["body"]))
        task = json.loads(arguments[0])["ti"]["task_id"]
        if name in self._known or self._given[task] >= self._most:
            return
        self._known.add(name)
        self._given[task] += 1
        self.again[task] += 1
        # A tag of its own, or the acknowledgement of one would be that of both. It is the next that a free worker takes.
        message["properties"]["delivery_tag"] = str(uuid4())
        self._redis.rpush(QUEUE, json.dumps(message))
