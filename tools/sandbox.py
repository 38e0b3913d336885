"""An Airflow home of its own, for the demo, the tests and ``make airflow``: nothing of the user's is read or written."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


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


def load_dags() -> dict[str, Any]:
    """Import the example DAGs anew, by the name of their file."""
    dags = {}
    for path in sorted((ROOT / "dags").glob("*.py")):
        spec = importlib.util.spec_from_file_location(path.stem, path)
        if spec is None or spec.loader is None:
            raise ImportError(path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        dags[path.stem] = module.dag
    return dags
