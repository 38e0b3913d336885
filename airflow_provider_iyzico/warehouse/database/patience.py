"""How long we wait for a warehouse, and how a wait ends if the server does not end it."""

from __future__ import annotations

import os
import socket
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotDone
from contextlib import suppress
from contextvars import ContextVar, Token
from dataclasses import dataclass
from threading import Lock, Thread, Timer
from typing import Any, Protocol, TypeVar

from airflow_provider_iyzico.errors import WarehouseUnavailableError


class _Closable(Protocol):
    def close(self) -> None: ...


C = TypeVar("C", bound=_Closable)
R = TypeVar("R")
#: A function that cuts a connection, and one that frees what was kept for it.
_Line = tuple[Callable[[], None], Callable[[], None]]


@dataclass(frozen=True, slots=True)
class Patience:
    """Bounds in seconds. The server ends what waits or runs too long. If the server is silent, we hang up.

    :param connect_seconds: for name, connection and handshake
    :param lock_seconds: for a lock
    :param statement_seconds: for a statement
    :param whole_seconds: for everything together, from connecting to the last try
    """

    connect_seconds: int
    lock_seconds: int
    statement_seconds: int
    whole_seconds: int


#: The default.
DEFAULT = Patience(connect_seconds=10, lock_seconds=15, statement_seconds=20, whole_seconds=45)

#: The pause between two tries to open a file.
_TURN_SECONDS = 0.05
_watch: ContextVar[Watch | None] = ContextVar("iyzico_watch", default=None)


class Watch:
    """Hangs up when the time is over: it cuts every connection that :func:`hold` registered, and allows no new one.

    A thread that is blocked in a driver then gets that driver's error, as if the server had gone away.
    """

    def __init__(self, patience: Patience) -> None:
        self.patience = patience
        self._ends_at = time.monotonic() + patience.whole_seconds
        self._lines: list[tuple[Any, _Line]] = []  # keeps the connection alive, so that no other gets its identity
        self._lock = Lock()
        self._timer = Timer(patience.whole_seconds, self._hang_up)
        self._timer.daemon = True
        self._token: Token[Watch | None] | None = None

    def __enter__(self) -> Watch:
        """Begin to watch.

        :raises WarehouseUnavailableError: this machine cannot start a thread now
        """
        _start(self._timer)
        self._token = _watch.set(self)
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        if self._token is not None:
            _watch.reset(self._token)
        with self._lock:
            for _connection, (_cut, release) in self._lines:
                release()
            self._lines.clear()

    @property
    def seconds_left(self) -> float:
        return self._ends_at - time.monotonic()

    def hold(self, connection: Any) -> None:
        with self._lock:
            if not any(connection is each for each, _ in self._lines):
                self._lines.append((connection, _line(connection)))
        if self.seconds_left <= 0:
            self._hang_up()

    def _hang_up(self) -> None:
        with self._lock:
            for _connection, (cut, _release) in self._lines:
                with suppress(OSError, sqlite3.Error):  # it is closed already
                    cut()


def hold(connection: Any) -> None:
    """Register a driver's connection with this thread's watch, if there is one, which cuts it when the time is over."""
    if (watch := _watch.get()) is not None:
        watch.hold(connection)


def patience_now() -> Patience:
    """Return the patience that this thread works with."""
    watch = _watch.get()
    return DEFAULT if watch is None else watch.patience


def seconds_to_connect() -> float:
    """Return how long connecting may take now.

    :raises WarehouseUnavailableError: the time for everything is over
    """
    watch = _watch.get()
    seconds = min(patience_now().connect_seconds, watch.seconds_left if watch else DEFAULT.connect_seconds)
    if seconds <= 0:
        raise WarehouseUnavailableError("the warehouse did not answer in time; a retry is safe")
    return seconds


def connect_in_time(connect: Callable[[], C]) -> C:
    """Connect in a separate thread, and give up after a while. A connection that comes later is closed.

    No driver lets us reach its socket before the handshake is over.

    :raises WarehouseUnavailableError: it took too long, or this machine cannot start a thread now
    """
    seconds = seconds_to_connect()
    done: Future[C] = Future()

    def run() -> None:
        try:
            connection = connect()
        except BaseException as error:  # noqa: BLE001 - it is raised below, if the caller still waits
            if done.set_running_or_notify_cancel():
                done.set_exception(error)
            return
        if done.set_running_or_notify_cancel():
            done.set_result(connection)
        else:
            connection.close()

    _start(Thread(target=run, name="iyzico-warehouse-connect", daemon=True))
    try:
        return done.result(seconds)
    except NotDone as error:
        if done.done() and not done.cancelled():
            return done.result()
        done.cancel()
        raise WarehouseUnavailableError(
            f"the warehouse did not accept the connection within {seconds:.0f} s; a retry is safe"
        ) from error


def in_turn(act: Callable[[], R], is_taken: Callable[[Exception], bool]) -> R:
    """Do what only one at a time may do, where a database refuses at once what others let wait for a lock.

    :param is_taken: tells whether an error says that it is somebody else's turn
    :raises WarehouseUnavailableError: it was so all the time
    """
    until = time.monotonic() + min(patience_now().lock_seconds, seconds_to_connect())
    while True:
        try:
            return act()
        except Exception as error:
            if not is_taken(error):
                raise
            if time.monotonic() > until:
                raise WarehouseUnavailableError(
                    "another process has the DuckDB file open, and DuckDB lets only one have it; let the tasks that write to it "
                    "share an Airflow pool of one slot, close other programs that read it, or use a database with a server; "
                    "a retry is safe"
                ) from error
        time.sleep(_TURN_SECONDS)


def _start(thread: Thread) -> None:
    try:
        thread.start()
    except RuntimeError as error:
        raise WarehouseUnavailableError(
            "this machine cannot start more threads, so the warehouse was not asked; see what keeps so many, or raise its limit; "
            "a retry is safe"
        ) from error


def _line(connection: Any) -> _Line:
    """Return a function that cuts a driver's connection from another thread, and one that frees what was kept for that.

    :raises WarehouseUnavailableError: this process may open no more files
    """
    if hasattr(connection, "interrupt"):  # SQLite and DuckDB, of which a closed connection of the latter says so
        return lambda: None if getattr(connection, "closed", False) else connection.interrupt(), _nothing
    number = connection.fileno() if hasattr(connection, "fileno") else _socket_number(connection)
    if number is None:
        return _nothing, _nothing
    # A copy of the descriptor: the original number may belong to another connection by the time of the cut.
    try:
        line = socket.socket(fileno=os.dup(number))
    except OSError as error:
        raise WarehouseUnavailableError(
            f"the connection to the warehouse cannot be watched ({error.strerror}); if this process has too many files open, "
            "raise its limit (ulimit -n); a retry is safe"
        ) from error

    def cut() -> None:
        line.shutdown(socket.SHUT_RDWR)

    return cut, line.close


def _socket_number(connection: Any) -> int | None:
    """Return the descriptor of a driver that hides its socket: pymysql, and mysql-connector, which wraps it."""
    line = getattr(connection, "_sock", None) or getattr(getattr(connection, "_socket", None), "sock", None)
    return None if line is None else int(line.fileno())


def _nothing() -> None:
    """There is nothing to cut or to free."""
