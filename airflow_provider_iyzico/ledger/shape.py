"""What the database itself says of the ledger's tables. Without their keys, two payouts could take the same money."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import MetaData, Table, UniqueConstraint
from sqlalchemy.exc import OperationalError

from airflow_provider_iyzico.errors import WarehouseConfigurationError, WarehouseTableError
from airflow_provider_iyzico.ledger.tables import LedgerTables
from airflow_provider_iyzico.ledger.views import ROLLFORWARD_NEEDS, ROLLFORWARD_VIEWS, VIEWS

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

#: Rows of three: a table, one of its unique keys (empty: none), and a column. Rows without a table speak of the server, and those
#: without a column of a view, or of something of the warehouse.
_ASKED = {
    "postgresql": """
        SELECT relname::text, '', attname::text FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
        WHERE attrelid IN ({regclasses}) AND attnum > 0 AND NOT attisdropped
        UNION ALL
        SELECT relname, indexrelid::text, attname FROM pg_index
        JOIN pg_class ON pg_class.oid = indrelid JOIN pg_attribute ON attrelid = indrelid AND attnum = ANY (indkey)
        WHERE indrelid IN ({regclasses})
            AND indisunique AND indisvalid AND indimmediate AND indpred IS NULL AND indexprs IS NULL
        UNION ALL
        SELECT '', 'unlogged', relname::text FROM pg_class WHERE oid IN ({regclasses}) AND relpersistence <> 'p'
        UNION ALL
        SELECT '', 'hidden', relname::text FROM pg_class WHERE oid IN ({regclasses}) AND row_security_active(oid)
        UNION ALL SELECT relname, '', '' FROM pg_class WHERE oid IN ({views_regclasses})
        UNION ALL SELECT '', 'version', version()""",
    "mysql": """
        SELECT table_name, '', column_name FROM information_schema.columns
        WHERE table_schema = {schema} AND table_name IN ({names})
        UNION ALL
        SELECT table_name, index_name, column_name FROM information_schema.statistics
        WHERE table_schema = {schema} AND table_name IN ({names}) AND non_unique = 0
        UNION ALL
        SELECT '', 'engine', concat(table_name, ' ', engine) FROM information_schema.tables
        WHERE table_schema = {schema} AND table_name IN ({names})
        UNION ALL
        SELECT table_name, '', '' FROM information_schema.tables WHERE table_schema = {schema} AND table_name IN ({views})
        UNION ALL SELECT '', 'flush', @@innodb_flush_log_at_trx_commit""",
    "sqlite": """
        SELECT there.name, '', of_it.name FROM {place}sqlite_master AS there, pragma_table_info(there.name) AS of_it
        WHERE there.name IN ({names})
        UNION ALL
        SELECT there.name, of_it.name, part.name FROM {place}sqlite_master AS there,
            pragma_index_list(there.name) AS of_it, pragma_index_info(of_it.name) AS part
        WHERE there.name IN ({names}) AND of_it."unique" AND NOT of_it.partial
        UNION ALL SELECT name, '', '' FROM {place}sqlite_master WHERE name IN ({views})""",
}
_ASKED["mariadb"] = _ASKED["mysql"]
#: In which other schemas of the database a table stands that this role may read.
_ELSEWHERE = {
    "postgresql": """
        SELECT nspname FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
        WHERE relname = '{table}' AND pg_class.oid <> to_regclass('{prefix}{table}')
            AND has_schema_privilege(pg_namespace.oid, 'USAGE') AND has_table_privilege(pg_class.oid, 'SELECT')""",
    "mysql": "SELECT table_schema FROM information_schema.tables WHERE table_name = '{table}' AND table_schema <> {schema}",
}
_ELSEWHERE["mariadb"] = _ELSEWHERE["mysql"]
#: What URLs of SQLite name that keeps nothing, as in tests: only one process has it.
IN_MEMORY = (None, "", ":memory:")
#: Disks that several machines have at once, and on which SQLite's files beside the ledger are not the same for all of them.
_NETWORK = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "ceph", "fuse.sshfs", "fuse.s3fs", "fuse.glusterfs"})
_MOUNTS = Path("/proc/self/mountinfo")
_VIEWS = (*VIEWS, *ROLLFORWARD_VIEWS, *ROLLFORWARD_NEEDS)
#: What speaks PostgreSQL's protocol without its row locks or keys, by what it calls itself in ``version()``.
_NOT_POSTGRESQL = re.compile(r"Redshift|CrateDB|QuestDB|Materialize|RisingWave|Greenplum", re.IGNORECASE)
#: Values of ``innodb_flush_log_at_trx_commit`` with which a commit is on the disk before it returns; MariaDB has the second.
_FLUSHED = frozenset({"1", "3"})
_Found = Mapping[str, Mapping[str, set[str]]]


def check(connection: Connection, tables: LedgerTables, printed_by: str) -> frozenset[str]:
    """Check columns and keys of the tables that are there, and what the server says of itself.

    :param printed_by: the command that prints how the tables are made
    :return: which tables and views are missing; those of the roll-forward can only be so where the warehouse is there
    :raises WarehouseTableError: a table lacks columns or a key, or its storage engine locks no rows
    :raises WarehouseConfigurationError: the server locks no rows, loses commits when it crashes, or may hide rows from this role
    """
    found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for table, key, column in connection.exec_driver_sql(_question(connection.dialect.name, tables)):
        found[table][key].add(str(column))
    _check_server(found[""])
    if connection.dialect.name == "sqlite" and connection.engine.url.database not in IN_MEMORY:
        _check_lock(connection)
        if file := _file(connection, tables.account.schema):
            _check_place(file)
    there = [table for table in tables if found[table.name][""]]  # MariaDB tells of a table's keys a moment before its columns
    for table in there:
        _check_table(table, found[table.name], printed_by)
    names = {name for name, keys in found.items() if keys[""]}
    wanted = {*(table.name for table in tables), *VIEWS, *(ROLLFORWARD_VIEWS if names.issuperset(ROLLFORWARD_NEEDS) else ())}
    return frozenset(wanted - names)


def other_ledgers(connection: Connection, tables: LedgerTables) -> list[Table]:
    """Return the tables of accounts of all other ledgers in the same database that this role may read."""
    table = tables.account
    said = _ELSEWHERE.get(connection.dialect.name)
    if said is None:
        return []
    schemas = connection.exec_driver_sql(said.format(table=table.name, **_place(table.schema))).scalars()
    return [table.to_metadata(MetaData(), schema=schema) for schema in schemas]


def _place(schema: str | None) -> dict[str, str]:
    """Return how statements name the schema of a ledger, which is a checked identifier."""
    return {"prefix": f'"{schema}".' if schema else "", "schema": f"'{schema}'" if schema else "DATABASE()"}


def _question(dialect: str, tables: LedgerTables) -> str:
    """Write the question. All names are ours or checked identifiers."""
    place = _place(tables.account.schema)
    prefix = place["prefix"]
    return _ASKED[dialect].format(
        names=", ".join(f"'{table.name}'" for table in tables),
        views=", ".join(f"'{name}'" for name in _VIEWS),
        regclasses=", ".join(f"to_regclass('{prefix}{table.name}')" for table in tables),
        views_regclasses=", ".join(f"to_regclass('{prefix}{name}')" for name in _VIEWS),
        schema=place["schema"],
        place=prefix,
    )


def _check_server(said: Mapping[str, set[str]]) -> None:
    for version in said.get("version", ()):
        if (name := _NOT_POSTGRESQL.search(version)) is not None:
            raise WarehouseConfigurationError(
                f"the ledger cannot be in {name[0]}, which does not lock rows or enforce keys as PostgreSQL does: two payouts "
                "could take the same money; name a Connection to PostgreSQL, MySQL, MariaDB or SQLite in ledger_conn_id"
            )
    if not said.get("flush", _FLUSHED) <= _FLUSHED:
        raise WarehouseConfigurationError(
            "the server's innodb_flush_log_at_trx_commit is not 1, so a crash loses commits, and a payout could be sent twice; "
            "set it to 1, or name another database in ledger_conn_id"
        )
    for table in said.get("hidden", ()):
        raise WarehouseConfigurationError(
            f"row level security may hide rows of table {table!r} from this role: without the holds of others, two payouts could "
            f"take the same money; change that: ALTER TABLE {table} DISABLE ROW LEVEL SECURITY, or let the role bypass it "
            "(BYPASSRLS)"
        )
    for table in said.get("unlogged", ()):
        raise WarehouseTableError(
            f"table {table!r} is not logged, so a crash empties it, and a payout could be sent twice; change it: "
            f"ALTER TABLE {table} SET LOGGED"
        )
    for each in said.get("engine", ()):
        table, _, engine = each.partition(" ")
        if engine != "InnoDB":
            raise WarehouseTableError(
                f"table {table!r} has the storage engine {engine}, which does not lock rows: two payouts could take the same "
                f"money; change it: ALTER TABLE {table} ENGINE = InnoDB"
            )


def _check_lock(connection: Connection) -> None:
    """Refuse an SQLite that takes no lock, as with ``nolock`` in its URI, or on a disk that has none.

    :param connection: in a transaction that has taken the one lock for writers
    """
    with connection.engine.connect() as other:
        other.exec_driver_sql("PRAGMA busy_timeout = 0")
        try:
            other.exec_driver_sql("BEGIN IMMEDIATE")
            version = other.exec_driver_sql("PRAGMA user_version").scalar()
            other.exec_driver_sql(f"PRAGMA user_version = {version}")  # a file that may only be read lets everybody begin
        except OperationalError:
            return
    raise WarehouseConfigurationError(
        "two connections may write to this SQLite file at once, so two payouts could take the same money; remove nolock or vfs "
        "from the Connection's extra or the URL, or put the file on a disk that has locks"
    )


def _file(connection: Connection, schema: str | None) -> str:
    """Return the path of the ledger's SQLite file without links; nothing of a database in memory."""
    files = {name: str(file or "") for _, name, file in connection.exec_driver_sql("PRAGMA database_list")}
    file = files.get(schema or "main", "")
    return file and os.path.realpath(file)


