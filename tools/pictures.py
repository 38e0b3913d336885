"""``make pictures``: take the pictures of the docs again, from a real Airflow in a real browser."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import history
import payout_story
from needs import CHROMIUM
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright
from sandbox import ROOT, airflow_environment
from sqlalchemy import create_engine
from stack import AirflowStack

DOCS = ROOT / "docs"
PATIENCE_MS = 120_000
#: Two halves of the form stand side by side with this many pixels between them.
GAP = 24


@contextmanager
def airflow(home: Path) -> Iterator[AirflowStack]:
    """Start an api-server that knows a made-up year and no Connection to iyzico."""
    warehouse = home / "warehouse.db"
    environment = airflow_environment(home, iyzico="", warehouse=warehouse, dags=home)
    del environment["AIRFLOW_CONN_IYZICO_DEFAULT"]
    engine = create_engine(f"sqlite:///{warehouse}")
    history.fill(engine, datetime.now(UTC))
    payout_story.tell(engine, datetime.now(UTC))
    engine.dispose()
    with AirflowStack(environment, home / "logs", processes=("api-server",)) as stack:
        stack.wait_until_ready()
        yield stack


@contextmanager
def browser() -> Iterator[Browser]:
    """Start the browser that the tests use, too."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM.found(), args=["--no-sandbox", "--disable-gpu"])
        yield started
        started.close()


def opened(chromium: Browser, address: str, *, width: int, height: int, **more: object) -> Page:
    """Open a page of Airflow in a window of that size."""
    context = chromium.new_context(viewport={"width": width, "height": height}, locale="en-US", **more)  # type: ignore[arg-type]
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.goto(address)
    return page


def take_page(chromium: Browser, stack: AirflowStack) -> None:
    """Take the page as it stands inside Airflow."""
    page = opened(chromium, f"{stack.url}/plugin/iyzico", width=1400, height=1080)
    frame = page.frame_locator("iframe")
    frame.locator("#main[aria-busy=false]").wait_for()
    frame.locator("#who").select_option(label="suppliers · TRY")
    frame.get_by_role("button", name="Month").click()
    frame.get_by_role("button", name="Month", pressed=True).wait_for()
    this_month = frame.locator("#first").input_value()
    frame.locator("#earlier").click()  # a whole month, whatever day it is
    expect(frame.locator("#first")).not_to_have_value(this_month)
    frame.locator("#main[aria-busy=false]").wait_for()
    page.mouse.move(0, 0)
    page.screenshot(path=DOCS / "page.png")
    for part, name in (("Payouts", "page-payouts.png"), ("Month", "page-month.png")):
        frame.get_by_role("link", name=part, exact=True).click()
        frame.locator("#parts[aria-busy=false]").wait_for()
        frame.locator("#main[aria-busy=false]").wait_for()
        page.mouse.move(0, 0)
        page.screenshot(path=DOCS / name)


def take_form(chromium: Browser, stack: AirflowStack) -> None:
    """Take the form of a Connection: its standard fields, and beside them its extra fields."""
    page = opened(chromium, f"{stack.url}/connections", width=720, height=1400)
    page.get_by_role("button", name="Add Connection").click()
    form = page.get_by_role("dialog")
    kind = form.get_by_role("combobox").first
    kind.fill("iyzico")
    kind.press("Enter")
    form.locator("[name=connection_id]").fill("iyzico_default")
    form.locator("[name=login]").fill("sandbox-your-api-key")
    form.locator("[name=password]").fill("sandbox-secret")
    standard = _taken(page, form)
    form.get_by_text("Extra Fields", exact=True).click()
    extra = _taken(page, form)
    both = Image.new("RGB", (standard.width + GAP + extra.width, max(standard.height, extra.height)), "white")
    both.paste(standard, (0, 0))
    both.paste(extra, (standard.width + GAP, 0))
    both.save(DOCS / "connection.png", optimize=True)


def _taken(page: Page, part: Locator) -> Image.Image:
    page.wait_for_timeout(1000)  # Airflow opens and closes the parts of its form slowly
    with tempfile.NamedTemporaryFile(suffix=".png") as file:
        part.screenshot(path=file.name)
        return Image.open(file.name).convert("RGB")


def main() -> int:
    with tempfile.TemporaryDirectory() as folder, airflow(Path(folder)) as stack, browser() as chromium:
        take_page(chromium, stack)
        take_form(chromium, stack)
    return 0


if __name__ == "__main__":
    sys.exit(main())
