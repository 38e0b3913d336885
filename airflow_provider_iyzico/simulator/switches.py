"""How iyzico may behave. Nobody has published that, so each question has a switch."""

from __future__ import annotations

from typing import Any

from airflow_provider_iyzico.simulator.balance import MONEY_FORMS

#: How iyzico may differ from an assumption of UNVERIFIED.md, with the number of the assumption. Set any number of them at once.
HABITS = {
    "signs_query": "1: the query is part of the signature",
    "signs_empty_object": "2: a GET without a body is signed as if it had sent {}",
    "locale_optional": "3, 15: a request without locale is answered",
    "locale_any_case": "3: TR is accepted like tr",
    "names_currency": "5: the answer names the balance's currency",
    "seconds": "6: systemTime is in seconds, 10 digits",
    "hour_behind": "6: the clock is an hour behind",
    "no_clock": "6: there is no systemTime",
    "refuses_reuse": "14: a random key that was used before is refused",
    "content_type_optional": "15: a request without Content-Type is answered",
    "refuses_with_200": "15: an invalid request is refused with HTTP 200",
    "signs_answers": "16: answers carry a signature, as a field and as a header",
    "byte_order_mark": "17: answers begin with one",
    "latin5": "17: answers are in ISO-8859-9",
    "text_type": "17: answers are of type text/json",
    "gzip": "17: answers are compressed, whatever was asked for",
}

