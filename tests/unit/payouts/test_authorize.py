"""A batch is authorized at most once, whatever is lost, killed, copied or done behind our back."""

from dataclasses import replace
from decimal import Decimal

import pytest
from batches import PERSON, task
from payers import BATCH, DAYS, IBANS, NEEDED, Killed, Payer, a_batch, payments
from snapshots import run
from sqlalchemy import create_engine
from support import a_cache

from airflow_provider_iyzico.domain.payout import State
from airflow_provider_iyzico.errors import (
    IyzicoAnswerError,
    IyzicoAuthenticationError,
    IyzicoError,
    IyzicoNoSuchPayoutError,
    IyzicoRefusedError,
    IyzicoUnavailableError,
    LedgerBatchError,
    LedgerFundsError,
    PayoutUnknownError,
    Retry,
    WarehouseExactnessError,
)
from airflow_provider_iyzico.hooks import payouts as calls
from airflow_provider_iyzico.ledger.batches import find
from airflow_provider_iyzico.ledger.ledger import Ledger
from airflow_provider_iyzico.ledger.persons import permit, release
from airflow_provider_iyzico.ledger.placing import Wanted, place
from airflow_provider_iyzico.ledger.resolve import resolve
from airflow_provider_iyzico.payouts import authorize as module
from airflow_provider_iyzico.payouts.reads import read, read_what_may_be_set_off

LOST = ["done_then_reset", "cut", "truncated", "done_then_html", "done_then_status"]


@pytest.fixture
def ready(payer):
    """A batch that iyzico knows."""
    payer.initiate()
    return payer


def allow(payer, external_id=BATCH):
    permit(payer.ledger, payer.batch(external_id), PERSON, "iyzico's panel shows that nothing was paid")


def test_a_batch_is_authorized_once_after_two_reads_that_say_init_and_with_its_money_held(payer_on_each):
    payer = payer_on_each
    assert payer.pay().state == "authorized"
    calls = [seen.call for seen in payer.bank.seen]
    assert calls[calls.index("init") + 1 : calls.index("auth")].count("retrieve") >= 4
    assert payer.paused == [60.0]
    assert calls.index("balance") < calls.index("auth")
    assert payer.held() == NEEDED
    assert payer.steps() == ["init_sent", "initiated", "auth_sent", "authorized"]
    assert payer.follow_to_its_end().batch.state == "ended"
    assert (payer.calls("auth"), payer.effects("auth"), payer.bank.balance) == (1, 1, "691.00")


def test_the_intent_and_the_hold_are_committed_before_the_first_byte_leaves(ready, monkeypatch):
    seen, send = [], ready.hook.authorize_mass_payout

    def watched(request_id, **options):
        seen.append((ready.state(), ready.held(), request_id == ready.batch().request_id))
        return send(request_id, **options)

    monkeypatch.setattr(ready.hook, "authorize_mass_payout", watched, raising=False)
    ready.authorize()
    assert seen == [("auth_sent", NEEDED, True)]


@pytest.mark.parametrize("times", [2, 5])
def test_a_retry_a_clear_and_a_redelivery_authorize_nothing_again(ready, times):
    for _ in range(times):
        assert ready.authorize(who=task(try_number=2)).state == "authorized"
    ready.follow_to_its_end()
    assert ready.authorize().state == "ended"
    assert ready.calls("auth") == 1


@pytest.mark.parametrize("fault", LOST)
def test_an_answer_that_was_not_seen_is_read_back_and_the_batch_is_followed(ready, fault):
    ready.bank.fail(fault, on="auth", times=1)
    assert ready.authorize().state == "authorized"
    assert ready.steps()[-3:] == ["auth_sent", "auth_unknown", "authorized"]
    assert (ready.calls("auth"), ready.effects("auth")) == (1, 1)


@pytest.mark.parametrize("fault", ["reset", "html", "500", "503"])
def test_a_lost_request_that_two_reads_say_was_not_carried_out_is_left_to_a_person(payer, fault):
    payer.initiate()
    payer.bank.fail(fault, on="auth", times=1)
    with pytest.raises(PayoutUnknownError, match=f"ledger permit {BATCH}") as caught:
        payer.authorize()
    assert caught.value.retry is Retry.NEVER
    assert (payer.state(), payer.held(), payer.calls("auth")) == ("auth_unknown", NEEDED, 1)
    for _ in range(3):
        with pytest.raises(PayoutUnknownError):
            payer.authorize()
    assert payer.calls("auth") == 1


def test_a_permission_is_used_up_by_the_next_authorization(ready):
    ready.bank.fail("reset", on="auth", times=2)
    with pytest.raises(PayoutUnknownError):
        ready.authorize()
    allow(ready)
    with pytest.raises(PayoutUnknownError):
        ready.authorize()
    assert ready.calls("auth") == 2
    with pytest.raises(PayoutUnknownError):
        ready.authorize()
    assert ready.calls("auth") == 2
    allow(ready)
    assert ready.authorize().state == "authorized"
    assert (ready.calls("auth"), ready.effects("auth")) == (3, 1)


def test_a_batch_once_unanswered_and_back_at_initiated_still_needs_a_permission(ready):
    ready.bank.fail("reset", on="auth", times=1)
    with pytest.raises(PayoutUnknownError):
        ready.authorize()
    allow(ready)
    ready.kill(ready.authorize, "get_balance", before=True)
    assert ready.state() == "initiated"
    ready.authorize()
    assert ready.calls("auth") == 2
    assert ready.effects("auth") == 1


def test_a_batch_that_may_be_paying_is_not_released_by_a_person(ready):
    ready.bank.fail("reset", on="auth", times=1)
    with pytest.raises(PayoutUnknownError):
        ready.authorize()
    with pytest.raises(LedgerBatchError, match="stays"):
        release(ready.ledger, ready.batch(), PERSON, "we need the money")
    assert ready.held() == NEEDED


def test_an_unanswered_batch_may_be_cancelled_and_only_then_its_hold_ends(ready):
    ready.bank.fail("reset", on="auth", times=1)
    with pytest.raises(PayoutUnknownError):
        ready.authorize()
    assert ready.cancel().state == "cancelled"
    assert ready.hold_end() == "cancelled"
    with pytest.raises(LedgerBatchError, match="was cancelled"):
        ready.authorize()
    assert ready.calls("auth") == 1


