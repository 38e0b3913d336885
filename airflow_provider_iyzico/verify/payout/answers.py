"""What answers look like: each function judges one assumption about how iyzico writes and finds batches."""

from __future__ import annotations

import re

from airflow_provider_iyzico.api.money import summed
from airflow_provider_iyzico.api.payout import MassPayout
from airflow_provider_iyzico.api.payout.fields import WIRE_ID
from airflow_provider_iyzico.api.payout.retrieved import Page
from airflow_provider_iyzico.api.payout.statuses import BATCH_STATUSES, ITEM_STATUSES
from airflow_provider_iyzico.errors import IyzicoNoSuchPayoutError
from airflow_provider_iyzico.verify.finding import Finding, form_of
from airflow_provider_iyzico.verify.observation import Number, Observation
from airflow_provider_iyzico.verify.payout.seen import (
    Seen,
    Step,
    confirmed,
    differs,
    items_of,
    not_settled,
    of_a_batch,
    unread,
)

_PAGING = ("page", "size", "total")
#: What a masked recipient shows at its end; X is a mask, too.
_END = re.compile(r"[A-WYZ0-9]*\Z")
#: What the documentation's own example shows: a merchantId that is no JSON.
_ZEROS = re.compile(rb'"merchantId"\s*:\s*0[0-9]')


def first_page(seen: Seen) -> Finding:
    one = seen.last(Step.FIRST_READ)
    if isinstance(one.error, IyzicoNoSuchPayoutError):
        return differs(f"page 0 of a batch that was handed over: {one.said}")
    if not isinstance(one.value, Page):
        return not_settled(unread(one))
    if len(one.value.payout.items) != len(seen.batch.items):
        return differs("page 0 does not hold all items")
    return confirmed("page 0 of size 40 holds all items")


@of_a_batch(Step.FIRST_READ)
def total(one: Observation, payout: MassPayout, seen: Seen) -> Finding:
    pages = [each.value for each in (one, seen[Step.INVALID_READ]) if isinstance(each.value, Page)]
    if any(page.total != len(page.payout.items) for page in pages):
        return differs("total counts more or fewer items than those of the itemType that was asked for")
    return confirmed(f"total is the number of items that were asked for, in {len(pages)} answer(s)")


@of_a_batch(Step.FIRST_READ)
def batch_total(one: Observation, payout: MassPayout, seen: Seen) -> Finding:
    if payout.total_amount == seen.batch.total:
        return confirmed("the sum of the items, without commission")
    most = summed([seen.batch.total, *filter(None, (item.commission_amount for item in payout.items))])
    is_more = payout.total_amount > most
    return (
        differs("more than the items with their commission") if is_more else confirmed("not the sum of the items, but not more")
    )


@of_a_batch(Step.FIRST_READ)
def kinds(one: Observation, payout: MassPayout, seen: Seen) -> Finding:
    invalid, item = seen[Step.INVALID_READ], seen[Step.ITEM]
    ours = {item.item_external_id for item in seen.batch.items}
    if {item.item_external_id for item in payout.items} != ours:
        return differs("the valid items are not all listed as VALID")
    if isinstance(invalid.value, Page) and invalid.value.payout.items:
        return differs("valid items are listed as INVALID, too")
    if item.error is not None:
        return differs(f"one item by its referenceCode: {unread(item)}")
    if not isinstance(invalid.value, Page) and not isinstance(invalid.error, IyzicoNoSuchPayoutError):
        return not_settled(f"{Step.INVALID_READ}: {unread(invalid)}")
    return confirmed("all valid items are listed as VALID, none as INVALID, and one was read by its referenceCode")


def nothing(seen: Seen) -> Finding:
    one = seen[Step.UNUSED_NAME]
    if isinstance(one.error, IyzicoNoSuchPayoutError):
        return confirmed(one.said)
    return differs(unread(one)) if one.is_refused or one.is_accepted else not_settled(one.said)


