"""A ledger, opened: its database, its tables, and the one way in which anything in it is changed."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from os.path import isabs
from threading import Event
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.engine import Connection, Engine

from airflow_provider_iyzico.api.clocks import agreeing
from airflow_provider_iyzico.errors import WarehouseConfigurationError, WarehouseTableError
from airflow_provider_iyzico.ledger.layout import PRINTED_BY, ledger_layout
from airflow_provider_iyzico.ledger.shape import IN_MEMORY, check
from airflow_provider_iyzico.ledger.tables import LedgerTables, ledger_tables
from airflow_provider_iyzico.ledger.views import ROLLFORWARD_VIEWS, VIEWS
from airflow_provider_iyzico.warehouse.database.by_hand import naming_rows_by_hand
from airflow_provider_iyzico.warehouse.database.clock import database_now
from airflow_provider_iyzico.warehouse.database.engine import prepare
from airflow_provider_iyzico.warehouse.database.exact import exactly
from airflow_provider_iyzico.warehouse.database.layout import complete
from airflow_provider_iyzico.warehouse.database.patience import Patience, Watch
from airflow_provider_iyzico.warehouse.database.retry import persist
from airflow_provider_iyzico.warehouse.database.transaction import transaction

T = TypeVar("T")

#: Which lock rows and enforce keys.
DIALECTS = frozenset({"postgresql", "mysql", "mariadb", "sqlite"})
#: How long the ledger is waited for.
PATIENCE = Patience(connect_seconds=10, lock_seconds=15, statement_seconds=20, whole_seconds=45)


def _now(connection: Connection) -> datetime:
    return agreeing(database_now(connection), datetime.now(UTC))


@dataclass(frozen=True, slots=True)
class Ledger:
    """A ledger in a database that locks rows and enforces keys.

    :param schema: where its tables are, if not in the connection's own schema
    :param create_table: make missing tables; otherwise say by which DDL
    :param patience: how long one act may take
    :param clock: returns the moment by the database's clock
    """

    engine: Engine
    schema: str | None = None
    create_table: bool = True
    patience: Patience = PATIENCE
    clock: Callable[[Connection], datetime] = field(default=_now, compare=False)
    _is_checked: Event = field(default_factory=Event, init=False, compare=False, repr=False)

    @classmethod
    def open(
        cls, engine: Engine, *, schema: str | None = None, create_table: bool = True, within_seconds: float = math.inf
    ) -> Ledger:
        """Open the ledger of a database. Nothing is asked of the database yet.

        :param within_seconds: a shorter bound for one act than the ledger's own
        :raises WarehouseConfigurationError: the database does not lock rows or enforce keys, its file is another one in another
            folder, or the schema is no identifier
        """
        if engine.dialect.name not in DIALECTS:
            raise WarehouseConfigurationError(
                f"the ledger cannot be in {engine.dialect.name}, which does not lock rows or enforce keys: two payouts could "
                "take the same money; name a Connection to PostgreSQL, MySQL, MariaDB or SQLite in ledger_conn_id"
            )
        file = engine.url.database
        if engine.dialect.name == "sqlite" and file not in IN_MEMORY and not isabs(str(file).removeprefix("file:")):
            raise WarehouseConfigurationError(
                f"the ledger's file {file!r} is named without its folder: a process that was started in another folder would "
                "have another ledger, and money could be spent twice; give the whole path"
            )
        ledger_tables(schema)
        seconds = max(math.ceil(min(within_seconds, PATIENCE.whole_seconds)), 1)
        return cls(prepare(engine), schema, create_table, replace(PATIENCE, whole_seconds=seconds))

    @property
    def tables(self) -> LedgerTables:
        return ledger_tables(self.schema)

    def act(self, idempotent_act: Callable[[Connection], T]) -> T:
        """Act in one transaction, which is durable when this returns. Views that are missing are made afterwards.

        :param idempotent_act: finds its own work done when it runs again, because a commit that seemed to fail may have succeeded
        :raises WarehouseTableError: a table is missing, or has another shape
        :raises ClockError: the database's clock and this machine's are too far apart
        :raises WarehouseRowError: a row that was written by hand cannot be read
        :raises WarehouseUnavailableError: the database did not answer; a retry is safe
        :raises WarehouseError: the database refused for a reason of its own
        """

        layout, missing = ledger_layout(self.schema), frozenset[str]()

        @exactly
        def run() -> T:
            nonlocal missing
            with (
                self.engine.connect() as connection,
                naming_rows_by_hand(connection, self.tables[::-1], advice="correct that row"),
                transaction(connection, writes_at_once=True, is_durable=True),
            ):
                missing = self._check(connection)
                return idempotent_act(connection)

        with Watch(self.patience):
            done = persist(self.engine, layout, run, create_table=self.create_table)
            if missing and self.create_table:
                complete(self.engine, ledger_layout(self.schema, with_rollforward=not missing.isdisjoint(ROLLFORWARD_VIEWS)))
            return done

    def _check(self, connection: Connection) -> frozenset[str]:
        """Refuse tables that lack a key, once per opened ledger, and return which views are missing.

        Tables that are missing are made first, and checked then; but not where a ledger was used that had them.
        """
        if self._is_checked.is_set():
            return frozenset()
        missing = check(connection, self.tables, PRINTED_BY)
        views = {*VIEWS, *ROLLFORWARD_VIEWS}
        if missing <= views:
            self._is_checked.set()
        elif self._was_used(connection, missing) and (lost := check(connection, self.tables, PRINTED_BY) - views):
            raise WarehouseTableError(  # asked for again, because others may just have made the tables
                f"the ledger has lost {', '.join(sorted(lost))}: made again, they would be empty, and money could be spent "
                "twice. Restore them from a backup, with the other tables of the ledger. On MySQL and MariaDB, a table also "
                "looks lost to a role without a right on it"
            )
        return missing & views

    def _was_used(self, connection: Connection, missing: frozenset[str]) -> bool:
        table = self.tables.account
        return table.name not in missing and connection.execute(select(table.c.account).limit(1)).first() is not None
