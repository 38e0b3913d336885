"""The ledger of holds against a model in plain Python: after every step both must say the same.

The model is a list of what is set aside and a number that goes up with every end. Time is the test's own: the ledger takes its
clock as a parameter.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from ledgers import ACCOUNT, enter_batch, set_state, task
from sqlalchemy import create_engine, text

from airflow_provider_iyzico.errors import LedgerBatchError, LedgerError, LedgerHoldError
from airflow_provider_iyzico.ledger.batch_holds import secure
from airflow_provider_iyzico.ledger.batches import find, take_turn
from airflow_provider_iyzico.ledger.events import EventKind
from airflow_provider_iyzico.ledger.holds import release_plain
from airflow_provider_iyzico.ledger.ledger import Ledger
from airflow_provider_iyzico.ledger.placing import Asked, Wanted, funds_version, place

PLAIN, BATCHES = ["rent", "tax", "power"], ["may", "june"]
#: Amounts of which floats make wrong sums, and that fill a balance exactly.
AMOUNTS = [Decimal(each) for each in ("0.1", "0.2", "0.3", "0.7", "1.1", "2.2")]
BALANCES = [Decimal(each) for each in ("1.0", "2.5", "3.3", "10")]


@dataclass
class Mine:
    """What the model has set aside for a name."""

    amount: Decimal
    is_plain: bool
    run_id: str
    expires_at: datetime | None


class HoldsAgainstAModel(RuleBasedStateMachine):
    folder: Path

    @initialize()
    def open(self):
        self.folder = Path(tempfile.mkdtemp(prefix="iyzico-model-"))
        self.now = datetime(2026, 11, 29, 12, tzinfo=UTC)
        shutil.copy(empty_ledger(), self.folder / "ledger.db")
        self.engine = create_engine(f"sqlite:///{self.folder}/ledger.db")
        opened = Ledger.open(self.engine)
        self.ledger = type(opened)(**{**_parts(opened), "clock": lambda _: self.now})
        self.mine: dict[str, Mine] = {}
        self.sent: set[str] = set()
        self.batches: dict[str, Decimal] = {}
        self.version = 0
        self.asked: tuple[int, Decimal] = (0, Decimal("1.0"))

    def teardown(self):
        if hasattr(self, "engine"):
            self.engine.dispose()
            shutil.rmtree(self.folder)

    @rule(balance=st.sampled_from(BALANCES))
    def ask(self, balance):
        version = funds_version(self.ledger, ACCOUNT)
        assert version == self.version
        self.asked = (version, balance)

    @rule(seconds=st.sampled_from([1, 10, 60]))
    def time_passes(self, seconds):
        self.now += timedelta(seconds=seconds)

    @rule(name=st.sampled_from(BATCHES), total=st.sampled_from(AMOUNTS), commission=st.sampled_from([Decimal(0), Decimal("0.1")]))
    def a_batch_is_initiated(self, name, total, commission):
        if name not in self.batches:
            enter_batch(self.ledger, name, total, commission)
            self.batches[name] = total + commission

    @rule(
        name=st.sampled_from(PLAIN + BATCHES),
        amount=st.sampled_from([None, *AMOUNTS]),
        headroom=st.sampled_from([Decimal(0), Decimal("0.1")]),
        seconds=st.sampled_from([None, None, 5, 50]),
        run_id=st.sampled_from(["r1", "r1", "r1", "r2"]),
        balance=st.sampled_from([None, *BALANCES]),
    )
    def place(self, name, amount, headroom, seconds, run_id, balance):
        if balance is not None:
            self.ask(balance)  # otherwise the answer is an old one
        version, balance = self.asked
        expected = self.expected(name, amount, headroom, seconds, run_id)
        wanted, asked = Wanted(name, headroom, amount, seconds), Asked(balance, self.now, version)
        try:
            found = place(self.ledger, ACCOUNT, wanted, asked, task(run_id)).outcome.value
        except LedgerError as error:
            found = type(error).__name__
        assert found == expected, f"{name} {amount}: the ledger says {found}, the model {expected}"

    @rule(amounts=st.permutations(AMOUNTS))
    def a_balance_is_shared_out_to_the_last_kurus(self, amounts):
        for name, amount in zip(PLAIN, amounts, strict=False):
            others = sum((hold.amount for each, hold in self.mine.items() if each != name), Decimal(0))
            self.place(name, amount, Decimal(0), None, "r1", others + amount)

    def expected(self, name, amount, headroom, seconds, run_id) -> str:
        """Say what must come of placing, and change the model accordingly."""
        version, balance = self.asked
        is_plain = amount is not None
        if is_plain == (name in self.batches):
            return LedgerBatchError.__name__
        amount = amount if is_plain else self.batches[name]
        if name in self.sent:
            return "past"
        over = {each for each, hold in self.mine.items() if hold.expires_at is not None and hold.expires_at <= self.now}
        own = self.mine.get(name) if name not in over else None
        if own is not None and (own.amount != amount or own.is_plain != is_plain or (is_plain and own.run_id != run_id)):
            return LedgerHoldError.__name__
        for each in over:
            del self.mine[each]
            self.version += 1
        if over or version != self.version:
            return "moved"
        others = sum((hold.amount for each, hold in self.mine.items() if each != name), Decimal(0))
        if balance - others < amount + headroom:
            return "short"
        expires_at = None if seconds is None else self.now + timedelta(seconds=seconds)
        if own is None:
            self.mine[name] = Mine(amount, is_plain, run_id, expires_at)
        elif own.expires_at is not None:
            own.expires_at = None if expires_at is None else max(own.expires_at, expires_at)
        return "placed"

    @rule(name=st.sampled_from(PLAIN + BATCHES))
    def release(self, name):
        hold = self.mine.get(name)
        try:
            released = release_plain(self.ledger, ACCOUNT, name, task())
        except LedgerHoldError:
            assert hold is not None
            assert not hold.is_plain
            return
        assert (released is None) == (hold is None)
        if hold is not None:
            assert hold.is_plain
            del self.mine[name]
            self.version += 1

    @rule(name=st.sampled_from(BATCHES))
    def a_batch_is_sent(self, name):
        hold = self.mine.get(name)
        if (
            name not in self.batches
            or name in self.sent
            or hold is None
            or hold.is_plain
            or (hold.expires_at is not None and hold.expires_at <= self.now)
        ):
            return

        def sent(turn):
            secure(turn, Asked(Decimal(10**9), self.now, turn.funds["funds_version"]))
            return turn.advance(EventKind.READ, {})

        take_turn(self.ledger, find(self.ledger, ACCOUNT, name), task(), sent)
        set_state(self.ledger, name, "auth_sent")
        hold.expires_at = None
        self.sent.add(name)

    @rule(name=st.sampled_from(BATCHES))
    def a_sent_batch_is_refused_and_keeps_its_hold(self, name):
        if name in self.sent:
            set_state(self.ledger, name, "initiated")
            self.sent.remove(name)

    @invariant()
    def the_rows_say_what_the_model_says(self):
        if not hasattr(self, "ledger"):
            return
        query = text("""
            SELECT hold.external_id, hold.counted, hold.expires_at FROM iyzico_balance_hold AS hold
            WHERE NOT EXISTS (SELECT 1 FROM iyzico_balance_hold_end AS hold_end WHERE hold_end.hold_id = hold.hold_id)""")
        with self.engine.connect() as connection:
            rows = {name: (Decimal(str(amount)), expires_at) for name, amount, expires_at in connection.execute(query)}
        expected = {
            name: (hold.amount, hold.expires_at and f"{hold.expires_at:%Y-%m-%d %H:%M:%S.%f}") for name, hold in self.mine.items()
        }
        assert rows == expected


def _parts(ledger: Ledger) -> dict[str, object]:
    return {"engine": ledger.engine, "schema": ledger.schema, "create_table": False}


def empty_ledger() -> Path:
    """Return a file with the tables, made once per process: making them takes longer than thirty steps."""
    global _empty
    if _empty is None:
        _empty = Path(tempfile.mkdtemp(prefix="iyzico-model-")) / "ledger.db"
        engine = create_engine(f"sqlite:///{_empty}")
        funds_version(Ledger.open(engine), ACCOUNT)
        engine.dispose()  # the journal changes only for who is alone with the file
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA journal_mode = DELETE")
        engine.dispose()
    return _empty


_empty: Path | None = None


def run(*, examples: int, steps: int, seed: int) -> None:
    """Run so many examples of so many steps.

    :raises AssertionError: with the shortest steps that show a difference
    """
    from hypothesis import seed as seeded

    class Seeded(HoldsAgainstAModel):
        pass

    chosen = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        derandomize=False,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(seeded(seed)(Seeded), settings=chosen)
