"""Every assumption, over real sockets: as it is assumed, and otherwise."""

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from raw_server import serve
from secrets_search import forms, secrets_of
from support import connect_to
from verdicts import verdicts_in

from airflow_provider_iyzico.errors import IyzicoUnavailableError
from airflow_provider_iyzico.hooks.iyzico import IyzicoHook
from airflow_provider_iyzico.simulator import FAULTS, HABITS
from airflow_provider_iyzico.verify import observation
from airflow_provider_iyzico.verify.__main__ import main
from airflow_provider_iyzico.verify.assumptions import ASSUMPTIONS, LAST_NUMBER, Seen, Verdict
from airflow_provider_iyzico.verify.observation import Probe
from airflow_provider_iyzico.verify.payout.assumptions import PAYOUT_ASSUMPTIONS

ROOT = Path(__file__).parents[3]
#: Digits that are found wherever they stand.
BALANCE = "7364519.28"
AS_ASSUMED = dict.fromkeys(ASSUMPTIONS, Verdict.CONFIRMED) | {5: Verdict.NOT_SETTLED, 12: Verdict.NOT_SETTLED}


def test_where_all_is_as_assumed_nothing_differs(iyzico, verify):
    run = verify("--reuse-header")
    assert (run.code, run.verdicts) == (0, AS_ASSUMED)
    assert "stopped" not in run.report + run.problem


@pytest.mark.parametrize("habit", HABITS)
def test_what_differs_is_found_and_named_by_its_number(iyzico, verify, habit):
    concerned = set(map(int, HABITS[habit].partition(":")[0].split(",")))
    iyzico.set(habits=[habit])
    run = verify("--reuse-header")
    found = {number for number, verdict in run.verdicts.items() if verdict is Verdict.DIFFERS}
    if habit in ("signs_query", "signs_empty_object"):  # cannot be told from wrong keys
        assert (run.code, found, len(iyzico.seen)) == (2, set(), 1)
        assert {run.verdicts[number] for number in concerned} == {Verdict.NOT_SETTLED}
        assert "assumption 1 or 2 is wrong" in run.problem
    elif habit == "hour_behind":  # cannot be told from a clock of ours that is ahead
        assert (run.code, found, run.verdicts[6]) == (0, set(), Verdict.NOT_SETTLED)
    else:
        assert (run.code, found) == (1, concerned)


@pytest.mark.parametrize(
    ("form", "balance", "seen", "verdict"),
    [
        ("number", BALANCE, "number, 2 decimals, negative: no", Verdict.CONFIRMED),
        ("string", BALANCE, "string, 2 decimals, negative: no", Verdict.CONFIRMED),
        ("scale8", BALANCE, "number, 8 decimals, negative: no", Verdict.CONFIRMED),
        ("scale8_string", "0", "string, 8 decimals, with an exponent, negative: no", Verdict.CONFIRMED),
        ("verbatim", "1.123456789", "number, 9 decimals, negative: no", Verdict.DIFFERS),
        ("verbatim", '"1.234,56"', "string, no amount", Verdict.DIFFERS),
        ("verbatim", "NaN", "number, no amount", Verdict.DIFFERS),
        ("verbatim", "true", "a bool", Verdict.DIFFERS),
        ("verbatim", '{"TRY": 5}', "a dict", Verdict.DIFFERS),
        ("verbatim", "null", "no balance", Verdict.DIFFERS),
    ],
)
def test_the_form_of_a_balance_is_told_and_not_the_balance(iyzico, verify, form, balance, seen, verdict):
    iyzico.set(form=form, balance=balance)
    run = verify()
    assert (run.verdicts[4], run.code) == (verdict, int(verdict is Verdict.DIFFERS))
    assert f"| {seen} | {verdict} |" in run.report


def test_a_negative_balance_is_a_finding(iyzico, verify):
    iyzico.balance = "-5"
    assert verify().verdicts[12] is Verdict.CONFIRMED


def test_an_account_without_the_product_settles_nothing_about_the_sandbox(iyzico, verify):
    iyzico.fail("failure", code="100001")
    run = verify()
    assert (run.code, run.verdicts[13], len(iyzico.seen)) == (2, Verdict.NOT_SETTLED, 1)
    assert "ask iyzico support" in run.problem


def test_keys_for_production_tell_nothing_about_the_sandbox(iyzico, pauses):
    answers, _ = observation.ask(IyzicoHook(), reuse_header=False)
    judge = ASSUMPTIONS[13][1]
    assert judge(Seen("sandbox", answers)).verdict is Verdict.CONFIRMED
    assert judge(Seen("production", answers)).verdict is Verdict.NOT_SETTLED


