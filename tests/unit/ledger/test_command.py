"""What a person does with the ledger by hand, against a simulated iyzico and a real file."""

import os
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from io import BytesIO, TextIOWrapper

import pytest
from batches import IBAN, NAME, PERSON, WAYS, Walk, asked, batch_of_two, found, hold_of, rows, set_aside, task
from support import connect

from airflow_provider_iyzico.domain.payout import State
from airflow_provider_iyzico.domain.progress import LULL
from airflow_provider_iyzico.errors import LedgerBatchError
from airflow_provider_iyzico.hooks.iyzico import IyzicoHook
from airflow_provider_iyzico.ledger.accounts import Account
from airflow_provider_iyzico.ledger.batches import find
from airflow_provider_iyzico.ledger.command import main
from airflow_provider_iyzico.ledger.ledger import Ledger
from airflow_provider_iyzico.ledger.placing import Wanted, place
from airflow_provider_iyzico.ledger.reading import record
from airflow_provider_iyzico.ledger.resolve import resolve
from airflow_provider_iyzico.ledger.steps import has_permit, initiated, send
from airflow_provider_iyzico.simulator import Simulator

NAMED = "salaries-20261101"
SENT = batch_of_two(NAMED)
BECAUSE = ["--because", "the panel shows it"]


@pytest.fixture
def ledger(sqlite_engine, monkeypatch):
    monkeypatch.setenv("IYZICO_WAREHOUSE_URL", sqlite_engine.url.render_as_string(hide_password=False))
    return Ledger.open(sqlite_engine)


@pytest.fixture
def account():
    return Account("sandbox", "simulator", "TRY")


@pytest.fixture
def bank(monkeypatch):
    with Simulator("1000.00", seed=7) as simulator:
        simulator.set(clock="stepped", commission="1.50")
        connect(monkeypatch, simulator, can_pay=True, currency="TRY")
        yield simulator


@pytest.fixture
def at_iyzico(ledger, account, bank):
    """A batch that iyzico knows, and that is initiated in the ledger."""
    walk, hook = Walk(ledger, account, SENT).to(State.INIT_SENT), IyzicoHook()
    walk.batch = initiated(ledger, walk.batch, hook.init_mass_payout(SENT), task())
    walk.batch = record(ledger, walk.batch, hook.retrieve_mass_payout(request_id=walk.batch.request_id), task())
    walk.hook = hook
    yield walk
    hook.close()


def overdue(walk):
    """Let the deadline of the request under way be long over."""
    payout = walk.ledger.tables.payout
    past = walk.batch.seen_at - timedelta(hours=1)
    walk.ledger.act(lambda connection: connection.execute(payout.update().values(deadline_at=past)))
    walk.batch = find(walk.ledger, walk.batch.account, walk.batch.external_id)
    return walk


def run(capsys, *arguments):
    code = main(list(arguments))
    said = capsys.readouterr()
    return code, said.out, said.err


def test_an_unanswered_authorization_that_iyzico_carried_out_is_resolved_as_authorized(at_iyzico, capsys):
    walk = at_iyzico.to(State.AUTH_SENT)
    walk.hook.authorize_mass_payout(walk.batch.request_id)
    walk.to(State.AUTH_UNKNOWN)
    code, out, _ = run(capsys, "resolve", NAMED, "--as", "authorized", *BECAUSE, "--by", "fatma")
    assert (code, out) == (0, f"batch '{NAMED}' of simulator (sandbox, TRY) is authorized\n")
    kept = find(walk.ledger, walk.batch.account, NAMED)
    assert kept.state is State.AUTHORIZED
    event = max((row for row in rows(walk.ledger, "event", kept.key) if row["kind"] == "state"), key=lambda row: row["version"])
    assert (event["person"], event["reason"], event["after"]) == ("fatma", "the panel shows it", "authorized")


def test_a_batch_of_which_iyzico_shows_an_item_twice_is_ended_and_that_is_said(at_iyzico, bank, capsys, monkeypatch):
    walk, show = at_iyzico.to(State.AUTH_SENT), IyzicoHook.retrieve_mass_payout
    walk.hook.authorize_mass_payout(walk.batch.request_id)
    walk.to(State.AUTHORIZED)
    bank.advance(3600)

    def twice(self, **asked):
        found = show(self, **asked)
        return replace(found, items=(*found.items, found.items[0]))

    monkeypatch.setattr(IyzicoHook, "retrieve_mass_payout", twice)
    code, out, _ = run(capsys, "resolve", NAMED, "--as", "ended", *BECAUSE, "--by", "fatma")
    kept = find(walk.ledger, walk.batch.account, NAMED)
    assert (code, kept.state) == (0, State.ENDED)
    assert out.splitlines() == [
        f"iyzico shows more than once 1 items of {kept}, such as 'item-1': what became of them stays as the ledger has it",
        f"{kept} is ended",
    ]


