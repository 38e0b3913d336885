"""MassPayoutAuthorizeOperator: a batch is paid once, and followed to its end."""

import json
import logging
import time
from datetime import timedelta
from types import SimpleNamespace

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, Asset, TaskDeferred
from payers import BATCH, payments
from payout_tasks import PERSONAL, Events, authorize, authorizing, calls, context, init, rows, state
from support import connect

from airflow_provider_iyzico.errors import IyzicoConfigurationError, IyzicoUnavailableError, LedgerFundsError
from airflow_provider_iyzico.operators import payout_authorize
from airflow_provider_iyzico.operators.mass_payout import MassPayoutAuthorizeOperator
from airflow_provider_iyzico.payouts import authorize as module

SLOW = {"RESERVED": 1000.0}


def fails(match, run=None, **parameters):
    with pytest.raises(AirflowFailException, match=match) as caught:
        authorize(run, **parameters)
    for personal in PERSONAL:
        assert personal not in str(caught.value)
    return str(caught.value)


def deferred(operator=None, **parameters):
    with pytest.raises(TaskDeferred) as caught:
        (operator or authorizing(deferrable=True, **parameters)).execute(context())
    return caught.value


def test_the_result_accounts_for_every_item_in_texts_and_counts(bank, sqlite_warehouse):
    init()
    bank.set(fates={"item-1": "returned"})
    told = authorize(on_unpaid="succeed")
    assert told == {
        "external_id": BATCH,
        "request_id": bank.payouts[0]["request_id"],
        "state": "ended",
        "currency": "TRY",
        "items": 3,
        "total": "301.50",
        "invalid_items": 0,
        "commission": "7.50",
        "required": "309.00",
        "paid_items": 2,
        "paid_total": "201.00",
        "paid_commission": "5.00",
        "returned_total": "100.50",
        "returned_commission": "2.50",
        "outstanding_total": "0.00",
        "outstanding_commission": "0.00",
        "unpaid_items": 1,
    }
    assert json.loads(json.dumps(told)) == told
    assert (state(sqlite_warehouse), bank.balance, calls(bank, "auth")) == ("ended", "794.00", 1)


def test_a_clear_after_the_end_pays_nothing_again_and_returns_the_same(bank):
    init()
    first = authorize()
    assert authorize(context(try_number=2)) == first
    assert calls(bank, "auth") == 1


def test_unpaid_items_fail_the_task_without_retries_after_everything_is_written(bank, sqlite_warehouse):
    init()
    bank.set(fates={"item-1": "returned"})
    said = fails(
        r"PayoutUnpaidError: 1 of 3 items .* are not paid: 'item-1' \(DEPOSIT_SUCCESS\); returned 100\.50, outstanding 0\.00"
    )
    assert "item-0" not in said
    assert state(sqlite_warehouse) == "ended"
    fails("1 of 3 items")
    assert calls(bank, "auth") == 1


def test_money_that_does_not_come_back_is_reported_and_stays_held(bank, sqlite_warehouse):
    init()
    bank.set(fates={"item-1": "return_fails"})
    told = authorize(on_unpaid="succeed")
    assert (told["state"], told["outstanding_total"], told["outstanding_commission"]) == ("authorized", "100.50", "2.50")
    assert rows(sqlite_warehouse, "SELECT counted FROM iyzico_balance_hold") == [(103,)]


def test_invalid_items_do_not_count_as_unpaid(bank):
    bank.set(fates={"item-1": "invalid"})
    init(on_invalid="drop")
    told = authorize()
    assert (told["paid_items"], told["invalid_items"], told["unpaid_items"]) == (2, 1, 0)


@pytest.mark.parametrize("on_unpaid", ["fail", "succeed"])
def test_a_stopped_batch_fails_whatever_was_asked_for(bank, monkeypatch, on_unpaid):
    init()
    bank.set(durations={"RESERVED": 0.0}, short_balance="later")
    from airflow_provider_iyzico.hooks.iyzico import IyzicoHook

    send = IyzicoHook.authorize_mass_payout

    def late(hook, request_id, **options):
        bank.panel.withdraw("990.00")
        send(hook, request_id, **options)

    monkeypatch.setattr(IyzicoHook, "authorize_mass_payout", late)
    fails("has stopped: iyzico calls it INSUFFICIENT_BALANCE", on_unpaid=on_unpaid)


def test_money_that_is_not_there_is_left_to_airflows_retries_and_nothing_is_sent(bank, sqlite_warehouse):
    init()
    bank.balance = "308.99"
    with pytest.raises(LedgerFundsError, match=r"missing 0\.01 TRY"):
        authorize()
    assert (calls(bank, "auth"), state(sqlite_warehouse)) == (0, "initiated")
    bank.balance = "309.00"
    assert authorize()["paid_items"] == 3


