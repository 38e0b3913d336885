"""How Airflow finds the page. Every process that loads plugins imports this module, so it imports almost nothing."""

from __future__ import annotations

from typing import Any

from airflow.providers.common.compat.sdk import AirflowPlugin

from airflow_provider_iyzico.links import HAS_PAGE, PREFIX, page_path


class IyzicoPlugin(AirflowPlugin):
    """Puts the page into the navigation. Only the api-server asks for the app, and only then is it built."""

    name = "iyzico"

    @property
    def fastapi_apps(self) -> list[dict[str, Any]]:  # type: ignore[override]
        """Return the application behind the page."""
        if not HAS_PAGE:
            return []
        from airflow_provider_iyzico.ui.app import create_app

        return [{"app": create_app(), "url_prefix": PREFIX, "name": "iyzico"}]

    @property
    def external_views(self) -> list[dict[str, Any]]:  # type: ignore[override]
        """Return the entry in the navigation."""
        if not HAS_PAGE:
            return []
        path = page_path()
        icons = {"icon": f"{path}static/icon.svg", "icon_dark_mode": f"{path}static/icon-dark.svg"}
        return [{"name": "iyzico", "href": path, "destination": "nav", "url_route": "iyzico", **icons}]