def test_what_iyzico_contradicts_is_refused(at_iyzico, capsys):
    walk = at_iyzico.to(State.AUTH_SENT, State.AUTH_UNKNOWN)
    for state in ("authorized", "cancelled"):
        code, _, err = run(capsys, "resolve", NAMED, "--as", state, *BECAUSE)
        assert code == 2
        assert f"nothing paid yet (batch 'INIT'). That contradicts {state}; nothing was written" in err
    assert run(capsys, "resolve", NAMED, "--as", "initiated", *BECAUSE)[0] == 0
    assert find(walk.ledger, walk.batch.account, NAMED).auth_unanswered_at is not None


def test_what_is_no_step_of_the_table_is_refused_before_iyzico_is_asked(at_iyzico, bank, capsys):
    seen = len(bank.seen)
    for state in ("ended", "new", "auth_sent", "refused", "initiated"):
        code, _, err = run(capsys, "resolve", NAMED, "--as", state, *BECAUSE)
        assert code == 2
        assert f"from there it cannot become {state}" in err
    assert len(bank.seen) == seen


def test_a_request_that_may_still_be_under_way_is_left_to_its_sender(at_iyzico, bank, capsys):
    walk = at_iyzico.to(State.AUTH_SENT)
    code, _, err = run(capsys, "resolve", NAMED, "--as", "auth_unknown", *BECAUSE)
    assert code == 2
    assert "its sender may still be waiting for the answer: its deadline is at " in err
    overdue(walk)
    read_at = find(walk.ledger, walk.batch.account, NAMED).read_at
    assert run(capsys, "resolve", NAMED, "--as", "auth_unknown", *BECAUSE)[0] == 0
    assert find(walk.ledger, walk.batch.account, NAMED).read_at != read_at, "what iyzico says is kept"


def test_a_batch_that_iyzico_never_saw_may_be_sent_again(ledger, account, bank, capsys):
    Walk(ledger, account, SENT).to(State.INIT_SENT, State.INIT_UNKNOWN)
    code, _, err = run(capsys, "resolve", NAMED, "--as", "initiated", *BECAUSE)
    assert (code, "nothing found. That contradicts initiated" in err) == (2, True)
    assert run(capsys, "resolve", NAMED, "--as", "new", *BECAUSE)[0] == 0
    assert find(ledger, account, NAMED).state is State.NEW


@pytest.mark.parametrize("items_name_it", ["present", "absent"])
def test_a_batch_that_is_found_is_adopted_if_iyzico_names_its_request_id(ledger, account, bank, capsys, items_name_it):
    Walk(ledger, account, SENT).to(State.INIT_SENT, State.INIT_UNKNOWN)
    bank.set(item_request_id=items_name_it)
    hook = IyzicoHook()
    request_id = hook.init_mass_payout(SENT).request_id
    hook.close()
    code, _, err = run(capsys, "resolve", NAMED, "--as", "initiated", *BECAUSE)
    kept = find(ledger, account, NAMED)
    if items_name_it == "present":
        assert (code, kept.state, kept.request_id, kept.required) == (0, State.INITIATED, request_id, Decimal("303.50"))
    else:
        assert (code, kept.state) == (2, State.INIT_UNKNOWN)
        assert "neither paid nor cancelled" in err


def test_another_batch_of_that_name_is_not_adopted(ledger, account, bank, capsys):
    Walk(ledger, account, SENT).to(State.INIT_SENT, State.INIT_UNKNOWN)
    hook = IyzicoHook()
    hook.init_mass_payout(batch_of_two(NAMED, "100.50", "200.01"))
    hook.close()
    code, out, err = run(capsys, "resolve", NAMED, "--as", "initiated", *BECAUSE)
    assert code == 2
    assert "1 items, such as 'item-2', have another recipient at iyzico" in out
    assert "iyzico shows with other amounts 1 items" in err
    assert find(ledger, account, NAMED).state is State.INIT_UNKNOWN