#: The choices for each question about payouts, and what each means. The first choice counts unless you set another.
SWITCHES: dict[str, dict[str, str]] = {
    # what is asked for
    "conversation_id": {"required": "init needs a conversationId", "optional": "it does not"},
    "description": {"required": "an item without a description is INVALID", "optional": "it is not"},
    "amount_text": {"refused": "an amount in quotes makes its item INVALID", "accepted": "it is accepted like a number"},
    "iban_check": {
        "at_init": "an IBAN with wrong check digits is INVALID",
        "at_bank": "it fails at the bank",
        "never": "it is paid",
    },
    "non_withdrawable_iban": {
        "accepted": "a payment to an IBAN may have nonWithdrawable",
        "invalid": "it makes its item INVALID",
    },
    "repeated_item_id": {
        "accepted": "an item may have the id of an item in an earlier batch",
        "invalid": "it makes the item INVALID",
    },
    "item_type": {"all": "without itemType, retrieve returns all items", "valid": "the valid ones", "required": "it is refused"},
    "cancel_body": {"any": "cancel takes any body", "none": "it takes none", "object": "it must be {}"},
    "large_page": {"refused": "a page larger than max_page_size is refused", "cut": "it is cut down to that"},
    # what is done
    "duplicate_external_id": {
        "refuse": "a known externalId is refused",
        "same_id": "init returns the first batch's requestId, and stores nothing",
        "new_batch": "init stores another batch of the same name",
    },
    "same_name": {"newest": "if several batches have a name, retrieve finds the newest", "oldest": "it finds the oldest"},
    "invalid_items": {
        "listed": "a batch with invalid items is stored, and they are listed with HTTP 200",
        "listed_with_400": "the same with HTTP 400 and status failure",
        "refused": "the batch is not stored: HTTP 400, status failure, invalidItems, no requestId",
    },
    "auth_twice": {
        "refuse": "a second authorization is refused",
        "ignore": "it is answered with success, and does nothing",
        "pay_again": "it pays every valid item a second time",
    },
    "auth_after_cancel": {"refuse": "a cancelled batch cannot be authorized", "pay": "it is paid"},
    "auth_of_nothing": {
        "refuse": "a batch without valid items cannot be authorized",
        "accept": "it can, and is COMPLETED at once",
    },
    "cancel_twice": {"refuse": "a second cancel is refused", "ignore": "it is answered with success, and does nothing"},
    "cancel_after_auth": {
        "refuse": "an authorized batch cannot be cancelled",
        "ignore": "that is answered with success, and does nothing",
        "stop": "it cancels the items that are not at the bank yet, and gives their money back",
    },
    "queue": {"before": "items are QUEUED, then PROCESSING", "after": "PROCESSING, then QUEUED", "never": "PROCESSING at once"},
    "mixed_batch": {
        "completed": "a batch ends as COMPLETED although some items failed",
        "fail": "it ends as FAIL",
        "in_progress": "it stays PUBLISHED_TO_QUEUE",
        "unheard_of": "it ends in a status that no document names",
    },
    # money
    "balance_drops": {
        "at_auth": "the balance drops when the batch is authorized",
        "at_bank": "it drops when each item goes to the bank",
    },
    "short_balance": {
        "later": "an authorization that the balance does not cover is accepted, and the batch stops",
        "at_once": "it is refused, and the batch stays INIT",
    },
    "short_batch": {
        "all_or_nothing": "a batch that stops pays no item",
        "as_far_as_it_goes": "it pays those that the balance covers",
    },
    "short_items": {"stay": "items of a stopped batch keep their status", "fail": "they are FAILED"},
    "stopped_batch": {
        "stays": "a stopped batch stays stopped",
        "resumes": "a top-up starts it again",
        "auth_again": "another authorization starts it again",
    },
    "commission_taken": {"from_balance": "commission is taken from the balance", "elsewhere": "it is invoiced instead"},
    "commission_shown": {
        "always": "every answer has an item's commission",
        "zero_until_paid": "it is 0 until the item is paid",
        "absent_until_paid": "it is missing until the item is paid",
    },
    "commission_total": {"of_paid": "a batch's commission is that of its paid items", "of_valid": "that of all valid ones"},
    "money": MONEY_FORMS,
    # what is answered
    "recipients": {"plain": "answers show recipients as they were sent", "masked": "masked", "absent": "not at all"},
    "paging": {"top": "page, size and total are at the top", "nested": "in massPayoutItems", "both": "in both places"},
    "page_base": {"0": "the first page is 0", "1": "it is 1"},
    "page_total": {"filtered": "total counts the items of the type that was asked for", "all": "it counts all items"},
    "item_order": {
        "as_sent": "items come in the order in which they were sent",
        "last_changed_first": "the item that changed last comes first, so that pages shift",
    },
    "valid_items": {
        "all_but_invalid": "VALID means all items but INVALID ones",
        "not_ended_badly": "it also leaves out FAILED, DEPOSIT_* and cancelled ones",
    },
    "item_request_id": {"absent": "items do not name their batch", "present": "they have a massPayoutRequestId"},
    "item_errors": {"list": "an item's errors are a list, errorMessages", "text": "one text, errorMessage", "both": "both"},
    "no_invalid_items": {
        "empty": "if all items are valid, invalidItems is []",
        "absent": "it is missing",
        "null": "it is null",
    },
    "merchant": {"number": "merchantId is a number", "text": "a text", "zeros": "000000, which is not JSON", "absent": "missing"},
    "dates": {
        "absent": "batches have no dates",
        "text": "receivedDate, completedDate and canceledDate, ISO 8601",
        "number": "milliseconds",
    },
    "error_code": {"text": "an errorCode is a text", "number": "a number"},
    "nothing_found": {
        "refused": "what does not exist is refused: see refusals[not_found]",
        "without_batch": "retrieve and item answer success, without a batch or item",
        "null": "they answer success with null for it",
    },
}

#: Why a request is refused: code, HTTP status, message. Codes from 90000 on are made up, since iyzico has published none.
REFUSALS: dict[str, dict[str, Any]] = {
    "invalid": {"code": "11", "status": 400, "message": "Invalid request"},
    "mandatory": {"code": "24", "status": 400, "message": "A mandatory field is missing"},
    "too_many": {"code": "50000", "status": 200, "message": "Request limit exceeded"},
    "not_found": {"code": "90001", "status": 200, "message": "Mass payout not found"},
    "duplicate": {"code": "90002", "status": 200, "message": "externalId was used before"},
    "wrong_state": {"code": "90003", "status": 200, "message": "Mass payout is not in a suitable state"},
    "short_balance": {"code": "90004", "status": 200, "message": "Mass payout balance is not sufficient"},
    "too_large": {"code": "90005", "status": 400, "message": "Limit exceeded"},
}
