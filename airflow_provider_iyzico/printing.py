"""How a command prints: every letter on every terminal, and as far as somebody reads."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from typing import TextIO


def print_every_letter() -> None:
    """Let a terminal that lacks a letter, such as that of a label, print its number. What is done must not look refused.

    Nor must it where nobody can read it, as with ``>&-``. With ``2>&-``, what is said of an output does not go into it.
    """
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - Python closes it at its end
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def print_lines(lines: Iterable[str]) -> None:
    """Print lines, as far as somebody reads them."""
    with as_far_as_read():
        for line in lines:
            print(line)


@contextmanager
def as_far_as_read() -> Iterator[None]:
    """Print, as far as somebody reads it: with `| head`, nobody reads the last lines, and what is done is done."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        _let_go(sys.stdout)
    except OSError as error:  # such as a full disk: a file is not complete
        _let_go(sys.stdout)
        complain(f"the output could not be written ({error.strerror}). What was done is done, so look before you try again")
        sys.exit(os.EX_IOERR)


def complain(said: object) -> None:
    """Print an error, as far as somebody reads it: with `2>&1 | head`, the exit code stays the same."""
    try:
        print(said, file=sys.stderr, flush=True)
    except OSError:
        _let_go(sys.stderr)


def _let_go(stream: TextIO) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())  # Python flushes once more at its end
