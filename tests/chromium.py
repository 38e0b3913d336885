"""A real browser for the page: Debian's Chromium, driven by Playwright."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from needs import CHROMIUM
from playwright.sync_api import Browser, expect, sync_playwright

PATIENCE_MS = 120_000
OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@contextmanager
def chromium() -> Iterator[Browser]:
    """Yield the browser that ``$CHROMIUM`` or the path names; without one the tests are skipped, and say so."""
    program = CHROMIUM.found()
    if program is None:
        pytest.skip(str(CHROMIUM))
    with sync_playwright() as playwright:
        expect.set_options(timeout=PATIENCE_MS)
        browser = playwright.chromium.launch(executable_path=program, args=OPTIONS)
        yield browser
        browser.close()
