"""What iyzico says becomes items, figures, holds and ends; what cannot be true is refused whole."""

import logging
from dataclasses import replace
from decimal import Decimal

import pytest
from batches import PERSON, WAYS, Walk, batch_of_two, found, hold_of, of_items, rows, set_aside, stale, task

from airflow_provider_iyzico.api.payout import Initiated, InvalidItem
from airflow_provider_iyzico.domain.items import texts
from airflow_provider_iyzico.domain.payout import State
from airflow_provider_iyzico.errors import IyzicoUnavailableError, LedgerBatchError, LedgerMovedError
from airflow_provider_iyzico.ledger.batches import find
from airflow_provider_iyzico.ledger.items import batch_totals
from airflow_provider_iyzico.ledger.ledger import Ledger
from airflow_provider_iyzico.ledger.placing import funds_version
from airflow_provider_iyzico.ledger.reading import differing_items, record, with_items_left_out
from airflow_provider_iyzico.ledger.steps import initiated, step

SENT = batch_of_two("salaries-20261101", "100.50", "200.00", "50.00")


@pytest.fixture
def walk(ledger, account):
    return Walk(ledger, account, SENT)


def test_money_is_exact_whatever_context_a_dag_file_has_set(sqlite_engine, account, odd):
    with odd():
        walk = Walk(Ledger.open(sqlite_engine), account, batch_of_two("a", "1234567.89", "0.01")).to(*WAYS[State.AUTHORIZED])
        walk.read("IN_PROGRESS", of_items(["SUCCESS", "PROCESSING"]))
    assert walk.batch.required == Decimal("1234570.90")
    assert hold_of(walk.ledger, walk.batch) == (Decimal("1.51"), None)


def item_events(walk, item="item-1"):
    events = sorted(rows(walk.ledger, "event", walk.batch.key), key=lambda row: row["version"])
    return [(row["before"], row["after"], row["reason"]) for row in events if row["item_external_id"] == item]


def test_every_change_of_an_item_is_kept_with_an_event(walk):
    walk.to(*WAYS[State.AUTHORIZED])
    walk.read("IN_PROGRESS", "PROCESSING")
    walk.read("COMPLETED", "FAILED", errors=("the IBAN is closed", "try another"), commission_amount=Decimal("2.00"))
    kept = {row["item_external_id"]: row for row in rows(walk.ledger, "item", walk.batch.key)}["item-1"]
    assert (kept["status"], kept["error"], kept["commission"]) == ("FAILED", "the IBAN is closed; try another", Decimal("2.00"))
    assert kept["reference_code"] == "ref-item-1"
    assert item_events(walk) == [
        ("", "INIT", "commission 1.50"),
        ("INIT", "PROCESSING", None),
        ("PROCESSING", "FAILED", "the IBAN is closed; try another; commission 2.00"),
    ]
    assert (walk.batch.iyzico_status, walk.batch.state) == ("COMPLETED", State.AUTHORIZED)


def test_a_read_that_tells_nothing_new_leaves_no_event_and_moves_nobody(walk):
    before = walk.to(*WAYS[State.AUTHORIZED]).read("IN_PROGRESS", "PROCESSING").batch
    after = walk.read("IN_PROGRESS", "PROCESSING").batch
    assert (after.version, after.changed_at) == (before.version, before.changed_at)
    assert after.read_at >= before.read_at
    assert item_events(walk)[-1] == ("INIT", "PROCESSING", None)


def test_a_read_that_was_asked_for_before_another_change_is_not_taken_for_the_truth(walk):
    batch = walk.to(*WAYS[State.AUTHORIZED]).read("COMPLETED", "SUCCESS", settling_seconds=3600).batch
    with pytest.raises(LedgerMovedError):
        record(walk.ledger, stale(batch), found(batch, SENT, "IN_PROGRESS", "PROCESSING"), task())
    assert {row["status"] for row in rows(walk.ledger, "item", batch.key)} == {"SUCCESS"}


