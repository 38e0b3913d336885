"""How a command prints: every letter on every terminal, and as far as somebody reads."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from io import TextIOWrapper


def print_every_letter() -> None:
    """Let a terminal that lacks a letter, such as that of a label, print its number. What is done must not look refused."""
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
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes once more at its end
