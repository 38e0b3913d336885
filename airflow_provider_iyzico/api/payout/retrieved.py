"""The answers to retrieve and to item detail: a batch, its items, and one page of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from airflow_provider_iyzico.api.envelope import Answer, is_about_the_request, read_success
from airflow_provider_iyzico.api.payout.fields import (
    Fields,
    read_count,
    read_money,
    read_object,
    read_objects,
    read_text,
    read_wire_id,
    require_money,
    require_text,
    without_recipients,
)
from airflow_provider_iyzico.api.payout.statuses import BATCH_STATUSES, ITEM_STATUSES
from airflow_provider_iyzico.errors import (
    IyzicoAnswerError,
    IyzicoNoSuchPayoutError,
    IyzicoRefusedError,
    IyzicoUnavailableError,
)

#: The most reasons that are kept of one item.
MAX_REASONS = 10


@dataclass(frozen=True, slots=True)
class Item:
    """One item as iyzico has it. Its ``repr`` does not show the recipient.

    :param reference_code: iyzico's id of the item, by which it can be read
    :param recipient_info: possibly masked; nobody has seen an answer
    :param status: iyzico's word; ``statuses`` says what the documented ones mean
    :param errors: iyzico's words, without recipients, each in one short line
    :param total_amount: without commission, in major units
    :param commission_amount: None if iyzico states none
    :param request_id: iyzico's id of its batch, which only some answers have
    """

    item_external_id: str
    reference_code: str | None
    recipient_type: str | None
    recipient_info: str | None = field(repr=False)
    recipient_name: str | None = field(repr=False)
    description: str | None = field(repr=False)
    status: str
    errors: tuple[str, ...]
    total_amount: Decimal
    commission_amount: Decimal | None
    currency: str | None
    request_id: str | None


@dataclass(frozen=True, slots=True)
class MassPayout:
    """A batch as iyzico has it, with its items. Its items decide about money, never its status.

    :param request_id: iyzico's id of the batch: the one that was asked for, or the one that its items name; otherwise None
    :param status: iyzico's word; ``statuses`` says what the documented ones mean
    :param total_amount: without commission, in major units
    :param successful_amount: None if iyzico states none, as is ``commission_amount``
    :param received_date: as iyzico writes it, as are the other dates; their format is not documented
    """

    external_id: str
    request_id: str | None
    merchant_id: str | None
    status: str
    currency: str | None
    total_amount: Decimal
    successful_amount: Decimal | None
    commission_amount: Decimal | None
    received_date: str | None
    completed_date: str | None
    canceled_date: str | None
    items: tuple[Item, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a batch.

    :param payout: the batch with the items of this page only
    :param total: how many items all pages have together
    """

    payout: MassPayout
    total: int


def read_page(answer: Answer, *, request_id: str | None, external_id: str | None, page: int) -> Page:
    """Read the answer of ``POST /v1/mass/payout/retrieve``.

    ``page``, ``size`` and ``total`` stand at the top in the reference and within ``massPayoutItems`` in the examples.

    :raises IyzicoNoSuchPayoutError: iyzico found nothing
    :raises IyzicoUnavailableError: it found the batch on the first page, and finds nothing on this one
    :raises IyzicoAnswerError: another batch or page than asked for, or not what iyzico documents
    """
    try:
        fields, batch = _found(answer, "massPayout")
    except IyzicoNoSuchPayoutError as error:
        if page == 0:
            raise
        raise IyzicoUnavailableError(f"iyzico no longer finds the batch at page {page}: {error}; wait") from error
    listed = read_object(fields, "massPayoutItems")
    items = tuple(_item(answer, each) for each in read_objects(listed, "items"))
    payout = _payout(answer, batch, items, request_id)
    if external_id is not None and payout.external_id != external_id:
        raise IyzicoAnswerError("iyzico answered with another batch than asked for")
    if _paging(fields, listed, "page") not in (None, page):
        raise IyzicoAnswerError(f"iyzico answered with another page than page {page}")
    _paging(fields, listed, "size")
    if (total := _paging(fields, listed, "total")) is None:
        raise IyzicoAnswerError("iyzico does not say how many items there are in total")
    return Page(payout, total)


def read_item(answer: Answer, *, reference_code: str) -> Item:
    """Read the answer of ``GET /v1/mass/payout/retrieve/items/{referenceCode}``.

    :raises IyzicoNoSuchPayoutError: iyzico found nothing
    :raises IyzicoAnswerError: another item than asked for, or not what iyzico documents
    """
    _, fields = _found(answer, "item")
    item = _item(answer, fields)
    if item.reference_code not in (None, reference_code):
        raise IyzicoAnswerError("iyzico answered with another item than asked for")
    return item


