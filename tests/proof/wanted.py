"""What a whole run must have met: every switch, fault, kill point, state and transition."""

from __future__ import annotations

from collections import Counter
from typing import Any

from plans import CHOICES, COMBINATIONS
from referee import STATES, TRANSITIONS

#: Where a process may be killed, by the places of the code that come before and after (K0 to K13 of the contract).
KILLS: dict[str, tuple[tuple[str, ...], ...]] = {
    "K0 before the intent": (("start", "before send init_sent"), ("pay", "before send auth_sent")),
    "K1 init is intended, and not sent": (("start", "after send init_sent"), ("start", "before init")),
    "K2 init is sent": (("start", "after init"),),
    "K3 its answer is not stored": (("start", "before initiated"),),
    "K4 stored, nothing held": (("start", "after initiated"),),
    "K5 held, auth is not intended": (("pay", "after place"), ("pay", "before send auth_sent")),
    "K6 auth is intended, and not sent": (("pay", "after send auth_sent"), ("pay", "before auth")),
    "K7 auth is sent": (("pay", "after auth"),),
    "K8 its answer is not stored": (("pay", "before step authorized"),),
    "K9 stored, before the task goes on": (("pay", "after step authorized"),),
    "K10 in the hand-over": (("pay", "deferred"),),
    "K12 before it goes on": (("pay", "resumed"),),
    "K13 in a reconciliation": (("reconcile", "before record"), ("reconcile", "after record")),
}


def missing(reached: Counter[Any]) -> list[str]:
    """Return what was not met, each by its name."""
    wanted = {
        **{f"switch {name}={choice}": [("switch", name, choice)] for name, choice in CHOICES},
        **{f"fault {kind} on {call}": [("fault", kind, call)] for kind, call in COMBINATIONS},
        **{f"state {state}": [("state", state)] for state in STATES},
        **{f"transition {before} -> {after}": [("transition", before, after)] for before, after in TRANSITIONS},
        **{f"kill {name}": [("killed task", *place) for place in places] for name, places in KILLS.items()},
        "kill K11 the triggerer": [("kill", "triggerer")],
        **{f"ledger {how}": [("ledger", how)] for how in ("down", "lost", "lost twice")},
        **{f"panel {act}": [("panel", act)] for act in ("authorize", "cancel", "withdraw", "top_up")},
        **{f"person: {act}": [("person", act)] for act in ("permit", "top up", "release", "resolve ended")},
        "a twin that is refused": [("twin", "refused")],
        "other payments under the same name": [("changed", "refused")],
    }
    return sorted(name for name, ways in wanted.items() if not any(reached[way] for way in ways))
