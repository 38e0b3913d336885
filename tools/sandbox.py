"""An Airflow home of its own, for the demo, the tests and ``make airflow``: nothing of the user's is read or written."""

from __future__ import annotations

import json
import os
import sys
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_provider_iyzico.simulator import Simulator

ROOT = Path(__file__).resolve().parent.parent
#: Airflow 2 has neither ``airflow.sdk`` nor watchers of assets.
IS_AIRFLOW_2 = version("apache-airflow").startswith("2.")


def airflow_environment(home: Path, *, iyzico: str, warehouse: Path | str, dags: Path = ROOT / "dags") -> dict[str, str]:
    """Return the environment of an Airflow that knows the simulator and the warehouse, and nothing else.

    :param iyzico: the Connection to the simulator, as JSON
    :param warehouse: a path for SQLite, or a Connection as JSON
    """
    home.mkdir(parents=True, exist_ok=True)
    if isinstance(warehouse, Path):
        warehouse = json.dumps({"conn_type": "sqlite", "host": str(warehouse)})
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW_", "_AIRFLOW"))}
    return {
        **inherited,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{inherited.get('PATH', '')}",
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "AIRFLOW_CONN_IYZICO_DEFAULT": iyzico,
        "AIRFLOW_CONN_IYZICO_WAREHOUSE": warehouse,
        "NO_PROXY": "127.0.0.1,localhost",
    }


def connection_of(simulator: Simulator, account: str, **extra: object) -> str:
    """Return the Connection to a simulator as JSON, with the label of an account."""
    connection = json.loads(simulator.connection)
    return json.dumps({**connection, "extra": {**connection["extra"], "account": account, **extra}})


def load_dags() -> dict[str, Any]:
    """Import the example DAGs again, by their ids."""
    dags: dict[str, Any] = {}
    for path in sorted((ROOT / "dags").glob("*.py")):
        source = for_this_airflow(path.read_text(encoding="utf-8"))
        if IS_AIRFLOW_2 and "AssetWatcher" in source:
            continue
        module = ModuleType(path.stem)
        exec(compile(source, str(path), "exec"), module.__dict__)
        dags |= {each.dag_id: each for each in vars(module).values() if hasattr(each, "dag_id") and hasattr(each, "tasks")}
    return dags


def for_this_airflow(source: str) -> str:
    """Return a DAG file as the README tells users of Airflow 2 to write it, where that is what we run on."""
    module = "airflow.providers.common.compat.sdk" if IS_AIRFLOW_2 else "airflow.sdk"
    return source.replace("from airflow.sdk import", f"from {module} import")