def test_a_request_that_arrives_after_the_client_gave_up_is_seen_by_the_second_read(ready):
    ready.bank.fail("reset_then_done", on="auth", times=1, seconds=40)
    assert ready.authorize().state == "authorized"
    assert ready.paused == [60.0, 60.0]
    assert ready.effects("auth") == 1


def test_reads_that_lag_behind_an_authorization_pay_nothing_twice(ready):
    ready.bank.set(auth_lag_seconds=300)
    ready.bank.fail("done_then_reset", on="auth", times=1)
    with pytest.raises(PayoutUnknownError):
        ready.authorize()
    ready.wait(300)
    assert ready.authorize().state == "authorized"
    assert (ready.calls("auth"), ready.effects("auth")) == (1, 1)


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [("11", 422, IyzicoRefusedError), ("1001", 200, IyzicoAuthenticationError), ("50000", 200, IyzicoUnavailableError)],
)
def test_a_documented_refusal_is_believed_together_with_two_reads_that_say_init_and_its_hold_stays(ready, code, status, kind):
    ready.bank.fail(str(status) if status != 200 else "failure", on="auth", times=1, code=code)
    with pytest.raises(kind):
        ready.authorize()
    assert (ready.state(), ready.held()) == ("initiated", NEEDED)
    assert ready.paused == [60.0, 60.0]
    assert ready.authorize().state == "authorized"
    assert ready.effects("auth") == 1


def test_429_is_believed_in_the_same_way(ready):
    ready.bank.fail("429", on="auth", times=1)
    with pytest.raises(IyzicoUnavailableError):
        ready.authorize()
    assert (ready.state(), ready.paused) == ("initiated", [60.0, 60.0])
    assert ready.authorize().state == "authorized"


@pytest.mark.parametrize("code", ["1", "2", "100001", "90003", "424242"])
def test_codes_that_say_nothing_for_sure_leave_it_unknown(ready, code):
    ready.bank.fail("failure", on="auth", times=1, code=code)
    with pytest.raises(PayoutUnknownError):
        ready.authorize()
    assert ready.state() == "auth_unknown"


def test_a_refusal_of_a_request_that_was_carried_out_is_found_out_by_reading(ready):
    ready.bank.fail("done_then_status", on="auth", times=1, status=400, code="11")
    assert ready.authorize().state == "authorized"
    assert ready.steps()[-3:] == ["auth_sent", "auth_unknown", "authorized"]


def test_a_refusal_that_cannot_be_read_back_is_unknown(ready):
    ready.bank.fail("400", on="auth", times=1, code="11")
    make = ready.hook.retrieve_mass_payout

    def blind(**asked):
        if ready.calls("auth"):
            raise IyzicoUnavailableError("iyzico is down")
        return make(**asked)

    ready.hook.retrieve_mass_payout = blind
    with pytest.raises(IyzicoUnavailableError):
        ready.authorize()
    assert (ready.state(), ready.held()) == ("auth_unknown", NEEDED)


def test_a_task_that_was_killed_after_its_intent_is_read_back_by_the_next_try(ready):
    ready.kill(ready.authorize, "authorize_mass_payout", before=True)
    assert ready.state() == "auth_sent"
    ready.paused.clear()
    with pytest.raises(PayoutUnknownError):
        ready.authorize(who=task(try_number=2))
    assert ready.calls("auth") == 0
    assert 90 <= sum(ready.paused) <= 160


def test_a_task_that_was_killed_after_it_sent_is_followed_by_the_next_try(ready):
    ready.kill(ready.authorize, "authorize_mass_payout")
    assert ready.authorize(who=task(try_number=2)).state == "authorized"
    assert (ready.calls("auth"), ready.effects("auth")) == (1, 1)


def test_a_copy_that_meets_a_sender_waits_for_its_outcome_and_sends_nothing(ready, monkeypatch):
    copies = []
    send = ready.hook.authorize_mass_payout

    def meanwhile(request_id, **options):
        if not copies:
            copies.append(None)
            ready.meanwhile.append(lambda: send(request_id, **options))
            copies[0] = find(ready.ledger, ready.batch().account, BATCH).state
            ready.means(task("manual__2")).await_sender(ready.batch())
            return None
        return send(request_id, **options)

    monkeypatch.setattr(ready.hook, "authorize_mass_payout", meanwhile, raising=False)
    assert ready.authorize().state == "authorized"
    assert copies == ["auth_sent"]
    assert ready.paused == [60.0, 5.0]
    assert ready.calls("auth") == 1


def test_a_sender_that_wakes_after_its_deadline_sends_nothing(ready, monkeypatch):
    ready.commits_slowly(monkeypatch, module)
    with pytest.raises(IyzicoUnavailableError, match="nothing was sent for .*; a retry is safe"):
        ready.authorize()
    monkeypatch.undo()
    assert (ready.calls("auth"), ready.state()) == (0, "initiated")
    assert ready.authorize().state == "authorized"


def test_a_batch_that_somebody_authorized_in_the_panel_is_only_followed(ready):
    ready.bank.panel.authorize(BATCH)
    assert ready.authorize().state == "authorized"
    assert (ready.calls("auth"), ready.held()) == (0, NEEDED)


def test_a_batch_that_somebody_cancelled_in_the_panel_fails_and_gives_its_money_back(ready):
    place(ready.ledger, ready.batch().account, Wanted(BATCH), ready.means().balance(), task(task_id="gate"))
    assert ready.held() == NEEDED
    ready.bank.panel.cancel(BATCH)
    with pytest.raises(LedgerBatchError, match="was cancelled at .*nobody is paid") as caught:
        ready.authorize()
    assert caught.value.retry is Retry.NEVER
    assert (ready.calls("auth"), ready.hold_end()) == (0, "cancelled")


