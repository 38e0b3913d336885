"""The journal knows what had an effect, also where the client died meanwhile."""

import json
import os
import signal
import subprocess
import sys

import pytest
from own_client import Client, control, item

from airflow_provider_iyzico.simulator import EFFECTS, ControlError, Simulator


def test_the_journal_tells_a_batch_from_its_start_to_its_end(bank, client):
    bank.set(commission="1.00", fates={"i2": "returned"})
    request_id = client.start(item("i1", "100"), item("i2", "50"))
    client.auth(request_id)
    bank.advance(60)
    told = [(effect.what, effect.by, effect.item_external_id, effect.amount, effect.balance) for effect in bank.journal]
    assert told == [
        ("top_up", "panel", None, "1000.00", "1000.00"),
        ("init", "api", None, None, "1000.00"),
        ("auth", "api", None, None, "1000.00"),
        ("taken", "bank", "i1", "100.00", "899.00"),
        ("taken", "bank", "i2", "50.00", "848.00"),
        ("paid", "bank", "i1", "100.00", "848.00"),
        ("failed", "bank", "i2", "50.00", "848.00"),
        ("returned", "bank", "i2", "50.00", "899.00"),
    ]
    assert {effect.what for effect in bank.journal} <= set(EFFECTS)
    assert [effect.number for effect in bank.journal] == list(range(1, 9))
    auth = bank.journal[2]
    assert (auth.external_id, auth.request_id, auth.needed, auth.promised) == ("salaries-1", request_id, "152.00", "0")
    assert [effect.at - auth.at for effect in bank.journal[2:]] == pytest.approx([0, 0, 0, 4, 4, 9])


def test_what_had_no_effect_is_not_in_the_journal(bank, client):
    bank.set(auth_twice="ignore", cancel_after_auth="ignore", cancel_twice="ignore", duplicate_external_id="same_id")
    request_id = client.start()
    client.init()
    for _ in range(3):
        client.auth(request_id)
        client.cancel(request_id)
    client.auth("nothing")
    assert [effect.what for effect in bank.journal] == ["top_up", "init", "auth", "taken"]
    assert [seen.call for seen in bank.seen] == ["init", "init", *["auth", "cancel"] * 3, "auth"]


def test_an_authorization_tells_what_was_promised_to_others(bank, client):
    bank.set(balance_drops="at_bank")
    for name in ("a", "b"):
        client.auth(client.start(item(value="600"), external_id=name))
    one, other = [effect for effect in bank.journal if effect.what == "auth"]
    assert (one.balance, one.needed, one.promised) == ("1000.00", "600.00", "0")
    assert (other.balance, other.needed, other.promised) == ("1000.00", "600.00", "600.00")
    bank.advance(60)
    assert [batch["status"] for batch in bank.payouts] == ["COMPLETED", "INSUFFICIENT_BALANCE"]
    assert [effect.external_id for effect in bank.journal if effect.what == "stopped"] == ["b"]


def test_the_control_door_shows_journal_and_payouts_without_recipients(bank, client):
    client.auth(client.start())
    bank.advance(60)
    journal, payouts = control(bank, "/simulator/journal")[1], control(bank, "/simulator/payouts")[1]
    assert [effect["what"] for effect in journal] == ["top_up", "init", "auth", "taken", "paid"]
    assert [effect["balance"] for effect in journal] == [effect.balance for effect in bank.journal]
    assert payouts == bank.payouts
    assert payouts[0]["items"][0]["status"] == "SUCCESS"
    assert "Yılmaz" not in json.dumps([journal, payouts], ensure_ascii=False)
    assert "841326" not in json.dumps([journal, payouts])


def test_a_journal_in_a_file_survives_the_simulator(tmp_path):
    path = tmp_path / "journal.jsonl"
    with Simulator("1000", journal=path) as box:
        request_id = Client(box).start()
        Client(box).auth(request_id)
        told = box.journal
    with Simulator("500", journal=path) as box:
        assert box.journal[: len(told)] == told
        assert [(effect.number, effect.what) for effect in box.journal[len(told) :]] == [(len(told) + 1, "top_up")]
    lines = path.read_text().splitlines()
    assert [json.loads(line)["what"] for line in lines] == ["top_up", "init", "auth", "taken", "top_up"]


def test_a_torn_last_line_of_a_journal_is_dropped(tmp_path):
    path = tmp_path / "journal.jsonl"
    path.write_text('{"number": 1, "at": 1.0, "what": "top_up", "by": "panel", "balance": "5"}\n{"number": 2, "wh')
    assert [effect.what for effect in Simulator("0", journal=path).journal] == ["top_up"]
    assert path.read_text().count("\n") == 1
    path.write_text('{"numb')
    assert Simulator("0", journal=path).journal == []


@pytest.mark.parametrize("text", [None, '{"torn\n\n', "{}\n\n", "[]\n\n"], ids=["no folder", "no JSON", "no effect", "a list"])
def test_a_journal_that_cannot_be_read_or_written_is_named(tmp_path, text):
    path = tmp_path / "journal" if text else tmp_path / "nowhere" / "journal"
    if text:
        path.write_text(text)
    with pytest.raises(ControlError, match=rf"journal {path} cannot be used"):
        Simulator("1.00", journal=path)


@pytest.mark.parametrize("text", ["a token in a file of one line", '{"torn'])
def test_a_file_that_is_no_journal_is_left_as_it_is(tmp_path, text):
    """Its last line may have no end, and was taken for a torn one."""
    path = tmp_path / "token"
    path.write_text(text)
    with pytest.raises(ControlError, match="cannot be used"):
        Simulator("1.00", journal=path)
    assert path.read_text() == text


def test_an_authorization_is_on_disk_before_its_client_can_know_of_it(tmp_path):
    """The simulator is killed right after an answer was lost, as a power cut would do it."""
    path = tmp_path / "journal.jsonl"
    command = [
        sys.executable,
        "-m",
        "airflow_provider_iyzico.simulator",
        "--port",
        "0",
        "--balance",
        "1000",
        "--journal",
        str(path),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=dict(os.environ)) as process:

        class Box:
            url = process.stdout.readline().split(" with ")[0].rpartition(" ")[2]

        client = Client(Box)
        request_id = client.start()
        control(Box, method="POST", fault={"kind": "done_then_reset", "on": "auth"})
        with pytest.raises(OSError):
            client.auth(request_id)
        process.send_signal(signal.SIGKILL)
        process.wait(60)
    told = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(effect["what"], effect.get("request_id")) for effect in told[1:3]] == [("init", request_id), ("auth", request_id)]
