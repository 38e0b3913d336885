"""The walk: what is asked of iyzico, in its order, each step that moves money after the person agreed to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from functools import partial
from secrets import token_hex
from uuid import uuid4

from airflow_provider_iyzico.api.balance import balance_call
from airflow_provider_iyzico.api.money import add, money_text
from airflow_provider_iyzico.api.payout import Batch, MassPayout
from airflow_provider_iyzico.api.payout.calls import auth_call, cancel_call, item_call
from airflow_provider_iyzico.api.payout.statuses import INIT, ItemMeaning, item_meaning
from airflow_provider_iyzico.errors import (
    IyzicoAnswerError,
    IyzicoError,
    IyzicoUnexpectedError,
    PaymentsError,
    restated,
    unexpected,
)
from airflow_provider_iyzico.hooks.iyzico import IyzicoHook
from airflow_provider_iyzico.verify import observation
from airflow_provider_iyzico.verify.payout.consent import Leave, Person
from airflow_provider_iyzico.verify.payout.desk import Desk, Handed
from airflow_provider_iyzico.verify.payout.seen import Seen, Step

#: The pause between two reads of a batch that is followed.
FOLLOW_SECONDS = 5.0
#: The pause before the last balance if iyzico accepted a second authorization, whose payments no answer may show.
SECOND_SECONDS = 60.0
_ENDED = (ItemMeaning.PAID, ItemMeaning.NOT_PAID, ItemMeaning.NEEDS_A_PERSON)


class Walk:
    """Takes the steps that the person agrees to, and keeps what came back.

    :param batch: the payments; they go out under names and item ids of the walk's own
    :param follow_seconds: how long an authorized batch is followed
    :ivar answers: how many requests were answered before the walk ended and batches were cancelled
    """

    def __init__(self, hook: IyzicoHook, person: Person, batch: Batch, follow_seconds: float) -> None:
        self.person, self.desk = person, Desk(hook, person, batch)
        self.name = f"verify-{token_hex(6)}"
        self.batch = self._renamed(batch, 1, 1)
        self.answers = 0
        self.rounds = max(1, round(follow_seconds / FOLLOW_SECONDS))
        self.paid = f"{len(batch.items)} payment(s), {money_text(batch.total)} {batch.currency} together"

    @property
    def seen(self) -> Seen:
        return Seen(self.batch, tuple(self.desk.made))

    def go(self) -> IyzicoError | None:
        """Take all steps. Return why the walk ended early, if it did.

        However it ends, each batch that was handed over and not authorized is cancelled. Where that fails, the person is told.
        """
        problem = _tried(self._steps)
        self.answers = len(self.desk.made)
        for handed in self.desk.handed:
            if not handed.is_settled and (failed := _tried(partial(self.desk.cancel, handed))) is not None:
                self.person.tell(
                    f"Batch {handed.batch.external_id!r} is not confirmed as cancelled: {failed}. Look for it in iyzico's panel, "
                    "and cancel it there if it is not authorized"
                )
                problem = problem or failed
        return problem

    def _steps(self) -> None:
        desk, lets = self.desk, self.person.lets
        desk.must(Step.BALANCE, balance_call(desk.locale))
        desk.ask(Step.UNUSED_NAME, desk.named(f"{self.name}-none"))
        desk.ask(Step.UNKNOWN_ID, cancel_call(str(uuid4()), desk.locale))
        cancelled = None
        twice = "twice with the same externalId, read it, and cancel it twice. Nothing is paid."
        if lets(Leave.PAY, f"Hand over a batch of {self.paid}, {twice}"):
            cancelled = self._cancelled_batch()
        if lets(Leave.PAY, f"Hand over a batch of {self.paid}, and read it. It is cancelled, unless you then agree to pay it."):
            self._paid_batch()
        refuses = "to see whether iyzico refuses. If not, iyzico pays"
        if cancelled is not None and lets(Leave.RISK, f"Authorize the cancelled batch, {refuses} {self.paid}, and commission."):
            desk.ask(Step.AUTH_CANCELLED, auth_call(cancelled, desk.locale))
            desk.ask(Step.AUTH_CANCELLED_READ, desk.page(cancelled))

    def _cancelled_batch(self) -> str:
        """Hand a batch over, read it and cancel it. Return its requestId."""
        desk = self.desk
        handed = desk.hand_over(Step.FIRST_INIT, self.batch)
        request_id, by_name = handed.required_id(), desk.named(self.batch.external_id)
        desk.ask(Step.NAMED_READ, by_name)
        payout = desk.read(Step.FIRST_READ, request_id)
        desk.ask(Step.INVALID_READ, desk.page(request_id, "INVALID"))
        usual = desk.page(request_id)
        desk.ask(Step.UNTYPED_READ, replace(usual, body=usual.body.replace(b'"itemType":"VALID",', b"")))
        if payout.items and payout.items[0].reference_code:
            desk.ask(Step.ITEM, item_call(payout.items[0].reference_code, desk.locale))
        desk.hand_over_again(Step.SAME_NAME, handed)
        desk.ask(Step.NAMED_AGAIN, by_name)
        desk.cancel(handed)
        desk.ask(Step.CANCEL_AGAIN, cancel_call(request_id, desk.locale))
        return request_id

    def _paid_batch(self) -> None:
        """Hand a batch over, and pay it if the person agrees."""
        desk, lets = self.desk, self.person.lets
        handed = self._payable()
        request_id = handed.required_id()
        payout = desk.read(Step.SECOND_READ, request_id)
        _check_same(payout, handed.batch)
        needed = handed.batch.total
        for item in payout.items:
            needed = add(needed, item.commission_amount or Decimal(0))
        if desk.must(Step.BALANCE_BEFORE, balance_call(desk.locale)).value.amount < needed:
            raise PaymentsError("the balance does not cover the batch and its commission; top it up, or give smaller payments")
        if not lets(Leave.PAY, f"Authorize the batch. This pays {self.paid}, and commission."):
            return
        desk.must(Step.AUTH, auth_call(request_id, desk.locale))
        handed.is_settled = True
        desk.ask(Step.BALANCE_AT_ONCE, balance_call(desk.locale))
        desk.ask(Step.FOLLOWED, desk.page(request_id))
        refuses = "to see whether iyzico refuses. If not,"
        if lets(Leave.RISK, f"Authorize the batch a second time, {refuses} iyzico may pay {self.paid}, once more."):
            desk.ask(Step.AUTH_AGAIN, auth_call(request_id, desk.locale))
        if lets(Leave.RISK, f"Cancel the authorized batch, {refuses} some payments may not be made."):
            desk.ask(Step.CANCEL_LATE, cancel_call(request_id, desk.locale))
        self._follow(request_id)

    def _payable(self) -> Handed:
        """Hand a batch over without an item that iyzico calls invalid, with other item ids if those of the first one are why."""
        handed = self.desk.hand_over(Step.SECOND_INIT, self._renamed(self.batch, 2, 1))
        if handed.invalid:
            if not handed.is_settled:
                self.desk.cancel(handed)
            handed = self.desk.hand_over(Step.RENAMED_INIT, self._renamed(self.batch, 3, 3))
        if handed.invalid:
            raise PaymentsError(f"iyzico calls {handed.invalid} payment(s) invalid; correct the file")
        return handed

    def _follow(self, request_id: str) -> None:
        for _ in range(self.rounds):
            payout = self.desk.must(Step.FOLLOWED, self.desk.page(request_id)).value.payout
            if len(payout.items) == len(self.batch.items) and all(item_meaning(item.status) in _ENDED for item in payout.items):
                break
            observation.pause(FOLLOW_SECONDS)
        if Step.AUTH_AGAIN in self.seen and self.seen[Step.AUTH_AGAIN].is_accepted:
            observation.pause(SECOND_SECONDS)
        self.desk.ask(Step.BALANCE_AFTER, balance_call(self.desk.locale))

    def _renamed(self, batch: Batch, number: int, items_of: int) -> Batch:
        """Return the batch under a name of its own, with the item ids of that batch."""
        items = (
            replace(item, item_external_id=f"{self.name}-{items_of}-item-{place}") for place, item in enumerate(batch.items, 1)
        )
        return replace(batch, external_id=f"{self.name}-{number}", items=tuple(items))


def _tried(act: Callable[[], object]) -> IyzicoError | None:
    """Do something, and return the error instead of raising it, because batches are cancelled all the same."""
    try:
        act()
    except IyzicoError as error:
        return restated(error)
    except KeyboardInterrupt:
        return IyzicoUnexpectedError("somebody stopped the command")
    except Exception as error:  # noqa: BLE001 - as the docstring says
        return unexpected(error)
    return None


def _check_same(payout: MassPayout, batch: Batch) -> None:
    """Refuse to pay anything else than what was handed over.

    :raises IyzicoAnswerError: iyzico has other items, amounts, currency or statuses
    """
    ours = {item.item_external_id: item.amount for item in batch.items}
    theirs = {item.item_external_id: item.total_amount for item in payout.items}
    is_init = all(status == INIT for status in (payout.status, *(item.status for item in payout.items)))
    if ours != theirs or len(payout.items) != len(ours) or not is_init or payout.currency not in (None, batch.currency):
        raise IyzicoAnswerError("iyzico shows the batch otherwise than it was handed over, so it is not paid; ask iyzico support")
