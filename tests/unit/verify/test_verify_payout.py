"""The walk over real sockets: each switch both ways, each no of a person, and each way in which a step fails."""

import io
import re
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from batches import IBAN, NAME
from secrets_search import finds, finds_personal
from support import connect
from verdicts import verdicts_in

from airflow_provider_iyzico.errors import IyzicoConfigurationError
from airflow_provider_iyzico.hooks.iyzico import IyzicoHook
from airflow_provider_iyzico.simulator.payouts.answers import Answers
from airflow_provider_iyzico.simulator.switches import SWITCHES
from airflow_provider_iyzico.verify import observation
from airflow_provider_iyzico.verify.assumptions import LAST_NUMBER
from airflow_provider_iyzico.verify.finding import Verdict
from airflow_provider_iyzico.verify.payout.assumptions import CANNOT_SETTLE, PAYOUT_ASSUMPTIONS
from airflow_provider_iyzico.verify.payout.consent import Leave, Person

ROOT = Path(__file__).parents[3]
#: Digits that are found wherever they stand: amounts, total, commission, what is needed, and balances.
AMOUNTS = ("13.57", "24.68", "38.25", "0.79", "1.58", "39.83", "7364", "7324")
PHONE, OTHER_NAME = "+905551234567", "Mehmet Karadeniz"
PAYMENTS = f"""item_external_id;recipient_type;recipient_info;recipient_name;amount;description
ayse;IBAN;{IBAN};{NAME};13.57;a test
mehmet;PHONE;{PHONE};{OTHER_NAME};24.68;a test
"""
ALL = (Leave.PAY, Leave.RISK)
#: What differs by design where all switches stand as they are: nothing, but some questions stay open.
OPEN = {"same_name", 23}
AS_ASSUMED = {int(name) if name.isdecimal() else name: Verdict.CONFIRMED for name in PAYOUT_ASSUMPTIONS} | dict.fromkeys(
    OPEN, Verdict.NOT_SETTLED
)
#: Switches whose question is a row of UNVERIFIED.md.
ROWS = {"cancel_body": 26, "page_base": 19, "page_total": 20, "commission_taken": 31}
#: Choices that one batch cannot tell from the first one.
LIKE_THE_FIRST = {("item_type", "valid"), ("cancel_body", "none")}


@pytest.fixture
def payments(tmp_path):
    path = tmp_path / "payments.csv"
    path.write_text(PAYMENTS, encoding="utf-8")
    return path


@pytest.fixture
def walk(iyzico, verify, payments, monkeypatch, tmp_path):
    """Run the command, with time going on at the simulator in each pause, and search what it wrote for what it may not show."""
    iyzico.set(balance="7364.00", commission="0.79", clock="stepped", durations={"QUEUED": 10, "PROCESSING": 10, "SUCCESS": 10})
    monkeypatch.setattr(observation, "time", SimpleNamespace(sleep=iyzico.advance))

    def run(*given, answers=None):
        typed = io.StringIO("".join(f"{answer}\n" for answer in answers or ()))
        typed.isatty = lambda: answers is not None
        monkeypatch.setattr(sys, "stdin", typed)
        done = verify("--payout", str(payments), *given)
        written = tmp_path / "written"
        written.mkdir(exist_ok=True)
        (written / "report").write_text(done.report, encoding="utf-8")
        (written / "screen").write_text(done.problem, encoding="utf-8")
        assert finds(iyzico, [written]) == []
        assert finds_personal([(IBAN, NAME), (PHONE, OTHER_NAME)], [written]) == []
        assert [amount for amount in AMOUNTS if amount in done.report] == []
        return done

    return run


def statuses(iyzico):
    return [batch["status"] for batch in iyzico.payouts]


def times_paid(iyzico):
    return [sum(item["times_paid"] for item in batch["items"]) for batch in iyzico.payouts]


def calls(iyzico, *names):
    return [seen.call for seen in iyzico.seen if seen.call in names]


def test_where_all_is_as_assumed_nothing_differs(iyzico, walk):
    done = walk(*ALL)
    assert (done.code, done.verdicts) == (0, AS_ASSUMED)
    assert statuses(iyzico) == ["CANCELED", "COMPLETED"]
    assert times_paid(iyzico) == [0, 2]
    assert "stopped after" not in done.report + done.problem


CHOICES = [
    (switch, choice)
    for switch, choices in SWITCHES.items()
    if switch in PAYOUT_ASSUMPTIONS or switch in ROWS
    for choice in choices
]


