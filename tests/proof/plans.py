"""What one seed brings: what iyzico is like, which batches there are, what goes wrong, and who acts behind our back.

The first things come in turn from seed to seed, so that a few hundred seeds in a row meet every switch and every fault; the rest
is drawn.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from airflow_provider_iyzico.simulator.faults import DONE, FAULTS
from airflow_provider_iyzico.simulator.lifecycle import FATES
from airflow_provider_iyzico.simulator.switches import SWITCHES

CHOICES = [(name, choice) for name, choices in SWITCHES.items() for choice in choices]
#: With such an iyzico this package cannot go to an end: it says so, and nothing is paid by it, or what is paid stays held.
BLOCKING = {("page_base", "1"), ("merchant", "zeros"), ("cancel_body", "object")}
#: Only every so many-th seed chooses these; otherwise all other seeds would be other ones.
SELDOM = BLOCKING | {("valid_items", "not_ended_badly")}
KINDS = [*FAULTS, "400", "401", "429", "500", "503"]
CALLS = ("auth", "init", "retrieve", "cancel", "balance")
COMBINATIONS = [(kind, call) for kind in KINDS for call in CALLS]
#: On a real socket these take real time.
SLOW = {"timeout", "drip", "done_then_late", "huge"}
PEOPLE = (
    ("IBAN", "TR920086402100005482986178", "Ayşe Yılmaz"),
    ("IBAN", "TR330006100519786457841326", "Mehmet Öztürk"),
    ("PHONE", "+905321234567", None),
    ("IDENTITY_NUMBER", "10000000146", None),
    ("MEMBER_ID", "7012345678", None),
)
#: What must not be found anywhere afterwards.
PERSONAL = [part for _, recipient, name in PEOPLE for part in (recipient, *(name or "").split()) if part]
COMMISSION = Decimal("2.50")
#: What happens at just the wrong moment, in one seed of ten each, and what iyzico is like then.
CUES = ("cancelled while it is authorized", "authorized while it is cancelled", "drained while it is paid")
_SCENERY: dict[str | None, dict[str, str]] = {
    "authorized while it is cancelled": {"cancel_after_auth": "ignore"},
    "drained while it is paid": {"short_balance": "later", "balance_drops": "at_bank", "stopped_batch": "stays"},
}
GRACE, SETTLING, DEPOSIT_GRACE = 60.0, 60.0, 4 * 3600.0


@dataclass(slots=True)
class Order:
    """One batch, and what its people want of it."""

    name: str
    rows: list[dict[str, Any]]
    on_invalid: str
    bound: str | None
    has_gate: bool
    hold_for_seconds: float | None
    copies: int
    is_cancelled: bool
    begins_after: float
    is_deferrable: bool
    is_paid: bool = True

    @property
    def recipients(self) -> dict[str, str]:
        return {row["item_external_id"]: row["recipient_info"] for row in self.rows}

    @property
    def amounts(self) -> dict[str, Decimal]:
        return {row["item_external_id"]: Decimal(row["amount"]) for row in self.rows}


@dataclass(slots=True)
class Plan:
    """One seed."""

    seed: int
    rng: random.Random
    settings: dict[str, Any]
    faults: list[tuple[float, dict[str, Any]]]
    orders: list[Order]
    balance: Decimal
    is_real: bool
    kill_share: float
    freeze_share: float
    ledger_share: float
    panel: list[tuple[float, str]] = field(default_factory=list)
    impatient: list[tuple[float, str]] = field(default_factory=list)
    cue: str | None = None
    has_stranger: bool = False

    @classmethod
    def of(cls, seed: int) -> Plan:
        rng = random.Random(f"payouts {seed}")
        combinations = [COMBINATIONS[(3 * seed + n * 41) % len(COMBINATIONS)] for n in range(3)]
        is_real = seed % 12 == 0
        settings = _settings(seed, rng)
        orders = [
            _order(seed, number, rng, has_cancel=any(call == "cancel" for _, call in combinations))
            for number in range(rng.choice((1, 1, 1, 2, 2, 3)))
        ]
        settings["fates"] = {name: _fate(rng) for order in orders for name in order.amounts}
        if any(settings.get(name) for name in ("commission_shown",)) and settings["commission_shown"] != "always":
            for order in orders:
                order.bound = order.bound or str(COMMISSION)
        needs = sum((sum(order.amounts.values()) + COMMISSION * len(order.rows) for order in orders), Decimal(0))
        plan = cls(
            seed=seed,
            rng=rng,
            settings=settings,
            faults=[_fault(kind, call, 0.0, settings, rng) for kind, call in combinations],
            orders=orders,
            balance=(needs * rng.choice((1, 1, 2, 10)) * Decimal(rng.choice(("1", "1", "0.6")))).quantize(Decimal("0.01")),
            is_real=is_real,
            kill_share=rng.choice((0.0, 0.02, 0.05)),
            freeze_share=rng.choice((0.0, 0.0, 0.02)),
            ledger_share=rng.choice((0.0, 0.0, 0.02)),
        )
        for _ in range(rng.choice((0, 1, 3))):
            plan.faults.append(_fault(*rng.choice(COMBINATIONS), rng.uniform(0, 600), settings, rng))
        if is_real:
            plan.faults = [(at, fault) for at, fault in plan.faults if fault["kind"] not in SLOW]
        if rng.random() < 0.3:
            acts = ("authorize", "cancel", "withdraw", "top_up")
            plan.panel = [(rng.uniform(0, 400), acts[(seed + n) % 4]) for n in range(rng.choice((1, 2)))]
        if rng.random() < 0.3:
            plan.impatient = [(rng.uniform(0, 900), rng.choice(("resolve", "resolve", "release"))) for _ in range(2)]
        plan.cue = CUES[seed % 10] if seed % 10 < len(CUES) else None
        plan.settings |= _SCENERY.get(plan.cue, {})
        if plan.cue == "authorized while it is cancelled":
            orders[0].is_cancelled, orders[0].is_paid = True, False
        plan.has_stranger = rng.random() < 0.06
        return plan

    @property
    def is_blocked(self) -> bool:
        return any(self.settings.get(name) == choice for name, choice in BLOCKING)


def _settings(seed: int, rng: random.Random) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    for name, choices in SWITCHES.items():
        wide = [choice for choice in choices if (name, choice) not in SELDOM]
        settings[name] = rng.choice(wide) if rng.random() < 0.3 else next(iter(choices))
    settings["item_request_id"] = rng.choice(("present", "present", "present", "absent"))
    name, choice = CHOICES[seed % len(CHOICES)]
    settings[name] = choice
    settings["commission"] = rng.choice((str(COMMISSION), str(COMMISSION), "0", "0.5%"))
    slow = rng.choice((1, 1, 30, 600))
    settings["durations"] = {
        name: seconds * slow
        for name, seconds in {
            "RESERVED": rng.choice((0, 1)),
            "QUEUED": 1,
            "PROCESSING": 1,
            "SUCCESS": 2,
            "FAILED": 2,
            "DEPOSIT_SUCCESS": 5,
            "DEPOSIT_FAIL": 5,
            "AWAITING_CLEARANCE": 2,
        }.items()
    }
    settings["auth_lag_seconds"] = rng.choice((0, 0, 0, 20, 300))
    settings["read_lag_seconds"] = rng.choice((0, 0, 0, 0, 5, 100))
    settings["batch_lag_seconds"] = rng.choice((0, 0, 0, 10, 200))
    settings["balance_lag_seconds"] = rng.choice((0, 0, 0, 30, SETTLING - 1))
    settings["max_page_size"] = rng.choice((None, None, None, 1, 2)) if settings["large_page"] == "cut" else None
    settings["max_requests_per_minute"] = rng.choice((None,) * 9 + (20,))
    return settings


def _order(seed: int, number: int, rng: random.Random, *, has_cancel: bool) -> Order:
    name, rows = f"salaries-{seed}-{number}", []
    for place in range(rng.choice((1, 2, 3))):
        kind, recipient, called = rng.choice(PEOPLE)
        rows.append(
            {
                "item_external_id": f"{name}-{place}",
                "recipient_type": kind,
                "recipient_info": recipient,
                "recipient_name": called or "",
                "amount": f"{rng.randrange(100, 50_000) / 100:.2f}",
                "description": "maaş",
            }
        )
    return Order(
        name=name,
        rows=rows,
        on_invalid=rng.choice(("fail", "drop", "drop")),
        bound=rng.choice((None, "2.50", "2.50", "3.00")),
        has_gate=rng.random() < 0.5,
        hold_for_seconds=rng.choice((None, None, 30.0, 600.0)),
        copies=rng.choice((1, 1, 1, 1, 2, 3)),
        is_cancelled=(has_cancel and number == 0) or rng.random() < 0.1,
        is_paid=not (has_cancel and number == 0) or rng.random() < 0.4,
        begins_after=rng.uniform(0, 60),
        is_deferrable=rng.random() < 0.5,
    )


def _fate(rng: random.Random) -> str:
    return rng.choice(("paid",) * 16 + tuple(FATES))


def _fault(kind: str, call: str, at: float, settings: dict[str, Any], rng: random.Random) -> tuple[float, dict[str, Any]]:
    """Return a fault for one call, with options that its kind takes."""
    options: dict[str, Any] = {}
    if kind in ("done_then_late", "reset_then_done"):
        options["seconds"] = rng.choice((3.0, 30.0, 200.0, 900.0))
    elif kind == "done_then_status":
        # iyzico may deny what it did, or tell it late; nobody could find out if it did both.
        is_late = max(settings["auth_lag_seconds"], settings["read_lag_seconds"]) >= GRACE
        options |= rng.choice(
            ({"status": 502},) if is_late else ({"status": 502}, {"status": 400, "code": "11"}, {"status": 429})
        )
    elif kind == "failure":
        options["code"] = rng.choice(("1", "11", "50000", "90003", "9000"))
    assert kind in KINDS
    assert kind not in DONE or kind in FAULTS
    return at, {"kind": kind, "on": call, "times": rng.choice((1, 1, 1, 2, 4)), **options}
