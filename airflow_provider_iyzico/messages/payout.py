"""``PayoutMessage``: what became of a batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from airflow_provider_iyzico.api.money import money_from_text
from airflow_provider_iyzico.errors import IyzicoConfigurationError
from airflow_provider_iyzico.messages.language import body, items, money, read_language, said

_NEEDS_PERSON = ("{batch}: needs a person", "{batch}: ilgilenilmesi gerekiyor")
_CANCELLED = ("{batch}: cancelled", "{batch}: iptal edildi")
_NOT_FINISHED = ("{batch}: not finished yet", "{batch}: henüz tamamlanmadı")
_ALL_PAID = ("{batch}: all payments made", "{batch}: tüm ödemeler yapıldı")
_NOT_PAID = ("{batch}: {count} not paid", "{batch}: {count} ödenemedi")
#: The parts of a batch, by the names of the view. All but the first two are left out where they are empty.
_PARTS = {
    "requested": ("Requested", "İstenen"),
    "paid": ("Paid", "Ödenen"),
    "returned": ("Returned", "İade edilen"),
    "outstanding": ("Outstanding", "Ulaşmayan ya da bekleyen"),
    "invalid": ("Not accepted by iyzico", "iyzico tarafından kabul edilmeyen"),
    "cancelled": ("Cancelled", "İptal edilen"),
}
_COLUMNS = {"environment", "account", "currency", "external_id", "paid_commission", "needs_person"} | {
    f"{part}_{unit}" for part in _PARTS for unit in ("items", "total")
}


class Part(NamedTuple):
    """A number of items of a batch, and their total in major units, without commission."""

    items: int
    total: Decimal


@dataclass(frozen=True, slots=True)
class PayoutMessage:
    """Says what became of the items of a batch. It names the batch and the account, and no person.

    Any notifier can send it: ``str(message)`` is the title with the text below it.

    :param external_id: your own name of the batch
    :param parts: by ``requested``, ``paid``, ``returned``, ``outstanding``, ``invalid`` and ``cancelled``
    :param commission: what iyzico charges for the paid items, in major units
    :param needs_person: whether the batch or an item of it is an exception
    :param language: ``tr`` or ``en``
    """

    environment: str
    account: str
    currency: str
    external_id: str
    parts: Mapping[str, Part]
    commission: Decimal
    needs_person: bool
    language: str = "tr"

    @classmethod
    def of(cls, row: Mapping[str, Any], *, language: str = "tr") -> PayoutMessage:
        """Return the message about a row of the view ``iyzico_payout_summary``, by the names of its columns.

        Amounts may be of any type that a database driver gives; those of SQLite are floats of 15 digits.

        :raises IyzicoMoneyError: an amount cannot be read
        :raises IyzicoConfigurationError: the language is not known, or it is no such row
        """
        if not isinstance(row, Mapping):
            raise IyzicoConfigurationError(
                f"row is a {type(row).__name__}; a query returns rows of columns without their names. Give one row as a dict, "
                "such as dict(zip([column[0] for column in cursor.description], cursor.fetchone()))"
            )
        if missing := sorted(_COLUMNS - set(row)):
            raise IyzicoConfigurationError(f"row lacks {', '.join(missing)}; take a row of the view iyzico_payout_summary")
        parts = {name: Part(int(row[f"{name}_items"]), _amount(row, f"{name}_total")) for name in _PARTS}
        return cls(
            environment=row["environment"],
            account=row["account"],
            currency=row["currency"],
            external_id=row["external_id"],
            parts=parts,
            commission=_amount(row, "paid_commission"),
            needs_person=bool(row["needs_person"]),
            language=read_language(language),
        )

    @property
    def title(self) -> str:
        requested, paid = self.parts["requested"].items, self.parts["paid"].items
        if self.needs_person:
            both = _NEEDS_PERSON
        elif self.parts["outstanding"].items:
            both = _NOT_FINISHED
        elif paid == requested:
            both = _ALL_PAID
        else:
            never_paid = self.parts["cancelled"].items + self.parts["invalid"].items
            both = _CANCELLED if self.parts["cancelled"].items and never_paid == requested else _NOT_PAID
        return said(both, self.language, batch=self.external_id, count=items(requested - paid, self.language))

    @property
    def text(self) -> str:
        """The account and the figures, one a line."""
        always = ("requested", "paid")
        named = [(("Account", "Hesap"), self.account)]
        shown = [name for name in _PARTS if self.parts[name].items or name in always]
        named += [(_PARTS[name], self._written(self.parts[name])) for name in shown]
        named += [(("Commission", "Komisyon"), money(self.commission, self.currency, self.language))]
        return body(named, self.environment, self.language)

    def __str__(self) -> str:
        return f"{self.title}\n{self.text}"

    def _written(self, part: Part) -> str:
        return f"{items(part.items, self.language)}, {money(part.total, self.currency, self.language)}"


def _amount(row: Mapping[str, Any], name: str) -> Decimal:
    value = row[name]
    digits = format(value, ".15g") if isinstance(value, float) else str(value)
    return money_from_text(digits, name)
