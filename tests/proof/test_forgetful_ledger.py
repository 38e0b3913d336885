"""A ledger that was restored from an older copy, or that is empty: no batch is paid twice, and each goes on or asks for a person.

A batch goes its way at iyzico, and the ledger is copied after every commit. Then one of the copies, or an empty database, takes
the ledger's place, and every task runs again. iyzico is at its worst: it would pay a second authorization, and that of a
cancelled batch.
"""

from __future__ import annotations

import random
import sqlite3
from collections import Counter
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import product
from unittest import mock

import pytest
from batches import set_aside
from payers import BATCH, Payer, a_bank
from sqlalchemy import create_engine
from sqlalchemy.pool import StaticPool

from airflow_provider_iyzico.errors import IyzicoError, Retry
from airflow_provider_iyzico.hooks.iyzico import IyzicoHook
from airflow_provider_iyzico.ledger.ledger import Ledger
from airflow_provider_iyzico.payouts import authorize, reads

#: What the batch came to at iyzico before the ledger was restored.
LATER = ("initiated", "paying", "ended", "returned", "cancelled")
#: How iyzico speaks, and whether answers to init and auth were lost on the way.
TALKS = {
    "plain": {"item_request_id": "present"},
    "lost": {"item_request_id": "present"},
    "masked": {"item_request_id": "present", "recipients": "masked"},
    "nameless": {"item_request_id": "absent"},
}
DUPLICATES = ("refuse", "same_id", "new_batch")
#: For less than the grace of two reads, iyzico hides what was done just before the restore; and how old the batch was then.
LAGS = {
    "none": ({}, 0),
    "authorizations": ({"auth_lag_seconds": 50}, 0),
    "everything": ({"read_lag_seconds": 50}, 60),
    "the batch itself": ({"read_lag_seconds": 50}, 0),
}
#: What iyzico does with a second authorization, and with that of a cancelled batch; and what it takes for one payment.
WORST = {
    "auth_twice": "pay_again",
    "auth_after_cancel": "pay",
    "durations": {"SUCCESS": 120, "FAILED": 120},
}
TRIES = 4
_COPY = """SELECT state, EXISTS (SELECT 1 FROM iyzico_balance_hold AS hold WHERE NOT EXISTS (SELECT 1 FROM iyzico_balance_hold_end
    AS hold_end WHERE hold_end.hold_id = hold.hold_id)) FROM iyzico_payout"""


class World:
    """One batch, its bank, and a ledger that is copied after every commit.

    :ivar copies: the ledger as it was when it first knew so much; see ``Case.knows``
    """

    def __init__(self, bank, hook):
        self.bank, self.hook = bank, hook
        self._open(sqlite3.connect(":memory:", check_same_thread=False))
        self.copies = {"nothing": b""}

    def _open(self, database):
        self.database = database
        self.payer = Payer(
            self.bank, Ledger.open(create_engine("sqlite://", creator=lambda: database, poolclass=StaticPool)), self.hook
        )

    def go_to(self, later, *, loses_answers, pause_seconds):
        """Let the batch go its way, and keep the copies."""
        act = Ledger.act

        def keep(ledger, idempotent_act):
            kept = act(ledger, idempotent_act)
            for state, is_held in self.database.execute(_COPY).fetchall():
                knows = "held" if is_held and state == "initiated" else state
                if knows not in self.copies:
                    self.copies[knows] = self.database.serialize()
            return kept

        with mock.patch.object(Ledger, "act", keep):
            self._go_to(later, loses_answers=loses_answers, pause_seconds=pause_seconds)

    def _go_to(self, later, *, loses_answers, pause_seconds):
        payer = self.payer
        if loses_answers:
            self.bank.fail("done_then_reset", on="init", times=1)
            self.bank.fail("done_then_reset", on="auth", times=1)
        payer.initiate()
        payer.wait(pause_seconds)
        set_aside(payer.ledger, payer.batch())
        if later == "cancelled":
            payer.cancel()
        elif later != "initiated":
            self.bank.set(fates={"*": "returned" if later == "returned" else "paid"})
            payer.authorize()
            if later != "paying":
                assert payer.follow_to_its_end().batch.state == "ended"
        self.bank.heal()

    def restore(self, knows):
        """Put a copy, or an empty database, in the place of the ledger. The clock of the database goes on."""
        seconds, restored = self.payer.seconds, sqlite3.connect(":memory:", check_same_thread=False)
        if self.copies[knows]:
            restored.deserialize(self.copies[knows])
        self.database.close()
        self._open(restored)
        self.payer.seconds = seconds

    def run_everything_again(self):
        """Run every task, and again where that is safe, as Airflow does. Return the error that asks for a person."""
        for act in (self.payer.initiate, self._gate, self.payer.authorize, self.payer.follow_to_its_end):
            for _ in range(TRIES):
                try:
                    act()
                    break
                except IyzicoError as error:
                    if error.retry is not Retry.SAFE:
                        return error
                    last = error
                    self.payer.wait(300)
            else:
                return last
        return None

    def _gate(self):
        if self.payer.state() == "initiated":
            set_aside(self.payer.ledger, self.payer.batch())

    def violations(self):
        """Return what must never be, by the bank's own journal."""
        effects = self.bank.journal
        whats = [effect.what for effect in effects if effect.what in ("auth", "cancel")]
        found = [] if whats.count("auth") <= 1 else [f"paid {whats.count('auth')} times"]
        if "auth" in whats[1:] and whats[0] == "cancel":
            found.append("paid after a cancel")
        sums = Counter()
        for effect in effects:
            sums[effect.what] += Decimal(effect.amount or 0) + Decimal(effect.commission or 0)
        if sums["top_up"] - sums["taken"] + sums["returned"] != Decimal(self.bank.balance):
            found.append(f"the balance is {self.bank.balance} after {dict(sums)}")
        return found