def test_a_header_is_sent_twice_only_when_that_is_asked_for(iyzico, verify):
    iyzico.set(habits=["refuses_reuse"])
    run = verify()
    assert (run.code, run.verdicts[14]) == (0, Verdict.NOT_ASKED)
    assert len({seen.random_key for seen in iyzico.seen}) == len(iyzico.seen) == 4
    iyzico.world.forget()
    assert verify("--reuse-header").verdicts[14] is Verdict.DIFFERS
    first, *_, last = iyzico.seen
    assert (first.headers, first.query) == (last.headers, last.query)
    assert len({seen.random_key for seen in iyzico.seen}) == len(iyzico.seen) - 1 == 4


def test_the_first_request_is_the_hooks_own_and_each_other_differs_in_one_thing(iyzico, verify):
    hook = IyzicoHook()
    hook.get_balance()
    hook.close()
    verify()
    ours, usual, no_locale, upper_case, no_type = (
        (seen.method, seen.path, seen.query, seen.body, {**seen.headers, "Authorization": "", "x-iyzi-rnd": ""})
        for seen in iyzico.seen
    )
    assert usual == ours
    assert no_locale == (*ours[:2], "", *ours[3:])
    assert upper_case == (*ours[:2], "locale=TR", *ours[3:])
    headers = {name: value for name, value in ours[4].items() if name != "Content-Type"}
    assert no_type == (*ours[:4], headers)


