"""Who did something: a task, or a person, who may speak through a task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from airflow_provider_iyzico.ledger.tables import PERSON_LENGTH
from airflow_provider_iyzico.warehouse.task import TaskInstance


@dataclass(frozen=True, slots=True)
class Who:
    """A task in one of its tries, or a person; both, if a person answered in a task.

    :param person_id: Airflow's id of the person
    :param triggered_by: who triggered the run of the task, if Airflow tells
    """

    task: TaskInstance | None = None
    person: str | None = None
    person_id: str | None = None
    triggered_by: str | None = None

    def columns(self) -> dict[str, Any]:
        """Return who it was as the columns of a row."""
        task = self.task
        return {
            "dag_id": task and task.dag_id,
            "task_id": task and task.task_id,
            "run_id": task and task.run_id,
            "map_index": None if task is None else task.map_index,
            "try_number": None if task is None else task.try_number,
            "person": self.person and self.person[:PERSON_LENGTH],
        }

    def is_task_of(self, row: Any) -> bool:
        """Tell whether a row is of the same task instance, in whichever try."""
        task = self.task
        return task is not None and (row["dag_id"], row["task_id"], row["run_id"], row["map_index"]) == (
            task.dag_id,
            task.task_id,
            task.run_id,
            task.map_index,
        )
