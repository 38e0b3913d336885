"""Reads one account's month from the views, in one consistent transaction that changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import localcontext
from typing import Any

from sqlalchemy import Date, Integer, String, column, select, table
from sqlalchemy.engine import Connection, Engine, Row
from sqlalchemy.sql.expression import TableClause

from airflow_provider_iyzico.errors import WarehouseConfigurationError, WarehouseRowError, WarehouseStatementError
from airflow_provider_iyzico.warehouse.database.exact import EXACT
from airflow_provider_iyzico.warehouse.database.layout import absent
from airflow_provider_iyzico.warehouse.database.patience import patience_now
from airflow_provider_iyzico.warehouse.database.transaction import settle
from airflow_provider_iyzico.warehouse.database.types import Instant, Money
from airflow_provider_iyzico.warehouse.local_day import start_and_end
from airflow_provider_iyzico.warehouse.statement.figures import Day, Figures, Movement, Totals, Whose
from airflow_provider_iyzico.warehouse.statement.months import first_and_last
from airflow_provider_iyzico.warehouse.views import quoted
from airflow_provider_iyzico.warehouse.views.dialects import KEPT

_LATEST, _DAYS, _MONTHS = "iyzico_balance_latest", "iyzico_balance_rollforward", "iyzico_balance_rollforward_month"
_MOVEMENTS = "iyzico_payout_booking"
_TEXT, _WHOLE, _DAY, _MOMENT, _MONEY = String(), Integer(), Date(), Instant(), Money(38)
_WHOSE = dict.fromkeys(("environment", "account", "currency"), _TEXT)
_SUMS = dict.fromkeys(
    ("opening", "came_in", "left_total", "left_commission", "returned_total", "returned_commission", "closing"), _MONEY
)
#: The columns that are read of each view.
COLUMNS: dict[str, dict[str, Any]] = {
    _LATEST: {**_WHOSE, "report_timezone": _TEXT},
    _DAYS: {**_WHOSE, "local_date": _DAY, "starts_at": _MOMENT, "ends_at": _MOMENT, **_SUMS, "unexplained": _MONEY},
    _MONTHS: {
        **_WHOSE,
        "month": _TEXT,
        **_SUMS,
        "unexplained": _MONEY,
        "under_way": _MONEY,
        "days": _WHOLE,
        "complete_days": _WHOLE,
    },
    _MOVEMENTS: {
        **_WHOSE,
        "local_date": _DAY,
        "happened_at": _MOMENT,
        "direction": _TEXT,
        "external_id": _TEXT,
        "amount": _MONEY,
        "commission": _MONEY,
    },
}


def read_figures(
    engine: Engine, schema: str | None, month: str, account: str, environment: str | None = None, currency: str | None = None
) -> Figures:
    """Return what the views say of an account's month, in a transaction of its own.

    :raises WarehouseConfigurationError: the database has no such views
    :raises WarehouseStatementError: what :func:`figures_of` raises
    :raises WarehouseRowError: a row that somebody wrote by hand cannot be read
    """
    first_and_last(month)
    _check_views(engine, schema)
    with engine.connect() as connection, _unchanging(connection), localcontext(EXACT):
        try:
            return figures_of(connection, schema, month, account, environment, currency)
        except (ArithmeticError, TypeError, ValueError) as error:
            raise WarehouseRowError(
                f"a row that somebody wrote by hand cannot be read ({type(error).__name__}); "
                "`python -m airflow_provider_iyzico.warehouse rebuild` names it"
            ) from error


def figures_of(
    connection: Connection, schema: str | None, month: str, account: str, environment: str | None, currency: str | None
) -> Figures:
    """Return what the views say of an account's month, in a transaction in which every query sees the same rows.

    :param month: such as ``2026-11``
    :param environment: if there are several for this account, as ``currency``
    :raises WarehouseStatementError: there is no such account, or more than one, or the month is not over, or has no days
    """
    first, last = first_and_last(month)
    whose, zone, others = _whose(connection, schema, account, environment, currency)
    return replace(_Reader(connection, schema, whose, zone).figures(month, first, last), others=others)


def _check_views(engine: Engine, schema: str | None) -> None:
    if engine.dialect.name not in KEPT:
        raise WarehouseConfigurationError(f"it is {engine.dialect.name}; statements are made on {', '.join(KEPT)}")
    if missing := absent(engine, list(COLUMNS), schema):
        raise WarehouseConfigurationError(
            f"{', '.join(quoted(name, schema) for name in missing)} not there. A statement needs the snapshots and the ledger in "
            "one schema; name it with --schema. The next task that opens the ledger makes the views, and "
            "`python -m airflow_provider_iyzico.ledger ddl --rollforward` prints them"
        )


@contextmanager
def _unchanging(connection: Connection) -> Iterator[None]:
    """Begin a transaction in which every query sees the same rows."""
    with connection.begin():
        if connection.dialect.name != "sqlite":
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        settle(connection, patience_now())
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN")
        yield


def _whose(
    connection: Connection, schema: str | None, account: str, environment: str | None, currency: str | None
) -> tuple[Whose, str, tuple[Whose, ...]]:
    """Return the one account that is meant, its report time zone, and the other accounts."""
    view = _view(_LATEST, schema)
    rows = connection.execute(select(view).order_by(*(view.c[name] for name in _WHOSE))).all()
    found = [
        (Whose(row.environment, row.account, row.currency), row.report_timezone)
        for row in rows
        if row.account == account and environment in (None, row.environment) and currency in (None, row.currency)
    ]
    if len(found) == 1:
        ((whose, zone),) = found
        known = [Whose(row.environment, row.account, row.currency) for row in rows]
        return whose, zone, tuple(each for each in known if each != whose)
    if found:
        raise WarehouseStatementError(
            f"there are {', '.join(str(whose) for whose, _ in found)}; say which with --environment and --currency"
        )
    there = ", ".join(f"{row.environment}/{row.account}/{row.currency}" for row in rows)
    asked = "/".join((environment or "*", account, currency or "*"))
    raise WarehouseStatementError(f"there is no snapshot of {asked}; there are snapshots of {there or 'no account'}")


class _Reader:
    """The views of one account."""

    def __init__(self, connection: Connection, schema: str | None, whose: Whose, zone: str) -> None:
        self.connection, self.schema, self.whose, self.zone = connection, schema, whose, zone

    def figures(self, month: str, first: date, last: date) -> Figures:
        """Return the month. The days around it tell whether it is the first one, and whether anything was seen after it."""
        _, ends_at = start_and_end(last, self.zone)
        if datetime.now(UTC) < ends_at:
            raise WarehouseStatementError(
                f"{month} is not over for {self.whose}: it ends at {ends_at:%Y-%m-%d %H:%M} UTC; ask again after that"
            )
        around = self._days(first - timedelta(1), last + timedelta(1))
        days = [day for day in around if first <= day.local_date <= last]
        if not days and (first_day := self._first_day()) > last:
            raise WarehouseStatementError(f"{self.whose} has no day in {month}: its first snapshot is of {first_day}")
        if not days or around[-1].local_date <= last:
            raise WarehouseStatementError(
                f"the warehouse has no {self.whose.environment} snapshot since {month} ended, so its last days may be missing; "
                "record one, and ask again"
            )
        if len(days) != (last - days[0].local_date).days + 1:
            raise self._without_days()
        return Figures(
            whose=self.whose,
            month=month,
            report_timezone=self.zone,
            days=tuple(days),
            movements=self._movements(days[0].local_date, last),
            totals=self._totals(month),
            is_first=around[0].local_date == days[0].local_date,
        )

    def _days(self, first: date, last: date) -> list[Day]:
        view = self._view(_DAYS)
        rows = self._rows(view, view.c.local_date.between(first, last), order=view.c.local_date)
        return [Day(**_values(row)) for row in rows]

    def _first_day(self) -> date:
        view = self._view(_DAYS)
        for row in self._rows(view, order=view.c.local_date):
            return row.local_date  # type: ignore[no-any-return]
        raise self._without_days()

    def _without_days(self) -> WarehouseStatementError:
        return WarehouseStatementError(
            f"days are missing in the calendar of {self.whose}; compute them again with "
            "`python -m airflow_provider_iyzico.warehouse rebuild`"
        )

    def _movements(self, first: date, last: date) -> tuple[Movement, ...]:
        view = self._view(_MOVEMENTS)
        rows = self._rows(view, view.c.local_date.between(first, last), order=view.c.happened_at)
        return tuple(Movement(**_values(row)) for row in rows)

    def _totals(self, month: str) -> Totals:
        view = self._view(_MONTHS)
        (row,) = self._rows(view, view.c.month == month, order=view.c.month)
        return Totals(**{name: value for name, value in _values(row).items() if name != "month"})

    def _view(self, name: str) -> TableClause:
        return _view(name, self.schema)

    def _rows(self, view: TableClause, *which: Any, order: Any) -> list[Row[Any]]:
        mine = [view.c[each] == getattr(self.whose, each) for each in _WHOSE]
        return list(self.connection.execute(select(view).where(*mine, *which).order_by(order)))


def _view(name: str, schema: str | None) -> TableClause:
    return table(name, *[column(each, kind) for each, kind in COLUMNS[name].items()], schema=schema)


def _values(row: Row[Any]) -> dict[str, Any]:
    return {name: value for name, value in row._mapping.items() if name not in _WHOSE}
