"""A batch is handed over once, after a read that found nothing, and nobody is paid by that."""

from decimal import Decimal

import pytest
from batches import NAME, PERSON, decomposed, task
from payers import BATCH, DAYS, IBANS, NEEDED, Payer, a_batch, payments
from sqlalchemy import create_engine

from airflow_provider_iyzico.domain.payout import State
from airflow_provider_iyzico.errors import (
    IyzicoError,
    IyzicoNoSuchPayoutError,
    IyzicoRefusedError,
    IyzicoUnavailableError,
    LedgerBatchError,
    Retry,
)
from airflow_provider_iyzico.ledger.ledger import Ledger
from airflow_provider_iyzico.ledger.resolve import resolve
from airflow_provider_iyzico.payouts.reads import read

LOST = ["done_then_reset", "cut", "truncated", "done_then_html", "done_then_status"]
BAD_IBAN = "TR340006100519786457841326"


def order(payer):
    return [seen.call for seen in payer.bank.seen]


def raised(kind, act, match):
    with pytest.raises(kind, match=match) as caught:
        act()
    for personal in (*IBANS, NAME):
        assert personal not in str(caught.value)
    return caught.value


def test_a_batch_is_handed_over_after_a_read_that_found_nothing_and_nobody_is_paid(payer_on_each):
    payer = payer_on_each
    batch = payer.initiate()
    assert (batch.state, batch.total, batch.commission, batch.required) == (
        "initiated",
        Decimal("301.50"),
        Decimal("7.50"),
        NEEDED,
    )
    assert batch.request_id == payer.bank.payouts[0]["request_id"]
    assert order(payer)[: order(payer).index("init")].count("retrieve") >= 1
    assert payer.steps() == ["init_sent", "initiated"]
    assert (payer.calls("init"), payer.calls("auth"), payer.effects("taken")) == (1, 0, 0)


def test_the_intent_is_committed_before_the_first_byte_leaves(payer, monkeypatch):
    states = []
    send = payer.hook.init_mass_payout

    def watched(batch, **options):
        states.append(payer.state())
        return send(batch, **options)

    monkeypatch.setattr(payer.hook, "init_mass_payout", watched, raising=False)
    payer.initiate()
    assert states == ["init_sent"]


def test_an_intent_says_who_sends_and_until_when(payer):
    payer.kill(lambda: payer.initiate(who=task("scheduled__1", try_number=3)), "init_mass_payout")
    (sent,) = [row for row in payer.table("event") if row["after"] == "init_sent"]
    assert (sent["dag_id"], sent["task_id"], sent["run_id"], sent["try_number"]) == ("salaries", "pay", "scheduled__1", 3)
    assert (payer.batch().deadline_at - sent["happened_at"]).total_seconds() == 30


def test_the_same_batch_is_never_handed_over_twice(payer):
    first = payer.initiate()
    again = payer.initiate(who=task("manual__2"))
    assert (again.state, again.request_id) == ("initiated", first.request_id)
    assert payer.calls("init") == 1


def test_the_order_of_rows_does_not_count_and_neither_do_zeros_behind_the_point(payer):
    payer.initiate()
    payer.initiate(a_batch(rows=[{**row, "amount": "100.5"} for row in reversed(payments())]))
    assert payer.calls("init") == 1


@pytest.mark.parametrize(
    "change", [{"amount": "100.51"}, {"recipient_info": IBANS[1]}, {"recipient_name": "Veli"}, {"description": "bonus"}]
)
def test_the_same_name_with_other_content_is_refused_before_the_network(payer, change):
    payer.initiate()
    asked = len(payer.bank.seen)
    first, *others = payments()
    raised(
        LedgerBatchError,
        lambda: payer.initiate(a_batch(rows=[{**first, **change}, *others])),
        "with other payments or another purpose",
    )
    raised(LedgerBatchError, lambda: payer.initiate(a_batch(purpose="BONUS")), "with other payments or another purpose")
    assert len(payer.bank.seen) == asked


def test_another_name_for_payments_that_may_still_be_paid_is_refused_and_names_the_first(payer):
    payer.initiate()
    asked = len(payer.bank.seen)
    raised(LedgerBatchError, lambda: payer.initiate(a_batch("salaries-again")), f"'{BATCH}'.*is initiated.*could be paid twice")
    assert len(payer.bank.seen) == asked