@pytest.mark.parametrize("words", [{"batch_words": {"INIT": "AWAITING_APPROVAL"}}, {"item_words": {"INIT": "PARKED"}}])
def test_a_status_that_nobody_documented_does_not_say_init_and_nothing_is_sent(ready, words):
    ready.bank.set(**words)
    with pytest.raises(IyzicoUnavailableError, match="is not documented.*Nothing was sent") as caught:
        ready.authorize()
    assert caught.value.retry is Retry.SAFE
    assert (ready.calls("auth"), ready.state()) == (0, "initiated")
    ready.bank.set(batch_words={}, item_words={})
    assert ready.authorize().state == "authorized"


def test_an_unseen_answer_and_an_undocumented_status_stay_unknown_until_iyzico_is_clear(ready):
    ready.bank.set(durations={"RESERVED": 600}, batch_words={"IN_PROGRESS": "AWAITING_APPROVAL"})
    ready.bank.fail("done_then_reset", on="auth", times=1)
    with pytest.raises(IyzicoUnavailableError, match="AWAITING_APPROVAL"):
        ready.authorize()
    assert (ready.state(), ready.held()) == ("auth_unknown", NEEDED)
    ready.wait(660)
    assert ready.authorize().state == "authorized"
    assert ready.calls("auth") == 1


def test_money_that_is_not_there_fails_safely_and_sends_nothing(ready):
    ready.bank.balance = "308.99"
    with pytest.raises(
        LedgerFundsError, match=r"balance 308\.99.*required 309\.00, missing 0\.01 TRY.*a retry is safe"
    ) as caught:
        ready.authorize()
    assert caught.value.retry is Retry.SAFE
    assert (ready.calls("auth"), ready.state(), ready.held()) == (0, "initiated", None)
    ready.bank.balance = "309.00"
    assert ready.authorize().state == "authorized"


def test_what_others_hold_is_not_spent_and_they_are_named(payer):
    payer.bank.balance = "600.00"
    payer.pay()
    other = a_batch("bonus-2026-11", [{**row, "item_external_id": f"bonus-{n}"} for n, row in enumerate(payments())])
    payer.initiate(other)
    with pytest.raises(LedgerFundsError, match="salaries-2026-11 holds 309.00"):
        payer.authorize(other.external_id)
    assert payer.calls("auth") == 1


def test_a_gates_hold_is_taken_over_and_none_is_placed_beside_it(ready):
    place(ready.ledger, ready.batch().account, Wanted(BATCH), ready.means().balance(), task(task_id="gate"))
    ready.authorize()
    assert len(ready.table("hold")) == 1


def test_money_that_left_the_balance_after_the_gate_stops_the_authorization(ready):
    place(ready.ledger, ready.batch().account, Wanted(BATCH), ready.means().balance(), task(task_id="gate"))
    ready.bank.panel.withdraw("800.00")
    with pytest.raises(LedgerFundsError):
        ready.authorize()
    assert (ready.calls("auth"), ready.state(), ready.held()) == (0, "initiated", NEEDED)


def test_a_hold_whose_time_was_over_is_placed_again(ready):
    place(
        ready.ledger, ready.batch().account, Wanted(BATCH, hold_for_seconds=60.0), ready.means().balance(), task(task_id="gate")
    )
    ready.wait(61)
    assert ready.authorize().state == "authorized"
    ready.wait(10_000_000)
    assert ready.held() == NEEDED, "time ends no hold of a batch that was sent"


def test_a_batch_that_is_not_in_the_ledger_is_named_with_what_to_run(payer):
    with pytest.raises(LedgerBatchError, match="run MassPayoutInitOperator"):
        payer.authorize()


@pytest.mark.parametrize("state", ["new", "refused"])
def test_a_batch_that_iyzico_does_not_know_cannot_be_paid(payer, state):
    payer.bank.fail("400" if state == "refused" else "500", on="init" if state == "refused" else "retrieve", code="11")
    with pytest.raises(IyzicoError):
        payer.initiate()
    payer.bank.heal()
    with pytest.raises(LedgerBatchError, match=f"is {state}, so iyzico cannot pay it; run its MassPayoutInitOperator"):
        payer.authorize()


def test_a_batch_whose_cost_nobody_knows_is_not_authorized(payer):
    payer.bank.set(commission_shown="absent_until_paid")
    payer.initiate()
    with pytest.raises(LedgerBatchError):
        payer.authorize()
    payer.initiate(bound=Decimal("2.50"))
    assert payer.authorize().state == "authorized"


def test_a_balance_that_cannot_be_had_sends_nothing(ready):
    ready.bank.fail("500", on="balance")
    with pytest.raises(IyzicoUnavailableError):
        ready.authorize()
    assert (ready.calls("auth"), ready.state()) == (0, "initiated")


def test_a_balance_that_a_cache_has_kept_pays_nobody_and_a_retry_is_safe(ready, monkeypatch):
    """The money of a hold that has just ended may still be in it."""
    with a_cache(monkeypatch, "5"), pytest.raises(IyzicoUnavailableError, match="a cache answered with a balance that is 5 sec"):
        ready.authorize()
    assert (ready.calls("auth"), ready.state(), ready.held()) == (0, "initiated", None)
    with a_cache(monkeypatch, "0"):
        assert ready.authorize().state == "authorized"


def test_a_batch_that_iyzico_no_longer_knows_is_not_paid(ready):
    ready.bank.fail("failure", on="retrieve", code="90001", message="Mass payout not found")
    with pytest.raises(LedgerBatchError, match="iyzico knew .* and no longer does"):
        ready.authorize()
    assert ready.calls("auth") == 0


def test_a_batch_of_which_iyzico_shows_other_items_is_not_paid(ready):
    make = ready.hook.retrieve_mass_payout
    other = ready.hook.init_mass_payout(a_batch("other", payments(amount="1.00"))).request_id
    ready.hook.retrieve_mass_payout = lambda **_: make(request_id=other)
    with pytest.raises(LedgerBatchError, match="nothing was written"):
        ready.authorize()
    assert ready.calls("auth") == 0


def test_keys_that_were_rotated_in_the_middle_pay_nothing_twice(ready):
    ready.kill(ready.authorize, "authorize_mass_payout")
    ready.bank.fail("401", on="retrieve")
    ready.wait(120)
    with pytest.raises(IyzicoAuthenticationError):
        ready.authorize()
    ready.bank.heal()
    assert ready.authorize().state == "authorized"
    assert ready.calls("auth") == 1


