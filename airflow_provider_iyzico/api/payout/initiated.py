"""The answer to init: iyzico's id of the batch, and the items that iyzico refuses to pay."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import Any

from airflow_provider_iyzico.api import envelope
from airflow_provider_iyzico.api.payout.batch import Batch
from airflow_provider_iyzico.api.payout.fields import read_objects, read_text, read_wire_id, without_recipients
from airflow_provider_iyzico.errors import IyzicoAnswerError


@dataclass(frozen=True, slots=True)
class InvalidItem:
    """An item that iyzico refuses to pay.

    :param code: iyzico's code, if it gave one; no codes are documented
    :param message: iyzico's words, without recipients, in one short line
    """

    item_external_id: str
    code: str | None
    message: str


@dataclass(frozen=True, slots=True)
class Initiated:
    """The result of init. Nothing is paid yet.

    :param request_id: iyzico's id of the batch, by which it is authorized, cancelled and retrieved. If it is None, iyzico refused
        the whole batch, and ``invalid`` says why
    :param invalid: the items that iyzico refuses to pay, each once; possibly all
    """

    request_id: str | None
    invalid: tuple[InvalidItem, ...]


def read_initiated(answer: envelope.Answer, batch: Batch) -> Initiated:
    """Read the answer of ``POST /v1/mass/payout/init``. HTTP 400 is documented to have the same fields.

    :raises IyzicoAnswerError: success without a request id, or an item that the batch does not have
    :raises IyzicoError: what :func:`~airflow_provider_iyzico.api.envelope.read_success` raises
    """
    answer = without_recipients(answer, batch.recipients)
    fields = _fields(answer)
    request_id = read_wire_id(fields, "requestId")
    invalid = _invalid(answer, fields, {item.item_external_id for item in batch.items})
    if request_id is None and fields["status"] == "success" and len(invalid) < len(batch.items):
        raise IyzicoAnswerError("iyzico answered success without a requestId")
    return Initiated(request_id, invalid)


def _fields(answer: envelope.Answer) -> Mapping[str, Any]:
    fields = envelope.read_fields(answer)
    if isinstance(fields, dict) and answer.http_status in (200, 400) and _names_items(fields, answer.http_status):
        return fields
    return envelope.read_success(answer)


def _names_items(fields: Mapping[str, Any], http_status: int) -> bool:
    """Tell whether an answer other than a plain success has the fields of init, and names items."""
    status, code, invalid = fields.get("status"), fields.get("errorCode"), fields.get("invalidItems")
    is_plain = http_status == 200 and status == "success"
    is_known = code is None or (status == "failure" and isinstance(code, str) and code in envelope.DOCUMENTED_CODES)
    return not is_plain and status in ("success", "failure") and is_known and isinstance(invalid, list) and bool(invalid)


def _invalid(answer: envelope.Answer, fields: Mapping[str, Any], ours: set[str]) -> tuple[InvalidItem, ...]:
    """Return each item once, however many reasons it has."""
    word = cache(answer.word)  # thousands of items may have one reason
    reasons: dict[str, list[tuple[str, str]]] = {}
    for each in read_objects(fields, "invalidItems"):
        name = read_text(each, "externalId")
        if name is None or name not in ours:
            raise IyzicoAnswerError("iyzico calls an item invalid that the batch does not have")
        code, message = (word(read_text(each, field) or "") for field in ("errorCode", "errorMessage"))
        reasons.setdefault(name, []).append((code, message))
    return tuple(InvalidItem(name, said[0][0] or None, _joined(text for _, text in said)) for name, said in reasons.items())


def _joined(messages: Iterable[str]) -> str:
    return "; ".join(islice(filter(None, dict.fromkeys(messages)), 5))
