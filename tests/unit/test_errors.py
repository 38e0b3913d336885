import inspect
import pickle

import pytest
from airflow.providers.common.compat.sdk import AirflowException

from airflow_provider_iyzico import errors
from airflow_provider_iyzico.errors import (
    GateEventError,
    IyzicoError,
    IyzicoNoSuchPayoutError,
    IyzicoOutcomeUnknownError,
    IyzicoRefusedError,
    IyzicoUnavailableError,
    Retry,
    error_named,
    restated,
)

KINDS = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, IyzicoError)]
SAFE = {"IyzicoUnavailableError", "IyzicoUnexpectedError", "WarehouseUnavailableError", "LedgerMovedError", "LedgerFundsError"}


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_says_whether_the_same_may_be_tried_again(kind):
    expected = Retry.SAFE if kind.__name__ in SAFE else Retry.NEVER
    assert kind("no").retry is (Retry.READ_BACK_FIRST if kind is IyzicoOutcomeUnknownError else expected)


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_that_a_trigger_names_is_the_same_for_the_task(kind):
    again = error_named(kind.__name__, "why")
    assert (type(again), str(again), again.retry) == (kind, "why", kind("why").retry)


@pytest.mark.parametrize("name", ["Exception", "Retry", "E", "error_named", "", "IyzicoNewError"])
def test_a_name_that_is_no_error_of_ours_is_an_error_of_the_event(name):
    assert type(error_named(name, "why")) is GateEventError


@pytest.mark.parametrize("kind", KINDS)
def test_no_error_of_ours_can_be_skipped_by_soft_fail(kind):
    assert not issubclass(kind, AirflowException)


def test_a_restated_error_keeps_what_it_says_and_loses_where_it_was():
    with pytest.raises(IyzicoUnavailableError) as caught:
        raise IyzicoUnavailableError("busy", retry_after=3.0) from ValueError("key")
    again = restated(caught.value)
    assert (str(again), again.retry, again.retry_after) == ("busy", Retry.SAFE, 3.0)
    assert (again.__cause__, again.__context__, again.__traceback__) == (None, None, None)
    assert str(restated(again, "other")) == "other"


def test_an_error_keeps_what_iyzico_answered_however_it_is_passed_on():
    first = IyzicoRefusedError("no", code="11", http_status=400)
    named = error_named("IyzicoRefusedError", "no", code="11", http_status=400)
    for error in (first, restated(first), restated(first, "other"), pickle.loads(pickle.dumps(first)), named):
        assert (type(error), error.code, error.http_status) == (IyzicoRefusedError, "11", 400)
    assert (IyzicoRefusedError("no").code, IyzicoRefusedError("no").http_status) == (None, None)


def test_what_iyzico_does_not_know_it_has_refused():
    assert issubclass(IyzicoNoSuchPayoutError, IyzicoRefusedError)


def test_an_error_that_crosses_processes_is_still_the_same():
    again = pickle.loads(pickle.dumps(IyzicoUnavailableError("busy", retry=Retry.NEVER, retry_after=3.0)))
    assert (str(again), again.retry, again.retry_after) == ("busy", Retry.NEVER, 3.0)