def test_a_cancel_that_nobody_saw_answered_is_settled_first(ready):
    ready.kill(ready.cancel, "cancel_mass_payout")
    with pytest.raises(LedgerBatchError, match="was cancelled"):
        ready.authorize()
    assert ready.calls("auth") == 0


def test_iyzico_that_would_pay_a_second_authorization_gets_none(payer):
    payer.bank.set(auth_twice="pay_again")
    payer.initiate()
    payer.kill(payer.authorize, "authorize_mass_payout")
    for number in range(2, 5):
        payer.authorize(who=task(try_number=number))
    payer.follow_to_its_end()
    assert (payer.effects("auth"), payer.bank.balance) == (1, "691.00")


def test_a_batch_that_a_person_ended_and_a_top_up_sets_off_is_held_for_before_another_takes_its_money(payer, monkeypatch):
    payer.bank.set(stopped_batch="resumes", balance_drops="at_bank")
    payer.initiate(a_batch("stops", payments(amount="300")))
    send = payer.hook.authorize_mass_payout

    def short(*given, **more):
        payer.bank.balance = "400"
        return send(*given, **more)

    monkeypatch.setattr(payer.hook, "authorize_mass_payout", short, raising=False)
    payer.authorize("stops")
    assert "has stopped" in payer.follow_to_its_end("stops").problem
    found = payer.hook.retrieve_mass_payout(request_id=payer.batch("stops").request_id)
    resolve(payer.ledger, payer.batch("stops"), State.ENDED, found, PERSON, "iyzico says that it never goes on")
    assert payer.held("stops") is None
    payer.initiate(
        a_batch("next", [{**row, "item_external_id": f"next-{row['item_external_id']}"} for row in payments(amount="300")])
    )
    payer.bank.balance = "1100"
    with pytest.raises(LedgerFundsError, match="stops holds 907.50"):
        payer.authorize("next")
    assert (payer.state("stops"), payer.state("next"), payer.effects("auth")) == ("authorized", "initiated", 1)


def test_a_batch_whose_payments_a_top_up_set_off_under_another_name_is_not_authorized(payer):
    """A person ended the stopped batch, and began its payments again under a new name."""
    payer.bank.set(stopped_batch="resumes")
    payer.initiate()
    payer.authorize_short("899.00")
    payer.follow()
    stopped = payer.batch()
    resolve(payer.ledger, stopped, State.ENDED, read(payer.means(), stopped), PERSON, "iyzico will not go on with it")
    payer.initiate(a_batch("again"))
    payer.bank.panel.top_up("1000.00")
    with pytest.raises(LedgerBatchError, match=f"{BATCH}.* is authorized: under the name 'again' they could be paid twice"):
        payer.authorize("again")
    payer.wait(3600)
    assert (payer.effects("taken"), payer.calls("auth"), payer.state("again")) == (3, 1, "initiated")


def test_a_refusal_is_not_believed_if_the_reads_after_it_leave_an_item_out(payer):
    """iyzico has authorized the batch all the same, and gives no referenceCode by which the item could be read."""
    show, send, sent = payer.hook.retrieve_mass_payout, payer.hook.authorize_mass_payout, []

    def shown(**asked):
        found = show(**asked)
        items = tuple(replace(item, reference_code=None) for item in found.items)
        if not sent:
            return replace(found, items=items)
        return replace(found, status="INIT", items=tuple(replace(item, status="INIT") for item in items[:2]))

    def refused(*given, **more):
        send(*given, **more)
        sent.append(given)
        raise IyzicoRefusedError("iyzico refused it: 11", code="11", http_status=400)

    payer.hook.retrieve_mass_payout, payer.hook.authorize_mass_payout = shown, refused
    payer.initiate()
    with pytest.raises(LedgerBatchError, match="does not show 1 items .*'item-2'"):
        payer.authorize()
    with pytest.raises(LedgerBatchError, match="the money for batch .* stays set aside"):
        release(payer.ledger, payer.batch(), PERSON, "iyzico refused it")
    assert (payer.state(), payer.held(), payer.calls("auth")) == ("auth_unknown", NEEDED, 1)


def test_the_rest_of_a_batch_that_stopped_is_not_paid_under_another_name(payer):
    """Somebody makes a batch of those who are not paid yet, and tops up for it: iyzico goes on with the first batch, too."""
    payer.bank.set(stopped_batch="resumes", short_batch="as_far_as_it_goes")
    payer.initiate()
    payer.authorize_short("800.00")
    payer.wait(3600)
    assert "has stopped" in payer.follow().problem
    rest = [row for row in payments() if payer.items()[row["item_external_id"]] == "INIT"]
    assert len(rest) == 2
    with pytest.raises(
        LedgerBatchError, match=f"{BATCH}.* some of the same items.*under the name 'rest' they could be paid twice"
    ):
        payer.pay(a_batch("rest", rest))
    payer.bank.panel.top_up("1000.00")
    payer.wait(3600)
    assert payer.effects("paid") == 3, "everybody is paid once"


def test_a_read_that_finds_nothing_of_a_batch_for_a_moment_does_not_let_its_payments_be_made_under_another_name(payer):
    """A person ended the stopped batch, and a top-up set it off; then iyzico fails once, with a code that nobody documented."""
    end_stopped(payer)
    payer.initiate(a_batch("again"))
    first, show, failed = payer.batch().request_id, payer.hook.retrieve_mass_payout, []

    def failing_once(**asked):
        if asked.get("request_id") == first and not failed:
            failed.append(first)
            raise IyzicoNoSuchPayoutError("iyzico found nothing: errorCode 70001", code="70001", http_status=200)
        return show(**asked)

    payer.hook.retrieve_mass_payout = failing_once
    with pytest.raises(LedgerBatchError, match=f"{BATCH}.* is authorized: under the name 'again' they could be paid twice"):
        payer.authorize("again")
    assert (failed, payer.calls("auth")) == ([first], 1)


