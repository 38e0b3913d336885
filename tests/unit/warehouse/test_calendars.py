"""A report has no hole: writers take turns, old holes are filled, and rebuild compares everything that it writes."""

import threading
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from postgres import database_with_reader
from sqlalchemy import create_engine, event, inspect, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.pool import NullPool
from support import POSTGRESQL

from airflow_provider_iyzico.errors import WarehouseConfigurationError
from airflow_provider_iyzico.warehouse.__main__ import main
from airflow_provider_iyzico.warehouse.append import append
from airflow_provider_iyzico.warehouse.database.transaction import transaction
from airflow_provider_iyzico.warehouse.rollup.rebuild import rebuild
from airflow_provider_iyzico.warehouse.snapshot import Observation, snapshot_row
from airflow_provider_iyzico.warehouse.tables import snapshot_table
from airflow_provider_iyzico.warehouse.task import TaskInstance
from airflow_provider_iyzico.warehouse.views import VIEWS

TABLE = snapshot_table()


def put(engine, account, moment, zone="Europe/Istanbul", create_table=True, table=TABLE):
    seen = Observation(account, "production", "TRY", Decimal(5), "5", moment, None, 5, zone)
    row = snapshot_row(seen, TaskInstance("d", "t", moment.isoformat(), -1, 1, None, None, None))
    return append(engine, table, row, create_table=create_table)


def day(number, hour=9):
    return datetime(2026, 10, number, hour, tzinfo=UTC)


def run(engine, *statements):
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


def dates(engine, account):
    query = "SELECT local_date FROM iyzico_balance_daily WHERE account = :account ORDER BY 1"
    with engine.connect() as connection:
        return [date.fromisoformat(str(each)[:10]) for each in connection.execute(text(query), {"account": account}).scalars()]


def another(engine):
    """An engine for the same schema, as another task has it."""
    options = {}
    if engine.dialect.name == "postgresql":
        with engine.connect() as connection:
            options = {"options": f"-csearch_path={connection.execute(text('SELECT current_schema()')).scalar()}"}
    return create_engine(engine.url, connect_args=options, poolclass=NullPool)


def test_two_first_snapshots_of_a_zone_at_the_same_time_leave_no_hole(engine):
    put(engine, "x", day(1))
    run(
        engine,
        *[
            f"DELETE FROM {name}"
            for name in ("iyzico_balance_snapshot", "iyzico_account", "iyzico_report_day", "iyzico_balance_day")
        ],
    )
    first, at_commit, go = another(engine), threading.Event(), threading.Event()
    waits = event.listens_for(first, "commit")
    waits(lambda _: (at_commit.set(), go.wait(60)))
    tasks = [threading.Thread(target=put, args=(first, "a", day(20)))]
    tasks[0].start()
    assert at_commit.wait(60)
    tasks.append(threading.Thread(target=put, args=(another(engine), "b", day(28))))
    tasks[1].start()
    go.set()
    for task in tasks:
        task.join(60)
    assert dates(engine, "a") == [date(2026, 10, number) for number in range(20, 29)]
    with engine.begin() as connection:
        assert rebuild(connection) == []


def test_a_hole_that_is_there_already_is_filled_by_the_next_day(engine):
    for number in (1, 9):
        put(engine, "a", day(number))
    run(engine, "DELETE FROM iyzico_report_day WHERE local_date BETWEEN '2026-10-03' AND '2026-10-06'")
    put(engine, "a", day(10))
    assert dates(engine, "a") == [date(2026, 10, number) for number in range(1, 11)]


