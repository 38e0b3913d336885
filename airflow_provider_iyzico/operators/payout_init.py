"""``MassPayoutInitOperator``: hands a batch of payments over to iyzico, and pays nobody yet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow_provider_iyzico.errors import (
    IyzicoConfigurationError,
    IyzicoError,
    IyzicoMoneyError,
    LedgerBatchError,
    PaymentsError,
)
from airflow_provider_iyzico.operators.payout_task import PayoutTask, told_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from airflow.providers.common.compat.sdk import Context, XComArg

    from airflow_provider_iyzico.api.payout import Batch
    from airflow_provider_iyzico.ledger.batches import LedgerBatch
    from airflow_provider_iyzico.payouts.means import Means

ON_INVALID = ("fail", "drop")
_NAMED = 10


class MassPayoutInitOperator(PayoutTask):
    """Hands a batch of payments over to iyzico, which checks it and pays nobody yet: what will this batch cost?

    The task first reads and checks all payments. One error names the bad ones, up to fifty of them. The ledger keeps the batch
    before iyzico gets it. The ledger never keeps an IBAN, a phone number, an identity number or a name. After a retry, a clear or
    a crash, the task goes on from what the ledger holds: one ``external_id`` is one batch for good.

    Give the payments in exactly one way. Use a list only in tests, because XCom and rendered templates would show its personal
    data. Each payment has, by column or key, ``item_external_id``, ``recipient_type`` (PHONE, IBAN, IDENTITY_NUMBER,
    MEMBER_ID), ``recipient_info``, ``recipient_name`` (for an IBAN), ``amount``, ``description``, and optionally ``currency``
    and ``non_withdrawable``.

    Returns ``external_id``, ``request_id``, ``state``, ``currency``, ``items``, ``total`` (of the valid items, without
    commission), ``invalid_items``, ``commission`` and ``required``: counts as numbers, everything else as text.

    :param external_id: your own name for the batch: 1 to 64 letters, digits, ``.``, ``_``, ``:`` or ``-``. Put the day
        or the month into it, with the year (templated)
    :param payments: a list of dicts (templated)
    :param payments_sql: a query (templated), for ``payments_conn_id``
    :param payments_conn_id: any SQL Connection
    :param payments_path: the path of a CSV file, for Airflow's object storage: UTF-8, commas or semicolons, the names above as
        its header (templated)
    :param iyzico_conn_id: id of an iyzico Connection that may pay
    :param ledger_conn_id: the SQL Connection of the ledger
    :param ledger_schema: the schema of the ledger's tables, if not the Connection's own
    :param purpose: SALARY, BONUS, SETTLEMENT, GOODS, SERVICES, CASHBACK, REBATES or DONATIONS (templated)
    :param on_invalid: if iyzico would not pay some items, ``fail`` cancels the batch and names them, ``drop`` goes on without
        them
    :param commission_bound: each item counts with at least this commission. Required if iyzico states no commission; ``"0"``
        says that there is none
    :param max_items: refuse a batch with more items
    :param max_total: refuse a batch with a larger total
    :param grace_seconds: how long to wait between two reads that settle an unknown outcome, and after the deadline of a request
    :param create_table: make the ledger's tables if they are missing; otherwise fail with the DDL for the DBA
    :raises AirflowFailException: a retry would not help; the message names the error of
        :mod:`airflow_provider_iyzico.errors` and what to do
    :raises IyzicoUnavailableError: iyzico cannot be reached; a retry goes on from what the ledger holds
    """

    template_fields: Sequence[str] = ("external_id", "payments", "payments_sql", "payments_path", "purpose")
    template_fields_renderers = {"payments_sql": "sql"}  # noqa: RUF012 - Airflow's own form

    def __init__(
        self,
        *,
        payments: Sequence[Mapping[str, Any]] | XComArg | None = None,
        payments_sql: str | XComArg | None = None,
        payments_conn_id: str | None = None,
        payments_path: str | XComArg | None = None,
        purpose: str | XComArg | None = None,
        on_invalid: str = "fail",
        commission_bound: str | int | Decimal | None = None,
        max_items: int | None = None,
        max_total: str | int | Decimal | None = None,
        create_table: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.payments = payments
        self.payments_sql = payments_sql
        self.payments_conn_id = payments_conn_id
        self.payments_path = payments_path
        self.purpose = purpose
        self.on_invalid = on_invalid
        self.commission_bound = commission_bound
        self.max_items = max_items
        self.max_total = max_total
        self.create_table = create_table
        self._names_purpose = purpose is not None  # a template that renders to nothing was given all the same
        self._check_when_parsed()

    def execute(self, context: Context) -> dict[str, str | int]:
        """Check the payments, hand them over, and tell what they come to."""
        from airflow_provider_iyzico.domain.payout import PAST_THE_GATE
        from airflow_provider_iyzico.ledger.items import batch_totals
        from airflow_provider_iyzico.ledger.steps import take_up
        from airflow_provider_iyzico.payouts.initiate import initiate

        with self._means(context, create_table=self.create_table) as means:
            batch = self._batch(means)
            kept = initiate(means, batch, commission_bound=self._bound())
            totals = batch_totals(means.ledger, kept)
            told = told_of(kept, totals, has_ended=False)
            if kept.state in PAST_THE_GATE:
                self._refuse_paid_without(means, kept)
                self.log.info("%s was handed over before, and is %s", kept, kept.state)
            else:
                if totals.invalid_items and (self.on_invalid == "fail" or totals.invalid_items == totals.items):
                    self._give_up(means, kept)
                take_up(means.ledger, kept, means.who)
                if totals.invalid_items:
                    self.log.warning("%s goes on without %d items: %s", kept, totals.invalid_items, _invalid(means, kept))
                if totals.required is None:
                    raise LedgerBatchError(
                        f"{kept} is handed over, but iyzico does not say what an item costs; give commission_bound ('0' says "
                        "that there is no commission), and clear this task"
                    )
            self.log.info("%s: %s", kept, told)
        self._tell_outlets(context, told)
        return told

    def _check_literals(self) -> None:
        """Refuse what cannot be right.

        :raises IyzicoConfigurationError: there is not exactly one source of payments, or a parameter cannot be right
        :raises IyzicoMoneyError: an amount is none
        """
        from airflow_provider_iyzico.api.payout.batch import PURPOSES
        from airflow_provider_iyzico.bridge.versions import is_mapped_with
        from airflow_provider_iyzico.operators.payment_rows import check_listed, check_source
        from airflow_provider_iyzico.sensors.literals import check_amount, check_choice, check_conn_id, is_rendered_later

        super()._check_literals()
        check_source(self.payments, self.payments_sql, self.payments_conn_id, self.payments_path)
        check_listed(self.payments)
        check_conn_id(self.payments_conn_id, "payments_conn_id", self.task_id)
        check_choice(self.task_id, "on_invalid", self.on_invalid, ON_INVALID)
        names_purpose = self._names_purpose or self.purpose is not None or is_mapped_with(self, "purpose")
        if names_purpose and not is_rendered_later(self.purpose):
            check_choice(self.task_id, "purpose", self.purpose, PURPOSES)
        for name in ("max_items", "max_total"):
            if getattr(self, name) is None and is_mapped_with(self, name):
                raise IyzicoConfigurationError(f"task {self.task_id!r}: {name} is None; did the upstream task return nothing?")
        for name in ("commission_bound", "max_total"):
            if (amount := getattr(self, name)) is not None:
                if is_rendered_later(amount):
                    raise IyzicoMoneyError(f"task {self.task_id!r}: {name} is {amount!r}; give an amount, and no template")
                check_amount(amount, name, self.task_id)
        most = self.max_items
        if most is not None and (isinstance(most, bool) or not isinstance(most, int) or most < 1):
            raise IyzicoConfigurationError(f"task {self.task_id!r}: max_items is {most!r}; give a whole number from 1")

    def _batch(self, means: Means) -> Batch:
        from airflow_provider_iyzico.api.external_id import read_external_id
        from airflow_provider_iyzico.api.money import money_from_author
        from airflow_provider_iyzico.operators.payment_rows import payment_rows
        from airflow_provider_iyzico.payments.checking import Limits, checked

        name, purpose = read_external_id(self.external_id), None if self.purpose is None else str(self.purpose)
        limits = Limits(self.max_items, None if self.max_total is None else money_from_author(self.max_total, "max_total"))
        with payment_rows(self.payments, self.payments_sql, self.payments_conn_id, self.payments_path) as rows:
            return checked(rows, external_id=name, currency=means.account.currency, purpose=purpose, limits=limits)

    def _bound(self) -> Decimal | None:
        from airflow_provider_iyzico.api.money import money_from_author

        return None if self.commission_bound is None else money_from_author(self.commission_bound, "commission_bound")

    def _refuse_paid_without(self, means: Means, kept: LedgerBatch) -> None:
        """Fail if somebody authorized a batch before this task could cancel it: the pay task names only later ones."""
        from airflow_provider_iyzico.ledger.questions import invalid_since_init

        if self.on_invalid == "fail" and (said := _invalid(means, kept, known=invalid_since_init(means.ledger, kept))):
            raise PaymentsError(
                f"iyzico would not pay some items of {kept}: {said}. Somebody authorized the batch before this task could cancel "
                "it, so iyzico pays the other items. Pay these under another external_id. To follow the batch, set on_invalid to "
                "'drop', and clear this task"
            )

    def _give_up(self, means: Means, kept: LedgerBatch) -> None:
        """Cancel a batch with invalid items, and fail naming them."""
        from airflow_provider_iyzico.domain.payout import State
        from airflow_provider_iyzico.payouts.cancel import give_up

        reason = f"iyzico would not pay {kept.invalid_items} of {kept.items} items"
        said = f"{reason} of {kept}: {_invalid(means, kept)}"
        try:
            give_up(means, kept.external_id, reason)
        except IyzicoError as error:
            if (state := means.batch(kept.external_id).state) is not State.INITIATED:
                raise PaymentsError(
                    f"{said}. The batch could not be cancelled, and is {state} ({error}): iyzico may pay its other items. Pay "
                    "none of them under another external_id before that is settled; clear this task to read the batch again"
                ) from error
            raise PaymentsError(
                f"{said}. The batch could not be cancelled ({error}); it holds nothing, and nobody is paid. Cancel it, correct "
                "the payments, and use another external_id"
            ) from error
        raise PaymentsError(f"{said}. The batch is cancelled; correct the payments, and use another external_id")


def _invalid(means: Means, kept: LedgerBatch, *, known: frozenset[str] = frozenset()) -> str:
    """Name the items that iyzico would not pay, without those that the following task names."""
    from airflow_provider_iyzico.api.payout.statuses import INVALID
    from airflow_provider_iyzico.ledger.items import item_rows

    rows = item_rows(means.ledger, kept)
    invalid = [row for row in rows if row["status"] == INVALID and row["item_external_id"] not in known]
    named = ", ".join(f"{row['item_external_id']!r} ({row['error'] or 'no reason given'})" for row in invalid[:_NAMED])
    return named + (f" and {len(invalid) - _NAMED} more" if len(invalid) > _NAMED else "")
