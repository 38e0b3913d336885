"""The parts of the page about payouts, movements and accounts: their figures are those of the views, and what is lacking is said."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from batches import BALANCE, PERSON, Walk, batch_of_two, of_items, set_aside
from books import Books, at
from sqlalchemy import text

from airflow_provider_iyzico.domain.payout import State
from airflow_provider_iyzico.ledger.accounts import Account
from airflow_provider_iyzico.ledger.approvals import approve, shown_digest
from airflow_provider_iyzico.ledger.ledger import Ledger
from airflow_provider_iyzico.ui import months, movements, payouts
from airflow_provider_iyzico.ui.files import Asked, rows_of
from airflow_provider_iyzico.ui.notices import Notice
from airflow_provider_iyzico.ui.parts import lack
from airflow_provider_iyzico.ui.questions import Period, Who, digits, latest
from airflow_provider_iyzico.ui.side_by_side import accounts_of, side_by_side, totals
from airflow_provider_iyzico.ui.thresholds import days_until
from airflow_provider_iyzico.warehouse.append import append
from airflow_provider_iyzico.warehouse.snapshot import Observation, snapshot_row
from airflow_provider_iyzico.warehouse.tables import snapshot_table
from airflow_provider_iyzico.warehouse.task import TaskInstance

ISTANBUL = ZoneInfo("Europe/Istanbul")
WHO = Who("production", "payroll", "TRY")
ACCOUNT = Account(*WHO)
NOW = datetime.now(UTC)
TODAY = NOW.astimezone(ISTANBUL).date()
#: With tomorrow, because midnight may come before the tests of this module.
PERIOD = Period.of(TODAY - timedelta(2), TODAY + timedelta(1), ISTANBUL)
VIEWS = ("iyzico_payout_summary", "iyzico_payout_exception", "iyzico_balance_available")


def keep(engine, balance, minutes_ago=0, account="payroll"):
    seen = Observation(
        account,
        "production",
        "TRY",
        Decimal(balance),
        str(balance),
        NOW - timedelta(minutes=minutes_ago),
        None,
        1,
        "Europe/Istanbul",
    )
    task = TaskInstance("snapshots", "t", uuid4().hex, -1, 1, None, None, None)
    append(engine, snapshot_table(), snapshot_row(seen, task), create_table=True)


@pytest.fixture(params=["sqlite", "postgres", "mariadb"])
def engine(request):
    return request.getfixturevalue(f"{request.param}_engine")


@pytest.fixture
def paid(engine):
    """An account of which two batches were paid, one of them in part, and a third holds money."""
    for minutes_ago, balance in ((60, 500), (45, 500), (30, "199.50"), (15, 300), (0, 300)):
        keep(engine, balance, minutes_ago)
    ledger = Ledger.open(engine)
    amounts = {"whole": ("100.50", "200.00"), "part": ("10.00", "20.25"), "held": ("33.00", "44.00")}
    walks = [Walk(ledger, ACCOUNT, batch_of_two(name, *each)) for name, each in amounts.items()]
    for walk in walks[:2]:
        walk.to(State.INIT_SENT, State.INITIATED, State.AUTH_SENT, State.AUTHORIZED)
    walks[0].read("COMPLETED", "SUCCESS")
    walks[1].read("IN_PROGRESS", of_items(["SUCCESS", "FAILED"]))
    walks[2].to(State.INIT_SENT, State.INITIATED)
    walks[2].batch = approve(ledger, walks[2].batch, PERSON, digest=shown_digest(walks[2].batch), max_age=timedelta(days=1))
    set_aside(ledger, walks[2].batch)
    return engine


def rows(connection, query, **values):
    return [dict(row) for row in connection.execute(text(query), values).mappings()]


def is_same(shown, stored):
    """Compare digits with what the database gives, whose numbers may be floats."""
    return Decimal(shown) == Decimal(str(stored))


def test_payouts_are_those_of_the_views_exceptions_the_oldest_first(paid):
    with paid.connect() as connection:
        found = payouts.payouts(connection, None, WHO, PERIOD, ISTANBUL)
        summary = {row["external_id"]: row for row in rows(connection, "SELECT * FROM iyzico_payout_summary")}
        problems = rows(connection, "SELECT * FROM iyzico_payout_exception ORDER BY since")
    assert [each["external_id"] for each in found["batches"]] == ["held", "part", "whole"]
    for each in found["batches"]:
        for name in ("requested_total", "paid_total", "paid_commission", "outstanding_total", "returned_total"):
            assert is_same(each[name], summary[each["external_id"]][name])
        assert each["state"] == summary[each["external_id"]]["state"]
    assert [(each["kind"], each["item_external_id"]) for each in found["exceptions"]] == [
        (row["kind"], row["item_external_id"]) for row in problems
    ]
    assert found["exceptions_in_all"] == len(problems) == 1
    with paid.connect() as connection:
        assert payouts.exceptions_in_all(connection, None, WHO) == {"lack": None, "exceptions_in_all": 1}
        assert payouts.exceptions_in_all(connection, None, Who("sandbox", "nobody", "TRY"))["exceptions_in_all"] == 0
    assert (found["sums"]["batches"], found["sums"]["valid_items"], found["sums"]["paid_items"]) == (3, 6, 3)
    assert is_same(found["sums"]["paid_total"], sum(Decimal(str(row["paid_total"])) for row in summary.values()))


def test_what_is_paid_and_what_became_of_the_rest_add_up_to_what_was_requested(paid):
    with paid.connect() as connection:
        sums = payouts.payouts(connection, None, WHO, PERIOD, ISTANBUL)["sums"]
    parts = ("paid", "waiting", "out", "unknown", "returned", "cancelled", "invalid")
    assert [sums[f"{part}_items"] for part in parts] == [3, 2, 1, 0, 0, 0, 0]
    assert is_same(sums["out_total"], "20.25")
    assert sum(Decimal(sums[f"{part}_total"]) for part in parts) == Decimal(sums["requested_total"]) == Decimal("407.75")


def test_exceptions_are_shown_whatever_the_period_and_lists_are_bounded_with_what_they_leave_out(paid, monkeypatch):
    long_ago = Period.of(TODAY - timedelta(40), TODAY - timedelta(39), ISTANBUL)
    monkeypatch.setattr(payouts, "MOST_BATCHES", 2)
    with paid.connect() as connection:
        assert payouts.payouts(connection, None, WHO, long_ago, ISTANBUL)["exceptions_in_all"] == 1
        assert payouts.payouts(connection, None, WHO, long_ago, ISTANBUL)["sums"]["batches"] == 0
        found = payouts.payouts(connection, None, WHO, PERIOD, ISTANBUL)
    assert [each["external_id"] for each in found["batches"]] == ["held", "part"]
    assert found["sums"]["batches"] == 3


def test_one_batch_has_its_items_unpaid_first_and_its_events_the_newest_first(paid):
    with paid.connect() as connection:
        found = payouts.batch(connection, None, WHO, "part", ISTANBUL)
    assert [(each["item_external_id"], each["meaning"]) for each in found["items"]] == [("item-2", "out"), ("item-1", "paid")]
    assert {(each["recipient_type"], each["recipient_end"]) for each in found["items"]} == {("IBAN", "6178")}
    assert "086402100005482986178" not in str(found)
    versions = [each["version"] for each in found["events"]]
    assert versions == sorted(versions, reverse=True)
    assert found["events"][-1]["kind"] == "registered"
    assert ("item", "SUCCESS") in {(each["kind"], each["after"]) for each in found["events"]}


def test_items_that_took_the_same_step_are_one_event_with_their_number(paid):
    with paid.connect() as connection:
        events = payouts.batch(connection, None, WHO, "whole", ISTANBUL)["events"]
    assert [each["count"] for each in events if each["kind"] == "item" and each["after"] == "SUCCESS"] == [2]


def test_a_name_without_a_batch_is_no_error(paid):
    with paid.connect() as connection:
        assert payouts.batch(connection, None, WHO, "plain", ISTANBUL)["batch"] is None
        assert payouts.batch(connection, None, Who("sandbox", "payroll", "TRY"), "part", ISTANBUL)["batch"] is None


def test_what_is_available_has_the_moment_of_its_own_balance_and_says_who_holds_the_rest(paid):
    with paid.connect() as connection:
        (row,) = rows(connection, "SELECT * FROM iyzico_balance_available")
        found = payouts.available(connection, None, WHO, latest(connection, None, WHO), ISTANBUL)["funds"]
    assert is_same(found["balance"], BALANCE)
    for name in ("held", "available"):
        assert is_same(found[name], row[name])
    assert {name for name, _ in found["held_by"]} == {"held", "part"}
    with paid.connect() as connection:
        failed = rows(
            connection, "SELECT external_id, out_total FROM iyzico_payout_summary WHERE external_id IN ('held', 'part')"
        )
    assert found["failed"] == {row["external_id"]: digits(Decimal(str(row["out_total"]))) for row in failed if row["out_total"]}
    assert found["failed"].keys() == {"part"}
    assert found["held_by"] == sorted(found["held_by"], key=lambda each: -Decimal(each[1]))


def test_what_is_available_is_taken_from_the_newest_balance_also_if_no_payout_asked_for_that_one(paid):
    with paid.connect() as connection:
        (row,) = rows(connection, "SELECT held FROM iyzico_balance_available")
        old = payouts.available(connection, None, WHO, latest(connection, None, WHO), ISTANBUL)["funds"]
        assert is_same(old["available"], BALANCE - Decimal(str(row["held"])))  # a payout asked after the newest snapshot
    keep(paid, 300, -300)
    with paid.connect() as connection:
        newest = latest(connection, None, WHO)
        found = payouts.available(connection, None, WHO, newest, ISTANBUL)["funds"]
        (beside,) = side_by_side(connection, None)["accounts"]
    assert found["balance_asked_at"] == beside["balance_asked_at"] == newest["observed_at"]
    assert is_same(found["balance"], Decimal(300))
    for each in (found, beside):
        assert is_same(each["available"], 300 - Decimal(str(row["held"])))


def test_the_largest_holds_are_named_up_to_a_limit():
    assert payouts.holders(None) == []
    assert payouts.holders("a 1.00000000, b.c:d-e_f 20.5") == [["b.c:d-e_f", "20.5"], ["a", "1"]]
    assert len(payouts.holders(", ".join(f"n{number} {number}.5" for number in range(100)))) == payouts.MOST_HOLDERS


def test_changes_are_those_of_the_view_of_movements(paid):
    with paid.connect() as connection:
        found = movements.movements(connection, None, WHO, PERIOD, ISTANBUL)
        view = rows(connection, "SELECT * FROM iyzico_balance_movement ORDER BY seen_at DESC")
    assert len(found["movements"]) == len(view) == 2
    for shown, row in zip(found["movements"], view, strict=True):
        for name in ("change", "previous_balance", "balance"):
            assert is_same(shown[name], row[name])
        assert (shown["dag_id"], shown["run_id"]) == (row["dag_id"], row["run_id"])


def test_the_first_change_of_a_period_is_told_from_the_observation_before_it(engine):
    for minutes_ago, balance in ((24 * 60 * 4, 100), (10, 70)):
        keep(engine, balance, minutes_ago)
    with engine.connect() as connection:
        (change,) = movements.movements(connection, None, WHO, PERIOD, ISTANBUL)["movements"]
    assert (change["change"], change["previous_balance"]) == ("-30", "100")


def changes_of(engine, first, last):
    with engine.connect() as connection:
        found = movements.movements(connection, None, WHO, Period.of(first, last, ISTANBUL), ISTANBUL)
    return [
        (each["change"], [(step["external_id"], step["change"]) for step in each["explained_by"]], each["rest"])
        for each in found["movements"]
    ]


@pytest.fixture
def over_the_month(sqlite_engine):
    """A payout of the last evening of January that the ledger sees in February, and a return that comes on the 3rd and is seen on
    the 4th."""
    books = Books(Ledger.open(sqlite_engine), ACCOUNT)
    books.see(at(1, 31, 20), "1000.00")
    walk = books.authorized(at(1, 31, 22), "late", "1000.00", "100.00", "200.00")
    books.see(at(1, 31, 23), "697.00")
    books.became(walk, at(2, 1, 1), "SUCCESS", "FAILED")
    books.see(at(2, 1, 2), "697.00")
    books.see(at(2, 3, 9), "898.50")
    books.became(walk, at(2, 4, 10), "SUCCESS", "DEPOSIT_SUCCESS")
    books.see(at(2, 4, 11), "898.50")
    return sqlite_engine


def test_a_step_that_the_ledger_sees_after_the_period_still_explains_its_change(over_the_month):
    assert changes_of(over_the_month, date(2026, 1, 1), date(2026, 1, 31)) == [("-303", [("late", "-303")], "0")]
    assert changes_of(over_the_month, date(2026, 2, 1), date(2026, 2, 3)) == [("201.5", [("late", "201.5")], "0")]


def test_a_step_that_began_before_the_period_explains_a_change_in_it_and_none_before_it(over_the_month):
    assert changes_of(over_the_month, date(2026, 2, 1), date(2026, 2, 28)) == [("201.5", [("late", "201.5")], "0")]
    assert changes_of(over_the_month, date(2026, 2, 2), date(2026, 2, 28)) == [("201.5", [("late", "201.5")], "0")]


def step(minute, external_id="b", direction="left", amount="10", commission="1", items=1, since=None):
    moments = {
        "happened_at": NOW + timedelta(minutes=minute),
        "not_before": NOW + timedelta(minutes=minute if since is None else since),
    }
    figures = {"amount": Decimal(amount), "commission": Decimal(commission), "items": items}
    return SimpleNamespace(external_id=external_id, direction=direction, **moments, **figures)


def change(minute, balance, previous):
    moments = {"seen_at": NOW + timedelta(minutes=minute), "after_moment": NOW + timedelta(minutes=minute - 15)}
    return SimpleNamespace(balance=Decimal(balance), previous_balance=Decimal(previous), **moments)


def matched(newest_first, *steps, known_from=-60, known_to=999):
    known = (NOW + timedelta(minutes=known_from), NOW + timedelta(minutes=known_to))
    found = movements.match(newest_first, steps, *known)
    return [[(each.happened_at - NOW) / timedelta(minutes=1) for each in part] for part in found]


def test_a_step_explains_the_change_between_whose_observations_the_ledger_saw_it():
    newest_first = [change(60, 50, 80), change(30, 80, 100)]
    steps = [step(minute) for minute in (60, 45.1, 45, 31, 30, 15, 61)]
    assert matched(newest_first, *steps) == [[45.1, 60], [30]]
    assert matched([]) == []


def test_money_that_the_ledger_saw_late_explains_the_first_change_that_lost_that_much_since_it_was_sent():
    newest_first = [change(90, 39, 50), change(60, 50, 80), change(45, 80, 100), change(30, 100, 105)]
    assert matched(newest_first, step(85, since=20)) == [[], [], [85], []]
    assert matched(newest_first, step(200, since=20)) == [[], [], [200], []]
    three = [step(minute, since=20) for minute in (84, 85, 86)]
    assert matched(newest_first, *three) == [[], [85, 86], [84], []]
    assert matched(newest_first, step(85, since=20), known_from=25) == [[85], [], [], []]
    assert matched(newest_first, step(85, since=20), known_to=84) == [[85], [], [], []]


def test_a_return_explains_the_last_change_that_gained_that_much_before_the_ledger_saw_it():
    newest_first = [change(90, 139, 139), change(60, 139, 120), change(45, 120, 100)]
    assert matched(newest_first, step(80, direction="returned", since=20)) == [[], [80], []]
    assert matched(newest_first, step(80, direction="returned", amount="19", since=20)) == [[], [], [80]]


def test_what_steps_do_not_explain_is_the_rest_to_the_last_digit():
    steps = [step(1), step(2, items=3), step(3, "c", "returned", "5.25", "0.5")]
    found = movements.explanation(change(10, "80.01", "100"), steps)
    assert found["change"] == "-19.99"
    assert found["explained_by"] == [
        {"external_id": "b", "direction": "left", "change": "-22", "items": 4},
        {"external_id": "c", "direction": "returned", "change": "5.75", "items": 1},
    ]
    assert found["rest"] == "-3.74"
    assert movements.explanation(change(10, 80, 100), [])["rest"] == "-20"


@pytest.mark.parametrize(
    ("balance", "threshold", "outflow", "days"),
    [
        ("1000", "400", "200", "3"),
        ("1000", "400", "7", "85.71"),
        ("400", "400", "200", "0"),
        ("100", "400", "200", "0"),
        ("1000", None, "200", None),
        ("1000", "400", "0", None),
        ("1000", "400", None, None),
        ("12345678901234567890.12345678", "0", "1", "12345678901234567890.12"),
    ],
)
def test_days_until_the_threshold_are_what_is_above_it_by_the_outflow(balance, threshold, outflow, days, odd):
    with odd():
        assert days_until(balance, threshold, outflow) == days


def month(**figures):
    usual = {"unexplained": Decimal(0), "under_way": Decimal(0), "days": 30, "complete_days": 30}
    return SimpleNamespace(**(usual | figures))


@pytest.mark.parametrize(
    ("row", "is_over", "verdict"),
    [
        (month(), True, "closes"),
        (month(), False, "open"),
        (month(unexplained=Decimal("0.01")), True, "unexplained"),
        (month(unexplained=Decimal("-0.01")), False, "unexplained"),
        (month(under_way=Decimal(5)), True, "closes"),
        (month(unexplained=Decimal(-5), under_way=Decimal(5)), True, "under_way"),
        (month(unexplained=Decimal("-5.01"), under_way=Decimal(5)), True, "unexplained"),
        (month(unexplained=Decimal(5), under_way=Decimal(5)), True, "unexplained"),
        (month(unexplained=Decimal(-5), under_way=None), True, "unexplained"),
        (month(complete_days=29), True, "gaps"),
        (month(unexplained=None), True, "unknown"),
        (None, True, "unknown"),
    ],
)
def test_a_month_closes_only_if_nothing_is_unexplained_and_every_day_was_observed(row, is_over, verdict):
    assert months.verdict(row, is_over=is_over) == verdict


def test_all_accounts_stand_side_by_side_also_one_that_is_only_in_the_ledger(paid):
    keep(paid, 7, account="suppliers")
    Walk(Ledger.open(paid), Account("production", "ledger only", "TRY"), batch_of_two("x"))
    with paid.connect() as connection:
        found = side_by_side(connection, None)
    shown = {each["account"]: each for each in found["accounts"]}
    assert list(shown) == ["ledger only", "payroll", "suppliers"]
    assert (shown["payroll"]["balance"], shown["payroll"]["exceptions"]) == ("300", 1)
    assert Decimal(shown["payroll"]["available"]) == BALANCE - Decimal(shown["payroll"]["held"])
    assert (shown["suppliers"]["balance"], shown["suppliers"]["available"], shown["suppliers"]["exceptions"]) == ("7", None, 0)
    assert (shown["ledger only"]["balance"], shown["ledger only"]["exceptions"]) == (None, 0)


def test_accounts_of_one_currency_are_added_up_to_the_last_digit_and_unknown_figures_are_not_guessed(paid):
    keep(paid, "7.00000001", account="suppliers")
    with paid.connect() as connection:
        found = side_by_side(connection, None)
    same = {"environment": "production", "currency": "TRY", "accounts": 2}
    assert found["totals"] == [same | {"balance": "307.00000001", "held": None, "available": None}]
    assert totals([]) == totals([{"environment": "production", "currency": "TRY"}]) == []  # one account needs no sum


def test_no_total_is_shown_where_not_all_accounts_are(paid, monkeypatch):
    keep(paid, 7, account="suppliers")
    monkeypatch.setattr("airflow_provider_iyzico.ui.side_by_side.MOST_ACCOUNTS", 1)
    with paid.connect() as connection:
        found = side_by_side(connection, None)
    assert (len(found["accounts"]), found["accounts_in_all"], found["totals"]) == (1, 2, [])


def test_a_row_written_by_hand_hides_only_the_figures_of_its_own_account(sqlite_engine):
    for account in ("payroll", "suppliers"):
        keep(sqlite_engine, 7, account=account)
    with sqlite_engine.begin() as connection:
        connection.execute(text("UPDATE iyzico_balance_snapshot SET balance = 9e999 WHERE account = 'payroll'"))
    with sqlite_engine.connect() as connection:
        payroll, suppliers = accounts_of(connection, None)[1]
    assert (payroll["balance"], payroll["is_by_hand"]) == (None, 1)
    assert (suppliers["balance"], suppliers["is_by_hand"]) == (Decimal(7), 0)


def test_an_exception_whose_age_is_no_number_hides_the_exceptions_of_its_own_account_only(postgres_engine):
    """PostgreSQL has moments before all others."""
    ledger = Ledger.open(postgres_engine)
    for account in ("payroll", "suppliers"):
        keep(postgres_engine, 7, account=account)
        walk = Walk(ledger, replace(ACCOUNT, account=account), batch_of_two(account, "10.00", "20.00"))
        walk.to(State.INIT_SENT, State.INITIATED, State.AUTH_SENT, State.AUTHORIZED)
        walk.read("IN_PROGRESS", of_items(["SUCCESS", "DEPOSIT_FAIL"]))
    with postgres_engine.begin() as connection:
        connection.execute(text("UPDATE iyzico_payout_item SET status_at = '-infinity' WHERE account = 'suppliers'"))
    with postgres_engine.connect() as connection:
        payroll, suppliers = side_by_side(connection, None)["accounts"]
    assert (payroll["exceptions"], payroll["is_by_hand"]) == (1, 0)
    assert (suppliers["balance"], suppliers["exceptions"], suppliers["is_by_hand"]) == ("7", None, 1)


def test_a_warehouse_without_a_ledger_says_what_is_lacking_in_every_part_and_goes_on(engine, monkeypatch):
    keep(engine, 100, 20)
    keep(engine, 90)
    with engine.connect() as connection:
        assert payouts.payouts(connection, None, WHO, PERIOD, ISTANBUL)["lack"]["why"] == "absent"
        assert payouts.available(connection, None, WHO, latest(connection, None, WHO), ISTANBUL)["lack"]["why"] == "absent"
        assert payouts.batch(connection, None, WHO, "x", ISTANBUL)["lack"]["why"] == "absent"
        assert months.month_of(connection, None, WHO, TODAY, TODAY, ISTANBUL)["lack"]["why"] == "absent"
        found = movements.movements(connection, None, WHO, PERIOD, ISTANBUL)
        assert (found["lack"]["why"], found["movements"][0]["change"]) == ("absent", "-10")
        assert side_by_side(connection, None)["accounts"][0]["exceptions"] is None
        with pytest.raises(Notice, match="not_found"):
            rows_of(connection, None, Asked("payouts", WHO, PERIOD))
        monkeypatch.setattr("airflow_provider_iyzico.ui.files.MOST_MOVEMENTS", 1)  # of those that are matched
        (moved,) = rows_of(connection, None, Asked("movements", WHO, PERIOD))
        assert (moved._mapping["change"], moved._mapping["rest"]) == (Decimal(-10), None)  # nobody knows what explains it


def test_a_view_of_another_version_is_told_from_one_that_is_missing(paid):
    with paid.begin() as connection:
        connection.execute(text("DROP VIEW iyzico_balance_available"))
        connection.execute(text("CREATE VIEW iyzico_balance_available AS SELECT 1 AS held"))
        connection.execute(text("DROP VIEW iyzico_payout_summary"))
    with paid.connect() as connection:
        assert lack(connection, None, "iyzico_balance_available") == ("older", "iyzico_balance_available")
        assert lack(connection, None, "iyzico_payout_summary", "iyzico_payout_exception") == ("older", "iyzico_payout_summary")
        assert lack(connection, None, "iyzico_payout_summary") == ("absent", "iyzico_payout_summary")
        assert lack(connection, None, "iyzico_payout_exception") is None


def test_what_had_left_and_not_arrived_at_the_end_of_a_period_is_what_failed_and_was_not_back(over_the_month):
    ends = {date(2026, 1, 31): "0", date(2026, 2, 3): "200", date(2026, 2, 28): "0"}
    with over_the_month.connect() as connection:
        found = {last: months.not_arrived(connection, None, WHO, Period.of(date(2026, 1, 1), last, ISTANBUL)) for last in ends}
        berlin = Period.of(date(2026, 1, 1), date(2026, 2, 3), ZoneInfo("Europe/Berlin"))
        elsewhere = months.not_arrived(connection, None, WHO, berlin)
    assert found == ends
    assert elsewhere is None  # days of the ledger's views end when those of Türkiye do


def test_a_file_of_movements_names_the_payouts_that_explain_each_and_what_none_explains(over_the_month, monkeypatch):
    asked = Asked("movements", WHO, Period.of(date(2026, 1, 1), date(2026, 2, 28), ISTANBUL))
    with over_the_month.connect() as connection:
        found = [row._mapping for row in rows_of(connection, None, asked)]
        shown = movements.movements(connection, None, WHO, asked.period, ISTANBUL)["movements"]
        monkeypatch.setattr("airflow_provider_iyzico.ui.files.MOST_MOVEMENTS", len(found))
        with pytest.raises(Notice, match="too_many_movements"):
            list(rows_of(connection, None, asked))
    assert [(row["change"], row["explained_by"], row["rest"]) for row in found] == [
        (Decimal("201.5"), "late", Decimal(0)),
        (Decimal(-303), "late", Decimal(0)),
    ]
    assert [(each["change"], each["rest"]) for each in shown] == [("201.5", "0"), ("-303", "0")]


@pytest.mark.parametrize("what", ["movements", "below", "payouts", "exceptions", "items", "events"])
def test_a_file_has_every_row_of_its_view(paid, what):
    queries = {
        "movements": "iyzico_balance_movement",
        "payouts": "iyzico_payout_summary",
        "exceptions": "iyzico_payout_exception",
        "items": "iyzico_payout_item_report WHERE external_id = 'part'",
        "events": "iyzico_payout_event WHERE external_id = 'part'",
        "below": "iyzico_balance_below",
    }
    with paid.connect() as connection:
        found = list(rows_of(connection, None, Asked(what, WHO, PERIOD, "part")))
        assert len(found) == rows(connection, f"SELECT count(*) AS n FROM {queries[what]}")[0]["n"]
    assert all({"environment", "account", "currency"} <= {*row._mapping} for row in found)


def test_the_digits_of_an_age_are_plain(paid):
    with paid.connect() as connection:
        (account,) = accounts_of(connection, None)[1]
    assert "E" not in digits(account["oldest_hours"])
