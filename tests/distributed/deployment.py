"""Airflow on many machines: two schedulers, two triggerers and two Celery workers, and a service manager beside them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from sqlalchemy import NullPool, create_engine, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from stack import AirflowStack, kill_session

SCHEDULERS, TRIGGERERS, WORKERS = (
    tuple(f"{kind}-{number}" for number in (1, 2)) for kind in ("scheduler", "triggerer", "worker")
)
_WORKER = ("celery", "worker", "--skip-serve-logs", "--without-gossip", "--without-mingle", "--celery-hostname")
COMMANDS: dict[str, tuple[str, ...]] = {
    "api-server": ("api-server",),
    "dag-processor": ("dag-processor",),
    **dict.fromkeys(SCHEDULERS, ("scheduler", "--skip-serve-logs")),
    **dict.fromkeys(TRIGGERERS, ("triggerer", "--skip-serve-logs")),
    **{name: (*_WORKER, name) for name in WORKERS},
}
#: A machine that has to be started again more often than this does not come up at all.
MOST_STARTS = 8
#: Airflow's defaults are minutes, and the trial is to end. What decides how fast gates move to another triggerer is the default.
QUICKER = {
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "30",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "60",
    "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT": "120",
    "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT_CHECK_INTERVAL": "15",
    "AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__VISIBILITY_TIMEOUT": "60",
}

#: What the tasks import, so that a worker imports it once.
IMPORTS = (
    "airflow.providers.postgres.hooks.postgres",
    "airflow_provider_iyzico.operators.mass_payout",
    "airflow_provider_iyzico.sensors.holding",
    "airflow_provider_iyzico.sensors.record",
)


class Deployment(AirflowStack):
    """Starts and kills the machines. Use it with ``with``.

    :param database: Airflow's own
    :param broker: the URL of a Redis
    :param of_machine: the variables that only one machine has, by its name
    :ivar begun: when each machine was started, in seconds since the epoch
    :ivar revived: how often the service manager started a machine that had ended by itself
    """

    def __init__(
        self, environment: dict[str, str], log_folder: Path, *, database: URL, broker: str, of_machine: dict[str, dict[str, str]]
    ) -> None:
        super().__init__(environment, log_folder, processes=tuple(COMMANDS))
        self.database = create_engine(database, poolclass=NullPool)
        self.begun: dict[str, list[float]] = {name: [] for name in COMMANDS}
        self.revived: Counter[str] = Counter()
        self.leaders: list[subprocess.Popen[bytes]] = []
        self._of_machine = of_machine
        self.environment |= {
            **QUICKER,
            "AIRFLOW__CELERY__BROKER_URL": broker,
            "AIRFLOW__CELERY__EXTRA_CELERY_CONFIG": json.dumps({"imports": IMPORTS}),
            "AIRFLOW__CELERY__WORKER_CONCURRENCY": "4",
            "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
            "AIRFLOW__CORE__HOSTNAME_CALLABLE": "machine_name.name",
            "AIRFLOW__CORE__MAX_ACTIVE_RUNS_PER_DAG": "1000",
            "AIRFLOW__CORE__MAX_ACTIVE_TASKS_PER_DAG": "1000",
            "AIRFLOW__CORE__PARALLELISM": "12",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database.render_as_string(hide_password=False),
            "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "1",
            "PYTHONPATH": str(Path(__file__).parent),
        }

    def start(self, name: str) -> None:
        """Start a machine."""
        super().start(name)
        self.begun[name].append(time.time())
        self.leaders.append(self._processes[name])

    def _program(self, name: str) -> tuple[list[str], dict[str, str]]:
        return [self._airflow, *COMMANDS[name]], {**self.environment, **self._of_machine.get(name, {}), "MACHINE": name}

    def kill(self, name: str) -> None:
        """Kill a machine with everything on it. It stays down until it is started."""
        kill_session(self._processes.pop(name))

    def check_alive(self) -> None:
        """Start what has ended by itself, as a service manager does: Airflow's processes end when their database does.

        :raises RuntimeError: a machine does not come up
        """
        for name, process in list(self._processes.items()):
            if process.poll() is not None and self._processes.get(name) is process:
                kill_session(process)
                self.revived[name] += 1
                if self.revived[name] > MOST_STARTS:
                    raise RuntimeError(f"{name} does not stay up; see {self._log_folder}")
                self.start(name)

    def ask(self, query: str, **values: Any) -> list[Any]:
        """Ask Airflow's database; while it is away, there is nothing."""
        try:
            with self.database.connect() as connection:
                return list(connection.execute(text(query), values))
        except DBAPIError:
            return []

    def tasks(self) -> Counter[tuple[str, str]]:
        """Return how many task instances there are, by ``task_id`` and state."""
        query = "SELECT task_id, coalesce(state, 'none'), count(*) FROM task_instance GROUP BY 1, 2"
        return Counter({(task, state): count for task, state, count in self.ask(query)})

    def runs(self) -> dict[tuple[str, str], str]:
        """Return the state of every run, by DAG and run."""
        return {(dag_id, run_id): state for dag_id, run_id, state in self.ask("SELECT dag_id, run_id, state FROM dag_run")}

    def triggers(self) -> Counter[str]:
        """Return how many triggers each triggerer has; those of nobody have no name."""
        query = "SELECT coalesce(job.hostname, ''), count(*) FROM trigger LEFT JOIN job ON job.id = triggerer_id GROUP BY 1"
        return Counter(dict(map(tuple, self.ask(query))))

    def permit(self, external_id: str, version: int, warehouse: URL) -> None:
        """Do what a person does who looked into iyzico's panel and saw that a batch was not authorized."""
        url = warehouse.render_as_string(hide_password=False)
        subprocess.run(
            [
                sys.executable,
                "-m",
                "airflow_provider_iyzico.ledger",
                "permit",
                external_id,
                "--because",
                "the panel shows nothing",
                "--version",
                str(version),
            ],
            env={**os.environ, **self.environment, "IYZICO_WAREHOUSE_URL": url},
            check=True,
        )
