"""The trial, once for all tests that look at what came of it, and its figures at the end."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from typing import Any

import pytest
from trial import Trial, deployed

_figures: dict[str, Any] = {}


@pytest.fixture(scope="session")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    """What was lived through, with all machines stopped, and the database still there."""
    for number in (signal.SIGINT, signal.SIGTERM):  # who ends this ends the machines, too
        signal.signal(number, signal.default_int_handler)
    with deployed(tmp_path_factory.mktemp("distributed")) as lived:
        _figures.update(lived.figures)
        yield lived


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    width = max(map(len, _figures), default=0)
    for what, figure in _figures.items():
        terminalreporter.write_line(f"{what:<{width}}  {figure}")
