"""Telling contents of batches apart without keeping them: HMAC-SHA256 over one canonical form, with the account's own key.

Without a key, an identity number could be found by trying all of them. The order of rows, the blanks in a recipient, its small
letters and the zeros behind an amount do not count.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from unicodedata import normalize

from airflow_provider_iyzico.api.money import money_text
from airflow_provider_iyzico.api.payout.batch import RECIPIENT_TYPES, Batch, Payment

#: A recipient that is shown whole; a mask has other characters, or many of this one.
_WHOLE, _MASK = re.compile(r"[A-Z0-9+]+"), "XX"
#: What a mask may consist of.
_MASKED = re.compile(r"[^A-WYZ0-9]")
_written = json.JSONEncoder(separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class Digests:
    """What the ledger keeps of a batch's content.

    :param content: of all that is sent: another one under the same ``external_id`` is another batch
    :param payments: of the payments alone: the same one under another ``external_id`` would pay them twice
    :param of_items: of each item's id, recipient and amount, by its id
    """

    content: str
    payments: str
    of_items: dict[str, str]


def digests_of(batch: Batch, key: str, *, spelled: Callable[[str], str] = str) -> Digests:
    """Return the digests of a batch.

    :param key: of the account, in hexadecimal
    :param spelled: returns an item's id as it is to be digested
    """
    items = sorted(((spelled(item.item_external_id), item) for item in batch.items), key=lambda each: each[0])
    of_items = {name: payment_digest(key, name, item.recipient_type, item.recipient_info, item.amount) for name, item in items}
    content = _digest(key, batch.currency, batch.purpose, [_content(name, item) for name, item in items])
    return Digests(content, payments_digest(key, of_items), of_items)


def older_digests_of(batch: Batch, key: str) -> Digests:
    """Return the digests that earlier versions kept of a batch whose ids came in Unicode's decomposed form (NFD)."""
    return digests_of(batch, key, spelled=lambda name: normalize("NFD", name))


def payment_digest(key: str, item_external_id: str, recipient_type: str, recipient: str, amount: Decimal) -> str:
    """Return the digest by which an item that iyzico shows is known to be ours."""
    return _digest(key, item_external_id, recipient_type, normal_recipient(recipient), money_text(amount))


def payments_digest(key: str, of_items: dict[str, str]) -> str:
    return _digest(key, sorted(of_items.items()))


def normal_recipient(recipient: str) -> str:
    """Return an IBAN, phone or number as it is compared."""
    return "".join(recipient.split()).upper()


def recipient_end(recipient: str) -> str:
    """Return what a person recognises a recipient by: its last four characters, and never more than half of it."""
    normal = normal_recipient(recipient)
    return normal[len(normal) - min(4, len(normal) // 2) :]


def _content(name: str, item: Payment) -> list[object]:
    return [
        name,
        item.recipient_type,
        normal_recipient(item.recipient_info),
        item.recipient_name,
        money_text(item.amount),
        item.description,
        bool(item.non_withdrawable),
    ]


def _digest(key: str, *parts: object) -> str:
    canonical = f"[{','.join(map(_written, parts))}]"
    return hmac.digest(bytes.fromhex(key), canonical.encode(), "sha256").hex()


def is_another_recipient(
    key: str, kept: Mapping[str, Any], recipient_type: str | None, recipient: str | None, amount: Decimal
) -> bool:
    """Tell whether what iyzico shows of an item is surely another recipient than ours.

    What is left out tells nothing, and of what is masked only the end. Nobody knows how iyzico writes a phone or a number, so
    there the ends decide.

    :param kept: the row of our item
    :param recipient_type: as iyzico shows it; a word that is not documented tells nothing
    :param recipient: as iyzico shows it
    """
    kind = (recipient_type or "").upper()
    if kind in RECIPIENT_TYPES and kind != kept["recipient_type"]:
        return True
    shown = normal_recipient(recipient or "")
    if not shown:
        return False
    if not _WHOLE.fullmatch(shown) or _MASK in shown:
        return not _may_end_alike(_MASKED.split(shown)[-1], kept["recipient_end"])
    if kept["recipient_type"] == "IBAN":
        return payment_digest(key, kept["item_external_id"], "IBAN", shown, amount) != str(kept["payment_digest"])
    return recipient_end(shown) != str(kept["recipient_end"])


def _may_end_alike(visible: str, end: str) -> bool:
    """Tell whether two ends of one recipient may be the same, so far as both are known."""
    return visible.endswith(end) or end.endswith(visible)


def differing(key: str, kept: dict[str, str], found: Iterable[tuple[str, str, str, Decimal]]) -> list[str]:
    """Return the ids of the items that are on one side only, or have another recipient or amount.

    :param kept: the digests of ours, by id
    :param found: what iyzico shows of each: id, type and text of the recipient, amount
    """
    theirs: dict[str, list[str]] = {}
    for item_id, kind, recipient, amount in found:
        theirs.setdefault(item_id, []).append(payment_digest(key, item_id, kind, recipient, amount))
    return sorted(name for name in kept.keys() | theirs.keys() if theirs.get(name) != [kept.get(name)])