def test_the_hold_counts_down_as_items_are_settled_and_ends_when_nothing_is_left(walk):
    walk.to(*WAYS[State.AUTHORIZED])
    version = funds_version(walk.ledger, walk.batch.account)
    assert hold_of(walk.ledger, walk.batch) == (Decimal("355.00"), None)
    walk.read("IN_PROGRESS", of_items(["SUCCESS", "FAILED", "PROCESSING"]))
    assert hold_of(walk.ledger, walk.batch) == (Decimal("253.00"), None)
    assert funds_version(walk.ledger, walk.batch.account) == version + 1
    walk.read("IN_PROGRESS", of_items(["SUCCESS", "DEPOSIT_FAIL", "DEPOSIT_SUCCESS"]))
    assert hold_of(walk.ledger, walk.batch) == (Decimal("201.50"), None)
    assert walk.batch.state is State.AUTHORIZED
    walk.read("COMPLETED", of_items(["SUCCESS", "DEPOSIT_SUCCESS", "DEPOSIT_SUCCESS"]))
    assert hold_of(walk.ledger, walk.batch) == (0, "accounted")
    assert walk.batch.state is State.ENDED
    assert walk.batch.ended_at == walk.batch.changed_at


def test_a_settled_item_counts_until_the_balance_cannot_lag_behind_any_more(walk):
    walk.to(*WAYS[State.AUTHORIZED]).read("COMPLETED", "SUCCESS", settling_seconds=3600)
    assert hold_of(walk.ledger, walk.batch) == (Decimal("355.00"), None)
    assert walk.batch.state is State.AUTHORIZED
    walk.read("COMPLETED", "SUCCESS", settling_seconds=0)
    assert (walk.batch.state, hold_of(walk.ledger, walk.batch)) == (State.ENDED, (0, "accounted"))


def test_before_a_batch_is_authorized_its_hold_counts_the_whole_amount(walk):
    walk.to(*WAYS[State.AUTH_UNKNOWN]).read("IN_PROGRESS", of_items(["SUCCESS", "SUCCESS", "PROCESSING"]))
    assert hold_of(walk.ledger, walk.batch) == (Decimal("355.00"), None)


def test_what_was_invalid_before_the_hold_is_not_counted_in_it(walk):
    walk.to(State.INIT_SENT)
    walk.batch = initiated(
        walk.ledger, walk.batch, Initiated(f"r {walk.batch.account.account}", (InvalidItem("item-2", None, "no"),)), task()
    )
    walk.read("INIT", of_items(["INIT", "INVALID", "INIT"]))
    assert (walk.batch.invalid_items, walk.batch.total, walk.batch.required) == (1, Decimal("150.50"), Decimal("153.50"))
    walk.to(State.AUTH_SENT, State.AUTHORIZED).read(
        "IN_PROGRESS", of_items(["SUCCESS", "INVALID", "PROCESSING"]), settling_seconds=3600
    )
    assert hold_of(walk.ledger, walk.batch) == (Decimal("153.50"), None)
    walk.read("COMPLETED", of_items(["SUCCESS", "INVALID", "SUCCESS"]))
    assert walk.batch.state is State.ENDED


def test_iyzico_may_leave_out_what_it_called_invalid_and_nothing_else(walk):
    walk.to(State.INIT_SENT)
    walk.batch = initiated(
        walk.ledger, walk.batch, Initiated(f"r {walk.batch.account.account}", (InvalidItem("item-2", None, "no"),)), task()
    )
    shown = found(walk.batch, SENT)
    without = replace(shown, items=(shown.items[0], shown.items[2]))
    assert record(walk.ledger, walk.batch, without, task()).invalid_items == 1


