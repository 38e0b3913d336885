"""The least rights on the ledger, by who works with it. Nobody needs the right to change or delete an event, or a hold's end."""

from __future__ import annotations

from collections.abc import Iterator

from airflow_provider_iyzico.ledger.tables import ledger_tables
from airflow_provider_iyzico.ledger.views import VIEWS, view_names

_READ, _ADD, _CHANGE = "SELECT", "SELECT, INSERT", "SELECT, INSERT, UPDATE"

#: By role and table. ``iyzico_payout_account`` holds the key of the digests: readers of reports have no business there.
RIGHTS: dict[str, dict[str, str]] = {
    # Tasks that initiate, authorize, cancel and reconcile.
    "iyzico_payer": {
        "iyzico_payout_account": _CHANGE,
        "iyzico_payout": _CHANGE,
        "iyzico_payout_item": f"{_CHANGE}, DELETE",  # a batch that iyzico refused may be corrected
        "iyzico_payout_event": _ADD,
        "iyzico_balance_hold": _CHANGE,
        "iyzico_balance_hold_end": _ADD,
    },
    # Gates that set money aside, and the operator that gives it back. A gate also reads batches at iyzico that may take the money
    # it waits for, and keeps what iyzico says of them.
    "iyzico_gate": {
        "iyzico_payout_account": _CHANGE,
        "iyzico_payout": "SELECT, UPDATE",
        "iyzico_payout_item": _CHANGE,
        "iyzico_payout_event": _ADD,
        "iyzico_balance_hold": _CHANGE,
        "iyzico_balance_hold_end": _ADD,
    },
    # A person with this command.
    "iyzico_person": {
        "iyzico_payout_account": _CHANGE,
        "iyzico_payout": "SELECT, UPDATE",
        "iyzico_payout_item": _CHANGE,
        "iyzico_payout_event": _ADD,
        "iyzico_balance_hold": _CHANGE,
        "iyzico_balance_hold_end": _ADD,
    },
    # Finance.
    "iyzico_reader": {
        **dict.fromkeys(VIEWS, _READ),
        "iyzico_payout": _READ,
        "iyzico_payout_item": _READ,
        "iyzico_payout_event": _READ,
        "iyzico_balance_hold": _READ,
        "iyzico_balance_hold_end": _READ,
    },
}
_WHO = {
    "iyzico_payer": "tasks that initiate, authorize, cancel and reconcile",
    "iyzico_gate": "gates that set money aside",
    "iyzico_person": "a person with this command",
    "iyzico_reader": "finance",
}


def grants(dialect: str, schema: str | None = None, *, with_rollforward: bool = False) -> Iterator[str]:
    """Return the statements that give each role its rights, as comments: the roles are yours to name.

    SQLite has no roles.

    :param with_rollforward: also on the views that compare the ledger with the warehouse
    """
    if dialect == "sqlite":
        return
    tables = ledger_tables(schema)
    quote = '"' if dialect == "postgresql" else "`"
    prefix = "" if tables.payout.schema is None else f"{quote}{tables.payout.schema}{quote}."
    yield "-- The smallest rights; put in your own roles."
    for role, rights in RIGHTS.items():
        yield f"-- {role}: {_WHO[role]}"
        if prefix and dialect == "postgresql":
            yield f"-- GRANT USAGE ON SCHEMA {prefix[:-1]} TO {role};"
        further = view_names(dialect, with_rollforward=with_rollforward) if role == "iyzico_reader" else ()
        for name, right in (rights | dict.fromkeys(further, _READ)).items():
            yield f"-- GRANT {right} ON {prefix}{name} TO {role};"