def test_another_name_for_the_same_payments_is_refused_though_their_ids_come_in_another_unicode_form(payer):
    composed, decomposed = (
        [{**row, "item_external_id": f"{name}-{row['item_external_id']}"} for row in payments()]
        for name in ("maaş", "maas\N{COMBINING CEDILLA}")
    )
    payer.initiate(a_batch(rows=composed))
    raised(LedgerBatchError, lambda: payer.initiate(a_batch("salaries-again", decomposed)), f"'{BATCH}'.*could be paid twice")


def test_some_payments_of_a_batch_that_an_earlier_version_kept_in_another_unicode_form_are_refused_under_another_name(payer):
    turkish = [{**row, "item_external_id": f"maaş-{row['item_external_id']}"} for row in payments()]
    rest = a_batch("rest", turkish[1:])
    payer.initiate(decomposed(a_batch(rows=turkish)))
    raised(LedgerBatchError, lambda: payer.initiate(rest), f"'{BATCH}'.* some of the same items.*could be paid twice")
    payer.authorize()
    raised(LedgerBatchError, lambda: payer.initiate(rest), f"'{BATCH}'.* some of the same items.*is authorized")
    payer.follow_to_its_end()
    raised(LedgerBatchError, lambda: payer.initiate(rest), f"this task of this run had .* paid as '{BATCH}'")
    assert payer.initiate(rest, task("manual__2", task_id="start")).state == "initiated", "another run makes them once more"


@pytest.mark.parametrize("has_arrived", [True, False])
def test_a_batch_whose_task_an_upgrade_killed_goes_on_though_its_ids_were_in_another_unicode_form(payer, has_arrived):
    turkish = a_batch(rows=[{**row, "item_external_id": f"maaş-{row['item_external_id']}"} for row in payments()])
    before = decomposed(turkish)
    payer.bank.set(item_request_id="present")
    payer.kill(lambda: payer.initiate(before), "init_mass_payout", before=not has_arrived)
    payer.wait(120)
    assert payer.pay(turkish).state == "authorized"
    sent = before if has_arrived else turkish
    assert {row["item_external_id"] for row in payer.table("item")} == {item.item_external_id for item in sent.items}
    assert payer.follow_to_its_end().totals.paid_items == 3
    assert payer.calls("init") == 1


def test_an_ended_batch_goes_on_for_its_own_run_and_fails_another_run_with_the_moment_of_its_end(payer):
    payer.pay()
    payer.follow_to_its_end()
    assert payer.initiate().state == "ended"
    raised(LedgerBatchError, lambda: payer.initiate(who=task("manual__2")), "ended at 2026-11-29 12:0.*'manual__1'")
    assert payer.calls("init") == 1


@pytest.mark.parametrize("fault", LOST)
def test_an_answer_that_was_not_seen_is_read_back_and_the_batch_is_adopted(payer, fault):
    payer.bank.set(item_request_id="present")
    payer.bank.fail(fault, on="init", times=1)
    batch = payer.initiate()
    assert (batch.state, batch.required) == ("initiated", NEEDED)
    assert payer.steps() == ["init_sent", "init_unknown", "initiated"]
    assert (payer.calls("init"), payer.effects("init")) == (1, 1)
    assert payer.paused == [60.0]


@pytest.mark.parametrize("is_seen_after", [1, 59])
def test_a_ledger_that_forgot_does_not_pay_a_batch_again_whose_authorization_is_seen_late(payer, tmp_path, is_seen_after):
    payer.bank.set(item_request_id="present", auth_twice="pay_again", auth_lag_seconds=is_seen_after)
    payer.pay()
    engine = create_engine(f"sqlite:///{tmp_path}/empty.db")
    forgot = Payer(payer.bank, Ledger.open(engine), payer.hook)
    raised(LedgerBatchError, forgot.initiate, "somebody else dealt with it")
    raised(LedgerBatchError, forgot.authorize, "is init_unknown, so iyzico cannot pay it")
    assert payer.effects("auth") == 1
    engine.dispose()


def test_a_batch_that_iyzico_shows_in_every_other_read_is_neither_adopted_nor_sent_again(payer, monkeypatch):
    payer.bank.set(item_request_id="present")
    payer.bank.fail("done_then_reset", on="init", times=1)
    reads, read = [], payer.hook.retrieve_mass_payout

    def every_other(**asked):
        reads.append(asked)
        if len(reads) % 2:
            raise IyzicoNoSuchPayoutError("nothing found")
        return read(**asked)

    monkeypatch.setattr(payer.hook, "retrieve_mass_payout", every_other, raising=False)
    assert raised(IyzicoUnavailableError, payer.initiate, "one read shows .* and another one does not").retry is Retry.SAFE
    assert (payer.calls("init"), payer.state()) == (1, "init_unknown")