def test_payments_whose_batch_failed_are_made_under_another_name_only_if_iyzico_does_not_go_on_with_it(payer):
    """Nobody has read the batch since its items failed; a top-up set it off."""
    payer.bank.set(short_items="fail")
    payer.initiate()
    payer.authorize_short("899.00")
    payer.follow_to_its_end()
    assert set(payer.items().values()) == {"FAILED"}
    first, show = payer.batch().request_id, payer.hook.retrieve_mass_payout
    payer.initiate(a_batch("again"))
    payer.bank.panel.top_up("2000.00")

    def going_on(**asked):
        found = show(**asked)
        if found.request_id != first:
            return found
        return replace(found, status="IN_PROGRESS", items=tuple(replace(item, status="PROCESSING") for item in found.items))

    payer.hook.retrieve_mass_payout = going_on
    with pytest.raises(LedgerBatchError, match=f"{BATCH}.* is authorized: under the name 'again' they could be paid twice"):
        payer.authorize("again")
    payer.hook.retrieve_mass_payout = show
    payer.follow()
    assert payer.authorize("again").state == "authorized", "iyzico calls them failed again"


def end(payer):
    hanging = payer.batch()
    return resolve(payer.ledger, hanging, State.ENDED, read(payer.means(), hanging), PERSON, "nothing happens any more")


def test_nobody_ends_a_batch_whose_money_has_not_left_yet_so_that_others_spend_it(payer):
    """Banks are closed for a week, and somebody thinks that the batch hangs."""
    payer.bank.set(durations={"SUCCESS": 6 * DAYS})
    payer.pay()
    payer.wait(3 * DAYS)
    payer.follow()
    with pytest.raises(LedgerBatchError, match="under way .*it stays set aside; nothing was written"):
        end(payer)
    with pytest.raises(LedgerBatchError, match="could be paid twice"):
        payer.initiate(a_batch("again"), who=task("manual__2"))
    payer.wait(9 * DAYS)
    payer.reconcile()
    payer.wait(120)
    payer.reconcile()
    assert (payer.state(), payer.effects("paid")) == ("ended", 3)


def test_an_item_that_hangs_for_good_does_not_keep_the_same_payments_from_being_made_a_month_later(payer):
    """Each month has the same items, recipients and amounts."""
    payer.bank.set(durations={"SUCCESS": 365 * DAYS})
    payer.pay()
    payer.wait(1 * DAYS)
    payer.follow()
    payer.wait(15 * DAYS)
    assert end(payer).state == "ended"
    with pytest.raises(LedgerBatchError, match=f"ended batch '{BATCH}'.* it is PUBLISHED_TO_QUEUE, with items under way"):
        payer.pay(a_batch("salaries-2026-12"), who=task("manual__2"))
    assert payer.pay(others("other", count=1)).state == "authorized"
    payer.wait(15 * DAYS)
    assert payer.authorize("salaries-2026-12").state == "authorized"


def test_a_cancelled_batch_that_was_seen_to_be_paid_keeps_its_payments_from_being_made_again(payer, monkeypatch):
    """The task that saw it was killed before it could say that iyzico pays the batch."""
    payer.bank.set(auth_after_cancel="pay")
    payer.initiate()
    payer.cancel()
    payer.bank.panel.authorize(BATCH)
    payer.wait(3600)

    def killed(*_, **__):
        raise Killed

    monkeypatch.setattr("airflow_provider_iyzico.payouts.reconcile.step_by_others", killed)
    with pytest.raises(Killed):
        payer.reconcile()
    assert (payer.state(), set(payer.items().values())) == ("cancelled", {"SUCCESS"})
    with pytest.raises(LedgerBatchError, match=f"{BATCH}.* could be paid twice. It was cancelled, or a person had ended it"):
        payer.initiate(a_batch("again"))


def others(external_id, **more):
    """A batch of other items."""
    return a_batch(
        external_id, [{**row, "item_external_id": f"{external_id}-{row['item_external_id']}"} for row in payments(**more)]
    )


def end_stopped(payer):
    """A person ends a stopped batch, and a top-up sets it off."""
    payer.bank.set(stopped_batch="resumes")
    payer.initiate()
    payer.authorize_short("899.00")
    payer.follow()
    stopped = payer.batch()
    resolve(payer.ledger, stopped, State.ENDED, read(payer.means(), stopped), PERSON, "iyzico will not go on with it")
    payer.bank.panel.top_up("2000.00")


def cancel_unanswered(payer):
    """An authorization that went unanswered arrives after the cancel."""
    payer.bank.set(auth_after_cancel="pay")
    payer.initiate()
    payer.bank.fail("reset_then_done", on="auth", times=1, seconds=3600)
    with pytest.raises(PayoutUnknownError):
        payer.authorize()
    payer.cancel()
    payer.wait(2 * 3600)


@pytest.mark.parametrize("act", [end_stopped, cancel_unanswered])
def test_payments_that_iyzico_made_after_their_batch_was_over_are_not_made_again_whoever_saw_it_first(payer_on_each, act):
    payer = payer_on_each
    act(payer)
    payer.pay(others("other", count=1, amount="10"))  # its task reads the first batch, and tells its own log only
    payer.wait(3600)
    payer.reconcile()
    payer.wait(3600)
    problems = payer.reconcile().problems
    assert payer.state() == "ended"
    assert problems == {} or "then iyzico paid it anyway; do not pay its items again" in problems[BATCH]
    with pytest.raises(LedgerBatchError, match=f"{BATCH}.* could be paid twice. It was cancelled, or a person had ended it"):
        payer.pay(a_batch("again"))
    payer.wait(3600)
    assert payer.effects("taken") == 4, "everybody is paid once"
    payer.wait(7 * DAYS)
    payer.bank.panel.top_up("2000.00")
    assert payer.pay(a_batch("next-month"), who=task("manual__2")).state == "authorized"


def resolve_overdue(payer):
    """The sender never says what came of it. Somebody cancels the batch in the panel, and a person settles it."""
    payer.bank.set(auth_after_cancel="pay")
    payer.initiate()
    payer.bank.fail("reset_then_done", on="auth", times=1, seconds=3600)
    payer.kill(payer.authorize, "authorize_mass_payout")
    payer.wait(120)
    payer.bank.panel.cancel(BATCH)
    sent = payer.batch()
    resolve(payer.ledger, sent, State.CANCELLED, read(payer.means(), sent), PERSON, "cancelled in the panel")
    payer.wait(2 * 3600)