@pytest.mark.parametrize("listed", ["all_but_invalid", "not_ended_badly"])
def test_a_cancel_that_iyzico_confirms_is_resolved_and_frees_the_money(at_iyzico, bank, capsys, listed):
    walk = at_iyzico
    bank.set(valid_items=listed)
    set_aside(walk.ledger, walk.batch)
    walk.to(State.CANCEL_SENT)
    walk.hook.cancel_mass_payout(walk.batch.request_id)
    walk.to(State.CANCEL_UNKNOWN)
    assert run(capsys, "resolve", NAMED, "--as", "cancelled", *BECAUSE)[0] == 0
    assert [row["counted"] for row in rows(walk.ledger, "hold", walk.batch.key)] == [0]


def test_the_connection_of_another_account_is_refused_before_it_is_asked(ledger, bank, capsys):
    Walk(ledger, Account("sandbox", "other", "TRY"), SENT).to(State.INIT_SENT, State.INIT_UNKNOWN)
    code, _, err = run(capsys, "resolve", NAMED, "--as", "new", *BECAUSE)
    assert code == 2
    assert "Connection 'iyzico_default' belongs to simulator (sandbox)" in err
    assert not bank.seen


def test_list_and_show_print_states_items_holds_and_events_and_nobodys_data(at_iyzico, capsys):
    walk = at_iyzico.to(State.AUTH_SENT, State.AUTH_UNKNOWN)
    place(
        walk.ledger, walk.batch.account, Wanted("by-hand", batch_total=Decimal(5)), asked(walk.ledger, walk.batch.account), task()
    )
    assert run(capsys, "permit", NAMED, *BECAUSE, "--by", "fatma")[0] == 0
    code, listed, _ = run(capsys, "list")
    assert code == 0
    assert [line.split()[:4] for line in listed.splitlines()[2:4]] == [
        ["external_id", "environment", "account", "state"],
        [NAMED, "sandbox", "simulator", "auth_unknown"],
    ]
    assert "by-hand" in listed
    code, shown, _ = run(capsys, "show", NAMED)
    assert code == 0
    for word in (
        "required: 303.50",
        "Items: 2",
        "6178",
        "Holds: 1",
        "salaries.pay, manual__1, try 1",
        "fatma",
        "the panel shows it",
        "permit",
    ):
        assert word in shown, word
    assert not [word for word in (IBAN, NAME, "salary") if word in shown.replace("salaries", "")]


def test_what_was_done_is_not_called_refused_if_nobody_reads_what_is_printed(at_iyzico):
    """As with `| head` or `| true`."""
    set_aside(at_iyzico.ledger, at_iyzico.batch)
    command = [sys.executable, "-m", "airflow_provider_iyzico.ledger", "release", NAMED, *BECAUSE]
    for arguments, code in ((command, 0), (command, 2)):  # the second time, nothing is there
        reader, writer = os.pipe()
        os.close(reader)
        done = subprocess.run(arguments, stdout=writer, stderr=subprocess.PIPE, text=True, timeout=300)
        os.close(writer)
        assert (done.returncode, "Broken pipe" in done.stderr) == (code, False), done.stderr
    assert hold_of(at_iyzico.ledger, at_iyzico.batch)[1] == "released"


@pytest.mark.parametrize("output", [">&-", "> /dev/full"])
def test_what_was_done_shows_no_traceback_if_what_is_printed_cannot_be_written(at_iyzico, output):
    """As on a full disk, or where a scheduler of jobs closes the output."""
    set_aside(at_iyzico.ledger, at_iyzico.batch)
    command = f"{sys.executable} -m airflow_provider_iyzico.ledger release {NAMED} --because test {output}"
    done = subprocess.run(command, shell=True, stderr=subprocess.PIPE, text=True, timeout=300)
    assert "Traceback" not in done.stderr
    assert hold_of(at_iyzico.ledger, at_iyzico.batch)[1] == "released"
    code, said = (0, "") if output == ">&-" else (os.EX_IOERR, "could not be written (No space left on device). What was done")
    assert (done.returncode, said in done.stderr) == (code, True), done.stderr


def test_an_error_does_not_go_into_the_output_where_errors_have_no_place(at_iyzico):
    """As with `> ledger.txt 2>&-`, where Python would print errors to the output."""
    command = f"{sys.executable} -m airflow_provider_iyzico.ledger release nothing --because test 2>&-"
    done = subprocess.run(command, shell=True, stdout=subprocess.PIPE, text=True, timeout=300)
    assert (done.returncode, done.stdout) == (2, "")


def test_a_refusal_is_one_even_if_nobody_reads_it(at_iyzico):
    """As with `2>&1 | head`."""
    command = [sys.executable, "-m", "airflow_provider_iyzico.ledger", "release", "nothing", *BECAUSE]
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(command, stdout=writer, stderr=writer, timeout=300)
    os.close(writer)
    assert done.returncode == 2


