"""A call is a value: each endpoint has a function that returns one, and the hook runs any of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from airflow_provider_iyzico.api.envelope import Answer

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One request, ready to be signed.

    :param path: the absolute path, without query
    :param query: the query string, which is sent but not signed
    :param read: turns the answer into a value, or raises an ``IyzicoError``
    :param is_read: it changes nothing, so it may be repeated; any other call is sent once, and an answer that was not seen is an
        :class:`~airflow_provider_iyzico.errors.IyzicoOutcomeUnknownError`
    :param without: headers to leave out. This and ``random_key`` are for ``verify``, which asks with reads only
    :param random_key: sign with this key instead of a fresh one
    """

    method: str
    path: str
    query: str
    read: Callable[[Answer], T]
    body: bytes = b""
    is_read: bool = False
    without: frozenset[str] = frozenset()
    random_key: str | None = None
