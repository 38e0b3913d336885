"""Airflow's questions to people: its human-in-the-loop operator, where there is one, and what its answers say."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider_iyzico.bridge.versions import AIRFLOW_VERSION
from airflow_provider_iyzico.errors import IyzicoConfigurationError, LedgerApprovalError

if TYPE_CHECKING or AIRFLOW_VERSION >= (3, 1):
    from airflow.providers.standard.operators.hitl import HITLOperator

    HumanOperator = HITLOperator
else:

    class HumanOperator(BaseOperator):
        """Says what to do where Airflow asks nobody."""

        def __init__(self, **kwargs: Any) -> None:
            raise IyzicoConfigurationError(
                "Airflow can ask people only from version 3.1 on. On this version, leave MassPayoutApprovalOperator out, and "
                "let people approve by hand: python -m airflow_provider_iyzico.ledger approve EXTERNAL_ID --digest ... "
                "--because ...; MassPayoutAuthorizeOperator(approvals=...) counts such approvals, too"
            )


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person chose.

    :param person: their name
    :param answered_at: by Airflow's clock
    """

    option: str
    person: str
    person_id: str
    answered_at: datetime


def wait_for_answer(response_timeout: timedelta | None) -> dict[str, Any]:
    """Return how Airflow's operator is told how long to wait: before Airflow 3.3 it may know only ``execution_timeout``."""
    if response_timeout is None:
        return {}
    knows_it = "response_timeout" in inspect.signature(HumanOperator.__init__).parameters
    return {"response_timeout" if knows_it else "execution_timeout": response_timeout}


def read_answer(event: Any) -> Answer:
    """Return what a person answered.

    :param event: with which Airflow resumes the task that asked
    :raises LedgerApprovalError: nobody answered: time did, or Airflow names no user; or it is no answer at all
    """
    given = event if isinstance(event, dict) else {}
    if given.get("error_type") == "timeout":
        raise LedgerApprovalError("nobody answered within response_timeout; clear this task to ask again")
    if "error" in given:
        raise LedgerApprovalError(f"Airflow could not take the answer ({given['error']}); clear this task to ask again")
    user, chosen = given.get("responded_by_user"), given.get("chosen_options")
    if given.get("timedout") or not isinstance(user, dict) or not (user.get("name") or user.get("id")):
        raise LedgerApprovalError("Airflow names no user for the answer; clear this task to ask again")
    if not isinstance(chosen, (list, tuple)) or len(chosen) != 1:
        raise LedgerApprovalError(f"Airflow gives {chosen!r} instead of one answer; clear this task to ask again")
    person_id = str(user.get("id") or "")
    return Answer(str(chosen[0]), str(user.get("name") or person_id), person_id, _moment(given.get("responded_at")))


def _moment(given: Any) -> datetime:
    try:
        at = given if isinstance(given, datetime) else datetime.fromisoformat(str(given))
    except ValueError:
        raise LedgerApprovalError(
            f"Airflow does not say when somebody answered ({given!r}); clear this task to ask again"
        ) from None
    moment = at if at.tzinfo is None else at.astimezone(UTC)
    # Airflow 3.1 gives a moment of pendulum, which loses such a zone as soon as something is added to it.
    return datetime.combine(moment.date(), moment.time(), UTC)