@pytest.mark.parametrize(("switch", "choice"), CHOICES, ids=str)
def test_each_choice_of_a_switch_has_its_verdict(iyzico, walk, switch, choice):
    if switch == "same_name":
        iyzico.set(duplicate_external_id="new_batch")
    iyzico.set(**{switch: choice})
    done = walk(*ALL)
    is_first = choice == next(iter(SWITCHES[switch])) or (switch, choice) in LIKE_THE_FIRST
    verdict = Verdict.CONFIRMED if is_first else Verdict.DIFFERS
    if (switch, choice) == ("queue", "never"):
        verdict = Verdict.NOT_SETTLED
    assert done.verdicts[ROWS.get(switch, switch)] is verdict
    assert done.code == int(Verdict.DIFFERS in done.verdicts.values())
    assert "INIT" not in statuses(iyzico)


@pytest.mark.parametrize(
    ("name", "wishes", "verdict"),
    [
        (22, {"refusals": {"not_found": {"code": "100001"}}}, Verdict.DIFFERS),
        (23, {"refusals": {"not_found": {"code": "11"}}}, Verdict.CONFIRMED),
        (35, {"read_lag_seconds": 5}, Verdict.DIFFERS),
        ("batch_words", {"batch_words": {"COMPLETED": "ALL_DONE"}}, Verdict.DIFFERS),
        ("item_words", {"item_words": {"QUEUED": "RESTING"}}, Verdict.DIFFERS),
        ("auth_twice", {"auth_twice": "pay_again", "balance_drops": "at_bank"}, Verdict.DIFFERS),
        (31, {"fates": {"*": "never_returned"}}, Verdict.NOT_SETTLED),
        (31, {"auth_twice": "pay_again"}, Verdict.NOT_SETTLED),
        ("commission_shown", {"commission": "0"}, Verdict.NOT_SETTLED),
        (31, {"commission": "0"}, Verdict.CONFIRMED),
    ],
    ids=str,
)
def test_what_is_no_switch_has_its_verdict_too(iyzico, walk, name, wishes, verdict):
    iyzico.set(**wishes)
    assert walk(*ALL, "--follow-minutes", "2").verdicts[name] is verdict


@pytest.mark.parametrize(
    ("shown", "verdict", "said"),
    [
        ({"recipientType": "GSM"}, Verdict.DIFFERS, "another recipientType, or none"),
        ({"recipientInfo": "********0000"}, Verdict.DIFFERS, "another end"),
        ({"recipientInfo": "************"}, Verdict.CONFIRMED, "type and end as they were sent"),
    ],
)
def test_types_and_masks_of_recipients_that_the_package_cannot_compare_are_found(iyzico, walk, monkeypatch, shown, verdict, said):
    monkeypatch.setattr(Answers, "_recipient", lambda self, item: {"description": item.description, **shown})
    done = walk(*ALL)
    assert done.verdicts[37] is verdict
    assert f"| {said} |" in done.report


@pytest.mark.parametrize(("total", "verdict"), [(38.25, Verdict.CONFIRMED), (39.83, Verdict.CONFIRMED), (39.84, Verdict.DIFFERS)])
def test_a_batch_that_comes_to_more_than_its_items_with_their_commission_is_found(iyzico, walk, monkeypatch, total, verdict):
    of_batch = Answers._batch
    monkeypatch.setattr(Answers, "_batch", lambda *given: {**of_batch(*given), "totalAmount": total})
    assert walk(*ALL).verdicts[38] is verdict


def test_a_refusal_that_did_it_all_the_same_is_found(iyzico, walk):
    iyzico.fail("done_then_status", on="cancel", status=400, code="11")
    done = walk(Leave.PAY)
    assert done.verdicts[23] is Verdict.DIFFERS
    assert statuses(iyzico) == ["CANCELED", "COMPLETED"]


@pytest.mark.parametrize(
    ("wishes", "said"),
    [
        ({"auth_twice": "pay_again"}, "accepted; the balance fell by more than what paying once takes"),
        (  # the second payments reach the bank after the first ones are seen paid
            {
                "auth_twice": "pay_again",
                "balance_drops": "at_bank",
                "durations": {"QUEUED": 1, "PROCESSING": 10, "SUCCESS": 0},
            },
            "accepted; the balance fell by more than what paying once takes",
        ),
        ({"auth_twice": "ignore"}, "accepted; the balance fell by no more than what paying once takes"),
        ({"auth_after_cancel": "pay"}, "accepted; the batch is no longer cancelled"),
        ({"cancel_after_auth": "stop"}, "accepted; items were cancelled"),
        ({"cancel_after_auth": "ignore"}, "accepted; items were not cancelled"),
        ({"duplicate_external_id": "same_id"}, "accepted, with the requestId of the first batch"),
        ({"duplicate_external_id": "new_batch"}, "accepted, as a new batch"),
        ({"nothing_found": "null"}, "accepted, with null for it"),
        ({"recipients": "absent"}, "not at all"),
        ({"money": "scale8_string"}, "string, 8 decimals, negative: no; string, 8 decimals, with an exponent, negative: no"),
        ({"paging": "both"}, "in both places"),
    ],
    ids=str,
)
def test_the_report_says_in_which_way_it_differs(iyzico, walk, wishes, said):
    iyzico.set(**wishes)
    assert f"| {said} | differs |" in walk(*ALL).report


