"""What Airflow learns about this package is true."""

import importlib
import inspect
import json
import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import airflow
import jsonschema
import pytest
import yaml
from sandbox import ROOT

import airflow_provider_iyzico
from airflow_provider_iyzico.get_provider_info import get_provider_info
from airflow_provider_iyzico.hooks.iyzico import IyzicoHook
from airflow_provider_iyzico.hooks.settings import EXTRA_FIELDS

INFO = get_provider_info()
AIRFLOW = Path(airflow.__file__).parent


def test_airflow_finds_the_provider_by_its_entry_point():
    (found,) = [point for point in entry_points(group="apache_airflow_provider") if point.dist.name == "airflow-provider-iyzico"]
    assert found.load()() == INFO


def test_the_metadata_has_the_shape_that_airflow_reads():
    schema = json.loads((AIRFLOW / "provider_info.schema.json").read_text())
    jsonschema.Draft7Validator(schema).validate(INFO)


def test_the_connection_form_has_the_shape_that_airflow_reads():
    schema = json.loads((AIRFLOW / "provider.yaml.schema.json").read_text())
    jsonschema.Draft7Validator(schema["properties"]["connection-types"]).validate(INFO["connection-types"])


def test_the_registry_of_airflow_is_told_about_the_classes_of_every_module():
    told = yaml.safe_load((Path(__file__).parents[2] / ".airflow-registry.yaml").read_text())
    assert (told["package-name"], told["display-name"]) == (INFO["package-name"], INFO["name"])
    for kind in ("hooks", "operators", "sensors", "triggers"):
        named = [each["module"].rpartition(".") for each in told[kind]]
        assert {module for module, _, _ in named} == {module for each in INFO[kind] for module in each["python-modules"]}
        assert all(inspect.isclass(getattr(importlib.import_module(module), name)) for module, _, name in named)


def test_every_module_and_class_named_there_exists():
    for kind in ("hooks", "operators", "sensors", "triggers"):
        for entry in INFO[kind]:
            for module in entry["python-modules"]:
                importlib.import_module(module)
    (connection,) = INFO["connection-types"]
    module, _, name = connection["hook-class-name"].rpartition(".")
    hook = getattr(importlib.import_module(module), name)
    assert (hook.conn_type, hook.hook_name) == (connection["connection-type"], connection["hook-name"])


def test_airflow_lists_the_example_dags_where_it_loads_examples_and_a_clone_has_the_same_files():
    manager = pytest.importorskip("airflow.dag_processing.bundles.manager", reason="Airflow 2 has no bundles")
    if not hasattr(manager, "_add_provider_example_dags_to_bundle"):
        pytest.skip("this Airflow lists no examples of providers")
    bundles = []
    manager._add_provider_example_dags_to_bundle(bundles)
    (ours,) = [Path(each.kwargs["path"]) for each in bundles if each.name == "airflow-provider-iyzico-example-dags"]
    examples = sorted(path.name for path in ours.glob("iyzico_*.py"))
    assert len(examples) == 8
    assert examples == sorted(path.name for path in (ROOT / "dags").iterdir() if path.suffix == ".py")
    assert all((ROOT / "dags" / name).samefile(ours / name) for name in examples)


def test_the_form_asks_for_what_the_hook_reads_and_for_nothing_else():
    (connection,) = INFO["connection-types"]
    assert set(connection["conn-fields"]) == EXTRA_FIELDS
    behaviour = IyzicoHook.get_ui_field_behaviour()
    assert behaviour["relabeling"] == connection["ui-field-behaviour"]["relabeling"]


def test_a_connection_gives_its_hook():
    parameters = inspect.signature(IyzicoHook).parameters
    assert parameters[IyzicoHook.conn_name_attr].default == IyzicoHook.default_conn_name == "iyzico_default"


def test_the_metadata_is_read_without_importing_airflow():
    code = (
        "from airflow_provider_iyzico.get_provider_info import get_provider_info; get_provider_info()\n"
        "import sys; print([name for name in sys.modules if name.partition('.')[0] in ('airflow', 'requests', 'sqlalchemy')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(("command", "shown"), [("list", "airflow-provider-iyzico"), ("hooks", "IyzicoHook")])
def test_the_airflow_cli_shows_it_without_a_warning(command, shown, airflow_database):
    airflow_cli = Path(sys.executable).with_name("airflow")
    done = subprocess.run(
        [airflow_cli, "providers", command, "--output", "plain"], capture_output=True, text=True, check=True, env=dict(os.environ)
    )
    (line,) = [line for line in done.stdout.splitlines() if shown in line]
    assert "iyzico" in line
    assert "iyzico" not in "".join(line for line in done.stderr.splitlines() if "arn" in line)
    if command == "list":
        assert airflow_provider_iyzico.__version__ in line


def test_nothing_of_ours_imports_what_this_airflow_calls_deprecated(airflow_database):
    """The warning names the module that uses what is deprecated, or the module of compatibility through which we import. Airflow's
    own providers import through that module, too, so ours are told apart by importing theirs first."""
    code = """
import contextlib, importlib, pkgutil, warnings
import airflow.providers.common.sql.hooks.sql, airflow_provider_iyzico
with contextlib.suppress(ImportError):
    import airflow.providers.standard.operators.hitl
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    for each in pkgutil.walk_packages(airflow_provider_iyzico.__path__, "airflow_provider_iyzico."):
        if not each.name.endswith((".__main__", ".ui.app")) and ".example_dags." not in each.name:
            importlib.import_module(each.name)
places = "airflow_provider_iyzico", "common/compat"
print([str(each) for each in caught if any(place in each.filename for place in places)])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=dict(os.environ))
    assert done.stdout.splitlines()[-1] == "[]"
