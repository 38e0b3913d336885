"""A hold is placed on a balance that is new enough and covers it, once, under the account's lock; or nothing is set aside."""

import math
from datetime import timedelta
from decimal import Decimal

import pytest
from ledgers import (
    ACCOUNT,
    DOLLARS,
    ME,
    NOON,
    another_ledger,
    asked,
    enter_batch,
    holds,
    put,
    put_batch,
    release,
    rows,
    set_state,
    task,
)
from sqlalchemy import create_engine, update

from airflow_provider_iyzico.domain.payout import CAN_BE_HELD_FOR, PAST_THE_GATE, State
from airflow_provider_iyzico.errors import (
    ClockError,
    IyzicoConfigurationError,
    IyzicoMoneyError,
    LedgerBatchError,
    LedgerHoldError,
    Retry,
    WarehouseError,
    WarehouseExactnessError,
)
from airflow_provider_iyzico.ledger import ledger as room
from airflow_provider_iyzico.ledger.ledger import Ledger
from airflow_provider_iyzico.ledger.placing import Asked, Placing, Wanted, funds_version, place
from airflow_provider_iyzico.warehouse.database.clock import database_now


def test_what_the_balance_leaves_is_set_aside_and_the_row_says_for_whom(ledger):
    placement = put(ledger, "march", "40.25", "100", headroom="5")
    assert (placement.outcome, placement.number) == (Placing.PLACED, 1)
    assert (placement.amount, placement.required, placement.funds.available) == (Decimal("40.25"), Decimal("45.25"), 100)
    ((name, number, is_plain, amount, counted, balance, expires_at, dag_id, run_id, try_number),) = rows(
        ledger,
        "hold",
        "external_id",
        "number",
        "is_plain",
        "amount",
        "counted",
        "balance",
        "expires_at",
        "dag_id",
        "run_id",
        "try_number",
    )
    assert (name, number, is_plain, amount, counted, balance) == ("march", 1, True, Decimal("40.25"), Decimal("40.25"), 100)
    assert (expires_at, dag_id, run_id, try_number) == (None, "d", "r1", 1)


def test_two_holds_share_a_balance_and_the_third_is_told_who_holds_it(ledger):
    assert put(ledger, "a", "40").outcome is Placing.PLACED
    assert put(ledger, "b", "40", who=task("r2")).outcome is Placing.PLACED
    third = put(ledger, "c", "40", who=task("r3"))
    assert (third.outcome, third.number) == (Placing.SHORT, None)
    assert third.funds.available == 20
    assert third.funds.facts(third.required, "TRY") == (
        "balance 100.00, available 20.00, required 40.00, missing 20.00 TRY; a holds 40.00, b holds 40.00"
    )
    assert [name for name, *_ in holds(ledger)] == ["a", "b"]


@pytest.mark.parametrize(("amount", "outcome"), [("60", Placing.PLACED), ("60.01", Placing.SHORT)])
def test_the_last_kurus_counts(ledger, amount, outcome):
    put(ledger, "a", "40")
    assert put(ledger, "b", amount, who=task("r2")).outcome is outcome


def test_headroom_is_required_beside_the_hold_and_is_not_held(ledger):
    assert put(ledger, "a", "95", headroom="6").outcome is Placing.SHORT
    assert put(ledger, "a", "95", headroom="5").outcome is Placing.PLACED
    assert put(ledger, "b", "5", who=task("r2")).outcome is Placing.PLACED


def test_holds_of_other_accounts_environments_and_currencies_do_not_count(ledger):
    others = [DOLLARS, type(ACCOUNT)("production", "şube", "TRY"), type(ACCOUNT)("sandbox", "sube", "TRY")]
    for number, account in enumerate(others):
        assert put(ledger, f"n{number}", "100", account=account).outcome is Placing.PLACED
    assert put(ledger, "mine", "100").outcome is Placing.PLACED


