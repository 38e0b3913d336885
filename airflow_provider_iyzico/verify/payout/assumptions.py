"""The assumptions about payouts that one small batch can settle, as data, and what it cannot settle.

They are named by their row in UNVERIFIED.md, whose text they have, or by the simulator's switch for the same question.
"""

from __future__ import annotations

from collections.abc import Mapping

from airflow_provider_iyzico.verify.payout import acts, answers
from airflow_provider_iyzico.verify.payout.seen import Assumption, Step, should_be_refused

_FIRST = (Step.FIRST_INIT, Step.FIRST_READ)

PAYOUT_ASSUMPTIONS: Mapping[str, Assumption] = {
    "19": Assumption(
        "a page of 40 items may be asked for, and pages count from 0; if iyzico refuses such a page, the package sees no "
        "batch, and nothing is paid",
        _FIRST,
        answers.first_page,
    ),
    "20": Assumption(
        "`total` counts the items that all pages have together; if pages shift, they are read again",
        (Step.FIRST_READ, Step.INVALID_READ),
        answers.total,
    ),
    "21": Assumption(
        "the items of a batch are those that retrieve lists as VALID and as INVALID; if a server ignores `itemType` and "
        "lists all twice, each counts once. Items in neither list are read one by one, by their `referenceCode`",
        (Step.FIRST_READ, Step.INVALID_READ, Step.ITEM),
        answers.kinds,
    ),
    "22": Assumption(
        "if retrieve finds nothing, it answers success without `massPayout`, or refuses. The code of the refusal is not about "
        "keys (as 8 is), limits, a frozen account or a system error",
        (Step.UNUSED_NAME,),
        answers.nothing,
    ),
    "23": Assumption(
        "a refusal with a code from 3 to 27 or 9000 means that init, auth or cancel did nothing; after any other refusal "
        "the outcome is unknown",
        (Step.UNKNOWN_ID,),
        acts.refusals,
    ),
    "25": Assumption("`conversationId` may be any text; we send the `external_id`", (Step.FIRST_INIT,), answers.conversation_id),
    "26": Assumption("cancel takes no body", (Step.CANCEL,), acts.cancel_body),
    "27": Assumption("iyzico's ids are letters, digits, `.`, `_`, `~` and `-`, at most 128", _FIRST, answers.ids),
    "29": Assumption("amounts go out as JSON numbers with two decimals, such as `100.00`", _FIRST, answers.amounts),
    "31": Assumption(
        "the commission that iyzico states for a paid item is what it took; if it states none, the totals count none",
        (Step.BALANCE_BEFORE, Step.FOLLOWED, Step.BALANCE_AFTER),
        acts.commission_taken,
    ),
    "32": Assumption(
        "`merchantId` is the same in all answers for one pair of keys, and no other merchant has it",
        (Step.FIRST_READ,),
        answers.merchants,
    ),
    "35": Assumption(
        "a batch is found by its `externalId` as soon as init is answered", (Step.NAMED_READ,), answers.found_by_name
    ),
    "37": Assumption(
        "`recipientType` comes back as it was sent, and a masked recipient shows its true end, or no end",
        _FIRST,
        answers.types_and_ends,
    ),
    "38": Assumption(
        "a batch's `totalAmount` is never more than its items with their commission; if it is, nothing is paid",
        (Step.FIRST_READ,),
        answers.batch_total,
    ),
    "duplicate_external_id": Assumption(
        "a second init with the same `externalId` is refused",
        (Step.FIRST_INIT, Step.SAME_NAME),
        should_be_refused(Step.SAME_NAME, acts.same_name),
    ),
    "same_name": Assumption(
        "of several batches of one `externalId`, its name finds the newest",
        (Step.FIRST_READ, Step.SAME_NAME, Step.NAMED_AGAIN),
        acts.which_of_two,
    ),
    "repeated_item_id": Assumption(
        "the id of an item may be used again in another batch", (Step.FIRST_INIT, Step.SECOND_INIT), acts.item_ids
    ),
    "no_invalid_items": Assumption(
        "where all items are valid, init answers with an empty `invalidItems`", (Step.FIRST_INIT,), answers.no_invalid_items
    ),
    "item_type": Assumption("retrieve without `itemType` is answered", (Step.UNTYPED_READ,), answers.item_type),
    "auth_twice": Assumption(
        "a second authorization is refused", (Step.AUTH, Step.AUTH_AGAIN), should_be_refused(Step.AUTH_AGAIN, acts.paid_again)
    ),
    "auth_after_cancel": Assumption(
        "a cancelled batch cannot be authorized",
        (Step.CANCELLED_READ, Step.AUTH_CANCELLED),
        should_be_refused(Step.AUTH_CANCELLED, acts.authorized_cancelled),
    ),
    "cancel_twice": Assumption("a second cancel is refused", (Step.CANCEL_AGAIN,), should_be_refused(Step.CANCEL_AGAIN)),
    "cancel_after_auth": Assumption(
        "an authorized batch cannot be cancelled",
        (Step.AUTH, Step.CANCEL_LATE),
        should_be_refused(Step.CANCEL_LATE, acts.stopped),
    ),
    "valid_items": Assumption("cancelled items are VALID, as all but INVALID ones", (Step.CANCELLED_READ,), acts.cancelled_items),
    "balance_drops": Assumption(
        "the balance drops when the batch is authorized, not later",
        (Step.BALANCE_BEFORE, Step.BALANCE_AT_ONCE),
        acts.balance_drops,
    ),
    "queue": Assumption("an item is QUEUED first, and PROCESSING after that", (Step.FOLLOWED,), acts.queue),
    "commission_shown": Assumption(
        "an item's commission stands in every answer, before it is paid, too", (Step.SECOND_READ,), acts.commission_shown
    ),
    "commission_total": Assumption("a batch's commission is that of its paid items", (Step.SECOND_READ,), acts.commission_total),
    "batch_words": Assumption("every status of a batch is a documented one", (Step.FIRST_READ,), answers.batch_words),
    "item_words": Assumption("every status of an item is a documented one", (Step.FIRST_READ,), answers.item_words),
    "money": Assumption("money in batches and items is written as numbers with two decimals", _FIRST, answers.money),
    "recipients": Assumption("recipients come back as they were sent", _FIRST, answers.recipients),
    "paging": Assumption("`page`, `size` and `total` stand at the top", _FIRST, answers.paging),
    "item_request_id": Assumption("items do not name their batch", _FIRST, answers.item_request_id),
    "item_errors": Assumption("an item's errors are a list, `errorMessages`", _FIRST, answers.item_errors),
    "merchant": Assumption("`merchantId` is a number", _FIRST, answers.merchant),
    "dates": Assumption("batches have no dates", _FIRST, answers.dates),
    "nothing_found": Assumption("what does not exist is refused", (Step.UNUSED_NAME,), answers.nothing_found),
    "error_code": Assumption("an `errorCode` is a text", (Step.UNUSED_NAME, Step.UNKNOWN_ID), answers.error_code),
}

#: What one small batch cannot settle, by what it would take.
CANNOT_SETTLE: Mapping[str, tuple[str, ...]] = {
    "a batch with an item that iyzico refuses": ("24", "invalid_items", "auth_of_nothing", "description", "iban_check"),
    "a payment that fails at the bank": ("36", "mixed_batch"),
    "a balance that is too low": ("11", "34", "short_balance", "short_batch", "short_items", "stopped_batch"),
    "a batch of many pages": ("28", "large_page", "item_order"),
    "many reads after its end": ("30",),
    "too many requests": ("33",),
    "requests that the package never sends": ("conversation_id", "amount_text", "non_withdrawable_iban"),
}