# what a person agrees to


def test_a_person_is_asked_with_count_and_total_before_each_step(iyzico, walk):
    done = walk(answers=["yes"] * 6)
    assert (done.code, done.verdicts) == (0, AS_ASSUMED)
    assert done.problem.count("Type 'yes' to go on") == 6
    assert done.problem.count("2 payment(s), 38.25 TRY together") == 5


@pytest.mark.parametrize(
    ("answers", "sent", "ends"),
    [
        (["no"] * 6, [], []),
        (["yes", "no"], ["init", "init"], ["CANCELED"]),
        (["no", "yes", "no"], ["init"], ["CANCELED"]),
        (["no", "yes", "YES"], ["init"], ["CANCELED"]),
        (["no", "yes", "y"], ["init"], ["CANCELED"]),
        (["no", "yes"], ["init"], ["CANCELED"]),
        (["no", "yes", "yes", "no", "no"], ["init", "auth"], ["COMPLETED"]),
        (["yes", "yes", "yes", "no", "no", "no"], ["init", "init", "init", "auth"], ["CANCELED", "COMPLETED"]),
    ],
    ids=str,
)
def test_a_step_is_left_out_unless_yes_is_typed_out(iyzico, walk, answers, sent, ends):
    done = walk(answers=answers)
    assert (done.code, calls(iyzico, "init", "auth"), statuses(iyzico)) == (0, sent, ends)
    assert done.verdicts["auth_twice"] is Verdict.NOT_ASKED


def test_where_nobody_can_be_asked_nothing_is_sent_without_leave(iyzico, walk):
    done = walk(Leave.RISK)
    assert (done.code, done.report, iyzico.seen) == (2, "", [])
    assert "add --yes-pay" in done.problem


def test_leave_to_pay_is_no_leave_for_what_iyzico_should_refuse(iyzico, walk):
    iyzico.set(auth_twice="pay_again", auth_after_cancel="pay")
    assert walk(Leave.PAY).code == 0
    assert times_paid(iyzico) == [0, 2]


@pytest.mark.parametrize("lacking", ["can_pay", "account", "currency"])
def test_a_connection_that_may_not_pay_is_refused(iyzico, walk, monkeypatch, lacking):
    connect(monkeypatch, iyzico, **{lacking: None})
    done = walk(*ALL)
    assert (done.code, done.report, iyzico.seen) == (2, "", [])
    assert "may not pay" in done.problem


def test_nobody_is_asked_where_there_is_no_input_at_all(verify, payments, iyzico, monkeypatch):
    """As with `<&-`, or where a scheduler of jobs closes it: Python then has no standard input."""
    monkeypatch.setattr(sys, "stdin", None)
    done = verify("--payout", str(payments))
    assert (done.code, "nobody can answer questions here" in done.problem, iyzico.seen) == (2, True, []), done.problem


@pytest.mark.parametrize(
    ("given", "typed", "goes_on"),
    [
        ({Leave.PAY}, None, False),
        ({Leave.PAY, Leave.REAL_MONEY}, None, True),
        (set(), "yes", False),
        (set(), "real money", True),
    ],
)
def test_keys_for_production_are_refused_unless_a_person_says_real_money(iyzico, monkeypatch, given, typed, goes_on):
    settings = replace(IyzicoHook().settings, environment="production")
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{typed}\n"))
    person = Person(frozenset(given), is_there=typed is not None)
    if goes_on:
        person.check(settings)
    else:
        with pytest.raises(IyzicoConfigurationError, match="keys for production, and nobody agreed.*nothing was sent"):
            person.check(settings)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (("13.57", "93.57"), "max_total is 100"),
        (("13.57", "0"), "a payment must be more than zero"),
        ((IBAN, "TR920086402100005482986179"), "is not an IBAN"),
        ((PAYMENTS.partition("\n")[2], ""), "is empty"),
    ],
    ids=["total", "amount", "iban", "empty"],
)
def test_payments_that_cannot_be_made_are_refused_before_anything_is_sent(iyzico, walk, payments, changed, said):
    payments.write_text(PAYMENTS.replace(*changed), encoding="utf-8")
    done = walk(*ALL)
    assert (done.code, done.report, iyzico.seen) == (2, "", [])
    assert said in done.problem


