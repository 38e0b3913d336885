"""One function per endpoint. A call is a value: the hook runs any of them, and N endpoints cost N functions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from airflow_provider_iyzico.api.answers import Answer, Balance, read_balance

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One request, ready to be signed.

    :param path: the absolute path, without query
    :param query: the query string, which is sent but not signed
    :param read: turns the answer into a value, or raises an ``IyzicoError``
    :param is_read: whether repeating it is harmless; a call that moves money is never repeated by itself
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


def balance(locale: str) -> Call[Balance]:
    """Ask for the mass payout balance: ``GET /v1/mass/payout/balance``.

    ``locale`` is required in the query, and no body is sent or signed
    (https://docs.iyzico.com/en/products/mass-payout/mass-payout-integration/retrieve-mass-payout-balance).
    """
    return Call("GET", "/v1/mass/payout/balance", f"locale={locale}", read_balance, is_read=True)
