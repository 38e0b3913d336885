"""What the page asks, in terms of the views alone.

Money leaves as the digits that the view gave, in a string. Moments leave as the wall clock of the account's report time zone, in
milliseconds as if that clock were UTC, so that every reader sees the day that the reports mean.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal
from functools import partial
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import and_, or_, select
from sqlalchemy.engine import Connection, CursorResult, Row
from sqlalchemy.sql.expression import Select, TableClause

from airflow_provider_iyzico.ui.columns import view
from airflow_provider_iyzico.ui.line import clock_at, microseconds
from airflow_provider_iyzico.warehouse.views.dialects import LATE_CADENCES
from airflow_provider_iyzico.zones import zone_named

#: Amounts are compared in this context, whatever context the caller has. A NaN that was written by hand is no error.
_EXACT = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN, traps=[])


class Who(NamedTuple):
    """Whose balance."""

    environment: str
    account: str
    currency: str


class Period(NamedTuple):
    """Whole local days, the last included, and their bounds in UTC."""

    first: date
    last: date
    starts_at: datetime
    ends_at: datetime

    @classmethod
    def of(cls, first: date, last: date, zone: ZoneInfo) -> Period:
        """Return the period from the beginning of ``first`` to the end of ``last``."""
        starts_at, ends_at = (
            datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC) for day in (first, last + timedelta(1))
        )
        return cls(first, last, starts_at, ends_at)


def accounts(connection: Connection, schema: str | None) -> list[dict[str, Any]]:
    """Return the accounts, each with today's date in its time zone; production comes first.

    Nothing else is read, so that what somebody wrote by hand for one account hinders no reader of another.
    """
    source = view("iyzico_balance_latest", schema)
    labels = [source.c[name] for name in Who._fields]
    found: CursorResult[Any] = connection.execute(select(*labels, source.c.report_timezone).order_by(*labels))
    return [plain(row) | {"today": datetime.now(zone_named(row.report_timezone)).date().isoformat()} for row in found]


def latest(connection: Connection, schema: str | None, who: Who) -> dict[str, Any] | None:
    """Return the newest balance of an account, if there is such an account."""
    row = connection.execute(of(view("iyzico_balance_latest", schema), who)).first()
    if row is None:
        return None
    zone = zone_named(row.report_timezone)
    return plain(row, zone) | {
        "report_timezone": zone.key,
        "is_below": row.threshold is not None and is_less(row.balance, row.threshold),
        "stale_after_minutes": LATE_CADENCES * row.cadence_minutes,
    }


def runway(connection: Connection, schema: str | None, who: Who) -> list[dict[str, Any]]:
    """Return for how long the balance lasts, by the outflow of each window of days."""
    source = view("iyzico_balance_runway", schema)
    return [plain(row) for row in connection.execute(of(source, who).order_by(source.c.window_days))]


def days(
    connection: Connection, schema: str | None, who: Who, period: Period, *, is_newest_first: bool = False
) -> list[Row[Any]]:
    """Return the daily report of a period, the oldest day first unless told otherwise."""
    source = view("iyzico_balance_daily", schema)
    within = source.c.local_date.between(period.first, period.last)
    order = source.c.local_date.desc() if is_newest_first else source.c.local_date
    return list(connection.execute(of(source, who).where(within).order_by(order)))


def gates(connection: Connection, schema: str | None, who: Who, period: Period, most: int | None = None) -> list[Row[Any]]:
    """Return the gates that waited within a period, the newest first, up to a limit."""
    source = view("iyzico_payout_coverage", schema)
    overlaps = and_(
        source.c.waiting_since < period.ends_at,
        or_(
            source.c.ended_at >= period.starts_at,
            and_(source.c.ended_at.is_(None), or_(source.c.outcome == "waiting", source.c.waits_until >= period.starts_at)),
        ),
    )
    statement = of(source, who).where(overlaps).order_by(source.c.waiting_since.desc()).limit(most)
    return list(connection.execute(statement))


def observations(
    connection: Connection,
    schema: str | None,
    who: Who,
    period: Period,
    names: Sequence[str] = (),
    *,
    is_newest_first: bool = False,
) -> Iterator[Row[Any]]:
    """Return what was seen within a period, the oldest first unless told otherwise.

    :param names: the columns that are wanted, if not all
    """
    source = view("iyzico_balance_observed", schema)
    within = and_(source.c.observed_at >= period.starts_at, source.c.observed_at < period.ends_at)
    order = [source.c.observed_at, source.c.snapshot_id]
    statement = of(source, who, names).where(within).order_by(*[each.desc() for each in order] if is_newest_first else order)
    yield from connection.execute(statement.execution_options(yield_per=5000))


#: What may be downloaded, by its name in the address.
NEWEST_FIRST: dict[str, Callable[[Connection, str | None, Who, Period], Iterable[Row[Any]]]] = {
    "observations": partial(observations, is_newest_first=True),
    "days": partial(days, is_newest_first=True),
    "gates": gates,
}


def observation_before(
    connection: Connection, schema: str | None, who: Who, moment: datetime | None, names: Sequence[str] = ()
) -> Row[Any] | None:
    """Return the last observation before a moment; without one, the newest."""
    source = view("iyzico_balance_observed", schema)
    earlier = of(source, who, names).order_by(source.c.observed_at.desc(), source.c.snapshot_id.desc()).limit(1)
    return connection.execute(earlier if moment is None else earlier.where(source.c.observed_at < moment)).first()


def plain(row: Row[Any], zone: ZoneInfo | None = None) -> dict[str, Any]:
    """Return a row for JSON, with every digit."""
    return {name: _plain(value, zone) for name, value in row._mapping.items()}


def digits(amount: Decimal) -> str:
    """Return an amount's digits without needless zeros, and without the sign that SQLite may give a zero."""
    written = format(amount if amount else amount.copy_abs(), "f")
    return written.rstrip("0").rstrip(".") if "." in written else written


def is_less(one: Decimal, other: Decimal) -> bool:
    """Tell whether one amount is less than another. A value that is not a number is never less."""
    return _EXACT.compare(one, other) == -1


def wall_clock(moment: datetime, zone: ZoneInfo) -> int:
    """Return what a clock in ``zone`` showed, in milliseconds, as if the zone were UTC."""
    return clock_at(microseconds(moment), zone)


def _plain(value: Any, zone: ZoneInfo | None) -> Any:
    if isinstance(value, Decimal):
        return digits(value)
    if isinstance(value, datetime):
        return wall_clock(value, zone or ZoneInfo("UTC"))
    return value.isoformat() if isinstance(value, date) else value


def of(source: TableClause, who: Who, names: Sequence[str] = ()) -> Select[Any]:
    """Return the query of an account's rows of a view, of all columns unless some are named."""
    wanted = [source.c[name] for name in names or source.c.keys()]
    return select(*wanted).where(*[source.c[name] == value for name, value in who._asdict().items()])
