"""How this provider's errors become Airflow's: what cannot heal by itself fails its task without retries."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_iyzico.errors import IyzicoError

log = logging.getLogger(__name__)


@contextmanager
def fail_fast() -> Iterator[None]:
    """Turn a lasting :class:`IyzicoError` into ``AirflowFailException``; let a transient one be retried.

    Both are logged first in one plain line, because Airflow's page cuts a traceback's last line off.

    :raises AirflowFailException: for every ``IyzicoError`` whose ``is_transient`` is false, which stays its cause
    """
    try:
        yield
    except IyzicoError as error:
        words = f"{type(error).__name__}: {error}"
        log.error("%s", words)  # noqa: TRY400 - the traceback follows anyway
        if error.is_transient:
            raise
        raise AirflowFailException(words) from error
