"""The tables of the ledger. Columns are added, never renamed. No column holds an IBAN, a phone, an identity number or a name."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Boolean, Column, Index, Integer, MetaData, String, Table, UniqueConstraint

from airflow_provider_iyzico.domain.approval import DIGEST_LENGTH
from airflow_provider_iyzico.domain.payout import State
from airflow_provider_iyzico.warehouse.database.names import check_identifier
from airflow_provider_iyzico.warehouse.database.types import TABLE_OPTIONS, Instant, Money, Rule, ruled

EXTERNAL_ID_LENGTH = 64
ITEM_ID_LENGTH = 128
STATUS_LENGTH = 64
REASON_LENGTH = 500
PERSON_LENGTH = 250
#: How long the columns are that say whose a row is.
_WHOSE = {"environment": 16, "account": 64, "currency": 3, "external_id": EXTERNAL_ID_LENGTH}


class LedgerTables(NamedTuple):
    """All tables of the ledger.

    :param account: one row per account and currency; a change of its holds locks that row first
    :param payout: one row per batch, with its state and a version that every change raises
    :param item: one row per item of a batch, without personal data
    :param event: what happened to a batch, when, and by whom; rows are only added
    :param hold: money set aside; a row is added when it is, and ``counted`` goes down as items are accounted for, to zero when
        it ends; it goes up if iyzico's commission does
    :param hold_end: when, why and by whom a hold ended; rows are only added
    """

    account: Table
    payout: Table
    item: Table
    event: Table
    hold: Table
    hold_end: Table


@cache
def ledger_tables(schema: str | None = None) -> LedgerTables:
    """Return the tables.

    :raises WarehouseConfigurationError: ``schema`` is not a plain identifier
    """
    if schema is not None:
        check_identifier(schema, "ledger_schema")
    everything = MetaData(schema=schema)
    return LedgerTables(
        _account(everything), _payout(everything), _item(everything), _event(everything), _hold(everything), _hold_end(everything)
    )


def _account(everything: MetaData) -> Table:
    return Table(
        "iyzico_payout_account",
        everything,
        *_of("environment", "account", "currency", is_key=True),
        Column("funds_version", Integer, nullable=False),  # goes up when a hold of the account ends or shrinks
        Column("balance", Money()),  # as it was last seen when money was to be set aside
        Column("balance_asked_at", Instant()),  # by the clock of the machine that asked
        Column("merchant_id", String(64)),
        Column("digest_key", String(64), nullable=False),  # with which contents of batches are told apart
        Column("created_at", Instant(), nullable=False),
        UniqueConstraint("environment", "merchant_id", "currency", name="uq_iyzico_payout_account_merchant"),
        **TABLE_OPTIONS,
    )


def _payout(everything: MetaData) -> Table:
    return Table(
        "iyzico_payout",
        everything,
        *_of("environment", "account", "external_id", is_key=True),
        Column("currency", String(3), nullable=False),
        Column("state", String(16), nullable=False, info=ruled(Rule(noun="state of a batch", check=State))),
        Column("version", Integer, nullable=False),  # goes up with every change
        Column("purpose", String(32)),
        Column("content_digest", String(64), nullable=False),  # of all that is sent
        Column("payments_digest", String(64), nullable=False),  # of items, recipients and amounts alone
        Column("request_id", String(128)),
        Column("items", Integer, nullable=False),
        Column("total", Money(), nullable=False),  # of the valid items, without commission
        Column("invalid_items", Integer, nullable=False),
        Column("commission", Money()),  # of the valid items
        Column("commission_bound", Money()),  # what one item costs at least, as the author says
        Column("required", Money()),  # total + commission: what a hold sets aside
        Column("deadline_at", Instant()),  # of the request under way
        Column("auth_unanswered_at", Instant()),  # when an answer to an authorization was missed, ever
        Column("iyzico_status", String(STATUS_LENGTH)),  # of the batch, as iyzico spells it
        Column("read_at", Instant()),  # when iyzico was last asked about it
        *_task(is_required=True),  # which began it
        Column("created_at", Instant(), nullable=False),
        Column("changed_at", Instant(), nullable=False),
        Column("ended_at", Instant()),
        Column("provider_version", String(32), nullable=False),
        UniqueConstraint("environment", "request_id", name="uq_iyzico_payout_request"),
        Index("ix_iyzico_payout_state", "environment", "account", "state"),
        **TABLE_OPTIONS,
    )


def _item(everything: MetaData) -> Table:
    return Table(
        "iyzico_payout_item",
        everything,
        *_of("environment", "account", "external_id", is_key=True),
        Column("item_external_id", String(ITEM_ID_LENGTH), primary_key=True),
        Column("recipient_type", String(16), nullable=False),
        Column("recipient_end", String(4), nullable=False),  # its last four characters, for a person to recognise
        Column("payment_digest", String(64), nullable=False),  # of its id, recipient and amount
        Column("amount", Money(), nullable=False),
        Column("commission", Money()),  # as iyzico states it
        Column("status", String(STATUS_LENGTH), nullable=False),  # as ItemState says
        Column("reference_code", String(128)),
        Column("error", String(REASON_LENGTH)),
        Column("status_at", Instant(), nullable=False),  # since when it has that status
        Column("changed_at", Instant(), nullable=False),
        **TABLE_OPTIONS,
    )


def _event(everything: MetaData) -> Table:
    return Table(
        "iyzico_payout_event",
        everything,
        Column("event_id", String(36), primary_key=True),
        *_of("environment", "account", "external_id"),
        Column("version", Integer, nullable=False),  # of the batch after this
        Column("kind", String(32), nullable=False),
        Column("item_external_id", String(ITEM_ID_LENGTH)),
        Column("before", String(STATUS_LENGTH)),  # state of the batch, or status of the item
        Column("after", String(STATUS_LENGTH)),
        Column("reason", String(REASON_LENGTH)),
        Column("approval_digest", String(DIGEST_LENGTH)),  # of the batch as a person saw it, or as it was authorized
        Column("counts_until", Instant()),  # of an approval
        *_who(),
        Column("person_id", String(PERSON_LENGTH)),  # by which Airflow knows the person
        Column("triggered_by", String(PERSON_LENGTH)),  # who triggered the task's run
        Column("happened_at", Instant(), nullable=False),
        Column("provider_version", String(32), nullable=False),
        Index("ix_iyzico_payout_event_batch", "environment", "account", "external_id", "kind", "version"),
        **TABLE_OPTIONS,
    )


def _hold(everything: MetaData) -> Table:
    return Table(
        "iyzico_balance_hold",
        everything,
        Column("hold_id", String(36), primary_key=True),
        *_of("environment", "account", "currency", "external_id"),
        Column("number", Integer, nullable=False),
        Column("is_plain", Boolean, nullable=False),  # for a payout that other code makes
        Column("amount", Money(), nullable=False),
        Column("counted", Money(), nullable=False),
        Column("placed_at", Instant(), nullable=False),
        Column("expires_at", Instant()),
        Column("balance", Money()),  # on which it was placed; none where the batch was found to be paying
        *_who(),
        Column("provider_version", String(32), nullable=False),
        UniqueConstraint("environment", "account", "external_id", "number", name="uq_iyzico_balance_hold_number"),
        Index("ix_iyzico_balance_hold_account", "environment", "account", "currency", "counted"),
        **TABLE_OPTIONS,
    )


def _hold_end(everything: MetaData) -> Table:
    return Table(
        "iyzico_balance_hold_end",
        everything,
        Column("hold_id", String(36), primary_key=True),
        Column("kind", String(32), nullable=False),
        Column("reason", String(REASON_LENGTH)),
        *_who(),
        Column("ended_at", Instant(), nullable=False),
        Column("provider_version", String(32), nullable=False),
        **TABLE_OPTIONS,
    )


def _of(*names: str, is_key: bool = False) -> list[Column[Any]]:
    """Whose a row is."""
    return [Column(name, String(_WHOSE[name]), primary_key=is_key, nullable=False) for name in names]


def _task(*, is_required: bool) -> list[Column[Any]]:
    return [
        Column("dag_id", String(250), nullable=not is_required),
        Column("task_id", String(250), nullable=not is_required),
        Column("run_id", String(250), nullable=not is_required),
        Column("map_index", Integer, nullable=not is_required),
        Column("try_number", Integer, nullable=not is_required),
    ]


def _who() -> list[Column[Any]]:
    """A task, or a person."""
    return [*_task(is_required=False), Column("person", String(PERSON_LENGTH))]
