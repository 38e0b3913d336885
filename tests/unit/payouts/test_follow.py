"""An authorized batch is followed until every item is accounted for, or needs a person."""

import json
import logging
from dataclasses import replace
from decimal import Decimal

import pytest
from batches import PERSON, task
from payers import ACCOUNT, BATCH, DAYS, NEEDED, Copied, a_batch, payments

from airflow_provider_iyzico.domain.payout import State
from airflow_provider_iyzico.errors import IyzicoError, IyzicoNoSuchPayoutError, IyzicoUnavailableError, LedgerBatchError
from airflow_provider_iyzico.ledger.register import register
from airflow_provider_iyzico.ledger.resolve import resolve
from airflow_provider_iyzico.payouts.reads import read


@pytest.fixture
def paying(payer):
    """A batch that iyzico pays."""
    payer.pay()
    return payer


def fates(payer, **of_items):
    payer.bank.set(fates={name.replace("_", "-"): fate for name, fate in of_items.items()})
    payer.pay()
    return payer


def test_a_batch_ends_when_every_item_is_accounted_for_and_its_hold_with_it(payer_on_each):
    payer = payer_on_each
    payer.bank.set(fates={"item-1": "returned"})
    payer.pay()
    standing = payer.follow_to_its_end()
    assert (standing.batch.state, payer.hold_end()) == ("ended", "accounted")
    totals = standing.totals
    assert (totals.paid_items, totals.paid_total, totals.paid_commission) == (2, Decimal("201.00"), Decimal("5.00"))
    assert (totals.returned_total, totals.returned_commission) == (Decimal("100.50"), Decimal("2.50"))
    assert (totals.outstanding_total, totals.unpaid_items) == (0, 1)
    assert Decimal("1000.00") - Decimal(payer.bank.balance) == totals.paid_total + totals.paid_commission


@pytest.mark.parametrize("fate", ["returned", "return_fails"])
def test_a_batch_comes_to_its_end_though_iyzico_lists_items_that_failed_neither_as_valid_nor_as_invalid(payer, fate):
    payer.bank.set(valid_items="not_ended_badly")
    standing = fates(payer, item_1=fate).follow_to_its_end()
    assert "'item-1'" in standing.problem
    assert payer.held() == (None if fate == "returned" else Decimal("103.00"))
    assert (standing.totals.paid_items, standing.totals.outstanding_total) == (2, 0 if fate == "returned" else Decimal("100.50"))


def test_a_payment_that_comes_back_after_the_end_is_no_longer_paid_though_iyzico_lists_it_nowhere(payer):
    payer.bank.set(valid_items="not_ended_badly", durations={"DEPOSIT_SUCCESS": 3 * DAYS})
    fates(payer, item_1="bounced").follow_to_its_end()
    payer.wait(3 * DAYS)
    assert "had ended, but its items changed" in payer.reconcile().problems[BATCH]
    assert payer.items()["item-1"] == "DEPOSIT_SUCCESS"


def test_an_item_that_iyzico_shows_nowhere_is_not_taken_to_be_paid(paying):
    paying.follow_to_its_end()
    hide = paying.hook.retrieve_mass_payout

    def hidden(**asked):
        found = hide(**asked)
        return replace(found, items=found.items[1:])

    def unknown(reference_code, **_):
        raise IyzicoNoSuchPayoutError("no such item")

    paying.hook.retrieve_mass_payout, paying.hook.retrieve_mass_payout_item = hidden, unknown
    assert "does not show 1 items" in paying.reconcile().problems[BATCH]


def shown_twice(found):
    return (*found.items, replace(found.items[1], reference_code="second", status="FAILED"))


def shown_nowhere(found):
    return [item for item in found.items if item.item_external_id != "item-1"]


