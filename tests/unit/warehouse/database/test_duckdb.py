"""A DuckDB file belongs to one process at a time: others wait, and then say what to do."""

import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace

import pytest
from duckdb_files import HAS_DUCKDB, NO_DUCKDB
from snapshots import TABLE, ask, put_after
from sqlalchemy import create_engine

from airflow_provider_iyzico.errors import Retry, WarehouseConfigurationError, WarehouseUnavailableError
from airflow_provider_iyzico.warehouse.append import append
from airflow_provider_iyzico.warehouse.bounds import SNAPSHOT

pytestmark = pytest.mark.skipif(not HAS_DUCKDB, reason=NO_DUCKDB)
HOLD = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read(); c.close()"


@contextmanager
def held(engine):
    """Another process has the file, until it is told to close it."""
    engine.dispose()
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, engine.url.database], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline() == "open\n"
        yield other
        other.stdin.close()
        other.wait(60)
    assert other.returncode == 0


def test_a_file_that_another_process_has_open_may_be_written_later_and_the_error_says_how_to_share(
    duckdb_engine, make_row, monkeypatch
):
    append(duckdb_engine, TABLE, make_row(run_id="before"), create_table=True)
    monkeypatch.setattr("airflow_provider_iyzico.warehouse.append.SNAPSHOT", replace(SNAPSHOT, lock_seconds=1))
    with (
        held(duckdb_engine),
        pytest.raises(WarehouseUnavailableError, match="another process has the DuckDB file open.* pool of one slot") as caught,
    ):
        append(duckdb_engine, TABLE, make_row(), create_table=True)
    assert caught.value.retry is Retry.SAFE
    append(duckdb_engine, TABLE, make_row(), create_table=True)
    assert ask(duckdb_engine, "SELECT count(*) FROM iyzico_balance_snapshot") == 2


def test_a_task_waits_for_another_that_closes_the_file_in_time(duckdb_engine, make_row, monkeypatch):
    append(duckdb_engine, TABLE, make_row(run_id="before"), create_table=True)
    tries = []
    with held(duckdb_engine) as other:

        def close_at_the_second_try(_seconds):
            tries.append(1)
            if len(tries) == 2:
                other.stdin.close()
                other.wait()  # without a time limit, which would sleep

        monkeypatch.setattr("airflow_provider_iyzico.warehouse.database.patience.time.sleep", close_at_the_second_try)
        append(duckdb_engine, TABLE, make_row(), create_table=True)
        monkeypatch.undo()
    assert len(tries) == 2
    assert ask(duckdb_engine, "SELECT count(*) FROM iyzico_balance_snapshot") == 2


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("no/such/folder/w.duckdb", "the folder '.*/no/such/folder' of the database file is not there"),
        ("", "is a folder; name a database file as host"),
        ("a.txt", "not a valid DuckDB database file"),
    ],
)
def test_a_file_that_cannot_be_used_is_a_matter_of_configuration(tmp_path, make_row, name, said):
    (tmp_path / "a.txt").write_text("no database\n" * 1000)
    engine = create_engine(f"duckdb:///{tmp_path / name}")
    with pytest.raises(WarehouseConfigurationError, match=said) as caught:
        append(engine, TABLE, make_row(), create_table=True)
    engine.dispose()
    assert caught.value.retry is Retry.NEVER


def test_a_statement_that_takes_too_long_is_ended(duckdb_engine, monkeypatch):
    from airflow_provider_iyzico.warehouse.database.engine import prepare
    from airflow_provider_iyzico.warehouse.database.patience import Patience, Watch

    put_after(duckdb_engine, 0)
    engine = prepare(duckdb_engine)
    with Watch(Patience(1, 1, 1, 1)), engine.connect() as connection, pytest.raises(Exception, match="(?i)interrupt"):
        connection.exec_driver_sql("SELECT sum(a.range * b.range) FROM range(10000000) a, range(10000000) b")
