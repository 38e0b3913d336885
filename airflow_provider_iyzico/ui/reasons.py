"""Why a balance check did not succeed: a short code, which the page shows as text in the reader's language.

The record of a gate that failed begins with the name of its error, such as ``IyzicoAuthenticationError: ...``. That name is what
the code is read from, here and nowhere else; rows of every age have it. The words of each code are in ``words.py``.
"""

from __future__ import annotations

from typing import Any

#: This package's errors by name, and then the errors with which Airflow and Python end a task.
CODES = {
    "ClockError": "clock",
    "GateEventError": "event",
    "IyzicoAnswerError": "answer",
    "IyzicoAuthenticationError": "keys_refused",
    "IyzicoCertificateError": "certificate",
    "IyzicoConfigurationError": "configuration",
    "IyzicoMoneyError": "amount",
    "IyzicoNoSuchPayoutError": "no_such_payout",
    "IyzicoOutcomeUnknownError": "unknown",
    "IyzicoRefusedError": "refused",
    "IyzicoUnavailableError": "no_answer",
    "LedgerBatchError": "ledger",
    "LedgerError": "ledger",
    "LedgerFundsError": "ledger",
    "LedgerHoldError": "ledger",
    "LedgerMovedError": "ledger",
    "WarehouseConfigurationError": "warehouse",
    "WarehouseError": "warehouse",
    "WarehouseExactnessError": "warehouse",
    "WarehouseRowError": "warehouse",
    "WarehouseTableError": "warehouse",
    "WarehouseUnavailableError": "warehouse",
    "AirflowTaskTerminated": "stopped",
    "AirflowTaskTimeout": "execution_timeout",
    "KeyboardInterrupt": "stopped",
    "SystemExit": "stopped",
    "TaskDeferralError": "trigger",
}
UNEXPECTED = "unexpected"
#: What the package itself writes as the reason of an event of the ledger, and its code. All other reasons are the words of a
#: person or of an error, and stay as they are.
EVENT_CODES = {
    "the task that sent it never recorded an answer": "no_record",
    "iyzico knew the name before anything was sent": "known_before",
    "iyzico knows no such batch in two reads": "not_there",
    "found at iyzico, as we sent it": "found",
    "a person permitted one more authorization": "permitted",
}


def reason_code(outcome: str, reason: str | None, last_balance: Any) -> str | None:
    """Return why a gate did not open, or ``None`` if it opened or waits.

    :param outcome: as the view says it
    :param reason: what the gate recorded, if it recorded anything
    :param last_balance: the last balance that it saw, if it saw any
    """
    match outcome:
        case "failed":
            return CODES.get((reason or "").partition(":")[0], UNEXPECTED)
        case "timed_out":
            return "not_seen" if last_balance is None else "too_low"
        case "lost":
            return "lost"
    return None