@pytest.mark.parametrize(("items", "said"), [(shown_twice, "shows more than once"), (shown_nowhere, "does not show")])
def test_a_person_ends_a_batch_of_which_iyzico_never_shows_an_item_clearly(paying, items, said):
    show, first = paying.hook.retrieve_mass_payout, paying.batch().request_id

    def unclear(**asked):
        found = show(**asked)
        return replace(found, items=items(found)) if asked.get("request_id") == first else found

    def unknown(reference_code, **_):
        raise IyzicoNoSuchPayoutError("no such item")

    paying.hook.retrieve_mass_payout, paying.hook.retrieve_mass_payout_item = unclear, unknown
    paying.wait(7200)
    with pytest.raises(LedgerBatchError, match=f"{said} 1 items .* resolve {BATCH} --as ended"):
        paying.follow()
    assert (set(paying.items().values()), paying.held()) == ({"INIT"}, NEEDED)
    ended = resolve(paying.ledger, paying.batch(), State.ENDED, read(paying.means(), paying.batch()), PERSON, "ticket 4711")
    assert (ended.state, paying.held()) == (State.ENDED, None)
    assert paying.items() == {"item-0": "SUCCESS", "item-1": "INIT", "item-2": "SUCCESS"}
    assert paying.reasons()[-1] == f"ticket 4711; iyzico {said} 1 items of {ended}, such as 'item-1'"
    paying.wait(60)
    assert said in paying.reconcile().problems[BATCH]
    with pytest.raises(LedgerBatchError, match="The payments could be made twice, so nothing was sent"):
        paying.pay(a_batch("again"), who=task("manual__2"))
    paying.hook.retrieve_mass_payout = show
    paying.reconcile()
    assert (paying.follow_to_its_end().totals.paid_items, paying.state()) == (3, "ended")


@pytest.mark.parametrize(
    ("second", "batch", "said"),
    [
        ({"total_amount": Decimal("50.25")}, {}, "shows more than once 1 items"),
        ({"item_external_id": "item-9"}, {}, "shows, but was not sent, 1 items"),
        ({}, {"merchant_id": "999"}, "two merchants cannot be one account"),
        ({}, {"status": "INIT", "items": ()}, "unclear"),
    ],
    ids=["amount", "foreign", "merchant", "nothing"],
)
def test_what_else_is_wrong_with_a_batch_keeps_a_person_from_ending_it(paying, second, batch, said):
    paying.wait(7200)
    found = read(paying.means(), paying.batch())
    shown = replace(found, items=(*found.items, replace(found.items[0], **second)))
    with pytest.raises(LedgerBatchError, match=said):
        resolve(paying.ledger, paying.batch(), State.ENDED, replace(shown, **batch), PERSON, "ticket 4711")
    assert (paying.state(), paying.held()) == ("authorized", NEEDED)


def test_an_item_of_another_batch_is_not_taken_for_one_that_iyzico_does_not_list(payer):
    """It has the same id, since the same people are paid each month."""
    payer.bank.set(valid_items="not_ended_badly", item_request_id="present")
    fates(payer, item_1="returned").wait(7200)
    show = payer.hook.retrieve_mass_payout_item

    def of_another_batch(reference_code, **asked):
        return replace(show(reference_code, **asked), status="SUCCESS", request_id="that-of-october")

    payer.hook.retrieve_mass_payout_item = of_another_batch
    with pytest.raises(LedgerBatchError, match="does not show 1 items .* such as 'item-1'"):
        payer.follow()
    payer.hook.retrieve_mass_payout_item = show
    payer.follow()
    assert payer.items()["item-1"] == "DEPOSIT_SUCCESS"


def test_the_hold_counts_down_as_items_are_settled_for_long_enough(payer):
    fates(payer, item_1="returned")
    payer.wait(4)
    payer.follow()
    assert payer.held() == NEEDED, "what is paid counts a little longer, since the balance may lag behind"
    payer.wait(59)
    payer.follow()
    assert payer.held() == NEEDED
    payer.wait(1)
    payer.follow()
    assert payer.held() == Decimal("103.00"), "what came back only now counts on"
    assert payer.state() == "authorized"


def test_reading_sends_nothing(paying):
    paying.follow_to_its_end()
    assert {seen.call for seen in paying.bank.seen if seen.method == "POST"} <= {"init", "auth", "retrieve"}
    assert (paying.calls("init"), paying.calls("auth")) == (1, 1)