def test_a_balance_that_was_asked_for_before_a_hold_ended_no_longer_counts(ledger):
    put(ledger, "a", "40")
    stale = asked(ledger, "100")
    release(ledger, "a")
    wanted = Wanted("b", batch_total=Decimal("40"))
    assert place(ledger, ACCOUNT, wanted, stale, task("r2")).outcome is Placing.MOVED
    assert [name for name, *_ in holds(ledger)] == ["a"]
    assert place(ledger, ACCOUNT, wanted, asked(ledger, "60"), task("r2")).outcome is Placing.PLACED


def test_placing_moves_no_version_so_that_others_need_not_ask_again(ledger):
    before = asked(ledger, "100")
    put(ledger, "a", "40")
    assert place(ledger, ACCOUNT, Wanted("b", batch_total=Decimal("40")), before, task("r2")).outcome is Placing.PLACED


def test_a_version_that_nobody_read_places_nothing(ledger):
    ahead = Asked(Decimal("100"), NOON, 1)
    assert place(ledger, ACCOUNT, Wanted("a", batch_total=Decimal(1)), ahead, ME).outcome is Placing.MOVED
    assert holds(ledger) == []


def test_a_retry_keeps_the_hold_that_the_task_has(ledger):
    put(ledger, "a", "40")
    again = put(ledger, "a", "40", who=task(try_number=2))
    assert (again.outcome, again.number, again.funds.others) == (Placing.PLACED, 1, ())
    assert holds(ledger) == [("a", 1, Decimal(40), None)]


@pytest.mark.parametrize(("needs", "outcome"), [("70", Placing.PLACED), ("30", Placing.PLACED), ("100.01", Placing.SHORT)])
def test_the_hold_of_a_batch_that_needs_another_amount_by_now_is_replaced_or_stays(ledger, needs, outcome):
    enter_batch(ledger, "march", Decimal(50), Decimal(0))
    put_batch(ledger, "march")
    table = ledger.tables.payout
    ledger.act(lambda connection: connection.execute(update(table).values(required=Decimal(needs))))
    again = put_batch(ledger, "march", who=task("r2"))
    assert again.outcome is outcome
    if outcome is Placing.PLACED:
        assert holds(ledger) == [("march", 1, 50, "replaced"), ("march", 2, Decimal(needs), None)]
        assert funds_version(ledger, ACCOUNT) == 1, "a balance that was asked for before is asked for again"
    else:
        assert holds(ledger) == [("march", 1, 50, None)]


def test_a_retry_whose_balance_dropped_is_short_and_keeps_its_hold(ledger):
    put(ledger, "a", "40")
    again = put(ledger, "a", "40", "39.99", who=task(try_number=2))
    assert (again.outcome, again.number) == (Placing.SHORT, 1)
    assert holds(ledger) == [("a", 1, Decimal(40), None)]


@pytest.mark.parametrize(
    ("first", "then", "lasts"),
    [(100, 1000, 1000), (1000, 100, 1000), (100, None, None), (None, 100, None)],
    ids=["longer", "never shorter", "for good", "still for good"],
)
def test_a_hold_that_is_kept_is_prolonged_and_never_shortened(ledger, first, then, lasts):
    put(ledger, "a", "40", seconds=first)
    put(ledger, "a", "40", seconds=then, who=task(try_number=2))
    ((placed_at, expires_at),) = rows(ledger, "hold", "placed_at", "expires_at")
    if lasts is None:
        assert expires_at is None
    else:
        assert timedelta(seconds=lasts) <= expires_at - placed_at < timedelta(seconds=lasts + 60)


@pytest.mark.parametrize(("first", "then"), [(None, 100), (1000, 100)], ids=["for good", "longer"])
def test_a_hold_that_takes_the_place_of_another_lasts_at_least_as_long(ledger, first, then):
    enter_batch(ledger, "a", "40")
    put_batch(ledger, "a", seconds=first)
    ((before,),) = rows(ledger, "hold", "expires_at")
    table = ledger.tables.payout
    ledger.act(lambda connection: connection.execute(update(table).values(required=Decimal(41))))
    assert put_batch(ledger, "a", seconds=then).outcome is Placing.PLACED
    assert holds(ledger, "amount", "expires_at") == [(Decimal(40), before, "replaced"), (Decimal(41), before, None)]


