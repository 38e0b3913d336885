"""What the chart draws is what was seen: thinned without losing an extreme, cut where nobody looked."""

from datetime import UTC, date, datetime, timedelta
from decimal import Context, Decimal, getcontext, localcontext
from itertools import pairwise
from types import SimpleNamespace
from typing import NamedTuple
from unittest.mock import Mock
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as some
from sqlalchemy import text

from airflow_provider_iyzico.ui import line as lines
from airflow_provider_iyzico.ui import points as drawing
from airflow_provider_iyzico.ui import questions
from airflow_provider_iyzico.ui.line import SLICES, Line
from airflow_provider_iyzico.ui.notices import Notice
from airflow_provider_iyzico.ui.questions import Period, Who, digits, is_less, wall_clock
from airflow_provider_iyzico.ui.report import MOST_DAYS, period_of
from airflow_provider_iyzico.warehouse.append import append
from airflow_provider_iyzico.warehouse.layouts import create_statements
from airflow_provider_iyzico.warehouse.rollup.rebuild import rebuild
from airflow_provider_iyzico.warehouse.snapshot import Observation, snapshot_row
from airflow_provider_iyzico.warehouse.tables import snapshot_table
from airflow_provider_iyzico.warehouse.task import TaskInstance

ISTANBUL = ZoneInfo("Europe/Istanbul")
DAY = date(2026, 11, 22)
MIDNIGHT = datetime(2026, 11, 21, 21, tzinfo=UTC)
REST = (None, 1, "Europe/Istanbul")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Point(NamedTuple):
    """An observation, of which a line keeps the moment as a number."""

    observed_at: datetime
    balance: Decimal