def test_a_request_that_never_arrived_is_sent_again_after_two_reads_a_minute_apart_found_nothing(payer):
    payer.bank.fail("reset", on="init", times=1)
    assert payer.initiate().state == "initiated"
    assert payer.paused == [60.0]
    assert payer.steps() == ["init_sent", "init_unknown", "new", "init_sent", "initiated"]
    assert (payer.calls("init"), payer.effects("init")) == (2, 1)


def test_one_run_sends_a_batch_again_once_and_then_says_that_a_retry_is_safe(payer):
    payer.bank.fail("reset", on="init")
    error = raised(IyzicoUnavailableError, payer.initiate, "was sent twice")
    assert error.retry is Retry.SAFE
    assert payer.calls("init") == 2
    payer.bank.heal()
    assert payer.initiate().state == "initiated"
    assert payer.effects("init") == 1


def test_a_request_that_arrives_late_is_found_by_the_second_read_and_not_sent_again(payer):
    payer.bank.set(item_request_id="present")
    payer.bank.fail("reset_then_done", on="init", times=1, seconds=30)
    assert payer.initiate().state == "initiated"
    assert (payer.calls("init"), payer.effects("init")) == (1, 1)


@pytest.mark.parametrize("recipients", ["masked", "absent"])
def test_a_batch_whose_recipients_iyzico_masks_is_adopted_by_a_person_only(payer, recipients):
    payer.bank.set(item_request_id="present", recipients=recipients)
    payer.bank.fail("done_then_reset", on="init", times=1)
    error = raised(
        LedgerBatchError, payer.initiate, "Compare the batch in iyzico's panel.*ledger resolve salaries-2026-11 --as initiated"
    )
    assert error.retry is Retry.NEVER
    assert payer.state() == "init_unknown"
    assert payer.calls("init") == 1


def test_a_found_batch_without_a_request_id_anywhere_is_said_to_move_no_money(payer):
    payer.bank.fail("done_then_reset", on="init", times=1)
    raised(LedgerBatchError, payer.initiate, "does not say its request_id.*INIT moves no money")
    assert payer.state() == "init_unknown"


@pytest.mark.parametrize("act", ["authorize", "cancel"])
def test_a_found_batch_that_somebody_dealt_with_is_not_adopted(payer, act):
    payer.bank.set(item_request_id="present")
    payer.kill(payer.initiate, "init_mass_payout")
    getattr(payer.bank.panel, act)(BATCH)
    payer.wait(120)
    raised(LedgerBatchError, payer.initiate, "somebody else dealt with it")
    assert payer.state() == "init_unknown"
    assert payer.calls("init") == 1


def test_a_batch_of_that_name_that_other_code_handed_over_is_not_taken_for_ours(payer):
    payer.bank.set(item_request_id="present")
    payer.hook.init_mass_payout(a_batch(rows=payments(amount="999.00")))
    raised(LedgerBatchError, payer.initiate, "3 of its items are not as we sent them")
    assert payer.calls("init") == 1


def test_a_ledger_that_forgot_finds_the_batch_at_iyzico_and_hands_nothing_over_again(payer):
    payer.bank.set(item_request_id="present")
    request_id = payer.hook.init_mass_payout(a_batch()).request_id
    assert payer.initiate().request_id == request_id
    assert payer.effects("init") == 1


def test_a_refused_batch_may_be_corrected_under_its_name(payer):
    payer.bank.set(max_items=2, refusals={"too_large": {"code": "11"}})
    raised(IyzicoRefusedError, payer.initiate, "Limit exceeded")
    assert payer.state() == "refused"
    batch = payer.initiate(a_batch(rows=payments(2)))
    assert (batch.state, batch.items) == ("initiated", 2)
    assert payer.steps() == ["init_sent", "refused", "init_sent", "initiated"]


def test_a_batch_of_which_iyzico_would_pay_nothing_and_keeps_nothing_is_refused_with_its_items(payer):
    payer.bank.set(invalid_items="refused", fates={"item-1": "invalid"})
    raised(IyzicoRefusedError, payer.initiate, "'item-1'.*correct the payments")
    assert payer.state() == "refused"


