"""The page says in the reader's language why a gate did not open, whatever English message the gate recorded."""

from pathlib import Path

import pytest

from airflow_provider_iyzico import errors, payouts
from airflow_provider_iyzico.ui.reasons import CODES, EVENT_CODES, UNEXPECTED, reason_code
from airflow_provider_iyzico.ui.words import WORDS


def kinds(kind=errors.IyzicoError):
    for each in kind.__subclasses__():
        yield each
        yield from kinds(each)


@pytest.mark.parametrize(
    ("outcome", "reason", "last_balance", "code"),
    [
        ("failed", "IyzicoAuthenticationError: iyzico refused the keys: 1001", None, "keys_refused"),
        ("failed", "ClockError: this machine's clock is wrong: set it", 5, "clock"),
        ("failed", "AirflowTaskTimeout", 5, "execution_timeout"),
        ("failed", "SystemExit", 5, "stopped"),
        ("failed", "SomethingNew: with words", 5, "unexpected"),
        ("failed", "somebody wrote this by hand", None, "unexpected"),
        ("failed", None, None, "unexpected"),
        ("timed_out", "the money did not come within 3 s: balance 1.00 TRY", 1, "too_low"),
        ("timed_out", "the money did not come within 3 s: balance unknown", None, "not_seen"),
        ("lost", None, 5, "lost"),
        ("waiting", None, 5, None),
        ("opened", None, 5, None),
        ("written by hand", "x", 5, None),
    ],
)
def test_a_reason_is_told_by_the_outcome_and_the_name_of_the_error(outcome, reason, last_balance, code):
    assert reason_code(outcome, reason, last_balance) == code


def test_the_reasons_of_events_are_those_that_the_package_writes():
    written = "".join(path.read_text() for path in Path(payouts.__file__).parent.glob("*.py"))
    assert [reason for reason in EVENT_CODES if f'reason="{reason}"' not in written] == []


def test_every_error_of_this_package_has_a_reason_of_its_own():
    """But for the one that nobody foresees, and those of snapshots of several accounts, payouts and statements, which no gate has."""
    others = {"IyzicoUnexpectedError", "IyzicoAccountsError", "LedgerApprovalError", "PaymentsError", "WarehouseStatementError"}
    others |= {"PayoutExceptionsError", "PayoutRejectedError", "PayoutUnknownError", "PayoutUnpaidError"}
    assert {kind.__name__ for kind in kinds()} - set(CODES) == others


def test_every_reason_has_its_words():
    codes = {*CODES.values(), UNEXPECTED, "too_low", "not_seen", "lost"}
    assert {name.removeprefix("reason_") for name in WORDS if name.startswith("reason_")} == codes
