"""Whatever is missing, the page says what to do, in the reader's language, and gives nothing away."""

import json
import re
import threading
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime
from decimal import Decimal
from uuid import uuid4

import pytest
from needs import MARIADB_CLIENT
from postgres import database_with_reader, freezing_link
from sqlalchemy import create_engine, event, text
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DBAPIError
from stack import free_port
from support import HAS_PAGES, HAS_PSYCOPG, NO_PAGES, POSTGRESQL

from airflow_provider_iyzico.ledger.accounts import Account
from airflow_provider_iyzico.ledger.ledger import Ledger
from airflow_provider_iyzico.ledger.placing import funds_version
from airflow_provider_iyzico.ui import side_by_side
from airflow_provider_iyzico.ui.columns import COLUMNS, MORE_COLUMNS
from airflow_provider_iyzico.ui.notices import Notice
from airflow_provider_iyzico.ui.words import words
from airflow_provider_iyzico.warehouse.append import append
from airflow_provider_iyzico.warehouse.snapshot import Observation, snapshot_row
from airflow_provider_iyzico.warehouse.tables import snapshot_table
from airflow_provider_iyzico.warehouse.task import TaskInstance

pytestmark = pytest.mark.skipif(not HAS_PAGES, reason=NO_PAGES)


@pytest.fixture(scope="module")
def url(airflow_database):
    """The application on a real socket, as the api-server mounts it; who may read is tested with the real api-server."""
    import uvicorn

    from airflow_provider_iyzico.ui.app import create_app

    app = create_app()
    (may_read,) = app.router.dependencies
    app.dependency_overrides[may_read.dependency] = lambda: None
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="critical", ws="none"))
    thread = threading.Thread(target=server.run)
    thread.start()
    deadline = time.monotonic() + 120
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.01)
    assert server.started
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(120)


@pytest.fixture
def connect(monkeypatch):
    """Name a warehouse, as Airflow's configuration and Connections do."""
    monkeypatch.setenv("_AIRFLOW_PROCESS_CONTEXT", "server")
    monkeypatch.setenv("AIRFLOW__IYZICO__WAREHOUSE_CONN_ID", "reader")

    def name(connection):
        monkeypatch.setenv("AIRFLOW_CONN_READER", connection if isinstance(connection, str) else json.dumps(connection))

    return name


