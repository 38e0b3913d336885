"""Every step of the table works, and every other one is refused."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import product

import pytest
from batches import BALANCE, PERSON, WAYS, Walk, asked, batch_of_two, hold_of, of_items, rows, set_aside, stale, task
from sqlalchemy import text, update

from airflow_provider_iyzico.api.payout import Initiated, InvalidItem
from airflow_provider_iyzico.domain.payout import SENT, TRANSITIONS, State
from airflow_provider_iyzico.errors import LedgerBatchError, LedgerFundsError, LedgerHoldError, LedgerMovedError, Retry
from airflow_provider_iyzico.ledger.batches import find
from airflow_provider_iyzico.ledger.persons import permit
from airflow_provider_iyzico.ledger.steps import initiated, send, step

STEPS = [(before, after) for before in State for after in sorted(TRANSITIONS[before])]


@pytest.fixture
def walk(ledger, account):
    return Walk(ledger, account, batch_of_two("salaries-20261101"))


@pytest.mark.parametrize(("before", "after"), STEPS, ids=str)
def test_every_step_of_the_table_is_taken_and_leaves_its_event(walk, before, after):
    walk.to(*WAYS[before])
    version = walk.batch.version
    walk.to(after)
    kept = find(walk.ledger, walk.batch.account, walk.batch.external_id)
    assert replace(kept, seen_at=walk.batch.seen_at) == walk.batch
    events = [row for row in rows(walk.ledger, "event", walk.batch.key) if row["kind"] == "state" and row["version"] > version]
    assert [(row["before"], row["after"]) for row in events] == [(before, after)]
    assert (events[0]["dag_id"], events[0]["try_number"]) == ("salaries", 1)
    assert (walk.batch.deadline_at is not None) is (after in SENT)


OTHERS = [pair for pair in product(State, State) if pair[1] not in TRANSITIONS[pair[0]]]


def take(ledger, batch, after):
    """Take a step, whether it is an intent or not."""
    if after not in SENT:
        return step(ledger, batch, after, task())
    balance = asked(ledger, batch.account) if after is State.AUTH_SENT else None
    return send(ledger, batch, after, task(), timeout_seconds=30, asked=balance)


@pytest.mark.parametrize("before", State)
def test_every_other_step_is_refused_and_writes_nothing(walk, before):
    batch = walk.to(*WAYS[before]).batch
    before_events = rows(walk.ledger, "event", batch.key)
    for _, after in [pair for pair in OTHERS if pair[0] is before]:
        with pytest.raises(LedgerBatchError, match=f"is {before.value}; from there it cannot become {after.value}"):
            take(walk.ledger, batch, after)
    assert find(walk.ledger, batch.account, batch.external_id).version == batch.version
    assert rows(walk.ledger, "event", batch.key) == before_events


@pytest.mark.parametrize("lie", ["state", "version"])
def test_who_saw_an_older_batch_is_told_to_read_it_and_follow(walk, lie):
    batch = walk.to(*WAYS[State.AUTH_SENT]).batch
    seen = stale(batch) if lie == "version" else replace(batch, state=State.CANCEL_SENT)
    with pytest.raises(LedgerMovedError, match="a retry reads it again") as told:
        step(walk.ledger, seen, State.AUTHORIZED, task())
    assert told.value.retry is Retry.SAFE
    assert find(walk.ledger, batch.account, batch.external_id).version == batch.version


def test_an_intent_says_who_sends_it_and_until_when_by_the_databases_clock(walk):
    sent = send(walk.ledger, walk.batch, State.INIT_SENT, task(try_number=2, map_index=3), timeout_seconds=12.5)
    assert sent.deadline_at - sent.seen_at == timedelta(seconds=12.5)
    assert not sent.is_overdue(0)
    assert replace(sent, seen_at=sent.deadline_at + timedelta(seconds=60)).is_overdue(60)
    event = max(rows(walk.ledger, "event", sent.key), key=lambda row: row["version"])
    assert [event[name] for name in ("dag_id", "task_id", "run_id", "try_number", "map_index")] == [
        *("salaries", "pay", "manual__1", 2, 3)
    ]


def test_no_batch_is_authorized_without_an_open_hold_of_what_it_needs(walk):
    batch = walk.to(*WAYS[State.INITIATED]).batch
    assert batch.required == Decimal("303.50")
    with pytest.raises(LedgerHoldError, match="needs 303.50 TRY, and nothing is held; set it aside first"):
        send(walk.ledger, batch, State.AUTH_SENT, task(), timeout_seconds=30, asked=asked(walk.ledger, batch.account))
    set_aside(walk.ledger, batch)
    hold = walk.ledger.tables.hold
    walk.ledger.act(
        lambda connection: connection.execute(
            update(hold).where(hold.c.account == batch.account.account).values(counted=Decimal("303.49"))
        )
    )
    with pytest.raises(LedgerHoldError, match="and 303.49 TRY is held"):
        send(walk.ledger, batch, State.AUTH_SENT, task(), timeout_seconds=30, asked=asked(walk.ledger, batch.account))
    assert find(walk.ledger, batch.account, batch.external_id).state is State.INITIATED


def test_an_authorization_makes_its_hold_endless_and_one_whose_time_is_over_does_not_count(walk):
    batch = walk.to(*WAYS[State.INITIATED]).batch
    set_aside(walk.ledger, batch, hold_for_seconds=600)
    assert rows(walk.ledger, "hold", batch.key)[0]["expires_at"] is not None
    hold, now = walk.ledger.tables.hold, batch.seen_at
    of_it = hold.c.account == batch.account.account
    walk.ledger.act(lambda connection: connection.execute(update(hold).where(of_it).values(expires_at=now - timedelta(hours=1))))
    stale_balance = asked(walk.ledger, batch.account)
    with pytest.raises(LedgerHoldError, match="nothing is held"):
        send(walk.ledger, batch, State.AUTH_SENT, task(), timeout_seconds=30, asked=stale_balance)
    assert hold_of(walk.ledger, batch) == (0, "expired")
    set_aside(walk.ledger, batch, hold_for_seconds=600)
    send(walk.ledger, batch, State.AUTH_SENT, task(), timeout_seconds=30, asked=asked(walk.ledger, batch.account))
    assert [row["expires_at"] for row in rows(walk.ledger, "hold", batch.key) if row["counted"]] == [None]


def test_a_balance_that_no_longer_covers_what_is_held_sends_nothing_and_is_safe_to_try_again(walk):
    batch = walk.to(*WAYS[State.INITIATED]).batch
    set_aside(walk.ledger, batch)
    other = Walk(walk.ledger, batch.account, batch_of_two("bonus", "1000.00")).to(*WAYS[State.INITIATED]).batch
    set_aside(walk.ledger, other)
    with pytest.raises(
        LedgerFundsError, match=r"held for payouts that may still take it 1305\.00, missing 0\.01 TRY.*a retry is safe"
    ) as told:
        send(
            walk.ledger,
            batch,
            State.AUTH_SENT,
            task(),
            timeout_seconds=30,
            asked=asked(walk.ledger, batch.account, Decimal("1304.99")),
        )
    assert told.value.retry is Retry.SAFE
    sent = send(
        walk.ledger,
        batch,
        State.AUTH_SENT,
        task(),
        timeout_seconds=30,
        asked=asked(walk.ledger, batch.account, Decimal("1305.00")),
    )
    assert sent.state is State.AUTH_SENT
    left = asked(walk.ledger, batch.account, Decimal("1001.50"))  # what was sent may have left the balance
    assert send(walk.ledger, other, State.AUTH_SENT, task(), timeout_seconds=30, asked=left).state is State.AUTH_SENT


def test_what_a_batch_costs_more_than_was_set_aside_is_not_spent_by_another_even_after_half_of_it_is_paid(walk):
    """The commission of each payment goes up from 1.50 to 5 while the batch is paid."""
    batch = walk.to(*WAYS[State.INITIATED])
    other = Walk(walk.ledger, walk.batch.account, batch_of_two("bonus", "1000.00")).to(*WAYS[State.INITIATED])
    set_aside(walk.ledger, batch.batch)
    set_aside(walk.ledger, other.batch)
    batch.to(State.AUTH_SENT, State.AUTHORIZED).read("PROCESSING", "PROCESSING", commission_amount=Decimal(5))
    half_paid = {"item-1": "SUCCESS", "item-2": "PROCESSING"}
    batch.read("PROCESSING", half_paid, commission_amount=Decimal(5)).read("PROCESSING", half_paid, commission_amount=Decimal(5))
    left = hold_of(walk.ledger, batch.batch)[0]
    assert left < rows(walk.ledger, "hold", batch.batch.key)[0]["amount"]
    enough = left + hold_of(walk.ledger, other.batch)[0]
    for balance, is_enough in ((enough - Decimal("0.01"), False), (enough, True)):
        told = {"timeout_seconds": 30, "asked": asked(walk.ledger, walk.batch.account, balance)}
        if is_enough:
            assert send(walk.ledger, other.batch, State.AUTH_SENT, task(), **told).state is State.AUTH_SENT
        else:
            with pytest.raises(LedgerFundsError, match=r"missing 0\.01 TRY"):
                send(walk.ledger, other.batch, State.AUTH_SENT, task(), **told)


def test_money_that_came_back_and_that_iyzico_takes_once_more_is_not_spent_by_a_batch_whose_gate_opened_in_between(walk):
    """An item of a batch under way came back, another batch set its money aside, and then iyzico queued the item again."""
    batch = walk.to(*WAYS[State.AUTHORIZED]).read("PROCESSING", {"item-1": "PROCESSING", "item-2": "DEPOSIT_SUCCESS"})
    batch.read("PROCESSING", {"item-1": "PROCESSING", "item-2": "DEPOSIT_SUCCESS"})
    assert hold_of(walk.ledger, batch.batch)[0] == Decimal("102.00")
    other = Walk(walk.ledger, walk.batch.account, batch_of_two("bonus", "1000.00")).to(*WAYS[State.INITIATED])
    set_aside(walk.ledger, other.batch)
    batch.read("PROCESSING", {"item-1": "PROCESSING", "item-2": "QUEUED"})
    assert hold_of(walk.ledger, batch.batch) == (Decimal("303.50"), None)
    for balance, is_enough in ((Decimal("1304.99"), False), (Decimal("1305.00"), True)):
        told = {"timeout_seconds": 30, "asked": asked(walk.ledger, walk.batch.account, balance)}
        if is_enough:
            assert send(walk.ledger, other.batch, State.AUTH_SENT, task(), **told).state is State.AUTH_SENT
        else:
            with pytest.raises(LedgerFundsError, match=r"missing 0\.01 TRY"):
                send(walk.ledger, other.batch, State.AUTH_SENT, task(), **told)


def test_a_balance_from_before_a_hold_ended_is_asked_for_again(walk):
    batch = walk.to(*WAYS[State.INITIATED]).batch
    set_aside(walk.ledger, batch)
    before = asked(walk.ledger, batch.account)
    other = Walk(walk.ledger, batch.account, batch_of_two("bonus", "1000.00")).to(*WAYS[State.INITIATED])
    set_aside(walk.ledger, other.batch)
    other.to(State.CANCEL_SENT, State.CANCELLED)
    with pytest.raises(LedgerMovedError, match="ask again"):
        send(walk.ledger, batch, State.AUTH_SENT, task(), timeout_seconds=30, asked=before)


def test_after_an_unanswered_authorization_only_a_permission_leads_to_another_and_only_to_one(walk):
    ledger = walk.ledger
    batch = walk.to(*WAYS[State.AUTH_UNKNOWN], State.INITIATED).batch
    unanswered_at = batch.auth_unanswered_at
    assert unanswered_at is not None
    with pytest.raises(LedgerBatchError, match="a second one could pay twice.* permit salaries-20261101 --because"):
        send(ledger, batch, State.AUTH_SENT, task(), timeout_seconds=30, asked=asked(ledger, batch.account))
    permitted = permit(ledger, batch, PERSON, "the panel shows nothing")
    sent = send(ledger, permitted, State.AUTH_SENT, task(), timeout_seconds=30, asked=asked(ledger, batch.account))
    event = max(rows(ledger, "event", batch.key), key=lambda row: row["version"])
    assert event["reason"] == f"permitted at version {permitted.version}"
    refused = step(ledger, sent, State.INITIATED, task(), reason="iyzico refused")
    assert refused.auth_unanswered_at == unanswered_at
    with pytest.raises(LedgerBatchError, match="a second one could pay twice"):
        send(ledger, refused, State.AUTH_SENT, task(), timeout_seconds=30, asked=asked(ledger, batch.account))


def test_a_permission_is_not_given_where_none_is_needed(walk):
    for state in (State.INITIATED, State.AUTHORIZED):
        fresh = Walk(walk.ledger, walk.batch.account, batch_of_two(f"of {state}".replace(" ", "-"), f"{len(state)}.00")).to(
            *WAYS[state]
        )
        with pytest.raises(LedgerBatchError, match="needs no permission"):
            permit(fresh.ledger, fresh.batch, PERSON, "why not")


def test_after_a_refusal_that_is_believed_the_hold_stays(walk):
    sent = walk.to(*WAYS[State.AUTH_SENT]).batch
    walk.batch = step(walk.ledger, sent, State.INITIATED, task(), reason="iyzico refused: 11")
    assert hold_of(walk.ledger, walk.batch) == (Decimal("303.50"), None)
    assert walk.batch.auth_unanswered_at is None
    balance = asked(walk.ledger, sent.account)
    assert send(walk.ledger, walk.batch, State.AUTH_SENT, task(), timeout_seconds=30, asked=balance).state is State.AUTH_SENT


@pytest.mark.parametrize(("who", "reason"), [(task(), None), (PERSON, "the panel shows nothing")], ids=["task", "person"])
def test_without_a_refusal_of_iyzicos_the_way_back_counts_as_unanswered(walk, who, reason):
    sent = walk.to(*WAYS[State.AUTH_SENT]).batch
    back = step(walk.ledger, sent, State.INITIATED, who, reason=reason)
    assert back.auth_unanswered_at == back.changed_at
    balance = asked(walk.ledger, sent.account)
    with pytest.raises(LedgerBatchError, match="a second one could pay twice"):
        send(walk.ledger, back, State.AUTH_SENT, task(), timeout_seconds=30, asked=balance)


def test_a_batch_that_somebody_authorized_in_the_panel_is_held_for(walk):
    batch = walk.to(*WAYS[State.INITIATED], State.AUTHORIZED).batch
    assert hold_of(walk.ledger, batch) == (Decimal("303.50"), None)
    assert rows(walk.ledger, "hold", batch.key)[0]["balance"] is None


def test_a_hold_for_a_while_becomes_endless_when_somebody_authorizes_in_the_panel(walk):
    set_aside(walk.ledger, walk.to(*WAYS[State.INITIATED]).batch, hold_for_seconds=600)
    batch = walk.to(State.AUTHORIZED).batch
    assert [(row["counted"], row["expires_at"]) for row in rows(walk.ledger, "hold", batch.key)] == [(Decimal("303.50"), None)]


@pytest.mark.parametrize(
    ("status", "items"),
    [("INIT", "INIT"), ("CANCELED", "INIT"), ("IN_PROGRESS", "MASS_PAYOUT_CANCELED"), ("WORD", "MASS_PAYOUT_CANCELED")],
)
def test_cancelled_needs_a_read_that_says_so_of_the_batch_and_every_item(walk, status, items):
    batch = walk.to(*WAYS[State.CANCEL_SENT]).read(status, items).batch
    with pytest.raises(LedgerBatchError, match="iyzico does not say that .* is cancelled"):
        step(walk.ledger, batch, State.CANCELLED, task())


@pytest.mark.parametrize(("items", "says"), [(["FAILED"] * 2, "2 items failed, such as 'item-1'"), (["FAILED", "INIT"], "again")])
def test_a_task_says_what_a_person_does_where_items_of_a_cancelled_batch_failed_and_nothing_else_contradicts(walk, items, says):
    batch = walk.to(*WAYS[State.CANCEL_SENT]).read("CANCELED", of_items(items)).batch
    with pytest.raises(LedgerBatchError, match=says) as told:
        step(walk.ledger, batch, State.CANCELLED, task())
    assert (f"resolve {batch.external_id} --as cancelled" in str(told.value)) is (says != "again")


def of_view(ledger, batch, view, *names):
    query = text(f"SELECT {', '.join(names)} FROM {view} WHERE account = :account")
    return ledger.act(lambda connection: [tuple(row) for row in connection.execute(query, {"account": batch.account.account})])


def confirmed(walk, status, items):
    """Keep what iyzico says, and let a person confirm that the batch was cancelled."""
    walk.read(status, of_items(items), errors=("no such IBAN",))
    walk.batch = step(walk.ledger, walk.batch, State.CANCELLED, PERSON, reason="the panel shows it")
    return walk


SUMS = ("cancelled_items", "outstanding_items", "needs_person")
CANCELLED = "MASS_PAYOUT_CANCELED"


@pytest.mark.parametrize(("status", "items"), [("CANCELED", ["FAILED", CANCELLED]), ("INIT", ["FAILED", "INIT"])], ids=str)
def test_what_a_cancelled_batch_had_not_sent_needs_nobody_even_if_it_failed(walk, status, items):
    """Also where iyzico has forgotten the batch, and says so no more."""
    confirmed(walk.to(*WAYS[State.INITIATED]), status, items)
    for _ in range(2):
        assert of_view(walk.ledger, walk.batch, "iyzico_payout_exception", "kind") == []
        assert of_view(walk.ledger, walk.batch, "iyzico_payout_summary", *SUMS) == [(2, 0, 0)]
        walk.read("CANCELED", of_items(["FAILED", CANCELLED]))
    by_person = [
        row for row in rows(walk.ledger, "event", walk.batch.key) if row["person"] and row["item_external_id"] == "item-1"
    ]
    assert [(row["before"], row["after"]) for row in by_person] == [("FAILED", CANCELLED)]
    assert {row["error"] for row in rows(walk.ledger, "item", walk.batch.key)} == {None}, "of the last read"


def test_a_cancelled_batch_that_is_paid_all_the_same_has_the_items_that_failed_out(walk):
    confirmed(walk.to(*WAYS[State.INITIATED]), "CANCELED", ["FAILED", CANCELLED]).read(
        "COMPLETED", of_items(["FAILED", "SUCCESS"])
    )
    assert of_view(walk.ledger, walk.batch, "iyzico_payout_summary", *SUMS) == [(0, 1, 1)]


@pytest.mark.parametrize("way", [State.AUTH_SENT, State.AUTH_UNKNOWN])
def test_an_item_that_failed_is_out_where_its_batch_may_have_been_authorized(walk, way):
    confirmed(walk.to(*WAYS[way]), "CANCELED", ["FAILED", CANCELLED])
    for _ in range(2):
        assert of_view(walk.ledger, walk.batch, "iyzico_payout_summary", *SUMS) == [(1, 1, 1)]
        walk.read("CANCELED", of_items(["FAILED", CANCELLED]))


def test_a_confirmed_cancel_ends_the_hold(walk):
    set_aside(walk.ledger, walk.to(*WAYS[State.INITIATED]).batch)
    batch = walk.to(State.CANCEL_SENT, State.CANCELLED).batch
    assert hold_of(walk.ledger, batch) == (0, "cancelled")


def test_a_batch_ends_only_when_nothing_is_out_unless_a_person_ends_it(walk):
    batch = walk.to(*WAYS[State.AUTHORIZED]).read("INSUFFICIENT_BALANCE", "QUEUED").batch
    with pytest.raises(LedgerBatchError, match="2 items of .* are outstanding, such as 'item-1'"):
        step(walk.ledger, batch, State.ENDED, task())
    ended = step(walk.ledger, batch, State.ENDED, PERSON, reason="iyzico's support stopped it")
    assert ended.ended_at == ended.changed_at
    assert hold_of(walk.ledger, batch) == (0, "released")
    event = max(rows(walk.ledger, "event", batch.key), key=lambda row: row["version"])
    assert (event["person"], event["reason"]) == ("fatma", "iyzico's support stopped it")


def test_items_that_iyzico_would_not_pay_are_marked_when_the_batch_is_initiated(walk):
    walk.to(State.INIT_SENT)
    answer = Initiated("r-1", (InvalidItem("item-2", "77", "the IBAN is closed"),))
    batch = initiated(walk.ledger, walk.batch, answer, task())
    assert batch.request_id == "r-1"
    items = {row["item_external_id"]: (row["status"], row["error"]) for row in rows(walk.ledger, "item", batch.key)}
    assert items == {"item-1": ("", None), "item-2": ("INVALID", "the IBAN is closed")}


def test_without_a_request_id_no_batch_is_initiated_and_one_request_id_is_one_batch(walk):
    walk.to(State.INIT_SENT)
    with pytest.raises(LedgerBatchError, match="neither paid nor cancelled"):
        initiated(walk.ledger, walk.batch, Initiated(None, ()), task())
    with pytest.raises(LedgerBatchError, match="neither paid nor cancelled"):
        step(walk.ledger, walk.batch, State.INITIATED, task())
    name = f"r-{walk.batch.account.account}"
    initiated(walk.ledger, walk.batch, Initiated(name, ()), task())
    other = Walk(walk.ledger, walk.batch.account, batch_of_two("bonus", "5.00")).to(State.INIT_SENT)
    with pytest.raises(LedgerBatchError, match="belongs to batch 'salaries-20261101'"):
        initiated(other.ledger, other.batch, Initiated(name, ()), task())


def test_a_programming_error_is_no_step(walk):
    with pytest.raises(ValueError, match="is an intent"):
        step(walk.ledger, walk.batch, State.INIT_SENT, task())
    for after, balance in (
        (State.INITIATED, None),
        (State.AUTH_SENT, None),
        (State.INIT_SENT, asked(walk.ledger, walk.batch.account, BALANCE)),
    ):
        with pytest.raises(ValueError, match="is no intent, or asked does not fit it"):
            send(walk.ledger, walk.batch, after, task(), timeout_seconds=30, asked=balance)
