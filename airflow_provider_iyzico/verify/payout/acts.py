"""What acts do: each function judges one assumption about init, auth, cancel and the money."""

from __future__ import annotations

from decimal import Decimal

from airflow_provider_iyzico.api.envelope import DOCUMENTED_CODES
from airflow_provider_iyzico.api.money import add, subtract
from airflow_provider_iyzico.api.payout import Item, MassPayout
from airflow_provider_iyzico.api.payout.statuses import BatchMeaning, ItemMeaning, batch_meaning, item_meaning
from airflow_provider_iyzico.verify.finding import Finding
from airflow_provider_iyzico.verify.observation import Observation
from airflow_provider_iyzico.verify.payout.seen import (
    Seen,
    Step,
    confirmed,
    differs,
    not_settled,
    of_a_batch,
    unread,
)

#: Acts that iyzico may refuse, and reads that show whether it did something all the same.
_ACTS = (
    Step.UNKNOWN_ID,
    Step.FIRST_INIT,
    Step.SAME_NAME,
    Step.SECOND_INIT,
    Step.CANCEL,
    Step.CANCEL_OBJECT,
    Step.CANCEL_AGAIN,
    Step.AUTH,
    Step.AUTH_AGAIN,
    Step.CANCEL_LATE,
    Step.AUTH_CANCELLED,
)
_ZERO = Decimal(0)


def same_name(seen: Seen) -> str:
    """Say what became of a second init that was accepted."""
    first, again = (seen[step].value for step in (Step.FIRST_INIT, Step.SAME_NAME))
    if again is None or again.request_id is None:
        return f"accepted, without a batch: {unread(seen[Step.SAME_NAME])}"
    return (
        "accepted, with the requestId of the first batch" if again.request_id == first.request_id else "accepted, as a new batch"
    )


@of_a_batch(Step.NAMED_AGAIN)
def which_of_two(one: Observation, payout: MassPayout, seen: Seen) -> Finding:
    if not seen[Step.SAME_NAME].is_accepted or not same_name(seen).endswith("new batch"):
        return not_settled("only one batch had the name")
    first = {item.reference_code for _, payout in seen.batches(Step.FIRST_READ) for item in payout.items}
    if None in first or not first:
        return not_settled("items have no referenceCode by which to tell them")
    found = {item.reference_code for item in payout.items}
    return differs("the oldest") if found == first else confirmed("the newest")


def item_ids(seen: Seen) -> Finding:
    first, second = seen[Step.FIRST_INIT], seen[Step.SECOND_INIT]
    if first.value is None or first.value.invalid or second.value is None:
        return not_settled(unread(second) if second.value is None else "the first batch had invalid items, too")
    if not second.value.invalid:
        return confirmed("accepted in a second batch")
    renamed = seen[Step.RENAMED_INIT].value if Step.RENAMED_INIT in seen else None
    if renamed is not None and not renamed.invalid:
        return differs(f"{len(second.value.invalid)} item(s) invalid, and none under other ids")
    return not_settled("items were invalid, under other ids as well")


def cancel_body(seen: Seen) -> Finding:
    one = seen[Step.CANCEL]
    if one.is_accepted:
        return confirmed("accepted")
    if Step.CANCEL_OBJECT in seen and seen[Step.CANCEL_OBJECT].is_accepted:
        return differs(f"{one.said}; accepted with the body {{}}")
    return not_settled(one.said)


def refusals(seen: Seen) -> Finding:
    told = [(step, one) for step, one in seen.made if step in _ACTS and one.is_refused]
    said = "; ".join(dict.fromkeys(f"{step}: {one.said}" for step, one in told))
    documented = {step for step, one in told if one.refusal[1] in DOCUMENTED_CODES}
    if not told:
        return not_settled("nothing was refused")
    if not documented:
        return not_settled(f"iyzico refused with other codes only: {said}")
    is_cancelled = _status(seen, Step.CANCELLED_READ) is BatchMeaning.CANCELLED
    if Step.CANCEL in documented and is_cancelled and not seen[Step.CANCEL_OBJECT].is_accepted:
        return differs(f"the batch was cancelled although iyzico refused: {said}")
    if Step.AUTH_CANCELLED in documented and _status(seen, Step.AUTH_CANCELLED_READ) not in (None, BatchMeaning.CANCELLED):
        return differs(f"the batch was authorized although iyzico refused: {said}")
    if Step.CANCEL_LATE in documented and _was_stopped(seen):
        return differs(f"the batch was cancelled although iyzico refused: {said}")
    return confirmed(f"no refused request was seen to be carried out: {said}")


def authorized_cancelled(seen: Seen) -> str:
    pages = [payout for _, payout in seen.batches(Step.AUTH_CANCELLED_READ)]
    still = bool(pages) and batch_meaning(pages[-1].status) is BatchMeaning.CANCELLED
    return f"accepted; the batch is {'still' if still else 'no longer'} cancelled"


