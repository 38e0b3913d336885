"""Every row is checked, and one error names all that are wrong."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from numbers import Integral
from typing import Any
from uuid import UUID

from airflow_provider_iyzico.api.money import money_from_author, money_text, summed
from airflow_provider_iyzico.api.payout import Batch, Payment
from airflow_provider_iyzico.api.payout.batch import MAX_ITEMS, RECIPIENT_TYPES
from airflow_provider_iyzico.api.secrecy import Recipients
from airflow_provider_iyzico.errors import IyzicoConfigurationError, IyzicoMoneyError, PaymentsError
from airflow_provider_iyzico.payments.recipients import is_personal, masked, names_its_recipient, recipient

#: The columns or keys of a payment.
REQUIRED = ("item_external_id", "recipient_type", "recipient_info", "amount", "description")
OPTIONAL = ("recipient_name", "currency", "non_withdrawable")
#: So many bad rows are named in one error; the rest is counted.
NAMED = 50
#: What counts as text. Python writes anything else in its own way: a missing value of pandas as "nan", and bytes as "b'...'".
_TEXTS = (str, Integral, Decimal, UUID, date)
_TEXT_FIELDS = ("item_external_id", "recipient_type", "recipient_info", "recipient_name", "description", "currency")
#: How tools write a value that is missing, where they write all values as text. Nobody's name is spelled so.
_MISSING = frozenset({"nan", "NaN", "NaT", "<NA>", "None", "NULL", "null", "\\N", "#N/A"})
#: What an error shows of an amount. Anything else may be a recipient, from a column that was mixed up.
_LIKE_AN_AMOUNT = re.compile(r"[-+0-9.,' ]{1,24}\Z")
_EXPONENT = re.compile(r"[^a-z]*[0-9]e", re.IGNORECASE)
_TRUE, _FALSE = frozenset({"true", "1", "yes"}), frozenset({"false", "0", "no"})


@dataclass(frozen=True, slots=True)
class Limits:
    """What the author of the DAG allows.

    :param max_total: of the amounts, without commission
    """

    max_items: int | None = None
    max_total: Decimal | None = None


def checked(rows: Iterable[Mapping[str, Any]], *, external_id: str, currency: str, purpose: str | None, limits: Limits) -> Batch:
    """Return the batch of some rows.

    :param currency: of the Connection; a row may name it, and no other
    :raises PaymentsError: names every row that is wrong by its ``item_external_id``, and says what is wrong with it
    :raises IyzicoConfigurationError: ``external_id`` or ``purpose`` is none, or ``external_id`` names a recipient
    """
    check_name(external_id)
    payments: list[Payment] = []
    wrong: list[str] = []
    for number, row in enumerate(rows, 1):
        if number > MAX_ITEMS:
            del row
            raise PaymentsError(
                f"batch {external_id!r} has more than {MAX_ITEMS} payments, the most that a batch may have; check the query, the "
                "file or the list, or make several batches. Nothing was sent"
            )
        try:
            payments.append(_payment(row, currency))
        except (IyzicoConfigurationError, IyzicoMoneyError, ValueError) as error:
            wrong.append(f"{_name(row, number)}: {str(error).removesuffix('; nothing was sent')}")
        del row  # what is raised here, or by reading the next one, shows this frame to error trackers
    counted = Counter(payment.item_external_id for payment in payments)
    wrong += [f"{name!r}: its item_external_id is given {times} times" for name, times in counted.items() if times > 1]
    wrong += _beyond(limits, payments, len(payments) + len(wrong), currency)
    if wrong:
        raise PaymentsError(_said(external_id, wrong))
    if not payments:
        raise PaymentsError(f"batch {external_id!r} is empty: there is nobody to pay; check the query, the file or the list")
    return Batch(external_id=external_id, currency=currency, items=tuple(payments), purpose=purpose)


def check_name(external_id: str) -> None:
    """Refuse a name of a payout that would show a recipient in logs and tables.

    :raises IyzicoConfigurationError: it names one; the message does not quote it
    """
    if is_personal(external_id):
        raise IyzicoConfigurationError(
            "external_id holds an IBAN or an identity number, which logs and tables would show; use another name, such "
            "as your own number of the recipient. Nothing was sent"
        )


def _payment(row: Mapping[str, Any], currency: str) -> Payment:
    if missing := [name for name in REQUIRED if _is_empty(row.get(name))]:
        raise ValueError(f"it lacks {', '.join(missing)}")
    for field in _TEXT_FIELDS:
        if not _is_empty(value := row.get(field)) and not _is_text(value):
            raise ValueError(f"its {field} is a {type(value).__name__}, not text; leave it out or empty where there is none")
        if value is not None and (written := str(value).strip()) in _MISSING:
            raise ValueError(f"its {field} is {written!r}, which means that a value is missing; leave it out or empty there")
    kind = str(row["recipient_type"]).strip().upper()
    if kind not in RECIPIENT_TYPES:
        raise ValueError(f"its recipient_type is not one of {', '.join(RECIPIENT_TYPES)}")
    if _is_personal(row):
        raise ValueError("its item_external_id holds an IBAN, a phone or an identity number, which logs and tables would show")
    given, name = row.get("currency"), row.get("recipient_name")
    if not _is_empty(given) and str(given).strip() != currency:
        raise ValueError(f"its currency is not that of the Connection, {currency}")
    return Payment(
        item_external_id=str(row["item_external_id"]).strip(),
        recipient_type=kind,
        recipient_info=recipient(kind, str(row["recipient_info"])),
        recipient_name=None if _is_empty(name) else str(name).strip(),
        amount=_amount(row["amount"]),
        description=str(row["description"]).strip(),
        non_withdrawable=_flag(row.get("non_withdrawable")),
    )


def _amount(given: Any) -> Decimal:
    """Return the amount of a row.

    :raises IyzicoMoneyError: it is none; the message shows only what cannot be a recipient
    """
    if isinstance(given, float):
        raise IyzicoMoneyError(
            "its amount is a float, which is not exact; give digits as text, such as '1500.75' (in a query: CAST(amount AS "
            "DECIMAL(20, 2)), and on SQLite CAST(amount AS TEXT))"
        )
    if isinstance(given, str) and _EXPONENT.match(given := given.strip()):
        raise IyzicoMoneyError(
            "its amount has an exponent: spreadsheets write this if they rounded to fit a column; give all digits, like '1500.75'"
        )
    try:
        return money_from_author(given, "its amount")
    except IyzicoMoneyError:
        if not isinstance(given, (str, Decimal)) or _may_be_shown(str(given)):
            raise
    raise IyzicoMoneyError(
        "its amount is not valid, and is not shown, because it may be a recipient from another column; write plain digits with "
        "a dot, such as '1500.75'"
    )


def _may_be_shown(amount: str) -> bool:
    return bool(_LIKE_AN_AMOUNT.match(amount)) and Recipients()(amount) == amount


def _beyond(limits: Limits, payments: list[Payment], count: int, currency: str) -> list[str]:
    """Return what goes beyond the author's limits."""
    total = summed(payment.amount for payment in payments)
    beyond = []
    if limits.max_items is not None and count > limits.max_items:
        beyond.append(f"the batch has {count} items, and max_items is {limits.max_items}")
    if limits.max_total is not None and total > limits.max_total:
        beyond.append(f"the items are {money_text(total)} {currency}, and max_total is {money_text(limits.max_total)}")
    return beyond


