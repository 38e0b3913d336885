"""A rebuild compares everything that it writes, mends it, and needs no more than it says."""

import threading
from datetime import date, timedelta

import pytest
from postgres import database_with_reader
from snapshots import another, dates, day, put, run
from sqlalchemy import create_engine
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.pool import NullPool
from support import POSTGRESQL

from airflow_provider_iyzico.warehouse.__main__ import main
from airflow_provider_iyzico.warehouse.database.transaction import transaction
from airflow_provider_iyzico.warehouse.rollup.rebuild import rebuild


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
