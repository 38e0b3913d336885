"""IYZWSv2, iyzico's request signature (https://docs.iyzico.com/en/getting-started/preliminaries/authentication/hmacsha256-auth).

The message is ``randomKey + path + body``: the path as sent, without host and query, and the exact bytes of the body.
A GET sends no body and signs none. Method, host, query and time are not part of the message.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from base64 import b64encode

SCHEME = "IYZWSv2"


def new_random_key() -> str:
    """Return 128 fresh bits from the system's CSPRNG as 32 hex digits; one for every attempt."""
    return secrets.token_hex(16)


def signature(secret_key: str, random_key: str, path: str, body: bytes = b"") -> str:
    """Return the HMAC-SHA256 of one request as 64 lower-case hex digits.

    :param path: the path as sent, starting with ``/``, without ``?`` and what follows it
    :param body: the bytes that are sent; empty if there is no body
    :raises ValueError: the path is not absolute or carries a query
    """
    if not path.startswith("/") or "?" in path:
        raise ValueError("sign the absolute path without its query")
    mac = hmac.new(secret_key.encode(), random_key.encode() + path.encode(), hashlib.sha256)
    mac.update(body)  # which may hold personal data, so no frame keeps another copy
    return mac.hexdigest()


def authorization(api_key: str, random_key: str, signature: str) -> str:
    """Return the value of the ``Authorization`` header."""
    token = f"apiKey:{api_key}&randomKey:{random_key}&signature:{signature}"
    return f"{SCHEME} {b64encode(token.encode()).decode()}"


def authorization_prefix(api_key: str) -> str:
    """Return the constant beginning of this key's ``Authorization`` values, for a log masker to look for."""
    constant = f"apiKey:{api_key}&randomKey:".encode()
    return f"{SCHEME} {b64encode(constant[: len(constant) // 3 * 3]).decode()}"