def left_out(walk, status, truth, *, is_busy=False, listed=1, **most):
    """What a read shows that lists the last items only, and which of the others were read by themselves."""
    shown, asked_for = found(walk.batch, SENT, status, of_items(truth)), []
    by_code = {item.reference_code: item for item in shown.items}

    def read_item(code):
        asked_for.append(code.removeprefix("ref-"))
        if is_busy:
            raise IyzicoUnavailableError("too many requests")
        return by_code[code]

    lists = replace(shown, items=shown.items[len(shown.items) - listed :])
    read = with_items_left_out(walk.ledger, walk.batch, lists, read_item, **most)
    return {item.item_external_id: item.status for item in read.items}, asked_for


CANCELLED = "MASS_PAYOUT_CANCELED"


@pytest.mark.parametrize(
    ("status", "listed", "is_read"),
    [("CANCELED", CANCELLED, False), ("CANCELED", "SUCCESS", True), ("FAIL", "SUCCESS", True), ("WORD", CANCELLED, True)],
)
@pytest.mark.parametrize("most", [{}, {"most": 20}], ids=str)
def test_a_cancelled_item_that_iyzico_no_longer_lists_was_never_sent_only_while_its_batch_is_cancelled(
    walk, status, listed, is_read, most
):
    walk.to(*WAYS[State.CANCELLED])
    truth = ["FAILED", "FAILED", listed] if is_read else [CANCELLED] * 3
    read, asked_for = left_out(walk, status, truth, **most)
    assert (read, len(asked_for)) == (of_items(truth), 2 if is_read else 0)


def test_while_others_wait_only_some_items_are_read_by_themselves_and_the_next_read_goes_on(walk):
    walk.to(*WAYS[State.CANCELLED])
    truth = ["FAILED", "DEPOSIT_FAIL", "SUCCESS"]
    walk.read("FAIL", left_out(walk, "FAIL", truth, most=1)[0])
    read, asked_for = left_out(walk, "FAIL", truth, most=1)
    assert (read, asked_for) == (of_items(truth), ["item-2"])
    walk.read("FAIL", read)
    assert left_out(walk, "FAIL", truth, most=1) == (of_items(truth), [])
    assert left_out(walk, "FAIL", truth) == (of_items(truth), ["item-1", "item-2"])


def test_items_that_failed_are_read_by_themselves_while_money_is_held_for_them(walk):
    walk.to(*WAYS[State.AUTHORIZED]).read("COMPLETED", of_items(["FAILED", "FAILED", "SUCCESS"]))
    back = of_items(["DEPOSIT_SUCCESS", "FAILED", "SUCCESS"])
    assert left_out(walk, "COMPLETED", back.values(), most=1) == (back, ["item-1"])


def test_an_item_that_cannot_be_read_now_keeps_only_its_own_batch_waiting(walk):
    walk.to(*WAYS[State.CANCELLED])
    truth = [CANCELLED, CANCELLED, "SUCCESS"]
    assert left_out(walk, "FAIL", truth, is_busy=True, most=20) == (of_items(truth), ["item-1"])
    with pytest.raises(IyzicoUnavailableError):
        left_out(walk, "FAIL", truth, is_busy=True)


@pytest.mark.parametrize(
    ("items", "says"),
    [
        (lambda items: items[:2], "does not show 1 items of .*, such as 'item-3'"),
        (lambda items: (*items, replace(items[0], item_external_id="x")), "shows, but was not sent, 1 items .*'x'"),
        (lambda items: (*items, items[0]), "shows more than once 1 items .*'item-1'"),
        (lambda items: (replace(items[0], total_amount=Decimal("100.49")), *items[1:]), "with other amounts 1 items .*'item-1'"),
    ],
    ids=["missing", "foreign", "twice", "amount"],
)
def test_a_read_with_other_items_or_amounts_is_refused_whole(walk, items, says):
    batch = walk.to(*WAYS[State.AUTHORIZED]).batch
    shown = found(batch, SENT, "COMPLETED", "SUCCESS")
    with pytest.raises(LedgerBatchError, match=says):
        record(walk.ledger, batch, replace(shown, items=items(shown.items)), task())
    assert {row["status"] for row in rows(walk.ledger, "item", batch.key)} == {"INIT"}
    assert find(walk.ledger, batch.account, batch.external_id).version == batch.version