@pytest.mark.parametrize("act", [cancel_unanswered, resolve_overdue])
@pytest.mark.parametrize("days", [0, 3])
def test_payments_of_a_cancelled_batch_are_made_under_another_name_only_after_a_read_that_is_late_enough(payer, act, days):
    """Nobody has reconciled since the cancel; an authorization that went unanswered has arrived meanwhile."""
    act(payer)
    payer.wait(days * DAYS)
    with pytest.raises(LedgerBatchError, match=f"{BATCH}.* could be paid twice"):
        payer.pay(a_batch("again"))
    payer.wait(3600)
    assert (payer.effects("taken"), payer.state()) == (3, "authorized"), "everybody is paid once"


def test_a_cancelled_batch_is_read_once_more_after_a_day_and_then_left_alone(payer):
    payer.initiate()
    payer.bank.fail("reset", on="auth", times=1)
    with pytest.raises(PayoutUnknownError):
        payer.authorize()
    payer.cancel()
    for days, is_read in ((0.5, True), (0.6, True), (0.5, False)):
        payer.wait(days * DAYS)
        before = payer.calls("retrieve")
        read_what_may_be_set_off(payer.means())
        assert (payer.calls("retrieve") > before) is is_read


def test_items_that_failed_in_a_batch_that_a_person_ended_are_not_read_again_by_those_who_pay_others(payer, monkeypatch):
    """iyzico does not list them. The reconciliation reads each of them."""
    payer.bank.set(valid_items="not_ended_badly", fates=dict.fromkeys(("item-0", "item-1", "item-2"), "return_fails"))
    payer.initiate()
    payer.authorize()
    payer.follow_to_its_end()
    resolve(payer.ledger, payer.batch(), State.ENDED, read(payer.means(), payer.batch()), PERSON, "iyzico will not go on with it")
    asked_for, show = [], payer.hook.retrieve_mass_payout_item

    def counted(code, **options):
        asked_for.append(code)
        return show(code, **options)

    monkeypatch.setattr(payer.hook, "retrieve_mass_payout_item", counted)
    assert payer.pay(others("other", count=1)).state == "authorized"
    assert asked_for == []
    payer.reconcile()
    assert len(asked_for) == 3


def test_a_cancelled_batch_that_cannot_be_read_keeps_its_own_payments_from_being_made_under_another_name(payer, monkeypatch):
    cancel_unanswered(payer)
    payer.initiate(a_batch("again"))
    show, first = payer.hook.retrieve_mass_payout, payer.batch().request_id

    def broken(**asked):
        if asked.get("request_id") == first:
            raise IyzicoAnswerError("iyzico answered with an amount that is none")
        return show(**asked)

    monkeypatch.setattr(payer.hook, "retrieve_mass_payout", broken, raising=False)
    with pytest.raises(
        LedgerBatchError, match=f"{BATCH}.* cannot be read: .*The payments could be made twice, so nothing was sent"
    ):
        payer.authorize("again")
    assert payer.pay(others("other", count=1)).state == "authorized"
    payer.wait(3600)
    assert payer.effects("taken") == 4, "everybody is paid once"


def test_a_commission_that_iyzico_calls_zero_while_it_pays_stays_set_aside(ready):
    ready.bank.set(balance_drops="at_bank", durations={"PROCESSING": 600})
    ready.authorize()
    ready.bank.set(commission_shown="zero_until_paid")
    ready.follow()
    assert (ready.held(), ready.batch().required) == (NEEDED, NEEDED)
    ready.initiate(others("other", count=1, amount="688.51"), bound=Decimal("2.50"))
    with pytest.raises(LedgerFundsError, match=f"{BATCH} holds 309.00"):
        ready.authorize("other")


def test_a_batch_that_somebody_had_paid_in_the_panel_is_held_for_while_the_balance_may_lag_behind(ready):
    ready.bank.set(balance_lag_seconds=50)
    ready.bank.panel.authorize(BATCH)
    ready.wait(40)
    ready.reconcile()
    assert (ready.state(), set(ready.items().values()), ready.held()) == ("authorized", {"SUCCESS"}, NEEDED)
    ready.initiate(others("other", amount="250"))
    with pytest.raises(LedgerFundsError, match=f"{BATCH} holds 309.00"):
        ready.authorize("other")


def test_an_item_that_failed_before_anybody_authorized_its_batch_does_not_make_it_look_paid(payer):
    """iyzico documents FAILED for validation errors, too."""
    payer.bank.set(fates={"item-0": "invalid"}, item_words={"INVALID": "FAILED"})
    payer.initiate()
    with pytest.raises(IyzicoUnavailableError, match="its items contradict that"):
        payer.authorize()
    assert (payer.state(), payer.calls("auth")) == ("initiated", 0)
    payer.bank.panel.cancel(BATCH)
    with pytest.raises(LedgerBatchError, match=f"is cancelled, but 1 items failed.* resolve {BATCH} --as cancelled"):
        payer.cancel()
    shown = read(payer.means(), payer.batch())
    assert resolve(payer.ledger, payer.batch(), State.CANCELLED, shown, PERSON, "the panel shows it").state is State.CANCELLED
    payer.reconcile()
    assert set(payer.items().values()) == {"MASS_PAYOUT_CANCELED"}, "nothing of it was sent, so nothing of it needs a person"


SWALLOW = "CREATE TRIGGER swallow BEFORE {} BEGIN SELECT RAISE(IGNORE); END"


def test_nothing_is_authorized_where_the_database_swallows_what_uses_a_permission_up(ready):
    ready.bank.fail("reset", on="auth", times=1)
    with pytest.raises(PayoutUnknownError):
        ready.authorize()
    allow(ready)
    run(ready.ledger.engine, SWALLOW.format("INSERT ON iyzico_payout_event WHEN NEW.after = 'auth_sent'"))
    with pytest.raises(WarehouseExactnessError, match="table 'iyzico_payout_event' took 1 rows"):
        ready.authorize()
    assert (ready.state(), ready.calls("auth")) == ("initiated", 1)


