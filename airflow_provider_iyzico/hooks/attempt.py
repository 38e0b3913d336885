"""One request on its way, and what the libraries below the transport must know of it."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass

from airflow_provider_iyzico.hooks.deadline import Deadline


@dataclass(slots=True)
class Attempt:
    """One attempt at a call.

    :param max_body_bytes: how long the body of its answer may be
    :param has_begun: whether a byte of the request can have left. What fails before that has changed nothing at iyzico
    """

    deadline: Deadline
    max_body_bytes: int
    has_begun: bool = False


#: This thread's attempt. A kept connection serves the attempt that uses it.
current_attempt: ContextVar[Attempt] = ContextVar("iyzico_attempt")