def test_a_file_that_is_not_there_is_named(iyzico, walk, payments):
    payments.unlink()
    done = walk(*ALL)
    assert (done.code, done.report, iyzico.seen) == (2, "", [])
    assert "payments.csv' cannot be read: FileNotFoundError" in done.problem


def test_a_storage_whose_provider_is_missing_is_named(iyzico, walk):
    done = walk(*ALL, "--payout", "unheard://bucket/payments.csv")
    assert (done.code, done.report, iyzico.seen) == (2, "", [])
    assert "'unheard://bucket/payments.csv' cannot be read (ValueError)" in done.problem


# how it ends

#: As many requests as the walk makes where all is as assumed and everything is agreed to.
REQUESTS = 31


@pytest.mark.parametrize("kind", ["reset", "done_then_reset"])
@pytest.mark.parametrize("number", range(2, REQUESTS + 1))
def test_a_step_without_an_answer_ends_the_walk_and_leaves_no_batch_unspoken_of(iyzico, walk, monkeypatch, number, kind):
    def sleep(seconds):
        iyzico.advance(seconds)
        if len(iyzico.seen) == number - 1 and seconds == 1:
            iyzico.fail(kind, times=1)

    monkeypatch.setattr(observation, "time", SimpleNamespace(sleep=sleep))
    done = walk(*ALL)
    assert done.code == 2
    assert f"stopped after {number - 1} answer(s): " in done.report
    assert sum(times_paid(iyzico)) <= 2
    for batch in iyzico.payouts:
        is_named = f"Batch {batch['external_id']!r} is not confirmed as cancelled" in done.problem
        assert batch["status"] == "CANCELED" or batch["authorizations"] == 1 or is_named


def test_the_walk_makes_so_many_requests(iyzico, walk):
    assert (walk(*ALL).code, len(iyzico.seen)) == (0, REQUESTS)


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_batch_whose_init_was_not_answered_is_cancelled_if_its_items_name_it(iyzico, walk, monkeypatch, number):
    def sleep(seconds):
        iyzico.advance(seconds)
        if len(calls(iyzico, "init")) == number - 1:
            iyzico.fail("done_then_reset", on="init", times=1)

    monkeypatch.setattr(observation, "time", SimpleNamespace(sleep=sleep))
    iyzico.set(item_request_id="present", duplicate_external_id="new_batch")
    done = walk(*ALL)
    assert len(calls(iyzico, "init")) == number
    assert "IyzicoOutcomeUnknownError" in done.report
    assert set(statuses(iyzico)) == {"CANCELED"}
    assert "is not confirmed as cancelled" not in done.problem


@pytest.mark.parametrize("kind", ["reset", "done_then_reset"])
def test_a_lost_authorization_is_told_as_unknown(iyzico, walk, kind):
    iyzico.fail(kind, on="auth", times=1)
    done = walk(Leave.PAY)
    assert (done.code, iyzico.payouts[1]["authorizations"]) == (2, int(kind != "reset"))
    assert (statuses(iyzico)[1] == "CANCELED") is (kind == "reset")
    assert "answer(s): IyzicoOutcomeUnknownError" in done.report
    assert ("is not confirmed as cancelled" in done.problem) is (kind != "reset")


def test_a_batch_that_nobody_can_find_again_is_named_for_the_panel(iyzico, walk):
    iyzico.fail("done_then_reset", on="init", times=1)
    done = walk(Leave.PAY)
    assert (done.code, statuses(iyzico)) == (2, ["INIT"])
    assert re.search(r"^Batch 'verify-\w+-1' is not confirmed as cancelled: .*iyzico's panel", done.problem, re.MULTILINE)
    assert "verify-" not in done.report


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=["Ctrl-C", "kill", "terminal closed"])
def test_a_walk_that_is_stopped_by_hand_cancels_what_it_handed_over(iyzico, walk, monkeypatch, how):
    def stop(seconds):
        iyzico.advance(seconds)
        if calls(iyzico, "init") and not stopped:
            stopped.append(seconds)
            if signal.getsignal(how) is not signal.SIG_DFL:  # it would end the tests
                signal.raise_signal(how)

    stopped = []
    monkeypatch.setattr(observation, "time", SimpleNamespace(sleep=stop))
    before = signal.signal(how, signal.default_int_handler if how is signal.SIGINT else signal.SIG_DFL)  # nohup ignores one
    try:
        done = walk(*ALL)
        after = signal.getsignal(how)
    finally:
        signal.signal(how, before)
    assert (done.code, statuses(iyzico)) == (2, ["CANCELED"])
    assert "somebody stopped the command" in done.problem
    assert after is (signal.default_int_handler if how is signal.SIGINT else signal.SIG_DFL)


