"""Airflow's sensor, made to fail closed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowSensorTimeout, AirflowSkipException, BaseSensorOperator

from airflow_provider_iyzico.errors import IyzicoConfigurationError

if TYPE_CHECKING:
    from airflow_provider_iyzico.domain.gate import Verdict

_SHORTEST_PAUSE_SECONDS = 0.1
_MOST_DOUBLINGS = 40


class FailClosedSensor(BaseSensorOperator):
    """A sensor that only its own timeout may skip, with the same message in every mode.

    :raises IyzicoConfigurationError: a flag would let a payout past a sensor that saw nothing
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        #: What the last poll saw.
        self._verdict: Verdict | None = None
        if self.never_fail or self.silent_fail:
            raise IyzicoConfigurationError(
                f"task {self.task_id!r}: with never_fail or silent_fail, the payout would run although its gate saw no balance; "
                "use soft_fail to skip on a timeout"
            )

    @contextmanager
    def _only_a_timeout_skips(self) -> Iterator[None]:
        """Turn a timeout into a skip if ``soft_fail`` asks for it. Everything else fails the task."""
        soft_fail, self.soft_fail = self.soft_fail, False  # Airflow's own skips on errors, too
        try:
            yield
        except AirflowSensorTimeout as error:
            seen = self._verdict.facts if self._verdict else str(error)
            message = f"the money did not come within {self.timeout:.10g} s: {seen}"
            self.log.error("%s", message)  # noqa: TRY400 - the traceback follows anyway
            raise (AirflowSkipException if soft_fail else AirflowSensorTimeout)(message) from error
        finally:
            self.soft_fail = soft_fail

    def _get_next_poke_interval(self, started_at: Any, run_duration: Callable[[], float], *count: int) -> float:
        """Pause at least as long as iyzico asked, but not past the end of the wait."""
        bounded = [min(each, _MOST_DOUBLINGS) for each in count]  # more of them overflow Airflow's arithmetic
        interval = float(super()._get_next_poke_interval(started_at, run_duration, *bounded))
        seconds_left = max(float(self.timeout) - run_duration(), _SHORTEST_PAUSE_SECONDS)
        return min(max(interval, self._verdict.retry_after if self._verdict else 0.0), seconds_left)