def ask(url, path="/", language="en", **headers):
    request = urllib.request.Request(f"{url}{path}", headers={"Accept": "text/html", "Accept-Language": language} | headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def shows(answer, notice, status, language="en"):
    assert answer[0] == status
    title = re.search(r"<h1>(.*?)</h1>", answer[1])[1]
    return title == words(language)[f"{notice}_title"].replace("'", "&#39;")


def keep(engine, **changes):
    seen = {"account": "a", "environment": "production", "currency": "TRY", "balance": Decimal(5), "balance_raw": "5"}
    seen |= {"observed_at": datetime.now(UTC), "system_time": None, "latency_ms": 1, "report_timezone": "Europe/Istanbul"}
    task = TaskInstance("d", "t", uuid4().hex, -1, 1, None, None, None)
    append(engine, snapshot_table(), snapshot_row(Observation(**(seen | changes)), task), create_table=True)


@pytest.fixture
def postgres(postgres_url):
    """A database of its own, and a Connection to it for another role."""
    with database_with_reader(postgres_url, POSTGRESQL) as (engine, reader):
        yield engine, reader.render_as_string(hide_password=False)


@pytest.mark.parametrize("language", ["en", "tr"])
def test_without_a_connection_it_says_which_one_it_looks_for(url, connect, language):
    answer = ask(url, language=language)
    assert shows(answer, "no_connection", 503, language)
    assert "there is no Connection &#39;reader&#39;" in answer[1]


def test_a_connection_that_is_not_sql_is_named(url, connect):
    connect({"conn_type": "http", "host": "secret-host", "password": "secret-word"})
    answer = ask(url)
    assert shows(answer, "no_connection", 503)
    assert "which is not SQL" in answer[1]
    assert "secret" not in answer[1]


def test_a_warehouse_without_reports_is_named(url, connect, monkeypatch):
    from airflow_provider_iyzico.ui import reading

    monkeypatch.setattr(reading, "KEPT", ("postgresql",))
    connect({"conn_type": "sqlite", "host": "/nowhere/w.db"})
    assert shows(ask(url), "unsupported", 503)


def test_an_empty_warehouse_is_no_error_and_stays_empty(url, connect, tmp_path, postgres):
    connect({"conn_type": "sqlite", "host": str(tmp_path / "w.db")})
    assert shows(ask(url), "empty", 200)
    assert list(tmp_path.iterdir()) == []
    connect(postgres[1])
    assert shows(ask(url), "empty", 200)
    with postgres[0].connect() as connection:
        assert (
            connection.execute(text("SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'")).scalar() == 0
        )


def test_mariadb_is_shown_from_one_transaction_that_cannot_write(url, connect, mariadb_engine):
    from airflow_provider_iyzico.ui.reading import reading

    pytest.importorskip("MySQLdb", reason=f"apache-airflow-providers-mysql is not here; {MARIADB_CLIENT}")
    address = mariadb_engine.url.set(drivername="mysql").render_as_string(hide_password=False)
    connect(address)
    assert shows(ask(url), "empty", 200)
    keep(mariadb_engine, balance=Decimal("1234567.89"), balance_raw="1234567.89")
    answer = ask(url, "/accounts")
    assert answer[0] == 200
    assert [each["balance"] for each in json.loads(answer[1])["accounts"]] == ["1234567.89"]
    with reading() as (connection, _):
        assert connection.execute(text("SELECT count(*) FROM iyzico_balance_latest")).scalar() == 1
        keep(mariadb_engine, account="b")
        assert connection.execute(text("SELECT count(*) FROM iyzico_balance_latest")).scalar() == 1
        with pytest.raises(DBAPIError, match="READ ONLY"):
            connection.execute(text("DELETE FROM iyzico_balance_threshold"))


def test_views_that_are_missing_or_older_are_told_from_an_empty_warehouse(url, connect, tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path}/w.db")
    keep(engine)
    connect({"conn_type": "sqlite", "host": str(tmp_path / "w.db")})
    assert ask(url, "/data?environment=production&account=a&currency=TRY")[0] == 200
    with engine.begin() as connection:
        connection.execute(text("DROP VIEW iyzico_balance_latest"))
    assert shows(ask(url), "no_views", 503)
    with engine.begin() as connection:
        connection.execute(text("CREATE VIEW iyzico_balance_latest AS SELECT 'a' AS account"))
    answer = ask(url)
    assert shows(answer, "no_views", 503)
    assert "iyzico_balance_latest" in answer[1]
    engine.dispose()


def test_a_role_without_rights_is_told_what_to_be_granted(url, connect, postgres):
    engine, reader = postgres
    keep(engine)
    connect(reader)
    answer = ask(url)
    assert shows(answer, "no_grant", 503)
    assert all(view in answer[1] for view in COLUMNS)
    with engine.begin() as connection:
        for view in COLUMNS:
            connection.execute(text(f"GRANT SELECT ON {view} TO {engine.url.database}"))
    assert ask(url, "/data?environment=production&account=a&currency=TRY", Accept="application/json")[0] == 200


PAYROLL = "environment=production&account=a&currency=TRY"
PARTS = ("payouts", "month", "movements", "below", "accounts", "batch")
FILES = ("observations", "days", "gates", "movements", "below", "payouts", "exceptions", "rollforward", "months", "accounts")


def parts_of(url):
    """Return what each part of the page answers."""
    return {part: json.loads(ask(url, f"/{part}?{PAYROLL}&external_id=x", Accept="application/json")[1]) for part in PARTS}


def test_a_role_that_may_not_read_the_ledger_sees_balances_and_is_told_what_to_be_granted(url, connect, postgres):
    engine, reader = postgres
    keep(engine)
    funds_version(Ledger.open(engine), Account("production", "a", "TRY"))
    with engine.begin() as connection:
        for view in COLUMNS:
            connection.execute(text(f"GRANT SELECT ON {view} TO {engine.url.database}"))
    connect(reader)
    data = json.loads(ask(url, f"/data?{PAYROLL}", Accept="application/json")[1])
    assert data["funds"]["lack"] == {"why": "no_grant", "detail": "GRANT SELECT ON iyzico_balance_available TO …;"}
    assert data["latest"]["balance"] == "5"
    for part, found in parts_of(url).items():
        assert found["lack"]["why"] == "no_grant", part
        assert found["lack"]["detail"].startswith("GRANT SELECT ON iyzico_")
    status, body = ask(url, f"/file/statement/csv?{PAYROLL}&month=2026-01", Accept="application/json")
    assert (status, json.loads(body)["detail"].partition(" ON ")[0]) == (404, "GRANT SELECT")
    with engine.begin() as connection:
        for view in MORE_COLUMNS:
            connection.execute(text(f"GRANT SELECT ON {view} TO {engine.url.database}"))
    assert {part: found["lack"] for part, found in parts_of(url).items()} == dict.fromkeys(PARTS)
    for what in FILES:
        status, body = ask(url, f"/file/{what}?{PAYROLL}&first=2026-01-01&last=2026-12-31&lang=tr&separator=tab")
        assert (status, body.splitlines()[0].split("\t")[0]) == (200, "\ufeffOrtam"), what
    for what in ("items", "events"):
        assert ask(url, f"/file/batch/{what}?{PAYROLL}&external_id=x")[0] == 200
    status, body = ask(url, f"/file/statement/mt940?{PAYROLL}&month=2099-12", Accept="application/json")
    assert (status, json.loads(body)["notice"]) == (409, "no_statement")
    assert "2099-12 is not over" in json.loads(body)["detail"]


def test_the_page_lists_accounts_up_to_a_limit_and_their_file_has_all(url, connect, tmp_path, monkeypatch):
    monkeypatch.setattr(side_by_side, "MOST_ACCOUNTS", 1)
    engine = create_engine(f"sqlite:///{tmp_path}/w.db")
    for account in ("a", "b"):
        keep(engine, account=account)
    engine.dispose()
    connect({"conn_type": "sqlite", "host": f"{tmp_path}/w.db"})
    found = json.loads(ask(url, "/accounts", Accept="application/json")[1])
    assert ([each["account"] for each in found["accounts"]], found["accounts_in_all"]) == (["a"], 2)
    _header, *lines = ask(url, "/file/accounts")[1].splitlines()
    assert [line.split(",")[1] for line in lines] == ["a", "b"]


@pytest.mark.parametrize(
    "path",
    [
        "/file/nothing",
        "/file/batch/days",
        "/file/days?separator=x",
        "/file/days?kind=exe",
        "/file/statement/pdf?month=2026-01",
        "/file/statement/csv?month=2026-13",
    ],
)
def test_a_file_that_is_not_there_is_refused_with_advice(url, connect, tmp_path, path):
    engine = create_engine(f"sqlite:///{tmp_path}/w.db")
    keep(engine)
    engine.dispose()
    connect({"conn_type": "sqlite", "host": str(tmp_path / "w.db")})
    together = "&" if "?" in path else "?"
    answer = ask(url, f"{path}{together}{PAYROLL}&first=2026-01-01&last=2026-01-02&external_id=x")
    assert shows(answer, "bad_request", 400)


def test_a_warehouse_that_is_down_is_not_quoted(url, connect, caplog):
    connect(f"postgres://someone:hidden@127.0.0.1:{free_port()}/secret_database")
    answer = ask(url)
    assert shows(answer, "unavailable", 503)
    assert "secret_database" not in answer[1]
    assert "hidden" not in answer[1] + caplog.text


def test_the_log_says_why_without_what_somebody_put_into_an_extra(url, connect, caplog):
    connect({"conn_type": "postgres", "host": "127.0.0.1", "extra": json.dumps({"sslmode": "Gizli-Parola-42"})})
    answer = ask(url)
    assert shows(answer, "unavailable", 503)
    assert "sslmode" in caplog.text
    assert "Gizli" not in answer[1] + caplog.text


def test_a_wrong_schema_is_named(url, connect, postgres, monkeypatch):
    keep(postgres[0])
    connect(postgres[1])
    monkeypatch.setenv("AIRFLOW__IYZICO__WAREHOUSE_SCHEMA", "x; DROP TABLE y")
    answer = ask(url)
    assert shows(answer, "no_connection", 503)
    assert "warehouse_schema" in answer[1]


def test_the_page_cannot_write_even_where_its_connection_could(connect, tmp_path, postgres):
    from airflow_provider_iyzico.ui.reading import reading

    for connection in (
        {"conn_type": "sqlite", "host": str(tmp_path / "w.db")},
        postgres[0].url.set(drivername="postgres").render_as_string(False),
    ):
        engine = create_engine(f"sqlite:///{tmp_path}/w.db") if isinstance(connection, dict) else postgres[0]
        keep(engine)
        connect(connection)
        with pytest.raises(Exception, match="unavailable|no_grant"), reading() as (opened, _):
            opened.execute(text("DELETE FROM iyzico_balance_snapshot"))
        with engine.connect() as check:
            assert check.execute(text("SELECT count(*) FROM iyzico_balance_snapshot")).scalar() == 1
        engine.dispose()


def test_a_script_gets_the_notice_as_data(url, connect):
    status, body = ask(url, "/data?environment=e&account=a&currency=c", Accept="application/json")
    assert status == 503
    assert json.loads(body)["notice"] == "no_connection"
    assert set(json.loads(body)) == {"notice", "title", "advice", "detail"}


def test_a_link_that_freezes_gives_every_place_back_within_half_a_minute(url, connect, postgres):
    """In a query, between two queries, and while connecting; then the next reader is served."""
    from airflow_provider_iyzico.ui import reading

    engine, _ = postgres
    keep(engine)
    ended, at_work, frozen_by_now = [], threading.Semaphore(0), threading.Event()

    def read(query):
        try:
            with reading.reading() as (connection, _):
                connection.execute(text("SELECT 1"))
                at_work.release()
                if query is None:
                    frozen_by_now.wait(60)
                connection.execute(text(query or "SELECT 2"))
        except Notice as notice:
            ended.append(notice.name)

    with freezing_link(engine.url.host, engine.url.port) as (port, frozen):
        connect(engine.url.set(drivername="postgres", port=port).render_as_string(False))
        readers = [threading.Thread(target=read, args=(query,)) for query in ["SELECT pg_sleep(1)"] * 4 + [None] * 2]
        for reader in readers:
            reader.start()
        for _ in readers:
            assert at_work.acquire(timeout=30)
        frozen.set()
        frozen_by_now.set()
        started = time.monotonic()
        for reader in readers:
            reader.join(60)
        assert time.monotonic() - started < 30
        assert ended == ["unavailable"] * 6
        assert shows(ask(url), "unavailable", 503)  # which has no answer to its handshake
        assert time.monotonic() - started < 45
        frozen.clear()
        assert ask(url)[0] == 200


def test_a_database_whose_dates_are_german_is_shown(url, connect, postgres):
    engine, _ = postgres
    keep(engine)
    with engine.begin() as connection:
        connection.execute(text(f"ALTER DATABASE {engine.url.database} SET datestyle = 'German'"))
    engine.dispose()
    connect(engine.url.set(drivername="postgres").render_as_string(False))
    assert ask(url, "/data?environment=production&account=a&currency=TRY", Accept="application/json")[0] == 200


def test_a_value_that_the_driver_cannot_read_is_told_from_a_warehouse_that_is_down(url, connect, postgres):
    engine, _ = postgres
    keep(engine)
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO iyzico_payout_gate SELECT 'g', 'a', 'production', 'TRY', 'd', 't', 'r', -1, 1, 5, 0, "
                "now(), 'infinity', NULL, NULL, NULL, 1, 'waiting', NULL, NULL, '1'"
            )
        )
    connect(engine.url.set(drivername="postgres").render_as_string(False))
    status, body = ask(url, "/data?environment=production&account=a&currency=TRY", Accept="application/json")
    assert (status, json.loads(body)["notice"]) == (503, "by_hand")
    assert "warehouse rebuild" in json.loads(body)["detail"]


