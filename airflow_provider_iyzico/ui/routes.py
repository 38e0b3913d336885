"""The routes of the page's parts. Each answers with one JSON object, or says which views it lacks."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from fastapi import FastAPI
from fastapi.responses import JSONResponse
from sqlalchemy.engine import Connection

from airflow_provider_iyzico.ui import months, movements, payouts, questions
from airflow_provider_iyzico.ui.questions import Period, Who
from airflow_provider_iyzico.ui.reading import reading
from airflow_provider_iyzico.ui.report import latest_of, period_of
from airflow_provider_iyzico.ui.side_by_side import side_by_side


def add_to(app: FastAPI) -> None:
    """Add the routes."""
    app.get("/payouts")(payouts_of)
    app.get("/batch")(batch)
    app.get("/month")(month)
    app.get("/movements")(movements_of)
    app.get("/below")(below)
    app.get("/accounts")(accounts)


def payouts_of(
    environment: str, account: str, currency: str, first: date | None = None, last: date | None = None
) -> JSONResponse:
    """What needs a person in an account, and its batches of a period."""
    who = Who(environment, account, currency)
    with reading() as (connection, schema):
        period, zone, _ = _when(connection, schema, who, first, last)
        return _answer(payouts.payouts(connection, schema, who, period, zone), zone)


def batch(environment: str, account: str, currency: str, external_id: str) -> JSONResponse:
    """One batch with its items and events."""
    who = Who(environment, account, currency)
    with reading() as (connection, schema):
        _, zone, _ = _when(connection, schema, who, None, None)
        return _answer(payouts.batch(connection, schema, who, external_id, zone), zone)


def month(environment: str, account: str, currency: str, first: date | None = None, last: date | None = None) -> JSONResponse:
    """The month of the last day of a period."""
    who = Who(environment, account, currency)
    with reading() as (connection, schema):
        period, zone, today = _when(connection, schema, who, first, last)
        return _answer(months.month_of(connection, schema, who, period.last, today, zone), zone)


def movements_of(
    environment: str, account: str, currency: str, first: date | None = None, last: date | None = None
) -> JSONResponse:
    """What moved the balance of an account in a period."""
    who = Who(environment, account, currency)
    with reading() as (connection, schema):
        period, zone, _ = _when(connection, schema, who, first, last)
        return _answer(movements.movements(connection, schema, who, period, zone), zone)


def below(environment: str, account: str, currency: str, first: date | None = None, last: date | None = None) -> JSONResponse:
    """For how long the balance of an account was below its threshold in a period."""
    who = Who(environment, account, currency)
    with reading() as (connection, schema):
        period, zone, _ = _when(connection, schema, who, first, last)
        return _answer(movements.minutes_below(connection, schema, who, period), zone)


def accounts() -> JSONResponse:
    """All accounts side by side."""
    with reading() as (connection, schema):
        return JSONResponse(side_by_side(connection, schema))


def _when(
    connection: Connection, schema: str | None, who: Who, first: date | None, last: date | None
) -> tuple[Period, Any, date]:
    zone = questions.zone_named(latest_of(connection, schema, who)["report_timezone"])
    today = datetime.now(UTC).astimezone(zone).date()
    return period_of(first or today, last or today, zone), zone, today


def _answer(found: dict[str, Any], zone: Any) -> JSONResponse:
    return JSONResponse({"now": questions.wall_clock(datetime.now(UTC), zone), **found})