def only(request_ids: Iterable[str | None]) -> str | None:
    """Return the one id that is known, or None.

    :raises IyzicoAnswerError: there are several
    """
    known = {one for one in request_ids if one is not None}
    if len(known) > 1:
        raise IyzicoAnswerError("iyzico answered with items of several batches; ask for one of them by its request_id")
    return known.pop() if known else None


def _found(answer: Answer, name: str) -> tuple[Fields, Fields]:
    """Return the answer's fields, and those of the object of that name in it."""
    try:
        fields = read_success(without_recipients(answer))
    except IyzicoRefusedError as error:
        if not is_about_the_request(error):
            raise
        raise IyzicoNoSuchPayoutError(f"iyzico found nothing: {error}", code=error.code, http_status=error.http_status) from error
    if found := read_object(fields, name):
        return fields, found
    if read_objects(read_object(fields, "massPayoutItems"), "items"):
        raise IyzicoAnswerError("iyzico answered with items of no batch")
    raise IyzicoNoSuchPayoutError(f"iyzico found nothing: it answered success without a {name}", http_status=answer.http_status)


def _payout(answer: Answer, fields: Fields, items: tuple[Item, ...], request_id: str | None) -> MassPayout:
    return MassPayout(
        external_id=require_text(fields, "externalId"),
        request_id=only([request_id, *(item.request_id for item in items)]),
        merchant_id=read_text(fields, "merchantId"),
        status=_word(answer, fields, "massPayoutStatus", BATCH_STATUSES),
        currency=read_text(fields, "currency"),
        total_amount=require_money(answer, fields, "totalAmount"),
        successful_amount=read_money(answer, fields, "totalSuccessfulAmount"),
        commission_amount=read_money(answer, fields, "totalCommissionAmount"),
        received_date=read_text(fields, "receivedDate"),
        completed_date=read_text(fields, "completedDate"),
        canceled_date=read_text(fields, "canceledDate"),
        items=items,
    )


def _item(answer: Answer, fields: Fields) -> Item:
    name = require_text(fields, "itemExternalId")
    try:
        return _read_item(answer, fields, name)
    except IyzicoAnswerError as error:
        raise IyzicoAnswerError(f"item {answer.word(name)!r}: {error}") from error


def _read_item(answer: Answer, fields: Fields, name: str) -> Item:
    info, recipient = read_text(fields, "recipientInfo"), read_text(fields, "recipientName")
    return Item(
        item_external_id=name,
        reference_code=read_wire_id(fields, "referenceCode"),
        recipient_type=read_text(fields, "recipientType"),
        recipient_info=info,
        recipient_name=recipient,
        description=read_text(fields, "description"),
        status=_word(answer, fields, "itemStatus", ITEM_STATUSES),
        errors=_reasons(answer, fields, [info or "", recipient or ""]),
        total_amount=require_money(answer, fields, "totalAmount"),
        commission_amount=read_money(answer, fields, "commissionAmount"),
        currency=read_text(fields, "currencyCode"),
        request_id=read_wire_id(fields, "massPayoutRequestId"),
    )


def _reasons(answer: Answer, fields: Fields, recipient: list[str]) -> tuple[str, ...]:
    """Return why an item failed: iyzico writes a list of texts, or one text in another field."""
    several = fields.get("errorMessages")
    said = [*(several if isinstance(several, list) else [several]), fields.get("errorMessage")]
    if not any(said):
        return ()
    shown = without_recipients(answer, recipient)
    return tuple(dict.fromkeys(filter(None, map(shown.word, said[:MAX_REASONS]))))


def _word(answer: Answer, fields: Fields, name: str, known: Iterable[str]) -> str:
    """Return a status. One that nobody documented is kept, fit for a log line."""
    written = require_text(fields, name)
    if word := written if written in known else answer.word(written):
        return word
    raise IyzicoAnswerError(f"iyzico answered with a {name} that cannot be shown")


def _paging(fields: Fields, listed: Fields, name: str) -> int | None:
    """Return a number of the paging, which stands at the top, with the items, or at both places.

    :raises IyzicoAnswerError: the two differ
    """
    told = {count for place in (fields, listed) if (count := read_count(place, name)) is not None}
    if len(told) > 1:
        raise IyzicoAnswerError(f"iyzico answered with two numbers for {name}")
    return told.pop() if told else None
