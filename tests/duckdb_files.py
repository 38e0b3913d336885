"""DuckDB files for tests: skipped, with the reason, where DuckDB is not installed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest
from sqlalchemy import create_engine
from sqlalchemy.engine import Engine

HAS_DUCKDB = find_spec("duckdb_sqlalchemy") is not None
NO_DUCKDB = "the extra [duckdb], which needs SQLAlchemy 2, is not here; `make test` has it"


@contextmanager
def duckdb_file(path: Path) -> Iterator[Engine]:
    """Yield an engine for a DuckDB file, which is made when somebody writes to it."""
    if not HAS_DUCKDB:
        pytest.skip(NO_DUCKDB)
    engine = create_engine(f"duckdb:///{path}")
    yield engine
    engine.dispose()