def test_items_that_iyzico_would_not_pay_are_left_out_of_what_the_batch_needs(payer):
    payer.bank.set(fates={"item-1": "invalid"})
    batch = payer.initiate()
    assert (batch.invalid_items, batch.total, batch.required) == (1, Decimal("201.00"), Decimal("206.00"))
    assert payer.items()["item-1"] == "INVALID"


@pytest.mark.parametrize("shown", ["absent_until_paid", "zero_until_paid"])
def test_where_iyzico_states_no_commission_only_the_author_says_what_an_item_costs(payer, shown):
    payer.bank.set(commission_shown=shown)
    assert payer.initiate().required is None
    assert payer.initiate(bound=Decimal("3.00")).required == Decimal("310.50")
    assert payer.initiate(bound=Decimal(0)).required == Decimal("301.50")
    assert payer.calls("init") == 1


def test_of_a_stated_commission_and_a_bound_the_greater_one_counts(payer):
    assert payer.initiate(bound=Decimal("4.00")).required == Decimal("313.50")
    assert payer.initiate(bound=Decimal("1.00")).required == NEEDED


@pytest.mark.parametrize("fault", ["401", "429", "failure"])
def test_a_read_that_is_refused_is_not_a_read_that_found_nothing(payer, fault):
    options = {"code": "1001"} if fault == "failure" else {}
    payer.bank.fail(fault, on="retrieve", **options)
    with pytest.raises(IyzicoError):
        payer.initiate()
    assert (payer.calls("init"), payer.state()) == (0, "new")
    payer.bank.heal()
    assert payer.initiate().state == "initiated"


def test_iyzico_down_for_hours_leaves_nothing_behind_that_a_retry_does_not_heal(payer):
    payer.bank.fail("500")
    for _ in range(3):
        with pytest.raises(IyzicoUnavailableError):
            payer.initiate()
        payer.wait(3600)
    payer.bank.heal()
    assert payer.initiate().state == "initiated"
    assert payer.effects("init") == 1


def test_a_copy_waits_until_the_sender_must_have_given_up_and_then_reads(payer):
    payer.bank.set(item_request_id="present")
    payer.kill(payer.initiate, "init_mass_payout")
    assert payer.state() == "init_sent"
    assert payer.initiate(who=task("manual__2")).state == "initiated"
    assert 150 <= sum(payer.paused) <= 160, "the copy waits for the deadline and the grace, and between two reads"
    assert payer.effects("init") == 1


def test_a_task_that_was_killed_before_it_sent_is_told_from_one_that_sent(payer):
    payer.kill(payer.initiate, "init_mass_payout", before=True)
    assert payer.initiate().state == "initiated"
    assert payer.steps() == ["init_sent", "init_unknown", "new", "init_sent", "initiated"]
    assert payer.effects("init") == 1


def test_a_sender_whose_ledger_took_longer_than_its_deadline_sends_nothing(payer, monkeypatch):
    from airflow_provider_iyzico.payouts import initiate as module

    payer.commits_slowly(monkeypatch, module)
    raised(IyzicoUnavailableError, payer.initiate, "nothing was sent for .*; a retry is safe")
    assert payer.calls("init") == 0
    monkeypatch.undo()


def test_a_batch_that_somebody_cancelled_in_the_panel_fails_a_retry_and_asks_for_another_name(payer):
    payer.initiate()
    payer.bank.panel.cancel(BATCH)
    raised(LedgerBatchError, payer.initiate, "was cancelled at .*use another external_id")
    assert payer.state() == "cancelled"
    raised(LedgerBatchError, payer.initiate, "was cancelled")


def test_a_batch_that_somebody_authorized_in_the_panel_is_held_for_and_followed(payer):
    payer.initiate()
    payer.bank.panel.authorize(BATCH)
    assert payer.initiate().state == "authorized"
    assert payer.held() == NEEDED
    assert payer.follow_to_its_end().batch.state == "ended"


def test_a_batch_that_is_being_cancelled_is_settled_before_the_task_goes_on(payer):
    payer.initiate()
    payer.kill(payer.cancel, "cancel_mass_payout")
    assert payer.state() == "cancel_sent"
    raised(LedgerBatchError, payer.initiate, "was cancelled")
    assert payer.steps()[-2:] == ["cancel_unknown", "cancelled"]


def test_another_merchant_behind_the_same_label_is_refused(payer):
    payer.initiate()
    payer.bank.set(merchant_id=2000002)
    raised(LedgerBatchError, payer.initiate, "two merchants cannot be one account")