def test_a_hold_whose_time_is_over_ends_by_the_databases_clock_and_makes_others_ask_again(ledger, sleep_in_the_database):
    put(ledger, "a", "70", seconds=0.001)
    sleep_in_the_database(0.005)
    version = funds_version(ledger, ACCOUNT)
    told = put(ledger, "b", "40", who=task("r2"))
    assert (told.outcome, told.funds.others) == (Placing.MOVED, ())
    assert holds(ledger) == [("a", 1, Decimal(70), "expired")]
    assert funds_version(ledger, ACCOUNT) == version + 1
    assert put(ledger, "b", "40", who=task("r2")).outcome is Placing.PLACED


def test_this_machines_clock_ends_no_hold(ledger, time_machine_or_skip):
    put(ledger, "a", "70", seconds=3600)
    with time_machine_or_skip(days=400), pytest.raises(ClockError, match="Set the clock that is wrong"):
        put(ledger, "b", "40", who=task("r2"))
    assert put(ledger, "b", "40", who=task("r2")).outcome is Placing.SHORT


def test_a_clock_of_the_database_that_is_set_ends_no_hold(ledger, monkeypatch):
    put(ledger, "a", "70", seconds=3600)
    monkeypatch.setattr(room, "database_now", lambda connection: database_now(connection) + timedelta(days=1))
    with pytest.raises(ClockError, match="the clock of the ledger's database says"):
        put(ledger, "b", "40", who=task("r2"))
    monkeypatch.undo()
    assert put(ledger, "b", "40", who=task("r2")).outcome is Placing.SHORT


@pytest.fixture
def time_machine_or_skip():
    from contextlib import contextmanager
    from datetime import UTC, datetime

    import time_machine

    @contextmanager
    def travel(**later):
        with time_machine.travel(datetime.now(UTC) + timedelta(**later)):
            yield

    return travel


def test_ones_own_hold_whose_time_is_over_is_placed_again_under_the_next_number(ledger, sleep_in_the_database):
    put(ledger, "a", "70", seconds=0.001)
    sleep_in_the_database(0.005)
    assert put(ledger, "a", "70").outcome is Placing.MOVED
    assert put(ledger, "a", "70").number == 2
    assert holds(ledger) == [("a", 1, Decimal(70), "expired"), ("a", 2, Decimal(70), None)]


def test_a_name_that_was_released_can_hold_again_another_amount(ledger):
    put(ledger, "a", "70")
    release(ledger, "a")
    assert put(ledger, "a", "30").number == 2


@pytest.mark.parametrize(
    "other", [{"run_id": "r2"}, {"task_id": "t2"}, {"dag_id": "d2"}, {"map_index": 0}], ids=lambda other: next(iter(other))
)
def test_another_task_cannot_share_a_plain_hold(ledger, other):
    put(ledger, "a", "40")
    with pytest.raises(LedgerHoldError, match="'a' holds 40.00 TRY for task 't' of DAG 'd', run 'r1'"):
        put(ledger, "a", "40", who=task(**other))
    assert holds(ledger) == [("a", 1, Decimal(40), None)]


@pytest.mark.parametrize("amount", ["39.99", "40.01"])
def test_another_amount_under_a_name_that_holds_is_refused(ledger, amount):
    put(ledger, "a", "40")
    with pytest.raises(LedgerHoldError, match=f"'a' already holds 40.00 TRY, and this gate needs {amount} TRY.*release a"):
        put(ledger, "a", amount)
    assert holds(ledger) == [("a", 1, Decimal(40), None)]


def test_another_currency_under_a_name_that_holds_is_refused(ledger):
    put(ledger, "a", "40")
    with pytest.raises(LedgerHoldError, match="'a' already holds 40.00 TRY, and this gate needs 40.00 USD"):
        put(ledger, "a", "40", account=DOLLARS)


