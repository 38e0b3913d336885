"""Looks for secrets in everything that was written, in every form in which they might have been."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote

from airflow_provider_iyzico.simulator import Simulator

#: Of a longer secret any part of this length is a find; Airflow's masker and line breaks may have cut the rest.
PART = 24
#: A shorter part of a recipient stands everywhere by chance.
MIN_PART = 8


def secrets_of(simulator: Simulator) -> set[str]:
    """Return the keys, and every header and signature that was sent."""
    found = {simulator.world.api_key, simulator.world.secret_key}
    for seen in simulator.seen:
        token = seen.headers["Authorization"].partition(" ")[2]
        found |= {token, base64.b64decode(token).decode().rpartition(":")[2]}
    return found


def forms(secret: str) -> set[bytes]:
    """Return a secret raw, quoted, in hex and in base64 at each of the three ways to align it."""
    raw = secret.encode()
    written = {raw, quote(secret, safe="").encode(), raw.hex().encode(), raw.hex().upper().encode()}
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + raw)
        written.add(encoded[4 if shift else 0 : len(encoded) // 4 * 4 - 4])
    return {form[:PART] for form in written} | {form[-PART:] for form in written}


def finds(simulator: Simulator, paths: Iterable[Path]) -> list[str]:
    """Return where a secret stands in the files below ``paths``."""
    return _found({form for secret in secrets_of(simulator) for form in forms(secret)}, paths)


def personal_forms(info: str, name: str) -> set[bytes]:
    """Return a recipient in every form: raw, as JSON, in groups of four, in halves, quoted, in hex and in base64."""
    half = len(info) // 2
    groups = " ".join(info[place : place + 4] for place in range(0, len(info), 4))
    parts = {part for part in (info, groups, info[:half], info[half:], name, *name.split()) if len(part) >= MIN_PART}
    written = {form for part in parts for form in forms(part)} | {json.dumps(part)[1:-1].encode() for part in parts}
    return {form for form in written if len(form) >= MIN_PART}


def finds_personal(recipients: Iterable[tuple[str, str]], paths: Iterable[Path]) -> list[str]:
    """Return where a recipient, given by info and name, stands in the files below ``paths``."""
    return _found({form for info, name in recipients for form in personal_forms(info, name)}, paths)


def _found(needles: set[bytes], paths: Iterable[Path]) -> list[str]:
    assert needles
    found = []
    for path in paths:
        for file in [path] if path.is_file() else sorted(path.rglob("*")):
            if file.is_file():
                content = file.read_bytes()
                found += [f"{file}: {form!r}" for form in needles if form in content]
    return found