def nothing_found(seen: Seen) -> Finding:
    one = seen[Step.UNUSED_NAME]
    if one.is_accepted:
        return differs("accepted, with null for it" if "massPayout" in one.fields else "accepted, without a batch")
    return confirmed(one.said) if one.is_refused else not_settled(one.said)


def conversation_id(seen: Seen) -> Finding:
    one = seen[Step.FIRST_INIT]
    is_echoed = one.fields.get("conversationId") == seen.batch.external_id
    return confirmed(f"accepted; it comes back: {'yes' if is_echoed else 'no'}") if one.is_accepted else not_settled(one.said)


def ids(seen: Seen) -> Finding:
    found = [one.fields.get("requestId") for one in (seen[Step.FIRST_INIT],) if one.is_accepted]
    found += [item.get("referenceCode") for item in items_of(seen.last(Step.FIRST_READ))]
    if any(not isinstance(each, str) or not WIRE_ID.match(each) for each in found):
        return differs("an id has other characters, is longer, or is missing")
    return confirmed(f"so are {len(found)} ids") if found else not_settled("no id was seen")


@of_a_batch(Step.FIRST_READ)
def amounts(one: Observation, payout: MassPayout, seen: Seen) -> Finding:
    ours = {item.item_external_id: item.amount for item in seen.batch.items}
    if {item.item_external_id: item.total_amount for item in payout.items} == ours:
        return confirmed("every amount comes back as it went out")
    return differs("an amount does not come back as it went out")


def merchants(seen: Seen) -> Finding:
    told = {payout.merchant_id for _, payout in seen.batches()}
    if len(told) > 1:
        return differs("answers for these keys name several merchants, or some name none")
    if told <= {None}:
        return not_settled("no answer names a merchant")
    return confirmed(f"the same in {sum(1 for _ in seen.batches())} answers")


def found_by_name(seen: Seen) -> Finding:
    one = seen[Step.NAMED_READ]
    if isinstance(one.error, IyzicoNoSuchPayoutError):
        return differs(f"just after init: {one.said}")
    return confirmed("found just after init") if isinstance(one.value, Page) else not_settled(unread(one))


def item_type(seen: Seen) -> Finding:
    one = seen[Step.UNTYPED_READ]
    if one.is_refused:
        return differs(one.said)
    return (
        confirmed("accepted; this batch does not show whether invalid items are listed, too")
        if one.value
        else not_settled(unread(one))
    )


@of_a_batch(Step.FIRST_READ)
def paging(one: Observation, payout: MassPayout, seen: Seen) -> Finding:
    nested = one.fields.get("massPayoutItems")
    is_top, is_nested = (any(name in place for name in _PAGING) for place in (one.fields, nested or {}))
    if not is_nested:
        return confirmed("at the top")
    return differs("in both places" if is_top else "in massPayoutItems")


@of_a_batch(Step.FIRST_READ)
def money(one: Observation, payout: MassPayout, seen: Seen) -> Finding:
    written = [one.fields["massPayout"].get(name) for name in ("totalAmount", "totalSuccessfulAmount", "totalCommissionAmount")]
    written += [item.get(name) for item in items_of(one) for name in ("totalAmount", "commissionAmount")]
    forms = sorted({form_of(raw) for raw in written if raw is not None})
    return (confirmed if forms == ["number, 2 decimals, negative: no"] else differs)("; ".join(forms))


@of_a_batch(Step.FIRST_READ)
def recipients(one: Observation, payout: MassPayout, seen: Seen) -> Finding:
    ours = {item.item_external_id: (item.recipient_info, item.recipient_name) for item in seen.batch.items}
    theirs = {item.item_external_id: (item.recipient_info, item.recipient_name) for item in payout.items}
    if ours == theirs:
        return confirmed("as they were sent")
    is_missing = all(info is None for info, _ in theirs.values())
    return differs("not at all" if is_missing else "masked, or otherwise not as they were sent")


