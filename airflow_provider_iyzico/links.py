"""Where the page is inside Airflow, and the link that leads to it from a task."""

from __future__ import annotations

from contextlib import suppress
from datetime import date
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from airflow.configuration import conf
from airflow.providers.common.compat.sdk import BaseOperatorLink

from airflow_provider_iyzico.bridge.versions import AIRFLOW_VERSION

if TYPE_CHECKING:
    from collections.abc import Sequence

PREFIX = "/iyzico"
#: Before 3.1, the browser's cookie gives no access to a page of a plugin, and the navigation has no place for it.
HAS_PAGE = AIRFLOW_VERSION >= (3, 1)


def page_path() -> str:
    """Return the path of the page, also where Airflow is served below a path of its own."""
    base = urlsplit(conf.get("api", "base_url", fallback="") or "").path.rstrip("/")
    return f"{base}{PREFIX}/"


def account_and_day(environment: str, account: str, currency: str, day: date | str) -> dict[str, str]:
    """Return what the page is asked to show: one account on one of its local days."""
    return {"environment": environment, "account": account, "currency": currency, "range": "day", "last": str(day)}


class BalancePageLink(BaseOperatorLink):
    """Leads from a task to the page, at the account and the day that the task is about."""

    name = "iyzico balance"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """Return the page's address; without account and day where the task does not know them."""
        shown: dict[str, str] = {}
        with suppress(Exception):  # such as a Connection that cannot be read: the task's own error says so
            shown = operator.shown_on_page()
        return f"{page_path()}?{urlencode(shown)}" if shown else page_path()


#: The links of our operators and sensors.
PAGE_LINKS: Sequence[BaseOperatorLink] = (BalancePageLink(),) if HAS_PAGE else ()
