"""Checks of a gate's parameters when the DAG file is parsed: wrong values that are no templates are refused there."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from airflow_provider_iyzico.api.money import money_from_author
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
    schema: object,
    timeout_seconds: float,
) -> None:
    """Refuse values that cannot be right.

    :param amounts: by the names of their parameters
    :param conn_ids: likewise; ``None`` names no Connection
    :raises IyzicoMoneyError: an amount is not valid
    :raises IyzicoConfigurationError: the currency, a Connection's id or the timeout is not valid
    :raises WarehouseConfigurationError: the schema is not a plain name
    """
    read_currency(currency)
    if schema is not None:
        check_identifier(schema, "warehouse_schema")
    if timeout_seconds > LONGEST_TIMEOUT.total_seconds():
        raise IyzicoConfigurationError(f"task {task_id!r}: timeout is more than ten years; give seconds")
    for name, value in conn_ids.items():
        check_conn_id(value, name, task_id)
    for name, value in amounts.items():
        _check_amount(value, name, task_id)


def check_conn_id(value: object, name: str, task_id: str) -> None:
    """Refuse a value that cannot be a Connection's id.

    :raises IyzicoConfigurationError: it is empty, padded, a template or no text
    """
    is_name = isinstance(value, str) and value and value.strip() == value and "{" not in value
    if not is_name and value is not None:
        raise IyzicoConfigurationError(f"task {task_id!r}: {name} is {value!r}; name one Connection, and no template")


def _check_amount(value: object, name: str, task_id: str) -> None:
    is_rendered = hasattr(value, "resolve") or (isinstance(value, str) and ("{{" in value or "{%" in value))
    if is_rendered:
        return
    try:
        money_from_author(value, name)
    except IyzicoMoneyError as error:
        raise IyzicoMoneyError(f"task {task_id!r}: {error}") from error