def test_a_walk_under_nohup_outlives_its_terminal(iyzico, walk, monkeypatch):
    def hang_up(seconds):
        iyzico.advance(seconds)
        signal.raise_signal(signal.SIGHUP)

    monkeypatch.setattr(observation, "time", SimpleNamespace(sleep=hang_up))
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert walk(*ALL).code == 0
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize(
    ("wishes", "said"),
    [
        ({"balance": "30.00"}, "the balance does not cover the batch and its commission"),
        ({"balance": "39.00"}, "the balance does not cover the batch and its commission"),
        ({"max_amount": "20"}, "iyzico calls 1 payment"),
        ({"invalid_items": "refused", "max_amount": "1"}, "iyzico took no batch"),
        ({"item_words": {"INIT": "RESTING"}}, "iyzico shows the batch otherwise than it was handed over, so it is not paid"),
    ],
    ids=str,
)
def test_a_batch_that_would_not_be_paid_as_it_is_meant_is_cancelled(iyzico, walk, wishes, said):
    iyzico.set(**wishes)
    done = walk(*ALL)
    assert "INIT" not in statuses(iyzico)
    assert calls(iyzico, "auth") == []
    assert said in done.problem
    assert "stopped after" in done.report


@pytest.mark.parametrize(("code", "kind"), [("11", "IyzicoRefusedError"), ("90009", "IyzicoOutcomeUnknownError")])
def test_an_authorization_that_is_refused_ends_with_a_cancelled_batch(iyzico, walk, code, kind):
    iyzico.fail("failure", on="auth", code=code, message="not today")
    done = walk(*ALL)
    assert statuses(iyzico) == ["CANCELED", "CANCELED"]
    assert f"answer(s): {kind}" in done.report


def test_a_recipient_whom_iyzico_writes_into_any_word_is_not_shown(iyzico, walk):
    iyzico.set(batch_words={"COMPLETED": "Karadeniz"}, item_words={"SUCCESS": IBAN, "QUEUED": "Mehmet_Karadeniz"})
    wrong_state = {"code": "Karadeniz", "message": f"{NAME} is paid"}
    iyzico.set(refusals={"not_found": {"code": PHONE[1:], "message": f"none for {OTHER_NAME}"}, "wrong_state": wrong_state})
    done = walk(*ALL)
    assert done.verdicts["batch_words"] is done.verdicts["item_words"] is Verdict.DIFFERS


def test_no_ledger_and_no_warehouse_is_needed():
    script = (
        "import sys, airflow_provider_iyzico.verify.__main__\n"
        "print([name for name in sys.modules if name.startswith(('airflow_provider_iyzico.ledger', 'airflow_provider_iyzico.warehouse'))])"
    )
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=300).stdout.strip() == "[]"


# the documents


def test_every_question_about_payouts_is_settled_or_said_to_be_beyond_one_batch():
    beyond = {name for names in CANNOT_SETTLE.values() for name in names}
    rows = {"11", *map(str, range(19, LAST_NUMBER + 1))}
    assert beyond.isdisjoint(PAYOUT_ASSUMPTIONS)
    assert {name for name in beyond | set(PAYOUT_ASSUMPTIONS) if name.isdecimal()} == rows
    assert set(SWITCHES) <= beyond | set(PAYOUT_ASSUMPTIONS) | set(ROWS)


def test_unverified_md_names_the_switches_that_are_settled():
    text = (ROOT / "UNVERIFIED.md").read_text(encoding="utf-8").partition("| question |")[2]
    settled = {name for row in text.splitlines() for name in re.findall(r"`(\w+)`", row.strip("|").rpartition("|")[2])}
    assert settled == {name for name in PAYOUT_ASSUMPTIONS if not name.isdecimal()}


def test_the_report_names_what_it_cannot_settle(walk):
    report = walk(Leave.PAY).report
    assert report.startswith("## What iyzico's mass payouts do\n")
    assert "an address that is not iyzico's" in report
    assert "- a balance that is too low: 11, 34, short_balance" in report


def test_verdicts_are_read_from_rows_only():
    assert verdicts_in("| # | we assume | seen | verdict |\n| 22 | x | y | differs |\n") == {22: Verdict.DIFFERS}
