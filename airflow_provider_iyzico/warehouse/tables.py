"""The tables that finance reads. Columns are added, never renamed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from hashlib import sha256
from typing import Any, NamedTuple

from sqlalchemy import Column, Date, Index, Integer, MetaData, String, Table

from airflow_provider_iyzico.errors import WarehouseConfigurationError
from airflow_provider_iyzico.warehouse.database.names import check_identifier
from airflow_provider_iyzico.warehouse.database.types import (
    SORTED,
    SORTED_FROM,
    TABLE_OPTIONS,
    Instant,
    Money,
    Rule,
    finite,
    ruled,
)
from airflow_provider_iyzico.warehouse.local_day import check_year, time_zone
from airflow_provider_iyzico.warehouse.views import DIALECTS, VIEWS
from airflow_provider_iyzico.warehouse.views.dialects import KEPT

SNAPSHOT_TABLE = "iyzico_balance_snapshot"
#: How the names of the ledger's tables and of its view begin.
_OF_THE_LEDGER = re.compile("iyzico_(payout|balance_(hold|available))", re.IGNORECASE)
ACCOUNT_KEY = ("environment", "account", "currency")
#: Of several snapshots with one key, the first by these counts. ``iyzico_balance_observed`` says the same.
FIRST_BY = ("inserted_at", "try_number", "observed_at", "balance")
_ZONE = ruled(Rule(noun="time zone", check=time_zone))
_COMPARED = ruled(Rule(spelling=SORTED))


@cache
def snapshot_table(name: str = SNAPSHOT_TABLE, schema: str | None = None) -> Table:
    """Return the table of balance snapshots, version 1: one row per task instance.

    :raises WarehouseConfigurationError: ``name`` or ``schema`` is no plain identifier, or ``name`` is one of our own
    """
    check_identifier(name, "table")
    ours = {SNAPSHOT_TABLE, *(each.name for each in report_tables()), *VIEWS}
    if name != SNAPSHOT_TABLE and name.lower() in ours:
        raise WarehouseConfigurationError(f"table is {name!r}, which the reports need for themselves; choose another name")
    if _OF_THE_LEDGER.match(name):
        raise WarehouseConfigurationError(f"table is {name!r}, which the ledger needs for itself; choose another name")
    if schema is not None:
        check_identifier(schema, "schema")
    identity, key, moment = String(250), String(64), Instant()
    return Table(
        name,
        MetaData(),
        Column("snapshot_id", String(36), primary_key=True),
        Column("account", key, nullable=False),
        Column("environment", String(16), nullable=False),
        Column("currency", String(3), nullable=False),
        Column("balance", Money(), nullable=False),
        Column("balance_raw", key, nullable=False, info=ruled(Rule(noun="amount", check=lambda digits: finite(Decimal(digits))))),
        Column("observed_at", moment, nullable=False, info=ruled(Rule(check=check_year, spelling=SORTED))),
        Column("system_time", moment),
        Column("latency_ms", Integer, nullable=False),
        Column("report_timezone", key, nullable=False, info=_ZONE),
        Column("local_date", Date, nullable=False),
        Column("dag_id", identity, nullable=False),
        Column("task_id", identity, nullable=False),
        Column("run_id", identity, nullable=False),
        Column("map_index", Integer, nullable=False),
        Column("try_number", Integer, nullable=False),
        Column("logical_date", moment),
        Column("data_interval_start", moment),
        Column("data_interval_end", moment),
        Column("provider_version", String(32), nullable=False),
        Column("inserted_at", moment, nullable=False),
        # With the balance in it, PostgreSQL draws the page's chart from the index alone.
        Index(_index_name(name), "environment", "account", "currency", "observed_at", postgresql_include=["balance"]),
        schema=schema,
        **TABLE_OPTIONS,
    )


def _check_cadence(minutes: Any) -> None:
    if int(minutes) <= 0:
        raise ValueError("no cadence")


def account_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return whose row it is, as the values of ``ACCOUNT_KEY``."""
    return {name: row[name] for name in ACCOUNT_KEY}


class ReportTables(NamedTuple):
    """What the reporting views read besides the snapshots. In a columnar warehouse, the first three are views themselves.

    :param account: the accounts, each with its newest observation
    :param report_day: the calendar: when each local day begins and ends
    :param balance_day: the daily roll-up of the snapshots
    :param threshold: below which balance finance wants to be warned, and from when on; finance writes it
    :param gate: one row per payout gate
    """

    account: Table
    report_day: Table
    balance_day: Table
    threshold: Table
    gate: Table

    @property
    def rolled_up(self) -> tuple[Table, ...]:
        """What a rebuild computes from the snapshots."""
        return self.account, self.report_day, self.balance_day


