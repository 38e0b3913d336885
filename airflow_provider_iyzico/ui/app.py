"""The application behind the page. Every route only reads, and first asks Airflow whether the reader may."""

import hashlib
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any

from airflow.api_fastapi.auth.managers.models.resource_details import AccessView
from airflow.api_fastapi.core_api.security import requires_access_view
from fastapi import Depends, FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse
from jinja2 import Environment, PackageLoader
from starlette.exceptions import HTTPException as StarletteHTTPException

from airflow_provider_iyzico.ui import delivery, questions, routes, xlsx
from airflow_provider_iyzico.ui.asked import language_of
from airflow_provider_iyzico.ui.notices import BY_STATUS, Notice
from airflow_provider_iyzico.ui.questions import Who
from airflow_provider_iyzico.ui.reading import reading
from airflow_provider_iyzico.ui.report import report
from airflow_provider_iyzico.ui.words import LANGUAGES, words

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'",
    "Cache-Control": "private, no-store",
    "Referrer-Policy": "same-origin",
    "Vary": "Accept-Language, Cookie",
    "X-Content-Type-Options": "nosniff",
}
_OURS, _CHARTS = "airflow_provider_iyzico.ui", "chartkick"
#: Name, package, path and media type of what the page loads. The chart library comes from its own distribution.
STATIC = {
    "page.css": (_OURS, "static/page.css", "text/css"),
    **{
        f"{name}.js": (_OURS, f"static/{name}.js", "text/javascript")
        for name in (
            "page",
            "period",
            "chart",
            "show",
            "theme",
            "language",
            "funds",
            "runway",
            "files",
            "lack",
            "parts",
            "payouts",
            "batch",
            "month",
            "movements",
            "accounts",
        )
    },
    "icon.svg": (_OURS, "static/icon.svg", "image/svg+xml"),
    "icon-dark.svg": (_OURS, "static/icon-dark.svg", "image/svg+xml"),
    "chart-library.js": (_CHARTS, "django/static/chartkick/Chart.bundle.js", "text/javascript"),
}


def create_app() -> FastAPI:
    """Return the application, to be mounted by Airflow's api-server."""
    app = FastAPI(
        docs_url=None, redoc_url=None, openapi_url=None, dependencies=[Depends(requires_access_view(AccessView.PLUGINS))]
    )
    app.get("/")(page)
    app.get("/data")(data)
    routes.add_to(app)
    delivery.add_to(app)
    app.get("/static/{name}")(static)
    app.add_exception_handler(Notice, _show)
    app.add_exception_handler(StarletteHTTPException, _show)
    app.add_exception_handler(RequestValidationError, _show)

    @app.middleware("http")
    async def add_headers(request: Request, call_next: Any) -> Response:
        response: Response = await call_next(request)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    return app


def page(request: Request) -> HTMLResponse:
    """The page itself; the figures are fetched by its script."""
    language = language_of(request)
    with reading() as (connection, schema):
        accounts = questions.accounts(connection, schema)
    if not accounts:
        raise Notice("empty")
    start = {"language": language, "words": words(language), "accounts": accounts, "has_xlsx": xlsx.is_installed()}
    return HTMLResponse(_templates().get_template("page.html").render(language=language, words=words(language), start=start))


def data(environment: str, account: str, currency: str, first: date | None = None, last: date | None = None) -> JSONResponse:
    """Everything that the page shows of one account in one period."""
    with reading() as (connection, schema):
        return JSONResponse(report(connection, schema, Who(environment, account, currency), first, last))


def static(request: Request, name: str) -> Response:
    """Scripts, styles and icons; a browser keeps them and asks whether they are still the same."""
    if name not in STATIC:
        raise HTTPException(404)
    content, tag = _static(name)
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=STATIC[name][2], headers=headers)


@cache
def _static(name: str) -> tuple[bytes, str]:
    package, path, _ = STATIC[name]
    content = files(package).joinpath(path).read_bytes()
    return content, f'"{hashlib.sha256(content).hexdigest()[:20]}"'


@cache
def _templates() -> Environment:
    environment = Environment(loader=PackageLoader("airflow_provider_iyzico.ui"), autoescape=True)
    environment.globals["languages"] = LANGUAGES
    return environment


def _show(request: Request, error: Exception) -> Response:
    """Say what went wrong and what to do: as a page to a reader, as JSON to the script."""
    if isinstance(error, StarletteHTTPException):
        error = Notice(BY_STATUS.get(error.status_code, "unavailable"), status=error.status_code)
    notice = error if isinstance(error, Notice) else Notice("bad_request")
    language = language_of(request)
    said = words(language)
    shown = {
        "title": said[f"{notice.name}_title"],
        "advice": said[f"{notice.name}_advice"].format(**notice.values),
        "detail": notice.detail,
    }
    if "text/html" not in request.headers.get("accept", ""):
        return JSONResponse({"notice": notice.name, **shown}, notice.status)
    root = request.scope.get("root_path", "")
    html = _templates().get_template("notice.html").render(language=language, words=said, root=root, **shown)
    return HTMLResponse(html, notice.status)
