"""MassPayoutCancelOperator: a batch that nobody has authorized is cancelled."""

from types import SimpleNamespace

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, Asset
from payers import BATCH
from payout_tasks import Events, authorize, calls, cancel, context, init, state

from airflow_provider_iyzico.errors import IyzicoConfigurationError, IyzicoUnavailableError
from airflow_provider_iyzico.operators.mass_payout import MassPayoutCancelOperator


def test_it_returns_what_the_batch_was_and_may_run_twice(bank, sqlite_warehouse):
    told = init()
    assert cancel() == cancel() == {**told, "state": "cancelled"}
    assert (calls(bank, "cancel"), state(sqlite_warehouse)) == (1, "cancelled")


def test_a_batch_that_pays_fails_it_without_retries(bank):
    init()
    authorize()
    with pytest.raises(AirflowFailException, match="nothing can take that back"):
        cancel()
    assert calls(bank, "cancel") == 0


def test_a_cancel_that_was_not_carried_out_is_left_to_airflows_retries(bank):
    init()
    bank.fail("reset", on="cancel", times=1)
    with pytest.raises(IyzicoUnavailableError, match="a retry is safe"):
        cancel()
    assert cancel()["state"] == "cancelled"


def test_the_asset_of_an_outlet_carries_the_result(bank):
    init()
    extra = {}
    told = cancel(context("stop", outlet_events=Events(stopped=SimpleNamespace(extra=extra))), outlets=[Asset("stopped")])
    assert extra == told


def test_wrong_parameters_are_refused_when_the_dag_file_is_parsed():
    with pytest.raises(IyzicoConfigurationError, match="external_id"):
        MassPayoutCancelOperator(task_id="stop", external_id="")
    with pytest.raises(IyzicoConfigurationError, match="grace_seconds"):
        MassPayoutCancelOperator(task_id="stop", external_id=BATCH, grace_seconds="60")