def test_a_hold_in_another_currency_whose_time_is_over_is_in_nobodys_way(ledger, sleep_in_the_database):
    put(ledger, "a", "40", account=DOLLARS, seconds=0.001)
    sleep_in_the_database(0.005)
    assert put(ledger, "a", "70").number == 2


def test_a_batch_of_the_ledger_sets_aside_what_it_needs_commission_included(ledger):
    enter_batch(ledger, "march", "95", "5")
    assert put_batch(ledger, "march", "99.99").outcome is Placing.SHORT
    placement = put_batch(ledger, "march", "100")
    assert (placement.outcome, placement.amount) == (Placing.PLACED, 100)
    assert rows(ledger, "hold", "is_plain", "amount") == [(False, Decimal(100))]


def test_any_task_may_keep_the_hold_of_a_batch(ledger):
    enter_batch(ledger, "march")
    put_batch(ledger, "march")
    assert put_batch(ledger, "march", who=task("r9", task_id="other")).number == 1


def test_a_hold_for_other_code_beside_a_batch_of_that_name_is_refused(ledger):
    enter_batch(ledger, "march")
    with pytest.raises(LedgerBatchError, match="has a batch 'march' and knows what it needs; leave batch_total out"):
        put(ledger, "march", "40")
    assert holds(ledger) == []


def test_a_batch_does_not_take_the_hold_of_other_code_for_its_own(ledger):
    put(ledger, "march", "40")
    enter_batch(ledger, "march", "40")
    with pytest.raises(LedgerHoldError, match="'march' holds 40.00 TRY for a payout that other code makes"):
        put_batch(ledger, "march")


def test_a_name_without_batch_and_amount_is_refused(ledger):
    with pytest.raises(LedgerBatchError, match=r"no batch 'march' of şube \(sandbox, TRY\); run MassPayoutInitOperator"):
        put_batch(ledger, "march")


@pytest.mark.parametrize("state", sorted(set(State) - CAN_BE_HELD_FOR - PAST_THE_GATE))
def test_nothing_is_set_aside_for_a_batch_in_another_state(sqlite_ledger, state):
    enter_batch(sqlite_ledger, "march", state=state.value)
    with pytest.raises(LedgerBatchError, match=f"batch 'march' is {state.value}; money is set aside only"):
        put_batch(sqlite_ledger, "march")
    assert holds(sqlite_ledger) == []


@pytest.mark.parametrize("state", sorted(PAST_THE_GATE))
def test_a_batch_that_was_sent_or_ended_needs_no_hold_whatever_the_balance(ledger, state):
    enter_batch(ledger, "march", state=state.value)
    placement = put_batch(ledger, "march", "0")
    assert (placement.outcome, placement.amount, placement.number) == (Placing.PAST, 40, None)
    assert holds(ledger) == []


def test_a_batch_whose_commission_nobody_knows_is_refused(ledger):
    enter_batch(ledger, "march", required=None)
    with pytest.raises(LedgerBatchError, match="batch 'march'"):
        put_batch(ledger, "march")


def test_a_batch_in_another_currency_than_the_gates_is_refused(ledger):
    enter_batch(ledger, "march", account=DOLLARS)
    with pytest.raises(LedgerBatchError, match="batch 'march' is in USD, and the gate in TRY"):
        put_batch(ledger, "march")


def test_the_hold_of_a_batch_that_was_sent_counts_for_good_and_time_does_not_end_it(ledger, sleep_in_the_database):
    from airflow_provider_iyzico.ledger.batch_holds import secure
    from airflow_provider_iyzico.ledger.batches import find, take_turn
    from airflow_provider_iyzico.ledger.events import EventKind

    enter_batch(ledger, "march", "70")
    put_batch(ledger, "march", seconds=60)
    batch = find(ledger, ACCOUNT, "march")

    balance = asked(ledger, "100")

    def sent(turn):
        secure(turn, balance)
        return turn.advance(EventKind.STATE, {}, state=State.AUTH_SENT)

    take_turn(ledger, batch, ME, sent)
    assert rows(ledger, "hold", "expires_at") == [(None,)]
    set_state(ledger, "march", "initiated")  # iyzico refused: its hold stays
    put_batch(ledger, "march", seconds=0.001)
    sleep_in_the_database(0.005)
    assert put(ledger, "b", "40", who=task("r2")).outcome is Placing.SHORT
    assert rows(ledger, "hold", "expires_at") == [(None,)]


