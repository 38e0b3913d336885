"""People approve a batch as it is, and only what they said lets it be authorized."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from batches import PERSON, Walk, asked, batch_of_two, found, rows, set_aside, stale, task

from airflow_provider_iyzico.domain.payout import State
from airflow_provider_iyzico.errors import LedgerApprovalError, LedgerMovedError, Retry
from airflow_provider_iyzico.ledger.approvals import (
    approval_digest,
    approve,
    check_approvals,
    is_approved_in,
    reject,
    shown_digest,
    words_of,
)
from airflow_provider_iyzico.ledger.batches import find
from airflow_provider_iyzico.ledger.reading import record
from airflow_provider_iyzico.ledger.register import register
from airflow_provider_iyzico.ledger.steps import send, take_up
from airflow_provider_iyzico.ledger.who import Who

FATMA, MEHMET, AYSE = (Who(person=name) for name in ("fatma", "mehmet", "ayşe"))
INITIATED = (State.INIT_SENT, State.INITIATED)


@pytest.fixture
def walk(ledger, account):
    return Walk(ledger, account, batch_of_two("salaries-20261101")).to(*INITIATED)


def later(ledger, **passed):
    """The same ledger, when so much time has passed by its clock."""
    return replace(ledger, clock=lambda connection: ledger.clock(connection) + timedelta(**passed))


def say_yes(walk, who=FATMA, **given):
    walk.batch = approve(walk.ledger, walk.batch, who, **{"digest": shown_digest(walk.batch)} | given)
    return walk.batch


def say_no(walk, who=FATMA, **given):
    walk.batch = reject(walk.ledger, walk.batch, who, **{"digest": shown_digest(walk.batch)} | given)


def authorize(walk, approvals, who=None, ledger=None):
    """Commit the intent, with the money set aside."""
    ledger = ledger or walk.ledger
    set_aside(ledger, walk.batch)
    balance = asked(ledger, walk.batch.account)
    return send(ledger, walk.batch, State.AUTH_SENT, who or task(), timeout_seconds=30, asked=balance, approvals=approvals)


def refused(walk, approvals, who=None, ledger=None):
    """The error; and nothing is sent."""
    with pytest.raises(LedgerApprovalError) as told:
        authorize(walk, approvals, who, ledger)
    assert told.value.retry is Retry.NEVER
    assert find(walk.ledger, walk.batch.account, walk.batch.external_id).state is State.INITIATED
    with pytest.raises(LedgerApprovalError):
        check_approvals(ledger or walk.ledger, walk.batch, who or task(), approvals)
    return str(told.value)


def said(walk):
    return [(word.person, why) for word, why in words_of(walk.ledger, walk.batch)]


def test_an_approval_is_an_event_that_says_who_when_what_and_until_when(walk):
    batch = say_yes(walk, Who(task=task().task, person="fatma", person_id="7", triggered_by="cron"), reason="as agreed")
    event = max(rows(walk.ledger, "event", batch.key), key=lambda row: row["version"])
    assert (event["kind"], event["person"], event["person_id"], event["reason"]) == ("approved", "fatma", "7", "as agreed")
    assert (event["dag_id"], event["task_id"], event["triggered_by"]) == ("salaries", "pay", "cron")
    assert (event["approval_digest"], len(event["approval_digest"])) == (approval_digest(batch), 12)
    assert event["counts_until"] - event["happened_at"] == timedelta(days=1)
    assert (batch.version, event["version"]) == (event["version"], batch.version)


def test_one_approval_lets_a_batch_be_authorized_and_the_intent_says_whose(walk):
    say_yes(walk)
    sent = authorize(walk, 1)
    event = max(rows(walk.ledger, "event", sent.key), key=lambda row: row["version"])
    assert (sent.state, event["reason"]) == (State.AUTH_SENT, "approved by fatma")


def test_without_an_approval_nothing_is_sent_and_the_error_says_how_to_give_it(walk):
    message = refused(walk, 1)
    shown = shown_digest(walk.batch)
    assert "lacks 1 of 1 approvals, and nothing was sent. Approved by: nobody. Let somebody else approve it as" in message
    command = f"python -m airflow_provider_iyzico.ledger approve salaries-20261101 --digest {shown} --because ...)"
    assert command in message


def test_two_approvals_are_of_two_people(walk):
    say_yes(walk, FATMA)
    assert "lacks 1 of 2 approvals, and nothing was sent. Approved by: fatma." in refused(walk, 2)
    say_yes(walk, MEHMET)
    assert authorize(walk, 2).state is State.AUTH_SENT


@pytest.mark.parametrize("again", [FATMA, Who(person="FATMA "), Who(person="f.yilmaz", person_id="fatma")])
def test_the_same_person_does_not_approve_twice(walk, again):
    version = say_yes(walk, FATMA).version
    with pytest.raises(LedgerApprovalError, match="has approved .* already; another person must give the second approval"):
        say_yes(walk, again)
    assert find(walk.ledger, walk.batch.account, walk.batch.external_id).version == version


def test_a_task_that_keeps_the_same_answer_again_writes_nothing(walk):
    in_task = Who(task=task(task_id="ask").task, person="fatma")
    once = say_yes(walk, in_task)
    again = say_yes(walk, replace(in_task, task=replace(in_task.task, try_number=2)))
    assert again.version == once.version
    assert is_approved_in(walk.ledger, again, in_task)
    assert not is_approved_in(walk.ledger, again, task(task_id="another"))


def test_another_digest_is_refused_and_so_is_one_that_is_too_short(walk):
    for digest in ("000000", shown_digest(walk.batch)[:5], "", f"{approval_digest(walk.batch)}0"):
        for answer in (say_yes, say_no):
            with pytest.raises(LedgerApprovalError, match=f"is {shown_digest(walk.batch)} now, and the answer names"):
                answer(walk, digest=digest)
    say_yes(walk, digest=approval_digest(walk.batch).upper())
    assert said(walk) == [("fatma", None)]


@pytest.mark.parametrize("who", [Who(), Who(person=""), Who(person="Anonymous"), task()])
def test_an_answer_of_nobody_is_refused(walk, who):
    for answer in (say_yes, say_no):
        with pytest.raises(LedgerApprovalError, match="Airflow names no user"):
            answer(walk, who)


@pytest.mark.parametrize("state", [State.NEW, State.INIT_SENT, State.REFUSED, State.AUTH_SENT, State.AUTHORIZED, State.CANCELLED])
def test_only_an_initiated_batch_is_approved(ledger, account, state):
    from batches import WAYS

    walk = Walk(ledger, account, batch_of_two("salaries-20261101")).to(*WAYS[state])
    for answer in (say_yes, say_no):
        with pytest.raises(
            LedgerApprovalError, match=f"is {state.value}; people approve or reject only a batch that is initiated"
        ):
            answer(walk)


def test_what_costs_nobody_knows_how_much_is_not_approved(ledger, account):
    walk = Walk(ledger, account, batch_of_two("salaries-20261101")).to(State.INIT_SENT, State.INITIATED)
    walk.batch = replace(walk.batch, required=None)
    payout = ledger.tables.payout
    ledger.act(lambda connection: connection.execute(payout.update().values(required=None)))
    with pytest.raises(
        LedgerApprovalError, match="iyzico does not say what .* costs; give MassPayoutInitOperator a commission_bound"
    ):
        say_yes(walk)


def test_who_triggered_the_run_that_began_the_batch_does_not_approve_it(ledger, account):
    began = replace(task(), triggered_by="Fatma")
    walk = Walk(ledger, account, batch_of_two("salaries-20261101"))
    key = walk.batch.key
    event = ledger.tables.event
    ledger.act(
        lambda connection: connection.execute(
            event.update()
            .where(event.c.external_id == key["external_id"], event.c.account == key["account"])
            .values(triggered_by="Fatma")
        )
    )
    walk.to(*INITIATED)
    with pytest.raises(LedgerApprovalError, match="fatma triggered the run of .*; somebody else must approve it"):
        say_yes(walk)
    say_yes(walk, MEHMET)
    assert authorize(walk, 1, began).state is State.AUTH_SENT


def test_the_ledger_keeps_who_triggered_the_run_that_begins_a_batch(ledger, account):
    batch = register(ledger, account, batch_of_two("salaries-20261101"), replace(task(), triggered_by="fatma"))
    assert [row["triggered_by"] for row in rows(ledger, "event", batch.key)] == ["fatma"]


def test_who_triggered_a_later_run_does_not_count_there(walk):
    say_yes(walk, FATMA)
    message = refused(walk, 1, replace(task("manual__2"), triggered_by="FATMA"))
    assert "Approved by: nobody; fatma triggered the run. Let somebody else approve it" in message
    assert authorize(walk, 1, replace(task("manual__3"), triggered_by="mehmet")).state is State.AUTH_SENT


def test_who_changed_what_a_batch_costs_does_not_approve_it(walk):
    who = replace(task("manual__2"), triggered_by="fatma")
    walk.batch = register(walk.ledger, walk.batch.account, walk.sent, who, commission_bound=Decimal(3))
    with pytest.raises(LedgerApprovalError, match="fatma triggered the run"):
        say_yes(walk, FATMA)


def test_an_approval_ends_when_its_time_is_over(walk):
    say_yes(walk, max_age=timedelta(hours=2))
    message = refused(walk, 1, ledger=later(walk.ledger, hours=2))
    assert "Approved by: nobody; fatma approved it too long ago." in message
    assert authorize(walk, 1, ledger=later(walk.ledger, hours=1)).state is State.AUTH_SENT


def test_an_approval_that_is_over_may_be_given_again_by_the_same_person(walk):
    say_yes(walk, max_age=timedelta(hours=2))
    walk.ledger = later(walk.ledger, hours=3)
    say_yes(walk)
    assert authorize(walk, 1).state is State.AUTH_SENT


def test_the_time_of_an_approval_counts_from_the_answer_and_an_old_answer_is_refused(walk):
    now = walk.ledger.act(walk.ledger.clock)
    with pytest.raises(LedgerApprovalError, match=r"which is longer ago than max_age \(1:00:00\); approve it again"):
        say_yes(walk, answered_at=now - timedelta(hours=1), max_age=timedelta(hours=1))
    say_yes(walk, answered_at=now - timedelta(minutes=30), max_age=timedelta(hours=1))
    refused(walk, 1, ledger=later(walk.ledger, minutes=30))


def test_a_clock_that_is_ahead_makes_no_approval_last_longer(walk):
    now = walk.ledger.act(walk.ledger.clock)
    say_yes(walk, answered_at=now + timedelta(days=300), max_age=timedelta(hours=1))
    refused(walk, 1, ledger=later(walk.ledger, hours=1))


def test_an_approval_no_longer_counts_when_what_the_batch_costs_has_changed(walk):
    before = shown_digest(say_yes(walk))
    dearer = found(walk.batch, walk.sent, commission_amount=Decimal("2.75"))
    walk.batch = record(walk.ledger, walk.batch, dearer, task())
    assert shown_digest(walk.batch) != before
    assert f"Approved by: nobody; fatma saw the older digest {before}." in refused(walk, 1)
    say_yes(walk)
    assert authorize(walk, 1).state is State.AUTH_SENT


def test_an_approval_no_longer_counts_when_an_item_turns_out_to_be_invalid(walk):
    say_yes(walk)
    fewer = found(walk.batch, walk.sent, items={"item-1": "INIT", "item-2": "INVALID"})
    walk.batch = record(walk.ledger, walk.batch, fewer, task())
    assert "saw the older digest" in refused(walk, 1)


@pytest.mark.parametrize(
    "other",
    [
        {"content_digest": "0"},
        {"request_id": "another"},
        {"items": 3},
        {"invalid_items": 1},
        {"total": Decimal(1)},
        {"commission": Decimal(1)},
        {"required": Decimal(1)},
        {"purpose": "BONUS"},
        {"purpose": None},
        {"external_id": "other"},
    ],
    ids=lambda other: next(iter(other)),
)
def test_the_digest_covers_what_a_person_must_see(walk, other):
    assert approval_digest(replace(walk.batch, **other)) != approval_digest(walk.batch)


def test_an_approval_does_not_count_for_other_items_of_the_same_amounts(ledger, account):
    walk, shown = Walk(ledger, account, batch_of_two("salaries-20261101", "100.00", "100.00")).to(*INITIATED), set()
    for pays, not_pays in (("item-1", "item-2"), ("item-2", "item-1")):
        walk.read("INIT", {pays: "INIT", not_pays: "INVALID"})
        walk.batch = take_up(ledger, walk.batch, task("manual__2", task_id="start"))
        shown.add(shown_digest(walk.batch))
        assert "Approved by: nobody. Let" in refused(walk, 1)
        say_yes(walk)
    assert len(shown) == 1
    assert authorize(walk, 1).state is State.AUTH_SENT


def taken_up(walk):
    """Another item was invalid for a while, and a task goes on with the batch as it is."""
    walk.read("INIT", {"item-1": "INVALID", "item-2": "INIT"}).read("INIT", "INIT")
    walk.batch = take_up(walk.ledger, walk.batch, task("manual__2", task_id="start"))


def test_a_rejection_that_was_withdrawn_stays_so_when_a_task_goes_on_with_other_items(walk):
    say_no(walk, FATMA)
    say_yes(walk, Who(person="f.yilmaz", person_id="Fatma"))
    taken_up(walk)
    assert check_approvals(walk.ledger, walk.batch, task(), 0) is None
    assert "Approved by: nobody. Let" in refused(walk, 1)
    say_yes(walk, FATMA)
    assert authorize(walk, 1).state is State.AUTH_SENT


def test_a_rejection_stays_when_a_task_goes_on_with_other_items(walk):
    say_yes(walk, FATMA)
    say_no(walk, FATMA)
    taken_up(walk)
    say_yes(walk, MEHMET)
    assert "fatma rejected batch" in refused(walk, 0)


def test_who_triggers_the_run_that_takes_a_batch_up_does_not_approve_it(walk):
    walk.read("INIT", {"item-1": "INVALID", "item-2": "INIT"}).read("INIT", "INIT")
    walk.batch = take_up(walk.ledger, walk.batch, replace(task("manual__2"), triggered_by="fatma"))
    with pytest.raises(LedgerApprovalError, match="fatma triggered the run"):
        say_yes(walk)


def test_the_digest_is_the_same_for_amounts_with_more_zeros_and_for_a_newer_version(walk):
    batch = walk.batch
    same = replace(batch, total=batch.total * Decimal("1.0000"), version=99, iyzico_status="INIT")
    assert approval_digest(same) == approval_digest(batch)


def test_a_rejection_stops_a_batch_even_if_others_approve_it_or_nobody_was_asked(walk):
    say_yes(walk, MEHMET)
    say_no(walk, FATMA)
    say_yes(walk, AYSE)
    for approvals in (2, 1, 0):
        assert "fatma rejected batch 'salaries-20261101'" in refused(walk, approvals)
    assert "rejected" in refused(walk, 0, ledger=later(walk.ledger, days=400))


def test_who_rejected_a_batch_may_approve_it_after_all_and_who_approved_it_may_reject_it(walk):
    say_no(walk)
    say_yes(walk)
    assert check_approvals(walk.ledger, walk.batch, task(), 1) == "approved by fatma"
    say_no(walk)
    refused(walk, 0)


def test_of_an_approval_and_a_change_that_happens_meanwhile_the_later_is_told_to_read_again(walk):
    say_yes(walk)
    with pytest.raises(LedgerMovedError):
        approve(walk.ledger, stale(walk.batch), MEHMET, digest=shown_digest(walk.batch))


def test_a_permission_replaces_no_approval(walk):
    say_yes(walk)
    walk.batch = authorize(walk, 1)
    walk.to(State.AUTH_UNKNOWN)
    from airflow_provider_iyzico.ledger.persons import permit

    walk.batch = permit(walk.ledger, walk.batch, PERSON, "the panel shows nothing")
    walk.to(State.INITIATED)
    assert "too long ago" in refused(walk, 1, ledger=later(walk.ledger, days=2))
    sent = authorize(walk, 1)
    event = max(rows(walk.ledger, "event", sent.key), key=lambda row: row["version"])
    assert event["reason"].startswith("approved by fatma; permitted at version ")