def test_release_gives_back_what_no_batch_may_be_paying(at_iyzico, capsys):
    walk = at_iyzico
    place(
        walk.ledger, walk.batch.account, Wanted("by-hand", batch_total=Decimal(5)), asked(walk.ledger, walk.batch.account), task()
    )
    set_aside(walk.ledger, walk.batch)
    assert "by-hand" in run(capsys, "show", "by-hand")[1]
    assert run(capsys, "release", "by-hand", *BECAUSE)[1] == "by-hand held 5.00 TRY, and holds nothing any more\n"
    assert run(capsys, "release", NAMED, *BECAUSE)[1].startswith("nothing is set aside for batch 'salaries-20261101'")
    code, shown, _ = run(capsys, "show", "by-hand")
    assert (code, [word for word in ("released", "the panel shows it") if word not in shown]) == (0, [])
    code, _, err = run(capsys, "release", "by-hand", *BECAUSE)
    assert (code, "the ledger has no batch and no open hold named 'by-hand' there" in err) == (2, True)
    walk.batch = find(walk.ledger, walk.batch.account, NAMED)
    walk.to(State.AUTH_SENT)
    code, _, err = run(capsys, "release", NAMED, *BECAUSE)
    assert (code, "stays set aside, because it is auth_sent" in err) == (2, True)


def test_who_looked_before_somebody_elses_permission_was_used_permits_nothing(at_iyzico, capsys):
    """The panel showed both of them no payment, before the second authorization was sent."""
    walk = at_iyzico.to(State.AUTH_SENT, State.AUTH_UNKNOWN)
    seen = walk.batch.version
    assert run(capsys, "permit", NAMED, *BECAUSE, "--by", "fatma")[0] == 0
    walk.batch = find(walk.ledger, walk.batch.account, NAMED)
    walk.to(State.INITIATED)
    fresh = asked(walk.ledger, walk.batch.account)
    walk.batch = send(walk.ledger, walk.batch, State.AUTH_SENT, task(), timeout_seconds=30, asked=fresh)
    walk.to(State.AUTH_UNKNOWN)
    for as_seen in ([], ["--version", str(seen)]):
        code, _, err = run(capsys, "permit", NAMED, *BECAUSE, "--by", "ali", *as_seen)
        assert (code, "fatma permitted one at" in err) == (2, True)
        assert f"If nothing was paid, give --version {walk.batch.version};" in err
    assert not has_permit(walk.ledger, walk.batch)
    assert run(capsys, "permit", NAMED, *BECAUSE, "--by", "ali", "--version", str(walk.batch.version))[0] == 0
    assert has_permit(walk.ledger, walk.batch)


def test_where_several_accounts_have_the_name_the_command_asks_which(ledger, capsys):
    for label in ("one", "two"):
        Walk(ledger, Account("sandbox", label, "TRY"), SENT)
    code, _, err = run(capsys, "show", NAMED)
    assert code == 2
    assert "one (sandbox, TRY)" in err
    assert "say which with --environment and --account" in err
    assert run(capsys, "show", NAMED, "--account", "two")[0] == 0
    assert run(capsys, "show", NAMED, "--environment", "production")[0] == 2


def test_a_person_says_why_and_who(ledger, account, capsys, monkeypatch):
    Walk(ledger, account, SENT)
    for arguments in (["release", NAMED], ["release", NAMED, "--because", " "], ["permit", NAMED, *BECAUSE, "--by", ""]):
        with pytest.raises(SystemExit):
            main(arguments)
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.getuid", lambda: 1_234_567)
    code, _, err = run(capsys, "permit", NAMED, *BECAUSE)
    assert (code, "say with --by who decides" in err) == (2, True)


@pytest.mark.parametrize("days", ["1000000", "1e300", "inf"])
def test_more_days_than_there_ever_were_list_every_batch(ledger, account, capsys, days):
    Walk(ledger, account, SENT).to(*WAYS[State.CANCELLED])
    code, listed, err = run(capsys, "list", "--days", days)
    assert (code, err) == (0, "")
    assert NAMED in listed


@pytest.mark.parametrize("days", ["nan", "-1", "all"])
def test_what_is_no_number_of_days_is_refused(ledger, capsys, days):
    with pytest.raises(SystemExit):
        run(capsys, "list", "--days", days)
    assert "--days" in capsys.readouterr().err