def test_nothing_personal_is_in_the_ledger(payer):
    payer.initiate()
    kept = repr([payer.table(name) for name in ("payout", "item", "event", "account")])
    assert "6178" in kept
    for personal in (*IBANS, NAME, "salary"):
        assert personal not in kept


def test_a_name_without_the_year_is_refused_though_an_old_item_never_came_back(payer):
    """The batch of last year stays authorized for good, and a run of this year must not be green with nobody paid."""
    payer.bank.set(fates={"item-1": "never_returned"})
    payer.pay()
    payer.follow_to_its_end()
    payer.wait(365 * DAYS)
    assert payer.state() == "authorized"
    match = "was paid as far as iyzico can pay it, in run 'manual__1'.*would pay nobody.*with the year"
    raised(LedgerBatchError, lambda: payer.initiate(who=task("manual__2")), match)
    assert payer.initiate().state == "authorized", "the run that began it may be cleared"


def test_another_run_follows_a_batch_that_iyzico_still_pays(payer):
    payer.bank.set(fates={"*": "waits"})
    payer.pay()
    assert payer.initiate(who=task("manual__2")).state == "authorized"


def test_a_try_that_finds_an_unanswered_init_hands_the_batch_over_once_more_only(payer):
    payer.kill(payer.initiate, "init_mass_payout", before=True)
    payer.bank.fail("500", on="init")
    raised(IyzicoUnavailableError, payer.initiate, "was sent twice and not answered, and iyzico knows no such batch")
    assert payer.calls("init") == 1


def unanswered(payer, act, **switches):
    """A batch whose init went unanswered, and what somebody did in iyzico's panel."""
    payer.bank.set(**switches)
    payer.kill(payer.initiate, "init_mass_payout")
    getattr(payer.bank.panel, act)(BATCH)
    payer.wait(120)
    error = raised(LedgerBatchError, payer.initiate, "somebody else dealt with it.*--as authorized, or --as cancelled")
    assert error.retry is not Retry.SAFE


def resolve_as(payer, after):
    found = payer.hook.retrieve_mass_payout(external_id=BATCH)
    return resolve(payer.ledger, payer.batch(), after, found, PERSON, "the panel shows it")


@pytest.mark.parametrize("request_id", ["absent", "present"])
def test_payments_of_an_unanswered_init_may_be_paid_under_another_name_once_it_is_cancelled_in_the_panel(payer, request_id):
    unanswered(payer, "cancel", item_request_id=request_id)
    kept = resolve_as(payer, State.CANCELLED)
    assert (kept.state, payer.items()["item-0"]) == ("cancelled", "MASS_PAYOUT_CANCELED")
    assert payer.pay(a_batch("salaries-again")).state == "authorized"
    assert payer.effects("auth") == 1


def test_a_batch_that_is_not_cancelled_at_iyzico_is_not_called_so(payer):
    payer.bank.fail("done_then_reset", on="init", times=1)
    raised(LedgerBatchError, payer.initiate, "INIT moves no money. Cancel it in iyzico's panel.*--as cancelled")
    raised(LedgerBatchError, lambda: resolve_as(payer, State.CANCELLED), "nothing paid yet.*contradicts cancelled")
    raised(LedgerBatchError, lambda: payer.initiate(a_batch("salaries-again")), "could be paid twice")


def test_a_batch_that_was_authorized_in_the_panel_before_its_init_was_answered_is_followed_once_a_person_says_so(payer):
    unanswered(payer, "authorize", item_request_id="present", fates={"*": "waits"})
    assert resolve_as(payer, State.AUTHORIZED).state is State.AUTHORIZED
    assert payer.held() == NEEDED
    assert payer.authorize().state is State.AUTHORIZED
    assert payer.calls("auth") == 0


def test_other_items_under_the_name_are_not_taken_for_the_batch_that_a_person_calls_cancelled(payer):
    payer.bank.set(item_request_id="present")
    payer.hook.init_mass_payout(a_batch(rows=payments(amount="999.00")))
    raised(LedgerBatchError, payer.initiate, "3 of its items are not as we sent them")
    payer.bank.panel.cancel(BATCH)
    raised(LedgerBatchError, lambda: resolve_as(payer, State.CANCELLED), "iyzico shows with other amounts 3 items")


