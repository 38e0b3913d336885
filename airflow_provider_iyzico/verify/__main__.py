"""Ask iyzico with your keys, and print a report for an issue. The report shows no key, no amount and no recipient.

Without --payout, the command only reads the balance. With --payout, it hands over small batches, and pays one if you agree.
"""

from __future__ import annotations

import argparse
import sys
from contextlib import redirect_stdout

from airflow_provider_iyzico.bridge.versions import read_connections_by_hand
from airflow_provider_iyzico.errors import IyzicoAuthenticationError, IyzicoError, restated, unexpected
from airflow_provider_iyzico.hooks.iyzico import IyzicoHook
from airflow_provider_iyzico.printing import complain, print_every_letter, print_lines
from airflow_provider_iyzico.verify.assumptions import ASSUMPTIONS, LAST_NUMBER, Seen
from airflow_provider_iyzico.verify.observation import Probe, ask
from airflow_provider_iyzico.verify.payout.command import verify_payout
from airflow_provider_iyzico.verify.payout.consent import Leave, Person
from airflow_provider_iyzico.verify.report import ended, report

#: A week.
MOST_MINUTES = 7 * 24 * 60


def main(arguments: list[str] | None = None) -> int:
    """Return 0 if nothing differs from what we assume, 1 if something does, 2 if not everything could be asked."""
    asked = _parser().parse_args(arguments)
    print_every_letter()
    read_connections_by_hand()
    hook = IyzicoHook(asked.conn_id)
    try:
        if asked.payout is not None:
            given = frozenset(leave for leave in Leave if getattr(asked, leave.name))
            is_there = sys.stdin is not None and sys.stdin.isatty()  # with `<&-`, there is no input
            return verify_payout(hook, asked.payout, Person(given, is_there), asked.follow_minutes * 60)
        return _verify(hook, reuse_header=asked.reuse_header)
    except IyzicoError as error:
        complain(error)
    except Exception as error:  # noqa: BLE001 - a traceback may show keys
        complain(restated(unexpected(error)))
    finally:
        hook.close()
    return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m airflow_provider_iyzico.verify", description=__doc__)
    parser.add_argument(
        "--conn-id", default=IyzicoHook.default_conn_name, help="the Airflow Connection to ask; default: %(default)s"
    )
    parser.add_argument("--reuse-header", action="store_true", help="also send one Authorization header twice (assumption 14)")
    payout = parser.add_argument_group("payouts")
    payout.add_argument(
        "--payout", metavar="PAYMENTS.CSV", help="hand over and pay a few small payments, asking before each step"
    )
    payout.add_argument(
        "--follow-minutes", type=_minutes, default=10, help="for how many minutes to follow the paid batch; default: %(default)s"
    )
    for leave, meaning in (
        (Leave.PAY, "agree beforehand to hand batches over, and to pay one"),
        (Leave.RISK, "agree beforehand to try what iyzico should refuse; the payments may be made up to three times"),
        (Leave.REAL_MONEY, "agree beforehand to use keys for production"),
    ):
        payout.add_argument(leave, dest=leave.name, action="store_true", help=meaning)
    return parser


def _minutes(given: str) -> float:
    minutes = float(given)
    if not 0 <= minutes <= MOST_MINUTES:
        raise argparse.ArgumentTypeError(f"give zero or more minutes, and at most {MOST_MINUTES}")
    return minutes


def _verify(hook: IyzicoHook, *, reuse_header: bool) -> int:
    with redirect_stdout(sys.stderr):  # where Airflow 2 logs
        settings = hook.settings
        answers, problem = ask(hook, reuse_header=reuse_header)
    seen = Seen(settings.environment, answers)
    findings = {number: judge(seen) for number, (_, judge) in ASSUMPTIONS.items()} if answers else {}
    if findings:
        rows = [(number, text, findings[number]) for number, (text, _) in ASSUMPTIONS.items()]
        others = [str(number) for number in range(1, LAST_NUMBER + 1) if number not in ASSUMPTIONS]
        not_asked = f"Not asked, because reading a balance does not settle them: {', '.join(others)}."
        title = "What iyzico's mass payout balance does"
        print_lines([*report(title, settings, rows, len(answers), problem), not_asked])
    code = ended(findings.values(), len(answers), problem)
    if isinstance(problem, IyzicoAuthenticationError) and list(answers) == [Probe.USUAL]:
        complain("If these keys work in another client of iyzico, assumption 1 or 2 is wrong; open an issue.")
    return code


if __name__ == "__main__":
    sys.exit(main())
