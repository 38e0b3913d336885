"""Checks of a gate's parameters when the DAG file is parsed: wrong values that are no templates are refused there."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import cast

from airflow_provider_iyzico.api.external_id import read_external_id
from airflow_provider_iyzico.api.money import money_from_author, refuse_like_thousands
from airflow_provider_iyzico.domain.gate import read_currency
from airflow_provider_iyzico.errors import IyzicoConfigurationError, IyzicoMoneyError
from airflow_provider_iyzico.warehouse.database.names import check_identifier

#: A longer timeout would leave Airflow's range of dates.
LONGEST_TIMEOUT = timedelta(days=3660)


def check_literals(
    task_id: str,
    *,
    amounts: Mapping[str, object],
    conn_ids: Mapping[str, object],
    currency: object,
    schemas: Mapping[str, object],
    timeout_seconds: float,
) -> None:
    """Refuse values that cannot be right.

    :param amounts: by the names of their parameters
    :param conn_ids: likewise; ``None`` names no Connection
    :param schemas: likewise; ``None`` is the Connection's own
    :raises IyzicoMoneyError: an amount is not valid
    :raises IyzicoConfigurationError: the currency, a Connection's id or the timeout is not valid
    :raises WarehouseConfigurationError: a schema is not a plain name
    """
    read_currency(currency)
    for name, schema in schemas.items():
        if schema is not None:
            check_identifier(schema, name)
    if timeout_seconds > LONGEST_TIMEOUT.total_seconds():
        raise IyzicoConfigurationError(f"task {task_id!r}: timeout is more than ten years; give seconds")
    for name, value in conn_ids.items():
        check_conn_id(value, name, task_id)
    for name, value in amounts.items():
        check_amount(value, name, task_id)
        refuse_like_thousands(value, f"task {task_id!r}: {name}")


def check_batch(task_id: str, external_id: object, batch_total: object, hold_for_seconds: object) -> None:
    """Refuse a gate that does not say for what it waits.

    :raises IyzicoMoneyError: there is neither an amount nor a batch
    :raises IyzicoConfigurationError: ``external_id`` is not valid, or ``hold_for_seconds`` has no hold to end
    """
    if external_id is not None:
        check_external_id(task_id, external_id)
    elif batch_total is None:
        raise IyzicoMoneyError(f"task {task_id!r}: batch_total is None; give it, or the external_id of a batch in the ledger")
    elif hold_for_seconds is not None:
        raise IyzicoConfigurationError(
            f"task {task_id!r}: hold_for_seconds needs external_id, without which there is no hold; give both or neither"
        )


def check_external_id(task_id: str, external_id: object) -> None:
    """Refuse what is no name of a payout, unless it is rendered later.

    :raises IyzicoConfigurationError: it cannot be one
    """
    if is_rendered_later(external_id):
        return
    try:
        read_external_id(external_id)
    except IyzicoConfigurationError as error:
        raise IyzicoConfigurationError(f"task {task_id!r}: {error}") from error


def check_ledger(
    task_id: str, ledger_conn_id: object, hold_for_seconds: object, recheck_seconds: object, settling_seconds: object
) -> None:
    """Refuse a ledger's Connection that has no name, and times that are none.

    :raises IyzicoConfigurationError: the id is none, or a time is no positive number (``settling_seconds`` may be 0), or longer
        than ten years
    """
    check_conn_id(ledger_conn_id or "", "ledger_conn_id", task_id)
    for name, value in (("hold_for_seconds", hold_for_seconds), ("recheck_seconds", recheck_seconds)):
        if value is None and name == "hold_for_seconds":
            continue
        check_seconds(task_id, name, value, may_be_zero=False)
    check_seconds(task_id, "settling_seconds", settling_seconds)


def check_seconds(task_id: str, name: str, value: object, *, may_be_zero: bool = True) -> None:
    """Refuse what is no time.

    :raises IyzicoConfigurationError: it is no number, less than zero, or longer than ten years
    """
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    is_time = is_number and 0 <= cast("float", value) <= LONGEST_TIMEOUT.total_seconds()
    if not is_time or not (value or may_be_zero):
        least = "zero or more" if may_be_zero else "more than 0"
        raise IyzicoConfigurationError(f"task {task_id!r}: {name} is {value!r}; give seconds: {least}, at most ten years")


def check_choice(task_id: str, name: str, value: object, choices: Collection[object]) -> None:
    """Refuse what is none of some choices.

    :raises IyzicoConfigurationError: it is none
    """
    if isinstance(value, bool) or value not in choices:
        raise IyzicoConfigurationError(f"task {task_id!r}: {name} is {value!r}; use one of {', '.join(map(str, choices))}")


def check_conn_id(value: object, name: str, task_id: str) -> None:
    """Refuse a value that cannot be a Connection's id.

    :raises IyzicoConfigurationError: it is empty, padded, a template or no text
    """
    is_name = isinstance(value, str) and value and value.strip() == value and "{" not in value
    if not is_name and value is not None:
        raise IyzicoConfigurationError(f"task {task_id!r}: {name} is {value!r}; name one Connection, not a template")


def check_amount(value: object, name: str, task_id: str) -> None:
    """Refuse what is no money, unless it is rendered later.

    :raises IyzicoMoneyError: it is none
    """
    if is_rendered_later(value):
        return
    try:
        money_from_author(value, name)
    except IyzicoMoneyError as error:
        raise IyzicoMoneyError(f"task {task_id!r}: {error}") from error


def is_rendered_later(value: object) -> bool:
    """Tell whether a value is a template, or the result of another task."""
    return hasattr(value, "resolve") or (isinstance(value, str) and ("{{" in value or "{%" in value))
