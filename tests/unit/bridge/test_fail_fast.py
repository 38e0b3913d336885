import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_iyzico.bridge.fail_fast import fail_fast
from airflow_provider_iyzico.errors import IyzicoOutcomeUnknownError, IyzicoRefusedError, IyzicoUnavailableError


def test_what_is_safe_to_repeat_is_left_to_airflows_retries():
    with pytest.raises(IyzicoUnavailableError), fail_fast():
        raise IyzicoUnavailableError("busy")


def test_what_cannot_heal_fails_the_task_without_retries():
    with pytest.raises(AirflowFailException, match="IyzicoRefusedError: no"), fail_fast():
        raise IyzicoRefusedError("no")


def test_what_may_have_happened_fails_the_task_without_retries_and_says_that_it_is_to_be_read_back():
    with (
        pytest.raises(AirflowFailException, match="IyzicoOutcomeUnknownError: lost; .*ask iyzico before"),
        fail_fast(),
    ):
        raise IyzicoOutcomeUnknownError("lost")