def test_an_outcome_that_nobody_knows_fails_without_retries_and_says_what_to_do(bank, sqlite_warehouse):
    init()
    bank.fail("reset", on="auth", times=1)
    fails(f"PayoutUnknownError: an authorization of .*ledger permit {BATCH} --because")
    fails("PayoutUnknownError")
    assert (calls(bank, "auth"), state(sqlite_warehouse)) == (1, "auth_unknown")


def test_a_lost_answer_is_read_back_and_the_batch_is_followed(bank):
    init()
    bank.fail("done_then_reset", on="auth", times=1)
    assert authorize()["paid_items"] == 3
    assert calls(bank, "auth") == 1


def test_a_batch_that_was_never_handed_over_or_was_cancelled_is_named(bank):
    fails("run MassPayoutInitOperator with that name first")
    init()
    bank.panel.cancel(BATCH)
    fails("was cancelled at .*nobody is paid")
    assert calls(bank, "auth") == 0


def test_an_iyzico_that_is_down_in_the_middle_is_waited_for(bank, monkeypatch):
    init()
    pauses = _while_it_is_paid(bank, monkeypatch, lambda: bank.fail("503", on="retrieve", times=3))
    assert authorize()["paid_items"] == 3
    assert len(pauses) > 3


def test_new_keys_count_while_a_worker_follows_a_batch(bank, monkeypatch):
    init()

    def rotate():
        bank.world.secret_key = "sandbox-rotated"
        connect(monkeypatch, bank, can_pay=True)

    _while_it_is_paid(bank, monkeypatch, rotate)
    assert authorize()["paid_items"] == 3


def test_a_clock_that_is_set_ahead_while_a_worker_follows_a_batch_does_not_end_that(bank, monkeypatch):
    init()

    def set_ahead():
        later = SimpleNamespace(time=lambda: time.time() + 86400)
        monkeypatch.setattr(payout_authorize, "time", later)

    _while_it_is_paid(bank, monkeypatch, set_ahead)
    assert authorize(timeout=3600)["paid_items"] == 3


def _while_it_is_paid(bank, monkeypatch, act):
    """Let something happen after the authorization, and iyzico pay while the task pauses. Return the seconds of its pauses."""
    bank.set(clock="stepped", durations={"SUCCESS": 0.5})
    pauses = []

    def pause(seconds):
        pauses.append(seconds)
        if len(pauses) == 2:  # the first one is between the two reads before the authorization
            act()
        bank.advance(seconds)

    _pausing(monkeypatch, pause)
    return pauses


def _pausing(monkeypatch, pause):
    """Let a task pause in another way: its means are made by the task itself."""
    from airflow_provider_iyzico.payouts import means

    made = means.Means

    def make(**given):
        return made(**given, pause=pause)

    monkeypatch.setattr(means, "Means", make)


def test_the_timeout_ends_the_task_and_never_the_hold(bank, sqlite_warehouse):
    init()
    bank.set(durations=SLOW)
    fails("did not end within 0.3 s; 3 items are not paid yet. Its money stays set aside. Clear this task", timeout=0.3)
    assert state(sqlite_warehouse) == "authorized"
    assert rows(sqlite_warehouse, "SELECT counted, expires_at FROM iyzico_balance_hold") == [(309, None)]
    assert rows(sqlite_warehouse, "SELECT count(*) FROM iyzico_balance_hold_end") == [(0,)]


def test_keys_that_are_refused_in_the_middle_fail_at_once_and_a_clear_goes_on(bank):
    init()
    bank.set(durations={"SUCCESS": 0.3})
    bank.fail("done_then_reset", on="auth", times=1)
    bank.fail("401", on="balance")
    fails("IyzicoAuthenticationError")
    bank.heal()
    assert authorize()["paid_items"] == 3
    assert calls(bank, "auth") == 1


# deferred


def test_deferred_it_hands_the_trigger_what_it_needs_and_nothing_personal(bank):
    init()
    bank.set(durations=SLOW)
    before = time.time()
    told = deferred(poll_interval=45, timeout=timedelta(days=7))
    name, arguments = told.trigger.serialize()
    assert name == "airflow_provider_iyzico.triggers.mass_payout.MassPayoutTrigger"
    wake_at = arguments.pop("wake_at")
    assert arguments == {
        "iyzico_conn_id": "iyzico_default",
        "request_id": bank.payouts[0]["request_id"],
        "external_id": BATCH,
        "poll_seconds": 45.0,
    }
    assert 890 < wake_at - before < 930
    assert told.method_name == "execute_complete"
    assert told.kwargs["request_id"] == arguments["request_id"]
    week = timedelta(days=7).total_seconds()
    assert week - 5 < told.kwargs["ends_at"] - before < week + 30
    assert told.timeout > timedelta(days=7), "a triggerer may be down for as long as the task has time"
    assert json.loads(json.dumps([arguments, told.kwargs])) == [arguments, told.kwargs]
    assert not [personal for personal in PERSONAL if personal in repr((arguments, told.kwargs))]


