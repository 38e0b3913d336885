"""The page, in a real browser, from a real api-server that wants a login, over a year in a real PostgreSQL.

The warehouse's Connection belongs to a role that may read the views and nothing else.
"""

from __future__ import annotations

import csv
import json
import math
import re
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from urllib.parse import quote, urlencode, urlsplit
from zoneinfo import ZoneInfo

import history
import pytest
from batches import Walk, batch_of_two, of_items, set_aside
from chromium import PATIENCE_MS, chromium
from PIL import Image, ImageStat
from playwright.sync_api import expect
from postgres import database_with_reader
from sandbox import airflow_environment
from sqlalchemy import text
from stack import AirflowStack
from support import POSTGRESQL

from airflow_provider_iyzico.domain.payout import State
from airflow_provider_iyzico.ledger.accounts import Account
from airflow_provider_iyzico.ledger.ledger import Ledger
from airflow_provider_iyzico.ui.app import STATIC, create_app
from airflow_provider_iyzico.ui.columns import COLUMNS, MORE_COLUMNS
from airflow_provider_iyzico.ui.words import words
from airflow_provider_iyzico.warehouse.append import append
from airflow_provider_iyzico.warehouse.snapshot import Observation, snapshot_row
from airflow_provider_iyzico.warehouse.tables import snapshot_table
from airflow_provider_iyzico.warehouse.task import TaskInstance

pytestmark = pytest.mark.timeout(1500)
ISTANBUL = ZoneInfo("Europe/Istanbul")
_TODAY = datetime.now(ISTANBUL).date()
LAST_31 = {"range": "custom", "first": str(_TODAY - timedelta(30)), "last": str(_TODAY)}
PAYROLL = {"environment": "production", "account": "payroll", "currency": "TRY"}
#: Labels that would do harm if they were not escaped everywhere.
EVIL = "<img src=x onerror=alert(1)>'\"&"
USERS = {"finance": "viewer", "stranger": ""}  # who has no role has no rights
PASSWORD = "only on loopback"


@pytest.fixture(scope="module")
def warehouse(postgres_url):
    """A year of four accounts and one with an evil name, in a database of its own."""
    with database_with_reader(postgres_url, POSTGRESQL) as (engine, reader):
        history.fill(engine, datetime.now(UTC))
        seen = Observation(EVIL, "production", "TRY", Decimal("1.25"), "1.25", datetime.now(UTC), None, 1, "Europe/Istanbul")
        task = TaskInstance("=evil", "t", "<script>alert(2)</script>", -1, 1, None, None, None)
        append(engine, snapshot_table(), snapshot_row(seen, task), create_table=True)
        pay(engine)
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("ANALYZE"))  # as the server itself does within a minute; without, a year may take too long
        with engine.begin() as connection:
            for view in COLUMNS | MORE_COLUMNS:
                connection.execute(text(f"GRANT SELECT ON {view} TO {reader.username}"))
        yield engine, reader


def pay(engine):
    """Let one batch be paid, one in part, and one hold money."""
    ledger, account = Ledger.open(engine), Account(**PAYROLL)
    amounts = {"salaries": ("100.50", "200.00"), "bonuses": ("10.00", "20.25"), "suppliers": ("33.00", "44.00")}
    walks = [Walk(ledger, account, batch_of_two(name, *each)) for name, each in amounts.items()]
    for walk in walks[:2]:
        walk.to(State.INIT_SENT, State.INITIATED, State.AUTH_SENT, State.AUTHORIZED)
    walks[0].read("COMPLETED", "SUCCESS")
    walks[1].read("IN_PROGRESS", of_items(["SUCCESS", "FAILED"]))
    walks[2].to(State.INIT_SENT, State.INITIATED)
    set_aside(ledger, walks[2].batch)


@pytest.fixture(scope="module")
def airflow(warehouse, tmp_path_factory):
    folder = tmp_path_factory.mktemp("airflow")
    reader = warehouse[1].render_as_string(hide_password=False)
    passwords = folder / "passwords.json"
    passwords.write_text(json.dumps(dict.fromkeys(USERS, PASSWORD)))
    environment = airflow_environment(folder / "home", iyzico="", warehouse="")
    environment["AIRFLOW_CONN_FINANCE_READER"] = reader
    environment["AIRFLOW__IYZICO__WAREHOUSE_CONN_ID"] = "finance_reader"
    stack = AirflowStack(environment, folder / "processes", processes=("api-server",))
    stack.environment |= {
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "False",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{name}:{role}" for name, role in USERS.items()),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
    }
    with stack:
        stack.wait_until("the api-server answers", lambda: ask(stack, "/api/v2/version")[0] == 200)
        yield stack


@pytest.fixture(scope="module")
def browser():
    with chromium() as started:
        yield started


