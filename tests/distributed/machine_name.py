"""Airflow's ``hostname_callable``: each process of the trial is a machine with a name of its own."""

from __future__ import annotations

import os


def name() -> str:
    return os.environ.get("MACHINE", "localhost")