@dataclass(frozen=True)
class Case:
    """How far the batch had come, what iyzico is like, and what the copy of the ledger knows.

    :param hidden: what iyzico does not show yet, see ``LAGS``
    :param knows: the state of the batch in the copy, ``held`` for one whose money is set aside, ``nothing`` for an empty ledger
    """

    later: str
    talk: str
    duplicates: str
    hidden: str
    knows: str = "nothing"

    @contextmanager
    def world(self, monkeypatch):
        """Let the batch go its way."""
        with a_bank(monkeypatch) as bank, closing(IyzicoHook()) as hook:
            bank.set(**WORST, **TALKS[self.talk], duplicate_external_id=self.duplicates)
            world = World(bank, hook)
            lag, seconds = LAGS[self.hidden]
            world.go_to(self.later, loses_answers=self.talk == "lost", pause_seconds=seconds)
            bank.set(**lag)
            yield world
            world.database.close()

    def found(self, monkeypatch):
        """Restore the ledger, run everything again, and return what is wrong, and what asks for a person."""
        with self.world(monkeypatch) as world:
            world.restore(self.knows)
            error = world.run_everything_again()
            found = world.violations()
            if error is None and world.payer.state() != "ended":
                found.append(f"it is {world.payer.state()}, and nobody is told")
            if error is not None and (error.retry is not Retry.NEVER or BATCH not in str(error)):
                found.append(f"not for a person: {error!r}")
            if error is not None and self.goes_on:
                found.append(f"it could have gone on: {error!r}")
            return [f"{self}: {each}" for each in found], error

    @property
    def goes_on(self):
        """Tell whether no person is needed: the ledger knows the batch by its id, or can tell that nobody has dealt with it."""
        if self.hidden != "none" or self.later == "cancelled":
            return False
        knows_id = self.knows not in ("nothing", "new", "init_sent", "init_unknown")
        return knows_id or (self.later == "initiated" and self.talk in ("plain", "lost"))


def cases(proof, monkeypatch):
    """Return some cases for each pair of what the copy knows and what was done since: the seed draws them."""
    rng, rounds, drawn = random.Random(proof.seed), proof.rounds(short=1, long=10), {}
    kinds = [Case(*each) for each in product(LATER, TALKS, DUPLICATES, LAGS)]
    known = {}
    for kind in kinds:
        way = (kind.later, kind.talk)
        if way not in known:
            with kind.world(monkeypatch) as world:
                known[way] = list(world.copies)
        for knows in known[way]:
            drawn.setdefault((kind.later, knows), []).append(replace(kind, knows=knows))
    return [case for each in drawn.values() for case in rng.sample(each, min(rounds, len(each)))]


def test_a_restored_or_empty_ledger_pays_no_batch_twice_and_goes_on_or_asks_for_a_person(proof, monkeypatch):
    found, outcomes = [], Counter()
    for case in cases(proof, monkeypatch):
        wrong, error = case.found(monkeypatch)
        found += wrong
        outcomes["went on" if error is None else "asked for a person"] += 1
    assert found == []
    assert all(outcomes[each] for each in ("went on", "asked for a person"))
    proof.tell(f"{sum(outcomes.values())} ledgers restored from an older copy, or empty: none paid twice; {dict(outcomes)}")


@pytest.mark.parametrize("hidden", ["authorizations", "everything"])
@pytest.mark.parametrize("knows", ["initiated", "held"])
def test_a_ledger_restored_just_after_an_authorization_that_iyzico_shows_late_pays_nothing_twice(monkeypatch, knows, hidden):
    case = Case("paying", "plain", "refuse", hidden, knows)
    assert case.found(monkeypatch) == ([], None)
    with mock.patch.object(authorize, "seen_twice", reads.seen):  # one read is not enough
        assert "paid 2 times" in str(case.found(monkeypatch)[0])
