"""The wheel, installed into a clean Airflow that has never seen this repository."""

from __future__ import annotations

import json
import os
import subprocess
import urllib.request
from pathlib import Path

import pytest
import release
from sandbox import ROOT, airflow_environment
from stack import AirflowStack

from airflow_provider_iyzico import __version__
from airflow_provider_iyzico.hooks.settings import EXTRA_FIELDS

pytestmark = pytest.mark.timeout(1500)


def index_answers(folder: Path) -> bool:
    """Ask the package index for something small, without what is cached."""
    command = [release.uv(), "pip", "install", "--no-cache", "--no-deps", "--quiet", "--target", folder, "iniconfig"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Wheel, sdist and SBOM, built twice."""
    if not (ROOT / ".git").exists():
        pytest.skip("this is no git clone, and what git tracks is what a release holds")
    folder = tmp_path_factory.mktemp("release")
    try:
        return release.make(folder / "dist")
    except SystemExit:
        if not index_answers(folder / "probe"):
            pytest.skip("no package index can be reached, so nothing can be installed")
        raise


@pytest.fixture(scope="module")
def clean(built, tmp_path_factory):
    """The folder of programs of an environment with the wheel, and a surrounding that knows nothing of the repository."""
    folder = tmp_path_factory.mktemp("clean")
    programs = release.clean_environment(folder / "environment", built[0])
    (folder / "dags").mkdir()
    environment = airflow_environment(folder / "home", iyzico="", warehouse="", dags=folder / "dags")
    for name in ("PYTHONPATH", "VIRTUAL_ENV", "AIRFLOW_CONN_IYZICO_DEFAULT", "AIRFLOW_CONN_IYZICO_WAREHOUSE"):
        environment.pop(name, None)
    environment["PATH"] = os.pathsep.join([str(programs), *os.defpath.split(os.pathsep)])
    return programs, environment, folder


@pytest.fixture(scope="module")
def airflow(clean):
    programs, environment, folder = clean
    with AirflowStack(environment, folder / "processes", processes=("api-server",), programs=programs) as stack:
        stack.wait_until_ready()
        yield stack


def run(clean, program, *arguments):
    programs, environment, folder = clean
    done = subprocess.run(
        [programs / program, *arguments], env=environment, cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def get(airflow, path):
    request = urllib.request.Request(
        f"{airflow.url}{path}", headers={"Authorization": f"Bearer {airflow.token()}", "Accept": "text/html"}
    )
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return answer.status, answer.headers["Content-Type"], answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers["Content-Type"], error.read().decode()


def test_the_bill_of_materials_names_what_is_installed_and_betrays_nothing(built, clean):
    bom = json.loads(built[2].read_text())
    installed = dict(line.split("==") for line in run_uv_freeze(clean[0]) if "==" in line)
    assert {each["purl"] for each in bom["components"]} == {f"pkg:pypi/{name}@{version}" for name, version in installed.items()}
    assert bom["metadata"]["component"]["purl"] == f"pkg:pypi/airflow-provider-iyzico@{__version__}"
    constraints = set(release.CONSTRAINTS.read_text().splitlines())
    assert {f"{name}=={version}" for name, version in installed.items()} <= constraints
    text = built[2].read_text()
    assert "timestamp" not in bom["metadata"]
    assert bom["serialNumber"]  # the forge's action takes no SBOM without one
    assert "file:" not in text
    assert str(ROOT) not in text


def run_uv_freeze(programs):
    command = [release.uv(), "pip", "freeze", "--python", programs / "python"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def test_it_runs_from_where_it_was_installed(clean):
    code = "from airflow_provider_iyzico.hooks import iyzico; import sys; print(iyzico.__file__, *sys.path)"
    where = run(clean, "python", "-c", code).splitlines()[-1]
    assert str(ROOT) not in where
    assert where.startswith(str(clean[0].parent))


def test_airflow_lists_the_provider(airflow):
    providers = airflow.call("GET", "/api/v2/providers")["providers"]
    (ours,) = [each for each in providers if each["package_name"] == "airflow-provider-iyzico"]
    assert ours["version"] == __version__


def test_airflow_shows_the_hook_and_the_form_of_the_connection(airflow):
    (form,) = [each for each in airflow.call("GET", "/ui/connections/hook_meta") if each["connection_type"] == "iyzico"]
    assert form["hook_class_name"] == "airflow_provider_iyzico.hooks.iyzico.IyzicoHook"
    assert set(form["extra_fields"]) == EXTRA_FIELDS
    assert form["standard_fields"]["login"]["title"] == "API key"
    assert form["standard_fields"]["password"]["title"] == "Secret key"


def test_airflow_names_the_page_in_its_navigation_and_serves_it(airflow):
    plugins = airflow.call("GET", "/api/v2/plugins")["plugins"]
    (plugin,) = [each for each in plugins if each["name"] == "iyzico"]
    (view,) = plugin["external_views"]
    assert view["href"] == "/iyzico/"
    status, kind, page = get(airflow, view["href"])
    assert kind == "text/html; charset=utf-8"
    assert status in (200, 503), page  # here no warehouse is named, so it says what to do
    assert "iyzico_warehouse" in page


@pytest.mark.parametrize("name", ["page.js", "page.css", "icon.svg", "chart-library.js"])
def test_scripts_styles_and_the_chart_library_are_there(airflow, name):
    status, _, content = get(airflow, f"/iyzico/static/{name}")
    assert status == 200
    assert len(content) > 100


def test_the_example_dags_come_with_it(clean):
    code = "from importlib.resources import files; print(*sorted(each.name for each in files('airflow_provider_iyzico.example_dags').iterdir()))"
    assert set(run(clean, "python", "-c", code).split()) >= {path.name for path in (ROOT / "dags").glob("*.py")}


def test_the_simulator_and_the_ddl_can_be_run_as_modules(clean):
    assert "--balance" in run(clean, "python", "-m", "airflow_provider_iyzico.simulator", "--help")
    ddl = run(clean, "python", "-m", "airflow_provider_iyzico.warehouse", "ddl", "--dialect", "sqlite")
    assert "CREATE TABLE" in ddl
    assert "CREATE VIEW" in ddl