def _check_place(file: str) -> None:
    """Refuse an SQLite file that others may have without seeing what is written here.

    What was written last, and who has the lock, stands in files beside it: of its name, in its folder, on this machine.
    """
    mounts = {place: kind for place, kind in _mounts() if Path(file).is_relative_to(place)}
    if os.stat(file).st_nlink > 1 or file in mounts:
        raise WarehouseConfigurationError(
            f"the ledger's file {file!r} has another name, too, or is mounted into this container without its folder: who opens "
            "it elsewhere does not see what is set aside here, so two payouts could take the same money; give all tasks one "
            "path, remove other hard links, and mount the whole folder"
        )
    kind = mounts[max(mounts, key=len)] if mounts else ""
    if kind in _NETWORK:
        raise WarehouseConfigurationError(
            f"the ledger's file {file!r} is on a network disk ({kind}), where another machine does not see in time what is set "
            "aside here: two payouts could take the same money; put the file on a disk of this machine, or name a Connection to "
            "PostgreSQL, MySQL or MariaDB in ledger_conn_id"
        )


def _mounts() -> Iterator[tuple[str, str]]:
    """Yield where something is mounted, and its kind; nothing where the system is not Linux."""
    with suppress(OSError):
        for line in _MOUNTS.read_text(errors="surrogateescape").splitlines():
            of_place, _, of_kind = line.partition(" - ")
            yield re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), of_place.split(" ")[4]), of_kind.split(" ")[0]


def _check_table(table: Table, found: Mapping[str, set[str]], printed_by: str) -> None:
    columns = {name.lower() for name in found[""]}
    if missing := [column.name for column in table.columns if column.name not in columns]:
        raise WarehouseTableError(f"table {table.fullname!r} has another shape: it lacks {missing}; add what {printed_by} prints")
    keys = [columns for key, columns in found.items() if key]
    for wanted in _keys(table):
        if not any(key <= wanted for key in keys):
            raise WarehouseTableError(
                f"table {table.fullname!r} lacks its unique key on {', '.join(sorted(wanted))}: two payouts could take the same "
                f"money; add it as {printed_by} prints it"
            )


def _keys(table: Table) -> list[set[str]]:
    """Return the columns of each unique key of a table."""
    unique = [each for each in table.constraints if isinstance(each, UniqueConstraint)]
    return [{column.name for column in key.columns} for key in (table.primary_key, *unique)]
