"""``verify --payout``: from a file of payments to a report, by the walk."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from decimal import Decimal

from airflow_provider_iyzico.api.payout import Batch
from airflow_provider_iyzico.bridge.storage import shown_path, stored_lines
from airflow_provider_iyzico.hooks.iyzico import IyzicoHook
from airflow_provider_iyzico.payments.checking import Limits, checked
from airflow_provider_iyzico.payments.csv_file import LONGEST_LINE, csv_rows
from airflow_provider_iyzico.printing import print_lines
from airflow_provider_iyzico.verify.finding import Finding
from airflow_provider_iyzico.verify.payout.assumptions import CANNOT_SETTLE, PAYOUT_ASSUMPTIONS
from airflow_provider_iyzico.verify.payout.consent import Person
from airflow_provider_iyzico.verify.payout.walk import Walk
from airflow_provider_iyzico.verify.report import ended, report

#: A batch that settles these questions is small: this package takes no larger one for it.
LIMITS = Limits(max_items=10, max_total=Decimal(100))
_NAME = "verify"
#: How long to wait for the file of payments.
_READ_SECONDS = 60


def verify_payout(hook: IyzicoHook, path: str, person: Person, follow_seconds: float) -> int:
    """Take the walk and print its report. Return the exit code of the command.

    :param path: of the payments, as a CSV file
    :raises IyzicoConfigurationError: the Connection may not pay, or nobody agreed; nothing was sent
    :raises PaymentsError: the file cannot be read, or its payments cannot be made; nothing was sent
    """
    with redirect_stdout(sys.stderr):  # where Airflow 2 logs
        settings = hook.settings
        person.check(settings)
        walk = Walk(hook, person, _batch(path, str(settings.currency)), follow_seconds)
        with _stopped_as_by_ctrl_c():
            problem = walk.go()
    seen = walk.seen
    findings: Mapping[str, Finding] = {name: each.finding(seen) for name, each in PAYOUT_ASSUMPTIONS.items()}
    rows = [(name, each.text, findings[name]) for name, each in PAYOUT_ASSUMPTIONS.items()]
    if seen.made:
        not_asked = [f"- {what}: {', '.join(names)}" for what, names in CANNOT_SETTLE.items()]
        told = report("What iyzico's mass payouts do", settings, rows, walk.answers, problem)
        print_lines([*told, "Not asked, because one small batch does not settle them. It takes\n", *not_asked])
    return ended(findings.values(), walk.answers, problem)


@contextmanager
def _stopped_as_by_ctrl_c() -> Iterator[None]:
    """Let a kill, or a session that ends, stop the walk as Ctrl-C does: then what was handed over is cancelled."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:  # as under nohup
            signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)


def _batch(path: str, currency: str) -> Batch:
    with stored_lines(path, longest=LONGEST_LINE, seconds=_READ_SECONDS) as lines:
        return checked(csv_rows(lines, shown_path(path)), external_id=_NAME, currency=currency, purpose=None, limits=LIMITS)
