"""The polls that a gate makes in its own worker."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from airflow_provider_iyzico.domain.gate import Need, Outcome, Verdict, judge
from airflow_provider_iyzico.domain.quiet import Quiet, essence
from airflow_provider_iyzico.errors import IyzicoError
from airflow_provider_iyzico.hooks.iyzico import IyzicoHook

if TYPE_CHECKING:
    from airflow_provider_iyzico.api.balance import Balance
    from airflow_provider_iyzico.sensors.record import GateRecord

#: A poll gets at least this long, even if less is left of the wait.
SHORTEST_POLL_SECONDS = 1.0


class WorkerPolls:
    """The polls of one gate in one process. They share a session, and log a line when something is new."""

    def __init__(self, iyzico_conn_id: str, log: Any) -> None:
        self.hook = IyzicoHook(iyzico_conn_id)
        self.log = log
        self._quiet = Quiet()

    def poll(self, need: Need, seconds_left: float | None, *, was_there: bool, record: GateRecord | None) -> Verdict:
        """Ask for the balance, judge it, and keep it in the gate's record.

        :param seconds_left: what is left of the wait, if that is known
        :param was_there: whether an earlier process of this wait has read the Connection: then a missing one may come back
        :raises IyzicoError: the wait cannot succeed
        """
        seen = self._ask(seconds_left, was_there, record)
        verdict = judge(seen, need, self.hook.account_name)
        if self._quiet.is_due(verdict, essence(seen), time.monotonic()):
            self.log.info("%s", verdict)
        if verdict.balance and verdict.balance.clock_warning:
            self.log.warning("%s", verdict.balance.clock_warning)
        if record is not None:
            record.keep_poll(verdict)
        if verdict.outcome is Outcome.FAILED and verdict.error is not None:
            raise verdict.error
        return verdict

    def whose(self) -> tuple[str, str]:
        """Return environment and account of the Connection.

        :raises IyzicoError: the Connection does not say it
        """
        settings = self.hook.settings
        return settings.environment, settings.account

    def _ask(self, seconds_left: float | None, was_there: bool, record: GateRecord | None) -> Balance | IyzicoError:
        """Read the Connection and ask once. Return the balance, or the error that came instead."""
        try:
            self.hook.refresh(was_there=was_there)
        except IyzicoError as error:
            return error
        if record is not None:
            record.count_poll()
        return self.hook.poll(within_seconds=seconds_left and max(seconds_left, SHORTEST_POLL_SECONDS))