def test_nothing_is_set_aside_for_an_amount_of_zero(ledger):
    placement = put(ledger, "a", "0", "10", headroom="10")
    assert (placement.outcome, placement.number) == (Placing.PLACED, None)
    assert put(ledger, "a", "0", "10", headroom="10.01").outcome is Placing.SHORT
    assert holds(ledger) == []


BAD = [
    ({"batch_total": 0.1}, IyzicoMoneyError, "batch_total is a float"),
    ({"batch_total": 0.0}, IyzicoMoneyError, "batch_total is a float"),
    ({"batch_total": 10}, IyzicoMoneyError, "batch_total is a int"),
    ({"batch_total": Decimal("-1")}, IyzicoMoneyError, "batch_total is -1, which is negative"),
    ({"batch_total": Decimal("NaN")}, IyzicoMoneyError, "batch_total is 'NaN'"),
    ({"batch_total": Decimal("1E-9")}, IyzicoMoneyError, "more than 8 decimals"),
    ({"batch_total": Decimal("1E+20")}, IyzicoMoneyError, "more than 20 digits"),
    ({"headroom": Decimal("-0.01")}, IyzicoMoneyError, "headroom is -0.01, which is negative"),
    ({"headroom": Decimal("Infinity")}, IyzicoMoneyError, "headroom is 'Infinity'"),
    ({"hold_for_seconds": 0}, IyzicoConfigurationError, "hold_for_seconds is 0; give a number above 0"),
    ({"hold_for_seconds": -5}, IyzicoConfigurationError, "hold_for_seconds is -5"),
    ({"hold_for_seconds": math.nan}, IyzicoConfigurationError, "hold_for_seconds is nan"),
    ({"hold_for_seconds": math.inf}, IyzicoConfigurationError, "hold_for_seconds is inf"),
]


@pytest.mark.parametrize(("wrong", "kind", "said"), BAD, ids=lambda value: str(value) if isinstance(value, dict) else "")
def test_what_is_no_money_and_no_time_sets_nothing_aside(sqlite_ledger, wrong, kind, said):
    wanted = Wanted(**{"external_id": "a", "batch_total": Decimal(1), **wrong})
    with pytest.raises(kind, match=said):
        place(sqlite_ledger, ACCOUNT, wanted, asked(sqlite_ledger, "100"), ME)
    assert holds(sqlite_ledger) == []


@pytest.mark.parametrize("balance", [Decimal("NaN"), Decimal("Infinity"), Decimal("-Infinity"), 100.0, 100])
def test_a_balance_that_is_no_money_opens_nothing(sqlite_ledger, balance):
    with pytest.raises(IyzicoMoneyError, match="balance is"):
        place(sqlite_ledger, ACCOUNT, Wanted("a", batch_total=Decimal(1)), Asked(balance, NOON, 0), ME)
    assert holds(sqlite_ledger) == []


def test_a_negative_balance_covers_nothing(ledger):
    assert put(ledger, "a", "0.01", "-0.01").outcome is Placing.SHORT


def test_a_thousand_holds_of_a_kurus_are_summed_exactly(sqlite_ledger):
    for number in range(30):
        assert put(sqlite_ledger, f"n{number}", "0.1", "3").outcome is Placing.PLACED
    assert put(sqlite_ledger, "last", "0.01", "3").outcome is Placing.SHORT
    assert put(sqlite_ledger, "last", "0.01", "3.01").outcome is Placing.PLACED


LARGE = "12345678901234567890.12345678"