def paid_again(seen: Seen) -> str:
    drop = _drop(seen, Step.BALANCE_AFTER)
    if drop is None:
        return "accepted; the balance was not read to the end"
    return f"accepted; the balance fell by {'more than' if drop > _needed(seen) else 'no more than'} what paying once takes"


def stopped(seen: Seen) -> str:
    return f"accepted; items were {'' if _was_stopped(seen) else 'not '}cancelled"


def balance_drops(seen: Seen) -> Finding:
    at_once, after = _drop(seen, Step.BALANCE_AT_ONCE), _drop(seen, Step.BALANCE_AFTER)
    if at_once is None or (at_once <= _ZERO and (after is None or after <= _ZERO)):
        return not_settled("the balance was not seen to fall")
    return confirmed("lower just after the authorization") if at_once > _ZERO else differs("lower only later")


@of_a_batch(Step.FOLLOWED)
def queue(one: Observation, payout: MassPayout, seen: Seen) -> Finding:
    words = [item.status for _, each in seen.batches(Step.FOLLOWED) for item in each.items[:1]]
    if not {"QUEUED", "PROCESSING"} <= set(words):
        return not_settled("an item was not seen both QUEUED and PROCESSING")
    is_before = words.index("QUEUED") < words.index("PROCESSING")
    return confirmed("QUEUED, then PROCESSING") if is_before else differs("PROCESSING, then QUEUED")


@of_a_batch(Step.CANCELLED_READ)
def cancelled_items(one: Observation, payout: MassPayout, seen: Seen) -> Finding:
    if batch_meaning(payout.status) is not BatchMeaning.CANCELLED:
        return not_settled("no batch was seen cancelled")
    is_whole = len(payout.items) == len(seen.batch.items)
    return confirmed("cancelled items are listed as VALID") if is_whole else differs("cancelled items are not listed as VALID")


@of_a_batch(Step.SECOND_READ)
def commission_shown(one: Observation, payout: MassPayout, seen: Seen) -> Finding:
    before = [item.commission_amount for item in payout.items]
    after = [item.commission_amount or _ZERO for item in _paid(seen)]
    if None in before:
        return differs("an item has none before it is paid")
    if any(before):
        return confirmed("an item has one before it is authorized")
    if any(after):
        return differs("0 before an item is paid, more after")
    return not_settled("0 throughout" if after else "0 before, and no paid item was seen")


@of_a_batch(Step.SECOND_READ)
def commission_total(one: Observation, payout: MassPayout, seen: Seen) -> Finding:
    if not any(item.commission_amount for item in payout.items) or payout.commission_amount is None:
        return not_settled("no commission is stated before the batch is authorized")
    return differs("that of all valid items") if payout.commission_amount else confirmed("0 before an item is paid")


def commission_taken(seen: Seen) -> Finding:
    drop, paid = _drop(seen, Step.BALANCE_AFTER), _paid(seen)
    if len(paid) != len(seen.batch.items) or drop is None or seen.last(Step.FOLLOWED).value is None:
        return not_settled("not all items were seen paid")
    if Step.AUTH_AGAIN in seen and not seen[Step.AUTH_AGAIN].is_refused:
        return not_settled("a second authorization may have taken money, too")
    stated = sum((item.commission_amount or _ZERO for item in paid), _ZERO)
    if drop == add(seen.batch.total, stated):
        return confirmed(f"the balance fell by the amounts and the commission, which is {'more than 0' if stated else '0'}")
    without = "the amounts, without the commission" if drop == seen.batch.total else "something else than amounts and commission"
    return differs(f"the balance fell by {without}; if money moved on the account meanwhile, this tells nothing")


def _drop(seen: Seen, step: Step) -> Decimal | None:
    """Return by how much the balance is lower than before the authorization."""
    if Step.BALANCE_BEFORE not in seen or step not in seen:
        return None
    before, after = seen[Step.BALANCE_BEFORE].value, seen[step].value
    return None if before is None or after is None else subtract(before.amount, after.amount)


def _needed(seen: Seen) -> Decimal:
    commissions = [item.commission_amount or _ZERO for item in seen.last(Step.FOLLOWED).value.payout.items]
    return sum(commissions, seen.batch.total)


def _paid(seen: Seen) -> list[Item]:
    read = [payout for _, payout in seen.batches(Step.FOLLOWED)]
    return [item for item in (read[-1].items if read else ()) if item_meaning(item.status) is ItemMeaning.PAID]


def _was_stopped(seen: Seen) -> bool:
    return any(item.status == "MASS_PAYOUT_CANCELED" for _, payout in seen.batches(Step.FOLLOWED) for item in payout.items)


def _status(seen: Seen, step: Step) -> BatchMeaning | None:
    read = [payout for _, payout in seen.batches(step)]
    return batch_meaning(read[-1].status) if read else None
