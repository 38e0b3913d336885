"""PostgreSQL is restarted, or crashes, every few seconds under hundreds of payouts: all end, none is paid twice, no kuruş is lost."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest
from journal import entries, keep_journal
from judge import violations, wrong_batches
from payers import ACCOUNT, a_bank
from postgres import own_server
from restarted import AMOUNTS, TIMEOUT_SECONDS
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from support import POSTGRESQL

from airflow_provider_iyzico.ledger.ledger import Ledger
from airflow_provider_iyzico.ledger.placing import funds_version

PROCESSES, THREADS = 2, 8
#: What one batch needs, commission included.
NEEDED = sum(map(Decimal, AMOUNTS)) + len(AMOUNTS) * Decimal("2.50")
#: One item of every so many-th batch fails at the bank, and its money comes back.
RETURNED = 7
#: What each step of the bank takes.
STEPS = ("QUEUED", "PROCESSING", "SUCCESS", "FAILED", "DEPOSIT_SUCCESS")


@pytest.fixture
def bank(monkeypatch):
    """A bank in real time, with money for a few batches."""
    with a_bank(monkeypatch, timeout=TIMEOUT_SECONDS) as simulator:
        names = [
            f"{process}-{thread}-{batch}" for process in range(PROCESSES) for thread in range(THREADS) for batch in range(2000)
        ]
        fates = {f"{name}-0": "returned" for name in names[::RETURNED]}
        durations = dict.fromkeys(STEPS, 0.2)
        simulator.set(
            clock="real",
            balance=str(4 * NEEDED),
            item_request_id="present",
            auth_twice="pay_again",
            fates=fates,
            durations=durations,
        )
        yield simulator


def begin(url, seconds, folder):
    """Start the processes, each with its output in a file."""
    here = Path(__file__).parent
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(here), str(here.parent), os.environ.get("PYTHONPATH", "")])}
    for number in range(PROCESSES):
        settings = {"url": url, "seconds": seconds, "process": number, "threads": THREADS}
        with (folder / f"{number}.out").open("w") as out, (folder / f"{number}.err").open("w") as err:
            process = subprocess.Popen(
                [sys.executable, "-c", "import restarted; restarted.main()"],
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=err,
                text=True,
                env=environment,
            )
        process.stdin.write(json.dumps(settings))
        process.stdin.close()
        yield process


def restart(server, bank, processes, rng):
    """Restart the server every few seconds until all processes are done, top up, and lose an answer now and then."""
    modes = Counter()
    while any(process.poll() is None for process in processes):
        next_at = time.monotonic() + rng.uniform(2, 5)
        while time.monotonic() < next_at:
            if Decimal(bank.balance) < 4 * NEEDED:
                bank.panel.top_up(str(8 * NEEDED))
            time.sleep(0.1)
        mode = rng.choice(("immediate", "immediate", "fast"))
        bank.fail("done_then_reset", on=rng.choice(("init", "auth")), times=1)
        server.stop(mode)
        server.start()
        modes[mode] += 1
    return modes


def judged(engine, bank):
    """Return what must not be, by the rows of the ledger and by the bank's journal; how many batches there are; what moved."""
    effects = bank.journal
    authorized = Counter(effect.external_id for effect in effects if effect.what == "auth")
    found = [f"paid {times} times: {name}" for name, times in authorized.items() if times > 1]
    found += [
        f"over-committed: {effect}"
        for effect in effects
        if effect.what == "auth" and Decimal(effect.needed) + Decimal(effect.promised) > Decimal(effect.balance)
    ]
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT external_id, state, version, request_id FROM iyzico_payout")).all()
        found += [f"not ended: {row}" for row in rows if row.state != "ended"]
        found += [f"not authorized: {row}" for row in rows if not authorized[row.external_id]]
        events = """SELECT external_id, count(*) AS number, count(DISTINCT version) AS versions,
            count(*) FILTER (WHERE after = 'auth_sent') AS sent, count(*) FILTER (WHERE kind = 'permit') AS permits
            FROM iyzico_payout_event WHERE item_external_id IS NULL GROUP BY external_id"""
        versions = {row.external_id: row.version for row in rows}
        for event in connection.execute(text(events)):
            if not event.number == event.versions == versions[event.external_id]:
                found.append(f"an event is lost or double: {event}, version {versions[event.external_id]}")
            if not 1 <= event.sent <= 1 + event.permits:
                found.append(f"without an intent, or a second time without a permission: {event}")
        spent = "SELECT coalesce(sum(amount + commission), 0) FROM iyzico_payout_item WHERE status = 'SUCCESS'"
        paid = connection.execute(text(spent)).scalar()
        open_holds = "SELECT count(*) FROM iyzico_balance_hold WHERE hold_id NOT IN (SELECT hold_id FROM iyzico_balance_hold_end)"
        if held := connection.execute(text(open_holds)).scalar():
            found.append(f"{held} holds are open")
    sums = Counter()
    for effect in effects:
        sums[effect.what] += Decimal(effect.amount or 0) + Decimal(effect.commission or 0)
    came_in = sums["top_up"] - sums["withdraw"]  # the opening balance included
    if not came_in - sums["taken"] + sums["returned"] == came_in - paid == Decimal(bank.balance):
        found.append(f"{dict(sums)}, paid by the ledger {paid}, and the balance is {bank.balance}")
    return found + violations(entries(engine)) + wrong_batches(engine), len(rows), sums


@pytest.mark.timeout(1200)
def test_payouts_under_a_postgresql_that_is_restarted_and_crashes_all_end_and_none_is_paid_twice(bank, proof, tmp_path):
    seconds, rng = 590 if proof.is_long else 20, random.Random(proof.seed)
    began = time.monotonic()
    with own_server(is_durable=True) as server:
        url = make_url(server.url).set(drivername=POSTGRESQL).render_as_string()
        engine = create_engine(url)
        funds_version(Ledger.open(engine), ACCOUNT)
        keep_journal(engine)
        processes = list(begin(url, seconds, tmp_path))
        modes = restart(server, bank, processes, rng)
        said = [(tmp_path / f"{number}.err").read_text()[-3000:] for number, process in enumerate(processes) if process.wait()]
        assert said == []
        engine.dispose()
        found, batches, sums = judged(engine, bank)
        engine.dispose()
    assert found == []
    lasts = [(tmp_path / f"{number}.out").read_text().splitlines()[-1] for number in range(PROCESSES)]  # Airflow logs before it
    done = sum((Counter(json.loads(last)) for last in lasts), Counter())
    assert done["batches"] == batches > 0
    assert modes["immediate"] > 0
    assert any("Warehouse" in each for each in done), "no restart met a task"
    proof.tell(
        f"{batches} batches over {modes['immediate']} crashes and {modes['fast']} restarts of PostgreSQL in "
        f"{time.monotonic() - began:.0f} s: each authorized once, all ended; {sums['taken']} went out, {sums['returned']} came back; "
        f"{dict(sorted(done.items()))}"
    )
