"""The states of a batch, and what may follow what: the one table that the ledger goes by."""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """How far a batch has come, as the ledger knows it."""

    #: It is in the ledger, and iyzico was not asked yet.
    NEW = "new"
    #: iyzico is being told about it; nothing can be paid by that.
    INIT_SENT = "init_sent"
    #: iyzico was told, and its answer was not seen.
    INIT_UNKNOWN = "init_unknown"
    #: iyzico refused the whole batch; it may be corrected and sent again.
    REFUSED = "refused"
    #: iyzico knows the batch, and nothing is paid yet.
    INITIATED = "initiated"
    #: iyzico is being told to pay.
    AUTH_SENT = "auth_sent"
    #: iyzico was told to pay, and nobody knows whether it does.
    AUTH_UNKNOWN = "auth_unknown"
    #: iyzico pays.
    AUTHORIZED = "authorized"
    #: Every item is accounted for.
    ENDED = "ended"
    #: iyzico is being told not to pay.
    CANCEL_SENT = "cancel_sent"
    #: iyzico was told not to pay, and its answer was not seen.
    CANCEL_UNKNOWN = "cancel_unknown"
    #: iyzico confirmed that it will not pay.
    CANCELLED = "cancelled"


#: Which states may follow a state. The ledger refuses every other step.
TRANSITIONS: dict[State, frozenset[State]] = {
    State.NEW: frozenset({State.INIT_SENT}),
    State.INIT_SENT: frozenset({State.INITIATED, State.INIT_UNKNOWN, State.REFUSED}),
    # The last: somebody did it in iyzico's panel, and a person says that it was this batch.
    State.INIT_UNKNOWN: frozenset({State.INITIATED, State.NEW, State.CANCELLED}),
    State.REFUSED: frozenset({State.INIT_SENT}),
    # The last two: somebody did it in iyzico's panel.
    State.INITIATED: frozenset({State.AUTH_SENT, State.CANCEL_SENT, State.AUTHORIZED, State.CANCELLED}),
    # Back to initiated: iyzico refused.
    State.AUTH_SENT: frozenset({State.AUTHORIZED, State.AUTH_UNKNOWN, State.INITIATED, State.CANCELLED}),
    State.AUTH_UNKNOWN: frozenset({State.AUTHORIZED, State.INITIATED, State.CANCELLED, State.CANCEL_SENT}),
    State.AUTHORIZED: frozenset({State.ENDED}),
    # A payment bounced, or one that failed was paid after all.
    State.ENDED: frozenset({State.AUTHORIZED}),
    State.CANCEL_SENT: frozenset({State.CANCELLED, State.INITIATED, State.AUTHORIZED, State.CANCEL_UNKNOWN}),
    State.CANCEL_UNKNOWN: frozenset({State.CANCELLED, State.INITIATED, State.AUTHORIZED}),
    # An authorization that went unanswered arrived after the cancel.
    State.CANCELLED: frozenset({State.AUTHORIZED}),
}

#: What an intent becomes when its sender never says what came of it.
UNANSWERED = {
    State.INIT_SENT: State.INIT_UNKNOWN,
    State.AUTH_SENT: State.AUTH_UNKNOWN,
    State.CANCEL_SENT: State.CANCEL_UNKNOWN,
}
#: An intent is committed, and its answer is not: a request may be under way.
SENT = frozenset(UNANSWERED)
#: Only reading iyzico tells what became of the batch.
UNKNOWN = frozenset(UNANSWERED.values())
#: iyzico may have been told to pay: neither time nor a person's release ends the hold of such a batch.
MAY_BE_PAYING = frozenset({State.AUTH_SENT, State.AUTH_UNKNOWN, State.AUTHORIZED})
#: The gate of such a batch opens without a hold: the payout went on before.
PAST_THE_GATE = MAY_BE_PAYING | {State.ENDED}
#: Nothing is paid yet, and it may still be: another batch of the same payments would pay them twice.
MAY_STILL_PAY = SENT | UNKNOWN | {State.INITIATED}
#: A hold may be placed for such a batch.
CAN_BE_HELD_FOR = frozenset({State.INITIATED})


def may_follow(before: State, after: State) -> bool:
    """Tell whether the ledger takes that step."""
    return after in TRANSITIONS[before]
