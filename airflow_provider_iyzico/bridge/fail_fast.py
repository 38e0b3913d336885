"""How this provider's errors become Airflow's: an error that a retry cannot help fails its task at once."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_iyzico.errors import IyzicoError, Retry

log = logging.getLogger(__name__)


@contextmanager
def fail_fast() -> Iterator[None]:
    """Let Airflow retry what is safe to repeat; turn every other :class:`IyzicoError` into ``AirflowFailException``.

    Either is first logged in one plain line, because Airflow's page cuts off the last line of a traceback.

    :raises AirflowFailException: an error that says *never* or *read back first*, which stays its cause
    """
    try:
        yield
    except IyzicoError as error:
        message = f"{type(error).__name__}: {error}"
        if error.retry is Retry.READ_BACK_FIRST:
            message += "; the request may have been carried out, so ask iyzico before you clear this task"
        log.error("%s", message)  # noqa: TRY400 - the traceback follows anyway
        if error.retry is Retry.SAFE:
            raise
        raise AirflowFailException(message) from error