def test_a_payment_that_came_back_is_not_left_paid_where_the_database_swallows_it(ready):
    ready.bank.set(durations={"DEPOSIT_SUCCESS": 3 * DAYS}, fates={"item-1": "bounced"})
    ready.authorize()
    ready.follow_to_its_end()
    run(ready.ledger.engine, SWALLOW.format("UPDATE ON iyzico_payout_item"))
    ready.wait(3 * DAYS)
    assert "does not hold item 'item-1' as it was given" in ready.reconcile().problems[BATCH]
    assert ready.steps()[-1] == "ended"


COSTS_MORE = {
    "commission": "40",
    "commission_shown": "zero_until_paid",
    "balance_drops": "at_bank",
    "durations": dict.fromkeys(("QUEUED", "PROCESSING", "SUCCESS"), 0),
}


def test_a_batch_that_costs_more_than_its_gate_knew_is_held_for_as_soon_as_iyzico_is_seen_to_pay_it(payer):
    payer.bank.set(balance_lag_seconds=50, **COSTS_MORE)
    payer.initiate(bound=Decimal("2.50"))
    place(payer.ledger, payer.batch().account, Wanted(BATCH), payer.means().balance(), task(task_id="gate"))
    payer.bank.panel.authorize(BATCH)
    payer.reconcile()
    assert (payer.state(), payer.held()) == ("authorized", Decimal("421.50"))


def test_what_a_batch_costs_more_than_its_gate_knew_is_not_spent_by_a_batch_whose_gate_opened_before(payer):
    payer.bank.set(balance_lag_seconds=200, **COSTS_MORE)
    payer.initiate(bound=Decimal("2.50"))
    payer.initiate(others("other", amount="227.83"), bound=Decimal("2.50"))
    for name in (BATCH, "other"):
        place(payer.ledger, payer.batch(name).account, Wanted(name), payer.means().balance(), task(task_id="gate"))
    assert payer.held("other") == Decimal("690.99")
    payer.bank.panel.authorize(BATCH)
    payer.reconcile()
    with pytest.raises(LedgerFundsError, match=r"balance 1000\.00, held for payouts that may still take it 1112\.49"):
        payer.authorize("other")


@pytest.mark.parametrize("set_back_seconds", [0, 300])
def test_a_batch_that_a_top_up_sets_off_after_a_gate_opened_is_not_paid_from_the_gates_money(payer, set_back_seconds):
    """The gate of the next batch opens while the stopped one, which a person ended, holds nothing.

    Then the clock of the database may be set back, as if a server whose clock is late had taken over.
    """
    payer.bank.set(stopped_batch="resumes", balance_drops="at_bank", durations={"QUEUED": 600})
    payer.initiate(a_batch("stops", payments(amount="300")))
    payer.authorize_short("600.00", "stops")
    assert "has stopped" in payer.follow_to_its_end("stops").problem
    stopped = payer.batch("stops")
    resolve(payer.ledger, stopped, State.ENDED, read(payer.means(), stopped), PERSON, "iyzico says that it never goes on")
    payer.initiate(a_batch("next", [{**row, "item_external_id": f"next-{row['item_external_id']}"} for row in payments()]))
    place(payer.ledger, payer.batch("next").account, Wanted("next"), payer.means().balance(), task(task_id="gate"))
    assert payer.held("next") == NEEDED
    payer.seconds -= set_back_seconds
    payer.bank.panel.top_up("700.00")
    with pytest.raises(LedgerFundsError, match=r"balance 1100\.00, .*1216\.50, missing 116\.50 TRY.*a retry is safe"):
        payer.authorize("next")
    assert (payer.state("stops"), payer.state("next"), payer.calls("auth")) == ("authorized", "initiated", 1)
    payer.wait(3600)
    payer.bank.panel.top_up("116.50")
    payer.follow_to_its_end("stops")
    assert (payer.authorize("next").state, payer.bank.balance) == ("authorized", str(NEEDED))


@pytest.mark.parametrize("auth_after_cancel", ["pay", "refuse"])
@pytest.mark.parametrize("count", [3, 2])
def test_payments_are_made_under_another_name_only_if_the_cancelled_batch_stays_so(payer, auth_after_cancel, count):
    """An authorization that went unanswered arrives after the cancel, and nobody has reconciled."""
    payer.bank.set(auth_after_cancel=auth_after_cancel)
    payer.initiate()
    payer.bank.fail("reset_then_done", on="auth", times=1, seconds=3600)
    with pytest.raises(PayoutUnknownError):
        payer.authorize()
    payer.cancel()
    payer.initiate(a_batch("again", payments(count)))
    for _ in range(2):
        with pytest.raises(LedgerBatchError, match=f"{BATCH}.* may still arrive until 2026-11-30 12:0. UTC") as refused:
            payer.authorize("again")
        assert refused.value.retry is Retry.SAFE
        payer.wait(600)
    payer.wait(1 * DAYS)
    if auth_after_cancel == "refuse":
        assert payer.authorize("again").state == "authorized", "nobody else had to read the cancelled batch"
    else:
        with pytest.raises(LedgerBatchError, match=f"{BATCH}.* could be paid twice") as refused:
            payer.authorize("again")
        assert refused.value.retry is Retry.NEVER
    payer.wait(3600)
    assert payer.effects("taken") == (3 if auth_after_cancel == "pay" else count), "everybody is paid once"


def test_payments_of_a_cancelled_batch_that_iyzico_forgot_are_made_under_another_name_after_a_day(payer):
    payer.initiate()
    payer.bank.fail("reset", on="auth", times=1)
    with pytest.raises(PayoutUnknownError):
        payer.authorize()
    payer.cancel()
    payer.initiate(a_batch("again"))
    first, show = payer.batch().request_id, payer.hook.retrieve_mass_payout

    def forgetful(**asked):
        if asked.get("request_id") == first:
            raise IyzicoNoSuchPayoutError("iyzico found nothing", code="70001", http_status=200)
        return show(**asked)

    payer.hook.retrieve_mass_payout = forgetful
    with pytest.raises(LedgerBatchError, match=f"{BATCH}.* may still arrive until"):
        payer.authorize("again")
    payer.wait(1 * DAYS)
    assert payer.authorize("again").state == "authorized"


