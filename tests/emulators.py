"""Warehouses in the cloud, as far as an emulator plays them. They need an environment of their own: see ``make warehouses``."""

from __future__ import annotations

import atexit
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from uuid import uuid4

from sqlalchemy import create_engine
from sqlalchemy.engine import Engine

HAS_FAKESNOW = find_spec("fakesnow") is not None
#: Each of them that is here, with its fixture. Elsewhere no test is made for them, rather than hundreds that are skipped.
EMULATED = {"snowflake": "snowflake_engine"} if HAS_FAKESNOW else {}


@cache
def _account() -> None:
    """Let the connector of this process meet the emulator, from now on."""
    import fakesnow

    patched = fakesnow.patch()
    patched.__enter__()
    atexit.register(patched.__exit__, None, None, None)


@contextmanager
def snowflake_emulator() -> Iterator[Engine]:
    """Yield an engine for an empty database. It is in this process."""
    _account()
    engine = create_engine(f"snowflake://u:p@account/test_{uuid4().hex[:12]}/public")
    yield engine
    engine.dispose()