def test_twenty_digits_and_eight_decimals_are_held_exactly_whatever_context_the_caller_has(ledger, odd):
    exact = LARGE if ledger.engine.dialect.name != "sqlite" else "1234567.12345678"
    with odd():
        assert put(ledger, "a", exact, exact).outcome is Placing.PLACED
        second = put(ledger, "b", "0.00000001", exact, who=task("r2"))
        assert second.outcome is Placing.SHORT
        assert f"a holds {exact}" in second.funds.facts(second.required, "TRY")
        again = put(ledger, "a", exact, exact)
        assert again.number == 1
    assert rows(ledger, "hold", "amount", "balance") == [(Decimal(exact), Decimal(exact))]


@pytest.mark.parametrize("amount", ["1234567890.1234567", LARGE, "99999999999999999999"])
def test_what_sqlite_bends_is_refused_and_nothing_is_set_aside(sqlite_ledger, amount):
    with pytest.raises(WarehouseExactnessError, match="exact to 15 digits"):
        put(sqlite_ledger, "a", amount, amount)
    assert holds(sqlite_ledger) == []


def test_a_hold_that_a_trigger_changes_is_refused_and_nothing_is_set_aside(postgres_ledger):
    from snapshots import run

    run(
        postgres_ledger.engine,
        "CREATE FUNCTION less() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.counted = 0; RETURN NEW; END'",
        "CREATE TRIGGER less BEFORE INSERT ON iyzico_balance_hold FOR EACH ROW EXECUTE FUNCTION less()",
    )
    with pytest.raises(WarehouseExactnessError, match="column 'counted'"):
        put(postgres_ledger, "a", "40")
    assert holds(postgres_ledger) == []


def test_the_balance_that_was_seen_is_kept_for_people_also_when_it_is_short(ledger):
    put(ledger, "a", "400", "100.5")
    assert rows(ledger, "account", "balance", "balance_asked_at") == [(Decimal("100.5"), NOON)]


def test_a_second_process_sees_the_hold_at_once(ledger):
    put(ledger, "a", "70")
    other = another_ledger(ledger)
    assert put(other, "b", "40", who=task("r2")).outcome is Placing.SHORT
    release(ledger, "a")
    assert put(other, "b", "40", who=task("r2")).outcome is Placing.PLACED
    other.engine.dispose()


def test_a_commit_whose_acknowledgement_is_lost_places_one_hold(ledger, monkeypatch):
    from sqlalchemy.exc import OperationalError

    from airflow_provider_iyzico.ledger import ledger as room

    before, losses = room.transaction, []
    from contextlib import contextmanager

    @contextmanager
    def losing(connection, **options):
        with before(connection, **options) as begun:
            yield begun
        if not losses:
            losses.append(1)
            raise OperationalError("COMMIT", None, Exception("server closed the connection"), connection_invalidated=True)

    wanted, seen = Wanted("a", batch_total=Decimal(40)), asked(ledger, "100")
    monkeypatch.setattr(room, "transaction", losing)
    placement = place(ledger, ACCOUNT, wanted, seen, ME)
    assert (placement.outcome, placement.number, losses) == (Placing.PLACED, 1, [1])
    monkeypatch.undo()
    assert holds(ledger) == [("a", 1, Decimal(40), None)]


def test_every_error_of_placing_says_whether_the_same_may_be_tried_again():
    assert {LedgerHoldError.retry, LedgerBatchError.retry, IyzicoMoneyError.retry, WarehouseError.retry} == {Retry.NEVER}


def test_mariadb_counts_all_holds_even_if_it_is_set_to_return_few_rows(mariadb_engine):
    few = create_engine(mariadb_engine.url, connect_args={"init_command": "SET SESSION sql_select_limit = 1"})
    ledger = Ledger.open(few)
    outcomes = [put(ledger, name, "40").outcome for name in ("one", "two", "three")]
    assert outcomes == [Placing.PLACED, Placing.PLACED, Placing.SHORT]
    few.dispose()
