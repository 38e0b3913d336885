"""A person approves a batch by hand, where Airflow asks nobody."""

import pytest
from batches import Walk, batch_of_two, rows, task

from airflow_provider_iyzico.domain.payout import State
from airflow_provider_iyzico.ledger.accounts import Account
from airflow_provider_iyzico.ledger.approvals import approval_digest, check_approvals, reject, shown_digest
from airflow_provider_iyzico.ledger.command import main
from airflow_provider_iyzico.ledger.ledger import Ledger
from airflow_provider_iyzico.ledger.who import Who

NAMED = "salaries-20261101"
ACCOUNT = Account("sandbox", "simulator", "TRY")


@pytest.fixture
def walk(sqlite_engine, monkeypatch):
    monkeypatch.setenv("IYZICO_WAREHOUSE_URL", sqlite_engine.url.render_as_string(hide_password=False))
    return Walk(Ledger.open(sqlite_engine), ACCOUNT, batch_of_two(NAMED)).to(State.INIT_SENT, State.INITIATED)


@pytest.fixture
def run(capsys):
    def run(*arguments):
        code = main(list(arguments))
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def approve(run, walk, *more, digest=None):
    return run("approve", NAMED, "--digest", digest or shown_digest(walk.batch), "--because", "as agreed", *more)


def test_show_prints_the_digest_and_approve_takes_it(walk, run):
    shown = shown_digest(walk.batch)
    assert f"  digest: {shown}\n" in run("show", NAMED)[1]
    code, out, _ = approve(run, walk, "--by", "fatma")
    assert (code, out) == (
        0,
        f"batch '{NAMED}' of simulator (sandbox, TRY) is approved by fatma as {shown}, and this counts for 24 hours\n",
    )
    assert check_approvals(walk.ledger, walk.batch, task(), 1) == "approved by fatma"


def test_the_row_is_that_of_a_person_and_says_who_typed_the_name_of_another(walk, run, monkeypatch):
    monkeypatch.setenv("LOGNAME", "mehmet")
    approve(run, walk)
    approve(run, walk, "--by", "fatma", "--max-age-hours", "2.5")
    own, other = (row for row in rows(walk.ledger, "event", walk.batch.key) if row["kind"] == "approved")
    assert (own["person"], own["reason"], own["dag_id"]) == ("mehmet", "as agreed", None)
    assert (other["person"], other["reason"]) == ("fatma", "as agreed (typed by mehmet)")
    assert (other["counts_until"] - other["happened_at"]).total_seconds() == 2.5 * 3600
    assert own["approval_digest"] == approval_digest(walk.batch)


def test_what_does_not_count_is_refused_and_says_why(walk, run):
    code, _, err = approve(run, walk, digest="000000")
    assert (code, f"is {shown_digest(walk.batch)} now, and the answer names '000000'" in err) == (2, True)
    assert approve(run, walk, "--by", "fatma")[0] == 0
    code, _, err = approve(run, walk, "--by", "Fatma")
    assert (code, "Fatma has approved" in err) == (2, True)


@pytest.mark.parametrize("hours", ["0", "-1", "nan", "9000", "soon"])
def test_an_approval_counts_for_hours_that_are_hours(walk, run, hours, capsys):
    with pytest.raises(SystemExit):
        approve(run, walk, f"--max-age-hours={hours}")
    assert "--max-age-hours" in capsys.readouterr().err


def test_show_lists_who_said_what_and_why_it_does_not_count(walk, run):
    approve(run, walk, "--by", "fatma")
    reject(walk.ledger, find_again(walk), Who(person="mehmet"), digest=shown_digest(walk.batch))
    lines = run("show", NAMED)[1].splitlines()
    start = lines.index("Approvals: 2")
    assert lines[start + 1].split() == ["person", "said", "digest", "said_at", "counts_until", "counts"]
    assert lines[start + 2].split()[:3] == ["fatma", "approved", approval_digest(walk.batch)]
    assert lines[start + 2].endswith("yes")
    assert lines[start + 3].endswith("no: rejected it")


def find_again(walk):
    from airflow_provider_iyzico.ledger.batches import find

    return find(walk.ledger, ACCOUNT, NAMED)
