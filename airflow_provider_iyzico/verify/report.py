"""A report for an issue, and what the command says and returns in the end."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from importlib.metadata import version

from airflow_provider_iyzico import __version__
from airflow_provider_iyzico.errors import IyzicoError
from airflow_provider_iyzico.hooks.settings import HOSTS, Settings
from airflow_provider_iyzico.printing import complain
from airflow_provider_iyzico.verify.finding import Finding, Verdict


def report(
    title: str, settings: Settings, rows: Iterable[tuple[object, str, Finding]], answers: int, problem: IyzicoError | None
) -> Iterator[str]:
    """Return the lines of a report: what was run, and each assumption with its finding.

    :param rows: the name of an assumption, its text, and the finding
    :param answers: how many requests were answered
    :param problem: why no more requests were made; only its class is shown
    """
    yield f"## {title}"
    yield ""
    yield f"- airflow-provider-iyzico {__version__}, Airflow {version('apache-airflow')}, Python {platform.python_version()}"
    yield f"- environment: {settings.environment}, {datetime.now(UTC):%Y-%m-%d}"
    if settings.base_url not in {f"https://{host}" for host in HOSTS.values()}:
        yield "- asked at an address that is not iyzico's: this report says nothing about iyzico, so do not send it"
    if problem is not None:
        yield f"- stopped after {answers} answer(s): {type(problem).__name__}"
    yield ""
    yield "| # | we assume | seen | verdict |"
    yield "|---|---|---|---|"
    for name, text, finding in rows:
        yield f"| {name} | {text} | {finding.seen} | {finding.verdict} |"
    yield ""


def ended(findings: Iterable[Finding], answers: int, problem: IyzicoError | None) -> int:
    """Say why no more was asked, and return 0 if nothing differs, 1 if something does, 2 if not everything could be asked."""
    if problem is not None:
        complain(f"stopped after {answers} answer(s): {problem}")
    if any(finding.verdict is Verdict.DIFFERS for finding in findings):
        return 1
    return 0 if problem is None else 2
