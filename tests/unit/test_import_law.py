"""The import law says for every module what it may import, and finds what it does not name."""

import pkgutil
import tomllib

import pytest
from sandbox import ROOT

import airflow_provider_iyzico

CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
ROOMS = [contract for contract in CONTRACTS if contract["type"] == "room"]


def test_every_module_belongs_to_a_room_and_no_import_is_ignored():
    """Or to a room within a room, of which both laws hold."""
    for _, name, is_package in pkgutil.walk_packages(airflow_provider_iyzico.__path__, "airflow_provider_iyzico."):
        rooms = [each["name"] for each in ROOMS if any(f"{name}.".startswith(f"{part}.") for part in each["room"])]
        is_shared = is_package and any(part.startswith(f"{name}.") for each in ROOMS for part in each["room"])
        assert rooms or is_shared, name
    assert not [each for each in CONTRACTS if {"ignore_imports", "allow_indirect_imports"} & set(each)]


@pytest.mark.parametrize(
    ("line", "is_kept"),
    [
        ("import json", True),
        ("from house import __version__", True),
        ("from house.errors import Sad", True),
        ("import sqlalchemy.orm", True),
        ("import requests", False),
        ("from house.cellar import wine", False),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from house.cellar import wine", False),
        ("def late():\n    import requests", False),
    ],
)
def test_a_room_imports_what_it_names_and_nothing_else(tmp_path, monkeypatch, line, is_kept):
    pytest.importorskip("importlinter")
    from importlinter.application.use_cases import lint_imports

    for name, code in (
        ("__init__", "__version__ = '1'"),
        ("errors", "class Sad: ..."),
        ("cellar", "wine = 1"),
        ("kitchen", line),
    ):
        (tmp_path / "house" / f"{name}.py").parent.mkdir(exist_ok=True)
        (tmp_path / "house" / f"{name}.py").write_text(code)
    law = """
[importlinter]
root_package = house
include_external_packages = True
contract_types =
    room: import_law.RoomContract
[importlinter:contract:1]
name = kitchen
type = room
room =
    house.kitchen
may_import =
    house.errors
    sqlalchemy
"""
    (tmp_path / "law.ini").write_text(law)
    monkeypatch.syspath_prepend(str(tmp_path))
    from importlinter import configuration

    configuration.configure()
    assert lint_imports(config_filename=str(tmp_path / "law.ini"), cache_dir=None) is is_kept