def test_without_a_database_or_a_ledger_in_it_the_command_says_what_to_do(tmp_path, monkeypatch, capsys, sqlite_engine):
    monkeypatch.delenv("IYZICO_WAREHOUSE_URL", raising=False)
    assert run(capsys, "list")[2].startswith("name the database in $IYZICO_WAREHOUSE_URL")
    monkeypatch.setenv("IYZICO_WAREHOUSE_URL", f"sqlite:///{tmp_path}/mistyped.db")
    assert "there is no database file" in run(capsys, "list")[2]
    sqlite_engine.connect().close()
    monkeypatch.setenv("IYZICO_WAREHOUSE_URL", str(sqlite_engine.url))
    code, _, err = run(capsys, "list")
    assert (code, "have it made by" in err) == (2, True)
    monkeypatch.setenv("IYZICO_WAREHOUSE_URL", "postgresql+psycopg://someone:hunter22@127.0.0.1:1/x")
    code, _, err = run(capsys, "list")
    assert code == 2
    assert "hunter22" not in err


def test_a_person_may_end_what_will_never_end_by_itself(ledger, account):
    walk = Walk(ledger, account, SENT).to(*WAYS[State.AUTHORIZED])
    stopped = found(walk.batch, SENT, "INSUFFICIENT_BALANCE", "QUEUED")
    assert resolve(ledger, walk.batch, State.ENDED, stopped, PERSON, "support stopped it").state is State.ENDED


@pytest.mark.parametrize("status", ["INIT", "QUEUED", "PROCESSING"])
def test_nobody_ends_a_batch_with_items_under_way_so_that_its_money_is_free_before_it_left(ledger, account, status):
    walk = Walk(ledger, account, SENT).to(*WAYS[State.AUTHORIZED])
    paying = found(walk.batch, SENT, "IN_PROGRESS", status)
    with pytest.raises(LedgerBatchError, match=rf"has \d+ items of .* under way \({status}\).* for 14 days"):
        resolve(ledger, walk.batch, State.ENDED, paying, PERSON, "the bank is closed")
    assert hold_of(ledger, walk.batch)[1] is None


def test_a_batch_that_iyzico_has_forgotten_under_way_may_be_ended_after_two_weeks(ledger, account):
    walk = Walk(ledger, account, SENT).to(*WAYS[State.AUTHORIZED]).read("IN_PROGRESS", "PROCESSING")
    old = replace(walk.batch, seen_at=walk.batch.changed_at + LULL + timedelta(seconds=1))
    paying = found(walk.batch, SENT, "IN_PROGRESS", "PROCESSING")
    assert resolve(ledger, old, State.ENDED, paying, PERSON, "iyzico says that it is lost").state is State.ENDED


def test_what_has_ended_by_the_time_it_is_read_needs_no_decision(ledger, account):
    walk = Walk(ledger, account, SENT).to(*WAYS[State.AUTHORIZED]).read("COMPLETED", "SUCCESS", settling_seconds=3600)
    item = ledger.tables.item
    past = walk.batch.seen_at - timedelta(hours=1)
    ledger.act(lambda connection: connection.execute(item.update().values(status_at=past)))
    kept = resolve(ledger, walk.batch, State.ENDED, found(walk.batch, SENT, "COMPLETED", "SUCCESS"), PERSON, "it is over")
    assert (kept.state, kept.ended_at is not None) == (State.ENDED, True)


def test_a_read_that_is_unclear_settles_nothing(ledger, account):
    walk = Walk(ledger, account, SENT).to(*WAYS[State.CANCEL_UNKNOWN])
    unclear = found(walk.batch, SENT, "CANCELED", "INIT")
    for state in (State.CANCELLED, State.INITIATED, State.AUTHORIZED):
        with pytest.raises(LedgerBatchError, match="unclear"):
            resolve(ledger, walk.batch, state, unclear, PERSON, "because")


def test_what_is_done_does_not_look_refused_on_a_terminal_that_lacks_a_letter(ledger, monkeypatch, capsys):
    label = Account("sandbox", "maaş", "TRY")
    place(ledger, label, Wanted("rent", batch_total=Decimal(5)), asked(ledger, label), task())
    terminal = TextIOWrapper(BytesIO(), encoding="ascii", write_through=True)
    monkeypatch.setattr("sys.stdout", terminal)
    assert main(["list"]) == 0
    assert main(["release", "rent", *BECAUSE]) == 0
    assert b"maa\\u015f" in terminal.buffer.getvalue()
    assert capsys.readouterr().err == ""
