"""Does a month close? The roll-forward of a month and of its days, and the answer in a word."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func
from sqlalchemy.engine import Connection, Row
from sqlalchemy.sql.expression import Select

from airflow_provider_iyzico.ui.columns import view
from airflow_provider_iyzico.ui.parts import lack
from airflow_provider_iyzico.ui.questions import Period, Who, digits, is_less, of, plain

#: So many months are listed, up to the one that is shown.
MOST_MONTHS = 13
#: A day of iyzico_payout_daily ends at this hour in UTC.
_DAY_ENDS_AT_HOUR = 21


def month_of(connection: Connection, schema: str | None, who: Who, last: date, today: date, zone: ZoneInfo) -> dict[str, Any]:
    """Return the month of a day with its roll-forward, the months before it, and whether it closes; or what is lacking."""
    month = f"{last:%Y-%m}"
    if lacking := lack(connection, schema, "iyzico_balance_rollforward", "iyzico_balance_rollforward_month"):
        return {"month": month, "lack": lacking._asdict()}
    found = list(connection.execute(months(schema, who, month).limit(MOST_MONTHS)))
    shown = found[0] if found and found[0].month == month else None
    period = Period.of(last.replace(day=1), _last_day(last), zone)
    return {
        "month": month,
        "lack": None,
        "verdict": verdict(shown, is_over=period.last < today),
        "figures": shown and plain(shown) | {"not_arrived": not_arrived(connection, schema, who, period)},
        "days": [plain(row, zone) for row in connection.execute(days(schema, who, period))],
        "months": [plain(row) | {"verdict": verdict(row, is_over=row.month < f"{today:%Y-%m}")} for row in found],
    }


def months(schema: str | None, who: Who, month: str) -> Select[Any]:
    """Ask for the months up to one, the newest first."""
    source = view("iyzico_balance_rollforward_month", schema)
    return of(source, who).where(source.c.month <= month).order_by(source.c.month.desc())


def days(schema: str | None, who: Who, period: Period) -> Select[Any]:
    """Ask for the roll-forward of each day of a period, the newest first."""
    source = view("iyzico_balance_rollforward", schema)
    within = source.c.local_date.between(period.first, period.last)
    return of(source, who).where(within).order_by(source.c.local_date.desc())


def not_arrived(connection: Connection, schema: str | None, who: Who, period: Period) -> str | None:
    """Return what had left by the end of a period and was neither with its recipient nor back, without commission.

    It is ``None`` if the ledger has no views for it, or if days of the account do not end when those of the ledger's views do.
    """
    if period.ends_at.hour != _DAY_ENDS_AT_HOUR or lack(connection, schema, "iyzico_payout_movement", "iyzico_payout_daily"):
        return None
    moved, paid = view("iyzico_payout_movement", schema), view("iyzico_payout_daily", schema)
    by_direction = (
        of(moved, who, ("direction",))
        .add_columns(func.sum(moved.c.amount, type_=moved.c.amount.type).label("total"))
        .where(moved.c.happened_at < period.ends_at)
        .group_by(moved.c.direction)
    )
    sums = [
        func.coalesce(func.sum(paid.c[name]), 0, type_=paid.c[name].type).label(name) for name in ("paid_total", "bounced_total")
    ]
    arrived = connection.execute(of(paid, who).with_only_columns(*sums).where(paid.c.local_date <= period.last)).one()
    totals = {row.direction: row.total for row in connection.execute(by_direction)}
    left = totals.get("left", Decimal(0)) - totals.get("returned", Decimal(0))
    return digits(left - (arrived.paid_total - arrived.bounced_total))


def verdict(row: Row[Any] | None, *, is_over: bool) -> str:
    """Return whether a month closes.

    ``unknown``: nothing was observed. ``unexplained``: the balance moved by what no payout explains. ``under_way``: it lost no
    more than what authorized items may have taken of which nothing is known yet. ``open``: all is explained so far, and the month
    is not over. ``gaps``: all is explained, but some days were not observed closely enough. ``closes``: nothing of all that.
    """
    if row is None or row.unexplained is None:
        return "unknown"
    if row.unexplained != 0:
        may_be_under_way = row.unexplained < 0 and not is_less(row.under_way or Decimal(0), row.unexplained.copy_negate())
        return "under_way" if may_be_under_way else "unexplained"
    if not is_over:
        return "open"
    return "closes" if row.complete_days == row.days else "gaps"


def _last_day(day: date) -> date:
    following = date(day.year + day.month // 12, day.month % 12 + 1, 1)
    return date.fromordinal(following.toordinal() - 1)
