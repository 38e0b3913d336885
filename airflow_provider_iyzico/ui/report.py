"""Everything that the page shows of one account in one period, as one JSON object."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.engine import Connection, Row

from airflow_provider_iyzico.ui import questions
from airflow_provider_iyzico.ui.notices import Notice
from airflow_provider_iyzico.ui.payouts import available
from airflow_provider_iyzico.ui.points import points
from airflow_provider_iyzico.ui.questions import Period, Who, plain, wall_clock
from airflow_provider_iyzico.ui.reasons import reason_code
from airflow_provider_iyzico.ui.thresholds import with_days_to_threshold
from airflow_provider_iyzico.zones import zone_named

#: Up to this many days the chart draws observations. For a longer period it draws one point per day.
MOST_OBSERVED_DAYS = 31
MOST_DAYS = 3 * 366
#: At most this many gates are listed and drawn: the newest.
MOST_GATES = 200
_OLDEST, _NEWEST = date(1900, 1, 1), date(9000, 1, 1)


def report(connection: Connection, schema: str | None, who: Who, first: date | None, last: date | None) -> dict[str, Any]:
    """Return what the page shows of an account in a period; without dates, today.

    :raises Notice: there is no such account, or no such period
    """
    latest = latest_of(connection, schema, who)
    zone = zone_named(latest["report_timezone"])
    now = datetime.now(UTC)
    today = now.astimezone(zone).date()
    period = period_of(first or today, last or today, zone)
    seen_by = questions.observation_before(connection, schema, who, None, ("dag_id", "run_id"))
    days = questions.days(connection, schema, who, period)
    gates = [_gate(gate, zone) for gate in questions.gates(connection, schema, who, period, MOST_GATES)]
    is_observed = (period.last - period.first).days < MOST_OBSERVED_DAYS
    return {
        "latest": latest,
        "seen_by": seen_by and plain(seen_by),
        "funds": available(connection, schema, who, latest, zone),
        "runway": with_days_to_threshold(questions.runway(connection, schema, who), latest),
        "now": wall_clock(now, zone),
        "today": today.isoformat(),
        "first": period.first.isoformat(),
        "last": period.last.isoformat(),
        "starts_at": wall_clock(period.starts_at, zone),
        "ends_at": wall_clock(period.ends_at, zone),
        "points": list(points(connection, schema, who, period, days, zone)) if is_observed else None,
        "days": [plain(day, zone) for day in days],
        "gates": gates,
        "most_gates": MOST_GATES,
    }


def _gate(gate: Row[Any], zone: ZoneInfo) -> dict[str, Any]:
    return plain(gate, zone) | {"reason_code": reason_code(gate.outcome, gate.reason, gate.last_balance)}


def latest_of(connection: Connection, schema: str | None, who: Who) -> dict[str, Any]:
    """Return the newest balance of an account.

    :raises Notice: there is no such account
    """
    if (latest := questions.latest(connection, schema, who)) is None:
        raise Notice("not_found", "/".join(who))
    return latest


def period_of(first: date, last: date, zone: ZoneInfo) -> Period:
    """Return the period of whole days that a reader asked for.

    :raises Notice: it ends before it begins, or is too long
    """
    if (last - first).days not in range(MOST_DAYS) or not _OLDEST <= first <= last <= _NEWEST:
        raise Notice("bad_period", f"{first} … {last}", days=MOST_DAYS)
    return Period.of(first, last, zone)