def test_a_batch_that_another_run_corrected_is_that_runs(payer):
    payer.bank.fail("failure", on="init", code="11")
    raised(IyzicoRefusedError, payer.initiate, "11")
    payer.bank.heal()
    payer.bank.set(fates={"item-1": "invalid"})
    corrected, second = a_batch(rows=payments(3, "99.00")), task("manual__2", task_id="start")
    payer.pay(corrected, who=second)
    assert payer.follow_to_its_end().problem is None, "its init saw the invalid item, and dropped it"
    assert payer.initiate(corrected, second).state is State.ENDED
    raised(LedgerBatchError, lambda: payer.initiate(corrected), "ended at .*in run 'manual__2'")


def test_a_retry_that_waited_pays_nobody_whom_another_name_paid_meanwhile(payer):
    payer.bank.fail("500", on="retrieve")
    raised(IyzicoUnavailableError, payer.initiate, "try again later")
    payer.bank.heal()
    payer.pay(a_batch("again"))
    assert payer.follow_to_its_end("again").totals.paid_items == 3
    raised(LedgerBatchError, payer.initiate, f"'again' .* is ended: under the name '{BATCH}' they could be paid twice")
    assert (payer.state(), payer.calls("init"), payer.calls("auth")) == ("new", 1, 1)


@pytest.mark.parametrize("count", [3, 2])
def test_a_retry_that_waited_pays_nobody_whom_another_name_paid_while_the_clock_of_the_database_was_set_back(payer, count):
    payer.bank.fail("500", on="retrieve")
    raised(IyzicoUnavailableError, payer.initiate, "try again later")
    payer.bank.heal()
    payer.seconds -= 300
    payer.pay(a_batch("again", payments(count)), who=task("manual__2", task_id="start"))
    assert payer.follow_to_its_end("again").batch.state == "ended"
    raised(LedgerBatchError, payer.initiate, "'again' of .* the same items.*could be paid twice")
    assert (payer.state(), payer.calls("auth"), payer.effects("paid")) == ("new", 1, count)


def test_a_task_whose_name_changes_when_it_is_cleared_has_its_payments_made_once_and_another_run_once_more(payer):
    """Its name has the time of day in it, and the first batch was over before the task was cleared."""
    payer.pay(a_batch("salaries-23:58"))
    assert payer.follow_to_its_end("salaries-23:58").totals.paid_items == 3
    cleared = task(task_id="start", try_number=2)
    raised(LedgerBatchError, lambda: payer.initiate(a_batch("salaries-00:03"), cleared), "paid as 'salaries-23:58'.*twice")
    assert payer.batch("salaries-00:03") is None
    assert payer.initiate(a_batch("salaries-00:03"), task("manual__2", task_id="start")).state == "initiated"


def test_a_mapped_task_that_is_cleared_has_payments_made_once_though_its_list_comes_in_another_order(payer):
    payer.pay(a_batch("salaries-23:58"), who=task(task_id="start", map_index=0))
    payer.follow_to_its_end("salaries-23:58")
    cleared = task(task_id="start", map_index=1, try_number=2)
    raised(LedgerBatchError, lambda: payer.initiate(a_batch("salaries-00:03"), cleared), "paid as 'salaries-23:58'.*twice")
    assert payer.effects("auth") == 1


def test_a_task_whose_payments_all_came_back_may_be_cleared_under_another_name(payer):
    payer.bank.set(fates={"*": "returned"})
    payer.pay(a_batch("salaries-1"))
    assert payer.follow_to_its_end("salaries-1").totals.paid_items == 0
    payer.bank.set(fates={"*": "paid"})
    assert payer.pay(a_batch("salaries-2")).state == "authorized"


def test_a_retry_that_waited_pays_nobody_whom_iyzico_called_by_a_word_that_nobody_documented(payer):
    payer.bank.fail("500", on="retrieve")
    raised(IyzicoUnavailableError, payer.initiate, "try again later")
    payer.bank.heal()
    payer.bank.set(item_words={"SUCCESS": "TRANSFERRED"})
    payer.pay(a_batch("again"))
    payer.wait(3600)
    paid = payer.follow("again").batch
    resolve(payer.ledger, paid, State.ENDED, read(payer.means(), paid), PERSON, "iyzico's panel shows that everybody is paid")
    raised(LedgerBatchError, payer.initiate, f"'again' .* is ended: under the name '{BATCH}' they could be paid twice")
    assert (payer.calls("init"), payer.effects("paid")) == (1, 3)
