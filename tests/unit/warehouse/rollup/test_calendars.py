"""A report has no hole: writers take turns, and old holes are filled."""

import threading
from datetime import UTC, date, datetime, timedelta

import pytest
from snapshots import another, dates, day, put, run
from sqlalchemy import event, text

from airflow_provider_iyzico.warehouse.rollup.rebuild import rebuild
from airflow_provider_iyzico.warehouse.tables import snapshot_table


def test_two_first_snapshots_of_a_zone_at_the_same_time_leave_no_hole(engine):
    put(engine, "x", day(1))
    run(
        engine,
        *[
            f"DELETE FROM {name}"
            for name in (
                "iyzico_balance_snapshot",
                "iyzico_account",
                "iyzico_report_day WHERE report_timezone <> 'UTC'",
                "iyzico_balance_day",
            )
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


POLICIES = {
    "all": "true",
    "its account": "account = 'a'",
    "from a day on": "observed_at >= '2026-10-03'",
    "some": "extract(day FROM observed_at) <> 2",
}