def test_the_first_day_of_an_account_is_that_of_its_own_zone(engine):
    put(engine, "a", day(5, 12), "Europe/Istanbul")
    put(engine, "a", day(1, 20), "Pacific/Kiritimati")  # the second there, the first in Istanbul
    put(engine, "a", day(3, 23), "America/Los_Angeles")
    assert dates(engine, "a")[0] == date(2026, 10, 1)
    with engine.begin() as connection:
        assert rebuild(connection) == []


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE iyzico_account SET first_date = '2026-10-02'", ["account production/a/TRY"]),
        ("UPDATE iyzico_account SET newest_at = '2026-10-02 00:00:00.000000'", ["account production/a/TRY"]),
        ("DELETE FROM iyzico_account", ["account production/a/TRY"]),
        ("DELETE FROM iyzico_report_day WHERE local_date = '2026-10-02'", ["calendar Europe/Istanbul 2026-10-02"]),
        (
            "UPDATE iyzico_report_day SET starts_at = ends_at WHERE local_date = '2026-10-03'",
            ["calendar Europe/Istanbul 2026-10-03"],
        ),
        ("UPDATE iyzico_balance_day SET outflow = 7 WHERE local_date = '2026-10-01'", ["production/a/TRY 2026-10-01"]),
    ],
)
def test_rebuild_says_of_every_table_what_differed_and_mends_it(engine, statement, said):
    for number in (1, 3):
        put(engine, "a", day(number))
    run(engine, statement)
    with engine.begin() as connection:
        assert rebuild(connection) == said
        assert rebuild(connection) == []


def test_appends_and_rebuilds_at_the_same_time_neither_fail_nor_differ(engine):
    put(engine, "a", day(1))
    failed = []

    def work(act):
        try:
            act()
        except Exception as error:
            failed.append(error)

    def append_all(account, zone):
        mine = another(engine)
        for number in range(1, 15):
            put(mine, account, day(number) + timedelta(minutes=len(account)), zone)

    def rebuild_often():
        mine = another(engine)
        for _ in range(4):
            with mine.connect() as connection, transaction(connection):
                rebuild(connection)

    acts = [lambda: append_all("bb", "Europe/Istanbul"), lambda: append_all("ccc", "Asia/Tokyo"), rebuild_often, rebuild_often]
    tasks = [threading.Thread(target=work, args=(act,)) for act in acts]
    for task in tasks:
        task.start()
    for task in tasks:
        task.join(120)
    assert failed == []
    with engine.begin() as connection:
        assert rebuild(connection) == []
    assert len(dates(engine, "bb")) == 14


def views(engine):
    return set(inspect(engine).get_view_names())


@pytest.mark.parametrize("view", ["iyzico_balance_runway", "iyzico_payout_coverage", "iyzico_balance_observed"])
def test_a_view_that_is_missing_is_made_again_by_the_next_snapshot(engine, view):
    put(engine, "a", day(1))
    run(engine, f"DROP VIEW {view}")
    put(engine, "a", day(1, 10), create_table=False)
    assert view not in views(engine)
    put(engine, "a", day(1, 11))
    assert views(engine) == set(VIEWS)


def test_a_view_that_a_dba_made_a_materialized_one_hinders_no_other(postgres_engine, caplog):
    put(postgres_engine, "a", day(1))
    with postgres_engine.begin() as connection:
        query = connection.execute(text("SELECT pg_get_viewdef('iyzico_balance_interval')")).scalar()
        connection.execute(text("DROP VIEW iyzico_balance_interval CASCADE"))
        connection.execute(text(f"CREATE MATERIALIZED VIEW iyzico_balance_interval AS {query}"))
    put(postgres_engine, "a", day(2))
    assert {"iyzico_balance_movement", "iyzico_balance_below"} <= views(postgres_engine)
    assert caplog.records == []


def test_tables_that_a_search_path_finds_are_never_made_again_in_its_first_schema(postgres_engine):
    put(postgres_engine, "a", day(1))
    with postgres_engine.begin() as connection:
        theirs = connection.execute(text("SELECT current_schema()")).scalar()
        connection.execute(text(f"CREATE SCHEMA {theirs}_own"))
    options = {"options": f"-csearch_path={theirs}_own,{theirs}"}
    engine = create_engine(postgres_engine.url, connect_args=options, poolclass=NullPool)
    run(postgres_engine, "DROP VIEW iyzico_snapshot_gap")
    put(engine, "a", day(2))
    put(engine, "a", day(3))
    with postgres_engine.begin() as connection:
        assert connection.execute(text("SELECT count(*) FROM iyzico_balance_snapshot")).scalar() == 3
        schemas = "SELECT DISTINCT schemaname FROM pg_tables WHERE tablename = 'iyzico_account' AND schemaname LIKE :like"
        assert connection.execute(text(schemas), {"like": f"{theirs}%"}).scalars().all() == [theirs]
        connection.execute(text(f"DROP SCHEMA {theirs}_own CASCADE"))


