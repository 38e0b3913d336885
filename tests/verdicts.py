"""Reads the report of ``verify``."""

from __future__ import annotations

import re

from airflow_provider_iyzico.verify.finding import Verdict


def verdicts_in(report: str) -> dict[int | str, Verdict]:
    """Return the verdicts by number, or by the name of a switch."""
    rows = re.findall(r"^\| (\w+) \|.*\| ([a-z ]+) \|$", report, re.MULTILINE)
    return {int(name) if name.isdecimal() else name: Verdict(verdict) for name, verdict in rows}
