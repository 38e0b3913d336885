"""How this provider's errors become Airflow's: what cannot heal by itself fails its task without retries."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_iyzico.errors import IyzicoError


@contextmanager
def fail_fast() -> Iterator[None]:
    """Turn a lasting :class:`IyzicoError` into ``AirflowFailException``; let a transient one be retried.

    :raises AirflowFailException: for every ``IyzicoError`` whose ``is_transient`` is false, which stays its cause
    """
    try:
        yield
    except IyzicoError as error:
        if error.is_transient:
            raise
        raise AirflowFailException(f"{type(error).__name__}: {error}") from error