@pytest.mark.parametrize("other", [{"external_id": "other"}, {"request_id": "other"}, {"currency": "EUR"}], ids=str)
def test_a_read_of_another_batch_is_refused(walk, other):
    batch = walk.to(*WAYS[State.AUTHORIZED]).batch
    with pytest.raises(LedgerBatchError, match=f"{next(iter(other))} .*, and iyzico shows .*; nothing was written"):
        record(walk.ledger, batch, found(batch, SENT, **other), task())


def test_nothing_is_kept_of_a_batch_that_is_not_known_to_be_ours(walk):
    batch = walk.to(*WAYS[State.INIT_UNKNOWN]).batch
    with pytest.raises(LedgerBatchError, match="has no request_id yet"):
        record(walk.ledger, batch, found(batch, SENT, request_id="r"), task())


def test_the_keys_of_another_merchant_are_noticed(walk):
    batch = walk.to(*WAYS[State.AUTHORIZED]).batch
    with pytest.raises(LedgerBatchError, match="belong to merchant '2002', and its earlier keys to "):
        record(walk.ledger, batch, found(batch, SENT, merchant_id="2002"), task())
    record(walk.ledger, batch, found(batch, SENT, merchant_id=None), task())


def test_two_labels_of_one_merchant_are_refused_because_they_would_spend_one_balance_twice(walk, account):
    walk.to(*WAYS[State.INITIATED])
    sent = batch_of_two("other")
    other = Walk(walk.ledger, replace(account, account=f"{account.account} 2"), sent).to(State.INIT_SENT)
    batch = initiated(walk.ledger, other.batch, Initiated(f"req-{account.account}-other", ()), task())
    with pytest.raises(LedgerBatchError, match=f"whose account is {account.account!r} in this ledger: two labels would spend"):
        record(walk.ledger, batch, found(batch, sent, merchant_id=account.account), task())
    walk.read("INIT", "INIT")  # the label that was first goes on


@pytest.mark.parametrize(
    ("was", "now"),
    [("SUCCESS", "FAILED"), ("SUCCESS", "DEPOSIT_SUCCESS"), ("DEPOSIT_SUCCESS", "SUCCESS"), ("SUCCESS", "BOUNCED")],
)
def test_an_ended_batch_whose_items_change_is_authorized_again_and_held_for(walk, caplog, was, now):
    first = was if was != "DEPOSIT_SUCCESS" else "DEPOSIT_SUCCESS"
    walk.to(*WAYS[State.AUTHORIZED]).read("COMPLETED", of_items([first, "SUCCESS", "SUCCESS"]))
    assert walk.batch.state is State.ENDED
    with caplog.at_level(logging.ERROR):
        walk.read("COMPLETED", of_items([now, "SUCCESS", "SUCCESS"]), settling_seconds=0.001 if now == "BOUNCED" else 3600)
    assert (walk.batch.state, walk.batch.ended_at) == (State.AUTHORIZED, None)
    counted, end = hold_of(walk.ledger, walk.batch)
    assert end is None
    assert counted >= Decimal("102.00")
    assert "had ended, but its items changed at iyzico" in caplog.text
    assert [row["number"] for row in rows(walk.ledger, "hold", walk.batch.key) if row["counted"]] == [2]
    walk.read("COMPLETED", of_items(["DEPOSIT_SUCCESS", "SUCCESS", "SUCCESS"]))
    assert (walk.batch.state, hold_of(walk.ledger, walk.batch)) == (State.ENDED, (0, "accounted"))


