"""Airflow's own form of a Connection, and its Test button, in a real browser."""

from __future__ import annotations

import json

import pytest
from chromium import PATIENCE_MS, chromium
from playwright.sync_api import expect
from sandbox import airflow_environment
from stack import AirflowStack, free_port
from support import AIRFLOW_VERSION

from airflow_provider_iyzico.simulator import Simulator

pytestmark = [
    pytest.mark.timeout(1500),
    pytest.mark.skipif(AIRFLOW_VERSION < (3, 3), reason="the list of Connections looks otherwise before Airflow 3.3"),
]


@pytest.fixture(scope="module")
def iyzico():
    with Simulator("3200.00") as simulator:
        yield simulator


@pytest.fixture(scope="module")
def airflow(tmp_path_factory):
    folder = tmp_path_factory.mktemp("airflow")
    environment = airflow_environment(folder / "home", iyzico="", warehouse="", dags=folder)
    del environment["AIRFLOW_CONN_IYZICO_DEFAULT"], environment["AIRFLOW_CONN_IYZICO_WAREHOUSE"]
    environment["AIRFLOW__CORE__TEST_CONNECTION"] = "Enabled"
    environment["HTTPS_PROXY"] = f"http://127.0.0.1:{free_port()}"  # nobody is there: nothing leaves this machine
    with AirflowStack(environment, folder / "processes", processes=("api-server",)) as stack:
        stack.wait_until_ready()
        yield stack


@pytest.fixture(scope="module")
def browser():
    with chromium() as started:
        yield started


@pytest.fixture
def page(airflow, browser):
    context = browser.new_context(locale="en-US", viewport={"width": 1280, "height": 1000})
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.goto(f"{airflow.url}/connections")
    yield page
    context.close()


def open_form(page):
    """Open Airflow's form of a Connection of type iyzico."""
    page.get_by_role("button", name="Add Connection").click()
    form = page.get_by_role("dialog")
    kind = form.get_by_role("combobox").first
    kind.fill("iyzico")
    kind.press("Enter")
    return form


def fill_in(page, name, **fields):
    """Add a Connection by that form."""
    form = open_form(page)
    form.locator("[name=connection_id]").fill(name)
    for field, value in fields.items():
        form.locator(f"[name={field}]").fill(value)
    form.get_by_role("button", name="Save").click()
    expect(form).to_be_hidden()


def press_test(page, name):
    """Press the Test button of a Connection, and return Airflow's answer."""
    row = page.get_by_role("row").filter(has_text=name)
    with page.expect_response("**/connections/test") as answer:
        row.get_by_label("Test Connection").click()
    return answer.value


def test_the_form_shows_the_port_and_says_what_for(page):
    form = open_form(page)
    assert form.locator("[name=port]").get_attribute("placeholder") == "443, so that the Test button works"
    assert form.locator("[name=schema]").count() == 0


def test_the_test_button_tells_of_a_simulator_that_its_keys_are_accepted(page, iyzico):
    keys = json.loads(iyzico.connection)
    fill_in(page, "simulated", host="127.0.0.1", port=str(iyzico.port), login=keys["login"], password=keys["password"])
    answer = press_test(page, "simulated")
    assert (answer.status, answer.json()) == (200, {"status": True, "message": "ok: sandbox answered and accepted the keys"})


def test_with_port_443_and_no_host_the_test_button_asks_iyzico(page):
    fill_in(page, "without_a_host", port="443", login="sandbox-key", password="sandbox-secret")
    answer = press_test(page, "without_a_host")
    assert answer.status == 200, answer.text()
    assert answer.json()["status"] is False
    assert "no answer from the proxy named in HTTPS_PROXY" in answer.json()["message"]
    assert "sandbox-secret" not in answer.text()
