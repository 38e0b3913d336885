"""The steps of the walk, what came back from each, and an assumption as data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from airflow_provider_iyzico.api.payout import Batch, MassPayout
from airflow_provider_iyzico.api.payout.retrieved import Page
from airflow_provider_iyzico.verify.finding import Finding, Verdict
from airflow_provider_iyzico.verify.observation import Observation


class Step(StrEnum):
    """A request, as it is named on the screen before it is sent, and in the report."""

    BALANCE = "read the balance"
    UNUSED_NAME = "retrieve an externalId that was never used"
    UNKNOWN_ID = "cancel a requestId that iyzico never gave"
    FIRST_INIT = "hand a batch over"
    NAMED_READ = "retrieve it by its externalId"
    FIRST_READ = "retrieve it by its requestId"
    INVALID_READ = "retrieve its invalid items"
    UNTYPED_READ = "retrieve it without itemType"
    ITEM = "read one item by its referenceCode"
    SAME_NAME = "hand it over again under the same externalId"
    NAMED_AGAIN = "retrieve by that externalId"
    CANCEL = "cancel a batch that is not authorized"
    CANCEL_OBJECT = "cancel it with the body {}"
    LOOK_UP = "look for the batch by its externalId"
    CANCELLED_READ = "read the cancelled batch"
    CANCEL_AGAIN = "cancel the cancelled batch"
    SECOND_INIT = "hand the same payments over under another externalId"
    RENAMED_INIT = "hand them over with other item ids"
    SECOND_READ = "read the second batch"
    BALANCE_BEFORE = "read the balance before it is authorized"
    AUTH = "authorize the second batch"
    BALANCE_AT_ONCE = "read the balance just after"
    AUTH_AGAIN = "authorize it a second time"
    CANCEL_LATE = "cancel the authorized batch"
    FOLLOWED = "follow the authorized batch"
    BALANCE_AFTER = "read the balance after its end"
    AUTH_CANCELLED = "authorize the cancelled batch"
    AUTH_CANCELLED_READ = "read the cancelled batch after that"


@dataclass(frozen=True, slots=True)
class Seen:
    """Everything that came back, in its order.

    :param batch: the payments that were handed over
    """

    batch: Batch
    made: tuple[tuple[Step, Observation], ...]

    def __contains__(self, step: Step) -> bool:
        return any(each == step for each, _ in self.made)

    def __getitem__(self, step: Step) -> Observation:
        """Return the first answer of a step."""
        return next(one for each, one in self.made if each == step)

    def last(self, step: Step) -> Observation:
        return next(one for each, one in reversed(self.made) if each == step)

    def batches(self, *steps: Step) -> Iterator[tuple[Observation, MassPayout]]:
        """Return each batch that was read, with its answer; by default of all steps."""
        for step, one in self.made:
            if isinstance(one.value, Page) and (not steps or step in steps):
                yield one, one.value.payout


Judge = Callable[[Seen], Finding]


@dataclass(frozen=True, slots=True)
class Assumption:
    """What the package builds on, and how one batch settles it.

    :param steps: how it is observed: all of them are needed
    :param judge: a pure function from what was seen to a finding
    """

    text: str
    steps: tuple[Step, ...]
    judge: Judge

    def finding(self, seen: Seen) -> Finding:
        missing = [step for step in self.steps if step not in seen]
        if missing:
            return Finding(Verdict.NOT_ASKED, f"this step was not reached: {missing[0]}")
        return self.judge(seen)


def of_a_batch(step: Step) -> Callable[[Callable[[Observation, MassPayout, Seen], Finding]], Judge]:
    """Turn a function of a batch that was read into a judge."""

    def decorated(judge: Callable[[Observation, MassPayout, Seen], Finding]) -> Judge:
        def judged(seen: Seen) -> Finding:
            one = seen.last(step)
            if not isinstance(one.value, Page):
                return not_settled(f"{step}: {unread(one)}")
            return judge(one, one.value.payout, seen)

        return judged

    return decorated


def should_be_refused(step: Step, otherwise: Callable[[Seen], str] = lambda seen: "accepted") -> Judge:
    """Return the judge of a step that iyzico should refuse.

    :param otherwise: what is said where it is accepted
    """

    def judge(seen: Seen) -> Finding:
        one = seen[step]
        if one.is_accepted:
            return differs(otherwise(seen))
        return confirmed(one.said) if one.is_refused else not_settled(one.said)

    return judge


def items_of(one: Observation) -> list[Mapping[str, Any]]:
    """Return the items of a page as they are written."""
    listed = one.fields.get("massPayoutItems")
    items = listed.get("items") if isinstance(listed, dict) else None
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def unread(one: Observation) -> str:
    """Say what came instead of what the package reads."""
    return f"accepted, but not readable ({type(one.error).__name__})" if one.is_accepted else one.said


def confirmed(said: str) -> Finding:
    return Finding(Verdict.CONFIRMED, said)


def differs(said: str) -> Finding:
    return Finding(Verdict.DIFFERS, said)


def not_settled(said: str) -> Finding:
    return Finding(Verdict.NOT_SETTLED, said)
