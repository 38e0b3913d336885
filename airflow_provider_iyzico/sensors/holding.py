"""The polls of a gate that sets money aside. Imported only where a gate does."""

from __future__ import annotations

import math
import time
from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from airflow_provider_iyzico.api.external_id import read_external_id
from airflow_provider_iyzico.api.money import money_from_author, money_text
from airflow_provider_iyzico.bridge.warehouse import task_instance, warehouse_engine
from airflow_provider_iyzico.domain.gate import Need, Outcome, Verdict, judge, judge_error, read_currency
from airflow_provider_iyzico.domain.quiet import essence
from airflow_provider_iyzico.errors import IyzicoConfigurationError, IyzicoError
from airflow_provider_iyzico.hooks.payouts import paying
from airflow_provider_iyzico.ledger.accounts import Account, require_one_currency
from airflow_provider_iyzico.ledger.ledger import Ledger
from airflow_provider_iyzico.ledger.placing import Asked, Placement, Placing, Wanted, place, standing
from airflow_provider_iyzico.ledger.who import Who
from airflow_provider_iyzico.payments.checking import check_name
from airflow_provider_iyzico.payouts.means import Means
from airflow_provider_iyzico.payouts.reads import read_unread_holders, read_what_may_be_set_off

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_iyzico.api.balance import Balance
    from airflow_provider_iyzico.sensors.record import GateRecord
    from airflow_provider_iyzico.sensors.worker_polls import WorkerPolls

#: So many intervals a batch may go unread before a gate that waits for its money reads it.
UNREAD_INTERVALS = 2
#: While holds end as fast as iyzico answers, one poll asks so often; then the next one does.
MOST_ASKED = 3


@dataclass(frozen=True, slots=True)
class Aside:
    """What a gate sets aside, for whom, and in which ledger.

    :param unread_seconds: a batch that keeps this gate waiting, and that nobody has read for so long, is read by the gate
    :param settling_seconds: for how long what that batch has paid still counts in its hold
    """

    wanted: Wanted
    currency: str
    who: Who
    conn_id: str
    schema: str | None
    unread_seconds: float
    settling_seconds: float

    @classmethod
    def of(
        cls,
        context: Context,
        wanted: Wanted,
        currency: object,
        conn_id: str,
        schema: str | None,
        poke_interval: float,
        settling_seconds: float,
    ) -> Aside:
        """Return what the task of a context sets aside.

        :raises IyzicoConfigurationError: the currency is none
        """
        who = Who(task=task_instance(context))
        unread_seconds = UNREAD_INTERVALS * poke_interval
        return cls(wanted, read_currency(currency), who, conn_id, schema, unread_seconds, float(settling_seconds))

    @property
    def need(self) -> Need | None:
        """What is required, if the ledger is not the only one that knows it."""
        wanted = self.wanted
        return None if wanted.batch_total is None else Need(wanted.batch_total, wanted.headroom, self.currency)


def read_wanted(
    external_id: object, headroom: object, batch_total: object, hold_for_seconds: float | None, *, is_plain: bool
) -> Wanted:
    """Read what a DAG author gave, after templates were rendered.

    :param is_plain: whether ``batch_total`` is the author's; otherwise the ledger's batch says what it needs
    :raises IyzicoConfigurationError: the name cannot be one, or names a recipient
    :raises IyzicoMoneyError: an amount is no money
    """
    name = read_external_id(external_id)
    if is_plain:
        check_name(name)
    return Wanted(
        name,
        money_from_author(headroom, "headroom"),
        money_from_author(batch_total, "batch_total") if is_plain else None,
        hold_for_seconds,
    )