def test_a_batch_that_a_person_ended_stays_ended_until_something_moves(walk):
    walk.to(*WAYS[State.AUTHORIZED]).read("INSUFFICIENT_BALANCE", "QUEUED")
    walk.batch = step(walk.ledger, walk.batch, State.ENDED, PERSON, reason="stopped")
    assert walk.read("INSUFFICIENT_BALANCE", "QUEUED").batch.state is State.ENDED
    walk.read("IN_PROGRESS", of_items(["PROCESSING", "QUEUED", "QUEUED"]))
    assert walk.batch.state is State.AUTHORIZED
    assert hold_of(walk.ledger, walk.batch) == (Decimal("355.00"), None)


def test_a_word_that_nobody_documented_is_kept_and_never_means_paid(walk):
    word = "PAID_PERHAPS" * 20
    walk.to(*WAYS[State.AUTHORIZED]).read(word, word)
    assert {row["status"] for row in rows(walk.ledger, "item", walk.batch.key)} == {word[:64]}
    version = walk.batch.version
    assert walk.read(word, word).batch.version == version
    assert (walk.batch.state, hold_of(walk.ledger, walk.batch)) == (State.AUTHORIZED, (Decimal("355.00"), None))
    assert batch_totals(walk.ledger, walk.batch).paid_items == 0


def test_an_items_commission_is_the_greater_of_what_iyzico_states_and_the_bound(ledger, account):
    walk = Walk(ledger, account, SENT, commission_bound=Decimal("1.75")).to(*WAYS[State.INITIATED])
    assert walk.batch.commission == Decimal("5.25")
    shown = found(walk.batch, SENT)
    stated = [Decimal(3), Decimal(0), None]
    items = tuple(replace(item, commission_amount=commission) for item, commission in zip(shown.items, stated, strict=True))
    batch = record(ledger, walk.batch, replace(shown, items=items), task())
    assert (batch.commission, batch.required) == (Decimal("6.50"), Decimal("357.00"))


def test_the_totals_account_for_every_item(walk):
    walk.to(*WAYS[State.AUTHORIZED]).read("COMPLETED", of_items(["SUCCESS", "DEPOSIT_SUCCESS", "DEPOSIT_FAIL"]))
    totals = batch_totals(walk.ledger, walk.batch)
    assert texts(totals, has_ended=True) == {
        "items": 3,
        "total": "350.50",
        "invalid_items": 0,
        "commission": "4.50",
        "required": "355.00",
        "paid_items": 1,
        "paid_total": "100.50",
        "paid_commission": "1.50",
        "returned_total": "200.00",
        "returned_commission": "1.50",
        "outstanding_total": "50.00",
        "outstanding_commission": "1.50",
        "unpaid_items": 2,
    }
    assert list(texts(totals, has_ended=False)) == ["items", "total", "invalid_items", "commission", "required"]


def test_a_batch_whose_answer_was_missed_is_compared_before_it_is_adopted(walk):
    batch = walk.to(*WAYS[State.INIT_UNKNOWN]).batch
    shown = found(batch, SENT)
    assert differing_items(walk.ledger, batch, shown) == []
    masked = tuple(replace(item, recipient_info="TR****78") for item in shown.items)
    assert differing_items(walk.ledger, batch, replace(shown, items=masked)) == ["item-1", "item-2", "item-3"]
    assert differing_items(walk.ledger, batch, replace(shown, items=shown.items[1:])) == ["item-1"]


def test_the_hold_of_an_authorized_batch_that_somebody_ended_by_hand_is_made_again(walk):
    walk.to(*WAYS[State.INITIATED])
    set_aside(walk.ledger, walk.batch)
    walk.to(State.AUTHORIZED)
    hold_end = walk.ledger.tables.hold_end
    hold = rows(walk.ledger, "hold", walk.batch.key)[0]
    by_hand = {"hold_id": hold["hold_id"], "kind": "by hand", "ended_at": walk.batch.seen_at, "provider_version": "0"}
    walk.ledger.act(lambda connection: connection.execute(hold_end.insert().values(by_hand)))
    walk.read("IN_PROGRESS", "PROCESSING")
    assert hold_of(walk.ledger, walk.batch) == (Decimal("355.00"), None)