def _flag(given: Any) -> bool | None:
    if _is_empty(given) or isinstance(given, bool):
        return given if isinstance(given, bool) else None
    word = str(given).strip().lower()
    if word not in _TRUE | _FALSE:
        raise ValueError("its non_withdrawable is neither true nor false")
    return word in _TRUE


def _is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _is_text(value: Any) -> bool:
    return isinstance(value, _TEXTS) and not isinstance(value, bool)


def _is_personal(row: Mapping[str, Any]) -> bool:
    """Tell whether the id of a row would show a recipient."""
    name, kind, info = (str(row.get(field) or "") for field in ("item_external_id", "recipient_type", "recipient_info"))
    return is_personal(name) or names_its_recipient(name, kind.strip().upper(), info)


def _name(row: Mapping[str, Any], number: int) -> str:
    """Name a row for people; without an id that may be shown, by its place and the end of its recipient."""
    given = row.get("item_external_id")
    if not _is_empty(given) and _is_text(given) and not _is_personal(row):
        return repr(str(given).strip()[:64])
    return f"row {number} ({masked(str(row.get('recipient_info') or ''))})"


def _said(external_id: str, wrong: list[str]) -> str:
    more = f"\n- and {len(wrong) - NAMED} more" if len(wrong) > NAMED else ""
    lines = "".join(f"\n- {each}" for each in wrong[:NAMED])
    return f"batch {external_id!r} cannot be paid, and nothing was sent. Correct these payments:{lines}{more}"