def test_where_only_time_changes_something_nothing_is_polled_before_it_is_over(bank):
    init()
    bank.set(fates={"item-1": "never_returned"})
    _, arguments = deferred(poll_interval=45, deposit_grace_seconds=100).trigger.serialize()
    assert arguments["poll_seconds"] == payout_authorize.RECORD_SECONDS
    assert arguments["wake_at"] - time.time() <= 100


def test_it_wakes_no_later_than_its_timeout(bank):
    init()
    bank.set(durations=SLOW)
    _, arguments = deferred(timeout=20).trigger.serialize()
    assert arguments["wake_at"] - time.time() <= 20


def test_a_batch_that_has_ended_is_not_deferred_at_all(bank):
    init()
    assert authorize(deferrable=True)["paid_items"] == 3


def resumed(told, event, **parameters):
    operator = authorizing(deferrable=True, **parameters)
    return getattr(operator, told.method_name)(context(), event=event, **told.kwargs)


EVENTS = [
    {"why": "decided", "message": "everything is decided"},
    {"why": "failed", "message": "keys"},
    {"why": "time", "message": "time"},
    {},
    None,
    "nonsense",
]


@pytest.mark.parametrize("event", EVENTS, ids=str)
def test_whatever_the_event_says_iyzico_is_read_again_and_decides(bank, event):
    init()
    bank.set(durations=SLOW)
    told = deferred()
    asked = calls(bank, "retrieve")
    with pytest.raises(TaskDeferred):
        resumed(told, event)
    assert calls(bank, "retrieve") > asked
    bank.set(clock="stepped")
    bank.advance(1100)
    assert resumed(told, event)["paid_items"] == 3
    assert calls(bank, "auth") == 1


def test_a_task_that_is_resumed_under_another_name_does_not_take_that_batch_for_its_own(bank):
    """A template may render to something else by then, and another batch may have ended well."""
    init()
    init(external_id="another", payments=payments(1, "1.00"))
    authorize(external_id="another")
    bank.set(durations=SLOW)
    told = deferred()
    with pytest.raises(AirflowFailException, match="'another' .*but this task authorized.*external_id"):
        resumed(told, EVENTS[0], external_id="another")
    bank.set(clock="stepped")
    bank.advance(1100)
    assert resumed(told, EVENTS[0])["paid_items"] == 3


def test_a_task_that_dag_test_resumes_without_what_it_was_deferred_with_goes_on_waiting(bank):
    init()
    bank.set(durations=SLOW)
    told = deferred()
    with pytest.raises(TaskDeferred) as again:
        authorizing(deferrable=True).execute_complete(context(), event=EVENTS[0])
    assert again.value.kwargs["request_id"] == told.kwargs["request_id"] == again.value.trigger.request_id
    assert again.value.kwargs["ends_at"] >= told.kwargs["ends_at"]


def test_an_event_that_comes_late_or_twice_changes_nothing(bank):
    init()
    bank.set(durations=SLOW)
    told = deferred()
    bank.set(clock="stepped")
    bank.advance(1100)
    first = resumed(told, EVENTS[0])
    assert resumed(told, EVENTS[0]) == first
    assert calls(bank, "auth") == 1


def test_a_second_deferral_keeps_the_first_end(bank):
    init()
    bank.set(durations=SLOW)
    told = deferred(timeout=1000)
    with pytest.raises(TaskDeferred) as again:
        resumed(told, EVENTS[2])
    assert again.value.kwargs == told.kwargs


def test_resumed_after_its_time_it_fails_and_says_that_the_money_stays_set_aside(bank):
    init()
    bank.set(durations=SLOW)
    told = deferred()
    told.kwargs["ends_at"] = time.time()
    with pytest.raises(AirflowFailException, match="did not end within"):
        resumed(told, EVENTS[2])


def test_resumed_while_iyzico_is_down_it_defers_again_and_blocks_no_worker(bank):
    init()
    bank.set(durations=SLOW)
    told = deferred()
    bank.fail("503", on="retrieve")
    with pytest.raises(TaskDeferred) as again:
        resumed(told, EVENTS[0])
    assert again.value.trigger.request_id == bank.payouts[0]["request_id"]
    bank.heal()


def test_resumed_while_keys_are_refused_it_fails_at_once(bank):
    init()
    bank.set(durations=SLOW)
    told = deferred()
    bank.fail("401", on="retrieve")
    with pytest.raises(AirflowFailException, match="IyzicoAuthenticationError"):
        resumed(told, EVENTS[1])


