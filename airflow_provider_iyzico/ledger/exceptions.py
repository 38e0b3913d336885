"""What needs a person: the view ``iyzico_payout_exception``, read for one account."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import String, column, func, select, table
from sqlalchemy.engine import Connection
from sqlalchemy.sql.expression import ColumnClause, TableClause

from airflow_provider_iyzico.api.money import money_text
from airflow_provider_iyzico.errors import WarehouseTableError
from airflow_provider_iyzico.ledger.ledger import Ledger
from airflow_provider_iyzico.warehouse.database.types import Instant, Money

VIEW = "iyzico_payout_exception"
#: So many exceptions are named in a message.
NAMED = 10
_TEXTS = ("environment", "account", "currency", "external_id", "item_external_id", "kind", "detail")


@dataclass(frozen=True, slots=True)
class OpenException:
    """One row of the view: something that needs a person. It has no personal data.

    :param kind: one of the kinds that the view's header explains
    :param external_id: your own name of the batch or the hold, and of the item if it is about one
    :param detail: the status or the state that says so
    :param since: in UTC
    :param age_hours: until now, by the database's clock
    :param amount: in major units
    """

    kind: str
    external_id: str
    item_external_id: str | None
    detail: str | None
    since: datetime
    age_hours: Decimal
    amount: Decimal | None
    currency: str

    def __str__(self) -> str:
        item = f" item {self.item_external_id!r}" if self.item_external_id else ""
        amount = "" if self.amount is None else f", {money_text(self.amount)} {self.currency}"
        detail = f" ({self.detail})" if self.detail else ""
        return f"{self.kind}: {self.external_id!r}{item}{detail}{amount}, for {self.age_hours:.0f} hours"


@dataclass(frozen=True, slots=True)
class OpenExceptions:
    """All exceptions of an account: their number by kind, and those that are open longest."""

    counts: dict[str, int]
    longest: Sequence[OpenException]

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    def __str__(self) -> str:
        kinds = ", ".join(f"{count} {kind}" for kind, count in self.counts.items())
        more = self.total - len(self.longest)
        lines = [f"{self.total} need a person: {kinds}", *map(str, self.longest), *([f"and {more} more"] if more else [])]
        return "\n- ".join(lines)


def open_exceptions(ledger: Ledger, environment: str, account: str) -> OpenExceptions:
    """Read the exceptions of an account, in all of its currencies.

    The view is made if it is missing. Tables are not: an empty ledger, perhaps in the wrong database, would always look well.

    :raises WarehouseTableError: there is no ledger in this database
    :raises WarehouseUnavailableError: the database did not answer; a retry is safe
    """
    view = _view(ledger.schema)
    mine = view.c.environment == environment, view.c.account == account

    def ask(connection: Connection) -> OpenExceptions:
        counted = select(view.c.kind, func.count()).where(*mine).group_by(view.c.kind).order_by(view.c.kind)
        names = ("kind", "external_id", "item_external_id", "detail", "since", "age_hours", "amount", "currency")
        by_age = (view.c.since, view.c.external_id, view.c.item_external_id, view.c.kind)
        found = select(*[view.c[name] for name in names]).where(*mine).order_by(*by_age).limit(NAMED)
        return OpenExceptions(
            dict(map(tuple, connection.execute(counted))),
            [OpenException(*row) for row in connection.execute(found)],
        )

    is_there = select(ledger.tables.payout.c.external_id).limit(1)
    try:
        replace(ledger, create_table=False).act(lambda connection: connection.execute(is_there).all())
    except WarehouseTableError as error:
        raise WarehouseTableError(f"no ledger can be read here, so name the Connection of the ledger: {error}") from error
    return ledger.act(ask)


def _view(schema: str | None) -> TableClause:
    columns: list[ColumnClause[Any]] = [column(name, String()) for name in _TEXTS]
    columns += [column("since", Instant()), column("age_hours", Money(38)), column("amount", Money(38))]
    return table(VIEW, *columns, schema=schema)
