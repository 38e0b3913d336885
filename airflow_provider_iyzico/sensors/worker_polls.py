"""The polls that a gate makes in its own worker."""

from __future__ import annotations

import time
from collections.abc import Hashable
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
        try:
            self.hook.refresh(was_there=was_there)
            seen = self.ask(seconds_left, record)
        except IyzicoError as error:
            seen = error
        return self.tell(judge(seen, need, self.hook.account_name), essence(seen), record)

    def ask(self, seconds_left: float | None, record: GateRecord | None) -> Balance | IyzicoError:
        """Ask once, with the Connection as it was last read. Return the balance, or the error that came instead."""
        if record is not None:
            record.count_poll()
        return self.hook.poll(within_seconds=seconds_left and max(seconds_left, SHORTEST_POLL_SECONDS))

    def tell(self, verdict: Verdict, seen: Hashable, record: GateRecord | None) -> Verdict:
        """Log a line if it says something new, and keep the poll in the gate's record.

        :param seen: the essence of what was seen
        :raises IyzicoError: the wait cannot succeed
        """
        if self._quiet.is_due(verdict, seen, time.monotonic()):
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
