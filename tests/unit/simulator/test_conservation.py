"""Whatever is asked, in whatever order, no kuruş is lost. The journal alone, added up here, must give the simulator's balance."""

import contextlib
import json
from collections import Counter
from decimal import Decimal

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from own_client import BAD_IBAN, item, to_json

from airflow_provider_iyzico.simulator import SWITCHES, ControlError, Simulator, routes
from airflow_provider_iyzico.simulator.lifecycle import FATES
from airflow_provider_iyzico.simulator.settings import COMMISSION_RETURNED
from airflow_provider_iyzico.simulator.wire import Request

AMOUNTS = st.decimals(Decimal("0.01"), Decimal("900"), places=2)
IBANS = st.sampled_from([BAD_IBAN, *["TR330006100519786457841326"] * 4])
NAMES = st.sampled_from("abcdef")
#: What decides about money. The others decide how it is written.
MONEY_SWITCHES = (
    "auth_twice",
    "auth_after_cancel",
    "auth_of_nothing",
    "cancel_after_auth",
    "cancel_twice",
    "commission_taken",
    "duplicate_external_id",
    "balance_drops",
    "iban_check",
    "queue",
    "short_balance",
    "short_batch",
    "short_items",
    "stopped_batch",
)
HEADERS = {"Content-Type": "application/json"}


class Account(RuleBasedStateMachine):
    """Client, panel and time, all mixed, on an account with any habits."""

    @initialize(
        balance=AMOUNTS,
        commission=st.sampled_from(["0", "2.50", "1.5%", "0.33%"]),
        returned=st.sampled_from(sorted(COMMISSION_RETURNED)),
        choices=st.fixed_dictionaries({name: st.sampled_from(list(SWITCHES[name])) for name in MONEY_SWITCHES}),
    )
    def open(self, balance, commission, returned, choices):
        self.box = Simulator(str(balance), seed=1)
        self.box.set(clock="stepped", commission=commission, durations={"RESERVED": 3}, commission_returned=returned, **choices)

    def ask(self, name, body=b""):
        request = Request("POST", f"/v1/mass/payout/{name}", "locale=tr", body, HEADERS)
        return json.loads(routes.answer(self.box.world, request, None).body)

    @rule(name=NAMES, items=st.lists(st.tuples(AMOUNTS, IBANS), min_size=1, max_size=4))
    def init(self, name, items):
        listed = [item(f"{name}{place}", str(amount), recipientInfo=iban) for place, (amount, iban) in enumerate(items)]
        self.ask("init", to_json({"externalId": name, "conversationId": "c", "items": listed}).encode())

    def ids(self):
        return [batch["request_id"] for batch in self.box.payouts]

    @rule(place=st.integers(0, 9))
    def auth(self, place):
        for request_id in self.ids()[place : place + 1]:
            self.ask("auth", json.dumps({"requestId": request_id}).encode())

    @rule(place=st.integers(0, 9))
    def cancel(self, place):
        for request_id in self.ids()[place : place + 1]:
            self.ask(f"cancel/{request_id}")

    @rule(seconds=st.sampled_from([0.001, 1, 2, 3, 5, 60]))
    def wait(self, seconds):
        self.box.advance(seconds)

    @rule(act=st.sampled_from(["top_up", "withdraw"]), amount=AMOUNTS)
    def move_money(self, act, amount):
        try:
            self.box.panel.do({act: str(amount)})
        except ControlError:
            assert act == "withdraw"

    @rule(act=st.sampled_from(["authorize", "cancel"]), name=NAMES)
    def meddle(self, act, name):
        with contextlib.suppress(ControlError):
            self.box.panel.do({act: name})

    @rule(name=NAMES, place=st.integers(0, 3), fate=st.sampled_from(list(FATES)))
    def decide(self, name, place, fate):
        self.box.set(fates={f"{name}{place}": fate})

    @invariant()
    def the_journal_adds_up_to_the_balance(self):
        signs = {"top_up": 1, "returned": 1, "taken": -1, "withdraw": -1}
        balance = Decimal(0)
        for effect in self.box.journal:
            if effect.what in signs:
                balance += signs[effect.what] * (Decimal(effect.amount) + Decimal(effect.commission or 0))
            assert Decimal(effect.balance) == balance >= 0
        assert Decimal(self.box.balance) == balance

    @invariant()
    def nothing_is_taken_or_paid_more_often_than_it_was_authorized(self):
        counts = Counter((effect.what, effect.request_id, effect.item_external_id) for effect in self.box.journal)
        for batch in self.box.payouts:
            authorizations = counts["auth", batch["request_id"], None]
            assert batch["authorizations"] == authorizations
            for each in batch["items"]:
                taken, paid, returned = (
                    counts[what, batch["request_id"], each["item_external_id"]] for what in ("taken", "paid", "returned")
                )
                assert authorizations >= taken >= max(paid, returned)
                assert each["times_paid"] == paid
                assert taken == 0 or each["status"] != "INVALID"


TestAccount = Account.TestCase
TestAccount.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)


def test_books_that_do_not_add_up_are_an_error_from_then_on():
    box = Simulator("100")
    box.world.books.taken += 1
    for _ in range(2):
        with pytest.raises(AssertionError, match="out"):
            box.panel.top_up("1")