def moments(points):
    return [(each.observed_at - EPOCH) // timedelta(microseconds=1) for each in points]


def split(points, cadences):
    return [points[begin:end] for begin, end in lines.split(moments(points), cadences, range(1, len(points)))]


def thin(points, starts_at, ends_at):
    return [points[place] for place in lines.thin(Line(moments(points), [each.balance for each in points]), starts_at, ends_at)]


def point(seconds, balance=0):
    return Point(MIDNIGHT + timedelta(seconds=seconds), Decimal(balance))


def points(*minutes):
    return [point(minute * 60) for minute in minutes]


def test_a_wall_clock_shows_the_time_of_the_accounts_zone():
    assert datetime.fromtimestamp(wall_clock(MIDNIGHT, ISTANBUL) / 1000, UTC) == datetime(2026, 11, 22, tzinfo=UTC)


@pytest.mark.parametrize(
    "name", ["Europe/Istanbul", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Casablanca"]
)
def test_a_wall_clock_shows_the_time_of_the_zone_when_its_clocks_are_set_too(name):
    zone, moment = ZoneInfo(name), datetime(2016, 1, 1, tzinfo=UTC)
    while moment.year < 2027:
        shown = datetime.fromtimestamp(wall_clock(moment, zone) / 1000, UTC)
        assert shown.replace(tzinfo=None) == moment.astimezone(zone).replace(tzinfo=None)
        moment += timedelta(minutes=211)


def test_the_line_is_cut_after_two_missed_observations_and_a_second_more_or_less_changes_nothing():
    parts = list(split([point(0), point(900), point(2701), point(5410), point(6310)], [(MIDNIGHT, 15)]))
    assert parts == [[point(0), point(900), point(2701)], [point(5410), point(6310)]]


def test_each_day_is_measured_by_its_own_cadence():
    days = [(MIDNIGHT, 60), (MIDNIGHT + timedelta(days=1), 15)]
    evening, night = points(1320, 1410), points(1440 + 60, 1440 + 120)
    assert list(split(evening + night, days)) == [evening, [night[0]], [night[1]]]


def test_a_line_without_a_gap_is_one_piece_and_no_line_is_none():
    assert list(split(points(0, 60, 120), [(MIDNIGHT, 30)])) == [points(0, 60, 120)]
    assert list(split([], [(MIDNIGHT, 15)])) == []


@given(some.lists(some.tuples(some.integers(0, 10_000), some.decimals(0, 10**9, places=2)), max_size=300))
def test_thinning_keeps_first_last_lowest_highest_and_invents_nothing(drawn):
    line = sorted({at: point(at, balance) for at, balance in drawn}.values())
    thinned = list(thin(line, MIDNIGHT, MIDNIGHT + timedelta(seconds=10_001)))
    assert set(thinned) <= set(line)
    assert thinned == sorted(thinned)
    if line:
        assert (thinned[0], thinned[-1]) == (line[0], line[-1])
        assert min(each.balance for each in thinned) == min(each.balance for each in line)
        assert max(each.balance for each in thinned) == max(each.balance for each in line)


def test_a_long_line_becomes_at_most_four_points_a_slice():
    line = [point(at, at * 7919 % 1000) for at in range(50_000)]
    assert SLICES < len(list(thin(line, MIDNIGHT, MIDNIGHT + timedelta(seconds=50_000)))) <= 4 * SLICES


def test_a_period_is_whole_local_days():
    period = period_of(date(2026, 3, 3), date(2026, 3, 4), ISTANBUL)
    assert (period.starts_at, period.ends_at) == (datetime(2026, 3, 2, 21, tzinfo=UTC), datetime(2026, 3, 4, 21, tzinfo=UTC))


@pytest.mark.parametrize(
    ("first", "last"),
    [(date(2026, 3, 4), date(2026, 3, 3)), (date(2026 - MOST_DAYS // 365 - 1, 1, 1), DAY), (date.max, date.max), (date.min, DAY)],
)
def test_a_period_that_cannot_be_shown_is_refused(first, last):
    with pytest.raises(Notice, match="bad_period"):
        period_of(first, last, ISTANBUL)


@pytest.mark.parametrize(
    ("amount", "written"),
    [
        ("1500.75000000", "1500.75"),
        ("100", "100"),
        ("0E-8", "0"),
        ("-0.00", "0"),
        ("1E+3", "1000"),
        ("-0.10", "-0.1"),
        ("123456789012345678901234567890.00000001",) * 2,
    ],
)
def test_no_digit_of_an_amount_is_lost(amount, written):
    assert digits(Decimal(amount)) == written


@pytest.mark.parametrize(
    ("one", "other", "is_so"),
    [
        ("499999.99999999", "500000", True),
        ("500000", "500000.00000000", False),
        ("12345678901234567890.00000001", "12345678901234567890.00000002", True),
        ("-0.01", "0E-8", True),
        ("NaN", "500000", False),
        ("500000", "NaN", False),
    ],
)
def test_amounts_are_compared_exactly_whatever_decimal_context_the_caller_has(one, other, is_so):
    with bent():
        assert is_less(Decimal(one), Decimal(other)) == is_so


def test_the_line_is_the_same_whatever_decimal_context_the_caller_has():
    line = [point(at, f"{at * 7919 % 1000}.12345678") for at in range(5_000)]
    usual = list(thin(line, MIDNIGHT, MIDNIGHT + timedelta(seconds=5_000)))
    with bent():
        assert list(thin(line, MIDNIGHT, MIDNIGHT + timedelta(seconds=5_000))) == usual
        assert digits(Decimal("12345678901234567890.12345678")) == "12345678901234567890.12345678"


def test_a_balance_that_is_no_number_is_left_out_of_the_chart(monkeypatch):
    line = [point(0, 5), point(1, "NaN"), point(2, 7), point(3, "NaN")]
    monkeypatch.setattr(questions, "observations", lambda *_: line)
    monkeypatch.setattr(questions, "observation_before", lambda *_: point(-1, "NaN"))
    sqlite = SimpleNamespace(dialect=SimpleNamespace(name="sqlite"))
    drawn = list(drawing.points(sqlite, None, None, period_of(DAY, DAY, ISTANBUL), [], ISTANBUL))
    assert [each and each[1] for each in drawn] == ["5", "7", None]


def bent():
    """A DAG file's own idea of decimals: one digit, and an error for everything."""
    return localcontext(Context(prec=1, Emax=1, Emin=-1, traps=list(getcontext().traps)))


def test_the_line_is_the_same_from_every_database(sqlite_engine, postgres_engine):
    moment = datetime(2026, 11, 22, 9, 0, 0, 123457, tzinfo=UTC)
    drawn = []
    for engine in (sqlite_engine, postgres_engine):
        for number, balance in enumerate(("5", "1234567.89", "7.12345678", "0", "-3.5")):
            seen = Observation(
                "a", "production", "TRY", Decimal(balance), balance, moment + timedelta(minutes=10 * number), *REST
            )
            task = TaskInstance("d", "t", f"r{number}", -1, 1, None, None, None)
            append(engine, snapshot_table(), snapshot_row(seen, task), create_table=True)
        with engine.connect() as connection:
            whole = period_of(DAY, DAY, ISTANBUL)
            drawn.append(list(drawing.points(connection, None, Who("production", "a", "TRY"), whole, [], ISTANBUL)))
            evening = period_of(DAY + timedelta(1), DAY + timedelta(1), ISTANBUL)
            assert list(drawing.points(connection, None, Who("production", "a", "TRY"), evening, [], ISTANBUL)) == []
    assert drawn[0] == drawn[1]
    assert [each and each[1] for each in drawn[0]] == ["5", "1234567.89", "7.12345678", "0", "-3.5", None]
    assert drawn[0][0][0] == wall_clock(moment, ISTANBUL)


def test_a_text_of_observations_in_another_order_is_put_in_order():
    texts = ["30 3.50 10 1 20 2.25", None]
    connection = SimpleNamespace(execute=lambda _: SimpleNamespace(scalar=lambda: texts.pop(0)))
    line = drawing._at_once(connection, None, Who("production", "a", "TRY"), period_of(DAY, DAY, ISTANBUL))
    assert line == ([10, 20, 30], [Decimal(1), Decimal("2.25"), Decimal("3.50")])
    assert drawing._at_once(connection, None, Who("production", "a", "TRY"), period_of(DAY, DAY, ISTANBUL)) == ([], [])


#: Balances by minute over a month of summer time's end in Berlin, with what thinning may lose: runs, ties, gaps at midnight and
#: within a part, a day that nobody looked at, and a part of one observation.
SUMMER_ENDS = """
INSERT INTO iyzico_balance_snapshot
SELECT gen_random_uuid()::text, 'a', 'production', 'TRY', b, b::text, t, NULL, 1, 'Europe/Berlin',
       (t AT TIME ZONE 'Europe/Berlin')::date, 'd', 't', 'r' || n, -1, 1, NULL, NULL, NULL, 'test', t
FROM (SELECT n, TIMESTAMPTZ '2026-10-10 22:00:00+00' + n * INTERVAL '1 minute' AS t,
             round((CASE WHEN n % 5000 < 2000 THEN 70 ELSE 1000 * sin(n) END)::numeric, 2) AS b
      FROM generate_series(0, 25000) AS n) AS s
WHERE n % 7001 NOT BETWEEN 10 AND 50 AND n NOT BETWEEN 1435 AND 1475 AND n NOT BETWEEN 3000 AND 5000
   OR n = 4000
"""


@pytest.mark.parametrize("cadence", [None, 5, 1])
def test_a_line_of_many_observations_is_the_same_whether_postgresql_thins_it_or_not(postgres_engine, monkeypatch, cadence):
    who, period = Who("production", "a", "TRY"), Period.of(date(2026, 10, 11), date(2026, 11, 1), ZoneInfo("Europe/Berlin"))
    with postgres_engine.begin() as connection:
        for _, statement in create_statements(snapshot_table(), postgres_engine.dialect):
            connection.execute(statement)
        connection.execute(text(SUMMER_ENDS))
        if cadence:
            told = "INSERT INTO iyzico_balance_threshold VALUES ('production', 'a', 'TRY', '2026-10-12', NULL, :cadence)"
            connection.execute(text(told), {"cadence": cadence})
        rebuild(connection)
        days = questions.days(connection, None, who, period)
        monkeypatch.setattr(drawing, "_MANY", 2)
        thinned_there = Mock(wraps=drawing._extremes)
        monkeypatch.setattr(drawing, "_extremes", thinned_there)
        thinned = drawn_of(connection, who, period, days)
        thinned_there.assert_called_once()
        monkeypatch.setattr(drawing, "_MANY", 10_000)
        whole = drawn_of(connection, who, period, days)
        thinned_there.assert_called_once()
    assert thinned == whole
    assert whole.count(None) == 8
    assert sum(each is not None for each in whole) > SLICES


def drawn_of(connection, who, period, days):
    return list(drawing.points(connection, None, who, period, days, ZoneInfo("Europe/Berlin")))


def test_a_nan_among_many_observations_hides_no_extreme(postgres_engine, monkeypatch):
    monkeypatch.setattr(drawing, "_MANY", 0)
    with postgres_engine.begin() as connection:
        connection.execute(
            text(
                "CREATE VIEW iyzico_balance_observed AS SELECT * FROM (VALUES "
                "('production', 'a', 'TRY', TIMESTAMPTZ '2026-11-22 09:00+00', 5.0, '1'), "
                "('production', 'a', 'TRY', '2026-11-22 09:00:01+00', 'NaN', '2'), "
                "('production', 'a', 'TRY', '2026-11-22 09:00:02+00', 7.0, '3'), "
                "('production', 'a', 'TRY', '2026-11-22 09:00:03+00', 6.0, '4')"
                ") AS seen (environment, account, currency, observed_at, balance, snapshot_id)"
            )
        )
        day = SimpleNamespace(
            starts_at=MIDNIGHT, ends_at=MIDNIGHT + timedelta(1), cadence_minutes=15, longest_gap_minutes=1, observations=4
        )
        whole = period_of(DAY, DAY, ISTANBUL)
        drawn = list(drawing.points(connection, None, Who("production", "a", "TRY"), whole, [day], ISTANBUL))
    assert [each and each[1] for each in drawn] == ["5", "7", "6", None]


def test_no_part_between_edges_reaches_beyond_a_slice_or_is_longer_than_a_late_observation():
    def day(number, gap):
        begins = MIDNIGHT + timedelta(number)
        return SimpleNamespace(
            starts_at=begins, ends_at=begins + timedelta(1), cadence_minutes=2, longest_gap_minutes=Decimal(gap)
        )

    period = period_of(DAY, DAY + timedelta(29), ISTANBUL)
    found = lines.edges(period.starts_at, period.ends_at, [day(0, "4.9999"), day(1, "5.0000")])
    bounds = [lines.moment_of(each) for each in found]
    assert (bounds[0], bounds[-1]) == (period.starts_at, period.ends_at)
    assert max(later - earlier for earlier, later in pairwise(bounds)) == timedelta(days=30) / SLICES
    second = [each for each in bounds if MIDNIGHT + timedelta(1) <= each <= MIDNIGHT + timedelta(2)]
    assert max(later - earlier for earlier, later in pairwise(second)) == timedelta(minutes=5)
    assert len(found) < 2 * SLICES