def test_a_report_that_nobody_reads_is_not_called_a_failure(iyzico, pauses, monkeypatch):
    """As with `| head`."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as nobody:
        monkeypatch.setattr(sys, "stdout", nobody)
        assert main([]) == 0


@pytest.mark.parametrize("minutes", ["nan", "inf", "-1", "1e308", "ten"])
def test_minutes_that_are_none_are_refused_before_anything_is_asked(iyzico, verify, minutes):
    with pytest.raises(SystemExit, match="2"):
        verify("--payout", "payments.csv", "--follow-minutes", minutes)
    assert not iyzico.seen


def test_few_requests_are_made_and_none_without_a_pause(iyzico, verify, pauses):
    verify("--reuse-header")
    assert len(iyzico.seen) == 5
    assert pauses == [1.0] * 4


@pytest.mark.parametrize(
    ("fault", "differs"),
    [
        ({"kind": "429"}, False),
        ({"kind": "failure", "code": "50000"}, False),
        ({"kind": "503"}, False),
        ({"kind": "reset"}, False),
        ({"kind": "failure", "code": "1000"}, True),  # where code 11 is assumed
        ({"kind": "401", "code": "8"}, True),
    ],
    ids=str,
)
def test_no_more_is_asked_after_a_sign_that_it_is_not_welcome(iyzico, verify, monkeypatch, fault, differs):
    monkeypatch.setattr(observation, "time", SimpleNamespace(sleep=lambda _: iyzico.set(fault=fault)))
    run = verify()
    assert (len(iyzico.seen), run.code) == (2, 1 if differs else 2)
    assert run.verdicts[3] is Verdict.NOT_SETTLED
    assert "stopped after" in run.report
    assert "stopped after" in run.problem


@pytest.mark.parametrize("kind", ["429", "failure", "401", "503", "reset", "html", "redirect", "truncated"])
def test_only_one_request_is_made_where_the_first_brings_no_balance(iyzico, verify, kind):
    iyzico.fail(kind)
    run = verify()
    assert (len(iyzico.seen), run.code) == (1, 2)
    assert Verdict.DIFFERS not in run.verdicts.values()
    assert "stopped after" in run.problem


def test_a_refusal_that_asks_to_come_back_later_does_not_settle_an_assumption(iyzico, pauses):
    answers, _ = observation.ask(IyzicoHook(), reuse_header=False)
    busy = replace(answers[Probe.NO_LOCALE], error=IyzicoUnavailableError("busy"))
    for number in (3, 15):
        finding = ASSUMPTIONS[number][1](Seen("sandbox", {**answers, Probe.NO_LOCALE: busy}))
        assert finding.verdict is Verdict.NOT_SETTLED


def test_what_cannot_be_asked_is_named_with_what_to_do(verify, iyzico, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_NO_KEYS", json.dumps({"conn_type": "iyzico"}))
    run = verify("--conn-id", "no_keys")
    assert (run.code, run.report) == (2, "")
    assert "login is empty; put the API key there" in run.problem
    iyzico.stop()
    run = verify()
    assert (run.code, run.report) == (2, "")
    assert "check the network" in run.problem


def test_an_unforeseen_error_is_named_without_its_message(verify, iyzico, monkeypatch):
    def fail(*_):
        raise RuntimeError(iyzico.world.secret_key)

    monkeypatch.setattr(observation, "time", SimpleNamespace(sleep=fail))
    run = verify()
    assert (run.code, run.report) == (2, "")
    assert re.search(r"^RuntimeError in test_verify\.py, line \d+$", run.problem, re.MULTILINE)
    assert iyzico.world.secret_key not in run.problem


def test_the_answer_of_a_cache_tells_nothing(monkeypatch, verify):
    body = b'{"status":"success","balance":1}'
    with serve(b"HTTP/1.1 200 OK\r\nAge: 5\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)) as server:
        connect_to(monkeypatch, f"http://127.0.0.1:{server.port}")
        run = verify()
    assert (run.code, set(run.verdicts.values()) - {Verdict.CONFIRMED}) == (2, {Verdict.NOT_SETTLED, Verdict.NOT_ASKED})
    assert "a cache answered" in run.problem


def assert_shows_nothing(run, iyzico):
    written = (run.report + run.problem).encode()
    found = [form for secret in secrets_of(iyzico) for form in forms(secret) if form in written]
    headers = {seen.headers[name] for seen in iyzico.seen for name in ("x-iyzi-rnd", "User-Agent", "Host")}
    found += [value for value in headers if value in run.report]
    assert found == []
    assert BALANCE.partition(".")[0] not in run.report + run.problem


@pytest.mark.parametrize(
    "wish",
    [
        *({"habits": [habit]} for habit in HABITS),
        *(
            {"fault": fault} for fault in FAULTS if fault not in ("timeout", "drip", "done_then_late")
        ),  # the error of reset, after seconds
    ],
    ids=str,
)
def test_no_report_shows_a_key_a_header_or_an_amount(iyzico, verify, wish):
    iyzico.balance = BALANCE
    iyzico.set(**wish)
    assert_shows_nothing(verify("--reuse-header"), iyzico)


def test_a_server_that_quotes_the_keys_in_every_name_shows_none_of_them(iyzico, monkeypatch, verify):
    """Field names, codes, types, codings and charsets are shown; a server may write anything there."""
    api_key, secret_key = iyzico.world.api_key, iyzico.world.secret_key
    hidden = secret_key.removeprefix("sandbox-")[:20]
    body = json.dumps(
        {
            "status": "success",
            "balance": float(BALANCE),
            "systemTime": secret_key,
            f"currency{hidden}": 1,
            f"signature{hidden}": 1,
            api_key: 1,
            "a name | with a bar": 1,
        }
    ).encode()
    kind = f"application/{api_key};charset={hidden}"
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Encoding: {hidden}\r\nX-Signature-{hidden}: 1\r\n"
    with serve(head.encode() + b"Content-Length: %d\r\n\r\n%s" % (len(body), body)) as server:
        connect_to(monkeypatch, f"http://127.0.0.1:{server.port}")
        run = verify()
    assert run.code == 1
    assert [run.verdicts[number] for number in (5, 6, 16, 17)] == [Verdict.DIFFERS] * 4
    for secret in (api_key, hidden, BALANCE.partition(".")[0]):
        assert secret.lower() not in (run.report + run.problem).lower()
    assert "with a bar" not in run.report
    assert "one that is not shown" in run.report


def test_the_report_says_what_was_run_where_and_that_a_simulator_is_not_iyzico(iyzico, verify):
    report = verify().report
    assert report.startswith("## What iyzico's mass payout balance does\n")
    assert re.search(r"^- airflow-provider-iyzico [\d.]+, Airflow [\d.]+, Python [\d.]+$", report, re.MULTILINE)
    assert re.search(r"^- environment: sandbox, \d{4}-\d\d-\d\d$", report, re.MULTILINE)
    assert "an address that is not iyzico's" in report
    assert report.endswith(
        "Not asked, because reading a balance does not settle them: 7, 8, 9, 10, 11, "
        + ", ".join(map(str, range(18, LAST_NUMBER + 1)))
        + ".\n"
    )


def test_the_assumptions_are_those_of_unverified_md():
    rows = re.findall(r"^\| (\d+) \| (.*?) \| .* \| (.*) \|$", (ROOT / "UNVERIFIED.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert [int(number) for number, _, _ in rows] == list(range(1, LAST_NUMBER + 1))
    for mark, assumptions in (
        ("**verify**", {str(number): text for number, (text, _) in ASSUMPTIONS.items()}),
        ("**verify --payout**", {name: each.text for name, each in PAYOUT_ASSUMPTIONS.items() if name.isdecimal()}),
    ):
        assert {number: text for number, text, settled_by in rows if settled_by.startswith(mark)} == assumptions


def test_it_runs_from_the_command_line_with_a_connection_of_airflows_own_database(airflow_database, iyzico):
    from airflow.models import Connection
    from airflow.utils.session import create_session

    fields = json.loads(iyzico.connection)
    with create_session() as session:
        session.add(Connection(conn_id="verify_stored", **{**fields, "extra": json.dumps(fields["extra"])}))
    command = [sys.executable, "-m", "airflow_provider_iyzico.verify", "--conn-id", "verify_stored"]
    done = subprocess.run(command, capture_output=True, text=True, env=dict(os.environ), timeout=300)
    assert done.returncode == 0, done.stderr
    assert verdicts_in(done.stdout) == AS_ASSUMED | {14: Verdict.NOT_ASKED}
    assert len(iyzico.seen) == 4