def test_a_folder_of_zones_that_somebody_wrote_as_a_time_zone_is_shown_in_utc(url, connect, tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path}/w.db")
    keep(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE iyzico_account SET report_timezone = 'Europe'"))
    engine.dispose()
    connect({"conn_type": "sqlite", "host": str(tmp_path / "w.db")})
    status, body = ask(url, "/data?environment=production&account=a&currency=TRY", Accept="application/json")
    assert status == 200
    assert json.loads(body)["latest"]["report_timezone"] == "UTC"


@pytest.mark.parametrize("schema", [None, "finance", "fiannce", "PUBLIC"])
def test_a_schema_that_may_not_be_used_or_is_not_there_is_never_called_empty(url, connect, postgres, monkeypatch, schema):
    engine, reader = postgres
    keep(engine)
    with engine.begin() as connection:
        connection.execute(text("CREATE SCHEMA finance"))
        connection.execute(text("REVOKE USAGE ON SCHEMA public FROM PUBLIC"))
    connect(reader)
    if schema:
        monkeypatch.setenv("AIRFLOW__IYZICO__WAREHOUSE_SCHEMA", schema)
    answer = ask(url)
    assert shows(answer, "no_grant", 503)
    assert "GRANT USAGE ON SCHEMA" in answer[1]


def test_a_row_written_by_hand_is_no_500(url, connect, tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path}/w.db")
    keep(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE iyzico_balance_snapshot SET observed_at = 'yesterday'"))
    engine.dispose()
    connect({"conn_type": "sqlite", "host": str(tmp_path / "w.db")})
    answer = ask(url, "/data?environment=production&account=a&currency=TRY")
    assert shows(answer, "by_hand", 503)
    assert "warehouse rebuild" in answer[1]


BY_HAND = {
    "sqlite": [
        *[
            "UPDATE iyzico_balance_threshold SET threshold = '5.000,00'",
            "UPDATE iyzico_balance_threshold SET cadence_minutes = 'often'",
        ],
        *["UPDATE iyzico_balance_snapshot SET balance = 9e999", "UPDATE iyzico_balance_snapshot SET observed_at = 'yesterday'"],
        "UPDATE iyzico_account SET report_timezone = 'Mars/Phobos'",
    ],
    "postgresql": [
        "UPDATE iyzico_balance_threshold SET threshold = 'NaN'",
        "UPDATE iyzico_balance_snapshot SET balance = 'NaN'",
    ],
}


@pytest.mark.parametrize(("dialect", "act"), [(dialect, act) for dialect in BY_HAND for act in BY_HAND[dialect]])
def test_a_row_written_by_hand_for_one_account_hinders_no_reader_of_another(url, connect, request, tmp_path, dialect, act):
    if dialect == "sqlite":
        engine, warehouse = create_engine(f"sqlite:///{tmp_path}/w.db"), {"conn_type": "sqlite", "host": str(tmp_path / "w.db")}
    else:
        engine, _ = request.getfixturevalue("postgres")
        warehouse = engine.url.set(drivername="postgres").render_as_string(False)
    keep(engine)
    keep(engine, account="b")
    with engine.begin() as connection:
        stated = "INSERT INTO iyzico_balance_threshold VALUES ('production', 'b', 'TRY', '2026-01-01 00:00:00.000000', 5, 15)"
        connection.execute(text(stated))
        connection.execute(text(f"{act} WHERE account = 'b'"))
    engine.dispose()
    connect(warehouse)
    assert ask(url)[0] == 200
    a = "environment=production&account=a&currency=TRY"
    assert ask(url, f"/data?{a}")[0] == 200
    for what in ("observations", "days", "gates"):
        assert ask(url, f"/file/{what}?{a}&first=2026-01-01&last=2026-01-02")[0] == 200
    if "report_timezone" not in act:
        assert shows(ask(url, f"/data?{a.replace('account=a', 'account=b')}"), "by_hand", 503)


def test_a_file_of_sqlite_whose_folder_may_not_be_written_says_what_right_is_missing(url, connect, tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path}/w.db")
    keep(engine)
    engine.dispose()
    (tmp_path / "w.db-wal").mkdir()  # root may write into every folder; this stops it as a missing right stops others
    connect({"conn_type": "sqlite", "host": str(tmp_path / "w.db")})
    answer = ask(url)
    assert shows(answer, "no_grant", 503)
    assert "write into its folder" in answer[1]


def test_every_question_of_the_page_is_in_a_transaction_that_a_standby_begins(url, connect, postgres):
    engine, _ = postgres
    keep(engine)
    with engine.begin() as connection:
        connection.execute(text("DROP VIEW iyzico_balance_runway"))
    connect(engine.url.set(drivername="postgres").render_as_string(False))
    may_write = []

    @event.listens_for(Engine, "before_cursor_execute")
    def note(connection, *_):
        driver = connection.connection.driver_connection
        may_write.append(not (driver.read_only if HAS_PSYCOPG else driver.readonly))

    try:
        assert shows(ask(url, "/data?environment=production&account=a&currency=TRY"), "no_views", 503)
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    assert may_write
    assert not any(may_write)
