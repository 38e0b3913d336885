"""Tasks in processes of their own. Each is forked from one process that has imported everything, so it begins at once.

That process has one thread, and is the parent of all others. The process of the test survives when they are killed.
"""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from multiprocessing.connection import wait
from pathlib import Path
from threading import Lock
from typing import Any
from unittest import mock

from sandbox import connection_of
from sqlalchemy.engine import Engine

from airflow_provider_iyzico.simulator import Simulator

#: No process is silent for so long, also on a machine with much else to do.
PATIENCE_SECONDS = 120
TESTS = Path(__file__).parent.parent
_forking = get_context("forkserver")
_forking.set_forkserver_preload(["acts", "processes"])
#: Threads may begin processes at once, which ``multiprocessing`` does not expect.
_one_by_one = Lock()


class Task:
    """A process that acts, for use with ``with``, which ends it.

    :param environment: what its environment has besides ours
    :param act: the name of a function in ``acts``, which gets a line to us, and whatever is given
    """

    def __init__(self, environment: dict[str, str], act: str, /, *given: Any, **more: Any) -> None:
        self.line, theirs = _forking.Pipe()
        self._process = _forking.Process(target=_begin, args=(theirs, environment, act, given, more), daemon=True)
        with _one_by_one, _finding_our_modules():
            self._process.start()
        theirs.close()

    def __enter__(self) -> Task:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self.line.close()

    def kill(self) -> None:
        """Send SIGKILL, and return when the process is gone."""
        self.signal(signal.SIGKILL)
        wait([self._process.sentinel], PATIENCE_SECONDS)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal. A process that has ended gets none."""
        with suppress(ProcessLookupError):
            if not wait([self._process.sentinel], 0):
                os.kill(self._process.pid, number)

    def said(self) -> Any:
        """Return what it says next, or nothing if it was killed.

        :raises AssertionError: it is silent for too long, or ended in another way
        """
        assert self.line.poll(PATIENCE_SECONDS), "a task's process is silent"
        try:
            return self.line.recv()
        except EOFError:
            with _one_by_one:
                self._process.join(PATIENCE_SECONDS)
                ended_with = self._process.exitcode
        assert ended_with == -signal.SIGKILL, f"a task's process ended with {ended_with}"
        return None


def environment(simulator: Simulator, database: tuple[Engine, dict[str, str]], timeout_seconds: float) -> dict[str, str]:
    """Return what tells a process where iyzico and the ledger are.

    :param database: an engine, and what another process needs besides its URL
    :param timeout_seconds: the Connection's: so long, and a grace, others wait for a process that sends something
    """
    engine, connect = database
    url = engine.url
    if url.get_backend_name() == "sqlite":
        connection = {"conn_type": "sqlite", "host": url.database}
    else:
        where = {"host": url.host, "port": url.port, "login": url.username, "password": url.password, "schema": url.database}
        connection = {"conn_type": "postgres", **where, "extra": connect}
    return {
        "AIRFLOW_CONN_IYZICO_DEFAULT": connection_of(simulator, "simulator", timeout=timeout_seconds),
        "AIRFLOW_CONN_IYZICO_WAREHOUSE": json.dumps(connection),
        "IYZICO_WAREHOUSE_URL": url.update_query_dict(connect).render_as_string(hide_password=False),
    }


def _begin(line: Any, settings: dict[str, str], act: str, given: tuple[Any, ...], more: dict[str, Any]) -> None:
    import acts

    os.environ.update(settings)
    getattr(acts, act)(line, *given, **more)


@contextmanager
def _finding_our_modules() -> Iterator[None]:
    """Let the first process find what pytest finds."""
    paths = (TESTS / "proof", TESTS, TESTS.parent / "tools", TESTS.parent)
    with mock.patch.dict(os.environ, PYTHONPATH=os.pathsep.join(map(str, paths))):
        yield


def version_in(said: str) -> list[str]:
    """Return the version of the batch with which a task's message says to permit one more authorization, as an argument."""
    return re.findall(r"--version [0-9]+", said)[-1].split()
