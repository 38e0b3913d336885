"""Sends one request after the other, keeps what came back, and cancels what was handed over and not authorized."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from airflow_provider_iyzico.api.call import Call
from airflow_provider_iyzico.api.envelope import Answer, has_refused
from airflow_provider_iyzico.api.payout import Batch, MassPayout
from airflow_provider_iyzico.api.payout.calls import cancel_call, init_call, page_call
from airflow_provider_iyzico.api.payout.fields import without_recipients
from airflow_provider_iyzico.api.payout.retrieved import Page
from airflow_provider_iyzico.api.payout.statuses import BatchMeaning, batch_meaning
from airflow_provider_iyzico.errors import (
    IyzicoAnswerError,
    IyzicoError,
    IyzicoNoSuchPayoutError,
    IyzicoOutcomeUnknownError,
    PaymentsError,
    restated,
)
from airflow_provider_iyzico.hooks.iyzico import IyzicoHook
from airflow_provider_iyzico.verify import observation
from airflow_provider_iyzico.verify.observation import Observation, observe
from airflow_provider_iyzico.verify.payout.consent import Person
from airflow_provider_iyzico.verify.payout.seen import Step

#: A batch that was just handed over or cancelled is read so often, because reads may lag.
READINGS = 10


@dataclass(slots=True)
class Handed:
    """A batch that iyzico may have.

    :param invalid: how many of its items iyzico refuses to pay
    :param is_settled: it is authorized or cancelled, or was never stored
    """

    batch: Batch
    request_id: str | None = None
    invalid: int = 0
    is_settled: bool = False

    def required_id(self) -> str:
        """Return its requestId.

        :raises PaymentsError: iyzico refused it as a whole
        """
        if self.request_id is None:
            raise PaymentsError(f"iyzico took no batch; it calls {self.invalid} payment(s) invalid. Correct the file")
        return self.request_id


class Desk:
    """What the walk does with a batch.

    :param batch: whose recipients no word of an answer may show
    :ivar made: each step with its answer, in their order
    """

    def __init__(self, hook: IyzicoHook, person: Person, batch: Batch) -> None:
        self._recipients = tuple(batch.recipients)
        self.hook, self.person, self.locale = hook, person, hook.settings.locale
        self.made: list[tuple[Step, Observation]] = []
        self.handed: list[Handed] = []

    def ask(self, step: Step, call: Call[Any]) -> Observation:
        """Send one request, once. A refusal is an answer like another.

        :raises IyzicoError: nothing came back, iyzico refused the keys, or it asks to come back later
        """
        if self.made:
            observation.pause()
        self.person.tell(f"- {step}")
        observing: Call[Observation] = replace(call, read=partial(self._observe, read=call.read))
        one = self.hook.run(observing, attempts=1)
        self.made.append((step, one))
        if one.is_unwelcome and one.error is not None:
            raise _problem(step, call, one.error)
        return one

    def must(self, step: Step, call: Call[Any]) -> Observation:
        """Send one request that has to succeed.

        :raises IyzicoError: it did not; with an init or auth that iyzico may have carried out, its outcome is unknown
        """
        one = self.ask(step, call)
        if one.error is not None:
            raise _problem(step, call, one.error)
        return one

    def page(self, request_id: str, item_type: str = "VALID") -> Call[Page]:
        return page_call(self.locale, item_type=item_type, page=0, request_id=request_id)

    def named(self, external_id: str) -> Call[Page]:
        return page_call(self.locale, item_type="VALID", page=0, external_id=external_id)

    def hand_over(self, step: Step, batch: Batch) -> Handed:
        """Hand a batch over. From now on it is cancelled in the end, unless it is authorized.

        :raises IyzicoError: iyzico did not take it
        """
        handed = Handed(batch)
        self.handed.append(handed)
        call = init_call(batch, self.locale)
        one = self.ask(step, call)
        if one.error is not None:
            handed.is_settled = has_refused(one.error)
            raise _problem(step, call, one.error)
        handed.request_id, handed.invalid = one.value.request_id, len(one.value.invalid)
        handed.is_settled = handed.request_id is None
        return handed

    def hand_over_again(self, step: Step, first: Handed) -> None:
        """Hand a batch over under a name that iyzico knows. Whether it is refused is what we want to know."""
        handed = Handed(first.batch)
        self.handed.append(handed)
        one = self.ask(step, init_call(first.batch, self.locale))
        handed.request_id = None if one.value is None else one.value.request_id
        handed.is_settled = one.is_refused or handed.request_id == first.request_id

    def read(self, step: Step, request_id: str, is_enough: Callable[[MassPayout], bool] = lambda payout: True) -> MassPayout:
        """Read a batch, again and again for a while if reads lag.

        :raises IyzicoError: it cannot be read
        """
        return self._patiently(step, self.page(request_id), is_enough)

    def cancel(self, handed: Handed) -> None:
        """Cancel a batch that is not authorized.

        :raises IyzicoError: it was not seen cancelled
        """
        if handed.request_id is None:
            handed.request_id = self._looked_up(handed.batch.external_id)
        if handed.request_id is not None:
            call = cancel_call(handed.request_id, self.locale)
            if self.ask(Step.CANCEL, call).is_refused:
                self.ask(Step.CANCEL_OBJECT, replace(call, body=b"{}"))
            payout = self.read(Step.CANCELLED_READ, handed.request_id, _is_cancelled)
            if not _is_cancelled(payout):
                raise IyzicoAnswerError("iyzico does not call it cancelled")
        handed.is_settled = True

    def _observe(self, answer: Answer, read: Callable[[Answer], Any]) -> Observation:
        return observe(without_recipients(answer, self._recipients), read)

    def _looked_up(self, external_id: str) -> str | None:
        """Return the requestId of a batch whose init was not answered; nothing if there is no such batch."""
        try:
            payout = self._patiently(Step.LOOK_UP, self.named(external_id), lambda payout: True)
        except IyzicoNoSuchPayoutError:
            return None
        if payout.request_id is None:
            raise IyzicoAnswerError("init was not answered, and iyzico's items do not name their batch")
        return payout.request_id

    def _patiently(self, step: Step, call: Call[Page], is_enough: Callable[[MassPayout], bool]) -> MassPayout:
        error: IyzicoError | None = None
        for _ in range(READINGS):
            one = self.ask(step, call)
            error = one.error
            if error is not None and not isinstance(error, IyzicoNoSuchPayoutError):
                break
            if error is None and is_enough(one.value.payout):
                break
        if error is not None:
            raise restated(error)
        payout: MassPayout = one.value.payout
        return payout


def _problem(step: Step, call: Call[Any], error: IyzicoError) -> IyzicoError:
    """Return the error that a request without success means: only what iyzico refuses by a documented code did nothing."""
    if call.is_read or has_refused(error):
        return restated(error)
    return IyzicoOutcomeUnknownError(f"{error}; nobody knows whether iyzico did this: {step}")


def _is_cancelled(payout: MassPayout) -> bool:
    return batch_meaning(payout.status) is BatchMeaning.CANCELLED
