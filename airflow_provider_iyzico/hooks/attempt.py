"""One attempt at a call, for the code below the libraries that the transport uses."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass

from airflow_provider_iyzico.hooks.deadline import Deadline


@dataclass(slots=True)
class Attempt:
    """One attempt at a call.

    :param max_body_bytes: the longest body that its answer may have
    :param has_begun: whether a byte of the request may have left. Before that, nothing has changed at iyzico
    """

    deadline: Deadline
    max_body_bytes: int
    has_begun: bool = False


#: This thread's attempt. A kept connection obeys the attempt that uses it.
current_attempt: ContextVar[Attempt] = ContextVar("iyzico_attempt")