def poll_and_place(
    aside: Aside, polls: WorkerPolls, seconds_left: float | None, *, was_there: bool, record: GateRecord | None
) -> Verdict:
    """Ask for the balance, set the money aside if it is there, and keep the poll in the gate's record.

    :param seconds_left: what is left of the wait, if that is known
    :param was_there: whether an earlier process of this wait has read the Connections: then a missing one may come back
    :raises IyzicoError: the wait cannot succeed; nothing was set aside
    """
    ends_at = None if seconds_left is None else time.monotonic() + seconds_left
    try:
        polls.hook.refresh(was_there=was_there)
        settings = polls.hook.settings
        if settings.currency not in (None, aside.currency):
            raise IyzicoConfigurationError(
                f"the gate is in {aside.currency}, but the balance of Connection {settings.conn_id!r} is in {settings.currency}: "
                f"payouts would not see its hold; give the gate currency={settings.currency!r}"
            )
        account = Account(settings.environment, settings.lasting_account(), aside.currency)
        if aside.wanted.batch_total is None:
            paying(settings)
        with warehouse_engine(aside.conn_id, was_there=was_there, named_in="ledger_conn_id") as engine:
            ledger = Ledger.open(engine, schema=aside.schema, within_seconds=math.inf if seconds_left is None else seconds_left)
            if settings.currency is None:
                require_one_currency(ledger, account)
            means = Means(
                iyzico=polls.hook,
                ledger=ledger,
                account=account,
                who=aside.who,
                timeout_seconds=settings.timeout_seconds,
                settling_seconds=aside.settling_seconds,
                ends_at=ends_at,
            )
            read_what_may_be_set_off(means)
            verdict = _placed(ledger, account, aside, polls, ends_at, record)
            is_kept_waiting = verdict.outcome is Outcome.WAITING and verdict.need is not None and verdict.need.held
            if is_kept_waiting and read_unread_holders(means, seconds=aside.unread_seconds):
                verdict = _placed(ledger, account, aside, polls, ends_at, record)
    except IyzicoError as error:
        verdict = judge_error(error, aside.need, polls.hook.account_name)
    return polls.tell(verdict, _essence(verdict), record)


def _placed(
    ledger: Ledger, account: Account, aside: Aside, polls: WorkerPolls, ends_at: float | None, record: GateRecord | None
) -> Verdict:
    """Ask and place; if a hold ended in between, the balance may be older than that, so ask again."""
    for _ in range(MOST_ASKED):
        before = standing(ledger, account, aside.wanted)
        need = Need(before.amount, aside.wanted.headroom, account.currency)
        seen = polls.ask(ends_at and ends_at - time.monotonic(), record)
        if not isinstance(seen, IyzicoError):
            seen = seen.cache_error or seen
        verdict = judge(seen, need, polls.hook.account_name)
        if verdict.balance is None:
            break
        asked = Asked(verdict.balance.amount, verdict.balance.observed_at, before.version)
        placement = place(ledger, account, aside.wanted, asked, aside.who)
        verdict = _judged(verdict.balance, placement, aside, polls.hook.account_name)
        if placement.outcome is not Placing.MOVED:
            break
    return verdict


def _judged(balance: Balance, placement: Placement, aside: Aside, account: str) -> Verdict:
    """Return what came of placing the hold as a verdict. The ledger has the last word.

    :param account: whose balance it is, for people
    """
    funds, name = placement.funds, aside.wanted.external_id
    need = Need(placement.amount, aside.wanted.headroom, aside.currency, funds.held, funds.held_by())
    verdict = judge(balance, need, account)
    if placement.outcome is Placing.PLACED:
        return replace(verdict, external_id=name, because=f"{money_text(placement.amount)} set aside for {name}")
    if placement.outcome is Placing.PAST:
        because = f"an authorization of {name} was or may have been sent, so this gate sets nothing more aside"
        return replace(verdict, outcome=Outcome.OPENED, external_id=name, because=because)
    if placement.outcome is Placing.MOVED:
        return replace(verdict, outcome=Outcome.WAITING, waits_for="the next poll, because holds ended during this one")
    return replace(verdict, outcome=Outcome.WAITING)


def _essence(verdict: Verdict) -> Hashable:
    """Return what makes one poll say something else than another."""
    seen = verdict.balance or verdict.error
    return verdict.outcome, verdict.need, seen and essence(seen)
