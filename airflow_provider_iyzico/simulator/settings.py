"""What is set: the switches, and what is a number, an amount or a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from airflow_provider_iyzico.simulator import wishes
from airflow_provider_iyzico.simulator.balance import FORMS
from airflow_provider_iyzico.simulator.lifecycle import DURATIONS, FATE_MEANINGS
from airflow_provider_iyzico.simulator.switches import HABITS, REFUSALS, SWITCHES
from airflow_provider_iyzico.simulator.wishes import ControlError, Read


def _read_refusals(name: str, wish: Any) -> dict[str, dict[str, Any]]:
    given = wishes.mapping(wishes.mapping(_read_refusal_part, ("code", "status", "message")), REFUSALS)(name, wish)
    return {reason: {**parts, **given.get(reason, {})} for reason, parts in REFUSALS.items()}


def _read_refusal_part(name: str, wish: Any) -> Any:
    if not name.endswith("[status]"):
        return wishes.word(name, wish)
    if isinstance(wish, bool) or not isinstance(wish, int) or not 200 <= wish <= 599:
        raise ControlError(f"{name} is {wish!r}; give 200 to 599")
    return wish


@dataclass(frozen=True, slots=True)
class Setting:
    """The default of a setting, how a value for it is read, and what it means."""

    default: Any
    read: Read
    meaning: str


_DAY = 24 * 60 * 60.0
_YEAR = 365 * _DAY
#: What iyzico does with the commission when it gives back the money of a payment that failed at the bank.
COMMISSION_RETURNED = {"with_the_amount": "it comes back, too", "kept": "iyzico keeps it"}
#: What is not a choice of words.
SETTINGS: dict[str, Setting] = {
    "form": Setting("number", wishes.choice(FORMS), "how the balance is written; see FORMS"),
    "latency_seconds": Setting(0.0, wishes.seconds(60), "how long an answer takes, by the machine's clock"),
    "habits": Setting(frozenset(), wishes.some_of(HABITS), "see HABITS"),
    "commission": Setting(
        "0", wishes.commission, "the commission of each item: an amount such as 2.50, or a percentage such as 1.5%"
    ),
    "commission_returned": Setting(
        "with_the_amount",
        wishes.choice(COMMISSION_RETURNED),
        "the commission of a payment that comes back; see COMMISSION_RETURNED",
    ),
    "durations": Setting(DURATIONS, wishes.mapping(wishes.seconds(_YEAR), DURATIONS, DURATIONS), "seconds until each status"),
    "fates": Setting({}, wishes.mapping(wishes.choice(FATE_MEANINGS)), 'what becomes of an item, by its id; "*": of all others'),
    "batch_words": Setting({}, wishes.mapping(wishes.word), "what is written instead of a batch's status"),
    "item_words": Setting({}, wishes.mapping(wishes.word), "what is written instead of an item's status"),
    "refusals": Setting(REFUSALS, _read_refusals, "code, status and message for each reason to refuse"),
    "merchant_id": Setting(1000001, wishes.bound, "merchantId of batches"),
    "read_lag_seconds": Setting(
        0.0, wishes.seconds(_DAY), "how old the facts in retrieve and item are; a new batch is found only after that time"
    ),
    "auth_lag_seconds": Setting(0.0, wishes.seconds(_DAY), "how long retrieve and item still say INIT after an authorization"),
    "batch_lag_seconds": Setting(0.0, wishes.seconds(_DAY), "how long a batch's status lags behind those of its items"),
    "balance_lag_seconds": Setting(0.0, wishes.seconds(_DAY), "how old the balance in an answer is"),
    "max_items": Setting(None, wishes.bound, "how many items a batch may have"),
    "max_page_size": Setting(None, wishes.bound, "how large a page may be; see large_page"),
    "max_amount": Setting(None, wishes.amount_bound, "an item with a larger amount is INVALID"),
    "max_requests_per_minute": Setting(None, wishes.bound, "further requests are refused with code 50000"),
}
_ALL = {
    **SETTINGS,
    **{name: Setting(next(iter(choices)), wishes.choice(choices), "") for name, choices in SWITCHES.items()},
}


class Settings:
    """What is set now. A change is whole or does not happen."""

    def __init__(self) -> None:
        self._values: Mapping[str, Any] = {name: setting.default for name, setting in _ALL.items()}

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def read(self, wished: Mapping[str, Any], others: tuple[str, ...] = ()) -> dict[str, Any]:
        """Return the settings as they would be.

        :param others: what else may be wished for, for the message
        :raises ControlError: a wish is unknown or makes no sense
        """
        if unknown := sorted(set(wished) - set(_ALL)):
            raise ControlError(f"unknown: {unknown}; known are {', '.join(sorted([*_ALL, *others]))}")
        return {**self._values, **{name: _ALL[name].read(name, wish) for name, wish in wished.items()}}

    def change(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def has(self, habit: str) -> bool:
        return habit in self._values["habits"]

    def unlike_default(self) -> dict[str, Any]:
        """Return what was set, for the control door, which shows three settings by themselves."""
        shown = {name: value for name, value in self._values.items() if value != _ALL[name].default}
        return {name: str(value) if isinstance(value, Decimal) else value for name, value in shown.items() if name not in _APART}


_APART = ("form", "latency_seconds", "habits")
