"""Asks iyzico with your keys, and prints what it saw as a report for an issue. It only reads, and shows no key and no amount."""

from __future__ import annotations

import argparse
import platform
import sys
from collections.abc import Iterator, Mapping
from contextlib import redirect_stdout
from datetime import UTC, datetime
from importlib.metadata import version

from airflow_provider_iyzico import __version__
from airflow_provider_iyzico.bridge.versions import read_connections_by_hand
from airflow_provider_iyzico.errors import IyzicoAuthenticationError, IyzicoError, restated, unexpected
from airflow_provider_iyzico.hooks.iyzico import IyzicoHook
from airflow_provider_iyzico.hooks.settings import HOSTS, Settings
from airflow_provider_iyzico.verify.assumptions import ASSUMPTIONS, LAST_NUMBER, Finding, Seen, Verdict
from airflow_provider_iyzico.verify.observation import Probe, ask


def main(arguments: list[str] | None = None) -> int:
    """Return 0 if nothing differs from what we assume, 1 if something does, 2 if not everything could be asked."""
    parser = argparse.ArgumentParser(prog="python -m airflow_provider_iyzico.verify", description=__doc__)
    parser.add_argument("--conn-id", default=IyzicoHook.default_conn_name, help="default: %(default)s")
    parser.add_argument("--reuse-header", action="store_true", help="also send one Authorization header twice (assumption 14)")
    asked = parser.parse_args(arguments)
    read_connections_by_hand()
    hook = IyzicoHook(asked.conn_id)
    try:
        return _verify(hook, reuse_header=asked.reuse_header)
    except IyzicoError as error:
        print(error, file=sys.stderr)
    except Exception as error:  # noqa: BLE001 - a traceback may show keys
        print(restated(unexpected(error)), file=sys.stderr)
    finally:
        hook.close()
    return 2


def _verify(hook: IyzicoHook, *, reuse_header: bool) -> int:
    with redirect_stdout(sys.stderr):  # where Airflow 2 logs
        settings = hook.settings
        answers, problem = ask(hook, reuse_header=reuse_header)
    seen = Seen(settings.environment, answers)
    findings = {number: judge(seen) for number, (_, judge) in ASSUMPTIONS.items()} if answers else {}
    if findings:
        print("\n".join(_report(settings, seen, findings, problem)))
    if problem is not None:
        print(f"stopped after {len(answers)} answer(s): {problem}", file=sys.stderr)
    if isinstance(problem, IyzicoAuthenticationError) and list(answers) == [Probe.USUAL]:
        print("If these keys work in another client of iyzico, assumption 1 or 2 is wrong: please tell us.", file=sys.stderr)
    if any(finding.verdict is Verdict.DIFFERS for finding in findings.values()):
        return 1
    return 0 if problem is None else 2


def _report(settings: Settings, seen: Seen, findings: Mapping[int, Finding], problem: IyzicoError | None) -> Iterator[str]:
    yield "## What iyzico's mass payout balance does"
    yield ""
    yield f"- airflow-provider-iyzico {__version__}, Airflow {version('apache-airflow')}, Python {platform.python_version()}"
    yield f"- environment: {settings.environment}, {datetime.now(UTC):%Y-%m-%d}"
    if settings.base_url not in {f"https://{host}" for host in HOSTS.values()}:
        yield "- asked at an address that is not iyzico's: this report says nothing about iyzico, so do not send it"
    if problem is not None:
        yield f"- stopped after {len(seen.answers)} answer(s): {type(problem).__name__}"
    yield ""
    yield "| # | we assume | seen | verdict |"
    yield "|---|---|---|---|"
    for number, (text, _) in ASSUMPTIONS.items():
        yield f"| {number} | {text} | {findings[number].seen} | {findings[number].verdict} |"
    yield ""
    others = [str(number) for number in range(1, LAST_NUMBER + 1) if number not in ASSUMPTIONS]
    yield f"Not asked, because reading a balance does not tell: {', '.join(others)}."


if __name__ == "__main__":
    sys.exit(main())
