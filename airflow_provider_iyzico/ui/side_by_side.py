"""All accounts on one screen: what each has, what is set aside, and what needs a person."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.expression import Select

from airflow_provider_iyzico.ui.columns import view
from airflow_provider_iyzico.ui.parts import Lack, lack
from airflow_provider_iyzico.ui.payouts import is_newer
from airflow_provider_iyzico.ui.questions import Who, accounts, digits, is_less, of, plain
from airflow_provider_iyzico.warehouse.database.faults import is_unreadable
from airflow_provider_iyzico.zones import zone_named

#: At most so many accounts are listed on the page. A file has all of them.
MOST_ACCOUNTS = 100
_BALANCE = ("balance", "observed_at", "age_minutes", "is_stale", "threshold")
_FUNDS = ("held", "available", "balance_asked_at")


def side_by_side(connection: Connection, schema: str | None) -> dict[str, Any]:
    """Return every account with its newest balance, what is available of it, and how many exceptions are open.

    An account may be in the ledger only, or in the snapshots only. A row that was written by hand hinders its own account alone.
    """
    lacking, found, in_all = accounts_of(connection, schema, MOST_ACCOUNTS)
    return {
        "lack": lacking and lacking._asdict(),
        "accounts": [plain(SimpleNamespace(_mapping=row), zone_named(row["report_timezone"])) for row in found],  # type: ignore[arg-type]
        "accounts_in_all": in_all,
        "totals": totals(found) if len(found) == in_all else [],
    }


def totals(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the sums of each environment and currency that has several accounts; of figures that are not all known, none."""
    groups: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in found:
        groups[row["environment"], row["currency"]].append(row)
    return [
        {"environment": environment, "currency": currency, "accounts": len(rows)}
        | {name: _sum([row[name] for row in rows]) for name in ("balance", "held", "available")}
        for (environment, currency), rows in sorted(groups.items())
        if len(rows) > 1
    ]


def _sum(amounts: list[Decimal | None]) -> str | None:
    known = [amount for amount in amounts if amount is not None]
    return digits(sum(known, Decimal(0))) if len(known) == len(amounts) else None


def accounts_of(
    connection: Connection, schema: str | None, most: int | None = None
) -> tuple[Lack | None, list[dict[str, Any]], int]:
    """Return what is lacking of the ledger, the accounts, and how many there are.

    :param most: return no more than these, the first by their labels
    """
    lacking = lack(connection, schema, "iyzico_balance_available", "iyzico_payout_exception")
    known = {Who(*[each[name] for name in Who._fields]): each["report_timezone"] for each in accounts(connection, schema)}
    if lacking is None:
        for row in connection.execute(_labels(schema)):
            known.setdefault(Who(*row), "UTC")
    shown = sorted(known)[:most]
    rows = [
        who._asdict() | {"report_timezone": known[who]} | _figures(connection, schema, who, has_ledger=lacking is None)
        for who in shown
    ]
    problems = _problems(connection, schema, shown) if lacking is None else {}
    for who, account in zip(shown, rows, strict=True):
        account |= problems.get(who) or {"exceptions": 0 if lacking is None else None, "oldest_hours": None}
    return lacking, rows, len(known)


def _figures(connection: Connection, schema: str | None, who: Who, *, has_ledger: bool) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys((*_BALANCE, *_FUNDS, "is_below")) | {"is_by_hand": 0}
    with _reading_by_hand(row):
        if seen := connection.execute(of(view("iyzico_balance_latest", schema), who, _BALANCE)).first():
            row |= seen._mapping
            row["is_below"] = int(seen.threshold is not None and is_less(seen.balance, seen.threshold))
        if has_ledger and (funds := connection.execute(of(view("iyzico_balance_available", schema), who, _FUNDS)).first()):
            row |= funds._mapping
            if is_newer(row["observed_at"], funds.balance_asked_at):
                row |= {"available": row["balance"] - funds.held, "balance_asked_at": row["observed_at"]}
    return row


@contextmanager
def _reading_by_hand(row: dict[str, Any]) -> Iterator[None]:
    """Note in an account's row that what somebody wrote by hand cannot be read. What was read before stays."""
    try:
        yield
    except (ArithmeticError, AttributeError, TypeError, ValueError):
        row["is_by_hand"] = 1
    except DBAPIError as error:
        if not is_unreadable(error):
            raise
        row["is_by_hand"] = 1


def _labels(schema: str | None) -> Select[Any]:
    source = view("iyzico_balance_available", schema)
    return select(*[source.c[name] for name in Who._fields])


def _problems(connection: Connection, schema: str | None, shown: list[Who]) -> dict[Who, dict[str, Any]]:
    """Return how many exceptions each account has, and how old the oldest is. One query tells it, unless a row is by hand."""
    source = view("iyzico_payout_exception", schema)
    labels = [source.c[name] for name in Who._fields]
    figures = func.count().label("exceptions"), func.max(source.c.age_hours, type_=source.c.age_hours.type).label("oldest_hours")
    of_all: dict[str, Any] = {}
    found: dict[Who, dict[str, Any]] = {}
    with _reading_by_hand(of_all):
        rows = connection.execute(select(*labels, *figures).group_by(*labels))
        found = {Who(*row[:3]): {"exceptions": row.exceptions, "oldest_hours": row.oldest_hours} for row in rows}
    for who in shown if of_all else ():
        found[who] = {"exceptions": None, "oldest_hours": None}
        with _reading_by_hand(found[who]):
            found[who] |= connection.execute(of(source, who).with_only_columns(*figures)).one()._mapping
    return found