def test_a_table_of_finance_that_is_missing_is_made_again(sqlite_engine):
    put(sqlite_engine, "a", day(1))
    run(sqlite_engine, "DROP TABLE iyzico_balance_threshold")
    put(sqlite_engine, "a", day(2))
    assert "iyzico_balance_threshold" in inspect(sqlite_engine).get_table_names()


def test_a_view_that_cannot_be_made_costs_no_snapshot_and_is_logged_with_the_command(sqlite_engine, caplog):
    put(sqlite_engine, "a", day(1))
    run(
        sqlite_engine,
        "DROP VIEW iyzico_balance_runway",
        "CREATE TABLE taken (x)",
        "CREATE INDEX iyzico_balance_runway ON taken (x)",
    )
    assert put(sqlite_engine, "a", day(2))["balance"] == 5
    (line,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert "iyzico_balance_runway could not be made" in line
    assert "python -m airflow_provider_iyzico.warehouse ddl --dialect sqlite" in line


def test_looking_for_missing_views_costs_no_statement(engine):
    put(engine, "a", day(1))
    said = []
    event.listen(engine, "before_cursor_execute", lambda *arguments: said.append(arguments[2]))
    put(engine, "a", day(1, 10))
    assert len(said) == 6, said  # settings, account, row, reading back, day, reading back


def test_a_figure_of_the_future_is_never_fresh(engine):
    put(engine, "a", datetime.now(UTC) + timedelta(minutes=5))
    with engine.connect() as connection:
        assert connection.execute(text("SELECT is_stale FROM iyzico_balance_latest")).scalar() == 1


@pytest.mark.parametrize("length", [45, 46, 63])
def test_tables_whose_names_begin_alike_have_an_index_each(engine, length):
    names = [("t" * (length - 1) + which) for which in "ab"] + ["t" * 45 + "cd", "t" * 44]
    for name in names:
        table = snapshot_table(name)
        put(engine, "a", day(1), table=table)
        (index,) = table.indexes
        assert len(index.name) <= 63
    assert snapshot_table("short").indexes.copy().pop().name == "ix_short_observed"


SENTINELS = [
    "INSERT INTO iyzico_report_day VALUES ('Europe/Istanbul', '9999-12-31', '9999-12-30 21:00:00.0', '9999-12-31 21:00:00.0')",
    "INSERT INTO iyzico_report_day VALUES ('Europe/Istanbul', '9000-12-31', '9000-12-30 21:00:00.0', '9000-12-31 21:00:00.0')",
    "INSERT INTO iyzico_report_day VALUES ('Europe/Istanbul', '0001-01-01', '0001-01-01 00:00:00.0', '0001-01-02 00:00:00.0')",
    "UPDATE iyzico_account SET first_date = '0001-01-01'",
    "UPDATE iyzico_account SET first_date = '0202-11-01'",
    "UPDATE iyzico_account SET newest_at = '9999-12-31 23:59:59.000000'",
]


@pytest.mark.parametrize("sentinel", SENTINELS)
def test_a_day_far_off_that_was_written_by_hand_costs_no_account_its_snapshot(engine, sentinel):
    put(engine, "a", day(1))
    run(engine, sentinel)
    assert put(engine, "b", day(3))["balance"] == 5
    assert dates(engine, "b")[0] == date(2026, 10, 3)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM iyzico_report_day")).scalar() < 11_000


@pytest.mark.parametrize("zone", ["Europe/Istanbul", "Asia/Tokyo"])
@pytest.mark.parametrize("change", ["first_date = '-infinity'", "first_date = 'infinity'", "newest_at = 'infinity'"])
def test_an_infinite_date_of_one_account_costs_no_other_its_snapshot(postgres_engine, change, zone):
    put(postgres_engine, "a", day(1), zone)
    run(postgres_engine, f"UPDATE iyzico_account SET {change}")
    assert put(postgres_engine, "b", day(3))["balance"] == 5
    assert dates(postgres_engine, "b")[0] == date(2026, 10, 3)


def test_an_account_that_begins_late_in_the_past_leaves_no_hole(engine):
    put(engine, "a", day(20))
    put(engine, "b", day(1))
    assert len(dates(engine, "b")) == 20
    with engine.begin() as connection:
        assert rebuild(connection) == []


def test_a_day_of_25_hours_leaves_no_hole_in_another_zone(engine):
    put(engine, "b", datetime(2026, 4, 3, 2, tzinfo=UTC), "Australia/Brisbane")
    put(engine, "a", datetime(2026, 4, 4, 13, 30, 1, tzinfo=UTC), "Australia/Adelaide")
    put(engine, "a", datetime(2026, 4, 5, 14, 20, tzinfo=UTC), "Australia/Adelaide")
    assert dates(engine, "b") == [date(2026, 4, number) for number in (3, 4, 5, 6)]


def test_rebuild_refuses_where_a_policy_hides_snapshots(postgres_url):
    with database_with_reader(postgres_url, POSTGRESQL) as (owner, url):
        put(owner, "a", day(1))
        put(owner, "b", day(2))
        run(
            owner,
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {url.username}",
            "ALTER TABLE iyzico_balance_snapshot ENABLE ROW LEVEL SECURITY",
            "CREATE POLICY half ON iyzico_balance_snapshot FOR SELECT USING (account = 'a')",
        )
        role = create_engine(owner.url.set(username=url.username, password=url.password), poolclass=NullPool)
        with pytest.raises(ProgrammingError, match="row-level security"), role.begin() as connection:
            rebuild(connection)
        assert dates(owner, "b") == [date(2026, 10, 2)]


POLICIES = {
    "all": "true",
    "its account": "account = 'a'",
    "from a day on": "observed_at >= '2026-10-03'",
    "some": "extract(day FROM observed_at) <> 2",
}


@pytest.mark.parametrize("minutes", [0, -24 * 60], ids=["newest", "late"])
@pytest.mark.parametrize("shown", POLICIES.values(), ids=list(POLICIES))
def test_a_policy_that_hides_snapshots_of_the_account_keeps_nothing_and_any_other_hinders_nothing(postgres_url, shown, minutes):
    with database_with_reader(postgres_url, POSTGRESQL) as (owner, url):
        for number in (1, 2):
            put(owner, "a", day(number))
            put(owner, "b", day(number))
        run(
            owner,
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {url.username}",
            "ALTER TABLE iyzico_balance_snapshot ENABLE ROW LEVEL SECURITY",
            f"CREATE POLICY shown ON iyzico_balance_snapshot USING ({shown}) WITH CHECK (true)",
        )
        role = create_engine(owner.url.set(username=url.username, password=url.password), poolclass=NullPool)
        moment = day(3) + timedelta(minutes=minutes - 1)
        if shown in ("true", "account = 'a'"):
            assert put(role, "a", moment, create_table=False)["balance"] == 5
        else:
            with pytest.raises(WarehouseConfigurationError, match="row level security hides [12] snapshots of production/a/TRY"):
                put(role, "a", moment, create_table=False)
        with owner.begin() as connection:
            assert rebuild(connection) == []


def test_a_role_that_only_writes_snapshots_may_rebuild(postgres_url, monkeypatch, capsys):
    with database_with_reader(postgres_url, POSTGRESQL) as (owner, url):
        put(owner, "a", day(1))
        rolled_up = "iyzico_account, iyzico_report_day, iyzico_balance_day"
        run(
            owner,
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON {rolled_up} TO {url.username}",
            f"GRANT SELECT, INSERT ON iyzico_balance_snapshot TO {url.username}",
        )
        role = owner.url.set(username=url.username, password=url.password)
        monkeypatch.setenv("IYZICO_WAREHOUSE_URL", role.render_as_string(hide_password=False))
        assert main(["rebuild"]) == 0
        assert "iyzico_balance_threshold was not checked" in capsys.readouterr().err
