"""How Airflow finds the page. Every process that loads plugins imports this module, so it imports next to nothing."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from airflow.configuration import conf
from airflow.providers.common.compat.sdk import AirflowPlugin

from airflow_provider_iyzico.bridge.versions import AIRFLOW_VERSION

PREFIX = "/iyzico"
#: Before, a page cannot be signed in to with the browser's cookie, and the navigation has no place for it.
OLDEST_AIRFLOW = (3, 1)


class IyzicoPlugin(AirflowPlugin):
    """Puts the page into the navigation. Only the api-server asks for the app, and only then is it built."""

    name = "iyzico"

    @property
    def fastapi_apps(self) -> list[dict[str, Any]]:  # type: ignore[override]
        """Return the application behind the page."""
        if not _has_pages():
            return []
        from airflow_provider_iyzico.ui.app import create_app

        return [{"app": create_app(), "url_prefix": PREFIX, "name": "iyzico"}]

    @property
    def external_views(self) -> list[dict[str, Any]]:  # type: ignore[override]
        """Return the entry in the navigation."""
        if not _has_pages():
            return []
        base = urlsplit(conf.get("api", "base_url", fallback="") or "").path.rstrip("/")
        icons = {"icon": f"{base}{PREFIX}/static/icon.svg", "icon_dark_mode": f"{base}{PREFIX}/static/icon-dark.svg"}
        return [{"name": "iyzico", "href": f"{base}{PREFIX}/", "destination": "nav", "url_route": "iyzico", **icons}]


def _has_pages() -> bool:
    return AIRFLOW_VERSION >= OLDEST_AIRFLOW
