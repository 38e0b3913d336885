"""Which tables of the page can be downloaded, and their rows, the newest first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, Literal, NamedTuple

from sqlalchemy.engine import Connection
from sqlalchemy.sql.expression import Select

from airflow_provider_iyzico.ui import months, movements, payouts, questions
from airflow_provider_iyzico.ui.notices import Notice
from airflow_provider_iyzico.ui.parts import lack
from airflow_provider_iyzico.ui.questions import Period, Who

OfPeriod = Literal["observations", "days", "gates", "movements", "below", "payouts", "exceptions", "rollforward", "months"]
OfBatch = Literal["items", "events"]
#: A file of movements has fewer rows than these: they and what explains them are in memory at once.
MOST_MOVEMENTS = 20_000
#: The views that each table needs beyond those without which there is no page.
_NEEDS = {
    "below": "iyzico_balance_below",
    "payouts": "iyzico_payout_summary",
    "exceptions": "iyzico_payout_exception",
    "rollforward": "iyzico_balance_rollforward",
    "months": "iyzico_balance_rollforward_month",
    "items": "iyzico_payout_item_report",
    "events": "iyzico_payout_event",
}


class Asked(NamedTuple):
    """What a reader wants to download."""

    what: str
    who: Who
    period: Period
    external_id: str | None = None


def rows_of(connection: Connection, schema: str | None, asked: Asked) -> Iterable[Any]:
    """Return the rows of a table, the newest first.

    :raises Notice: the warehouse has no such table
    """
    what, who, period, external_id = asked
    if what in _NEEDS and (lacking := lack(connection, schema, _NEEDS[what])):
        raise Notice("not_found", lacking.detail)
    match what:
        case "observations" | "days" | "gates":
            return questions.NEWEST_FIRST[what](connection, schema, who, period)
        case "movements":
            return _moved(connection, schema, who, period)
        case "below":
            return _streamed(connection, movements.below(schema, who, period))
        case "payouts":
            return _streamed(connection, payouts.batches(schema, who, period))
        case "exceptions":
            return _streamed(connection, payouts.exceptions(schema, who))
        case "rollforward":
            return _streamed(connection, months.days(schema, who, period))
        case "months":
            return _streamed(connection, months.months(schema, who, f"{period.last:%Y-%m}"))
        case "items":
            return _streamed(connection, payouts.items(schema, who, external_id or ""))
        case _:
            return _events(connection, payouts.events(schema, who, external_id or ""), who)


def _streamed(connection: Connection, query: Select[Any]) -> Iterator[Any]:
    yield from connection.execute(query.execution_options(yield_per=5000))


def _moved(connection: Connection, schema: str | None, who: Who, period: Period) -> Iterator[Any]:
    if lack(connection, schema, "iyzico_payout_movement"):  # nothing is to be matched, so nothing is kept in memory
        for row in _streamed(connection, movements.changes(connection, schema, who, period)):
            yield _movement(row, {"change": row.balance - row.previous_balance, "explained_by": None, "rest": None})
        return
    rows, steps, is_in_part = movements.matched(connection, schema, who, period, MOST_MOVEMENTS, MOST_MOVEMENTS)
    if len(rows) >= MOST_MOVEMENTS or is_in_part:
        raise Notice("too_many_movements", most=MOST_MOVEMENTS)
    for row, each in zip(rows, steps, strict=True):
        told = movements.explanation(row, each)
        names = ", ".join(sorted({step.external_id for step in each}))
        yield _movement(row, {"change": Decimal(told["change"]), "explained_by": names, "rest": Decimal(told["rest"])})


def _movement(row: Any, more: dict[str, Any]) -> SimpleNamespace:
    return SimpleNamespace(_mapping={**row._mapping, **more})


def _events(connection: Connection, query: Select[Any], who: Who) -> Iterator[Any]:
    for row in _streamed(connection, query):
        yield SimpleNamespace(_mapping={**row._mapping, "currency": who.currency})