def test_a_read_of_the_cancelled_batch_just_before_the_day_is_over_is_not_late_enough(payer):
    payer.initiate()
    payer.bank.fail("reset", on="auth", times=1)
    with pytest.raises(PayoutUnknownError):
        payer.authorize()
    payer.cancel()
    payer.initiate(a_batch("again"))
    payer.wait(1 * DAYS - 70)
    ask = payer.hook.get_balance

    def slowly():
        payer.wait(120)
        return ask()

    payer.hook.get_balance = slowly
    with pytest.raises(LedgerBatchError, match=f"{BATCH}.* may still arrive until"):
        payer.authorize("again")
    assert payer.authorize("again").state == "authorized", "the second one reads the cancelled batch after the day"


def test_a_batch_that_a_person_ended_and_that_cannot_be_read_any_more_keeps_no_other_from_being_paid(payer, monkeypatch, caplog):
    payer.bank.set(fates={"item-0": "never_returned"})
    payer.pay()
    payer.follow_to_its_end()
    ended = payer.batch()
    resolve(payer.ledger, ended, State.ENDED, read(payer.means(), ended), PERSON, "the bank keeps it")
    show = payer.hook.retrieve_mass_payout

    def broken(**asked):
        if asked["request_id"] == ended.request_id:
            raise IyzicoAnswerError("iyzico answered with an amount that is none")
        return show(**asked)

    payer.initiate(a_batch("next", [{**row, "item_external_id": f"next-{row['item_external_id']}"} for row in payments()]))
    monkeypatch.setattr(payer.hook, "retrieve_mass_payout", broken, raising=False)
    assert payer.authorize("next").state == "authorized"
    assert f"batch '{BATCH}' of simulator (sandbox, TRY) cannot be read: iyzico answered with an amount" in caplog.text
    assert "an amount that is none" in payer.reconcile().problems[BATCH]


@pytest.mark.parametrize(
    ("shown", "their"),
    [
        ("plain", {"recipient_info": IBANS[2]}),
        ("masked", {"recipient_info": IBANS[2]}),
        ("absent", {"recipient_type": "MEMBER_ID", "recipient_info": "99"}),
    ],
)
def test_a_batch_that_other_code_made_under_our_name_for_other_people_is_not_paid(payer, monkeypatch, shown, their):
    """It was made between our read and our init, and iyzico answers the init with its id."""
    payer.bank.set(duplicate_external_id="same_id", recipients=shown)
    read_it, theirs = payer.hook.retrieve_mass_payout, a_batch(rows=[{**row, **their} for row in payments()])

    def read_and_be_overtaken(**asked):
        try:
            return read_it(**asked)
        except IyzicoNoSuchPayoutError:
            payer.hook.init_mass_payout(theirs)
            raise

    with monkeypatch.context() as patch:
        patch.setattr(payer.hook, "retrieve_mass_payout", read_and_be_overtaken)
        with pytest.raises(LedgerBatchError, match="would pay other people"):
            payer.initiate()
    with pytest.raises(LedgerBatchError, match="would pay other people"):
        payer.authorize()
    assert payer.effects("auth") == 0
    payer.bank.panel.cancel(BATCH)
    payer.reconcile()
    assert payer.state() == "cancelled"


def test_a_copy_that_freezes_just_before_it_sends_pays_nobody_a_second_time(ready, sleeping, monkeypatch):
    """Its intent is committed, and its time is not over. When it wakes, a person has had the batch paid by the next try."""
    ready.bank.set(auth_twice="pay_again")
    paying, frozen = calls.paying, []

    def freeze_once(settings):
        if ready.state() == "auth_sent" and not frozen:
            frozen.append(settings)
            sleeping(3600)
            ready.wait(3600)
            with pytest.raises(PayoutUnknownError):
                ready.authorize(who=task(try_number=2))
            allow(ready)
            assert ready.authorize(who=task(try_number=3)).state == "authorized"
        return paying(settings)

    monkeypatch.setattr(calls, "paying", freeze_once)
    assert ready.authorize().state == "authorized"
    ready.follow_to_its_end()
    assert (len(frozen), ready.calls("auth"), ready.bank.balance) == (1, 1, "691.00")


def test_a_batch_that_iyzico_says_comes_to_more_than_its_items_is_not_authorized(ready):
    """It may have items that iyzico does not show, or iyzico may have read the amounts in kuruş."""
    read_it = ready.hook.retrieve_mass_payout

    def read_larger(**asked):
        found = read_it(**asked)
        return replace(found, total_amount=found.total_amount + more)

    ready.hook.retrieve_mass_payout = read_larger
    more = Decimal("7.51")
    with pytest.raises(LedgerBatchError, match=r"comes to 309\.01 TRY, and all its items with their commission come to 309\.00"):
        ready.authorize()
    assert (ready.calls("auth"), ready.state()) == (0, "initiated")
    more = Decimal("7.50")  # nobody has seen whether iyzico counts the commission
    assert ready.authorize().state == "authorized"


def test_a_batch_that_was_handed_over_twice_is_paid_only_when_the_other_one_of_its_name_is_cancelled(payer, tmp_path):
    """The first init arrives after two reads found nothing. An empty ledger would find that batch, and have it paid, too."""
    payer.bank.set(duplicate_external_id="new_batch", item_request_id="present")
    payer.bank.fail("reset_then_done", on="init", times=1, seconds=300)
    ours = payer.initiate().request_id
    payer.wait(600)
    (other,) = {each["request_id"] for each in payer.bank.payouts} - {ours}
    with pytest.raises(LedgerBatchError, match=f"was handed over more than once.*if nothing was paid, cancel '{other}'"):
        payer.authorize()
    assert payer.calls("auth") == 0
    payer.bank.panel.cancel(other)
    assert payer.authorize().state == "authorized"
    payer.follow_to_its_end()
    engine = create_engine(f"sqlite:///{tmp_path}/empty.db")
    forgot = Payer(payer.bank, Ledger.open(engine), payer.hook)
    with pytest.raises(LedgerBatchError, match="somebody else dealt with it"):
        forgot.initiate()
    engine.dispose()
    assert (payer.calls("auth"), payer.effects("paid")) == (1, 3)