def test_each_look_reads_each_page_once(payer):
    payer.bank.balance = "20000.00"
    payer.pay(a_batch(rows=payments(100)))
    read = payer.calls("retrieve")
    payer.follow()
    pages = [json.loads(seen.body) for seen in payer.bank.seen if seen.call == "retrieve"][read:]
    assert [(page["itemType"], page["page"]) for page in pages] == [("VALID", 0), ("VALID", 1), ("VALID", 2), ("INVALID", 0)]


def test_the_items_decide_and_not_the_batchs_word(paying):
    paying.bank.set(batch_words={"IN_PROGRESS": "COMPLETED", "PUBLISHED_TO_QUEUE": "COMPLETED"})
    assert not paying.follow().has_ended
    paying.bank.set(batch_words={"COMPLETED": "IN_PROGRESS"})
    assert paying.follow_to_its_end().batch.state == "ended"


def test_a_status_that_nobody_documented_is_kept_logged_and_never_paid(payer, caplog):
    fates(payer, item_1="unheard_of")
    caplog.set_level(logging.WARNING)
    payer.wait(600)
    payer.follow()
    payer.wait(600)
    standing = payer.follow()
    assert payer.items()["item-1"] == "AWAITING_CLEARANCE"
    assert not standing.has_ended
    assert standing.totals.paid_items == 2
    assert payer.held() == Decimal("103.00")
    assert sum("AWAITING_CLEARANCE" in record.getMessage() for record in caplog.records) == 1


def test_a_failed_item_is_waited_for_until_its_money_is_back(payer):
    payer.bank.set(durations={"DEPOSIT_SUCCESS": 2 * DAYS})
    fates(payer, item_1="returned")
    payer.wait(200)
    payer.follow()
    payer.wait(60)
    standing = payer.follow()
    assert not standing.has_ended
    assert 2 * DAYS < standing.wait_seconds <= 3 * DAYS
    assert standing.totals.outstanding_total == Decimal("100.50")
    payer.wait(2 * DAYS)
    standing = payer.follow_to_its_end()
    assert (standing.batch.state, standing.totals.returned_total) == ("ended", Decimal("100.50"))


@pytest.mark.parametrize("fate", ["never_returned", "return_fails"])
def test_money_that_does_not_come_back_is_reported_and_its_hold_stays(payer, fate):
    fates(payer, item_1=fate)
    standing = payer.follow_to_its_end()
    assert (standing.batch.state, payer.held()) == ("authorized", Decimal("103.00"))
    status = payer.items()["item-1"]
    assert standing.problem == (
        f"1 of 3 items of batch '{BATCH}' of simulator (sandbox, TRY) are not paid: 'item-1' ({status}); returned 0.00, "
        "outstanding 100.50 TRY"
    )
    if fate == "never_returned":
        assert payer.seconds >= 3 * DAYS
    else:
        assert payer.seconds < DAYS, "DEPOSIT_FAIL does not come back by itself, so nobody waits for it"


def test_ten_unpaid_items_are_named_and_the_rest_is_counted(payer):
    payer.bank.set(balance="10000", fates={"*": "returned"})
    payer.pay(a_batch(rows=payments(13)))
    problem = payer.follow_to_its_end().problem
    assert problem.count("DEPOSIT_SUCCESS") == 10
    assert "and 3 more" in problem


def test_invalid_items_are_neither_paid_nor_unpaid(payer):
    fates(payer, item_1="invalid")
    standing = payer.follow_to_its_end()
    assert standing.problem is None
    assert (standing.totals.paid_items, standing.totals.invalid_items, standing.totals.unpaid_items) == (2, 1, 0)


def test_a_batch_all_of_whose_items_fail_is_waited_for_although_iyzico_calls_it_failed(payer):
    payer.bank.set(durations={"DEPOSIT_SUCCESS": 1 * DAYS})
    fates(payer, item_0="returned", item_1="returned", item_2="returned")
    payer.wait(600)
    standing = payer.follow()
    assert (standing.batch.iyzico_status, standing.has_ended, standing.has_stopped) == ("FAIL", False, False)
    standing = payer.follow_to_its_end()
    assert (standing.batch.state, standing.totals.returned_total) == ("ended", Decimal("301.50"))


