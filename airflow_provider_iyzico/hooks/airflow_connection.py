"""The Connection as Airflow gives it: checked, or an error that says why it cannot be read and what to do."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from airflow.providers.common.compat.sdk import AirflowException

from airflow_provider_iyzico.errors import IyzicoConfigurationError, IyzicoError, IyzicoUnavailableError, restated

if TYPE_CHECKING:
    from airflow_provider_iyzico.api.secrecy import Secret
    from airflow_provider_iyzico.hooks.settings import ConnectionFields, Settings


def checked(connection: Secret[ConnectionFields]) -> Settings | IyzicoError:
    """Return the settings that a Connection gives, or what is wrong with it."""
    from cryptography.fernet import InvalidToken

    from airflow_provider_iyzico.hooks.settings import Settings

    try:
        return Settings.read(connection)
    except IyzicoConfigurationError as error:
        return restated(error)
    except (AirflowException, InvalidToken, ValueError):  # a Connection decrypts a field when it is read
        return broken_connection(connection.reveal().conn_id, "what this worker's fernet_key decrypts")


def unknown_connection(conn_id: str, *, was_there: bool = False) -> IyzicoError:
    """Say that there is no such Connection and how to add it, or that its environment variable cannot be read.

    :param was_there: it was read before, so it may be back soon: Airflow says the same of a secrets backend that is down
    """
    variable = f"AIRFLOW_CONN_{conn_id.upper()}"
    if os.environ.get(variable):  # Airflow ignores a variable that it cannot read
        return broken_connection(conn_id, f"the environment variable {variable}")
    kind = IyzicoUnavailableError if was_there else IyzicoConfigurationError
    return kind(
        f"there is no Connection {conn_id!r} that can be read; add one of type 'iyzico' with the API key as login and the secret "
        "key as password, or name another in iyzico_conn_id"
    )


def broken_connection(conn_id: str, where: str = "what its secrets backend holds") -> IyzicoConfigurationError:
    """Say that a Connection is there and cannot be read. The message does not quote it, because it holds the keys."""
    return IyzicoConfigurationError(
        f"Connection {conn_id!r} cannot be read: {where} is not a valid Connection; correct it, as JSON such as "
        '{"conn_type": "iyzico", "login": "...", "password": "..."}, and check quotes, commas and field names'
    )


def unreadable_connection(conn_id: str, kind: str) -> IyzicoUnavailableError:
    """Say that a secrets backend failed.

    :param kind: the class of its error
    """
    return IyzicoUnavailableError(f"Connection {conn_id!r} cannot be read now ({kind}); see the secrets backend")
