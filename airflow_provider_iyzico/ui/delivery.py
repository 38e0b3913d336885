"""The routes by which a table of the page is downloaded. A file is complete, or there is none."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from io import SEEK_END, BytesIO
from types import SimpleNamespace
from typing import IO, Annotated, Any, Literal, NamedTuple
from urllib.parse import quote

from fastapi import Depends, FastAPI, Query, Request
from fastapi.responses import StreamingResponse
from starlette.background import BackgroundTask

from airflow_provider_iyzico.errors import WarehouseStatementError
from airflow_provider_iyzico.ui import downloads, xlsx
from airflow_provider_iyzico.ui.asked import language_of
from airflow_provider_iyzico.ui.files import Asked, OfBatch, OfPeriod, rows_of
from airflow_provider_iyzico.ui.notices import Notice
from airflow_provider_iyzico.ui.parts import lack
from airflow_provider_iyzico.ui.questions import Who
from airflow_provider_iyzico.ui.reading import reading
from airflow_provider_iyzico.ui.report import latest_of, period_of
from airflow_provider_iyzico.ui.side_by_side import accounts_of
from airflow_provider_iyzico.warehouse.statement.entries import statement_of
from airflow_provider_iyzico.warehouse.statement.formats import FORMATS
from airflow_provider_iyzico.warehouse.statement.read import figures_of
from airflow_provider_iyzico.zones import zone_named

CHUNK_BYTES = 65_536
Kind = Literal["csv", "xlsx"]
_MEDIA_TYPES = {"csv": "text/csv; charset=utf-8", "xlsx": xlsx.MEDIA_TYPE}


class Form(NamedTuple):
    """How a reader wants the file."""

    kind: Kind
    language: str
    style: downloads.Style


def _form(
    request: Request,
    kind: Kind = "csv",
    separator: Literal["semicolon", "comma", "tab"] | None = None,
    decimal_sign: Literal["comma", "point"] | None = None,
) -> Form:
    language = language_of(request)
    return Form(kind, language, downloads.Style.of(language, separator, decimal_sign))


AskedForm = Annotated[Form, Depends(_form)]


def add_to(app: FastAPI) -> None:
    """Add the routes."""
    app.get("/file/accounts")(all_accounts)
    app.get("/file/batch/{what}")(of_batch)
    app.get("/file/statement/{kind}")(statement)
    app.get("/file/{what}")(of_period)


def of_period(
    what: OfPeriod, environment: str, account: str, currency: str, first: date, last: date, form: AskedForm
) -> StreamingResponse:
    """One of the tables of an account and a period, the newest row first."""
    who = Who(environment, account, currency)
    with reading() as (connection, schema):
        zone = zone_named(latest_of(connection, schema, who)["report_timezone"])
        rows = rows_of(connection, schema, Asked(what, who, period_of(first, last, zone)))
        content = _made(form, what, rows, zone)
    return _sent_table(form, what, content, downloads.file_name(who, what, first, last, form.kind))


def of_batch(
    what: OfBatch, environment: str, account: str, currency: str, external_id: str, form: AskedForm
) -> StreamingResponse:
    """The items or the events of one batch."""
    who = Who(environment, account, currency)
    with reading() as (connection, schema):
        latest = latest_of(connection, schema, who)
        zone = zone_named(latest["report_timezone"])
        today = datetime.now(zone).date()
        rows = rows_of(connection, schema, Asked(what, who, period_of(today, today, zone), external_id))
        content = _made(form, what, rows, zone)
    return _sent_table(form, what, content, downloads.file_name(who, what, today, today, form.kind, (external_id[:64],)))


def all_accounts(form: AskedForm) -> StreamingResponse:
    """All accounts side by side."""
    with reading() as (connection, schema):
        _, found, _ = accounts_of(connection, schema)
        utc = zone_named("UTC")
        content = _made(form, "accounts", (SimpleNamespace(_mapping=row) for row in found), utc)
    today = datetime.now(UTC).date()
    return _sent_table(form, "accounts", content, downloads.file_name(None, "accounts", today, today, form.kind))


def statement(
    request: Request,
    kind: Literal["csv", "camt053", "mt940"],
    environment: str,
    account: str,
    currency: str,
    month: Annotated[str, Query(pattern=r"^2\d{3}-(0[1-9]|1[0-2])$")],
) -> StreamingResponse:
    """A month as a bank statement, as the command ``statement`` prints it."""
    who, form = Who(environment, account, currency), FORMATS[kind]
    needed = ("iyzico_balance_rollforward", "iyzico_balance_rollforward_month", "iyzico_payout_booking")
    with reading() as (connection, schema):
        latest_of(connection, schema, who)
        if lacking := lack(connection, schema, *needed):
            raise Notice("not_found", lacking.detail)
        try:
            figures = figures_of(connection, schema, month, account, environment, currency)
            content = form.write(statement_of(figures), language_of(request))
        except WarehouseStatementError as error:
            raise Notice("no_statement", str(error)) from error
    first, last = figures.days[0].local_date, figures.days[-1].local_date
    name = downloads.file_name(who, "statement", first, last, form.suffix)
    return _sent(f"statement.{form.suffix}", form.media_type, BytesIO(content), name)


def _made(form: Form, what: str, rows: Any, zone: Any) -> IO[bytes]:
    if form.kind == "xlsx":
        return xlsx.file(what, rows, zone, form.language)
    return downloads.file(what, rows, zone, form.language, form.style)


def _sent_table(form: Form, what: str, content: IO[bytes], name: str) -> StreamingResponse:
    return _sent(f"{what}.{form.kind}", _MEDIA_TYPES[form.kind], content, name)


def _sent(plain_name: str, media_type: str, content: IO[bytes], name: str) -> StreamingResponse:
    length = content.seek(0, SEEK_END)
    content.seek(0)
    headers = {
        "Content-Disposition": f"attachment; filename=\"{plain_name}\"; filename*=UTF-8''{quote(name, safe='')}",
        "Content-Length": str(length),
    }
    return StreamingResponse(_chunks(content), media_type=media_type, headers=headers, background=BackgroundTask(content.close))


def _chunks(content: IO[bytes]) -> Iterator[bytes]:
    return iter(lambda: content.read(CHUNK_BYTES), b"")