@pytest.fixture
def stopped(payer):
    """A batch whose money somebody took out of the balance."""
    payer.initiate()
    payer.authorize_short("899.00")
    payer.paused.clear()
    return payer


def test_a_stopped_batch_asks_for_a_person_after_two_reads_and_its_hold_stays(stopped):
    standing = stopped.follow()
    assert (standing.has_ended, standing.has_stopped, stopped.paused) == (True, True, [60.0])
    assert "has stopped: iyzico calls it INSUFFICIENT_BALANCE, and 3 of its items are not paid" in standing.problem
    assert f"ledger resolve {BATCH} --as ended" in standing.problem
    assert (stopped.state(), stopped.held()) == ("authorized", NEEDED)


def test_a_top_up_between_the_two_reads_sets_it_off_and_it_is_followed(stopped):
    stopped.bank.set(stopped_batch="resumes")
    stopped.meanwhile.append(lambda: stopped.bank.panel.top_up("1000.00"))
    standing = stopped.follow()
    assert not standing.has_stopped
    assert stopped.follow_to_its_end().totals.paid_items == 3


def test_a_batch_that_paid_as_far_as_the_money_went_has_stopped_too(payer):
    payer.bank.set(short_batch="as_far_as_it_goes", balance_drops="at_bank")
    payer.initiate()
    payer.authorize_short("790.00")
    standing = payer.follow_to_its_end()
    assert standing.has_stopped
    assert (standing.totals.paid_items, standing.totals.unpaid_items) == (2, 1)
    assert "and 1 of its items are not paid" in standing.problem
    assert payer.held() >= Decimal("103.00")


def test_a_person_ends_a_batch_that_will_never_end_and_a_top_up_that_sets_it_off_opens_it_again(stopped):
    stopped.follow()
    batch = stopped.batch()
    resolve(stopped.ledger, batch, State.ENDED, read(stopped.means(), batch), PERSON, "iyzico says that it is dead")
    assert (stopped.state(), stopped.held()) == ("ended", None)
    standing = stopped.follow()
    assert standing.has_ended
    assert "3 of 3 items" in standing.problem
    stopped.bank.set(stopped_batch="resumes")
    stopped.bank.panel.top_up("1000.00")
    stopped.wait(2)
    done = stopped.reconcile()
    assert (done.reopened, stopped.state(), stopped.held()) == (1, "authorized", NEEDED)


def test_an_iyzico_that_is_down_changes_nothing_and_says_safe(paying):
    paying.bank.fail("500", on="retrieve")
    with pytest.raises(IyzicoUnavailableError):
        paying.follow()
    assert (paying.state(), paying.held()) == ("authorized", NEEDED)


def test_pages_that_shift_are_read_until_two_reads_agree(payer):
    payer.bank.set(item_order="last_changed_first", balance="100000")
    payer.pay(a_batch(rows=payments(100, "1.00")))
    ended = None
    while ended is None or not ended.has_ended:
        payer.wait(0.5 if payer.seconds < 6 else 60)
        try:
            ended = payer.follow()
        except IyzicoUnavailableError:
            continue
    assert ended.totals.paid_items == 100


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"items": lambda items: (*items, items[0])}, "shows more than once 1 items"),
        ({"external_id": lambda _: "another"}, "has external_id"),
        ({"merchant_id": lambda _: "999"}, "two merchants cannot be one account"),
        ({"currency": lambda _: "USD"}, "has currency"),
    ],
)
def test_an_answer_that_is_not_the_batch_writes_nothing(paying, change, said):
    from dataclasses import replace

    make, version = paying.hook.retrieve_mass_payout, paying.batch().version

    def other(**asked):
        found = make(**asked)
        return replace(found, **{name: new(getattr(found, name)) for name, new in change.items()})

    paying.hook.retrieve_mass_payout = other
    with pytest.raises(LedgerBatchError, match=said):
        paying.follow()
    assert paying.batch().version == version


