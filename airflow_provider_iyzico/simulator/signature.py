"""Checks an ``Authorization`` header as iyzico documents IYZWSv2, from the receiving side.

https://docs.iyzico.com/en/getting-started/preliminaries/authentication/hmacsha256-auth
"""

from __future__ import annotations

import base64
import hmac
import re
from dataclasses import dataclass

_TOKEN = re.compile(r"apiKey:(?P<api_key>[^&]*)&randomKey:(?P<random_key>[^&]+)&signature:(?P<signature>[0-9a-f]{64})\Z")


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is not believed: iyzico's code and words."""

    code: str
    message: str


MISSING = Refusal("1009", "Authorization header is missing")
MALFORMED = Refusal("1007", "Signature is missing or malformed")
UNKNOWN_KEY = Refusal("1001", "API credentials not found")
WRONG_SIGNATURE = Refusal("1000", "Invalid signature")


def check(header: str | None, path: str, body: bytes, api_key: str, secret_key: str) -> tuple[str, Refusal | None]:
    """Return the random key of a request, and why it is refused, if it is.

    :param path: the path as received, without the query
    :param body: the bytes as received
    """
    if not header:
        return "", MISSING
    scheme, _, encoded = header.partition(" ")
    try:
        token = _TOKEN.match(base64.b64decode(encoded, validate=True).decode())
    except ValueError:
        token = None
    if scheme != "IYZWSv2" or token is None:
        return "", MALFORMED
    random_key = token["random_key"]
    if token["api_key"] != api_key:
        return random_key, UNKNOWN_KEY
    expected = hmac.digest(secret_key.encode(), b"".join([random_key.encode(), path.encode(), body]), "sha256").hex()
    return random_key, None if hmac.compare_digest(expected, token["signature"]) else WRONG_SIGNATURE
