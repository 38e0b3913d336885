"""A MariaDB for tests: the one you name in ``$TEST_MARIADB_URL``, else Debian's, on a loopback port."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pymysql
import pytest
from needs import MARIADB, PLACES
from sqlalchemy import create_engine, text
from sqlalchemy.engine import Engine
from stack import free_port

UNPRIVILEGED = "nobody"


@contextmanager
def mariadb_server(*more: str) -> Iterator[str]:
    """Yield the URL of a server that is gone afterwards; without one the tests are skipped, and say so.

    :param more: options of the server, with which it is always one of our own
    """
    if not more and (given := os.environ.get("TEST_MARIADB_URL")):
        yield given
        return
    server = MARIADB.found()
    if server is None:
        pytest.skip(str(MARIADB))
    install = shutil.which("mariadb-install-db", path=PLACES) or "mariadb-install-db"
    with tempfile.TemporaryDirectory(prefix="iyzico-mariadb-", ignore_cleanup_errors=True) as name:
        folder, user, port = Path(name), UNPRIVILEGED if os.geteuid() == 0 else None, free_port()
        # A server that starts removes the temporary tables of every other in its folder for those: so each has its own.
        temporary = folder / "temporary"
        temporary.mkdir()
        if user:
            shutil.chown(folder, user)
            shutil.chown(temporary, user)
        options = ["--no-defaults", f"--datadir={folder / 'data'}", f"--tmpdir={temporary}"]
        subprocess.run(
            [install, *options, "--auth-root-authentication-method=normal", "--skip-test-db"],
            user=user,
            cwd=folder,
            check=True,
            capture_output=True,
        )
        options += [
            f"--socket={folder / 'socket'}",
            f"--pid-file={folder / 'pid'}",
            f"--port={port}",
            "--bind-address=127.0.0.1",
            *more,
        ]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen([server, *options], user=user, cwd=folder, stdout=log, stderr=subprocess.STDOUT)
        try:
            _wait_for(process, port, folder / "log")
            yield f"mysql+pymysql://root@127.0.0.1:{port}/warehouse"
        finally:
            process.terminate()
            process.wait(30)


@contextmanager
def mariadb_database(url: str) -> Iterator[Engine]:
    """Yield an engine for a new database on that server, which is gone afterwards."""
    admin, name = create_engine(url), f"test_{uuid4().hex[:12]}"
    with admin.begin() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine = create_engine(admin.url.set(database=name))
    yield engine
    engine.dispose()
    with admin.begin() as connection:
        connection.execute(text(f"DROP DATABASE {name}"))
    admin.dispose()


def _wait_for(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + 180
    while True:
        try:
            with pymysql.connect(host="127.0.0.1", port=port, user="root") as connection, connection.cursor() as cursor:
                cursor.execute("CREATE DATABASE warehouse")
                return
        except pymysql.OperationalError as error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"MariaDB did not start: {log.read_text()[-2000:]}") from error
            time.sleep(0.05)