def test_what_becomes_of_an_item_is_an_event(payer):
    fates(payer, item_1="returned")
    payer.follow_to_its_end()
    told = [(row["before"], row["after"]) for row in payer.table("event") if row["item_external_id"] == "item-1"]
    assert told[-1][1] == "DEPOSIT_SUCCESS"
    assert all(before != after for before, after in told[:1])
    (item,) = [row for row in payer.table("item") if row["item_external_id"] == "item-1"]
    assert item["reference_code"]
    assert item["commission"] == Decimal("2.50")


def test_a_read_that_says_nothing_new_leaves_no_event(paying):
    paying.wait(600)
    paying.follow_to_its_end()
    events = len(paying.table("event"))
    paying.follow()
    assert len(paying.table("event")) == events


def test_a_batch_that_the_ledger_does_not_have_cannot_be_followed(payer):
    with pytest.raises(IyzicoError, match="run MassPayoutInitOperator"):
        payer.follow()


def test_an_item_that_iyzico_calls_invalid_only_later_is_named_as_not_paid(paying, monkeypatch):
    """Its init took it for valid, so no choice of on_invalid covers that nobody pays it."""
    retrieve = paying.hook.retrieve_mass_payout

    def without_one(**by):
        found = retrieve(**by)
        items = [replace(item, status="INVALID") if item.item_external_id == "item-1" else item for item in found.items]
        return replace(found, items=tuple(items))

    monkeypatch.setattr(paying.hook, "retrieve_mass_payout", without_one)
    standing = paying.follow_to_its_end()
    assert standing.problem is not None
    assert "1 of 3 items" in standing.problem
    assert "'item-1' (INVALID)" in standing.problem


def test_an_item_that_iyzico_pays_although_it_had_called_it_invalid_is_named(payer):
    """Its payment may have been made by another batch since."""
    fates(payer, item_0="invalid")
    show = payer.hook.retrieve_mass_payout

    def healed(**asked):
        found = show(**asked)
        return replace(found, items=tuple(replace(each, status="SUCCESS") for each in found.items))

    payer.hook.retrieve_mass_payout = healed
    standing = payer.follow_to_its_end()
    assert (standing.batch.state, standing.totals.paid_items) == ("ended", 3)
    assert standing.problem.endswith("that it had called invalid: 'item-0'; do not pay them again")


def test_an_item_that_was_invalid_from_the_start_is_no_news_at_the_end(payer):
    fates(payer, item_1="invalid")
    retrieve = payer.hook.retrieve_mass_payout

    def in_other_words(**by):
        found = retrieve(**by)
        return replace(found, items=tuple(replace(item, errors=(f"{item.status} it is",)) for item in found.items))

    payer.hook.retrieve_mass_payout = in_other_words
    assert payer.follow_to_its_end().problem is None


@pytest.mark.parametrize("forgotten", ["initiated", "auth_sent"])
def test_a_batch_whose_authorization_a_restored_ledger_forgot_is_held_for_and_followed(payer, forgotten):
    """The task that has it paid is deferred while the ledger is restored, so that it only follows the batch."""
    send, copies = payer.hook.authorize_mass_payout, []
    payer.initiate()
    if forgotten == "initiated":
        copies.append(Copied(payer))

    def copied(request_id, **options):
        if forgotten == "auth_sent":
            copies.append(Copied(payer))
        return send(request_id, **options)

    payer.hook.authorize_mass_payout = copied
    payer.authorize()
    (copy,) = copies
    copy.restore()
    assert payer.state() == forgotten
    assert payer.follow().batch.state == "authorized"
    assert payer.held() == NEEDED
    assert payer.follow_to_its_end().batch.state == "ended"
    assert (payer.calls("auth"), payer.bank.balance) == (1, "691.00")


def test_a_batch_of_which_a_restored_ledger_does_not_know_that_iyzico_has_it_is_not_waited_for(payer):
    register(payer.ledger, ACCOUNT, a_batch(), task())
    copy = Copied(payer)
    payer.pay()
    copy.restore()
    with pytest.raises(LedgerBatchError, match="is new: .* restored from an older copy.*MassPayoutInitOperator"):
        payer.follow()