def test_nothing_personal_is_logged(bank, caplog, monkeypatch):
    monkeypatch.setattr(MassPayoutAuthorizeOperator, "log", logging.getLogger("task"))
    caplog.set_level(logging.DEBUG)
    init()
    bank.set(fates={"item-1": "returned"})
    told = authorize(on_unpaid="succeed")
    assert "are not paid: 'item-1'" in caplog.text
    assert [personal for personal in PERSONAL if personal in caplog.text + repr(told)] == []


def test_the_asset_of_an_outlet_carries_the_result(bank):
    init()
    extra = {}
    told = authorize(context(outlet_events=Events(paid=SimpleNamespace(extra=extra))), outlets=[Asset("paid")])
    assert extra == told


def test_an_outlet_that_is_no_asset_fails_no_task_that_paid(bank):
    """Lineage may have other things there, such as a dataset of OpenLineage."""
    init()
    extra = {}
    outlets = [SimpleNamespace(namespace="postgres://hr", name="payroll"), Asset("paid")]
    told = authorize(context(outlet_events=Events(paid=SimpleNamespace(extra=extra))), outlets=outlets)
    assert (extra["state"], extra) == ("ended", told)


def test_links_colours_and_lineage_are_those_of_the_other_operators(bank):
    init()
    operator = authorizing()
    operator.execute(context())
    (dataset,) = operator.get_openlineage_facets_on_complete(None).outputs
    assert dataset.name.endswith("iyzico_payout")
    assert operator.shown_on_page()["account"] == "simulator"
    assert (operator.ui_color, operator.template_fields) == ("#ffe7cc", ("external_id",))


@pytest.mark.parametrize(
    ("parameters", "match"),
    [
        ({"external_id": "a b"}, "external_id"),
        ({"on_unpaid": "skip"}, "on_unpaid is 'skip'; use one of fail, succeed"),
        ({"approvals": 3}, "approvals is 3; use one of 0, 1, 2"),
        ({"approvals": True}, "approvals is True"),
        ({"poll_interval": 0}, "poll_interval is 0; give seconds: more than 0"),
        ({"timeout": 0}, "timeout is 0"),
        ({"timeout": timedelta(days=-1)}, "timeout is -86400"),
        ({"timeout": "7 days"}, "timeout is '7 days'"),
        ({"settling_seconds": -1}, "settling_seconds is -1"),
        ({"deposit_grace_seconds": None}, "deposit_grace_seconds is None"),
        ({"iyzico_conn_id": "{{ x }}"}, "iyzico_conn_id"),
    ],
)
def test_wrong_parameters_are_refused_when_the_dag_file_is_parsed(parameters, match):
    with pytest.raises(IyzicoConfigurationError, match=match):
        authorizing(**parameters)


def test_a_mapped_task_refuses_the_same_when_it_runs(bank):
    init()
    for name, value in {"approvals": 3, "timeout": "3600"}.items():
        operator = authorizing()
        setattr(operator, name, value)
        with pytest.raises(AirflowFailException, match=f"{name} is {value!r}"):
            operator.execute(context())
    assert calls(bank, "auth") == 0


def test_a_ledger_that_is_down_is_left_to_airflows_retries(bank, monkeypatch, tmp_path):
    init()
    (tmp_path / "no").mkdir()
    monkeypatch.setenv("AIRFLOW_CONN_IYZICO_WAREHOUSE", json.dumps({"conn_type": "sqlite", "host": f"{tmp_path}/no/where/l.db"}))
    with pytest.raises(Exception, match="iyzico_warehouse") as caught:
        authorize()
    assert "Warehouse" in f"{type(caught.value).__name__} {caught.value}"
    assert calls(bank, "auth") == 0


def test_killing_a_task_sends_nothing(bank):
    init()
    asked = len(bank.seen)
    authorizing().on_kill()
    assert len(bank.seen) == asked


def test_an_iyzico_that_cannot_be_asked_before_the_payment_sends_nothing(bank):
    init()
    bank.fail("503", on="retrieve")
    with pytest.raises(IyzicoUnavailableError):
        authorize()
    assert calls(bank, "auth") == 0


def test_a_machine_that_slept_since_the_intent_sends_nothing(bank, sqlite_warehouse, monkeypatch, sleeping):
    """While it sleeps, Linux lets only one clock go on, and others may have settled the batch."""
    commit = module.send

    def and_sleep(*given, **more):
        sent = commit(*given, **more)
        sleeping(3600)
        return sent

    init()
    monkeypatch.setattr(module, "send", and_sleep)
    with pytest.raises(IyzicoUnavailableError, match="nothing was sent for .*; a retry is safe"):
        authorize()
    assert (calls(bank, "auth"), state(sqlite_warehouse)) == (0, "initiated")
