"""A call is a value: each endpoint has a function that returns one, and the hook runs any of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from airflow_provider_iyzico.api.envelope import Answer

#: The longest answer without a list. A balance takes a hundred bytes.
SHORT_BYTES = 64 * 1024

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One request, ready to be signed.

    :param path: the absolute path, without query
    :param query: the query string, which is sent but not signed
    :param read: turns the answer into a value, or raises an ``IyzicoError``
    :param body: the bytes to sign and send. They may hold personal data, so they are not shown
    :param is_read: it changes nothing, so it may be repeated; any other call is sent once, and an answer that was not seen is an
        :class:`~airflow_provider_iyzico.errors.IyzicoOutcomeUnknownError`
    :param max_body_bytes: the longest body that the answer may have
    :param without: headers to leave out. This and ``random_key`` are for ``verify``, which asks with reads only
    :param random_key: sign with this key instead of a fresh one
    """

    method: str
    path: str
    query: str
    read: Callable[[Answer], T]
    body: bytes = field(default=b"", repr=False)
    is_read: bool = False
    max_body_bytes: int = SHORT_BYTES
    without: frozenset[str] = frozenset()
    random_key: str | None = None
