"""Reads of a batch that iyzico knows: what iyzico says is kept, and judged by the batch and all its items."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from airflow_provider_iyzico.domain.payout import State
from airflow_provider_iyzico.domain.progress import LULL, has_stopped, is_under_way
from airflow_provider_iyzico.domain.reads import Says, says
from airflow_provider_iyzico.errors import (
    IyzicoAnswerError,
    IyzicoError,
    IyzicoNoSuchPayoutError,
    IyzicoUnavailableError,
    LedgerBatchError,
    LedgerMovedError,
)
from airflow_provider_iyzico.ledger.items import item_states
from airflow_provider_iyzico.ledger.questions import makes_payments_of, may_be_set_off, unread_holders
from airflow_provider_iyzico.ledger.reading import note_nothing, record, with_items_left_out
from airflow_provider_iyzico.ledger.steps import step

if TYPE_CHECKING:
    from airflow_provider_iyzico.api.payout import MassPayout
    from airflow_provider_iyzico.ledger.batches import LedgerBatch
    from airflow_provider_iyzico.payouts.means import Means

#: So many holders a blocked gate reads at most in one poll.
_HOLDERS = 10
#: So many items that iyzico does not list are read at most, where a batch keeps others waiting.
_LEFT_OUT = 20
#: What others may have done with a batch in that state.
_BY_OTHERS = {State.INITIATED: (Says.CANCELLED, Says.PAYING), State.CANCELLED: (Says.PAYING,)}
log = logging.getLogger(__name__)


def read(means: Means, batch: LedgerBatch, *, most: int | None = None) -> MassPayout:
    """Read a batch that iyzico knows, by its ``request_id``.

    :param most: so many of the items that iyzico does not list are read at most, because others wait for this read
    :raises LedgerBatchError: iyzico no longer knows it
    :raises IyzicoError: it cannot be read
    """

    def seconds_left() -> float | None:
        return None if means.ends_at is None else means.ends_at - means.clock()

    try:
        found = means.iyzico.retrieve_mass_payout(request_id=batch.request_id, within_seconds=seconds_left())
    except IyzicoNoSuchPayoutError as error:
        raise LedgerBatchError(
            f"iyzico knew {batch} as {batch.request_id!r}, and no longer does ({error}); ask iyzico before you go on"
        ) from error
    read_item = means.iyzico.retrieve_mass_payout_item
    return with_items_left_out(means.ledger, batch, found, lambda code: read_item(code, within_seconds=seconds_left()), most=most)


def seen(means: Means, batch: LedgerBatch, *, most: int | None = None) -> tuple[LedgerBatch, Says]:
    """Read a batch, as :func:`read` does, keep what iyzico says of it, and judge that."""
    found = read(means, batch, most=most)
    return record(means.ledger, batch, found, means.who, settling_seconds=means.settling_seconds), says(found)


def seen_twice(means: Means, batch: LedgerBatch) -> tuple[LedgerBatch, Says]:
    """Read a batch until it is clear what iyzico says of it; that nothing is paid yet takes two reads."""

    def once() -> Says:
        nonlocal batch
        batch, said = seen(means, batch)
        return said

    said = twice(means, once)
    return batch, said


def read_what_may_be_set_off(means: Means, *, before: LedgerBatch | None = None) -> None:
    """Read the batches that may be paid although nothing shows it yet, before others take their money or make their payments.

    One that iyzico never shows as it documents keeps nobody from being paid, unless its payments are those of ``before``.

    :param before: the batch that is to be authorized
    :raises LedgerBatchError: the payments of ``before`` may have been made under another name, and reading does not tell
    :raises IyzicoError: one cannot be read now
    """
    _read_each(means, may_be_set_off(means.ledger, means.account, before), before)


def read_unread_holders(means: Means, *, seconds: float) -> bool:
    """Read some of the batches whose holds keep others waiting, and that nobody has read for so long.

    :return: whether one of them moved, so that its hold may have shrunk
    """
    try:
        return _read_each(means, unread_holders(means.ledger, means.account, seconds=seconds)[:_HOLDERS])
    except IyzicoError as error:  # those who wait for this one's balance are not worse off than before
        log.warning("%s", error)
        return False


def _read_each(means: Means, batches: list[LedgerBatch], before: LedgerBatch | None = None) -> bool:
    has_moved = False
    for batch in batches:
        is_twin = before is not None and makes_payments_of(means.ledger, batch, before)
        is_recent = batch.seen_at - batch.changed_at <= LULL
        try:
            now, said = seen(means, batch, most=_LEFT_OUT)
            if said in _BY_OTHERS.get(batch.state, ()):
                step_by_others(means, now, said)
                has_moved = True
            has_moved |= now.version != batch.version
        except LedgerMovedError:
            if is_twin:
                raise
            has_moved = True  # somebody else has just read it
        except (LedgerBatchError, IyzicoAnswerError) as error:
            if is_twin:
                if not _is_forgotten(means, batch, error, takes_two=is_recent):
                    raise LedgerBatchError(
                        f"{batch} has payments of {before}, and iyzico may still make them, but {batch} cannot be read: "
                        f"{error}. The payments could be made twice, so nothing was sent. Ask iyzico what became of {batch}"
                    ) from error
                note_nothing(means.ledger, batch, means.who)
            log.warning("%s cannot be read: %s", batch, error)  # MassPayoutReconcileOperator fails by it; others may be paid
        else:
            if is_twin and is_recent and now.state is State.ENDED and _is_paying(means, now):
                raise LedgerBatchError(
                    f"a person ended {batch}, but iyzico says that it is {now.iyzico_status}, with items under way, and its "
                    f"payments are those of {before}. They could be made twice, so nothing was sent. Wait until iyzico has paid "
                    f"or returned them; if it never will, wait until nothing of that batch has changed for {LULL.days} days, or "
                    "give the items another item_external_id"
                )
    return has_moved


def _is_paying(means: Means, batch: LedgerBatch) -> bool:
    """Tell whether items of a batch that was just read are under way, and iyzico does not say that it has stopped."""
    statuses = {item.status for item in item_states(means.ledger, batch)}
    return is_under_way(statuses) and not has_stopped(batch.iyzico_status or "", statuses)


def _is_forgotten(means: Means, batch: LedgerBatch, error: IyzicoError, *, takes_two: bool) -> bool:
    """Tell whether reads find nothing of a batch: what iyzico has forgotten, it does not pay.

    :raises LedgerMovedError: the second one finds it
    """
    found_nothing = isinstance(error.__cause__, IyzicoNoSuchPayoutError)
    if not (found_nothing and takes_two):
        return found_nothing
    means.pause(means.grace_seconds)
    try:
        read(means, batch)
    except LedgerBatchError as again:
        return isinstance(again.__cause__, IyzicoNoSuchPayoutError)
    raise LedgerMovedError(f"iyzico did not find {batch} in one read, and did in the next")


def twice(means: Means, once: Callable[[], Says]) -> Says:
    """Return what a read says, or a second one ``grace_seconds`` later where the first is not enough.

    Only two reads say that nothing is paid yet. A read that contradicts itself is not enough either: one of iyzico's words may
    lag behind another.
    """
    first = once()
    if first not in (Says.INIT, Says.UNCLEAR):
        return first
    means.pause(means.grace_seconds)
    second = once()
    return Says.UNCLEAR if second is Says.INIT and first is not Says.INIT else second


def step_by_others(means: Means, batch: LedgerBatch, said: Says) -> None:
    """Take the step that iyzico shows to be done: somebody authorized or cancelled the batch, or our request got through.

    :raises IyzicoUnavailableError: what iyzico says is not clear; nothing was sent
    """
    shown = f"iyzico shows it as {batch.iyzico_status}"
    if said is Says.CANCELLED:
        step(means.ledger, batch, State.CANCELLED, means.who, reason=shown)
    elif said is Says.PAYING:
        step(means.ledger, batch, State.AUTHORIZED, means.who, reason=shown, settling_seconds=means.settling_seconds)
        if batch.state is State.CANCELLED:
            log.error("%s was cancelled, but iyzico pays it anyway; its money is set aside", batch)
    else:
        raise IyzicoUnavailableError(
            f"iyzico says that {batch} is {batch.iyzico_status!r}, but its items contradict that, or a status is not documented. "
            "Nothing was sent; a retry reads the batch again, and is safe"
        )
