"""What moved the balance: each change that was seen, and the batches that explain it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.engine import Connection
from sqlalchemy.sql.expression import Select

from airflow_provider_iyzico.ui.columns import view
from airflow_provider_iyzico.ui.parts import lack
from airflow_provider_iyzico.ui.questions import Period, Who, digits, observation_before, of, plain

#: At most so many changes are listed, the newest, and for them at most so many steps of batches are read. Where a step began
#: before these changes or was seen after them, twice as many are read.
MOST_MOVEMENTS = 300
MOST_STEPS = 5000


class Matched(NamedTuple):
    """Changes, the newest first, and for each the steps that explain it.

    :param is_in_part: there were more steps than were read
    """

    rows: list[Any]
    steps: list[list[Any]]
    is_in_part: bool


def movements(connection: Connection, schema: str | None, who: Who, period: Period, zone: ZoneInfo) -> dict[str, Any]:
    """Return the changes of a period with what explains them."""
    lacking = lack(connection, schema, "iyzico_payout_movement")
    rows, steps, is_in_part = matched(connection, schema, who, period, MOST_MOVEMENTS, 0 if lacking else MOST_STEPS)
    return {
        "lack": lacking and lacking._asdict(),
        "movements": [plain(row, zone) | explanation(row, each) for row, each in zip(rows, steps, strict=True)],
        "most_movements": MOST_MOVEMENTS,
        "is_explained_in_part": is_in_part,
    }


def matched(connection: Connection, schema: str | None, who: Who, period: Period, most: int, most_steps: int) -> Matched:
    """Return the newest changes of a period, with what explains them.

    :param most: at most so many changes
    :param most_steps: at most so many steps of batches; 0 reads none
    """
    rows = list(connection.execute(changes(connection, schema, who, period).limit(most)))
    if not rows or not most_steps:
        return Matched(rows, [[] for _ in rows], is_in_part=False)
    steps = list(connection.execute(_steps(schema, who, rows[-1].after_moment, rows[0].seen_at).limit(most_steps)))
    known = period._replace(starts_at=rows[-1].after_moment) if len(rows) == most else period
    seen = rows
    if (wide := _wide(connection, schema, who, known, steps)) != known:
        more = list(connection.execute(changes(connection, schema, who, wide).limit(2 * most + 1)))
        if len(more) <= 2 * most:
            seen, known = more, wide
            steps = list(connection.execute(_steps(schema, who, wide.starts_at, wide.ends_at).limit(most_steps)))
    later = sum(row.seen_at >= period.ends_at for row in seen)
    found = match(seen, steps, known.starts_at, known.ends_at)[later : later + len(rows)]
    return Matched(rows, found, is_in_part=len(steps) >= most_steps)


def changes(connection: Connection, schema: str | None, who: Who, period: Period) -> Select[Any]:
    """Ask for the changes of a period, the newest first: the same as in iyzico_balance_movement.

    That view compares all observations of an account, which takes a second where they are half a million. This reads the period.
    """
    source = view("iyzico_balance_observed", schema)
    before = observation_before(connection, schema, who, period.starts_at, ("observed_at",))
    order = (source.c.observed_at, source.c.snapshot_id)
    seen = (
        of(source, who)
        .add_columns(
            func.lag(source.c.balance, type_=source.c.balance.type).over(order_by=order).label("previous_balance"),
            func.lag(source.c.observed_at, type_=source.c.observed_at.type).over(order_by=order).label("after_moment"),
        )
        .where(
            source.c.observed_at >= (before.observed_at if before else period.starts_at), source.c.observed_at < period.ends_at
        )
        .subquery()
    )
    names = ("environment", "account", "currency", "balance", "previous_balance", "after_moment", "dag_id", "task_id", "run_id")
    is_change = seen.c.balance != seen.c.previous_balance, seen.c.observed_at >= period.starts_at
    query = select(*[seen.c[name] for name in names], seen.c.observed_at.label("seen_at")).where(*is_change)
    return query.order_by(seen.c.observed_at.desc(), seen.c.snapshot_id.desc())


def minutes_below(connection: Connection, schema: str | None, who: Who, period: Period) -> dict[str, Any]:
    """Return for how long the balance was below its threshold on each day of a period, or what is lacking."""
    if lacking := lack(connection, schema, "iyzico_balance_below"):
        return {"lack": lacking._asdict(), "days": []}
    return {"lack": None, "days": [plain(row) for row in connection.execute(below(schema, who, period))]}


def below(schema: str | None, who: Who, period: Period) -> Select[Any]:
    """Ask for how long the balance was below its threshold on each day of a period, the newest first."""
    source = view("iyzico_balance_below", schema)
    within = source.c.local_date.between(period.first, period.last)
    return of(source, who).where(within).order_by(source.c.local_date.desc(), source.c.threshold)


def _steps(schema: str | None, who: Who, after: datetime, until: datetime) -> Select[Any]:
    """Ask for what the ledger saw leave and return, one row for all items of a batch that did so at the same time."""
    source = view("iyzico_payout_movement", schema)
    same = source.c.external_id, source.c.not_before, source.c.happened_at, source.c.direction
    sums = [
        func.sum(func.coalesce(source.c[name], 0, type_=source.c[name].type), type_=source.c[name].type).label(name)
        for name in ("amount", "commission")
    ]
    rows = of(source, who, ("external_id", "not_before", "happened_at", "direction")).add_columns(
        func.count().label("items"), *sums
    )
    within = source.c.happened_at > after, source.c.not_before < until
    return rows.where(*within).group_by(*same).order_by(source.c.happened_at.desc())


def _wide(connection: Connection, schema: str | None, who: Who, period: Period, steps: list[Any]) -> Period:
    """Return the period with all changes that the steps may explain, up to the first snapshot after the last of them."""
    if not steps:
        return period
    source, last = view("iyzico_balance_observed", schema), max(step.happened_at for step in steps)
    following = of(source, who, ("observed_at",)).where(source.c.observed_at >= last).order_by(source.c.observed_at).limit(1)
    after = connection.execute(following).scalar()
    return period._replace(
        starts_at=min(period.starts_at, *[step.not_before for step in steps]),
        ends_at=max(period.ends_at, after + timedelta(microseconds=1)) if after else period.ends_at,
    )


def match(rows: list[Any], steps: Iterable[Any], known_from: datetime, known_to: datetime) -> list[list[Any]]:
    """Return for each change the steps that explain it, as iyzico_payout_booking finds the day of a movement.

    Money left or returned between ``not_before`` and ``happened_at``. In that time it is the first change by which the balance
    lost that much, and for a return the last one by which it gained that much. If there is none, or not all of that time is
    listed, it is the change that was seen next after the ledger saw the step.

    :param rows: the newest first
    :param known_from: since when all changes are in ``rows``, until ``known_to``
    """
    in_order = list(reversed(rows))
    ends = [row.seen_at for row in in_order]
    rests = [row.balance - row.previous_balance for row in in_order]
    found: list[list[Any]] = [[] for _ in rows]
    for step in sorted(steps, key=lambda each: (each.happened_at, each.external_id)):
        change = _change(step)
        begin, next_one = bisect_right(ends, step.not_before), bisect_left(ends, step.happened_at)
        places = range(begin, min(next_one + 1, len(ends)))
        fitting = [place for place in places if in_order[place].after_moment < step.happened_at and _fits(change, rests[place])]
        if fitting and known_from <= step.not_before and step.happened_at <= known_to:
            place = fitting[0] if change < 0 else fitting[-1]
        elif next_one < len(ends) and in_order[next_one].after_moment < step.happened_at:
            place = next_one
        else:
            continue
        rests[place] -= change
        found[len(rows) - 1 - place].append(step)
    return found


def _change(step: Any) -> Decimal:
    amount: Decimal = step.amount + step.commission
    return amount if step.direction == "returned" else -amount


def _fits(change: Decimal, rest: Decimal) -> bool:
    return rest <= change < 0 or 0 < change <= rest


def explanation(row: Any, steps: list[Any]) -> dict[str, Any]:
    """Return by batch what left and what returned, with commissions, and what of the change that does not explain."""
    parts: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    counts: dict[tuple[str, str], int] = defaultdict(int)
    for step in steps:
        key = step.external_id, step.direction
        parts[key] += _change(step)
        counts[key] += step.items
    change = row.balance - row.previous_balance
    explained = sum(parts.values(), Decimal(0))
    return {
        "change": digits(change),
        "explained_by": [
            {"external_id": name, "direction": direction, "change": digits(part), "items": counts[name, direction]}
            for (name, direction), part in parts.items()
        ],
        "rest": digits(change - explained),
    }