@cache
def report_tables(schema: str | None = None) -> ReportTables:
    """Return the tables beside the snapshots.

    :raises WarehouseConfigurationError: ``schema`` is not a plain identifier
    """
    if schema is not None:
        check_identifier(schema, "schema")
    everything = MetaData(schema=schema)
    return ReportTables(
        Table(
            "iyzico_account",
            everything,
            *_account_key(),
            Column("report_timezone", String(64), nullable=False, info=_ZONE),
            Column("first_date", Date, nullable=False),
            Column("newest_at", Instant(), nullable=False),
            **TABLE_OPTIONS,
        ),
        Table(
            "iyzico_report_day",
            everything,
            Column("report_timezone", String(64), primary_key=True, info=_ZONE),
            Column("local_date", Date, primary_key=True),
            Column("starts_at", Instant(), nullable=False),
            Column("ends_at", Instant(), nullable=False),
            **TABLE_OPTIONS,
        ),
        Table(
            "iyzico_balance_day",
            everything,
            *_account_key(),
            Column("local_date", Date, primary_key=True),
            Column("first_at", Instant(), nullable=False),
            Column("closing", Money(), nullable=False),
            Column("closing_at", Instant(), nullable=False),
            Column("lowest", Money(), nullable=False),
            Column("lowest_at", Instant(), nullable=False),
            Column("highest", Money(), nullable=False),
            Column("highest_at", Instant(), nullable=False),
            Column("inflow", Money(38), nullable=False),
            Column("outflow", Money(38), nullable=False),
            Column("longest_gap_minutes", Money(), nullable=False),
            Column("observations", Integer, nullable=False),
            **TABLE_OPTIONS,
        ),
        Table(
            "iyzico_balance_threshold",
            everything,
            *_account_key(),
            Column("valid_from", Instant(), primary_key=True, info=ruled(Rule(spelling=SORTED_FROM, may_be_infinite=True))),
            Column("threshold", Money()),
            Column("cadence_minutes", Integer, info=ruled(Rule(noun="number of minutes above zero", check=_check_cadence))),
            **TABLE_OPTIONS,
        ),
        Table(
            "iyzico_payout_gate",
            everything,
            Column("gate_id", String(36), primary_key=True),
            Column("account", String(64), nullable=False),
            Column("environment", String(16), nullable=False),
            Column("currency", String(3), nullable=False),
            Column("dag_id", String(250), nullable=False),
            Column("task_id", String(250), nullable=False),
            Column("run_id", String(250), nullable=False),
            Column("map_index", Integer, nullable=False),
            Column("try_number", Integer, nullable=False),
            Column("batch_total", Money(), nullable=False),
            Column("headroom", Money(), nullable=False),
            Column("waiting_since", Instant(), nullable=False, info=_COMPARED),
            Column("waits_until", Instant(), info=_COMPARED),
            Column("first_balance", Money()),
            Column("last_balance", Money()),
            Column("last_observed_at", Instant()),
            Column("polls", Integer, nullable=False),
            Column("outcome", String(16), nullable=False),
            Column("reason", String(500)),
            Column("ended_at", Instant(), info=_COMPARED),
            Column("provider_version", String(32), nullable=False),
            Index("ix_iyzico_payout_gate_waiting", "environment", "account", "currency", "waiting_since"),
            **TABLE_OPTIONS,
        ),
    )


def reports_for(table: Table, dialect: str) -> ReportTables | None:
    """Return the report tables of a snapshot table. Only the table of the fixed name has some, on databases with views."""
    return report_tables(table.schema) if table.name == SNAPSHOT_TABLE and dialect in DIALECTS else None


def rolled_up_for(table: Table, dialect: str) -> tuple[Table, ...]:
    """Return the tables that the append keeps beside a snapshot table; none where nothing needs to be kept."""
    reports = reports_for(table, dialect)
    return reports.rolled_up if reports is not None and dialect in KEPT else ()


def _account_key() -> list[Column[Any]]:
    """The columns that every window of every report is partitioned by: sandbox never mixes with production."""
    return [
        Column("environment", String(16), primary_key=True),
        Column("account", String(64), primary_key=True),
        Column("currency", String(3), primary_key=True),
    ]


def _index_name(table: str) -> str:
    """Return an index name that no other table uses, within PostgreSQL's limit of 63 bytes."""
    if len(table) > 45:
        table = f"{table[:36]}_{sha256(table.encode()).hexdigest()[:8]}"
    return f"ix_{table}_observed"