@of_a_batch(Step.FIRST_READ)
def types_and_ends(one: Observation, payout: MassPayout, seen: Seen) -> Finding:
    ours = {item.item_external_id: item for item in seen.batch.items}
    both = [(ours[item.item_external_id], item) for item in payout.items if item.item_external_id in ours]
    if any(mine.recipient_type != theirs.recipient_type for mine, theirs in both):
        return differs("another recipientType, or none")
    if any(not _plain(mine.recipient_info).endswith(_end(theirs.recipient_info or "")) for mine, theirs in both):
        return differs("another end")
    return confirmed("type and end as they were sent")


def _plain(recipient: str) -> str:
    return "".join(recipient.split()).upper()


def _end(shown: str) -> str:
    ends: list[str] = _END.findall(_plain(shown))
    return ends[0]


@of_a_batch(Step.FIRST_READ)
def item_request_id(one: Observation, payout: MassPayout, seen: Seen) -> Finding:
    if all(item.request_id is None for item in payout.items):
        return confirmed("no item names its batch")
    is_same = all(item.request_id == seen[Step.FIRST_INIT].value.request_id for item in payout.items)
    return differs(f"items have a massPayoutRequestId, that of init: {'yes' if is_same else 'no'}")


@of_a_batch(Step.FIRST_READ)
def item_errors(one: Observation, payout: MassPayout, seen: Seen) -> Finding:
    names = sorted({name for item in items_of(one) for name in ("errorMessages", "errorMessage") if name in item})
    if not names:
        return not_settled("no item has either field")
    return (confirmed if names == ["errorMessages"] else differs)(" and ".join(names))


def merchant(seen: Seen) -> Finding:
    one = seen.last(Step.FIRST_READ)
    if _ZEROS.search(one.answer.body):
        return differs("a number that begins with 0, which is no JSON")
    if not isinstance(one.value, Page):
        return not_settled(unread(one))
    raw = one.fields["massPayout"].get("merchantId")
    if isinstance(raw, Number):
        return confirmed("a number")
    return differs("none" if raw is None else "a text")


@of_a_batch(Step.FIRST_READ)
def dates(one: Observation, payout: MassPayout, seen: Seen) -> Finding:
    batch = one.fields["massPayout"]
    found = {name: batch[name] for name in ("receivedDate", "completedDate", "canceledDate") if batch.get(name) is not None}
    if not found:
        return confirmed("none")
    return differs(", ".join(f"{name}: a {'number' if isinstance(raw, Number) else 'text'}" for name, raw in found.items()))


def no_invalid_items(seen: Seen) -> Finding:
    one = seen[Step.FIRST_INIT]
    if one.value is None or one.value.invalid:
        return not_settled(unread(one) if one.value is None else "iyzico calls an item invalid")
    if "invalidItems" not in one.fields:
        return differs("the field is missing")
    return differs("it is null") if one.fields["invalidItems"] is None else confirmed("it is []")


def error_code(seen: Seen) -> Finding:
    codes = [one.fields["errorCode"] for _, one in seen.made if one.fields.get("errorCode") is not None]
    if not codes:
        return not_settled("no answer had one")
    numbers = sum(isinstance(code, Number) for code in codes)
    return (
        differs(f"a number in {numbers} of {len(codes)} refusals") if numbers else confirmed(f"a text in {len(codes)} refusal(s)")
    )


def batch_words(seen: Seen) -> Finding:
    words = [(one, payout.status) for one, payout in seen.batches()]
    return _words(words, frozenset(BATCH_STATUSES))


def item_words(seen: Seen) -> Finding:
    words = [(one, item.status) for one, payout in seen.batches() for item in payout.items]
    return _words(words, frozenset(ITEM_STATUSES))


def _words(words: list[tuple[Observation, str]], known: frozenset[str]) -> Finding:
    """Judge statuses, and name them in the order in which they were first seen."""
    if not words:
        return not_settled("no batch was read")
    told = ", ".join(dict.fromkeys(one.name(word) for one, word in words))
    return (confirmed if all(word in known for _, word in words) else differs)(told)
