"""The routes of the page's parts. Each answers with one JSON object, or says which views it lacks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from fastapi import FastAPI
from fastapi.responses import JSONResponse
from sqlalchemy.engine import Connection

from airflow_provider_iyzico.ui import months, movements, payouts, questions
from airflow_provider_iyzico.ui.questions import Period, Who
from airflow_provider_iyzico.ui.reading import reading
from airflow_provider_iyzico.ui.report import latest_of, period_of
from airflow_provider_iyzico.ui.side_by_side import side_by_side
from airflow_provider_iyzico.zones import zone_named


class When(NamedTuple):
    """The period that a reader asks for, the account's time zone, and the day that it is there."""

    period: Period
    zone: ZoneInfo
    today: date


def add_to(app: FastAPI) -> None:
    """Add the routes."""
    app.get("/payouts")(payouts_of)
    app.get("/batch")(batch)
    app.get("/exceptions")(exceptions)
    app.get("/month")(month)
    app.get("/movements")(movements_of)
    app.get("/below")(below)
    app.get("/accounts")(accounts)


def _of_period(tell: Callable[[Connection, str | None, Who, When], dict[str, Any]]) -> Callable[..., JSONResponse]:
    """Return a route that tells something of an account in a period; without dates, today."""

    def route(environment: str, account: str, currency: str, first: date | None = None, last: date | None = None) -> JSONResponse:
        return _told(Who(environment, account, currency), first, last, tell)

    return route


#: What needs a person in an account, and its batches of a period.
payouts_of = _of_period(lambda connection, schema, who, when: payouts.payouts(connection, schema, who, when.period, when.zone))
#: The month of the last day of a period.
month = _of_period(
    lambda connection, schema, who, when: months.month_of(connection, schema, who, when.period.last, when.today, when.zone)
)
#: What moved the balance of an account in a period.
movements_of = _of_period(
    lambda connection, schema, who, when: movements.movements(connection, schema, who, when.period, when.zone)
)
#: For how long the balance of an account was below its threshold in a period.
below = _of_period(lambda connection, schema, who, when: movements.minutes_below(connection, schema, who, when.period))
#: How many exceptions an account has, whatever the period.
exceptions = _of_period(lambda connection, schema, who, when: payouts.exceptions_in_all(connection, schema, who))


def batch(environment: str, account: str, currency: str, external_id: str) -> JSONResponse:
    """One batch with its items and events."""
    return _told(
        Who(environment, account, currency),
        None,
        None,
        lambda connection, schema, who, when: payouts.batch(connection, schema, who, external_id, when.zone),
    )


def accounts() -> JSONResponse:
    """All accounts side by side."""
    with reading() as (connection, schema):
        return JSONResponse(side_by_side(connection, schema))


def _told(
    who: Who, first: date | None, last: date | None, tell: Callable[[Connection, str | None, Who, When], dict[str, Any]]
) -> JSONResponse:
    with reading() as (connection, schema):
        zone = zone_named(latest_of(connection, schema, who)["report_timezone"])
        today = datetime.now(UTC).astimezone(zone).date()
        when = When(period_of(first or today, last or today, zone), zone, today)
        found = tell(connection, schema, who, when)
    return JSONResponse({"now": questions.wall_clock(datetime.now(UTC), zone), **found})
