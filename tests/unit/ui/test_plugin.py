"""Airflow finds the page, and pays for it only in the api-server."""

import subprocess
import sys
from importlib.metadata import entry_points

import pytest
from support import HAS_PAGES, NO_PAGES

from airflow_provider_iyzico.get_provider_info import get_provider_info
from airflow_provider_iyzico.ui import plugin
from airflow_provider_iyzico.ui.plugin import IyzicoPlugin


def test_airflow_finds_the_plugin_by_its_entry_point():
    (found,) = [point for point in entry_points(group="airflow.plugins") if point.name == "iyzico"]
    assert found.load() is IyzicoPlugin
    (named,) = get_provider_info()["plugins"]
    assert named["plugin-class"] == f"{IyzicoPlugin.__module__}.{IyzicoPlugin.__name__}"


on_pages = pytest.mark.skipif(not HAS_PAGES, reason=NO_PAGES)


@on_pages
def test_the_entry_in_the_navigation_has_the_shape_that_airflow_reads():
    from airflow.api_fastapi.core_api.datamodels.plugins import ExternalViewResponse

    (view,) = IyzicoPlugin().external_views
    assert ExternalViewResponse.model_validate(view).url_route == "iyzico"


@on_pages
@pytest.mark.parametrize(
    ("base_url", "href"), [("http://localhost:8080", "/iyzico/"), ("https://x.example/airflow/", "/airflow/iyzico/")]
)
def test_an_airflow_below_a_path_keeps_that_path(monkeypatch, base_url, href):
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", base_url)
    (view,) = IyzicoPlugin().external_views
    assert view["href"] == href
    assert view["icon"] == f"{href}static/icon.svg"


def test_an_older_airflow_has_no_page_and_works_without(monkeypatch):
    if HAS_PAGES:
        monkeypatch.setattr(plugin, "HAS_PAGE", False)
    assert (IyzicoPlugin().fastapi_apps, IyzicoPlugin().external_views) == ([], [])


def test_loading_the_plugin_builds_no_application_and_imports_none_of_its_parts():
    code = (
        "import airflow.plugins_manager, sys; before = set(sys.modules)\n"
        "from airflow_provider_iyzico.ui.plugin import IyzicoPlugin; IyzicoPlugin().external_views\n"
        "print([name for name in set(sys.modules) - before if name.partition('.')[0] in ('fastapi', 'sqlalchemy', 'jinja2', 'requests')"
        " or name.startswith('airflow_provider_iyzico.ui.') and not name.endswith('.plugin')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().splitlines()[-1] == "[]"
