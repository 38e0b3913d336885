"""A file of payments at a path that Airflow's object storage reads."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from queue import Empty, Queue
from threading import Event, Thread
from time import monotonic

from airflow.providers.common.compat.sdk import AirflowNotFoundException

from airflow_provider_iyzico.bridge.versions import object_storage_path
from airflow_provider_iyzico.errors import IyzicoError, PaymentsError, Retry

_CORRECT_THE_FILE = (FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError)
#: Keys before the host of an address, and all that comes after a question mark, as in a link that was signed.
_LOGIN, _QUERY = re.compile(r"(?<=://)[^@]*:.*@"), re.compile(r"\?.*", re.DOTALL)
_CORRECT_THE_PATH = (AirflowNotFoundException, ImportError, ValueError)
#: So many lines are read ahead of the task.
_AHEAD = 8


def shown_path(path: str) -> str:
    """Return a path as messages show it: without a login, and without what may be a signature."""
    return _QUERY.sub("?***", _LOGIN.sub("***@", path)) if "://" in path else path


@contextmanager
def stored_lines(path: str, *, longest: int, seconds: float) -> Iterator[Iterator[str]]:
    """Open a file of payments, and read it line by line.

    A thread of its own reads it: nothing else can stop waiting for a named pipe or for a network disk that hangs.

    :param longest: a longer line comes in parts of so many characters
    :param seconds: how long to wait for the whole file
    :raises PaymentsError: it cannot be read; where that may pass, a retry is safe
    """
    problem = f"the payments at {shown_path(path)!r} cannot be read"
    answers: Queue[str | BaseException] = Queue(_AHEAD)
    is_left = Event()
    try:
        Thread(target=_read, args=(path, longest, answers, is_left), name="iyzico-payments", daemon=True).start()
        yield _lines(answers, monotonic() + seconds)
    except IyzicoError:
        raise
    except Empty:
        raise PaymentsError(
            f"{problem}: it did not end within {seconds:.0f} s; look whether it is a file, and whether its disk hangs; "
            "a retry is safe",
            retry=Retry.SAFE,
        ) from None
    except _CORRECT_THE_FILE as error:
        raise PaymentsError(f"{problem}: {type(error).__name__}; correct it") from None
    except _CORRECT_THE_PATH as error:
        raise PaymentsError(
            f"{problem} ({type(error).__name__}); name a path that Airflow's object storage can read, install the "
            "provider of that storage, and add its Connection"
        ) from None
    except Exception as error:  # noqa: BLE001 - a storage is anybody's code, and may quote a key
        raise PaymentsError(f"{problem} now: {type(error).__name__}", retry=Retry.SAFE) from None
    finally:
        is_left.set()
        while not answers.empty():
            answers.get_nowait()  # the thread may wait for room


def _read(path: str, longest: int, answers: Queue[str | BaseException], is_left: Event) -> None:
    """Put the lines of a file, and an empty one at its end, or what went wrong."""
    try:
        with object_storage_path(path).open("r", encoding="utf-8-sig", newline="") as file:
            for line in iter(partial(file.readline, longest), ""):  # before Airflow 3, the file itself is no iterator
                answers.put(line)
                if is_left.is_set():
                    return
    except BaseException as error:  # noqa: BLE001 - it is raised where the lines are read
        answers.put(error.with_traceback(None))  # its frames hold lines, which error trackers would show
    else:
        answers.put("")


def _lines(answers: Queue[str | BaseException], until: float) -> Iterator[str]:
    while line := answers.get(timeout=max(until - monotonic(), 0)):
        if isinstance(line, BaseException):
            raise line
        if monotonic() > until:
            raise Empty
        yield line
