"""Waits for something that cannot be stopped, but only for a while: the system's resolver, or a file on a network."""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from threading import Thread
from typing import Any, TypeVar, cast

from airflow_provider_iyzico.hooks.locks import forkable_lock

T = TypeVar("T")

#: What is under way. It is not begun a second time until it has ended.
_running: dict[Hashable, Future[Any]] = {}
_running_lock = forkable_lock()
os.register_at_fork(after_in_child=_running.clear)


def wait_for(act: Callable[..., T], *args: Hashable, seconds: float) -> T:
    """Return what ``act(*args)`` returns. It runs in a thread of its own. Others who want the same wait for the same thread.

    :raises TimeoutError: it takes longer, or this machine cannot start a thread
    """
    key = act, args
    with _running_lock:
        running = _running.get(key)
        if running is None:
            running = Future()
            thread = Thread(target=_run, args=(running, act, args), name="iyzico-waiting", daemon=True)
            try:
                thread.start()
            except RuntimeError as error:
                raise TimeoutError("no thread") from error
            _running[key] = running
    return cast("T", running.result(seconds))


def _run(running: Future[Any], act: Callable[..., Any], args: tuple[Hashable, ...]) -> None:
    value, failure = None, None
    try:
        value = act(*args)
    except Exception as error:  # noqa: BLE001 - it is raised where the value is waited for
        failure = error
    with _running_lock:
        _running.pop((act, args), None)  # from here on the result is out of date
    if failure is None:
        running.set_result(value)
    else:
        running.set_exception(failure)