def ask(airflow, path, token=None, method="GET", **headers):
    """Return status, headers and body of one request."""
    headers |= {"Authorization": f"Bearer {token}"} if token else {}
    request = urllib.request.Request(f"{airflow.url}{path}", headers=headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read().decode()


def sign_in(airflow, name):
    body = json.dumps({"username": name, "password": PASSWORD}).encode()
    request = urllib.request.Request(f"{airflow.url}/auth/token", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)["access_token"]


@pytest.fixture(scope="module")
def token(airflow):
    return sign_in(airflow, "finance")


def see_today(engine):
    """Keep the last balance once more if the day has none yet: a day, and on the first a month, begins with its first snapshot."""
    of = "environment = 'production' AND account = 'payroll' AND currency = 'TRY'"
    with engine.connect() as connection:
        newest = f"SELECT balance, local_date FROM iyzico_balance_observed WHERE {of} ORDER BY observed_at DESC LIMIT 1"
        balance, day = connection.execute(text(newest)).one()
    if day < datetime.now(ISTANBUL).date():
        seen = Observation("payroll", "production", "TRY", balance, str(balance), datetime.now(UTC), None, 1, "Europe/Istanbul")
        who = TaskInstance(
            "iyzico_balance_snapshot", "snapshot", f"scheduled__{datetime.now(UTC).isoformat()}", -1, 1, None, None, None
        )
        append(engine, snapshot_table(), snapshot_row(seen, who), create_table=True)


@pytest.fixture
def visit(warehouse, airflow, browser, token):
    """Open the page signed in, and see to it that nothing went wrong by the end: no error, no request to elsewhere."""
    see_today(warehouse[0])
    contexts, wrong, hosts = [], [], set()

    def start(path="/iyzico/", locale="en-US", viewport=(1280, 900), **question):
        context = browser.new_context(
            locale=locale, viewport={"width": viewport[0], "height": viewport[1]}, accept_downloads=True, timezone_id="Asia/Tokyo"
        )
        contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        context.add_cookies([{"name": "_token", "value": token, "url": airflow.url}])
        page = context.new_page()
        page.on("request", lambda request: hosts.add(urlsplit(request.url).hostname))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("dialog", lambda dialog: (wrong.append(dialog.message), dialog.dismiss()))
        page.on("console", lambda message: message.type in ("error", "warning") and wrong.append(message.text))
        page.goto(f"{airflow.url}{path}?{urlencode(question)}" if question else f"{airflow.url}{path}")
        return page

    start.forgives = ["allow-same-origin"]  # Airflow's own words about how it embeds every plugin's page
    yield start
    for context in contexts:
        context.close()
    assert hosts <= {"127.0.0.1", None}
    assert [each for each in wrong if not any(part in each for part in start.forgives)] == []


def ready(page):
    page.wait_for_selector("#main[aria-busy=false]")
    return page


def view(warehouse, name, order="1", **where):
    conditions = " AND ".join(f"{key} = :{key}" for key in (PAYROLL | where))
    with warehouse[0].connect() as connection:
        query = text(f"SELECT * FROM {name} WHERE {conditions} ORDER BY {order}")
        return connection.execute(query, PAYROLL | where).all()


def lira(amount, language):
    """Write money as people in Turkey and elsewhere do, computed here from the exact Decimal."""
    if amount is None:
        return "–"
    written = f"{abs(amount):,f}"
    whole, _, fraction = written.partition(".")
    fraction = fraction.rstrip("0").ljust(2, "0")
    if language == "tr":
        whole = whole.replace(",", ".")
    return f"{'-' if amount < 0 else ''}₺{whole}{',' if language == 'tr' else '.'}{fraction}"


PARTS = ("data", "payouts", "exceptions", "batch", "month", "movements", "below", "accounts")
#: A month that is over, of which the made-up year has every day.
LAST_MONTH = f"{_TODAY.replace(day=1) - timedelta(1):%Y-%m}"
FILES = (
    "observations",
    "days",
    "gates",
    "payouts",
    "exceptions",
    "rollforward",
    "months",
    "movements",
    "batch/items",
    "accounts",
)
_OF_BATCH = urlencode(PAYROLL | {"external_id": "salaries"})
ROUTES = [
    "/iyzico/",
    *[f"/iyzico/{part}?{_OF_BATCH}" for part in PARTS],
    *[f"/iyzico/file/{what}?{_OF_BATCH}&first=2026-01-01&last=2026-01-02" for what in FILES],
    *[f"/iyzico/file/statement/{kind}?{_OF_BATCH}&month={LAST_MONTH}" for kind in ("csv", "camt053", "mt940")],
    *[f"/iyzico/static/{name}" for name in STATIC],
]


def test_the_list_of_routes_that_these_tests_ask_is_complete():
    known = {re.sub(r"\{.*", "", route.path) for route in create_app().routes}
    asked = {urlsplit(path).path.removeprefix("/iyzico") for path in ROUTES}
    assert known == {
        "/",
        "/file/",
        "/file/batch/",
        "/file/statement/",
        "/file/accounts",
        "/static/",
        *[f"/{part}" for part in PARTS],
    }
    assert all(any(path.startswith(each) for path in asked) for each in known)


@pytest.mark.parametrize("path", ROUTES)
def test_nobody_sees_anything_without_a_login(airflow, path):
    status, _, body = ask(airflow, path, Accept="text/html")
    assert status == 401
    assert "Sign in to Airflow" in body
    assert "payroll" not in body


@pytest.mark.parametrize("path", ROUTES)
def test_a_user_without_the_right_is_told_whom_to_ask(airflow, path):
    status, _, body = ask(airflow, path, sign_in(airflow, "stranger"), Accept="text/html", **{"Accept-Language": "tr"})
    assert status == 403
    assert "Airflow yöneticinizden" in body
    assert "payroll" not in body


@pytest.mark.parametrize("path", ROUTES)
def test_every_answer_forbids_scripts_frames_and_requests_of_others(airflow, token, path):
    status, headers, _ = ask(airflow, path, token)
    assert status == 200
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
    assert "unsafe" not in policy
    assert "frame-ancestors 'self'" in policy
    assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_no_route_takes_anything_but_reading(airflow, token, method):
    for path in ROUTES:
        assert ask(airflow, path, token, method)[0] == 405, path


def test_the_documentation_of_the_interface_is_not_public(airflow, token):
    for path in ("docs", "redoc", "openapi.json"):
        assert ask(airflow, f"/iyzico/{path}")[0] == 404
        assert ask(airflow, f"/iyzico/{path}", token)[0] == 404


@pytest.mark.parametrize(
    ("question", "status"),
    [
        (PAYROLL | {"first": "2026-03-02", "last": "2026-03-01"}, 400),
        (PAYROLL | {"first": "yesterday", "last": "today"}, 400),
        (PAYROLL | {"first": "0001-01-01", "last": "9999-12-31"}, 400),
        (PAYROLL | {"account": "nobody' OR 1=1 --"}, 404),
        ({"account": "payroll"}, 400),
    ],
)
def test_a_question_that_makes_no_sense_is_refused_with_advice(airflow, token, question, status):
    found, _, body = ask(airflow, f"/iyzico/data?{urlencode(question)}", token)
    assert found == status
    assert json.loads(body)["advice"]


def test_scripts_are_not_sent_again_as_long_as_they_are_the_same(airflow, token):
    _, headers, _ = ask(airflow, "/iyzico/static/page.js", token)
    assert ask(airflow, "/iyzico/static/page.js", token, **{"If-None-Match": headers["ETag"]})[0] == 304


@pytest.mark.parametrize(("locale", "language"), [("en-US", "en"), ("tr-TR", "tr")])
def test_every_figure_is_that_of_the_views(warehouse, visit, locale, language):
    today = datetime.now(ISTANBUL).date()
    page = ready(visit(locale=locale, **LAST_31, **PAYROLL))
    (latest,) = view(warehouse, "iyzico_balance_latest")
    assert page.inner_text("#balance") == lira(latest.balance, language)
    assert lira(latest.threshold, language) in page.inner_text("#threshold")

    week, month = view(warehouse, "iyzico_balance_runway", "window_days")
    shown = page.inner_text("#runway")
    for window in (week, month):
        assert lira(window.average_outflow.quantize(Decimal("0.01"), ROUND_HALF_UP), language) in shown
        assert lira(window.p90_outflow, language) in shown
        assert f"{math.floor(window.days_at_average * 10) / 10:g}".replace(".", "," if language == "tr" else ".") in shown

    days = [day for day in view(warehouse, "iyzico_balance_daily", "local_date DESC") if day.local_date > today - timedelta(31)]
    rows = page.locator("#days tbody tr")
    assert rows.count() == len(days) == 31
    for row, day in zip(rows.all(), days, strict=True):
        cells = row.locator("td").all_inner_texts()
        names = ("opening", "closing", "lowest", "highest", "net_change", "inflow", "outflow")
        assert cells[:7] == [lira(getattr(day, name), language) for name in names]
        assert cells[7] == str(day.observations)
        assert cells[9] == {("en", 1): "yes", ("en", 0): "no", ("tr", 1): "evet", ("tr", 0): "hayır"}[language, day.is_complete]

    starts_at = min(day.starts_at for day in days)
    gates = [gate for gate in view(warehouse, "iyzico_payout_coverage", "waiting_since DESC") if gate.waiting_since >= starts_at]
    rows = page.locator("#gates tbody tr")
    assert rows.count() == len(gates) > 0
    for row, gate in zip(rows.all(), gates, strict=True):
        cells = row.locator("td").all_inner_texts()
        amounts = (cells[1], cells[3], cells[4])
        assert amounts == tuple(
            lira(getattr(gate, name), language) for name in ("required", "shortfall_at_start", "first_balance")
        )
        assert cells[5:7] == [gate.dag_id, gate.run_id]


@pytest.mark.parametrize(("locale", "language"), [("en-US", "en"), ("tr-TR", "tr")])
def test_every_figure_of_payouts_and_months_is_that_of_the_views(warehouse, visit, locale, language):
    page = ready(visit(locale=locale, part="payouts", batch="bonuses", **LAST_31, **PAYROLL))
    (funds,) = view(warehouse, "iyzico_balance_available")
    (latest,) = view(warehouse, "iyzico_balance_latest")
    balance = max((funds.balance_asked_at, funds.balance), (latest.observed_at, latest.balance))[1]  # the newest that is known
    available = lira(balance - funds.held, language)
    assert page.inner_text("#available") == available
    assert all(lira(amount, language) in page.inner_text("#funds") for amount in (balance, funds.held))

    summary = view(warehouse, "iyzico_payout_summary", "created_at DESC")
    names = ("requested_total", "invalid_total", "paid_total", "paid_commission", "returned_total", "cancelled_total")
    rows = page.locator("#payouts tbody tr")
    assert (
        rows.locator("th").all_inner_texts()[:-1]
        == [batch.external_id for batch in summary]
        == ["suppliers", "bonuses", "salaries"]
    )
    for row, batch in zip(rows.all(), summary, strict=False):
        assert row.locator("td").all_inner_texts()[2:] == [
            lira(getattr(batch, name), language) for name in (*names, "outstanding_total")
        ]
    paid = sum(batch.paid_total for batch in summary)
    assert lira(paid, language) in page.inner_text("#everybody-paid")
    assert rows.last.locator("td").nth(4).inner_text() == lira(paid, language)

    problems = view(warehouse, "iyzico_payout_exception", "since")
    assert page.locator("#exceptions tbody tr").count() == len(problems) == 1
    assert page.locator("#exceptions tbody td").nth(2).inner_text() == lira(problems[0].amount, language)
    assert str(len(problems)) in page.inner_text("#open-exceptions")
    assert words(language)[f"advice_{problems[0].kind}"] in page.inner_text("#exceptions")
    items = view(warehouse, "iyzico_payout_item_report", "amount DESC", external_id="bonuses")
    shown = page.locator("#items tbody tr")
    assert [row.locator("td").nth(1).inner_text() for row in shown.all()] == [lira(item.amount, language) for item in items]
    assert [row.locator("td").nth(3).inner_text() for row in shown.all()] == ["IBAN …6178"] * 2
    assert page.locator("#events li").count() > 5

    page.click("#to-month")
    ready_parts(page)
    (month,) = view(warehouse, "iyzico_balance_rollforward_month", month=f"{_TODAY:%Y-%m}")
    lines = ("opening", "came_in", "left_total", "left_commission", "returned_total", "returned_commission")
    lines += ("expected_closing", "closing", "unexplained", "under_way")
    not_arrived = sum(item.amount for item in view(warehouse, "iyzico_payout_item_report", "amount") if item.meaning == "out")
    assert not_arrived > 0
    figures = [*[getattr(month, name) for name in lines], not_arrived]
    assert page.locator("#statement .number").all_inner_texts() == [lira(figure, language) for figure in figures]
    said = lira(month.unexplained, language) in page.inner_text("#verdict")
    assert said == bool(month.unexplained), "a month without a difference, as on its first day, names no amount"
    days = view(warehouse, "iyzico_balance_rollforward", "local_date DESC")[: _TODAY.day]
    rows = page.locator("#rollforward tbody tr")
    assert rows.count() == len(days)
    for row, day in zip(rows.all(), days, strict=True):
        assert row.locator("td").all_inner_texts()[: len(lines)] == [lira(getattr(day, name), language) for name in lines]

    page.click("#to-movements")
    ready_parts(page)
    changes = view(warehouse, "iyzico_balance_movement", "seen_at DESC")
    rows = page.locator("#movements tbody tr")
    for row, change in zip(rows.all(), changes, strict=False):
        amounts = row.locator("td").all_inner_texts()[:3]
        assert amounts == [lira(getattr(change, name), language) for name in ("change", "previous_balance", "balance")]
    assert rows.count() > 20
    below = [day for day in view(warehouse, "iyzico_balance_below", "local_date DESC") if day.minutes_below > 0]
    recent = [day for day in below if day.local_date > _TODAY - timedelta(31)]
    assert page.locator("#below tbody tr").count() == len(recent) > 0

    page.click("#to-accounts")
    ready_parts(page)
    rows = page.locator("#accounts tbody tr")
    assert rows.count() == 5 + len(totals := totals_of(warehouse))
    assert [row.locator("td").nth(0).inner_text() for row in rows.all()[5:]] == [lira(total, language) for total in totals]
    assert all(total > latest.balance for total in totals)
    row = page.locator("#accounts tbody tr", has_text="payroll · TRY").first
    assert lira(latest.balance, language) in row.locator("td").nth(0).inner_text()
    amounts = row.locator("td").all_inner_texts()
    assert (amounts[2], amounts[3], amounts[6]) == (lira(funds.held, language), available, "1")


def totals_of(warehouse):
    """The balances of all production accounts in lira, in one sum."""
    with warehouse[0].connect() as connection:
        query = "SELECT sum(balance) FROM iyzico_balance_latest WHERE environment = 'production' AND currency = 'TRY'"
        return [connection.execute(text(query)).scalar()]


def ready_parts(page):
    page.wait_for_selector("#parts[aria-busy=false]")


def test_a_reader_chooses_how_files_are_written_and_it_is_remembered(visit):
    page = ready(visit(range="week", part="payouts", **PAYROLL))
    page.click(".files summary")
    page.select_option("#file-separator", "tab")
    page.reload()
    ready(page)
    with page.expect_download() as download:
        page.click("#csv-payouts")
    header = download.value.path().read_text("utf-8-sig").splitlines()[0]
    assert header.startswith("Environment\tAccount")
    assert page.get_attribute("#csv-payouts", "aria-label") == "Download as CSV: Payouts that began in this period"


def drawn(page):
    """Return what Chart.js draws: the points of each line."""
    return page.evaluate(
        "Chart.getChart('chart').data.datasets.map(({label, data}) => ({label, data: data.map(({x, y, exact}) => [x, y, exact ?? null])}))"
    )


def ink(page):
    """Return how many colours and how many coloured pixels the canvas has."""
    return page.evaluate(
        """() => {
            const canvas = document.getElementById("chart");
            const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
            const colours = new Map();
            for (let i = 0; i < data.length; i += 4) if (data[i + 3]) {
                const key = data.slice(i, i + 4).join();
                colours.set(key, (colours.get(key) ?? 0) + 1);
            }
            return [colours.size, [...colours.values()].reduce((a, b) => a + b, 0)];
        }"""
    )


def wall(moment):
    return round(moment.astimezone(ISTANBUL).replace(tzinfo=UTC).timestamp() * 1000)


def test_the_line_is_what_was_seen_gates_are_where_they_waited_and_gaps_are_gaps(warehouse, visit):
    page = ready(visit(**LAST_31, **PAYROLL))
    lines = {each["label"]: each["data"] for each in drawn(page)}
    seen = {wall(row.observed_at): row.balance for row in view(warehouse, "iyzico_balance_observed")}
    line = [point for point in lines["Balance"] if point[2] is not None]
    assert len(line) > 500
    assert all(seen[x] == Decimal(exact) for x, _, exact in line)
    gaps = [index for index, point in enumerate(lines["Balance"]) if point[2] is None]
    widths = [lines["Balance"][gap + 1][0] - lines["Balance"][gap - 1][0] for gap in gaps[:-1]]
    assert min(widths) > 30 * 60_000
    assert max(widths) > 15 * 3_600_000  # the outage
    gates = {wall(gate.waiting_since): gate for gate in view(warehouse, "iyzico_payout_coverage")}
    for begin, end, _ in zip(*[iter(lines["Payout: balance sufficient"])] * 3, strict=True):
        assert (wall(gates[begin[0]].ended_at), gates[begin[0]].required) == (end[0], Decimal(end[2]))
    thresholds = {Decimal(exact) for _, _, exact in lines["Threshold"]}
    assert thresholds == {Decimal(1_000_000)}
    colours, pixels = ink(page)
    assert colours > 20
    assert pixels > 20_000


def test_a_year_is_drawn_day_by_day(warehouse, visit):
    page = ready(visit(range="year", **PAYROLL))
    lines = {each["label"]: each["data"] for each in drawn(page)}
    days = {wall(day.starts_at): day for day in view(warehouse, "iyzico_balance_daily")}
    closing = [point for point in lines["Closing balance"] if point[0] in days and point[2] is not None]
    assert len(closing) > 300
    assert all(days[x].closing == Decimal(exact) for x, _, exact in closing)
    assert {Decimal(exact) for _, _, exact in lines["Threshold"]} == {Decimal(500_000), Decimal(1_000_000)}


def test_periods_are_chosen_by_button_by_arrow_and_by_date(visit):
    page = ready(visit(range="week", **PAYROLL))
    today = datetime.now(ISTANBUL).date()
    assert page.input_value("#last") == today.isoformat()
    assert page.locator("#days tbody tr").count() == 7
    assert page.is_disabled("#later")
    page.click("#earlier")
    expect(page.locator("#last")).to_have_value(str(today - timedelta(7)))
    page.click("#later")
    expect(page.locator("#last")).to_have_value(str(today))
    page.click("[data-range=day]")
    days = page.locator("#days tbody tr")
    expect(days).to_have_count(1)
    page.fill("#first", str(today - timedelta(2)))
    expect(days).to_have_count(3)
    page.click("[data-range=month]")
    expect(days).to_have_count(today.day)
    page.click("#earlier")
    month_end = today.replace(day=1) - timedelta(1)
    expect(page.locator("#last")).to_have_value(str(month_end))
    expect(days).to_have_count(month_end.day)
    page.click("#later")
    expect(days).to_have_count(today.day)
    page.fill("#first", str(today - timedelta(2)))
    expect(days).to_have_count(3)
    ready(page).reload()
    ready(page)
    expect(days).to_have_count(3)


def test_accounts_are_kept_apart_and_sandbox_says_so(warehouse, visit):
    page = ready(visit())
    options = page.locator("#who option").all_inner_texts()
    assert options == [f"{EVIL} · TRY", "marketplace · EUR", "marketplace · TRY", "payroll · TRY", "payroll · TRY (sandbox)"]
    assert page.locator("#who optgroup").count() == 2
    page.select_option("#who", index=4)
    expect(page.locator("#environment")).to_contain_text("no real money")
    (latest,) = view(warehouse, "iyzico_balance_latest", environment="sandbox")
    assert page.inner_text("#balance") == lira(latest.balance, "en")
    assert "out of date" in page.inner_text("#freshness")
    page.select_option("#who", index=1)
    expect(page.locator("#balance")).to_contain_text("€")


def test_the_last_account_and_period_are_shown_again(airflow, visit):
    page = ready(visit(range="day", **PAYROLL))
    page.goto(f"{airflow.url}/iyzico/")
    ready(page)
    expect(page.locator("#who option:checked")).to_have_text("payroll · TRY")
    expect(page.locator("[data-range=day]")).to_have_attribute("aria-pressed", "true")


@pytest.mark.parametrize("last", ["garbage", "0006-01-05", "2026-13-01"])
def test_an_address_that_makes_no_sense_shows_the_week(visit, last):
    page = ready(visit(range="week", **PAYROLL, last=last))
    expect(page.locator("#days tbody tr")).to_have_count(7)


def test_an_address_of_an_account_that_is_gone_says_so(visit):
    page = ready(visit(**(PAYROLL | {"account": "gone"})))
    expect(page.locator("#notice")).to_contain_text("There is no such page or account")
    page.click("[data-range=day]")
    expect(page.locator("#notice")).to_be_hidden()


def test_a_date_is_typed_in_peace(visit):
    page = ready(visit(range="week", **PAYROLL))
    page.focus("#first")
    day = _TODAY - timedelta(3)
    page.keyboard.type(f"{day:%m%d%Y}", delay=50)
    expect(page.locator("#days tbody tr")).to_have_count(4)
    assert page.input_value("#first") == str(day)


def shown_with(visit, change, clock=False, **options):
    """Return the page as it is after a change of what the warehouse answered, if need be with a clock that can be set."""
    page = visit("/iyzico/static/icon.svg", **options)
    if clock:
        page.clock.install()

    def bend(route):
        found = route.fetch().json()
        change(found)
        route.fulfill(json=found)

    page.route("**/data?*", bend)
    page.goto(page.url.replace("static/icon.svg", f"?{urlencode(LAST_31 | PAYROLL)}"))
    return ready(page)


def test_a_figure_that_cannot_be_renewed_is_out_of_date_in_time(visit):
    visit.forgives.append("status of 503")
    page = shown_with(visit, lambda found: found["latest"].update({"age_minutes": "5"}), clock=True)
    assert "up to date" in page.inner_text("#freshness")
    page.unroute("**/data?*")
    page.route(
        "**/data?*", lambda route: route.fulfill(status=503, json={"title": "The warehouse did not answer", "advice": "…"})
    )
    page.clock.run_for("03:00:00")
    assert "out of date" in page.inner_text("#freshness")
    assert "3 hours ago" in page.inner_text("#age")


LOCALES = ("en-US", "tr-TR")


#: Minutes and outcome of a gate, and how the page tells that it waited, in each language.
WAITS = [
    ("0.33333333", "timed_out", ("20 sec", "20 sn.")),
    ("0.99", "timed_out", ("59 sec", "59 sn.")),
    ("0.999", "failed", ("1 min", "1 dk.")),
    ("0.0012", "timed_out", ("0 sec", "0 sn.")),
    ("0.0012", "opened", ("at once", "beklemedi")),
    ("0.5", "opened", ("30 sec", "30 sn.")),
    ("1", "opened", ("1 min", "1 dk.")),
    ("90", "opened", ("1.5 hr", "1,5 sa.")),
    ("2880", "failed", ("2 days", "2 gün")),
    ("-3", "opened", ("clocks differ", "sistem saatleri uyuşmuyor")),
    (None, "lost", ("–", "–")),
]


@pytest.mark.parametrize(("number", "locale"), list(enumerate(LOCALES)))
def test_a_wait_is_told_in_seconds_where_it_was_shorter_than_a_minute(visit, number, locale):
    def change(found):
        gate = found["gates"][0]
        found["gates"] = [gate | {"minutes_waited": minutes, "outcome": outcome} for minutes, outcome, _ in WAITS]

    page = shown_with(visit, change, locale=locale)
    told = [row.locator("td").nth(2).inner_text().replace("\u00a0", " ") for row in page.locator("#gates tbody tr").all()]
    assert told == [shown[number] for _, _, shown in WAITS]


@pytest.mark.parametrize(
    ("days", "shown"),
    [("1", ("1 day", "1 gün")), ("1.04", ("1 day", "1 gün")), ("0.97", ("0.9 days", "0,9 gün")), ("2", ("2 days", "2 gün"))],
)
def test_one_day_is_a_day_and_less_is_not_called_one(visit, days, shown):
    def change(found):
        found["runway"][0] |= {"days_at_average": days, "days_at_p90": days, "days_observed": 0, "days_in_window": 1}
        found["runway"][0] |= {"threshold_at_average": None, "threshold_at_p90": None}

    for locale, expected in zip(LOCALES, shown, strict=True):
        page = shown_with(visit, change, locale=locale)
        runway = page.locator("#runway > div").first
        assert runway.locator(".figure").inner_text() == expected
        assert re.search(rf"(^|\s){expected}(\s|$)", runway.locator(".muted").nth(1).inner_text())
        assert "1 days" not in runway.inner_text()


@pytest.mark.parametrize("age_minutes", ["-57600", "-1", "-0.01"])
def test_a_balance_whose_time_has_not_come_is_neither_fresh_nor_just_now(visit, age_minutes):
    def change(found):
        found["latest"] |= {"age_minutes": age_minutes, "is_stale": 0}

    for locale, ahead, just_now in zip(LOCALES, ("dated in the future", "ileri tarihli"), ("just now", "az önce"), strict=True):
        page = shown_with(visit, change, locale=locale)
        assert page.inner_text("#freshness") == f"⚠ {ahead}"
        assert "bad" in page.get_attribute("#freshness", "class")
        assert just_now not in page.inner_text("#age")


def test_what_was_available_hours_ago_says_so(visit):
    def asked_before(minutes):
        return lambda found: found["funds"]["funds"].update({"balance_asked_at": found["now"] - minutes * 60_000})

    for locale, said in zip(LOCALES, ("calculated 5 hours ago", "5 saat önce hesaplandı"), strict=True):
        page = shown_with(visit, asked_before(300), locale=locale)
        assert page.inner_text("#funds-old") == f"⚠ {said}"
    page = shown_with(visit, asked_before(59))
    expect(page.locator("#funds-old")).to_be_hidden()


def test_a_balance_that_has_just_been_seen_is_fresh(visit):
    page = shown_with(visit, lambda found: found["latest"].update({"age_minutes": "0.01"}))
    assert page.inner_text("#freshness") == "✓ up to date"
    assert "just now" in page.inner_text("#age")


def test_a_period_in_which_nothing_was_seen_says_so(warehouse, visit):
    day = str(view(warehouse, "iyzico_balance_daily", "local_date")[0].local_date - timedelta(3))
    page = ready(visit(range="custom", first=day, last=day, **PAYROLL))
    expect(page.locator("#chart-empty")).to_be_visible()
    expect(page.locator("#chart-frame")).to_be_hidden()


def test_names_are_text_whatever_they_contain(visit):
    page = ready(visit(environment="production", account=EVIL, currency="TRY"))
    assert page.inner_text("#balance") == "₺1.25"
    assert page.locator("img").count() == 0


def test_csv_holds_what_the_page_shows(warehouse, visit):
    for locale, delimiter in (("en-US", ","), ("tr-TR", ";")):
        page = ready(visit(locale=locale, range="week", **PAYROLL))
        first = datetime.now(ISTANBUL).date() - timedelta(6)
        days = [day for day in view(warehouse, "iyzico_balance_daily", "local_date DESC") if day.local_date >= first]
        with page.expect_download() as download:
            page.click("#csv-days")
        rows = list(csv.reader(download.value.path().read_text("utf-8-sig").splitlines(), delimiter=delimiter))
        assert {tuple(row[:3]) for row in rows[1:]} == {("production" if delimiter == "," else "canlı", "payroll", "TRY")}
        assert [row[3] for row in rows[1:]] == [str(day.local_date) for day in days]
        closings = [row[5].replace(",", ".") for row in rows[1:]]
        assert [closing and Decimal(closing) for closing in closings] == [
            day.closing if day.closing is not None else "" for day in days
        ]
        assert "production-payroll-TRY-days" in download.value.suggested_filename
        with page.expect_download() as download:
            page.click("#csv-observations")
        rows = list(csv.reader(download.value.path().read_text("utf-8-sig").splitlines(), delimiter=delimiter))
        assert len(rows) - 1 == sum(day.observations for day in days)
        seen_at = [row[4] for row in rows[1:]]
        assert seen_at == sorted(seen_at, reverse=True)


def test_a_month_that_is_over_can_be_had_as_a_statement(warehouse, visit):
    last_day = datetime.now(ISTANBUL).date().replace(day=1) - timedelta(1)
    page = ready(visit(locale="tr-TR", part="month", range="month", last=f"{last_day:%Y-%m}-15", **PAYROLL))
    ready_parts(page)
    (month,) = view(warehouse, "iyzico_balance_rollforward_month", month=f"{last_day:%Y-%m}")
    files = {}
    for link in page.locator("#statement-files a").all():
        with page.expect_download() as download:
            link.click()
        files[download.value.suggested_filename.rpartition(".")[2]] = download.value.path().read_bytes().decode("utf-8-sig")
    assert set(files) == {"csv", "xml", "sta"}
    rows = list(csv.reader(files["csv"].splitlines(), delimiter=";"))
    assert rows[0][0] == "Ortam"
    assert [Decimal(row[8].replace(",", ".")) for row in (rows[1], rows[-1])] == [month.opening, month.closing]
    assert f":62F:C{last_day:%y%m%d}TRY{month.closing:.2f}".replace(".", ",") in files["sta"]
    assert f'<Amt Ccy="TRY">{month.closing:.2f}</Amt>' in files["xml"]
    page.click("#later")
    ready(page)
    expect(page.locator("#statements")).to_be_hidden()  # this month is not over


def test_it_is_a_page_of_airflow_and_follows_its_dark_mode(visit):
    page = visit("/")
    page.click("text=iyzico")
    frame = page.frame_locator("iframe")
    frame.locator("#main[aria-busy=false]").wait_for()
    assert frame.locator("#balance").inner_text().startswith("₺")
    for theme, is_dark in (("dark", 1), ("light", 0)):
        page.evaluate(f"localStorage.setItem('theme', '{theme}')")
        expect(frame.locator("html.dark")).to_have_count(is_dark)
    with page.expect_download() as download:  # the frame that Airflow puts it into allows that
        frame.locator("#csv-days").click()
    assert download.value.suggested_filename.endswith(".csv")


def test_it_speaks_the_language_of_airflow_and_not_that_of_the_browser(visit):
    page = visit("/")
    page.click("text=iyzico")
    frame = page.frame_locator("iframe")
    expect(frame.locator("h1")).to_have_text("Mass payout balance")
    page.evaluate("localStorage.setItem('i18nextLng', 'tr')")
    expect(frame.locator("h1")).to_have_text("Toplu ödeme bakiyesi")
    frame.locator("#main[aria-busy=false]").wait_for()
    page.evaluate("localStorage.setItem('i18nextLng', 'en')")
    expect(frame.locator("h1")).to_have_text("Mass payout balance")


def test_a_language_of_airflow_that_it_does_not_speak_leaves_it_that_of_the_browser(airflow, visit):
    page = visit("/iyzico/static/icon.svg", locale="tr-TR")
    page.evaluate("localStorage.setItem('i18nextLng', 'de')")
    page.goto(f"{airflow.url}/iyzico/")
    expect(ready(page).locator("h1")).to_have_text("Toplu ödeme bakiyesi")
    assert "lang" not in urlsplit(page.url).query


def test_a_file_and_a_notice_are_in_the_language_of_airflow_too(airflow, visit):
    page = ready(visit(range="week", **PAYROLL, lang="tr"))
    with page.expect_download() as download:
        page.click("#csv-days")
    assert download.value.path().read_text("utf-8-sig").startswith("Ortam;Hesap")
    page.evaluate("localStorage.setItem('i18nextLng', 'tr')")
    visit.forgives.append("status of 404")
    page.goto(f"{airflow.url}/iyzico/nowhere")
    expect(page.locator("h1")).to_have_text("Böyle bir sayfa ya da hesap yok")


def test_a_reason_is_in_the_language_of_the_page_and_the_recorded_message_can_be_unfolded(visit):
    message = "IyzicoAuthenticationError: iyzico refused the keys"

    def change(found):
        found["gates"][0] |= {"outcome": "failed", "reason_code": "keys_refused", "reason": message}

    page = shown_with(visit, change, locale="tr-TR")
    cell = page.locator("#gates tbody tr").first.locator("td").first
    assert message not in cell.inner_text()
    cell.get_by_text("iyzico, API anahtarlarını kabul etmedi.").click()
    expect(cell.get_by_text(message)).to_be_visible()


def test_the_history_of_a_payout_is_in_the_language_of_the_page_but_for_what_people_and_errors_said(visit):
    said = [
        {"kind": "state", "reason": "the task that sent it never recorded an answer", "reason_code": "no_record"},
        {"kind": "item", "reason": "Hesap kapalı; commission 1.50", "reason_code": None},
        {"kind": "given up", "reason": "invalid: item-2", "reason_code": None},
        {"kind": "state", "reason": "approved by Ayşe Işık, fatma; permitted at version 7", "reason_code": None, "person": None},
    ]

    def bend(route):
        found = route.fetch().json()
        found["events"] = [event | new for event, new in zip(found["events"], said, strict=False)]
        route.fulfill(json=found)

    page = visit("/iyzico/static/icon.svg", locale="tr-TR")
    page.route("**/batch?*", bend)
    page.goto(page.url.replace("static/icon.svg", f"?{urlencode(LAST_31 | PAYROLL | {'part': 'payouts', 'batch': 'bonuses'})}"))
    ready_parts(ready(page))
    told, item, given_up, let_go = (each.inner_text() for each in page.locator("#events li").all())
    assert told.endswith("\nİsteği gönderen görev bir yanıt kaydetmedi.")
    assert item.endswith("\nHesap kapalı\n\nkomisyon ₺1,50")
    assert "Vazgeçildi" in given_up
    assert given_up.endswith("\ninvalid: item-2")
    assert let_go.endswith("\nOnay verenler: Ayşe Işık, fatma. 7. sürümde verilen izin kullanıldı.")


def test_rows_lead_to_their_runs_in_airflow_also_from_inside_its_frame(warehouse, airflow, visit):
    (gate, *_) = view(warehouse, "iyzico_payout_coverage", "waiting_since DESC")
    run = f"{airflow.url}/dags/{gate.dag_id}/runs/{quote(gate.run_id, safe='')}"
    page = ready(visit(**LAST_31, **PAYROLL))
    links = page.locator("#gates tbody a").first, page.locator("#seen-by a")
    assert links[0].evaluate("link => link.href") == f"{run}/tasks/{gate.task_id}"
    assert "/dags/iyzico_balance_snapshot/runs/scheduled__" in links[1].evaluate("link => link.href")
    visit.forgives.append("status of 404")  # nothing of that made-up year has run here
    page = visit("/")
    page.click("text=iyzico")
    frame = page.frame_locator("iframe")
    frame.locator("#seen-by a").click()
    page.wait_for_url("**/dags/*/runs/*")


def test_a_day_that_is_chosen_beyond_the_other_takes_the_other_along(visit):
    page = ready(visit(range="week", **PAYROLL))
    for box, day, other in (("#last", _TODAY - timedelta(9), "#first"), ("#first", _TODAY - timedelta(2), "#last")):
        page.fill(box, str(day))
        expect(page.locator(other)).to_have_value(str(day))
        expect(page.locator("#days tbody tr")).to_have_count(1)
        assert page.input_value(box) == str(day)


def test_it_is_readable_on_a_phone(visit):
    """A small one, or a frame beside Airflow's menu."""
    page = ready(visit(locale="tr-TR", viewport=(320, 740), **LAST_31, **PAYROLL))
    for part in ("payouts", "month", "movements", "accounts", "balance"):
        page.click(f"#to-{part}")
        ready_parts(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, part
    assert page.locator("#balance").bounding_box()["y"] < 300


def test_on_a_phone_a_part_is_one_touch_away_and_comes_into_sight(visit):
    page = ready(visit(locale="tr-TR", viewport=(320, 740), **LAST_31, **PAYROLL))
    for part, seen in (
        ("payouts", "#exceptions-title"),
        ("month", "#verdict"),
        ("balance", "#balance"),
        ("payouts", "#exceptions-title"),
    ):
        assert 0 <= page.locator(f"#to-{part}").bounding_box()["y"] < 200
        page.click(f"#to-{part}")
        ready_parts(page)
        expect(page.locator(seen)).to_be_in_viewport(ratio=1)
    badge = page.locator("#open-exceptions").bounding_box()
    assert 0 <= badge["x"] < badge["x"] + badge["width"] <= 320


def test_it_can_be_used_without_a_mouse(visit):
    page = ready(visit(range="week", **PAYROLL))
    reached = []
    for _ in range(50):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.dataset.range"))
    assert {"to-payouts", "to-month", "to-movements", "to-accounts", "open-exceptions"} <= set(reached)
    assert {"who", "earlier", "day", "week", "month", "year", "first", "last", "csv-observations", "chart"} <= set(reached)
    page.focus("#chart")
    page.keyboard.press("End")
    said = page.inner_text("#chart-said")
    assert said.endswith(page.inner_text("#balance"))
    page.keyboard.press("ArrowLeft")
    assert page.inner_text("#chart-said") != said
    assert page.get_attribute("#chart", "aria-label").startswith("Balance over time")
    page.focus("[data-range=day]")
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-range=day][aria-pressed=true]")


def test_on_paper_it_is_light_and_whole(visit):
    width = 1047  # that of A4 in landscape, without margins
    page = ready(visit(locale="tr-TR", viewport=(width, 700), range="year", **PAYROLL))
    page.emulate_media(media="print", color_scheme="dark")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.evaluate("dispatchEvent(new Event('storage'))")  # also after a change elsewhere
    expect(page.locator("html.dark")).to_have_count(0)
    expect(page.locator("#printed-period")).to_be_visible()  # the boxes of the dates are not printed
    assert page.inner_text("#printed-period").endswith(f"{_TODAY.year}")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for part in ("payouts", "month", "movements", "accounts", "balance"):
        page.emulate_media(media="screen")
        page.click(f"#to-{part}")
        ready_parts(page)
        page.emulate_media(media="print", color_scheme="dark")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, part
        for table in page.locator(f"#part-{part} .table").all():
            assert table.evaluate("each => each.scrollHeight <= each.clientHeight && each.scrollWidth <= each.clientWidth"), part
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    expect(page.locator("html.dark")).to_have_count(1)


def test_pictures_in_light_and_dark_are_light_and_dark(visit, tmp_path):
    brightness = {}
    for scheme in ("light", "dark"):
        page = ready(visit(locale="tr-TR", range="month", **PAYROLL))
        page.evaluate(f"localStorage.setItem('theme', '{scheme}')")
        page.reload()
        ready(page)
        path = tmp_path / f"{scheme}.png"
        page.screenshot(path=path, full_page=True)
        picture = ImageStat.Stat(Image.open(path).convert("L"))
        brightness[scheme] = picture.mean[0]
        assert picture.stddev[0] > 10
    assert brightness["light"] > 200
    assert brightness["dark"] < 60
